// Shapes by their keys.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom } from "../../../test/store/corpus.ts";
import { nextHash, ShapeTable } from "./shape-table.ts";

function intern(table: ShapeTable, keys: readonly number[]): number {
  const hash = keys.reduce(nextHash, table.seed);
  // What lies behind the keys does not count.
  return table.intern(Uint32Array.from([...keys, 7]), keys.length, hash);
}

test("ShapeTable.intern() gives a sequence of keys one number, whatever came between", () => {
  const random = makeRandom(3);
  const table = new ShapeTable(99);
  const known = new Map<string, number>();
  for (let i = 0; i < 5_000; i++) {
    const keys = Array.from({ length: Math.floor(random() * 6) }, () => Math.floor(random() * 5));
    const shape = intern(table, keys);
    assert.equal(shape, known.get(keys.join()) ?? known.size);
    known.set(keys.join(), shape);
    assert.deepEqual([...table.keys.subarray(table.start[shape], table.start[shape + 1])], keys);
  }
  assert.equal(table.count, known.size);
  assert.ok(known.size > 1_000);
});

test("ShapeTable.intern() tells sequences apart whose hashes are the same", () => {
  const table = new ShapeTable(0);
  assert.equal(table.intern(Uint32Array.of(1, 2), 2, 5), 0);
  assert.equal(table.intern(Uint32Array.of(1, 3), 2, 5), 1);
  assert.equal(table.intern(Uint32Array.of(1), 1, 5), 2);
  assert.equal(table.intern(Uint32Array.of(1, 3), 2, 5), 1);
});
