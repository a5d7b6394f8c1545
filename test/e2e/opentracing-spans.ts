// What jaeger-client for Go and for Python send (go-jaeger-client/main.go, python-jaeger-client/send.py): the
// same three traces, whose every field the test knows but for what the program says itself.
//
//   peer ─ JSON: ids, times, its process ─▶ readPeerSaid() ─▶ expectOpenTracing() ─▶ three traces
//
// Not here: npm's client (jaeger-client-spans.ts).

import assert from "node:assert/strict";
import { type Attributes, type ExpectedSpan, PLAIN } from "./expected-span.ts";

const SPANS = ["elsewhere", "GET /κόσμε", "child", "after", "joined", "debugged"] as const;
type SpanName = (typeof SPANS)[number];

/** How many spans a peer sends. */
export const OPENTRACING_SPANS = SPANS.length;

interface Ids {
  readonly traceId: string;
  readonly spanId: string;
}

export interface PeerSaid {
  /** What the client adds to the process by itself. */
  readonly process: Readonly<Record<string, string>>;
  readonly spans: Readonly<Record<SpanName, Ids>>;
  readonly startUs: number;
  /** When the client noted in a log that baggage was set. */
  readonly baggageUs: number;
  /** The baggage as the other side of a call sees it. */
  readonly carried: string;
}

export interface ClientTraits {
  readonly service: string;
  /** Keys of `process`. */
  readonly process: readonly string[];
  /** What makes 1 of the sampling rate, and of a priority. */
  readonly rate: bigint | number;
  /** Tags of a type that only this client has. */
  readonly more: Attributes;
}

const MAX = 2n ** 63n - 1n;
const SAMPLED = 1;
const DEBUG = 2;

export function readPeerSaid(output: string): PeerSaid {
  return JSON.parse(output) as PeerSaid;
}

/** @returns the spans of each trace. */
export function expectOpenTracing(said: PeerSaid, traits: ClientTraits): ExpectedSpan[][] {
  assert.deepEqual(Object.keys(said.process).toSorted(), traits.process.toSorted());
  assert.equal(said.carried, "josé");
  const sampler: Attributes = [
    ["sampler.type", "probabilistic"],
    ["sampler.param", traits.rate],
  ];
  const span = (name: SpanName, fromUs: number, toUs: number): ExpectedSpan => ({
    ...PLAIN,
    service: traits.service,
    resource: [
      ["shop.región", "méxico"],
      ["shop.floors", 3n],
      ["shop.share", 0.5],
      ["shop.open", true],
      ...Object.entries(said.process),
    ],
    ...said.spans[name],
    name,
    startNs: BigInt(said.startUs + fromUs) * 1_000n,
    durationNs: BigInt(toUs - fromUs) * 1_000n,
    flags: SAMPLED,
    jaegerFlags: SAMPLED,
    format: "jaeger",
  });
  const linkTo = (name: SpanName, type: string): ExpectedSpan["links"][number] => ({
    ...said.spans[name],
    traceState: "",
    flags: 0,
    attributes: [["opentracing.ref_type", type]],
    dropped: 0,
  });
  const logAt = (us: number, name: string, attributes: Attributes) => ({
    timeNs: BigInt(us) * 1_000n,
    name,
    attributes,
    dropped: 0,
  });
  const root: ExpectedSpan = {
    ...span("GET /κόσμε", 0, 1_500_000),
    kind: "server",
    status: "ERROR",
    attributes: [
      ...sampler,
      ["text", "naïve 日本語 🦀"],
      ["text.empty", ""],
      ["int.max", MAX],
      ["int.min", -MAX - 1n],
      ["double", -0.5],
      ["yes", true],
      ["no", false],
      ...traits.more,
    ],
    events: [
      logAt(said.startUs + 500_000, "start", [
        ["attempt", 1n],
        ["share", 0.25],
        ["is.first", true],
        ["note", "ünï"],
      ]),
      logAt(said.startUs + 750_000, "", [["message", "no event here"]]),
      logAt(said.baggageUs, "baggage", [
        ["key", "user"],
        ["value", "josé"],
      ]),
    ],
  };
  const child: ExpectedSpan = {
    ...span("child", 0, 250_000),
    parentSpanId: root.spanId,
    kind: "client",
  };
  const after: ExpectedSpan = {
    ...span("after", 500_000, 500_000),
    parentSpanId: child.spanId,
    links: [linkTo("child", "follows_from")],
  };
  const joined: ExpectedSpan = {
    ...span("joined", 250_000, 750_000),
    parentSpanId: root.spanId,
    kind: "consumer",
    links: [linkTo("child", "follows_from"), linkTo("elsewhere", "child_of")],
  };
  const debugged: ExpectedSpan = {
    ...span("debugged", 1_500_000, 1_750_000),
    flags: SAMPLED,
    jaegerFlags: SAMPLED | DEBUG,
    attributes: [...sampler, ["sampling.priority", 1n]],
  };
  const elsewhere: ExpectedSpan = {
    ...span("elsewhere", 1_000_000, 1_250_000),
    attributes: sampler,
  };
  return [[root, child, after, joined], [debugged], [elsewhere]];
}
