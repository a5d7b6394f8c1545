// The index of traces: every block that has a trace is named, through joins and through pages that are full.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeRandom, type Random } from "../../../test/store/corpus.ts";
import { sourceOf } from "../block/block-reader.ts";
import {
  INDEX_PAGE_BYTES,
  type IndexCursor,
  PAGE_ENTRIES_MAX,
  TraceIndex,
  hashTraceId,
  indexIds,
  planIndex,
} from "./trace-index.ts";

/** Ids of the traces of each block. */
type Blocks = readonly (readonly Uint8Array[])[];

function makeIndex(blocks: Blocks): TraceIndex {
  return planned(() => blocks.map((ids, number) => indexIds(joined(ids), number)), blocks);
}

function planned(open: () => readonly IndexCursor[], blocks: Blocks): TraceIndex {
  const entries = blocks.reduce((sum, ids) => sum + ids.length, 0);
  const plan = planIndex(open, entries);
  const index = indexOf(plan.write(), blocks.length);
  assert.equal(index.pages, plan.pages);
  return index;
}

function joined(ids: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(ids));
}

function indexOf(pages: Iterable<Uint8Array>, blocks: number): TraceIndex {
  const bytes = Buffer.concat([...pages]);
  return new TraceIndex(sourceOf(bytes), 0, bytes.length / INDEX_PAGE_BYTES, blocks);
}

function randomId(random: Random): Uint8Array {
  return Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256));
}

function assertFinds(index: TraceIndex, blocks: Blocks): void {
  blocks.forEach((ids, number) => {
    for (const id of ids) assert.ok(index.find(id)?.includes(number) ?? true);
  });
}

function countFullPages(index: TraceIndex): number {
  let full = 0;
  for (let page = 0; page < index.pages; page++) if (index.entries(page) === undefined) full++;
  return full;
}

/** Which traces are in a page; their runs may be put together in another way. */
function hashesOf(index: TraceIndex, page: number): readonly number[] {
  return [...new Set(index.entries(page)!.map((entry) => Math.floor(entry / 2 ** 16)))];
}

/** Ids that all fall into one page of three. */
function crowd(random: Random, count: number): Uint8Array[] {
  const ids: Uint8Array[] = [];
  while (ids.length < count) {
    const id = randomId(random);
    if (Math.floor((hashTraceId(id) * 3) / 2 ** 32) === 1) ids.push(id);
  }
  return ids;
}

test("TraceIndex.find() names the blocks of a trace, and joined indexes say the same", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 9 }), (seed, count) => {
      const random = makeRandom(seed);
      const pool = Array.from({ length: 1_500 }, () => randomId(random));
      const blocks = Array.from({ length: count }, () =>
        pool.filter(() => random() < 0.3).map((id) => (random() < 0.1 ? randomId(random) : id)),
      );
      const whole = makeIndex(blocks);
      assertFinds(whole, blocks);
      assert.equal(countFullPages(whole), 0);
      for (let i = 0; i < 50; i++) assert.deepEqual(whole.find(randomId(random)), []);
      const at = Math.floor(random() * count);
      const [left, right] = [makeIndex(blocks.slice(0, at)), makeIndex(blocks.slice(at))];
      const again = planned(() => [left.cursor(0), right.cursor(at)], blocks);
      assertFinds(again, blocks);
      assert.equal(again.pages, whole.pages);
      for (let page = 0; page < whole.pages; page++) {
        assert.deepEqual(hashesOf(again, page), hashesOf(whole, page));
      }
    }),
    { numRuns: 8 },
  );
});

test("TraceIndex asks every block where a page is full, and only there", () => {
  const random = makeRandom(1);
  const blocks = [crowd(random, PAGE_ENTRIES_MAX + 1), crowd(random, 700)];
  const index = makeIndex(blocks);
  assert.deepEqual([index.pages, countFullPages(index)], [3, 1]);
  assertFinds(index, blocks);
  assert.equal(index.find(blocks[0]![0]!), undefined);
  const elsewhere = Array.from({ length: 200 }, () => randomId(random)).filter(
    (id) => index.find(id) !== undefined,
  );
  assert.ok(elsewhere.length > 100);
});

