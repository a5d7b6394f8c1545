// The agent with real sockets and a forwarder that keeps what it is given.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { batchPacket, zipkinPacket } from "../../test/agent-packets.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { type Agent, type AgentForwarder, openAgent } from "./agent.ts";
import { findImbalances } from "./ledger.ts";
import type { Parcel } from "./parcel.ts";
import { agentSettings } from "./settings.ts";

interface Rig {
  readonly agent: Agent;
  readonly registry: MetricsRegistry;
  readonly parcels: Parcel[];
  readonly closed: { graceMs: number };
  readonly port: (name: string) => number;
}

const ADDRESSES = [
  "processor.jaeger-compact.server-host-port",
  "processor.jaeger-binary.server-host-port",
  "processor.zipkin-compact.server-host-port",
  "http-server.host-port",
];

async function openRig(flags: readonly string[] = [], send?: () => Promise<void>): Promise<Rig> {
  const parcels: Parcel[] = [];
  const closed = { graceMs: -1 };
  const forwarder: AgentForwarder = {
    format: "jaeger-proto",
    protocol: "grpc",
    async send(parcel) {
      await send?.();
      parcels.push(parcel);
    },
    hasTaker: () => true,
    askStrategy: () => Promise.reject(new SpoorError("unavailable", "nobody there")),
    figures: () => ({ mine: 1 }),
    close(graceMs) {
      closed.graceMs = graceMs;
      return Promise.resolve();
    },
  };
  const argv = [...ADDRESSES.map((name) => `--${name}=127.0.0.1:0`), ...flags];
  const { config } = parseSettings({ table: agentSettings, argv, env: {} });
  const registry = new MetricsRegistry();
  const agent = await openAgent({
    config,
    forwarder,
    registry,
    log: silentLog,
    clock: systemClock,
    onBug: (error) => {
      throw error;
    },
  });
  const port = (name: string): number =>
    Number(
      agent.addresses
        .find((one) => one.name === name)
        ?.at.split(":")
        .at(-1),
    );
  return { agent, registry, parcels, closed, port };
}

async function sendTo(port: number, packets: readonly Uint8Array[]): Promise<void> {
  const sender = createSocket("udp4");
  sender.connect(port, "127.0.0.1");
  await once(sender, "connect");
  for (const packet of packets) {
    await new Promise<void>((resolve) => {
      sender.send(packet, () => resolve());
    });
  }
  sender.close();
}

const COMPACT = "Jaeger UDP (compact)";

test("openAgent() takes all three kinds of packets and keeps its books", async () => {
  const { agent, port, parcels, registry } = await openRig();
  const shop = { service: "shop", spans: 3 };
  await sendTo(port(COMPACT), [batchPacket(shop), Uint8Array.of(1)]);
  await sendTo(port("Jaeger UDP (binary)"), [batchPacket({ ...shop, protocol: "binary" })]);
  await sendTo(port("Zipkin UDP (compact)"), [zipkinPacket("old", 2)]);
  await until(() => agent.figures().total.spans.forwarded === 8);
  assert.deepEqual(
    agent.figures().doors.map(({ door, spans }) => [door, spans.forwarded]),
    [
      ["jaeger-compact", 3],
      ["jaeger-binary", 3],
      ["zipkin-compact", 2],
    ],
  );
  assert.equal(
    parcels.reduce((sum, { spans }) => sum + spans, 0),
    8,
  );
  const answer = await agent.ledgerRoute.handle({} as never);
  const { forwarder, doors } = JSON.parse(answer.body as string) as {
    forwarder: unknown;
    doors: readonly unknown[];
  };
  assert.deepEqual([forwarder, doors.length], [{ mine: 1 }, 3]);
  const metrics = printMetrics(registry);
  for (const line of [
    'jaeger_agent_thrift_udp_server_packets_processed_total{protocol="compact",model="jaeger"} 2',
    'jaeger_agent_thrift_udp_server_packets_processed{protocol="binary",model="jaeger"} 1',
    'jaeger_agent_thrift_udp_t_processor_handler_errors{protocol="compact",model="jaeger"} 1',
    'jaeger_agent_reporter_spans_submitted_total{format="zipkin",protocol="grpc"} 2',
    "jaeger_agent_tc_reporter_zipkin_batches_submitted 1",
    'spoor_agent_packets_dropped_total{door="jaeger-compact",reason="bad-packet"} 1',
  ]) {
    assert.ok(metrics.includes(`${line}\n`), line);
  }
  await agent.close(1_000);
  assert.deepEqual(findImbalances(agent.figures()), []);
});

test("openAgent() forwards at its end every packet that came", async () => {
  const { agent, port, parcels, closed } = await openRig(["--agent.batch-max-age=10s"]);
  const packets = Array.from({ length: 500 }, (_, index) =>
    batchPacket({ service: "shop", spans: 2, from: 1 + 2 * index, padding: 500 }),
  );
  await sendTo(port(COMPACT), packets);
  await agent.close(1_000);
  const { total, doors } = agent.figures();
  assert.deepEqual(findImbalances(agent.figures()), []);
  const lost = doors[0]!.kernelDrops ?? 0;
  assert.equal(total.packets.received + lost, 500);
  assert.equal(total.spans.forwarded, 2 * total.packets.received);
  assert.equal(
    parcels.reduce((sum, { spans }) => sum + spans, 0),
    total.spans.forwarded,
  );
  assert.ok(closed.graceMs > 0 && closed.graceMs <= 1_000);
});

test("openAgent() counts what comes faster than it is taken", async () => {
  const held = Promise.withResolvers<void>();
  const flags = ["--agent.max-inflight-bytes=131072", "--agent.max-queue-bytes=131072"];
  const { agent, port } = await openRig(
    [...flags, "--agent.batch-max-bytes=1"],
    () => held.promise,
  );
  const packets = Array.from({ length: 400 }, () =>
    batchPacket({ service: "shop", spans: 2, padding: 500 }),
  );
  await sendTo(port(COMPACT), packets);
  const figures = (): ReturnType<Agent["figures"]> => agent.figures();
  await until(
    () => figures().total.packets.received + (figures().doors[0]!.kernelDrops ?? 0) === 400,
  );
  assert.ok(figures().total.packets.dropped["queue-full"] > 0);
  held.resolve();
  await agent.close(1_000);
  const { total } = figures();
  assert.deepEqual(findImbalances(figures()), []);
  assert.equal(total.spans.received, 800);
  assert.equal(total.spans.forwarded + total.spans.dropped["queue-full"], 800);
});

test("openAgent() answers questions how to sample", async () => {
  const { agent, port } = await openRig();
  const at = `http://127.0.0.1:${port("sampling HTTP")}`;
  const away = await fetch(`${at}/sampling?service=shop`);
  assert.equal(away.status, 500);
  assert.match(await away.text(), /^collector error: nobody there\n$/);
  assert.equal((await fetch(`${at}/sampling`)).status, 400);
  await agent.close(100);
});

test("openAgent() leaves nothing open when a port is taken", async () => {
  const { agent, port } = await openRig();
  const taken = `--processor.zipkin-compact.server-host-port=127.0.0.1:${port(COMPACT)}`;
  await assert.rejects(openRig([taken]), { code: "unavailable" });
  await agent.close(100);
});
