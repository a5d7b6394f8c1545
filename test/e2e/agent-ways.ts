// Every way from an agent to a collector, as one table, and how a span looks that has gone it.
//
//   client ─UDP─▶ spoor agent ─ gRPC 14250 │ TChannel 14267 │ OTLP 4317, 4318 ─▶ spoor ─▶ query API
//
// TChannel carries Jaeger's Thrift, so nothing changes. By gRPC the collector sees what the agent has
// translated, as with Jaeger's own, and `@jaeger@format` says so. OTLP has no place for the debug flag.
// Not here: the clients (agent-fields.test.ts, go-jaeger-client.test.ts, python-jaeger-client.test.ts).

import assert from "node:assert/strict";
import { after } from "node:test";
import { type AgentProcess, startAgent } from "../agent-process.ts";
import type { ExpectedSpan } from "./expected-span.ts";
import { type Door, type RunningSpoor, waitFor } from "./running-spoor.ts";

export interface AgentWay {
  readonly name: string;
  /** Flags of the agent that make it send there. */
  readonly flags: (spoor: RunningSpoor) => readonly string[];
  /** What becomes of a span that came as Jaeger's Thrift. */
  readonly shown: (span: ExpectedSpan) => ExpectedSpan;
}

function makeWay(name: string, setting: string, door: Door): AgentWay {
  return {
    name,
    flags: (spoor) => [
      `--reporter.type=${name}`,
      `--reporter.${setting}.host-port=${spoor.address(door)}`,
      // Beside OTLP; the others ask on the connection that they have.
      `--reporter.sampling-port=${spoor.address("jaegerHttp").split(":")[1]}`,
    ],
    shown: (span) => {
      if (setting === "tchannel") return span;
      if (setting === "grpc") return { ...span, format: "proto" };
      return { ...span, jaegerFlags: 0 };
    },
  };
}

export const AGENT_WAYS: readonly AgentWay[] = [
  makeWay("grpc", "grpc", "jaegerGrpc"),
  makeWay("tchannel", "tchannel", "tchannel"),
  makeWay("otlp-grpc", "otlp", "otlpGrpc"),
  makeWay("otlp-http", "otlp", "otlpHttp"),
];

/** An agent for each way, started when it is asked for, ended after the tests of the calling file. */
export function useAgents(spoor: () => RunningSpoor): (way: AgentWay) => Promise<AgentProcess> {
  const agents = new Map<AgentWay, Promise<AgentProcess>>();
  after(async () => {
    for (const agent of agents.values()) await (await agent).end();
  });
  return (way) => {
    const agent = agents.get(way) ?? startAgent(way.flags(spoor()));
    agents.set(way, agent);
    return agent;
  };
}

/** Waits until the agent has forwarded so many spans in all; it may have lost none. */
export async function untilForwarded(agent: AgentProcess, spans: number): Promise<void> {
  await waitFor(`${spans} forwarded spans`, async () => {
    const { total } = await agent.ledger();
    return total.spans.forwarded >= spans ? true : undefined;
  });
  const { total, forwarder } = await agent.ledger();
  assert.equal(total.spans.received, spans);
  assert.equal(total.spans.forwarded, spans);
  assert.equal(forwarder.delivered.spans, spans, "delivered, not spooled");
}
