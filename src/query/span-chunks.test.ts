// Chunks of a stream: every row once and in order, never too many rows, never too many bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { addSpans } from "../../test/make-trace.ts";
import { RowCopier } from "../model/copy-rows.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";
import { chunkRows, chunkTrace } from "./span-chunks.ts";

const sized = (sizes: readonly number[]): SpanBatch =>
  addSpans(
    new SpanBatch(),
    sizes.map((bytes, index) => ({ id: index + 1, attributes: { a: "x".repeat(bytes) } })),
  );

test("chunkRows() covers all rows in order, with at most so many a chunk", () => {
  fc.assert(
    fc.property(anySpans(12), fc.integer({ min: 1, max: 5 }), (batch, rowsMax) => {
      let next = 0;
      for (const [from, to] of chunkRows(batch, rowsMax)) {
        assert.equal(from, next);
        assert.ok(to > from && to - from <= rowsMax);
        next = to;
      }
      assert.equal(next, batch.rows);
    }),
  );
});

const KB = 1_000;
const cases: readonly (readonly [readonly number[], readonly (readonly [number, number])[]])[] = [
  [[], []],
  [[1, 1, 1], [[0, 3]]],
  [
    [600 * KB, 600 * KB],
    [
      [0, 1],
      [1, 2],
    ],
  ],
  [
    [400 * KB, 400 * KB, 400 * KB],
    [
      [0, 2],
      [2, 3],
    ],
  ],
  [
    [1, 5_000 * KB, 1],
    [
      [0, 1],
      [1, 2],
      [2, 3],
    ],
  ],
];
for (const [sizes, expected] of cases) {
  test(`chunkRows() takes spans of ${sizes.join(", ") || "no"} bytes apart`, () => {
    assert.deepEqual([...chunkRows(sized(sizes), 10)], expected);
  });
}

test("chunkRows() does not estimate far below what is written", () => {
  fc.assert(
    fc.property(anySpans(), (batch) => {
      // One chunk means an estimate of at most 1 MiB; clients take 4 MiB.
      const chunks = [...chunkRows(batch, 1_000)];
      const written = writeOtlpProto([batch]).length;
      assert.ok(chunks.length > 1 || written < 4 << 20);
    }),
  );
});

test("chunkTrace() gives parts that make the trace again", () => {
  fc.assert(
    fc.property(anySpans(8), fc.integer({ min: 1, max: 9 }), (batch, rowsMax) => {
      const whole = new SpanBatch();
      for (const chunk of chunkTrace(batch, rowsMax)) {
        const copier = new RowCopier(chunk, whole);
        for (let row = 0; row < chunk.rows; row++) copier.copyRow(row);
      }
      assert.deepEqual(spanLines(whole), spanLines(batch));
    }),
  );
});

/** The spans alone: parts may have resources and scopes again, under other numbers. */
function spanLines(batch: SpanBatch): string[] {
  let isSpan = false;
  return printSpans(batch)
    .split("\n")
    .filter((line) => {
      if (!line.startsWith("  ")) isSpan = line.startsWith("span");
      return isSpan;
    })
    .map((line) => line.replaceAll(/ (?:resource|scope)=\d+/g, ""));
}
