// Lists of what blocks have: read once, shared, forgotten with their blocks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { writeFiles } from "../../../test/store/segment-files.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { silentLog } from "../../base/log.ts";
import { PageCache } from "../block/page-cache.ts";
import { BlockLists, type Items } from "./block-lists.ts";
import { BlockSet, type BlockView } from "./block-set.ts";
import { openSegment } from "../file/segment-file.ts";

const FOLDER = "/data/segments";
const noPause = (): undefined => undefined;

async function openView(blocks: number): Promise<BlockView> {
  const disk = new SimulatedDisk();
  const plans = Array.from({ length: blocks }, (_, n) => ({ id: n + 1, rows: 5, traces: 2 }));
  const set = new BlockSet(silentLog);
  const files = (await writeFiles(disk, FOLDER, plans)).map(({ name }) =>
    openSegment(disk.openSource(`${FOLDER}/${name}`), new PageCache(1 << 16)),
  );
  set.change(files, []);
  return set.view(Infinity);
}

/** Lists whose reader is a function of the block's id; and which ids were read. */
function makeLists(itemsOf: (id: number) => readonly string[] | undefined): {
  lists: BlockLists<string>;
  reads: number[];
} {
  const reads: number[] = [];
  const lists = new BlockLists<string>((_view, { id }) => {
    reads.push(id);
    const items = itemsOf(id);
    const found = items === undefined ? undefined : new Map(items.map((item) => [item, item]));
    return Promise.resolve(found satisfies Items<string> | undefined);
  });
  return { lists, reads };
}

test("BlockLists.collect() reads each block once and gives each item once", async () => {
  const view = await openView(4);
  const { lists, reads } = makeLists((id) => [`of ${id}`, `of ${id % 2}`, "of all"]);
  const all = ["of 0", "of 1", "of 2", "of 3", "of 4", "of all"];
  for (let round = 0; round < 2; round++) {
    const found = [...(await lists.collect(view, view.blocks, noPause))];
    assert.deepEqual(found.toSorted(), all);
  }
  assert.deepEqual(reads, [1, 2, 3, 4]);
  const two = [...(await lists.collect(view, view.blocks.slice(1, 2), noPause))];
  assert.deepEqual(two.toSorted(), ["of 0", "of 2", "of all"]);
});

test("BlockLists.retain() forgets the blocks that have gone, and what only they had", async () => {
  const view = await openView(3);
  const { lists, reads } = makeLists((id) => [`of ${id}`, "of all"]);
  await lists.collect(view, view.blocks, noPause);
  lists.retain(new Set([3]));
  const last = view.blocks.slice(2);
  assert.deepEqual([...(await lists.collect(view, last, noPause))].toSorted(), ["of 3", "of all"]);
  assert.deepEqual(reads, [1, 2, 3]);
  const found = [...(await lists.collect(view, view.blocks, noPause))];
  assert.deepEqual(found.toSorted(), ["of 1", "of 2", "of 3", "of all"]);
  assert.deepEqual(reads, [1, 2, 3, 1, 2]);
});

test("BlockLists.collect() answers also of what has no room, and of what cannot be read", async () => {
  const view = await openView(3);
  const many = Array.from({ length: 100_001 }, (_, n) => `item ${n}`);
  const { lists, reads } = makeLists((id) => [["one"], many, undefined][id - 1]);
  for (let round = 0; round < 2; round++) {
    const found = [...(await lists.collect(view, view.blocks, noPause))];
    assert.equal(found.length, 100_002);
  }
  assert.equal(reads.filter((id) => id === 1).length, 1);
  assert.ok(reads.filter((id) => id === 2).length > 2);
});
