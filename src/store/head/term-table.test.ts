// The term table against a Map.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TermTable } from "./term-table.ts";

const word = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 0xffff_ffff }));
const attribute = fc.tuple(word, fc.nat({ max: 7 }), word, word);

test("TermTable numbers distinct attributes in the order in which they come", () => {
  fc.assert(
    fc.property(fc.array(attribute, { maxLength: 300 }), fc.boolean(), (list, trim) => {
      const table = new TermTable();
      const known = new Map<string, number>();
      for (const [key, type, low, high] of list) {
        const text = `${key} ${type} ${low} ${high}`;
        if (!known.has(text)) {
          assert.equal(table.find(key, type, low, high), -1);
          known.set(text, known.size);
        }
        assert.equal(table.intern(key, type, low, high), known.get(text));
      }
      if (trim) table.trim();
      for (const [key, type, low, high] of list) {
        const term = known.get(`${key} ${type} ${low} ${high}`);
        assert.equal(table.find(key, type, low, high), term);
      }
      assert.equal(table.count, known.size);
    }),
  );
});

test("TermTable grows past its first size, also after it was trimmed", () => {
  const table = new TermTable();
  for (let value = 0; value < 20_000; value++) {
    assert.equal(table.intern(1, 3, value, 0), value);
    if (value === 100) table.trim();
  }
  assert.equal(table.find(1, 3, 19_999, 0), 19_999);
  assert.equal(table.find(1, 3, 20_000, 0), -1);
});
