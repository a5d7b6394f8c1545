// Cursors through their text and back; no other text is one.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCursor, printCursor } from "./cursor-text.ts";

test("parseCursor() reads what printCursor() prints", () => {
  const ids = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(fc.maxSafeInteger(), ids, (startUs, traceId) => {
      const text = printCursor({ startUs, traceId });
      assert.match(text, /^[\w-]{32}$/);
      assert.deepEqual(parseCursor(text), { startUs, traceId });
    }),
  );
});

test("printCursor() prints times that are no whole µs, or negative", () => {
  const traceId = new Uint8Array(16).fill(7);
  assert.equal(parseCursor(printCursor({ startUs: -5, traceId })).startUs, -5);
});

const ours = printCursor({ startUs: 1_700_000_000_000_000, traceId: new Uint8Array(16).fill(255) });
for (const text of ["x", ours.slice(1), `${ours}A`, `${ours}=`, ` ${ours}`, "f".repeat(32)]) {
  test(`parseCursor() refuses ${text}`, () => {
    assert.throws(() => parseCursor(text), { code: "bad-input" });
  });
}
