// Objects out of a stream of JSON, wherever the pieces end.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsonItems } from "./json-items.ts";

function split(text: string, depth: number, pieceBytes: number, max = 1e6): [string[], string] {
  const items = new JsonItems(depth, max);
  const bytes = Buffer.from(text);
  const found: string[] = [];
  const shared = new Uint8Array(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    // The same memory again and again, as a file is read.
    const piece = bytes.subarray(at, at + pieceBytes);
    shared.set(piece);
    for (const item of items.push(shared.subarray(0, piece.length))) {
      found.push(Buffer.from(item).toString());
    }
  }
  return [found, items.end()];
}

const cases: readonly (readonly [text: string, depth: number, items: string[], around: string])[] =
  [
    ["", 0, [], ""],
    ['{"a":1}\n{"b":[{}]}\n', 0, ['{"a":1}', '{"b":[{}]}'], ""],
    [
      '{"data":[{"a":"]}\\"{"},{"b":{}}],"total":2}',
      2,
      ['{"a":"]}\\"{"}', '{"b":{}}'],
      '{"data":[],"total":2}',
    ],
    ['{"data":[]}', 2, [], '{"data":[]}'],
    ['{"data":[1,"x",null]}', 2, [], '{"data":[1,"x",null]}'],
    [
      '{"result":{"resourceSpans":[{"a":1},{"a":2}]},"nextCursor":"c"}',
      3,
      ['{"a":1}', '{"a":2}'],
      '{"result":{"resourceSpans":[]},"nextCursor":"c"}',
    ],
  ];
for (const [text, depth, items, around] of cases) {
  test(`JsonItems takes ${items.length} objects out of ${text.slice(0, 40)}`, () => {
    for (const pieceBytes of [1, 2, 3, 7, 100]) {
      const [found, rest] = split(text, depth, pieceBytes);
      assert.deepEqual(found, items);
      assert.equal(rest, around);
    }
  });
}

test("JsonItems gives back any objects from any text around them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
      fc.integer({ min: 1, max: 40 }),
      (values, pieceBytes) => {
        const text = JSON.stringify({ data: values, rest: "}]" });
        const [found] = split(text, 2, pieceBytes);
        assert.deepEqual(
          found.map((item) => JSON.parse(item) as unknown),
          JSON.parse(JSON.stringify(values)),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test("JsonItems refuses text that is cut off, brackets too many, and what is too long", () => {
  const text = '{"data":[{"a":"x"}]}';
  for (let end = 1; end < text.length; end++) {
    assert.throws(() => split(text.slice(0, end), 2, 5), { code: "bad-input" }, `${end} bytes`);
  }
  assert.throws(() => split("{}}", 0, 5), { code: "bad-input", where: { offset: 2 } });
  assert.throws(() => split(text, 2, 4, 8), { code: "bad-input" });
  assert.equal(split(text, 2, 4, 9)[0].length, 1);
  assert.throws(() => split(`{"a":"${"x".repeat(1 << 20)}"}`, 2, 1_000), { code: "bad-input" });
});
