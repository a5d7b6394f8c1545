// Every encoding, small (on the event loop) and large (in the pool), and what is refused.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import * as zlib from "node:zlib";
import { makeByteBudget } from "./byte-budget.ts";
import { decompress, type Encoding } from "./decompress.ts";

const MIB = 1024 * 1024;
const text = Buffer.from("attributes repeat themselves, ".repeat(3_000));
const noise = randomBytes(600_000); // stays over 256 KiB when compressed: goes to the pool

const packers: readonly (readonly [what: string, Encoding, (plain: Buffer) => Buffer])[] = [
  ["gzip", "gzip", (plain) => zlib.gzipSync(plain)],
  ["zlib", "deflate", (plain) => zlib.deflateSync(plain)],
  ["bare deflate", "deflate", (plain) => zlib.deflateRawSync(plain)],
  ["zstd", "zstd", (plain) => zlib.zstdCompressSync(plain)],
];

for (const [what, encoding, pack] of packers) {
  for (const [size, plain] of [
    ["an empty body", Buffer.alloc(0)],
    ["one byte", Buffer.from("x")],
    ["a text", text],
    ["600 KB of noise", noise],
    ["a body of exactly the bound", randomBytes(MIB)],
    ["zeros that shrink 1000:1", Buffer.alloc(MIB)],
  ] as const) {
    test(`decompress() reads ${size} in ${what}`, async () => {
      const budget = makeByteBudget(8 * MIB);
      const got = await decompress(encoding, pack(plain), MIB, budget);
      assert.ok(plain.equals(got));
      assert.equal(budget.heldBytes, plain.length);
    });
  }

  test(`decompress() leaves a small body of ${what} that becomes large to the pool`, async () => {
    const plain = Buffer.alloc(5 * MIB);
    const budget = makeByteBudget(10 * MIB); // in pieces and, for a moment, as one
    const got = decompress(encoding, pack(plain), 6 * MIB, budget);
    assert.ok(got instanceof Promise);
    assert.ok(plain.equals(await got));
    assert.equal(budget.heldBytes, plain.length);
  });

  for (const bytes of [MIB + 1, 8 * MIB]) {
    test(`decompress() stops ${what} of ${bytes} bytes at the bound`, async () => {
      const budget = makeByteBudget(64 * MIB);
      for (const plain of [Buffer.alloc(bytes), randomBytes(bytes)]) {
        const refused = async () => decompress(encoding, pack(plain), MIB, budget);
        await assert.rejects(refused, { reason: "too-large", message: /over 1048576 bytes/ });
      }
      assert.equal(budget.heldBytes, 0);
    });
  }

  test(`decompress() refuses ${what} that is cut off, damaged or none`, async () => {
    const budget = makeByteBudget(8 * MIB);
    const packed = pack(text);
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, packed.length >> 1);
    for (const body of [packed.subarray(0, -9), damaged, Buffer.from("no such thing at all")]) {
      const refused = async () => decompress(encoding, body, MIB, budget);
      await assert.rejects(refused, { reason: "corrupt", message: new RegExp(`not ${encoding}`) });
    }
    const large = pack(noise).subarray(0, -9);
    await assert.rejects(async () => decompress(encoding, large, MIB, budget), {
      reason: "corrupt",
    });
    assert.equal(budget.heldBytes, 0);
  });

  test(`decompress() refuses ${what} when the budget is used up`, async () => {
    for (const plain of [text, noise]) {
      const budget = makeByteBudget(50_000);
      const refused = async () => decompress(encoding, pack(plain), MIB, budget);
      await assert.rejects(refused, { reason: "over-budget" });
      assert.equal(budget.heldBytes, 0);
    }
  });
}

test("decompress() reads gzip of several members, and one that lies about its length", async () => {
  const members = Buffer.concat([zlib.gzipSync("one, "), zlib.gzipSync(text)]);
  const budget = makeByteBudget(8 * MIB);
  const got = await decompress("gzip", members, MIB, budget);
  assert.ok(Buffer.concat([Buffer.from("one, "), text]).equals(got));
  const lying = zlib.gzipSync(text);
  lying.writeUInt32LE(2 ** 32 - 1, lying.length - 4);
  await assert.rejects(async () => decompress("gzip", lying, MIB, budget), { reason: "corrupt" });
});

test("decompress() keeps no more memory than the body needs", async () => {
  const budget = makeByteBudget(64 * MIB);
  for (const plain of [Buffer.from("x".repeat(100)), text, Buffer.alloc(MIB)]) {
    const got = await decompress("deflate", zlib.deflateSync(plain), 4 * MIB, budget);
    assert.ok(got.buffer.byteLength <= Math.max(1.25 * plain.length, 8_192));
  }
});
