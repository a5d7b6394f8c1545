// Every type of value through the columns, and what growing and replacing leave untouched.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ARRAY,
  AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  isEntryType,
  MAP,
  STRING,
} from "./attribute-table.ts";

test("isEntryType() is true for what lives in the dictionary", () => {
  const types = [EMPTY, STRING, BOOL, INT, DOUBLE, BYTES, ARRAY, MAP];
  assert.deepEqual(types.filter(isEntryType), [STRING, BYTES, ARRAY, MAP]);
});

test("add() keeps every value while the table grows", () => {
  const table = new AttributeTable();
  for (let i = 0; i < 1000; i++) {
    if (i % 3 === 0) table.add(i, STRING, i * 7);
    else if (i % 3 === 1) table.addDouble(i, i / 8);
    else table.addInt(i, i, 0xffff_ffff);
  }
  assert.equal(table.count, 1000);
  for (let i = 0; i < 1000; i++) {
    assert.equal(table.key[i], i);
    assert.equal(table.type[i], [STRING, DOUBLE, INT][i % 3]);
    if (i % 3 === 0) assert.deepEqual([table.words[2 * i], table.words[2 * i + 1]], [i * 7, 0]);
    else if (i % 3 === 1) assert.equal(table.doubles[i], i / 8);
    else assert.equal(table.bigs[i], BigInt(i) - 2n ** 32n);
  }
});

test("add() leaves no high word of an attribute that was there before", () => {
  const table = new AttributeTable();
  table.addInt(1, 1, 1);
  table.reset();
  table.add(1, BOOL, 1);
  assert.equal(table.bigs[0], 1n);
});

test("addSafeInt() writes two's complement", () => {
  const safe = fc.maxSafeInteger();
  const property = fc.property(safe, (value) => {
    const table = new AttributeTable();
    table.addSafeInt(1, value);
    assert.equal(table.bigs[0], BigInt(value));
  });
  const examples = [0, -1, 2 ** 32, -(2 ** 32), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  fc.assert(property, { examples: examples.map((value) => [value]) });
});

test("replace(), replaceWords(), replaceDouble() change one attribute only", () => {
  const table = new AttributeTable();
  table.addInt(1, 5, 5);
  table.addInt(2, 6, 6);
  table.replace(0, STRING, 9);
  assert.deepEqual([table.key[0], table.type[0], table.bigs[0]], [1, STRING, 9n]);
  table.replaceWords(0, INT, 1, 2);
  assert.deepEqual([table.type[0], table.bigs[0]], [INT, 1n + 2n * 2n ** 32n]);
  table.replaceDouble(0, -1.5);
  assert.deepEqual([table.type[0], table.doubles[0]], [DOUBLE, -1.5]);
  assert.deepEqual([table.key[1], table.type[1], table.bigs[1]], [2, INT, 6n + 6n * 2n ** 32n]);
});

test("find() looks in the given range only and takes the first", () => {
  const table = new AttributeTable();
  for (const key of [1, 2, 3, 2, 1]) table.add(key, EMPTY, 0);
  assert.equal(table.find(2, 0, 5), 1);
  assert.equal(table.find(2, 2, 5), 3);
  assert.equal(table.find(1, 1, 4), -1);
  assert.equal(table.find(9, 0, 5), -1);
});
