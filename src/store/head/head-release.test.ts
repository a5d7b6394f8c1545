// Blocks that leave the head and records that are taken out of it, at the seams: where numbers, ordinals
// and places in the log meet. All of it in any order: head-model.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, makeSpans, type Random, traceIdOf } from "../../../test/store/corpus.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import { Head } from "./head.ts";
import { searchHead } from "./search.ts";
import { NONE } from "./trace-table.ts";

test("Head.release() leaves a trace that goes on for ever few ordinals", () => {
  const head = new Head(8, { spareOrdinals: 10 });
  const random = makeRandom(5);
  for (let round = 1; round < 2_000; round++) {
    const options = { random, rows: 8, tracesFrom: 10 * round, tracesEnd: 10 * round + 10 };
    const batch = makeSpans(options);
    batch.traceId.set(traceIdOf(0), 16 * (round % 8));
    head.append(batch, round);
    head.settle(round);
    while (head.blocks.length > 5) head.release(head.blocks[0]!);
    const { count, held } = head.traces;
    assert.ok(count <= 2 * held + 10, `${count} ordinals of ${held} traces`);
  }
  const ordinal = head.findTrace(traceIdOf(0));
  assert.notEqual(ordinal, NONE);
  assert.equal(head.readTrace(ordinal).rows, head.traces.rows[head.traces.slot(ordinal)]);
});

test("Head.retract() does not let a log that fails for hours fill the memory", () => {
  const head = new Head(64);
  const random = makeRandom(6);
  head.append(makeSpans({ random, rows: 30, tracesFrom: 0, tracesEnd: 5 }), 1);
  head.settle(1);
  for (let sequence = 2; sequence < 1_000; sequence++) {
    const tracesFrom = 10 * sequence;
    head.append(makeSpans({ random, rows: 10, tracesFrom, tracesEnd: tracesFrom + 9 }), sequence);
    assert.equal(head.retract(sequence), 10);
    assert.ok(head.blocks.length <= 3 && head.traces.count <= 5);
  }
  assert.equal(head.liveRows, 30);
  assert.deepEqual(head.positionAfter(head.blocks[0]!), { sequence: 1, rows: 0 });
});

test("Head.positionAfter() counts the rows of a record that lies in three blocks", () => {
  const head = new Head(8);
  const random = makeRandom(7);
  head.append(makeSpans({ random, rows: 5, tracesFrom: 0, tracesEnd: 5 }), 3);
  head.append(makeSpans({ random, rows: 30, tracesFrom: 0, tracesEnd: 5 }), 4, 10);
  head.append(makeSpans({ random, rows: 1, tracesFrom: 0, tracesEnd: 5 }), 7);
  head.settle(7);
  head.sealOpenBlock();
  const positions = head.blocks.slice(0, -1).map((block) => head.positionAfter(block));
  assert.deepEqual(positions, [
    { sequence: 3, rows: 13 },
    { sequence: 3, rows: 21 },
    { sequence: 3, rows: 29 },
    { sequence: 7, rows: 0 },
  ]);
});

test("Head.release() gives memory back when the last reader has gone", () => {
  const head = new Head(8);
  const random = makeRandom(8);
  head.append(makeSpans({ random, rows: 20, tracesFrom: 0, tracesEnd: 5 }), 1);
  head.settle(1);
  const [first, second] = [head.pin(), head.pin()];
  const before = head.memoryBytes();
  head.release(head.blocks[0]!);
  assert.equal(head.memoryBytes(), before);
  const later = head.pin();
  first();
  assert.equal(head.memoryBytes(), before);
  second();
  second();
  assert.ok(head.memoryBytes() < before);
  assert.ok(head.isPinned);
  later();
  assert.ok(!head.isPinned);
});

const everything = { startUsMin: 0, startUsMax: Infinity, attributes: [], limit: 99 };

/** Spans of the traces with these numbers, in this order. */
function spansOf(random: Random, ...traces: readonly number[]): SpanBatch {
  const options = { random, rows: traces.length, tracesFrom: 0, tracesEnd: 1 };
  const batch = makeSpans(options);
  traces.forEach((trace, row) => batch.traceId.set(traceIdOf(trace), 16 * row));
  return batch;
}

test("Head.retract() joins a chain whose end has a number that was given out again", () => {
  const head = new Head(2, { blockNumbers: 4 });
  const random = makeRandom(9);
  head.append(spansOf(random, 1, 2), 1);
  head.settle(1);
  head.append(spansOf(random, 3, 3), 2);
  head.append(spansOf(random, 1, 4), 3);
  head.release(head.blocks[0]!);
  head.append(spansOf(random, 5, 5), 4);
  head.append(spansOf(random, 1, 6), 5);
  assert.deepEqual(
    head.blocks.map(({ id, number }) => [id, number]),
    [
      [2, 2],
      [3, 3],
      [4, 0],
      [5, 1],
    ],
  );
  assert.equal(head.readTrace(head.findTrace(traceIdOf(1))).rows, 2);
  assert.equal(head.retract(3), 2);
  assert.equal(head.readTrace(head.findTrace(traceIdOf(1))).rows, 1);
  assert.equal(head.findTrace(traceIdOf(4)), NONE);
});

test("searchHead() does not take a trace for one that was retracted while it paused", async () => {
  const head = new Head(4);
  const random = makeRandom(10);
  head.append(spansOf(random, 0, 0, 0), 1);
  head.append(spansOf(random, 1, 1), 2);
  const unpin = head.pin();
  let pauses = 0;
  const found = await searchHead(head.view(), everything, () => {
    if (++pauses < head.blocks.length) return;
    head.retract(2);
    head.append(spansOf(random, 2), 3);
  });
  unpin();
  assert.deepEqual(
    found.map(({ ordinal }) => ordinal),
    [head.findTrace(traceIdOf(0))],
  );
});

test("Head renumbers no trace while somebody may have kept its number", async () => {
  const head = new Head(4, { spareOrdinals: 0 });
  const random = makeRandom(11);
  head.append(spansOf(random, 0, 1, 2, 3), 1);
  head.append(spansOf(random, 0, 4, 4, 4), 2);
  head.append(spansOf(random, 0), 3);
  head.settle(3);
  const early = head.pin();
  head.release(head.blocks[0]!);
  const late = head.pin();
  const { oldest } = head.traces;
  const found = await searchHead(head.view(), everything, early);
  assert.equal(head.traces.held, 2);
  const ordinals = [0, 4].map((trace) => head.findTrace(traceIdOf(trace)));
  assert.deepEqual(new Set(found.map(({ ordinal }) => ordinal)), new Set(ordinals));
  assert.equal(head.traces.oldest, oldest);
  late();
  assert.equal(head.traces.count, 2);
});

test("Head gives a block back all of whose rows were taken out while it was open", () => {
  const head = new Head(4);
  const random = makeRandom(12);
  const empty = head.memoryBytes();
  head.append(spansOf(random, 0, 1, 2), 1);
  head.retract(1);
  head.sealOpenBlock();
  assert.deepEqual(
    head.blocks.map(({ id, rows }) => [id, rows]),
    [[2, 0]],
  );
  assert.ok(head.memoryBytes() <= empty);
});
