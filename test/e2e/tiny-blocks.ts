// Loaded before the program (`node --import`): the embedded store's blocks and files become so small, and its
// looks at them so frequent, that writing, merging and dropping them happen many times a second.
//
//   tiny-blocks.ts?rows=2048&bytesMax=200000    spans of a block; bytes of all files together
//
// Only how large things are is changed; the program, its threads and its files are those of everybody.

import { SegmentStore } from "../../src/store/segment/segment-store.ts";

const { searchParams } = new URL(import.meta.url);
const bytesMax = searchParams.get("bytesMax");

const tiny: Partial<Parameters<typeof SegmentStore.open>[0]> = {
  blockRowsMax: Number(searchParams.get("rows") ?? 64),
  mergeBlocksMax: 16,
  tendMs: 20,
  retryMs: 5,
  ...(bytesMax === null ? {} : { bytesMax: Number(bytesMax) }),
};

const open = SegmentStore.open.bind(SegmentStore);
SegmentStore.open = (options) => open({ ...options, ...tiny });
