// Addresses as people write them, compared with the reader of node:net.

import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { parseIp, printIp } from "./ip-text.ts";

const printed: readonly (readonly [text: string, printed: string])[] = [
  ["10.0.0.7", "10.0.0.7"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:DB8::0001", "2001:db8::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::ffff:10.0.0.7", "10.0.0.7"],
  ["64:ff9b::10.0.0.7", "64:ff9b::a00:7"],
  ["1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a"],
];

for (const [text, expected] of printed) {
  test(`printIp() prints what parseIp() reads from ${text}`, () => {
    assert.equal(printIp(parseIp(text) ?? new Uint8Array()), expected);
  });
}

const refused = [
  "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "a.b.c.d", ":", ":::", "1::2::3",
  "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "::1:2:3:4:5:6:7:8", "12345::", "fe80::1%eth0", "1.2.3.4::1",
  "1.2.3.4:1::", ":1", "1:", "::1:", "::g", "1:2:3:4:5:6:7:1.2.3.4", `${"0:".repeat(30)}1`,
]; // prettier-ignore

for (const text of refused) {
  test(`parseIp() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseIp(text), undefined);
  });
}

test("parseIp() accepts what Node's own reader accepts, but for zones", () => {
  const part = fc.constantFrom(
    "0",
    "1",
    "ab",
    "ffff",
    "10.0.0.7",
    "1.2.3.4",
    "::",
    ":",
    "256",
    "g",
    "",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join(parts.length > 4 ? ":" : "");
      assert.equal(parseIp(text) !== undefined, isIP(text) !== 0, text);
    }),
  );
});

test("printIp() gives text that parseIp() reads back", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (bytes, mask) => {
        const sparse = bytes.map((byte, at) => (mask[at]! < 128 ? 0 : byte));
        const read = parseIp(printIp(sparse) ?? "");
        const mapped =
          sparse.subarray(0, 10).every((byte) => byte === 0) &&
          sparse[10] === 255 &&
          sparse[11] === 255;
        assert.deepEqual(read, mapped ? sparse.slice(12) : sparse);
      },
    ),
  );
});

test("printIp() gives nothing for another length", () => {
  for (const length of [0, 1, 3, 5, 15, 17])
    assert.equal(printIp(new Uint8Array(length)), undefined);
});
