// Checksums against published vectors, and whatever way the bytes are cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CHECKSUM_CRC32,
  CHECKSUM_CRC32C,
  CHECKSUM_FARMHASH,
  CHECKSUM_NONE,
  addChecksum,
  checksumBytes,
  isChecksum,
} from "./tchannel-checksum.ts";

const from = (byteAt: (i: number) => number, length = 32): Uint8Array =>
  Uint8Array.from({ length }, (_byte, i) => byteAt(i));
const digits = new TextEncoder().encode("123456789");

/** RFC 3720 B.4, and what every table of CRCs gives as the check value. */
const vectors: readonly (readonly [type: number, bytes: Uint8Array, checksum: number])[] = [
  [CHECKSUM_CRC32C, from(() => 0), 0x8a9136aa],
  [CHECKSUM_CRC32C, from(() => 0xff), 0x62a8ab43],
  [CHECKSUM_CRC32C, from((i) => i), 0x46dd794e],
  [CHECKSUM_CRC32C, from((i) => 31 - i), 0x113fdb5c],
  [CHECKSUM_CRC32C, digits, 0xe3069283],
  [CHECKSUM_CRC32C, new Uint8Array(0), 0],
  [CHECKSUM_CRC32, digits, 0xcbf43926],
  [CHECKSUM_NONE, digits, 0],
];

for (const [type, bytes, checksum] of vectors) {
  test(`addChecksum() of type ${type} is ${checksum.toString(16)}, as published`, () => {
    assert.equal(addChecksum(type, 0, bytes), checksum);
  });
}

test("addChecksum() is the same however the bytes are cut", () => {
  const bytes = fc.uint8Array({ maxLength: 100 });
  const type = fc.constantFrom(CHECKSUM_CRC32, CHECKSUM_CRC32C);
  fc.assert(
    fc.property(type, bytes, bytes, (kind, a, b) => {
      const parts = addChecksum(kind, addChecksum(kind, 0, a), b);
      assert.equal(parts, addChecksum(kind, 0, Buffer.concat([a, b])));
    }),
  );
});

test("isChecksum() knows what is served, checksumBytes() what it takes", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 255].map((type) => isChecksum(type)),
    [true, true, false, true, false, false],
  );
  assert.deepEqual([CHECKSUM_NONE, CHECKSUM_CRC32, CHECKSUM_CRC32C].map(checksumBytes), [0, 4, 4]);
  assert.equal(isChecksum(CHECKSUM_FARMHASH), false);
});
