// PostSpansRequests out of the bytes that another implementation wrote, read again.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readPostSpans } from "./jaeger-proto.ts";
import { readEmitBatch } from "./jaeger-thrift.ts";
import { readThriftMessage } from "./thrift-message.ts";
import { writePostSpans } from "./write-jaeger-proto.ts";

const PACKET = new URL("../../test/golden/jaeger/emit-batch.compact.bin", import.meta.url);

function readPacket(): SpanBatch {
  const batch = new SpanBatch();
  readEmitBatch(readThriftMessage(readFileSync(PACKET)).thrift, batch);
  return batch;
}

/** What api_v2 has: it came as proto, and text that is none is mended. */
function expected(batch: SpanBatch): string {
  return printSpans(batch)
    .replaceAll("jaeger-thrift", "jaeger-proto")
    .replaceAll("\\xff", "\ufffd");
}

const rowsOf = (batch: SpanBatch): number[] => Array.from({ length: batch.rows }, (_, row) => row);

for (const [what, process] of [
  ["with the process once", 0],
  ["with each span's own process", -1],
] as const) {
  test(`writePostSpans() keeps every field ${what}`, () => {
    const batch = readPacket();
    const again = new SpanBatch();
    readPostSpans(writePostSpans(batch, rowsOf(batch), process), again);
    assert.equal(printSpans(again), expected(batch));
  });
}

test("writePostSpans() says nothing of the format that spans came in", () => {
  const batch = readPacket();
  const text = new TextDecoder().decode(writePostSpans(batch, rowsOf(batch), 0));
  assert.doesNotMatch(text, /@jaeger@format/);
});

test("writePostSpans() takes only the rows that are named", () => {
  const batch = readPacket();
  const again = new SpanBatch();
  readPostSpans(writePostSpans(batch, [1], 0), again);
  assert.equal(again.rows, 1);
  assert.deepEqual(again.spanId.slice(0, 8), batch.spanId.slice(8, 16));
});
