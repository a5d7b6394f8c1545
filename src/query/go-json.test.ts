// JSON parameters: what they may hold, and Go's words about each way to get them wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseStringMap } from "./go-json.ts";

const maps: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ["{}", []],
  ["null", []],
  [' { "a" : "b" } ', [["a", "b"]]],
  [
    '{"a":"1","b":null,"a":"2"}',
    [
      ["a", "2"],
      ["b", ""],
    ],
  ],
  [
    '{"__proto__":"x","\\u00e9":"\\n"}',
    [
      ["__proto__", "x"],
      ["é", "\n"],
    ],
  ],
];
for (const [text, expected] of maps) {
  test(`parseStringMap() reads ${text}`, () => {
    assert.deepEqual([...parseStringMap(text)], expected);
  });
}

// Texts of Go 1.22's encoding/json for Unmarshal into map[string]string.
const refusals: readonly (readonly [string, string])[] = [
  ["", "unexpected end of JSON input"],
  ["{", "unexpected end of JSON input"],
  ['{"a":"b"', "unexpected end of JSON input"],
  ['{"a', "unexpected end of JSON input"],
  ["[1,", "unexpected end of JSON input"],
  ["tru", "unexpected end of JSON input"],
  ["-", "unexpected end of JSON input"],
  ["a:b", "invalid character 'a' looking for beginning of value"],
  ["'a'", "invalid character '\\'' looking for beginning of value"],
  ["{error}", "invalid character 'e' looking for beginning of object key string"],
  ['{"a":"b",}', "invalid character '}' looking for beginning of object key string"],
  ['{"a" "b"}', "invalid character '\"' after object key"],
  ['{"a":"b" "c"}', "invalid character '\"' after object key:value pair"],
  ["[1 2]", "invalid character '2' after array element"],
  ['{"a":"b"}x', "invalid character 'x' after top-level value"],
  ["01", "invalid character '1' after top-level value"],
  ['{"a":"\n"}', "invalid character '\\n' in string literal"],
  ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
  ['{"a":"\\u12g"}', "invalid character 'g' in \\u hexadecimal character escape"],
  ["-a", "invalid character 'a' in numeric literal"],
  ["1.a", "invalid character 'a' after decimal point in numeric literal"],
  ["1e+a", "invalid character 'a' in exponent of numeric literal"],
  ["trux", "invalid character 'x' in literal true (expecting 'e')"],
  ["é", "invalid character 'Ã' looking for beginning of value"],
  ['{"a":1}', "json: cannot unmarshal number into Go value of type string"],
  ['{"a":true}', "json: cannot unmarshal bool into Go value of type string"],
  ['{"a":{}}', "json: cannot unmarshal object into Go value of type string"],
  ['{"a":[]}', "json: cannot unmarshal array into Go value of type string"],
  ["[]", "json: cannot unmarshal array into Go value of type map[string]string"],
  ['"a"', "json: cannot unmarshal string into Go value of type map[string]string"],
];
for (const [text, message] of refusals) {
  test(`parseStringMap() refuses ${JSON.stringify(text)} in Go's words`, () => {
    assert.throws(() => parseStringMap(text), { code: "bad-input", message });
  });
}

test("parseStringMap() refuses as syntax exactly what is no JSON", () => {
  const characters = fc.constantFrom(...Array.from('{}[]:,"\\u019.eE+-tfn alse '), "rue", "ull");
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: characters }), fc.json()), (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      try {
        parseStringMap(text);
        assert.ok(isJson);
      } catch (error) {
        assert.ok(error instanceof Error);
        assert.equal(error.message.startsWith("json: cannot unmarshal"), isJson, error.message);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("parseStringMap() takes a million brackets", () => {
  assert.throws(() => parseStringMap("[".repeat(1_000_000)), { code: "bad-input" });
});
