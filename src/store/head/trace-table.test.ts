// The trace table against a plain Map: adding, finding and removing in any order of growth.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NONE, TraceTable } from "./trace-table.ts";

const steps = fc.array(fc.oneof(fc.nat({ max: 40 }), fc.constant("evict")), { maxLength: 200 });

test("TraceTable holds what a map would hold, oldest first out", () => {
  fc.assert(
    fc.property(steps, fc.boolean(), (list, wraps) => {
      const table = new TraceTable();
      if (wraps) table.oldest = 0xffff_fff0;
      const held = new Map<number, number>();
      for (const step of list) {
        if (step === "evict") {
          const first = held.keys().next();
          if (first.done === true) continue;
          held.delete(first.value);
          table.removeOldest();
        } else if (table.find(step, 1, 2, 3) === NONE) {
          held.set(step, table.add(step, 1, 2, 3));
        }
      }
      assert.equal(table.held, held.size);
      for (let id = 0; id <= 40; id++) {
        assert.equal(table.find(id, 1, 2, 3), held.get(id) ?? NONE, `id ${id}`);
      }
      for (const [id, ordinal] of held) {
        assert.ok(table.isHeld(ordinal));
        assert.equal(new Uint32Array(table.id(ordinal).slice().buffer)[0], id);
      }
      assert.ok(!table.isHeld((table.oldest - 1) >>> 0));
      assert.ok(!table.isHeld((table.oldest + table.count) >>> 0));
    }),
  );
});

test("TraceTable grows while it holds traces, and keeps their rows", () => {
  const table = new TraceTable();
  table.oldest = 0xffff_ff00;
  for (let id = 0; id < 10_000; id++) {
    const ordinal = table.add(id, id, id, id);
    table.lastRow[table.slot(ordinal)] = id * 7;
  }
  for (let gone = 0; gone < 3_000; gone++) table.removeOldest();
  for (let id = 0; id < 10_000; id++) {
    const ordinal = table.find(id, id, id, id);
    if (id < 3_000) assert.equal(ordinal, NONE);
    else assert.equal(table.lastRow[table.slot(ordinal)], id * 7);
  }
});
