// Patterns against the engine of the language itself, and what is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PATTERN_CHARS_MAX } from "../../model/trace-query.ts";
import { compilePattern } from "./pattern.ts";

const encoder = new TextEncoder();
const matches = (pattern: string, text: string): boolean =>
  compilePattern(pattern)(encoder.encode(text));

const cases: readonly (readonly [
  pattern: string,
  is: readonly string[],
  not: readonly string[],
])[] = [
  ["GET", ["GET"], ["", "GE", "GETS", "get"]],
  ["GET.*", ["GET", "GET /", "GETé😀"], ["GE", " GET", "GET\n", "GET /\nx"]],
  ["GE?T", ["GET", "GT"], ["GE", "GEET"]],
  ["GE*T", ["GT", "GEET"], ["GE"]],
  ["é+", ["é", "éé"], ["e", ""]],
  ["a\\.b", ["a.b"], ["axb"]],
  ["a\\.b.*", ["a.b", "a.bc"], ["axb"]],
  ["a\\dc", ["a1c"], ["adc", "a\\dc"]],
  ["a|ab", ["a", "ab"], ["b", "aba"]],
  ["ab|cd.*", ["ab", "cd", "cde"], ["abcd", "abx"]],
  ["a{2}", ["aa"], ["a", "a{2}", "aaa"]],
  ["a{", ["a{"], ["a"]],
  [".*", ["", "x"], ["\n"]],
  ["(?s).*", ["", "\n"], []],
  ["(?i)get", ["GET", "get"], ["GETS"]],
  ["^a$", ["a"], ["^a$", "ba"]],
  ["\\Qa.b\\E", ["a.b"], ["axb"]],
  ["\\pL+", ["aé"], ["1"]],
  ["(a*)*", ["", "aaaa"], ["b"]],
  ["😀.", ["😀x", "😀😀"], ["😀"]],
];
for (const [pattern, is, not] of cases) {
  test(`compilePattern(${pattern}) matches whole texts`, () => {
    for (const text of is) assert.equal(matches(pattern, text), true, JSON.stringify(text));
    for (const text of not) assert.equal(matches(pattern, text), false, JSON.stringify(text));
  });
}

test("compilePattern() matches what the language's own engine matches", () => {
  const atom = fc.constantFrom("a", "b", "é", ".", "[ab]", "[^a]", "\\.", "(a|b)", "(?:ab)", "\\d");
  const piece = fc
    .tuple(atom, fc.constantFrom("", "", "", "*", "+", "?", "{2}"))
    .map((parts) => parts.join(""));
  const patterns = fc
    .tuple(fc.array(piece, { maxLength: 5 }), fc.array(piece, { maxLength: 2 }), fc.boolean())
    .map(([left, right, isEither]) => `${left.join("")}${isEither ? "|" : ""}${right.join("")}`);
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "é", ".", "1", "\n"), maxLength: 8 });
  fc.assert(
    fc.property(patterns, fc.array(texts, { minLength: 1, maxLength: 5 }), (pattern, list) => {
      const own = compilePattern(pattern);
      const expected = new RegExp(`^(?:${pattern})$`, "u");
      for (const text of list) assert.equal(own(encoder.encode(text)), expected.test(text));
    }),
    { numRuns: 1_000 },
  );
});

const mistakes: readonly (readonly [pattern: string, offset: number])[] = [
  ["a(", 0],
  ["ab[c", 2],
  ["x**", 1],
  ["ab\\8", 2],
  ["a(?=b)", 1],
  ["a\\", 2],
  ["a{1001}", 1],
  ["a(?P<x", 1],
];
for (const [pattern, offset] of mistakes) {
  test(`compilePattern() refuses ${pattern} at ${offset}`, () => {
    assert.throws(() => compilePattern(pattern), { code: "bad-input", where: { offset } });
  });
}

test("compilePattern() refuses what is too long or becomes too large", () => {
  assert.equal(matches("a".repeat(PATTERN_CHARS_MAX), "a".repeat(PATTERN_CHARS_MAX)), true);
  assert.throws(() => compilePattern("a".repeat(PATTERN_CHARS_MAX + 1)), { code: "bad-input" });
  for (const pattern of [
    "[ab]{1000}[cd]{1000}[ef]{1000}",
    "(".repeat(999),
    "(a{9}){9}".repeat(50),
  ]) {
    assert.throws(() => compilePattern(pattern), { code: "bad-input" });
  }
});

test("compilePattern() takes no longer for patterns that others choke on", () => {
  const text = "a".repeat(10_000);
  for (const pattern of ["(a*)*b", "(a|a)*b", "(.*)(.*)(.*)(.*)(.*)[b-z]"]) {
    assert.equal(matches(pattern, text), false);
  }
});
