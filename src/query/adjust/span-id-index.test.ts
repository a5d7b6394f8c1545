// Rows by span id: all of an id, in order, whatever the ids are.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SpanIdIndex } from "./span-id-index.ts";

// Few different ids, so that many are equal; 8 bytes each.
const ids = fc.array(fc.constantFrom(0, 1, 2, 255, 256, 2 ** 32, 2 ** 52), { maxLength: 60 });

function column(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 * numbers.length + 8);
  const view = new DataView(bytes.buffer);
  for (const [row, id] of numbers.entries()) view.setBigUint64(8 * row, BigInt(id));
  return bytes;
}

test("SpanIdIndex finds every row of an id, in order, and no other", () => {
  fc.assert(
    fc.property(ids, fc.constantFrom(0, 1, 3, 2 ** 32, 7), (numbers, wanted) => {
      const index = new SpanIdIndex(column(numbers), numbers.length);
      const found: number[] = [];
      for (let row = index.first(column([wanted]), 0); row >= 0; row = index.next(row)) {
        found.push(row);
      }
      const expected = numbers.flatMap((id, row) => (id === wanted ? [row] : []));
      assert.deepEqual(found, expected);
    }),
  );
});

test("SpanIdIndex keeps what it was made from", () => {
  const bytes = column([5, 6]);
  const index = new SpanIdIndex(bytes, 2);
  bytes.fill(0);
  assert.equal(index.first(column([6]), 0), 1);
  assert.equal(index.first(bytes, 0), -1);
});
