// Numbers, truth values, quotes and times: what is read, and Go's words about what is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  parseGoBool,
  parseGoFloat,
  parseGoInt,
  parseGoUint32,
  parseRfc3339Us,
  printGoQuoted,
  printRfc3339Us,
} from "./go-values.ts";

const int32 = (text: string): number => parseGoInt(text, 32);
const int64 = (text: string): number => parseGoInt(text, 64);

const values: readonly (readonly [(text: string) => unknown, string, unknown])[] = [
  [int32, "0", 0],
  [int32, "-2147483648", -2147483648],
  [int32, "+7", 7],
  [int64, "1700000000000000", 1_700_000_000_000_000],
  [parseGoUint32, "4294967295", 4294967295],
  [parseGoBool, "true", true],
  [parseGoBool, "T", true],
  [parseGoBool, "0", false],
  [parseGoBool, "False", false],
  [parseGoFloat, "0.95", 0.95],
  [parseGoFloat, ".5", 0.5],
  [parseGoFloat, "1e-3", 0.001],
  [parseGoFloat, "-Inf", -Infinity],
  [parseGoFloat, "NaN", Number.NaN],
];
for (const [parse, text, expected] of values) {
  test(`${parse.name || "parse"}() reads ${text}`, () => assert.equal(parse(text), expected));
}

// Texts of Go 1.22, as its own functions print them.
const refusals: readonly (readonly [(text: string) => unknown, string, string])[] = [
  [int64, "", 'strconv.ParseInt: parsing "": invalid syntax'],
  [int64, "abc", 'strconv.ParseInt: parsing "abc": invalid syntax'],
  [int64, "1.5", 'strconv.ParseInt: parsing "1.5": invalid syntax'],
  [int64, "1_000", 'strconv.ParseInt: parsing "1_000": invalid syntax'],
  [int64, " 1", 'strconv.ParseInt: parsing " 1": invalid syntax'],
  [int64, '"\n', 'strconv.ParseInt: parsing "\\"\\n": invalid syntax'],
  [
    int64,
    "9223372036854775808",
    'strconv.ParseInt: parsing "9223372036854775808": value out of range',
  ],
  [int32, "2147483648", 'strconv.ParseInt: parsing "2147483648": value out of range'],
  [parseGoUint32, "-1", 'strconv.ParseUint: parsing "-1": invalid syntax'],
  [parseGoUint32, "4294967296", 'strconv.ParseUint: parsing "4294967296": value out of range'],
  [parseGoBool, "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'],
  [parseGoFloat, "", 'strconv.ParseFloat: parsing "": invalid syntax'],
  [parseGoFloat, "0,5", 'strconv.ParseFloat: parsing "0,5": invalid syntax'],
  [parseGoFloat, "1e999", 'strconv.ParseFloat: parsing "1e999": value out of range'],
];
for (const [parse, text, message] of refusals) {
  test(`${parse.name || "parse"}() refuses ${JSON.stringify(text)} in Go's words`, () => {
    assert.throws(() => parse(text), { code: "bad-input", message });
  });
}

const quoted: readonly (readonly [string, string])[] = [
  ["plain é 🔥", '"plain é 🔥"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ["\u0007\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
  ["\u0000\u001f\u007f", '"\\x00\\x1f\\x7f"'],
  ["\u0085\u200b\u2028", '"\\u0085\\u200b\\u2028"'],
];
for (const [text, expected] of quoted) {
  test(`printGoQuoted() prints ${expected}`, () => assert.equal(printGoQuoted(text), expected));
}

const times: readonly (readonly [string, number])[] = [
  ["1970-01-01T00:00:00Z", 0],
  ["2023-11-14T22:13:20Z", 1_700_000_000_000_000],
  ["2023-11-14T22:13:20.123456789Z", 1_700_000_000_123_456],
  ["2023-11-14T22:13:20.5Z", 1_700_000_000_500_000],
  ["2023-11-15T06:13:20+08:00", 1_700_000_000_000_000],
  ["2023-11-14T16:43:20-05:30", 1_700_000_000_000_000],
  ["0001-01-01T00:00:00Z", -62_135_596_800_000_000],
  ["2024-02-29T00:00:00Z", 1_709_164_800_000_000],
];
for (const [text, us] of times) {
  test(`parseRfc3339Us() reads ${text}`, () => assert.equal(parseRfc3339Us(text), us));
}

const layout = '"2006-01-02T15:04:05.999999999Z07:00"';
const badTimes: readonly (readonly [string, string])[] = [
  ["abc", `"abc" as ${layout}: cannot parse "abc" as "2006"`],
  ["2023", `"2023" as ${layout}: cannot parse "" as "-"`],
  ["2023-1-1", `"2023-1-1" as ${layout}: cannot parse "1-1" as "01"`],
  ["2023-11-14 22:13:20Z", `"2023-11-14 22:13:20Z" as ${layout}: cannot parse " 22:13:20Z" as "T"`],
  ["2023-11-14T22:13:20", `"2023-11-14T22:13:20" as ${layout}: cannot parse "" as "Z07:00"`],
  ["2023-13-14T22:13:20Z", '"2023-13-14T22:13:20Z": month out of range'],
  ["2023-02-29T22:13:20Z", '"2023-02-29T22:13:20Z": day out of range'],
  ["2023-11-14T24:13:20Z", '"2023-11-14T24:13:20Z": hour out of range'],
  ["2023-11-14T22:13:20Zx", '"2023-11-14T22:13:20Zx": extra text: "x"'],
];
for (const [text, message] of badTimes) {
  test(`parseRfc3339Us() refuses ${text} in Go's words`, () => {
    assert.throws(() => parseRfc3339Us(text), { message: `parsing time ${message}` });
  });
}

test("printRfc3339Us() is read back by parseRfc3339Us()", () => {
  assert.equal(printRfc3339Us(1_700_000_000_000_000), "2023-11-14T22:13:20Z");
  assert.equal(printRfc3339Us(1_700_000_000_100_000), "2023-11-14T22:13:20.100Z");
  fc.assert(
    fc.property(fc.integer({ min: -6e16, max: 2 ** 53 }), (us) => {
      assert.equal(parseRfc3339Us(printRfc3339Us(us)), us);
    }),
  );
});
