// OTLP over gRPC, called by grpc-js with bytes of the OpenTelemetry collector's own writer.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import protobuf from "protobufjs";
import { callGrpc } from "../../../test/call-grpc.ts";
import { openTestCollector, storeThatFails } from "../../../test/open-collector.ts";
import { encodeOtlp } from "../../../test/otlp-schema.ts";
import { readOtlpTraces } from "../../wire/otlp-proto.ts";
import { printSanitized } from "../../../test/print-sanitized.ts";

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const TRACES = readFileSync(new URL("../../../test/golden/otlp/traces.bin", import.meta.url));

const protoFolder = new URL("../../wire/proto/", import.meta.url).pathname;
const schema = new protobuf.Root();
schema.resolvePath = (_origin, target) => protoFolder + target;
schema.loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto");

function decodeAnswer(bytes: Uint8Array): unknown {
  const name = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse";
  const type = schema.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: String });
}

function encodeSpans(...spans: readonly object[]): Uint8Array {
  return encodeOtlp("TracesData", { resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

const span = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), name: "op" };

test("Export stores what the collector's writer wrote, and answers with nothing to say", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const { status, answer } = await callGrpc(collector.port("otlp-grpc"), EXPORT, TRACES);
  assert.equal(status, 0);
  assert.deepEqual(decodeAnswer(answer), {});
  assert.equal(await collector.printStored(), await printSanitized(readOtlpTraces, TRACES));
  assert.deepEqual(collector.books(), {
    "otlp-grpc otlp-proto": {
      "requests received": 1,
      "requests stored": 1,
      "spans received": 4,
      "spans stored": 4,
    },
  });
});

test("Export takes gzip", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const port = collector.port("otlp-grpc");
  assert.equal((await callGrpc(port, EXPORT, TRACES, { gzip: true })).status, 0);
  assert.equal(collector.checkBooks().total.spans.stored, 4);
});

test("Export takes an empty message", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const { status } = await callGrpc(collector.port("otlp-grpc"), EXPORT, new Uint8Array(0));
  assert.equal(status, 0);
  assert.equal(collector.checkBooks().total.requests.stored, 1);
});

test("Export says how many spans it left out, and stores the others", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const message = encodeSpans(span, { ...span, spanId: Buffer.alloc(8) }, { name: "none" });
  const { status, answer } = await callGrpc(collector.port("otlp-grpc"), EXPORT, message);
  assert.equal(status, 0);
  assert.deepEqual(decodeAnswer(answer), {
    partialSuccess: {
      rejectedSpans: "2",
      errorMessage: "2 spans without a trace id or span id",
    },
  });
  const { spans } = collector.checkBooks().total;
  assert.deepEqual([spans.stored, spans.refused["invalid-id"]], [1, 2]);
});

test("Export refuses what is no protobuf as INVALID_ARGUMENT, and says where", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const broken = TRACES.subarray(0, 100);
  const answer = await callGrpc(collector.port("otlp-grpc"), EXPORT, broken);
  assert.equal(answer.status, 3);
  assert.match(answer.message, /^malformed protobuf: .*\(offset \d+, size 100\)$/);
  assert.equal(answer.details, undefined);
  assert.deepEqual(collector.books(), {
    "otlp-grpc otlp-proto": { "requests received": 1, "requests bad-input": 1 },
  });
});

test("Export refuses a message above the limit, which the books know as too large", async () => {
  const flags = ["--collector.otlp.grpc.max-message-size=1000"];
  await using collector = await openTestCollector(["otlp-grpc"], flags);
  const port = collector.port("otlp-grpc");
  const answer = await callGrpc(port, EXPORT, encodeSpans({ ...span, name: "x".repeat(1_000) }));
  assert.equal(answer.status, 8);
  assert.equal(answer.details, undefined, "a sender must not repeat it");
  assert.equal((await callGrpc(port, EXPORT, encodeSpans(span))).status, 0);
  assert.deepEqual(collector.books()["otlp-grpc unknown"], {
    "requests received": 1,
    "requests too-large": 1,
  });
});

const failures = [
  { code: "overloaded", status: 8, isRepeated: true },
  { code: "unavailable", status: 14, isRepeated: false },
] as const;

for (const { code, status, isRepeated } of failures) {
  test(`Export answers ${status} when the store is ${code}`, async () => {
    const store = storeThatFails(code);
    await using collector = await openTestCollector(["otlp-grpc"], [], { store });
    const answer = await callGrpc(collector.port("otlp-grpc"), EXPORT, encodeSpans(span));
    assert.equal(answer.status, status);
    // Without RetryInfo a sender must not repeat RESOURCE_EXHAUSTED; UNAVAILABLE it always may.
    const hasRetryInfo = answer.details?.includes("google.rpc.RetryInfo") ?? false;
    assert.equal(hasRetryInfo, isRepeated);
    assert.deepEqual(collector.books(), {
      "otlp-grpc otlp-proto": {
        "requests received": 1,
        [`requests ${code}`]: 1,
        "spans received": 1,
        [`spans ${code}`]: 1,
      },
    });
  });
}

test("the door knows no other method, and does not take its calls for spans", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const port = collector.port("otlp-grpc");
  const other = EXPORT.replace("TraceService", "MetricsService");
  assert.equal((await callGrpc(port, other, TRACES)).status, 12);
  assert.deepEqual(collector.books(), {});
});
