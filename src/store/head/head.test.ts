// The head by its parts: the index of a sealed block, the chains of rows across blocks, and what a query
// sees while traces are evicted. What it answers is tested by the suite of all stores.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, makeSpans, traceIdOf } from "../../../test/store/corpus.ts";
import { BLOCK_ROWS_MAX } from "./block.ts";
import { Head } from "./head.ts";
import { searchHead } from "./search.ts";
import { servicesOf } from "./statistics.ts";
import { NONE } from "./trace-table.ts";

const everything = { startUsMin: 0, startUsMax: Infinity, attributes: [], limit: 1_000 };
const noPause = (): undefined => undefined;

function rowsOf(head: Head, trace: number): number {
  const ordinal = head.findTrace(traceIdOf(trace));
  let rows = 0;
  if (ordinal !== NONE) head.forEachRow(ordinal, () => void rows++);
  return rows;
}

test("Block.seal() lists for every term exactly the rows that carry it", () => {
  const head = new Head(500);
  head.append(makeSpans({ random: makeRandom(1), rows: 600, tracesFrom: 0, tracesEnd: 40 }));
  const block = head.blocks[0]!;
  assert.ok(block.sealed);
  const expected: Set<number>[] = Array.from({ length: block.terms.count }, () => new Set());
  for (let row = 0; row < block.rows; row++) {
    const add = (column: Uint32Array, start: number, end: number): void => {
      for (let at = start; at < end; at++) expected[column[at]!]!.add(row);
    };
    add(block.attribute, block.attributeStart[row]!, block.attributeStart[row + 1]!);
    const events = block.eventStart;
    const eventTerms = block.eventTermStart;
    add(block.eventTerm, eventTerms[events[row]!]!, eventTerms[events[row + 1]!]!);
    const links = block.linkStart!;
    const linkTerms = block.linkTermStart;
    add(block.linkTerm, linkTerms[links[row]!]!, linkTerms[links[row + 1]!]!);
  }
  for (let term = 0; term < block.terms.count; term++) {
    const rows = block.posting.subarray(block.postingStart[term], block.postingStart[term + 1]);
    assert.deepEqual(new Set(rows), expected[term], `term ${term}`);
  }
});

test("Block.memoryBytes() is what its arrays hold, open or sealed", () => {
  const head = new Head(500);
  head.append(makeSpans({ random: makeRandom(1), rows: 600, tracesFrom: 0, tracesEnd: 40 }));
  for (const block of head.blocks) {
    let bytes = block.dictionary.memoryBytes() + block.terms.memoryBytes();
    bytes += block.resources.memoryBytes() + block.scopes.memoryBytes();
    for (const value of Object.values(block)) {
      if (ArrayBuffer.isView(value)) bytes += value.byteLength;
    }
    // Columns of starts have one entry more than rows.
    assert.ok(Math.abs(block.memoryBytes() - bytes) < 32, `${block.memoryBytes()}, not ${bytes}`);
  }
});

test("Head opens blocks as large as the index can name rows", () => {
  assert.equal(new Head().blocks[0]!.rowsMax, BLOCK_ROWS_MAX);
  assert.equal(new Uint16Array([BLOCK_ROWS_MAX - 1])[0], BLOCK_ROWS_MAX - 1);
});

test("Head keeps the rows of a trace together across blocks, and past the last block number", () => {
  const head = new Head(8, { firstId: 65_530 });
  const random = makeRandom(2);
  for (let round = 0; round < 20; round++) {
    head.append(makeSpans({ random, rows: 10, tracesFrom: round, tracesEnd: round + 1 }));
    head.append(makeSpans({ random, rows: 1, tracesFrom: 0, tracesEnd: 1 }));
  }
  assert.ok(head.blocks.length > 20);
  assert.equal(rowsOf(head, 0), 10 + 20);
  for (let trace = 1; trace < 20; trace++) assert.equal(rowsOf(head, trace), 10);
  assert.equal(head.readTrace(head.findTrace(traceIdOf(0))).rows, 30);
});

test("Head gives blocks back when the last trace that needs them is evicted", () => {
  const head = new Head(16);
  const random = makeRandom(3);
  for (let trace = 0; trace < 30; trace++) {
    head.append(makeSpans({ random, rows: 8, tracesFrom: trace, tracesEnd: trace + 1 }));
  }
  assert.equal(head.blocks.length, 15);
  while (head.traces.count > 2) head.evictOldestTrace();
  assert.equal(head.liveRows, 16);
  assert.equal(head.blocks.length, 1);
  head.sealOpenBlock();
  head.evictOldestTrace();
  head.evictOldestTrace();
  assert.deepEqual([head.liveRows, head.traces.count, servicesOf(head.view())], [0, 0, []]);
  assert.deepEqual([head.blocks.length, head.blocks[0]!.rows], [1, 0]);
});

test("searchHead() leaves out traces that are evicted while it pauses", async () => {
  const head = new Head(16);
  const random = makeRandom(4);
  for (let trace = 0; trace < 8; trace++) {
    head.append(makeSpans({ random, rows: 8, tracesFrom: trace, tracesEnd: trace + 1 }));
  }
  let pauses = 0;
  const found = await searchHead(head.view(), everything, () => {
    if (++pauses === 2) head.evictOldestTrace();
  });
  assert.equal(found.length, 7);
  assert.ok(pauses > 2);
  assert.equal((await searchHead(head.view(), { ...everything, limit: 3 }, noPause)).length, 3);
});
