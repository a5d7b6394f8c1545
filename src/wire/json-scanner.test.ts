// The scanner beside JSON.parse: the same verdict and the same value on whatever text.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Dictionary } from "../model/dictionary.ts";
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  DEPTH_MAX,
  JsonScanner,
  OPEN_LIST,
  OPEN_OBJECT,
} from "./json-scanner.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function makeScanner(json: string | Uint8Array): JsonScanner {
  const scanner = new JsonScanner();
  scanner.begin(typeof json === "string" ? encoder.encode(json) : json);
  return scanner;
}

/** A whole text as a value, built from what the scanner says. */
function readAll(json: string | Uint8Array): unknown {
  const scanner = makeScanner(json);
  const value = readValue(scanner);
  scanner.finish();
  return value;
}

function readValue(scanner: JsonScanner): unknown {
  if (scanner.open(OPEN_LIST)) {
    const list: unknown[] = [];
    for (let more = !scanner.close(CLOSE_LIST); more; more = scanner.next(CLOSE_LIST)) {
      list.push(readValue(scanner));
    }
    return list;
  }
  if (scanner.open(OPEN_OBJECT)) {
    const members: [string, unknown][] = [];
    for (let more = !scanner.close(CLOSE_OBJECT); more; more = scanner.next(CLOSE_OBJECT)) {
      scanner.readKey();
      const key = textOf(scanner);
      members.push([key, readValue(scanner)]);
    }
    return Object.fromEntries(members);
  }
  if (scanner.isStringNext) {
    scanner.readString();
    return textOf(scanner);
  }
  const truth = scanner.readBoolean();
  if (truth >= 0) return truth === 1;
  if (scanner.readNull()) return null;
  const number = scanner.readNumber();
  if (Number.isNaN(number)) throw scanner.fail("a value");
  return number;
}

function textOf(scanner: JsonScanner): string {
  return decoder.decode(scanner.source.subarray(scanner.start, scanner.end));
}

function isTaken(read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    assert.ok(code === "bad-input" || error instanceof SyntaxError, String(error));
    return false;
  }
}

function skipAll(bytes: Uint8Array): void {
  const scanner = makeScanner(bytes);
  scanner.skipValue();
  scanner.finish();
}

/** The scanner, read either way, and JSON.parse agree on `bytes`, in verdict and value. */
function compare(bytes: Uint8Array): void {
  const text = decoder.decode(bytes);
  const isJson = isTaken(() => JSON.parse(text));
  assert.equal(
    isTaken(() => skipAll(bytes)),
    isJson,
    `skipValue() on ${JSON.stringify(text)}`,
  );
  assert.equal(
    isTaken(() => readAll(bytes)),
    isJson,
    `reading ${JSON.stringify(text)}`,
  );
  // Half a surrogate pair is U+FFFD here.
  if (isJson) assert.deepEqual(readAll(bytes), wellFormed(JSON.parse(text)));
}

function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key.toWellFormed(), wellFormed(one)]),
  );
}

const texts = [
  "", " ", "null", " true\n", "false\t", "nul", "nulll", "tru", "True", "0", "-0", "-", "00", "01", "-01", "1.", ".5", "+1",
  "1.5", "1e5", "1E+5", "1e-05", "1e", "1e+", "1.e5", "1.5.5", "0x10", "1e400", "-1e-400", "123456789012345678901234567890",
  "NaN", "Infinity", "[]", "[ ]", "[,]", "[1,]", "[,1]", "[1 2]", "[1", "]", "[]]", "[[]]", "[]x", "{}", "{ }", "{,}",
  '{"a"}', '{"a":}', '{"a":1', '{"a":1,}', '{"a":1 "b":2}', '{"a" : 1 , "b":[{}]}', "{a:1}", "{1:1}", '{"a":1}}', '{"a":1]',
  '[1}', '"', '"a', '"a"', "'a'", '"a\nb"', '"\u007f"', '"\\', '"\\"', '"\\""', '"\\x"', '"\\u"', '"\\u12"', '"\\u123"',
  '"\\u123g"', '"\\u00e9"', '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\\ud83d\\n"',
  '"\\ud83d\\ud83d\\ude00"', '"\\ud83d\\u0041"', '"\\ud83d\\u"', '"\\/\\b\\f\\n\\r\\t\\\\\\""', "\ufeff1", "1\u00a0", "\u20281",
  '{"__proto__":{"x":1},"__proto__":2}', '{"":""}', '"😀é"', "[1,2\f]", "\v1", "/*c*/1", '[1]//', "[1]\u0000", "-[]", '--1',
]; // prettier-ignore

