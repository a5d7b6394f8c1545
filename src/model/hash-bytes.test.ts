// Equal bytes have equal hashes wherever they lie; different ones hardly ever, also those that a hostile
// sender would choose.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Dictionary } from "./dictionary.ts";
import { hashView } from "./hash-bytes.ts";

function hash(bytes: Uint8Array): number {
  return hashView(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length);
}

test("hashView() depends on the bytes alone, not on where they lie", () => {
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);
    const expected = hash(bytes);
    for (const offset of [1, 2, 3]) {
      const within = new Uint8Array(length + 8).fill(0xee);
      within.set(bytes, offset);
      const view = new DataView(within.buffer);
      assert.equal(hashView(view, offset, offset + length), expected);
    }
  }
});

test("hashView() sees every byte, and the length", () => {
  for (const length of [1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 600]) {
    const hashes = new Set([hash(new Uint8Array(length)), hash(new Uint8Array(length + 1))]);
    for (let at = 0; at < length; at++) {
      const bytes = new Uint8Array(length);
      bytes[at] = 1;
      hashes.add(hash(bytes));
    }
    // One pair in 2^16 may collide.
    assert.ok(hashes.size >= length - 8, `${hashes.size} hashes of ${length + 2} strings`);
  }
});

test("hashView() spreads numbers, and texts that end alike, over the low bits", () => {
  const slots = new Set<number>();
  const encoder = new TextEncoder();
  for (let i = 0; i < 1000; i++) {
    slots.add(hash(encoder.encode(`order-${100_000 + i}`)) & 0xffff);
    slots.add(hash(encoder.encode(`${i} /api/orders`)) & 0xffff);
  }
  assert.ok(slots.size > 1_900, `${slots.size} of 2000 slots`); // 1970 expected of a random function
});

/**
 * Strings that collide in a chain of `hash = (hash ^ word) · odd; hash ^= hash >>> shift`, whatever
 * the odd number and the start: the top bit of one word, and what becomes of it in the next.
 */
function makeColliding(count: number, shift: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const words = new Uint32Array(32);
    for (let bit = 0; bit < 16; bit++) {
      if (((i >>> bit) & 1) === 0) continue;
      words[2 * bit] = 0x8000_0000;
      words[2 * bit + 1] = (0x8000_0000 | (0x8000_0000 >>> shift)) >>> 0;
    }
    return new Uint8Array(words.buffer);
  });
}

for (const shift of [13, 15, 16, 32]) {
  test(`intern() takes 20,000 strings made to collide (shift ${shift}) in no more probes`, () => {
    const strings = makeColliding(20_000, shift % 32);
    const slots = new Set(strings.map((one) => hash(one) & 0x7fff));
    assert.ok(slots.size > 10_000, `${slots.size} slots of 32768`);
    const dictionary = new Dictionary();
    for (const [i, one] of strings.entries()) {
      assert.equal(dictionary.intern(one, 0, one.length), i + 1);
    }
  });
}
