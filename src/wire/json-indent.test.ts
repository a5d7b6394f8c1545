// JSON on lines, compared with JSON.stringify.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsonIndenter, indentJson } from "./json-indent.ts";

test("indentJson() sets JSON out as JSON.stringify does with four spaces", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary" }), (json) => {
      const value = JSON.parse(json) as unknown;
      assert.equal(indentJson(JSON.stringify(value)), JSON.stringify(value, null, 4));
    }),
  );
});

test("JsonIndenter takes a text in pieces that are cut anywhere", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary" }), fc.integer({ min: 1, max: 9 }), (json, size) => {
      const text = JSON.stringify(JSON.parse(json));
      const bytes = new TextEncoder().encode(text);
      const indenter = new JsonIndenter();
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        pieces.push(indenter.indent(bytes.subarray(at, at + size)));
      }
      assert.equal(Buffer.concat(pieces).toString(), indentJson(text));
    }),
  );
});

test("indentJson() sets out what is nested deeply", () => {
  const value = JSON.parse("[".repeat(100) + "1" + "]".repeat(100)) as unknown;
  assert.equal(indentJson(JSON.stringify(value)), printDeep(100));
});

/** JSON.stringify with a number of spaces, without its limits. */
function printDeep(depth: number): string {
  let text = "1";
  for (let level = depth - 1; level >= 0; level--) {
    const pad = " ".repeat(4 * level);
    text = `[\n${pad}    ${text}\n${pad}]`;
  }
  return text;
}

test("indentJson() leaves numbers and strings as they are", () => {
  const text = '{"a":[-0,1e400,12345678901234567890,"{\\"[,:"],"b":{}}';
  assert.equal(
    indentJson(text),
    '{\n    "a": [\n        -0,\n        1e400,\n        12345678901234567890,\n' +
      '        "{\\"[,:"\n    ],\n    "b": {}\n}',
  );
});
