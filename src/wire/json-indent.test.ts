// JSON on lines, compared with JSON.stringify.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { indentJson } from "./json-indent.ts";

test("indentJson() sets JSON out as JSON.stringify does with four spaces", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary" }), (json) => {
      const value = JSON.parse(json) as unknown;
      assert.equal(indentJson(JSON.stringify(value)), JSON.stringify(value, null, 4));
    }),
  );
});

test("indentJson() leaves numbers and strings as they are", () => {
  const text = '{"a":[-0,1e400,12345678901234567890,"{\\"[,:"],"b":{}}';
  assert.equal(
    indentJson(text),
    '{\n    "a": [\n        -0,\n        1e400,\n        12345678901234567890,\n' +
      '        "{\\"[,:"\n    ],\n    "b": {}\n}',
  );
});