for (const text of texts) {
  test(`JsonScanner takes and refuses ${JSON.stringify(text)} as JSON.parse does`, () => {
    compare(encoder.encode(text));
  });
}

test("JsonScanner reads what JSON.parse reads from any JSON", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary" }), fc.constantFrom(0, 1, "\t"), (json, space) => {
      compare(encoder.encode(JSON.stringify(JSON.parse(json), null, space)));
    }),
  );
});

test("JsonScanner agrees with JSON.parse on JSON with a few bytes changed", () => {
  const change = fc.tuple(
    fc.nat(),
    fc.constantFrom(...'[]{}":,\\u0019-+.eEtrufalsn \n\u0001\u00ff'.split("")),
  );
  const changes = fc.array(change, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.json({ stringUnit: "binary", maxDepth: 3 }), changes, (json, list) => {
      const bytes = Buffer.from(JSON.stringify(JSON.parse(json)));
      for (const [at, char] of list) bytes[at % bytes.length] = char.charCodeAt(0);
      compare(bytes);
    }),
    { numRuns: 2_000 },
  );
});

test("JsonScanner agrees with JSON.parse on every text of four odd characters", () => {
  const chars = '{}[]":,01-.e\\ntu "'.split("");
  for (const a of chars) {
    for (const b of chars) for (const c of chars) compare(encoder.encode(a + b + c + "}"));
  }
});

test("skipValue() stops at its bound of depth, without recursion", () => {
  const deep = (depth: number): Uint8Array => encoder.encode("[".repeat(depth) + "]".repeat(depth));
  skipAll(deep(DEPTH_MAX));
  assert.throws(() => skipAll(deep(DEPTH_MAX + 1)), { code: "bad-input" });
  assert.throws(() => skipAll(encoder.encode('{"a":'.repeat(5_000_000))), { code: "bad-input" });
});

test("readWhole() takes whole numbers up to its bound and leaves others alone", () => {
  const cases = [
    ["0", 0],
    ["65535", 65_535],
    ["65536", -1],
    ["-1", -1],
    ["-0", -1],
    ["1.0", -1],
    ["1e2", -1],
    ["01", -1],
    ['"1"', -1],
    ["9".repeat(400), -1],
    ["", -1],
  ] as const;
  for (const [text, value] of cases) {
    const scanner = makeScanner(`${text} ,`);
    assert.equal(scanner.readWhole(65_535), value, text);
    if (value < 0) assert.equal(scanner.at, text === "" ? 1 : 0, text);
  }
});

test("internGuessed() gives the entry that internString() gives, whatever is guessed", () => {
  const text = fc.constantFrom("a", "ab", "b", 'a"', "a\\", "é", "", "abc", "a\n");
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.nat(8)), { minLength: 1 }), (items) => {
      const json = JSON.stringify(items.map(([one]) => one));
      const [dictionary, plain] = [new Dictionary(), new Dictionary()];
      const [scanner, other] = [makeScanner(json), makeScanner(json)];
      // Only what was read as it stands may be guessed.
      const guesses: number[] = [0];
      scanner.open(OPEN_LIST);
      other.open(OPEN_LIST);
      for (const [one, guess] of items) {
        const entry = scanner.internGuessed(dictionary, guesses[guess % guesses.length]!);
        assert.equal(entry, other.internString(plain));
        assert.equal(dictionary.text(entry), one);
        assert.equal(scanner.isPlain, JSON.stringify(one) === `"${one}"`);
        if (scanner.isPlain) guesses.push(entry);
        assert.equal(scanner.next(CLOSE_LIST), other.next(CLOSE_LIST));
      }
    }),
  );
});

test("fail() says what was found, what was expected, and where", () => {
  const scanner = makeScanner('  {"a":1}');
  const error = scanner.fail("a list");
  assert.equal(error.message, "malformed JSON: found an object, expected a list");
  assert.deepEqual(error.where, { offset: 2, size: 9 });
});
