// The dictionary against a plain Map of hex strings, and at the edges where its arrays grow.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Dictionary, hashBytes } from "./dictionary.ts";
import { isUtf8 } from "./utf8.ts";

const encoder = new TextEncoder();

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

test("intern() gives each byte string one number, whatever was interned before", () => {
  // Few different bytes and short lengths: equal strings, prefixes and near misses are common.
  const word = fc.uint8Array({ maxLength: 12, max: 3 });
  const operation = fc.oneof(
    { weight: 20, arbitrary: fc.record({ intern: word }) },
    { weight: 1, arbitrary: fc.constant("reset") },
    { weight: 1, arbitrary: fc.constant("trim") },
  );
  const property = fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
    const dictionary = new Dictionary();
    const model = new Map<string, number>([["", 0]]);
    let guess = 0;
    for (const step of operations) {
      if (typeof step === "string") {
        if (step === "trim") dictionary.trim();
        else dictionary.reset();
        if (step === "reset") model.clear();
        model.set("", 0);
        continue;
      }
      const hex = toHex(step.intern);
      assert.equal(dictionary.find(step.intern), model.get(hex) ?? -1);
      // Every other time with a guess, which is now right, now wrong, now out of all bounds.
      guess += 3;
      const { length } = step.intern;
      const entry =
        guess % 2 === 0
          ? dictionary.intern(step.intern, 0, length)
          : dictionary.internGuessed(step.intern, 0, length, guess % (model.size + 4));
      assert.equal(entry, model.get(hex) ?? model.size);
      model.set(hex, entry);
    }
    assert.equal(dictionary.count, model.size);
    for (const [hex, entry] of model) assert.equal(toHex(dictionary.bytes(entry)), hex);
  });
  fc.assert(property, { numRuns: 100 });
});

test("intern() takes a range of a bigger buffer and keeps no reference to it", () => {
  const dictionary = new Dictionary();
  const buffer = encoder.encode("xxGET /yy");
  const entry = dictionary.intern(buffer, 2, 7);
  buffer.fill(0);
  assert.equal(dictionary.text(entry), "GET /");
  assert.equal(dictionary.internText("GET /"), entry);
  assert.equal(dictionary.findText("GET"), -1);
});

test("intern() keeps strings apart that differ in one byte, at every length", () => {
  const dictionary = new Dictionary();
  for (let length = 1; length <= 70; length++) {
    const bytes = new Uint8Array(length).fill(0x61);
    const base = dictionary.intern(bytes, 0, length);
    for (let at = 0; at < length; at++) {
      bytes[at] = 0x62;
      const entry = dictionary.intern(bytes, 0, length);
      assert.notEqual(entry, base, `byte ${at} of ${length}`);
      assert.equal(toHex(dictionary.bytes(entry)), toHex(bytes));
      bytes[at] = 0x61;
    }
    assert.equal(dictionary.intern(bytes, 0, length), base);
  }
});

test("intern() grows entries, table and arena", () => {
  const dictionary = new Dictionary();
  for (let i = 1; i <= 20_000; i++) assert.equal(dictionary.internText(`value ${i}`), i);
  for (let i = 1; i <= 20_000; i++) assert.equal(dictionary.findText(`value ${i}`), i);
  assert.equal(dictionary.text(19_999), "value 19999");
  assert.equal(dictionary.length(20_000), 11);
  assert.ok(dictionary.memoryBytes() > 20_000 * 11);
});

test("internHashed() tells entries with the same hash apart", () => {
  const dictionary = new Dictionary();
  const words = Array.from({ length: 500 }, (_, i) => encoder.encode(`w${i}`));
  for (const [i, word] of words.entries()) {
    assert.equal(dictionary.internHashed(word, 0, word.length, 7), i + 1);
  }
  for (const [i, word] of words.entries()) {
    assert.equal(dictionary.internHashed(word, 0, word.length, 7), i + 1);
  }
});

test("hashBytes() spreads consecutive numbers over the low bits", () => {
  const slots = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const bytes = encoder.encode(`order-${100_000 + i}`);
    slots.add(hashBytes(bytes, 0, bytes.length) & 0xffff);
  }
  assert.ok(slots.size > 980, `${slots.size} of 1000 slots`); // 992 expected of a random function
});

test("intern() keeps strings of 1 MB", () => {
  const dictionary = new Dictionary();
  const long = new Uint8Array(1 << 20).fill(0x61);
  const entry = dictionary.intern(long, 0, long.length);
  long[long.length - 1] = 0x62;
  const other = dictionary.intern(long, 0, long.length);
  assert.notEqual(entry, other);
  assert.equal(dictionary.intern(long, 0, long.length), other);
  assert.equal(dictionary.text(entry), "a".repeat(1 << 20));
  assert.deepEqual(dictionary.bytes(other), long);
});

test("reset() forgets entries, texts and counts", () => {
  const dictionary = new Dictionary();
  dictionary.internText("old");
  dictionary.text(1);
  dictionary.intern(Uint8Array.of(0xff), 0, 1);
  dictionary.reset();
  assert.equal(dictionary.count, 1);
  assert.equal(dictionary.invalidUtf8, 0);
  assert.equal(dictionary.findText("old"), -1);
  assert.equal(dictionary.internText("new"), 1);
  assert.equal(dictionary.text(1), "new");
});

test("reset() frees a table that was huge for a few entries", () => {
  const dictionary = new Dictionary();
  for (let i = 0; i < 50_000; i++) dictionary.internText(`value ${i}`);
  dictionary.reset(); // the table is dense: cleared whole
  for (let round = 0; round < 50; round++) {
    for (let i = 1; i <= 100; i++) assert.equal(dictionary.internText(`${round} ${i}`), i);
    dictionary.reset(); // the table is sparse: cleared slot by slot
    assert.equal(dictionary.findText(`${round} 1`), -1);
  }
});

test("trim() gives memory back and keeps every entry", () => {
  const dictionary = new Dictionary();
  for (let i = 1; i <= 3_000; i++) dictionary.internText(`value ${i}`);
  const before = dictionary.memoryBytes();
  dictionary.trim();
  assert.ok(dictionary.memoryBytes() < before);
  for (let i = 1; i <= 3_000; i++) assert.equal(dictionary.findText(`value ${i}`), i);
  assert.equal(dictionary.internText("one more"), 3_001);
  assert.equal(dictionary.text(3_001), "one more");
});

const utf8Cases: readonly (readonly [what: string, hex: string, valid: boolean])[] = [
  ["ASCII", "41", true],
  ["two bytes", "c3a9", true],
  ["a byte order mark", "efbbbf41", true],
  ["a lone continuation", "80", false],
  ["a cut sequence", "e282", false],
  ["an overlong form", "c080", false],
  ["a surrogate", "eda080", false],
  ["above U+10FFFF", "f4908080", false],
];

for (const [what, hex, valid] of utf8Cases) {
  test(`isUtf8() knows ${what}`, () => {
    const bytes = Buffer.from(hex, "hex");
    assert.equal(isUtf8(bytes), valid);
    const dictionary = new Dictionary();
    const entry = dictionary.intern(bytes, 0, bytes.length);
    dictionary.intern(bytes, 0, bytes.length);
    assert.equal(dictionary.invalidUtf8, valid ? 0 : 1);
    assert.equal(dictionary.isUtf8(entry), valid);
    assert.equal(dictionary.text(entry), bytes.toString("utf8"));
  });
}
