// An image in one buffer is the image that it was made of.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { type BlockImage, makeBlockImage } from "../block/block-image.ts";
import { writeBlock } from "../block/block-writer.ts";
import { Head } from "../head/head.ts";
import { packImage } from "./pack-image.ts";

function makeImage(rows: number): BlockImage {
  const head = new Head(rows);
  head.append(makeSpans({ random: makeRandom(rows), rows, tracesFrom: 0, tracesEnd: 9 }));
  head.sealOpenBlock();
  return makeBlockImage(head.blocks[0]!, head.traces);
}

const bytesOf = (image: BlockImage): Buffer =>
  Buffer.concat(writeBlock(image, { hashSeed: 1 }) ?? []);

test("packImage() keeps every array, in one buffer that another thread sees too", () => {
  const image = makeImage(500);
  const packed = packImage(image);
  assert.deepEqual(packed.image, image);
  assert.equal(packed.image.startUs.buffer, packed.buffer);
  assert.deepEqual(bytesOf(packed.image), bytesOf(image));
});

test("packImage() uses a spare buffer if it is large enough", () => {
  const image = makeImage(200);
  const { buffer } = packImage(image);
  new Uint8Array(buffer).fill(0xff);
  const again = packImage(makeImage(190), buffer);
  assert.equal(again.buffer, buffer);
  assert.deepEqual(bytesOf(again.image), bytesOf(makeImage(190)));
  assert.notEqual(packImage(makeImage(900), buffer).buffer, buffer);
});
