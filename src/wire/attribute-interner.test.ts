// A guess may be stale, of another batch or of another key: the entry is always the right one.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Dictionary } from "../model/dictionary.ts";
import { AttributeInterner } from "./attribute-interner.ts";

test("AttributeInterner gives the entries that Dictionary gives, from batch to batch", () => {
  const text = fc.constantFrom("", "a", "b", "http.method", "GET", "http.url", "/cart");
  const attributes = fc.array(fc.tuple(text, text), { maxLength: 30 });
  const interner = new AttributeInterner();
  const property = fc.property(attributes, (list) => {
    const dictionary = new Dictionary();
    const plain = new Dictionary();
    for (const [key, value] of list) {
      const bytes = Buffer.from(`${key}=${value}`);
      const keyEntry = interner.internKey(dictionary, bytes, 0, key.length);
      assert.equal(keyEntry, plain.internText(key));
      const start = key.length + 1;
      const valueEntry = interner.internValue(dictionary, keyEntry, bytes, start, bytes.length);
      assert.equal(valueEntry, plain.internText(value));
    }
  });
  fc.assert(property);
});

test("AttributeInterner keeps apart keys that share a slot", () => {
  const interner = new AttributeInterner();
  const dictionary = new Dictionary();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 3_000; i++) {
      const bytes = Buffer.from(`key ${i}value ${i}`);
      const middle = bytes.indexOf("value");
      const key = interner.internKey(dictionary, bytes, 0, middle);
      const value = interner.internValue(dictionary, key, bytes, middle, bytes.length);
      assert.deepEqual([key, value], [2 * i + 1, 2 * i + 2]);
    }
  }
});
