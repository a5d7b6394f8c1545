// Spans are sent in payloads that fit, each span once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTrace } from "../../test/make-trace.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";
import type { Carrier } from "./carriers/carrier.ts";
import { writePayloads } from "./write-payloads.ts";

function carrierOf(payloadBytesMax: number): Carrier {
  return {
    payloadBytesMax,
    write: (batch) => writeOtlpProto([batch]),
    open: () => Promise.reject(new Error("nothing is sent")),
  };
}

const batch = makeTrace(
  ...Array.from({ length: 33 }, (_, at) => ({ id: at + 1, attributes: { n: BigInt(at) } })),
);

test("writePayloads() is one payload if it fits", () => {
  const payloads = writePayloads(batch, carrierOf(100_000));
  assert.deepEqual(payloads, [{ bytes: writeOtlpProto([batch]), spans: 33 }]);
});

test("writePayloads() halves until every payload fits, and keeps each span once, in order", () => {
  const payloads = writePayloads(batch, carrierOf(400));
  const read = new SpanBatch();
  for (const { bytes, spans } of payloads) {
    assert.ok(bytes.length <= 400);
    const rows = read.rows;
    readOtlpTraces(bytes, read);
    assert.equal(read.rows - rows, spans);
  }
  assert.ok(payloads.length > 1);
  assert.deepEqual(read.spanId.slice(0, 8 * 33), batch.spanId.slice(0, 8 * 33));
});

test("writePayloads() leaves a span that is too long by itself", () => {
  const payloads = writePayloads(batch, carrierOf(10));
  assert.deepEqual(
    payloads.map(({ spans }) => spans),
    Array.from({ length: 33 }, () => 1),
  );
});
