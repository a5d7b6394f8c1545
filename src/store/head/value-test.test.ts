// Every operator against every kind of value, odd ones above all.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ARRAY,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  MAP,
  STRING,
} from "../../model/attribute-table.ts";
import { Dictionary } from "../../model/dictionary.ts";
import { NUMBER_CHARS_MAX, OPERATORS, type Operator } from "../../model/trace-query.ts";
import { scannedTypeOf, valuesEqualTo } from "./equal-values.ts";
import { checkConditions, makeValueTest, meetsTest } from "./value-test.ts";
import { textOfValue, wordsOfDouble, wordsOfInt } from "./value-text.ts";

const dictionary = new Dictionary();
type Value = readonly [type: number, low: number, high: number];

const text = (value: string): Value => [STRING, dictionary.internText(value), 0];
const int = (value: bigint): Value => [INT, ...wordsOfInt(value)];
const double = (value: number): Value => [DOUBLE, ...wordsOfDouble(value)];
const bytes = (hex: string, type = BYTES): Value => {
  const own = Buffer.from(hex, "hex");
  return [type, dictionary.intern(own, 0, own.length), 0];
};

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Values by the names that the cases call them by. */
const values: Readonly<Record<string, Value>> = {
  '""': text(""),
  '"503"': text("503"),
  '"1000"': text("1000"),
  '"1e3"': text("1e3"),
  '"max"': text(String(INT64_MAX)),
  '"acme"': text("acme"),
  '"é"': text("é"),
  '"😀"': text("😀"),
  '"\uffee"': text("\uffee"),
  '"NaN"': text("NaN"),
  '"a\\nb"': text("a\nb"),
  "503": int(503n),
  "1000": int(1_000n),
  max: int(INT64_MAX),
  min: int(INT64_MIN),
  "2^53+1": int(2n ** 53n + 1n),
  "1.5": double(1.5),
  "503.0": double(503),
  "1e3": double(1_000),
  NaN: double(NaN),
  "-0": double(-0),
  Infinity: double(Infinity),
  "2^53": double(2 ** 53),
  true: [BOOL, 1, 0],
  false: [BOOL, 0, 0],
  bytes: bytes("000102"),
  '["a"]': bytes("0a030a0161", ARRAY),
  '{"a":1}': bytes("0a070a016112021801", MAP),
  empty: [EMPTY, 0, 0],
};
const all = Object.keys(values);
const but = (...names: readonly string[]): string[] => all.filter((name) => !names.includes(name));

const cases: readonly (readonly [operator: Operator, operand: string, meets: readonly string[]])[] =
  [
    ["=", "", ['""', "empty"]],
    ["!=", "", but('""', "empty")],
    ["=", "503", ['"503"', "503", "503.0"]],
    ["=", "503.0", ["503", "503.0"]],
    ["=", "0503", ["503", "503.0"]],
    ["=", "1e3", ['"1e3"', "1000", "1e3"]],
    ["=", "1000", ['"1000"', "1000", "1e3"]],
    ["=", "0", ["-0"]],
    ["=", "-0", ["-0"]],
    ["=", "NaN", ['"NaN"', "NaN"]],
    ["!=", "NaN", but('"NaN"', "NaN")],
    ["=", "Inf", ["Infinity"]],
    ["=", "+Infinity", ["Infinity"]],
    ["=", "1e400", ["Infinity"]],
    ["=", "9223372036854775807", ['"max"', "max"]],
    ["=", "9223372036854775806", []],
    ["=", "9223372036854775808", []],
    ["=", "-9223372036854775808", ["min"]],
    // What does not fit into 64 bits is a double.
    ["=", "-9223372036854775809", ["min"]],
    ["=", "9007199254740992", ["2^53"]],
    // A double is compared with the operand as a double.
    ["=", "9007199254740993", ["2^53+1", "2^53"]],
    ["=", "true", ["true"]],
    ["=", "True", []],
    ["=", "acme", ['"acme"']],
    ["=", "ACME", []],
    ["=", "AAEC", ["bytes"]],
    ["=", "AAEC=", []],
    ["=", '["a"]', ['["a"]']],
    ["=", '["a" ]', []],
    ["=", '{"a":1}', ['{"a":1}']],
    ["=", " 503", []],
    ["=", "0x1f7", []],
    ["<", "503", ["min", "1.5", "-0"]],
    ["<=", "503", ['"503"', "503", "503.0", "min", "1.5", "-0"]],
    [">", "9223372036854775806", ['"max"', "max", "Infinity"]],
    [">=", "9223372036854775808", ["Infinity"]],
    [">", "1e3", ['"max"', "max", "2^53+1", "Infinity", "2^53"]],
    [">=", "1e3", ['"1000"', '"1e3"', '"max"', "1000", "max", "2^53+1", "1e3", "Infinity", "2^53"]],
    [">", "9007199254740992", ['"max"', "max", "2^53+1", "Infinity"]],
    ["<", "-9223372036854775807", ["min"]],
    ["<", "NaN", []],
    [">=", "NaN", []],
    [">", "Inf", []],
    ["<=", "-Inf", []],
    // No number: by text, by code point (an emoji is behind every other character here).
    [">", "\uffed", ['"\uffee"', '"😀"']],
    ["<", "é", but('"é"', '"😀"', '"\uffee"')],
    [">", "acm", ['"acme"', '"é"', '"😀"', '"\uffee"', "true", "false", '{"a":1}']],
    ["<", "", []],
    [">=", "", all],
    ["<=", "", ['""', "empty"]],
    ["~", "5..", ['"503"', "503", "503.0"]],
    ["~", "ac.*", ['"acme"']],
    ["~", "a.*", ['"acme"']],
    ["~", "(?s)a.*", ['"acme"', '"a\\nb"']],
    ["~", "c", []],
    ["~", "", ['""', "empty"]],
    ["!~", "", but('""', "empty")],
    ["~", ".", ['"é"', '"😀"', '"\uffee"']],
    ["~", "(?i)ACME|TRUE", ['"acme"', "true"]],
    ["~", "acme|", ['"acme"', '""', "empty"]],
    ["~", "AA.C", ["bytes"]],
    ["~", '\\["a"\\]', ['["a"]']],
    ["~", "-?[0-9]{10,}", ['"max"', "max", "min", "2^53+1", "2^53"]],
    ["~", "-0", ["-0"]],
    ["~", "N.*", ['"NaN"', "NaN"]],
    ["exists", "", all],
    ["exists", "ignored", all],
  ];

