import assert from "node:assert/strict";
import { test } from "node:test";
import { printBase64 } from "./base64-text.ts";

test("printBase64() writes what Buffer writes, at every length around its chunks", () => {
  const lengths = [0, 1, 2, 3, 4, 5, 255, 12_287, 12_288, 12_289, 12_290, 24_577];
  for (const length of lengths) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 151 + length) & 0xff);
    assert.equal(printBase64(bytes), Buffer.from(bytes).toString("base64"), `${length} bytes`);
  }
});
