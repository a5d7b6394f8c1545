// Pieces of JSON as bytes, compared with JSON.stringify.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Dictionary } from "../model/dictionary.ts";
import { JsonBytes } from "./json-bytes.ts";

test("entry() and quote() write what JSON.stringify writes, again and again", () => {
  const texts = fc.array(
    fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constant("x".repeat(99))),
  );
  fc.assert(
    fc.property(texts, (all) => {
      const dictionary = new Dictionary();
      const entries = all.map((text) => dictionary.internText(text));
      const out = new JsonBytes(dictionary);
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
  const out = new JsonBytes(dictionary.intern(bytes, 0, 5) === 1 ? dictionary : new Dictionary());
  out.entry(1);
  assert.equal(out.text(), JSON.stringify(new TextDecoder().decode(bytes)));
});

test("hex(), ascii() and raw() follow one another, and cut() takes back", () => {
  const out = new JsonBytes(new Dictionary());
  out.ascii("id ");
  const start = out.length;
  out.hex(Uint8Array.of(9, 0, 0xab, 0xff), 1, 3);
  assert.equal(out.text(start), "00abff");
  out.raw(Uint8Array.of(0x21));
  assert.equal(out.text(), "id 00abff!");
  out.cut(start);
  out.ascii("?");
  assert.equal(out.text(), "id ?");
  assert.deepEqual([...out.bytes(start)], [0x3f]);
});

test("a JsonBytes grows with what is written", () => {
  const out = new JsonBytes(new Dictionary());
  const piece = Uint8Array.from({ length: 1000 }, (_, at) => 0x61 + (at % 26));
  for (let i = 0; i < 200; i++) out.raw(piece);
  assert.equal(out.length, 200_000);
  assert.equal(out.text(199_000), new TextDecoder().decode(piece));
});
