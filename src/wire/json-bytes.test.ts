// Pieces of JSON as bytes, compared with JSON.stringify.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Dictionary } from "../model/dictionary.ts";
import { JsonBytes, makePiece } from "./json-bytes.ts";

test("entry() and quote() write what JSON.stringify writes, again and again", () => {
  const texts = fc.array(
    fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constant("x".repeat(99))),
  );
  fc.assert(
    fc.property(texts, (all) => {
      const dictionary = new Dictionary();
      const entries = all.map((text) => dictionary.internText(text));
      const out = new JsonBytes();
      out.begin(dictionary);
      for (const entry of [...entries, ...entries]) out.entry(entry);
      for (const text of all) out.quote(text);
      const quoted = all.map((text) => JSON.stringify(text)).join("");
      assert.equal(out.text(), quoted.repeat(3));
    }),
  );
});

test("entry() writes each byte that is no UTF-8 as TextDecoder does", () => {
  const dictionary = new Dictionary();
  const bytes = Uint8Array.of(0x22, 0xc3, 0x28, 0xf0, 0x9f);
  assert.equal(dictionary.intern(bytes, 0, 5), 1);
  const out = new JsonBytes();
  out.begin(dictionary);
  out.entry(1);
  assert.equal(out.text(), JSON.stringify(new TextDecoder().decode(bytes)));
});

test("hex(), ascii() and raw() follow one another, and cut() takes back", () => {
  const out = new JsonBytes();
  out.ascii("id ");
  const start = out.length;
  out.hex(Uint8Array.of(9, 0, 0xab, 0xff), 1, 3);
  assert.equal(out.text(start), "00abff");
  out.raw(makePiece("!"));
  assert.equal(out.text(), "id 00abff!");
  out.cut(start);
  out.ascii("?");
  assert.equal(out.text(), "id ?");
  assert.deepEqual([...out.bytes(start)], [0x3f]);
});

test("a JsonBytes grows with what is written", () => {
  const out = new JsonBytes();
  const piece = Uint8Array.from({ length: 1000 }, (_, at) => 0x61 + (at % 26));
  for (let i = 0; i < 200; i++) out.append(piece);
  assert.equal(out.length, 200_000);
  assert.equal(out.text(199_000), new TextDecoder().decode(piece));
});

test("int() writes what String() writes", () => {
  const numbers = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.double());
  const edges = [0, -0, 9, 10, 999_999_999, 1e9, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 53, 1e21];
  const check = (value: number): void => {
    const out = new JsonBytes();
    out.int(value);
    assert.equal(out.text(), String(value));
  };
  edges.forEach(check);
  fc.assert(fc.property(numbers, check));
});

test("raw() copies pieces of any length", () => {
  for (let length = 0; length < 600; length += length < 20 ? 1 : 97) {
    const text = Array.from({ length }, (_, at) => String.fromCharCode(0x61 + (at % 26))).join("");
    const out = new JsonBytes();
    out.ascii("(");
    out.raw(makePiece(text));
    out.ascii(")");
    assert.equal(out.text(), `(${text})`);
  }
});

test("take() gives away what was written and begins anew, with the entries that it had", () => {
  const dictionary = new Dictionary();
  const [plain, odd] = [dictionary.internText("plain"), dictionary.internText('"')];
  const out = new JsonBytes();
  out.begin(dictionary);
  out.entry(plain);
  const first = out.take();
  assert.equal(out.length, 0);
  out.entry(odd);
  out.entry(plain);
  assert.equal(new TextDecoder().decode(first), '"plain"');
  assert.equal(out.text(), '"\\"""plain"');
});
