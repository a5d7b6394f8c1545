// OTLP beside UDP: real senders at real sockets, a forwarder that does what a test wants.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { callGrpc } from "../../test/call-grpc.ts";
import { makeTrace } from "../../test/make-trace.ts";
import { encodeOtlp } from "../../test/otlp-schema.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { EXPORT_PATH } from "../otlp/otlp-service.ts";
import { readExportAnswer } from "../wire/otlp-answer.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";
import { type Agent, openAgent } from "./agent.ts";
import { findImbalances } from "./ledger.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import { agentSettings } from "./settings.ts";

const ADDRESSES = [
  "processor.jaeger-compact.server-host-port",
  "processor.jaeger-binary.server-host-port",
  "processor.zipkin-compact.server-host-port",
  "http-server.host-port",
];
const GOLDEN = readFileSync(new URL("../../test/golden/otlp/traces.bin", import.meta.url));

interface Rig extends AsyncDisposable {
  readonly agent: Agent;
  readonly parcels: Parcel[];
  readonly registry: MetricsRegistry;
  readonly grpc: number;
  post(body: Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

interface RigOptions {
  readonly flags?: readonly string[];
  readonly format?: ParcelFormat;
  readonly send?: (parcel: Parcel) => Promise<void> | void;
  readonly hasTaker?: () => boolean;
}

async function openRig(options: RigOptions = {}): Promise<Rig> {
  const { flags = [], format = "otlp-proto", send, hasTaker = () => true } = options;
  const parcels: Parcel[] = [];
  const argv = [
    ...ADDRESSES.map((name) => `--${name}=`),
    "--agent.otlp.enabled",
    "--agent.otlp.grpc.host-port=127.0.0.1:0",
    "--agent.otlp.http.host-port=127.0.0.1:0",
    ...flags,
  ];
  const { config } = parseSettings({ table: agentSettings, argv, env: {} });
  const registry = new MetricsRegistry();
  const agent = await openAgent({
    config,
    forwarder: {
      format,
      protocol: "grpc",
      async send(parcel) {
        await send?.(parcel);
        parcels.push(parcel);
      },
      hasTaker,
      askStrategy: () => Promise.reject(new SpoorError("unavailable", "nobody there")),
      figures: () => undefined,
      close: () => Promise.resolve(),
    },
    registry,
    log: silentLog,
    clock: systemClock,
    onBug: (error) => {
      throw error;
    },
  });
  const at = (name: string): string =>
    agent.addresses.find((one) => one.name === name)?.at ?? assert.fail(`${name} is shut`);
  return {
    agent,
    parcels,
    registry,
    grpc: Number(at("OTLP gRPC").split(":").at(-1)),
    post: (body, headers = { "content-type": "application/x-protobuf" }) =>
      fetch(`${at("OTLP HTTP")}/v1/traces`, { method: "POST", headers, body }),
    async [Symbol.asyncDispose]() {
      await agent.close(1_000);
      assert.deepEqual(findImbalances(agent.figures()), []);
    },
  };
}

function spansOf(service: string, count: number, from = 1): Uint8Array {
  const spans = Array.from({ length: count }, (_, index) => ({ id: from + index, service }));
  return writeOtlpProto([makeTrace(...spans)]);
}

function printParcels(parcels: readonly Parcel[]): string {
  const batch = new SpanBatch();
  for (const { payload } of parcels) readOtlpTraces(payload, batch);
  return printSpans(batch);
}

test("the OTLP doors forward what another implementation wrote, every field of it", async () => {
  await using rig = await openRig();
  const { status, answer } = await callGrpc(rig.grpc, EXPORT_PATH, GOLDEN);
  assert.deepEqual([status, readExportAnswer(answer).spans], [0, 0]);
  const expected = new SpanBatch();
  readOtlpTraces(GOLDEN, expected);
  assert.equal(printParcels(rig.parcels), printSpans(expected));
  assert.equal(rig.agent.figures().total.spans.forwarded, expected.rows);
});

test("the OTLP doors join requests, answer each, and count spans by door and service", async () => {
  await using rig = await openRig({ format: "jaeger-proto" });
  const json = JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
        scopeSpans: [
          { spans: [{ traceId: "01".repeat(16), spanId: "02".repeat(8), name: "by json" }] },
        ],
      },
    ],
  });
  const protobuf = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
  const [grpc, ...http] = await Promise.all([
    callGrpc(rig.grpc, EXPORT_PATH, spansOf("shop", 3)),
    rig.post(gzipSync(spansOf("shop", 2, 10)), protobuf),
    rig.post(Buffer.from(json), { "content-type": "application/json" }),
  ]);
  assert.deepEqual([grpc.status, ...http.map(({ status }) => status)], [0, 200, 200]);
  const { doors, services, total } = rig.agent.figures();
  assert.deepEqual(
    doors.map(({ door, packets, spans }) => [door, packets.read, spans.forwarded]),
    [
      ["otlp-grpc", 1, 3],
      ["otlp-http", 2, 3],
    ],
  );
  assert.deepEqual(services, [{ service: "shop", received: 6, forwarded: 6, lost: 0 }]);
  assert.equal(total.spans.inFlight, 0);
  assert.ok(rig.parcels.length <= 2, `${rig.parcels.length}`);
  const text = printMetrics(rig.registry);
  assert.match(text, /^spoor_agent_spans_forwarded_total\{door="otlp-grpc"\} 3$/m);
  assert.match(
    text,
    /^jaeger_agent_reporter_spans_submitted_total\{format="otlp",protocol="grpc"\} 6$/m,
  );
});

