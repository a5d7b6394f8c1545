// Lists of terms by their bytes, and the rows that carry a term.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { Head } from "../head/head.ts";
import { makeBlockImage } from "./block-image.ts";
import { openBlock, sourceOf } from "./block-reader.ts";
import { writeBlock } from "./block-writer.ts";
import type { Keys } from "./file-terms.ts";
import { PageCache } from "./page-cache.ts";
import { eachOwnerWith, joinLists, readTermLists } from "./term-lists.ts";
import { Unpacker } from "./unpacker.ts";

/** Two keys with 3 and 2 terms; two shapes: both keys, and the second one on both sides. */
const KEYS: Keys = {
  entry: Uint32Array.of(5, 6),
  firstTerm: Uint32Array.of(0, 3, 5),
  shapeStart: Uint32Array.of(0, 2, 5),
  shapeKeys: Uint32Array.of(0, 1, 1, 0, 1),
};
const SHAPES = "01000100";
const KEY_0 = "0000" + "01000002"; //   new, new, the one before the last
const KEY_1 = "0001" + "0100010201"; // one value came before: new, last, before the last, last

function read(hex: string, owners = 3): ReturnType<typeof readTermLists> {
  return readTermLists(new Unpacker(Buffer.from(hex, "hex")), owners, KEYS);
}

test("joinLists() puts the columns of keys together again", () => {
  const { start, terms } = joinLists(read(`${SHAPES}02${KEY_0}${KEY_1}`), KEYS);
  assert.deepEqual([...start], [0, 2, 5, 7]);
  assert.deepEqual([...terms], [0, 4, 4, 1, 3, 0, 4]);
});

test("eachOwnerWith() finds the owners of terms in one column", () => {
  const lists = read(`${SHAPES}02${KEY_0}${KEY_1}`);
  const find = (key: number, terms: readonly number[]): number[] => {
    const found: number[] = [];
    eachOwnerWith(lists, KEYS, key, terms, (owner) => found.push(owner));
    return found;
  };
  assert.deepEqual(find(0, [0]), [0, 2]);
  assert.deepEqual(find(0, [1]), [1]);
  assert.deepEqual(find(0, [2]), []);
  assert.deepEqual(find(1, [3]), [1]);
  assert.deepEqual(find(1, [4]), [0, 1, 2]);
});

test("readTermLists() refuses what leads out of keys, shapes and terms", () => {
  const cases = [
    "01000200" + `02${KEY_0}${KEY_1}`, // a third shape
    `${SHAPES}01${KEY_0}`, // a key is missing
    `${SHAPES}02${KEY_0}01010100010201`, // a third key
    `${SHAPES}02${KEY_0}00010100000201`, // more values than the key has
  ];
  for (const hex of cases) assert.throws(() => read(hex), { code: "unavailable" }, hex);
});

test("RowPage.marks() marks exactly the rows that carry a term", () => {
  const head = new Head();
  head.append(makeSpans({ random: makeRandom(1), rows: 300, tracesFrom: 0, tracesEnd: 20 }));
  const block = head.blocks[0]!;
  head.sealOpenBlock();
  const bytes = Buffer.concat(writeBlock(makeBlockImage(block, head.traces), { hashSeed: 1 })!);
  const page = openBlock(sourceOf(bytes), new PageCache(0)).page(0);
  const terms = page.vocabulary.terms.count;
  assert.ok(terms > 50);
  for (let term = 0; term < terms; term++) {
    const expected = new Uint8Array(page.rows);
    for (let row = 0; row < page.rows; row++) {
      const spans = [page.attributeStart[row]!, page.attributeStart[row + 1]!] as const;
      const events = [page.eventStart[row]!, page.eventStart[row + 1]!] as const;
      const links = [page.linkStart![row]!, page.linkStart![row + 1]!] as const;
      const own = [
        ...page.attribute.subarray(...spans),
        ...page.eventTerm.subarray(page.eventTermStart[events[0]], page.eventTermStart[events[1]]),
        ...page.linkTerm.subarray(page.linkTermStart[links[0]], page.linkTermStart[links[1]]),
      ];
      if (own.includes(term)) expected[row] = 1;
    }
    assert.deepEqual(page.marks([term]), expected, `term ${term}`);
  }
});