test("a full page stays full where its hashes go when indexes are joined", () => {
  const random = makeRandom(2);
  const crowded = [crowd(random, PAGE_ENTRIES_MAX + 700)];
  const plain = Array.from({ length: 9 }, () =>
    Array.from({ length: 800 }, () => randomId(random)),
  );
  for (const order of [0, 1]) {
    const parts = order === 0 ? [crowded, plain] : [plain, crowded];
    const blocks = parts.flat();
    const open = (): IndexCursor[] => [
      makeIndex(parts[0]!).cursor(0),
      makeIndex(parts[1]!).cursor(parts[0]!.length),
    ];
    const index = planned(open, blocks);
    assertFinds(index, blocks);
    const full = countFullPages(index);
    assert.ok(full >= 5 && full <= 9, `${full} of ${index.pages}`);
  }
});

test("traces that go on for many blocks fill pages evenly and have few entries", () => {
  const random = makeRandom(3);
  const everywhere = randomId(random);
  for (const length of [1, 5, 40]) {
    // Each block begins 25 traces; each trace goes on for `length` blocks, and now and then pauses.
    const blocks = Array.from({ length: 200 }, () => [everywhere]);
    for (let first = 0; first < 200; first++) {
      for (let trace = 0; trace < 25; trace++) {
        const id = randomId(random);
        for (let block = first; block < Math.min(200, first + length); block++) {
          if (block === first || random() < 0.8) blocks[block]!.push(id);
        }
      }
    }
    const index = makeIndex(blocks);
    assertFinds(
      index,
      blocks.map((ids) => ids.filter((_, i) => i % 8 === 0)),
    );
    assert.equal(countFullPages(index), 0);
    assert.equal(index.find(everywhere)?.length, 200);
    let asked = 0;
    let had = 0;
    for (const id of new Set(blocks.flat())) {
      asked += index.find(id)!.length;
      had += 1;
    }
    const perTrace = asked / had;
    assert.ok(perTrace < 1.2 * length + 0.1, `${perTrace} blocks a trace of ${length}`);
    // A run of 32 blocks is one entry.
    assert.ok(
      index.pages < (200 * 25 * Math.ceil(length / 32) * 1.5) / 400 + 1,
      `${index.pages} pages`,
    );
  }
});

test("TraceIndex refuses a page with any byte changed, and a page that stands elsewhere", () => {
  const random = makeRandom(4);
  const blocks = [Array.from({ length: 700 }, () => randomId(random))];
  const plan = planIndex(() => [indexIds(joined(blocks[0]!), 0)], 700);
  assert.equal(plan.pages, 2);
  const bytes = Buffer.concat([...plan.write()]);
  const id = blocks[0]!.find((one) => hashTraceId(one) < 2 ** 31)!;
  for (let at = 0; at < INDEX_PAGE_BYTES; at++) {
    const changed = Uint8Array.from(bytes);
    changed[at]! ^= 1 << (at % 8);
    const index = new TraceIndex(sourceOf(changed), 0, 2, 1);
    assert.throws(() => index.find(id), { code: "unavailable" }, `byte ${at}`);
  }
  const swapped = Buffer.concat([
    bytes.subarray(INDEX_PAGE_BYTES),
    bytes.subarray(0, INDEX_PAGE_BYTES),
  ]);
  assert.throws(() => new TraceIndex(sourceOf(swapped), 0, 2, 1).find(id), { code: "unavailable" });
});

test("TraceIndex refuses a page that names blocks that the file does not have", () => {
  const random = makeRandom(5);
  const ids = Array.from({ length: 9 }, () => randomId(random));
  const plan = planIndex(() => [indexIds(joined(ids), 3)], 9);
  const bytes = Buffer.concat([...plan.write()]);
  const index = new TraceIndex(sourceOf(bytes), 0, 1, 3);
  assert.throws(() => index.find(ids[0]!), { code: "unavailable" });
  assert.throws(() => index.entries(0), { code: "unavailable" });
  assert.deepEqual(new TraceIndex(sourceOf(bytes), 0, 1, 4).find(ids[0]!), [3]);
});
