// Late attributes against plain lists of lists.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AttributeTable, BYTES, STRING } from "../model/attribute-table.ts";
import { LateAttributes, addToRun } from "./late-attributes.ts";

/** Attributes as `[key, type, low word, high word]`. */
type Attribute = readonly [number, number, number, number];

const attribute: fc.Arbitrary<Attribute> = fc.tuple(
  fc.nat(100),
  fc.constantFrom(STRING, BYTES),
  fc.nat(1_000),
  fc.nat(1_000),
);

function readRange(table: AttributeTable, start: number, end: number): Attribute[] {
  const found: Attribute[] = [];
  for (let at = start; at < end; at++) {
    const words = [table.words[2 * at]!, table.words[2 * at + 1]!] as const;
    found.push([table.key[at]!, table.type[at]!, ...words]);
  }
  return found;
}

test("insertInto() puts each attribute behind those of its owner, and nothing else moves", () => {
  const owner = fc.record({
    own: fc.array(attribute, { maxLength: 5 }),
    late: fc.array(attribute, { maxLength: 3 }),
  });
  const property = fc.property(fc.array(owner, { maxLength: 200 }), (owners) => {
    const table = new AttributeTable();
    const starts = new Uint32Array(owners.length + 3).fill(7);
    const late = new LateAttributes();
    for (const [index, { own, late: added }] of owners.entries()) {
      starts[index] = table.count;
      for (const one of own) table.addWords(...one);
      for (const [key, type, entry] of added) late.add(index, key, type, entry);
    }
    starts[owners.length] = table.count;
    late.insertInto(table, starts, owners.length);
    for (const [index, { own, late: added }] of owners.entries()) {
      const expected = [...own, ...added.map(([key, type, entry]) => [key, type, entry, 0])];
      assert.deepEqual(readRange(table, starts[index]!, starts[index + 1]!), expected);
    }
    assert.equal(starts[owners.length], owners.length === 0 ? 0 : table.count);
    assert.equal(starts[owners.length + 1], 7);
  });
  fc.assert(property, { numRuns: 200 });
});

test("insertInto() with nothing noted leaves table and starts alone", () => {
  const table = new AttributeTable();
  const starts = Uint32Array.of(9, 9); // what an empty level has from an earlier batch
  new LateAttributes().insertInto(table, starts, 1);
  assert.equal(table.count, 0);
  assert.deepEqual(starts, Uint32Array.of(9, 9));
});

test("add() refuses owners out of order, since insertInto() goes through them once", () => {
  const late = new LateAttributes();
  late.add(2, 1, STRING, 1);
  late.add(2, 1, STRING, 1);
  assert.throws(() => late.add(1, 1, STRING, 1), /out of order/);
});

test("addToRun() adds to any owner in any order", () => {
  const step = fc.tuple(fc.nat(4), attribute);
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const table = new AttributeTable();
    const runs = { table, starts: new Uint32Array(5), ends: new Uint32Array(5) };
    const model: Attribute[][] = [[], [], [], [], []];
    for (const [owner, [key, type, entry]] of steps) {
      addToRun(runs, owner, key, type, entry);
      model[owner]?.push([key, type, entry, 0]);
    }
    for (const [owner, expected] of model.entries()) {
      assert.deepEqual(readRange(table, runs.starts[owner]!, runs.ends[owner]!), expected);
    }
  });
  fc.assert(property);
});