for (const [operator, operand, meets] of cases) {
  const what = `${operator} ${JSON.stringify(operand)}`;
  test(`makeValueTest() of ${what} is met by ${meets.length} of ${all.length}`, () => {
    const made = makeValueTest(operator, operand);
    const met = all.filter((name) => meetsTest(made, dictionary, ...values[name]!));
    assert.deepEqual(met.sort(), [...meets].sort());
  });
}

for (const [operator, operand, meets] of cases) {
  if (operator !== "=") continue;
  test(`valuesEqualTo(${JSON.stringify(operand)}) are those that equal it`, () => {
    const scanned = scannedTypeOf(operand);
    const found = new Set<string>();
    for (const { type, bytes: own, low, high } of valuesEqualTo(operand)) {
      const word = own === undefined ? low : dictionary.find(own);
      const value = JSON.stringify([type, word, high]);
      for (const name of all) if (JSON.stringify(values[name]) === value) found.add(name);
    }
    const expected = meets.filter((name) => values[name]![0] !== scanned);
    assert.deepEqual([...found].sort(), expected.sort());
  });
}

test("valuesEqualTo() has no value twice", () => {
  for (const [, operand] of cases) {
    const texts = valuesEqualTo(operand).map((value) => JSON.stringify(value));
    assert.equal(new Set(texts).size, texts.length);
  }
});

test("textOfValue() tells every value as conditions see it", () => {
  const texts = ["503", "max", "1e3", "-0", "NaN", "true", "bytes", '{"a":1}', "empty"].map(
    (name) => textOfValue(dictionary, ...values[name]!),
  );
  const expected = ["503", String(INT64_MAX), "1000", "-0", "NaN", "true", "AAEC", '{"a":1}', ""];
  assert.deepEqual(texts, expected);
});

test("makeValueTest() takes no number that is longer than NUMBER_CHARS_MAX", () => {
  const longest = `0.${"0".repeat(NUMBER_CHARS_MAX - 3)}1`;
  assert.equal(makeValueTest("<", "1").text(Buffer.from(longest)), true);
  assert.equal(makeValueTest("<", "1").text(Buffer.from(`${longest}0`)), false);
  // As an operand it is a text then: digits are before letters.
  assert.equal(makeValueTest("<", `${longest}0`).other("true"), false);
  assert.equal(makeValueTest(">", `${longest}0`).other("true"), true);
  assert.equal(makeValueTest(">", longest).other("true"), false);
});

test("checkConditions() refuses what is no regular expression", () => {
  for (const operator of OPERATORS) checkConditions([{ key: "a", operator, value: "b" }]);
  const bad = { key: "a", operator: "~", value: "b(" } as const;
  assert.throws(() => checkConditions([bad]), { code: "bad-input" });
});
