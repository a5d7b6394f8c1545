// isUtf8() against the decoder of the platform.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isUtf8 } from "./utf8.ts";

const strict = new TextDecoder("utf-8", { fatal: true });

function decodes(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

test("isUtf8() agrees with TextDecoder on every sequence of edge bytes", () => {
  // Both sides of every boundary of the table, at each of four places.
  const edges = [
    0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
    0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
  ];
  const bytes = new Uint8Array(4);
  for (const a of edges) {
    for (const b of edges) {
      for (const c of edges) {
        for (const d of edges) {
          bytes.set([a, b, c, d]);
          if (isUtf8(bytes) !== decodes(bytes)) assert.fail(`${a} ${b} ${c} ${d}`);
        }
      }
    }
  }
});

test("isUtf8() agrees with TextDecoder on text that is cut and broken", () => {
  const text = fc.string({ unit: "binary", maxLength: 20 });
  const property = fc.property(
    text,
    fc.nat(80),
    fc.nat(80),
    fc.nat(255),
    (whole, end, at, byte) => {
      const bytes = Buffer.from(whole, "utf8");
      assert.ok(isUtf8(bytes));
      assert.equal(isUtf8(bytes, 0, Math.min(end, bytes.length)), decodes(bytes.subarray(0, end)));
      if (at < bytes.length) bytes[at] = byte;
      assert.equal(isUtf8(bytes), decodes(bytes));
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test("isUtf8() looks at the range alone", () => {
  const bytes = Uint8Array.of(0xff, 0x61, 0xc3, 0xa9, 0xff);
  assert.equal(isUtf8(bytes, 1, 4), true);
  assert.equal(isUtf8(bytes, 1, 3), false);
  assert.equal(isUtf8(bytes, 2, 2), true);
});
