// Trace ids in every form that is taken, and the text about what is none.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseTraceId } from "./parse-trace-id.ts";

const ids: readonly (readonly [string, string])[] = [
  ["1", "00000000000000000000000000000001"],
  ["ABCdef", "00000000000000000000000000abcdef"],
  ["10000000000000002", "00000000000000010000000000000002"],
  ["0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"],
  ["AAAAAAAAAAEAAAAAAAAAAQ==", "00000000000000010000000000000001"],
  ["AAAAAAAAAAEAAAAAAAAAAQ", "00000000000000010000000000000001"],
  ["EjRWeJq83vD+3LqYdlQyEA==", "123456789abcdef0fedcba9876543210"],
  ["EjRWeJq83vD-3LqYdlQyEA==", "123456789abcdef0fedcba9876543210"],
  ["AAAAAAAAAP___________w==", "00000000000000ffffffffffffffffff"],
];
for (const [text, hex] of ids) {
  test(`parseTraceId() reads ${text}`, () => {
    assert.equal(Buffer.from(parseTraceId(text)).toString("hex"), hex);
  });
}

const long = "1".repeat(33);
const refusals: readonly (readonly [string, string])[] = [
  ["", 'strconv.ParseUint: parsing "": invalid syntax'],
  ["xyz", 'strconv.ParseUint: parsing "xyz": invalid syntax'],
  ["x0000000000000000", 'strconv.ParseUint: parsing "x": invalid syntax'],
  ["1000000000000000x", 'strconv.ParseUint: parsing "000000000000000x": invalid syntax'],
  ["0x1", 'strconv.ParseUint: parsing "0x1": invalid syntax'],
  [long, `TraceID cannot be longer than 32 hex characters: ${long}`],
];
for (const [text, message] of refusals) {
  test(`parseTraceId() refuses ${text}`, () => {
    assert.throws(() => parseTraceId(text), { code: "bad-input", message });
  });
}

test("parseTraceId() reads the base64 and the hex of any 16 bytes alike", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const buffer = Buffer.from(bytes);
      for (const form of ["hex", "base64", "base64url"] as const) {
        assert.deepEqual([...parseTraceId(buffer.toString(form))], [...bytes]);
      }
    }),
  );
});
