// Encoded arrays and maps with good and bad text at every place that can hold text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type MessageKind, hasBadText } from "./nested-text.ts";

// Bytes by protobuf's rules: tag, size, content. "\xff" stands for a byte that is not UTF-8.
const cases: readonly (readonly [what: string, kind: MessageKind, hex: string, bad: boolean])[] = [
  ["an empty array", "array", "", false],
  ['["a", "é"]', "array", "0a030a0161" + "0a040a02c3a9", false],
  ['["\\xff"]', "array", "0a030a01ff", true],
  ["[half of é]", "array", "0a030a01c3", true],
  ["[bytes ff]", "array", "0a033a01ff", false],
  ["[-1.5]", "array", "0a0921000000000000f8bf", false],
  ["[-1]", "array", "0a0b18ffffffffffffffffff01", false],
  ["[true]", "array", "0a021001", false],
  ['[["\\xff"]]', "array", "0a072a050a030a01ff", true],
  ['[{"k": "\\xff"}]', "array", "0a0c320a0a080a016b12030a01ff", true],
  ['[{"\\xff": null}]', "array", "0a0932070a050a01ff1200", true],
  ['{"k": "v"}', "map", "0a080a016b12030a0176", false],
  ['{"\\xff": "v"}', "map", "0a080a01ff12030a0176", true],
  ['{"k": "\\xff"}', "map", "0a080a016b12030a01ff", true],
  ['{"k": ["a", "\\xff"]}', "map", "0a110a016b120c2a0a" + "0a030a0161" + "0a030a01ff", true],
  ["a text of 200 bytes", "array", `0acb010ac801${"61".repeat(200)}`, false],
  ["a size beyond the end", "array", "0a030a0261", true],
  ["a group, which no message has", "array", "0b", true],
  ["a number that is cut off", "array", "0a0118", true],
];

for (const [what, kind, hex, bad] of cases) {
  test(`hasBadText() says ${bad} of ${what}`, () => {
    assert.equal(hasBadText(Buffer.from(hex, "hex"), kind), bad);
  });
}

test("hasBadText() gives up on nesting that no reader lets in, and keeps the stack", () => {
  let message = Buffer.alloc(0);
  const sizeOf = (bytes: number): number[] =>
    bytes < 128 ? [bytes] : [(bytes & 0x7f) | 0x80, ...sizeOf(bytes >> 7)];
  for (let depth = 0; depth < 2_000; depth++) {
    const array = Buffer.concat([Uint8Array.of(0x2a, ...sizeOf(message.length)), message]);
    message = Buffer.concat([Uint8Array.of(0x0a, ...sizeOf(array.length)), array]);
  }
  assert.equal(hasBadText(message, "array"), true);
});
