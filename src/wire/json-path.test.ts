// The path to an offset, at every kind of place, in sound and in broken texts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { printJsonPath } from "./json-path.ts";

/** The offset is that of `^`, which is taken out. */
const cases: readonly (readonly [text: string, path: string])[] = [
  ["^", ""],
  ["^{}", ""],
  ["{^", ""],
  ['{"a":^', "a"],
  ['{"a":1,^', "a"],
  ['{"a":1,"b":^', "b"],
  ['{"a":{"b":^', "a.b"],
  ['{"a":{"b":1}^', "a"],
  ['{"a":[^', "a[0]"],
  ['{"a":[1,{},[2,3],^', "a[3]"],
  ['{"a":[1,{"x":[0,0]}],"b":[{"c":[^', "b[0].c[0]"],
  ["[[],[1,^", "[1][1]"],
  ['{"a":"\\"}],","b":^', "b"],
  ['{"a":"\\\\","b":^', "b"],
  ['{"a b":^', "?"],
  [`{"${"a".repeat(41)}":^`, "?"],
  ['{"Jos\u00e9":^', "?"],
  ['{"a":"^', "a"],
  ["]}^", ""],
];

for (const [marked, path] of cases) {
  test(`printJsonPath() of ${marked}`, () => {
    const before = Buffer.from(marked.slice(0, marked.indexOf("^")));
    const text = Buffer.from(marked.replace("^", ""));
    assert.equal(printJsonPath(text, before.length), path);
  });
}

test("printJsonPath() of a deep text is short", () => {
  const text = Buffer.from("[".repeat(100_000));
  assert.equal(printJsonPath(text, text.length), `${"[0]".repeat(32)}…`);
});

test("printJsonPath() of an offset behind the end stops there", () => {
  assert.equal(printJsonPath(Buffer.from('{"a":"'), 1000), "a");
});
