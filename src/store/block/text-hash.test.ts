// Values of MurmurHash3_x86_32 that its other implementations publish.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hashText } from "./text-hash.ts";

const cases: readonly (readonly [text: string, seed: number, hash: number])[] = [
  ["", 0, 0],
  ["", 1, 0x514e28b7],
  ["", 0xffffffff, 0x81f16f39],
  ["aaaa", 0x9747b28c, 0x5a97808a],
  ["abc", 0, 0xb3dd93fa],
  ["test", 0, 0xba6bd213],
  ["Hello, world!", 0, 0xc0363e43],
  ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
];

for (const [text, seed, hash] of cases) {
  test(`hashText() of ${JSON.stringify(text)} with seed ${seed}`, () => {
    const bytes = new TextEncoder().encode(`x${text}y`);
    assert.equal(hashText(new DataView(bytes.buffer), 1, bytes.length - 1, seed), hash);
  });
}
