// Frames that the documented calls of node:zlib read and write, and frames that are none.

import assert from "node:assert/strict";
import { test } from "node:test";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { frameBytesMax, knowsStreams, readFrame, writeFrame } from "./zstd.ts";

function write(contents: Uint8Array, level = 1): Uint8Array {
  const frame = new Uint8Array(frameBytesMax(contents.length));
  return frame.slice(0, writeFrame(contents, level, frame));
}

function read(frame: Uint8Array, bytes: number, more = 1): Uint8Array {
  const contents = new Uint8Array(bytes + more);
  readFrame(frame, contents, bytes);
  return contents.slice(0, bytes);
}

test("knowsStreams() finds the streams of this Node as they were known", () => {
  assert.equal(knowsStreams(), true);
});

const contents = fc.oneof(
  fc.uint8Array({ maxLength: 5_000 }),
  fc.array(fc.constantFrom(0, 1, 2), { maxLength: 80_000 }).map((bytes) => Uint8Array.from(bytes)),
);

test("writeFrame() writes what node:zlib reads, at every level", () => {
  fc.assert(
    fc.property(contents, fc.integer({ min: 1, max: 9 }), (bytes, level) => {
      assert.deepEqual(new Uint8Array(zstdDecompressSync(write(bytes, level))), bytes);
    }),
    { numRuns: 60 },
  );
});

test("readFrame() reads what node:zlib writes", () => {
  fc.assert(
    fc.property(contents, fc.integer({ min: 1, max: 100 }), (bytes, more) => {
      assert.deepEqual(read(zstdCompressSync(bytes), bytes.length, more), bytes);
    }),
    { numRuns: 60 },
  );
});

const refused = { code: "unavailable", message: /decompressed/ };

test("readFrame() refuses what is no frame of so many bytes, and reads the next one", () => {
  const bytes = Uint8Array.from({ length: 3_000 }, (_, at) => (at * at) % 251);
  const frame = write(bytes);
  // The last one lacks only what ends the frame: nothing of its contents.
  for (let length = 0; length < frame.length - 3; length++) {
    assert.throws(() => read(frame.subarray(0, length), bytes.length), refused, `${length} bytes`);
    if (length % 50 === 0) assert.deepEqual(read(frame, bytes.length), bytes);
  }
  assert.deepEqual(read(frame, bytes.length), bytes);
  for (const wrong of [0, 1, 2_999, 3_001, 100_000]) {
    assert.throws(() => read(frame, wrong), refused);
    assert.deepEqual(read(frame, bytes.length), bytes);
  }
  assert.throws(() => read(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 100), refused);
  assert.deepEqual(read(frame, bytes.length), bytes);
});

test("readFrame() reads a frame after one whose end is missing", () => {
  const bytes = Uint8Array.from({ length: 50 }, (_, at) => at);
  // RFC 8878: one raw block that is not the last one, and nothing behind it.
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 50, (50 << 3) & 0xff, (50 << 3) >> 8, 0];
  const open = Uint8Array.from([...head, ...bytes]);
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(read(open, 50), bytes);
    assert.deepEqual(read(zstdCompressSync(bytes), 50), bytes);
  }
});

test("readFrame() survives every flipped byte", () => {
  const bytes = Uint8Array.from({ length: 600 }, (_, at) => (at * at) % 97);
  const frame = write(bytes);
  for (let at = 0; at < frame.length; at++) {
    const flipped = frame.slice();
    flipped[at]! ^= 0x55;
    try {
      read(flipped, bytes.length);
    } catch (error) {
      assert.equal((error as { code: string }).code, "unavailable");
    }
    assert.deepEqual(read(frame, bytes.length), bytes, `after byte ${at}`);
  }
});