test("the OTLP doors answer when the spans have arrived, and not before", async () => {
  const held = Promise.withResolvers<void>();
  let sends = 0;
  await using rig = await openRig({
    send: () => {
      sends++;
      return held.promise;
    },
  });
  let isAnswered = false;
  const call = callGrpc(rig.grpc, EXPORT_PATH, spansOf("shop", 1)).then((answer) => {
    isAnswered = true;
    return answer;
  });
  await until(() => sends === 1);
  assert.equal(isAnswered, false);
  held.resolve();
  assert.equal((await call).status, 0);
});

test("the OTLP doors tell a sender to come again when too much waits, and count it", async () => {
  const held = Promise.withResolvers<void>();
  await using rig = await openRig({
    flags: ["--agent.max-inflight-bytes=131072", "--agent.batch-max-bytes=1"],
    send: () => held.promise,
  });
  const large = callGrpc(rig.grpc, EXPORT_PATH, spansOf("shop".repeat(40_000), 1));
  await until(() => rig.agent.figures().total.packets.read === 1);
  assert.equal((await callGrpc(rig.grpc, EXPORT_PATH, spansOf("shop", 1))).status, 8);
  const late = await rig.post(spansOf("shop", 1));
  assert.deepEqual([late.status, late.headers.get("retry-after")], [429, "1"]);
  held.resolve();
  assert.equal((await large).status, 0);
  assert.equal(rig.agent.figures().total.packets.dropped["queue-full"], 2);
});

for (const [code, grpc, http] of [
  ["overloaded", 8, 429],
  ["unavailable", 14, 503],
  ["bad-input", 3, 400],
] as const) {
  test(`the OTLP doors tell a sender what nobody has: ${code}`, async () => {
    await using rig = await openRig({
      send: () => Promise.reject(new SpoorError(code, "no")),
    });
    assert.equal((await callGrpc(rig.grpc, EXPORT_PATH, spansOf("shop", 2))).status, grpc);
    assert.equal((await rig.post(spansOf("shop", 3))).status, http);
    const { services } = rig.agent.figures();
    assert.deepEqual(services, [{ service: "shop", received: 5, forwarded: 0, lost: 5 }]);
  });
}

test("the OTLP doors take nothing while no collector is there and there is no spool", async () => {
  let isThere = false;
  await using rig = await openRig({ hasTaker: () => isThere });
  assert.equal((await callGrpc(rig.grpc, EXPORT_PATH, spansOf("shop", 1))).status, 14);
  isThere = true;
  assert.equal((await callGrpc(rig.grpc, EXPORT_PATH, spansOf("shop", 1))).status, 0);
});

test("the OTLP doors refuse what does not read, is too large, or is of another type", async () => {
  await using rig = await openRig({ flags: ["--agent.otlp.max-message-size=1000"] });
  const whole = spansOf("shop", 1);
  for (const cut of [1, whole.length - 1]) {
    assert.equal((await callGrpc(rig.grpc, EXPORT_PATH, whole.subarray(0, cut))).status, 3);
  }
  assert.equal((await rig.post(whole, { "content-type": "text/plain" })).status, 415);
  assert.equal((await rig.post(new Uint8Array(1_001))).status, 413);
  assert.equal((await callGrpc(rig.grpc, EXPORT_PATH, new Uint8Array(1_001))).status, 8);
  const { dropped, read } = rig.agent.figures().total.packets;
  assert.deepEqual([dropped["bad-packet"], dropped.truncated, read], [3, 2, 0]);
  // What is empty is well, and somebody asks so whether we are there.
  assert.equal((await callGrpc(rig.grpc, EXPORT_PATH, new Uint8Array(0))).status, 0);
});

test("the OTLP doors leave spans without an id out, and say so", async () => {
  await using rig = await openRig();
  const id = { traceId: Buffer.alloc(16, 1), name: "op" };
  const bodyOf = (...spans: readonly object[]): Uint8Array =>
    encodeOtlp("TracesData", { resourceSpans: [{ scopeSpans: [{ spans }] }] });
  const both = bodyOf({ ...id, spanId: Buffer.alloc(8, 2) }, id);
  const { status, answer } = await callGrpc(rig.grpc, EXPORT_PATH, both);
  assert.deepEqual([status, readExportAnswer(answer).spans], [0, 1]);
  assert.equal((await callGrpc(rig.grpc, EXPORT_PATH, bodyOf(id))).status, 3);
  const { forwarded, refused } = rig.agent.figures().total.spans;
  assert.deepEqual([forwarded, refused["bad-input"]], [1, 2]);
});

test("openAgent() forwards at its end what came by OTLP", async () => {
  const rig = await openRig({ flags: ["--agent.batch-max-age=10s"] });
  const call = callGrpc(rig.grpc, EXPORT_PATH, spansOf("shop", 2));
  await until(() => rig.agent.figures().total.packets.read === 1);
  await rig[Symbol.asyncDispose]();
  assert.equal((await call).status, 0);
  assert.equal(rig.agent.figures().total.spans.forwarded, 2);
});
