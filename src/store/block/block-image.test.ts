// What a builder is sent of a block: rows by trace, dead ones marked, arrays shared.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { Head } from "../head/head.ts";
import { DEAD, makeBlockImage } from "./block-image.ts";
import { writeBlock } from "./block-writer.ts";

function sealedHead(): Head {
  const head = new Head();
  head.append(makeSpans({ random: makeRandom(1), rows: 500, tracesFrom: 0, tracesEnd: 30 }));
  head.sealOpenBlock();
  return head;
}

test("makeBlockImage() gives what structured clone takes, and the copy is written as the block is", () => {
  const head = sealedHead();
  const image = makeBlockImage(head.blocks[0]!, head.traces);
  const bytes = Buffer.concat(writeBlock(image, { hashSeed: 7 })!);
  const copied = Buffer.concat(writeBlock(structuredClone(image), { hashSeed: 7 })!);
  assert.deepEqual(copied, bytes);
});

test("makeBlockImage() keeps what it was when traces are dropped later", () => {
  const head = sealedHead();
  const block = head.blocks[0]!;
  const image = makeBlockImage(block, head.traces);
  const bytes = Buffer.concat(writeBlock(image, { hashSeed: 7 })!);
  for (let i = 0; i < 5; i++) head.evictOldestTrace();
  assert.deepEqual(Buffer.concat(writeBlock(image, { hashSeed: 7 })!), bytes);
  const later = makeBlockImage(block, head.traces);
  assert.equal(later.traceIds.length, image.traceIds.length - 5 * 16);
  for (let row = 0; row < block.rows; row++) {
    assert.equal(later.trace[row] === DEAD, !head.isLive(block, row));
    if (later.trace[row] === DEAD) continue;
    const at = 16 * later.trace[row]!;
    assert.deepEqual(later.traceIds.slice(at, at + 16), head.traces.id(block.trace[row]!).slice());
  }
});
