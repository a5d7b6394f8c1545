// Lists of terms by their bytes, and the rows that carry a term.

import assert from "node:assert/strict";
import { test } from "node:test";
import { INT, STRING } from "../../model/attribute-table.ts";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { Head } from "../head/head.ts";
import { makeBlockImage } from "./block-image.ts";
import { openBlock, sourceOf } from "./block-reader.ts";
import { writeBlock } from "./block-writer.ts";
import type { Keys } from "./file-terms.ts";
import { PageCache } from "./page-cache.ts";
import { newArrays } from "./page-memory.ts";
import {
  eachOwnerWith,
  findKey,
  joinLists,
  readKeyColumn,
  readTermLists,
  type TermLists,
} from "./term-lists.ts";
import { Unpacker } from "./unpacker.ts";

/** Two keys; two shapes: both keys, and the first one between twice the second. */
const KEYS: Keys = {
  entry: Uint32Array.of(5, 6),
  firstTerm: Uint32Array.of(0, 3, 5),
  uses: Uint8Array.of(1, 1),
  shapeStart: Uint32Array.of(0, 2, 5),
  shapeKeys: Uint32Array.of(0, 1, 1, 0, 1),
};
const SHAPES = "01000100";
const HEAD = "0209"; //                                2 keys; the next text is entry 9
const KEY_0 = "0002" + "03" + "010708" + "00"; //      2 values, integers: 7, 8
const CODES_0 = "01000002"; //                         new, new, the one before the last
const KEY_1 = "0002" + "01" + "01" + "010004" + "0000"; // 2 values, texts: entry 9, entry 3
const CODES_1 = "0100010002"; //                       new, the last, new, the one before the last
const LISTS = `${SHAPES}${HEAD}${KEY_0}${CODES_0}${KEY_1}${CODES_1}`;

function read(hex: string): TermLists {
  const unpacker = new Unpacker(Buffer.from(hex, "hex"));
  const lists = readTermLists(unpacker, 3, KEYS);
  unpacker.end();
  return lists;
}

test("readKeyColumn() reads the values of one key, and who has which", () => {
  const lists = read(LISTS);
  const ints = readKeyColumn(lists, findKey(lists, 0));
  assert.deepEqual([...ints.type], [INT, INT]);
  assert.deepEqual([...ints.low], [7, 8]);
  assert.deepEqual([...ints.places], [0, 1, 0]);
  const texts = readKeyColumn(lists, findKey(lists, 1));
  assert.deepEqual([...texts.type], [STRING, STRING]);
  assert.deepEqual([...texts.low], [9, 3]);
  assert.deepEqual([...texts.places], [0, 0, 1, 0]);
  assert.equal(findKey(lists, 2), -1);
});

test("readKeyColumn() reads values of several types", () => {
  const mixed = "0002" + "ff" + "010103" + "00" + "0104" + "0107" + "00";
  const lists = read(`${SHAPES}${HEAD}${mixed}${CODES_0}${KEY_1}${CODES_1}`);
  const { type, low, high, places } = readKeyColumn(lists, 0);
  assert.deepEqual([...type], [STRING, INT]);
  assert.deepEqual([...low], [3, 7]);
  assert.deepEqual([...high], [0, 0]);
  assert.deepEqual([...places], [0, 1, 0]);
});

test("joinLists() puts the columns of keys together again", () => {
  const lists = read(LISTS);
  const { start, terms } = joinLists(lists, KEYS, Uint32Array.of(0, 1, 0, 2, 2, 3, 2), newArrays);
  assert.deepEqual([...start], [0, 2, 5, 7]);
  assert.deepEqual([...terms], [0, 2, 2, 1, 3, 0, 2]);
});

test("eachOwnerWith() finds the owners of values in one column", () => {
  const lists = read(LISTS);
  const find = (key: number, wanted: number): number[] => {
    const found: number[] = [];
    const isWanted = (_: number, low: number): boolean => low === wanted;
    eachOwnerWith(lists, KEYS, key, isWanted, (owner) => found.push(owner));
    return found;
  };
  assert.deepEqual(find(0, 7), [0, 2]);
  assert.deepEqual(find(0, 8), [1]);
  assert.deepEqual(find(0, 9), []);
  assert.deepEqual(find(1, 3), [1]);
  assert.deepEqual(find(1, 9), [0, 1, 2]);
  assert.deepEqual(find(2, 9), []);
});

test("readTermLists() refuses what leads out of keys, shapes and values", () => {
  const cases = [
    LISTS.replace(SHAPES, "01000200"), // a third shape
    `${SHAPES}0109${KEY_0}${CODES_0}`, // a key is missing
    LISTS.replace(KEY_1, `01${KEY_1.slice(2)}`), // a third key
    LISTS.replace(KEY_0, `0004${KEY_0.slice(4)}`), // more values than attributes
    LISTS.slice(0, -2), // an end too early
  ];
  for (const hex of cases) assert.throws(() => read(hex), { code: "unavailable" }, hex);
});

test("readKeyColumn() refuses codes that lead out of the values", () => {
  for (const codes of ["01000003", "01000000", "01000102"]) {
    const lists = read(LISTS.replace(CODES_0, codes));
    assert.throws(() => readKeyColumn(lists, 0), { code: "unavailable" }, codes);
  }
});

test("RowPage.marks() marks exactly the rows that carry a term", () => {
  const head = new Head();
  head.append(makeSpans({ random: makeRandom(1), rows: 300, tracesFrom: 0, tracesEnd: 20 }));
  const block = head.blocks[0]!;
  head.sealOpenBlock();
  const bytes = Buffer.concat(writeBlock(makeBlockImage(block, head.traces), { hashSeed: 1 })!);
  const file = openBlock(sourceOf(bytes), new PageCache(0));
  const page = file.page(0);
  const own = page.vocabulary.terms;
  assert.ok(file.terms.count > 50);
  for (let term = 0; term < file.terms.count; term++) {
    const { key, type, low, high } = file.terms;
    const isTerm = (at: number): boolean =>
      own.key[at] === key[term] &&
      own.type[at] === type[term] &&
      own.low[at] === low[term] &&
      own.high[at] === high[term];
    const expected = new Uint8Array(page.rows);
    for (let row = 0; row < page.rows; row++) {
      const spans = [page.attributeStart[row]!, page.attributeStart[row + 1]!] as const;
      const events = [page.eventStart[row]!, page.eventStart[row + 1]!] as const;
      const links = [page.linkStart![row]!, page.linkStart![row + 1]!] as const;
      const carried = [
        ...page.attribute.subarray(...spans),
        ...page.eventTerm.subarray(page.eventTermStart[events[0]], page.eventTermStart[events[1]]),
        ...page.linkTerm.subarray(page.linkTermStart[links[0]], page.linkTermStart[links[1]]),
      ];
      if (carried.some(isTerm)) expected[row] = 1;
    }
    assert.deepEqual(page.marks([term]), expected, `term ${term}`);
  }
});
