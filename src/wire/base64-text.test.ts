// Lengths around the chunks, compared with Buffer.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseBase64, printBase64 } from "./base64-text.ts";

test("printBase64() writes what Buffer writes, at every length around its chunks", () => {
  const lengths = [0, 1, 2, 3, 4, 5, 255, 12_287, 12_288, 12_289, 12_290, 24_577];
  for (const length of lengths) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 151 + length) & 0xff);
    assert.equal(printBase64(bytes), Buffer.from(bytes).toString("base64"), `${length} bytes`);
  }
});

test("parseBase64() reads what Buffer writes, in both alphabets, with and without padding", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const padded = Buffer.from(bytes).toString("base64");
    for (const text of [
      padded,
      padded.replaceAll("=", ""),
      Buffer.from(bytes).toString("base64url"),
    ]) {
      const within = Buffer.from(`"${text}"`);
      assert.deepEqual(parseBase64(within, 1, within.length - 1), Uint8Array.from(bytes));
    }
  });
  fc.assert(property);
});

test("parseBase64() refuses what is no base64", () => {
  for (const text of ["A", "AA=", "A===", "====", "AAAAA", "AA==AA==", "A A=", "AA=A", "é==="]) {
    const bytes = Buffer.from(text);
    assert.equal(parseBase64(bytes, 0, bytes.length), undefined, text);
  }
});
