// Span ids with numbers, against a Map of their texts.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SpanTable } from "./span-table.ts";

/** Ids of few bits in any place: counted up, shifted, random. */
const word = fc.oneof(
  fc.nat({ max: 7 }),
  fc.nat({ max: 7 }).map((low) => (low << 29) >>> 0),
  fc.nat({ max: 0xffff_ffff }),
);

test("SpanTable keeps the first number of each id, and forgets all", () => {
  const table = new SpanTable();
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { maxLength: 3_000, size: "max" }), (ids) => {
      table.reset();
      const known = new Map<string, number>();
      for (const [number, [low, high]] of ids.entries()) {
        const key = `${low} ${high}`;
        assert.equal(table.find(low, high), known.get(key) ?? -1);
        assert.equal(table.add(low, high, number), known.get(key) ?? -1);
        if (!known.has(key)) known.set(key, number);
      }
      for (const [low, high] of ids) {
        assert.equal(table.find(low, high), known.get(`${low} ${high}`));
      }
    }),
    { numRuns: 100 },
  );
});
