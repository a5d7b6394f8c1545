// What is written is what protobufjs would write of it, and reads back as it was.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { decodeOtlp, otlpType } from "../../test/otlp-schema.ts";
import { printSpans } from "../model/print-spans.ts";
import {
  ORIGIN_JAEGER_PROTO,
  ORIGIN_JAEGER_THRIFT,
  ORIGIN_OTLP,
  ORIGIN_ZIPKIN,
  SpanBatch,
} from "../model/span-batch.ts";
import { readOtlpTraces } from "./otlp-proto.ts";
import { writeOtlpProto } from "./write-otlp-proto.ts";

const TRACES = readFileSync(new URL("../../test/golden/otlp/traces.bin", import.meta.url));

function read(payload: Uint8Array): SpanBatch {
  const batch = new SpanBatch();
  assert.equal(readOtlpTraces(payload, batch).spans, 0);
  return batch;
}

function makeRow(origin: number): SpanBatch {
  const batch = new SpanBatch();
  const row = batch.openRow(batch.openResource(), batch.openScope());
  batch.traceId[15] = 1;
  batch.spanId[7] = 1;
  batch.origin[row] = origin;
  batch.closeRow();
  return batch;
}

/** The only span of a message, as a plain object. */
function decodeSpan(payload: Uint8Array): Record<string, unknown> {
  interface Traces {
    readonly resourceSpans: readonly {
      readonly scopeSpans: readonly { readonly spans: readonly Record<string, unknown>[] }[];
    }[];
  }
  const traces = decodeOtlp("TracesData", payload) as unknown as Traces;
  return traces.resourceSpans[0]!.scopeSpans[0]!.spans[0]!;
}

/** A decoded message with bytes as hex, and without the empty statuses that the collector writes. */
function simplify(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(simplify);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, simplify(inner)] as const);
  return new Map(
    entries.filter(([key, inner]) => key !== "status" || (inner as Map<string, unknown>).size > 0),
  );
}

test("writeOtlpProto() writes what the collector wrote, field for field", () => {
  const written = decodeOtlp("TracesData", writeOtlpProto([read(TRACES)]));
  assert.deepEqual(simplify(written), simplify(decodeOtlp("TracesData", TRACES)));
});

test("writeOtlpProto() writes the bytes that protobufjs writes, and they read back alike", () => {
  const type = otlpType("TracesData");
  const property = fc.property(anySpans(), (batch) => {
    const written = writeOtlpProto([batch]);
    assert.equal(printSpans(read(written)), printSpans(batch));
    const theirs = type.encode(type.decode(written)).finish();
    assert.equal(Buffer.compare(written, theirs), 0);
  });
  fc.assert(property, { numRuns: 100 });
});

test("writeOtlpProto() groups rows by resource and scope and keeps their order", () => {
  const batch = new SpanBatch();
  const resources = [batch.openResource(), batch.openResource()];
  const scopes = [batch.openScope(), batch.openScope()];
  const owners = [
    [0, 0],
    [1, 0],
    [0, 1],
    [0, 0],
    [1, 0],
  ] as const;
  for (const [i, [resource, scope]] of owners.entries()) {
    const row = batch.openRow(resources[resource]!, scopes[scope]!);
    batch.traceId[16 * row] = 1;
    batch.spanId[8 * row] = i + 1;
    batch.closeRow();
  }
  const back = read(writeOtlpProto([batch]));
  assert.deepEqual([back.resources, back.scopes], [2, 3]);
  const ids = Array.from({ length: 5 }, (_, row) => back.spanId[8 * row]);
  assert.deepEqual(ids, [1, 4, 3, 2, 5]);
});

test("writeOtlpProto() puts several batches into one message", () => {
  const one = read(TRACES);
  const both = read(writeOtlpProto([one, new SpanBatch(), one]));
  assert.equal(both.rows, 2 * one.rows);
  assert.ok(printSpans(both).startsWith(printSpans(one)));
  assert.equal(writeOtlpProto([]).length, 0);
});

const times: readonly (readonly [
  what: string,
  time: readonly [us: number, restNs: number, durationNs: number],
  written: readonly [start: string | undefined, end: string | undefined],
])[] = [
  ["zero", [0, 0, 0], [undefined, undefined]],
  ["a carry of the rest", [1, 999, 2], ["1999", "2001"]],
  ["a negative duration", [2, 1, -2], ["2001", "1999"]],
  ["a negative duration over a µs", [2, 1, -1999], ["2001", "2"]],
  ["the word of 2^32 ns", [4_294_967, 295, 1], ["4294967295", "4294967296"]],
  ["2^53 µs", [2 ** 53, 1, 0], ["9007199254740992001", "9007199254740992001"]],
  ["2^53 ns of duration", [0, 0, 2 ** 53], [undefined, "9007199254740992"]],
  ["a start before the epoch", [-1, 0, 2000], [undefined, "1000"]],
  ["an end before the epoch", [1, 0, -2000], ["1000", undefined]],
  [
    "an end of 0",
    [1_700_000_000_000_000, 123, -(1_700_000_000_000_000 * 1000 + 123)],
    ["1700000000000000123", undefined],
  ],
  ["beyond 2^64 ns", [1e17, 0, 0], ["18446744073709551615", "18446744073709551615"]],
];

for (const [what, [us, restNs, durationNs], [start, end]] of times) {
  test(`writeOtlpProto() writes the time ${what}`, () => {
    const batch = makeRow(ORIGIN_OTLP);
    batch.startUs[0] = us;
    batch.startRestNs[0] = restNs;
    batch.durationNs[0] = durationNs;
    const span = decodeSpan(writeOtlpProto([batch]));
    assert.deepEqual([span["startTimeUnixNano"], span["endTimeUnixNano"]], [start, end]);
  });
}

const origins: readonly (readonly [origin: number, flags: number | undefined, format: string])[] = [
  [ORIGIN_OTLP, 0x103, ""],
  [ORIGIN_JAEGER_THRIFT, 1, "jaeger"],
  [ORIGIN_JAEGER_PROTO, 1, "proto"],
  [ORIGIN_ZIPKIN, undefined, ""],
];

for (const [origin, flags, format] of origins) {
  test(`writeOtlpProto() words flags and format of origin ${origin} as OTLP does`, () => {
    const batch = makeRow(origin);
    batch.flags[0] = 0x103;
    const span = decodeSpan(writeOtlpProto([batch]));
    assert.equal(span["flags"], flags);
    const mark = [{ key: "@jaeger@format", value: { stringValue: format } }];
    assert.deepEqual(span["attributes"], format === "" ? undefined : mark);
  });
}
