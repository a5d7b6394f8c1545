// Each form of a filter, and the offset of each mistake.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OPERATORS, PATTERN_CHARS_MAX } from "../model/trace-query.ts";
import { parseFilter, parseFilters } from "./parse-filter.ts";

const filters: readonly (readonly [text: string, key: string, operator: string, value: string])[] =
  [
    ["http.status_code>=500", "http.status_code", ">=", "500"],
    ["http.status_code >= 500", "http.status_code", ">=", "500"],
    ["  a  =  b c  ", "a", "=", "b c"],
    ["a=", "a", "=", ""],
    ['a=""', "a", "=", ""],
    ['a=" b "', "a", "=", " b "],
    ["a!=b", "a", "!=", "b"],
    ["a<b", "a", "<", "b"],
    ["a<=b", "a", "<=", "b"],
    ["a>b", "a", ">", "b"],
    ["user.id~u-00.*", "user.id", "~", "u-00.*"],
    ["a!~(b|c)", "a", "!~", "(b|c)"],
    ["a==b", "a", "=", "=b"],
    ["a=~b", "a", "=", "~b"],
    ['a=b"c"', "a", "=", 'b"c"'],
    ['a="say \\"hi\\" \\u00e9"', "a", "=", 'say "hi" é'],
    ['"odd key (x)">1', "odd key (x)", ">", "1"],
    ['"a\\"b" = 1', 'a"b', "=", "1"],
    ["exists(db.system)", "db.system", "exists", ""],
    [" exists( a ) ", "a", "exists", ""],
    ['absent("a b")', "a b", "absent", ""],
    ["exists=1", "exists", "=", "1"],
    ["héllo😀=1", "héllo😀", "=", "1"],
    ["__proto__=1", "__proto__", "=", "1"],
    ["duration>150ms", "duration", ">", "150ms"],
    ["duration<=1500.5", "duration", "<=", "1500.5"],
    ["duration=slow", "duration", "=", "slow"],
  ];
for (const [text, key, operator, value] of filters) {
  test(`parseFilter() reads ${text}`, () => {
    assert.deepEqual(parseFilter(text), { key, operator, value });
  });
}

const operators = "expected =, !=, <, <=, >, >=, ~ or !~";
const mistakes: readonly (readonly [text: string, offset: number, what: string])[] = [
  ["", 0, "expected a key"],
  ["   ", 3, "expected a key"],
  ["=1", 0, "expected a key"],
  ["(a)=1", 0, "expected a key"],
  ["a", 1, operators],
  ["a b=1", 2, operators],
  ["a!b", 1, operators],
  ["a(b)=1", 1, operators],
  ["EXISTS(a)", 6, operators],
  ["exists()", 7, "expected a key"],
  ["exists(a", 8, "expected ')'"],
  ["exists(a b)", 9, "expected ')'"],
  ["exists(a)=1", 9, "expected nothing more"],
  ['"a=1', 0, "expected a closing quote"],
  ['"a\\x"=1', 0, "expected a string of JSON"],
  ['a="b" c', 6, "expected nothing more"],
  ['a="b', 2, "expected a closing quote"],
  ["a~b[", 3, "no regular expression: missing closing ]"],
  ["a !~ (?=b)", 5, "no regular expression: invalid or unsupported Perl syntax"],
  ["duration>fast", 9, 'time: invalid duration "fast"'],
];
for (const [text, offset, what] of mistakes) {
  test(`parseFilter() refuses ${text} at ${offset}`, () => {
    const message = `malformed 'filter' parameter: ${what}`;
    assert.throws(() => parseFilter(text), { code: "bad-input", message, where: { offset } });
  });
}

test("parseFilter() reads what is quoted as it was meant", () => {
  const texts = fc.string({ unit: "grapheme" });
  const operators = fc.constantFrom(...OPERATORS.slice(0, 6));
  fc.assert(
    fc.property(texts, operators, texts, (key, operator, value) => {
      const text = `${JSON.stringify(key)}${operator}${JSON.stringify(value)}`;
      fc.pre(key !== "duration");
      assert.deepEqual(parseFilter(text), { key, operator, value });
    }),
  );
});

test("parseFilter() refuses or reads any text, and nothing else happens", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('ab=!<>~()" \\.*[')) }), (text) => {
      try {
        assert.equal(typeof parseFilter(text).value, "string");
      } catch (error) {
        const { code, where } = error as { code: string; where: { offset: number } };
        assert.equal(code, "bad-input");
        assert.ok(where.offset >= 0 && where.offset <= text.length);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("parseFilters() refuses too many, and patterns that are too long", () => {
  assert.equal(parseFilters(Array.from({ length: 32 }, () => "a=1")).length, 32);
  assert.throws(() => parseFilters(Array.from({ length: 33 }, () => "a=1")), { code: "bad-input" });
  assert.throws(() => parseFilter(`a~${"b".repeat(PATTERN_CHARS_MAX + 1)}`), { code: "bad-input" });
});
