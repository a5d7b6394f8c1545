// Bodies as they come off the wire, without a socket: encodings, bounds, and what is given back.

import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import * as zlib from "node:zlib";
import { makeByteBudget } from "./byte-budget.ts";
import { hasBody, HttpBodyReader } from "./http-body.ts";

const bounds = { bodyBytesMax: 1_000, plainBytesMax: 5_000 };
const text = Buffer.from("spans ".repeat(500));

/** All that the reader looks at. */
function request(headers: Readonly<Record<string, string>>): IncomingMessage {
  return { headers } as unknown as IncomingMessage;
}

const good: readonly (readonly [encoding: string, body: Buffer])[] = [
  ["gzip", zlib.gzipSync(text)],
  [" X-GZIP ", zlib.gzipSync(text)],
  ["deflate", zlib.deflateSync(text)],
  ["zlib", zlib.deflateSync(text)],
  ["zstd", zlib.zstdCompressSync(text)],
];

for (const [encoding, body] of good) {
  test(`HttpBodyReader.finish() unpacks "${encoding}", in any pieces`, async () => {
    for (const declared of [{}, { "content-length": String(body.length) }]) {
      const budget = makeByteBudget(1_000_000);
      const headers = { ...declared, "content-encoding": encoding };
      const reader = new HttpBodyReader(request(headers), bounds, budget);
      for (let at = 0; at < body.length; at += 7) reader.add(body.subarray(at, at + 7));
      assert.equal(budget.heldBytes, body.length);
      assert.deepEqual(Buffer.from(await reader.finish()), text);
      assert.equal(budget.heldBytes, text.length, "only the plain body is held");
      reader.release();
      reader.release();
      assert.equal(budget.heldBytes, 0);
    }
  });
}

for (const encoding of ["", "identity", "Identity"]) {
  test(`HttpBodyReader.finish() gives what came with encoding "${encoding}"`, () => {
    const budget = makeByteBudget(1_000_000);
    const headers = { "content-encoding": encoding };
    const reader = new HttpBodyReader(request(headers), bounds, budget);
    reader.add(Buffer.from("ab"));
    reader.add(Buffer.from("c"));
    assert.deepEqual(Buffer.from(reader.finish() as Uint8Array), Buffer.from("abc"));
    reader.release();
    assert.equal(budget.heldBytes, 0);
  });
}

test("HttpBodyReader.finish() gives nothing for nothing, whatever the encoding", () => {
  const budget = makeByteBudget(1_000_000);
  const reader = new HttpBodyReader(request({ "content-encoding": "gzip" }), bounds, budget);
  assert.equal((reader.finish() as Uint8Array).length, 0);
});

const refused: readonly (readonly [
  reason: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
  budgetBytes?: number,
])[] = [
  ["unknown-encoding", { "content-encoding": "br" }, Buffer.alloc(1)],
  ["unknown-encoding", { "content-encoding": "gzip, gzip" }, Buffer.alloc(1)],
  ["unknown-encoding", { "content-encoding": "__proto__" }, Buffer.alloc(1)],
  ["too-large", { "content-length": "1001" }, Buffer.alloc(0)],
  ["too-large", {}, Buffer.alloc(1_001)],
  ["too-large", { "content-encoding": "gzip" }, zlib.gzipSync(Buffer.alloc(5_001))],
  ["over-budget", {}, Buffer.alloc(101), 100],
  ["over-budget", { "content-encoding": "gzip" }, zlib.gzipSync(text), 2_000],
  ["corrupt", { "content-encoding": "gzip" }, Buffer.from("no gzip")],
  ["corrupt", { "content-encoding": "zstd" }, zlib.zstdCompressSync(text).subarray(0, -1)],
];

for (const [reason, headers, body, budgetBytes = 1_000_000] of refused) {
  const what = JSON.stringify(headers);
  test(`HttpBodyReader refuses ${body.length} bytes with ${what}: ${reason}`, async () => {
    const budget = makeByteBudget(budgetBytes);
    let reader: HttpBodyReader | undefined;
    const read = async (): Promise<void> => {
      reader = new HttpBodyReader(request(headers), bounds, budget);
      reader.add(body);
      await reader.finish();
    };
    await assert.rejects(read, { name: "BodyError", reason });
    reader?.release();
    assert.equal(budget.heldBytes, 0);
  });
}

const announced: readonly (readonly [Readonly<Record<string, string>>, boolean])[] = [
  [{}, false],
  [{ "content-length": "0" }, false],
  [{ "content-length": "1" }, true],
  [{ "transfer-encoding": "chunked" }, true],
];

for (const [headers, isAnnounced] of announced) {
  test(`hasBody() is ${isAnnounced} for ${JSON.stringify(headers)}`, () => {
    assert.equal(hasBody(request(headers)), isAnnounced);
  });
}
