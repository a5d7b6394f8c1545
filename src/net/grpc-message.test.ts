// Messages in chunks that end anywhere, and prefixes that lie.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import fc from "fast-check";
import { makeByteBudget } from "./byte-budget.ts";
import type { Encoding } from "./decompress.ts";
import { GrpcMessageReader, writeGrpcMessage } from "./grpc-message.ts";

const MAX = 100_000;

/** Reads `body`, cut into chunks of `chunkBytes`, to its messages. */
async function readAll(body: Uint8Array, chunkBytes: number, encoding?: Encoding) {
  const budget = makeByteBudget(10_000_000);
  const messages: Buffer[] = [];
  const pending: Promise<void>[] = [];
  const reader = new GrpcMessageReader(encoding, MAX, budget, (frame) => {
    const read = async () => {
      messages.push(Buffer.from(await frame.read()));
      frame.release();
    };
    pending.push(read());
  });
  try {
    for (let at = 0; at < body.length; at += chunkBytes) {
      reader.add(body.subarray(at, at + chunkBytes));
    }
    await Promise.all(pending);
  } finally {
    reader.release();
  }
  return { messages, isBetween: reader.isBetween, heldBytes: budget.heldBytes };
}

const framed = (flag: number, message: Uint8Array): Buffer => {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
};

test("writeGrpcMessage() is read back, in chunks of any size", async () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 20_000 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(messages, fc.integer({ min: 1, max: 30_000 }), async (sent, chunkBytes) => {
      const body = Buffer.concat(sent.flatMap((message) => writeGrpcMessage(message)));
      const got = await readAll(body, chunkBytes);
      assert.deepEqual(
        got.messages,
        sent.map((message) => Buffer.from(message)),
      );
      assert.deepEqual([got.isBetween, got.heldBytes], [true, 0]);
    }),
    { numRuns: 60 },
  );
});

test("GrpcMessageReader reads what the specification shows", async () => {
  const body = Buffer.from("00000000020801" + "0000000000", "hex");
  const { messages } = await readAll(body, 1);
  assert.deepEqual(messages, [Buffer.from("0801", "hex"), Buffer.alloc(0)]);
});

test("GrpcMessageReader unpacks messages with the flag, and only those", async () => {
  const body = Buffer.concat([
    framed(1, zlib.gzipSync("packed")),
    framed(0, Buffer.from("plain")),
    framed(1, zlib.gzipSync("")),
  ]);
  const { messages, heldBytes } = await readAll(body, 7, "gzip");
  assert.deepEqual(messages.map(String), ["packed", "plain", ""]);
  assert.equal(heldBytes, 0);
});

const refused: readonly (readonly [what: string, Buffer, reason: string, Encoding?])[] = [
  ["2^32-1 bytes", Buffer.from("00ffffffff", "hex"), "too-large"],
  ["2^31 bytes", Buffer.from("0080000000", "hex"), "too-large"],
  ["one byte more than allowed", framed(0, Buffer.alloc(MAX + 1)), "too-large"],
  ["a flag of 2", Buffer.from("0200000000", "hex"), "corrupt"],
  ["a flag without an encoding", framed(1, zlib.gzipSync("x")), "corrupt"],
  ["a bomb", framed(1, zlib.gzipSync(Buffer.alloc(50_000_000))), "too-large", "gzip"],
  ["packed nonsense", framed(1, Buffer.from("nonsense")), "corrupt", "gzip"],
];

for (const [what, body, reason, encoding] of refused) {
  test(`GrpcMessageReader refuses ${what}`, async () => {
    await assert.rejects(readAll(body, 16_384, encoding), { reason });
  });
}

test("GrpcMessageReader knows whether a message is cut off", async () => {
  const body = framed(0, Buffer.from("message"));
  for (let end = 1; end < body.length; end++) {
    const { messages, isBetween, heldBytes } = await readAll(body.subarray(0, end), 3);
    assert.deepEqual([messages.length, isBetween, heldBytes], [0, false, 0], `${end} bytes`);
  }
});
