// The embedded engine: the suite of all stores, and what a second process finds.

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { conformance, receivedOf } from "../../../test/store/conformance.ts";
import { makeQuery, makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { systemClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { printSpans } from "../../model/print-spans.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import { readOtlpTraces } from "../../wire/otlp-proto.ts";
import { diskFiles } from "../disk/files.ts";
import { type SegmentOptions, SegmentStore } from "./segment-store.ts";

const never = new AbortController().signal;
const folders: string[] = [];

after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spoor-segment-"));
  folders.push(folder);
  return folder;
}

function optionsOf(directory: string, more: Partial<SegmentOptions> = {}): SegmentOptions {
  return {
    directory,
    durability: "os",
    logFileBytesMax: 1 << 20,
    headBytesMax: 512 << 20,
    partitionMs: 3_600_000,
    retentionMs: 0,
    bytesMax: 0,
    freeBytesMin: 0,
    files: diskFiles,
    clock: systemClock,
    log: silentLog,
    read: (_format, payload) => {
      const batch = new SpanBatch();
      readOtlpTraces(payload, batch);
      return batch;
    },
    inline: true,
    ...more,
  };
}

async function openNew(more: Partial<SegmentOptions> = {}): Promise<SegmentStore> {
  return SegmentStore.open(optionsOf(await makeFolder(), more));
}

conformance("segment, all in the head", () => openNew());
// Tiny blocks, so that a test crosses the head, new files and merged ones.
conformance("segment, blocks of 16 rows", () => openNew({ blockRowsMax: 16 }));
conformance("segment, blocks of 16 rows, files of two blocks", () =>
  openNew({ blockRowsMax: 16, mergeBlocksMax: 2 }),
);
// As in a server: files are written in one thread and asked in another.
conformance("segment, in threads", () => openNew({ blockRowsMax: 64, inline: false }));

/** Every trace of a store as text, in the order of a search for all. */
async function printAll(store: SegmentStore): Promise<string[]> {
  const all = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER, attributes: [], limit: 10_000 };
  return (await store.findTraces(all, never)).map((trace) => printSpans(trace));
}

/** Batches as they are read from their payloads: only what OTLP can carry, in its order. */
function makeBatches(count: number, rows = 40): SpanBatch[] {
  const random = makeRandom(1);
  return Array.from({ length: count }, (_, round) => {
    const batch = makeSpans({ random, rows, tracesFrom: round * 3, tracesEnd: round * 3 + 6 });
    const { payload } = receivedOf(batch);
    batch.reset();
    readOtlpTraces(payload, batch);
    return batch;
  });
}

test("SegmentStore finds after a start what it held before, query by query", async () => {
  const directory = await makeFolder();
  const options = optionsOf(directory, { blockRowsMax: 64, logFileBytesMax: 10_000 });
  const first = await SegmentStore.open(options);
  for (const batch of makeBatches(12)) await first.write(batch, receivedOf(batch));
  const before = await printAll(first);
  const random = makeRandom(9);
  const queries = Array.from({ length: 40 }, () => makeQuery(random));
  const answers = [];
  for (const query of queries) answers.push((await first.findTraces(query, never)).length);
  await first.close();
  const second = await SegmentStore.open(options);
  assert.deepEqual(await printAll(second), before);
  assert.equal(second.figures().recoveredSpans, 12 * 40);
  for (const [index, query] of queries.entries()) {
    assert.equal((await second.findTraces(query, never)).length, answers[index]);
  }
  await second.close();
});

test("SegmentStore cuts the log behind what is in files, and a start reads the rest alone", async () => {
  const directory = await makeFolder();
  const options = optionsOf(directory, {
    blockRowsMax: 256,
    logFileBytesMax: 20_000,
    partitionMs: 1e15,
  });
  const store = await SegmentStore.open(options);
  for (const batch of makeBatches(300)) await store.write(batch, receivedOf(batch));
  await store.idle();
  const before = await printAll(store);
  const { spans, traces } = store.figures();
  assert.equal(spans, 300 * 40);
  await store.close();
  const names = (await readdir(join(directory, "log"))).sort();
  assert.ok(names.length < 4, names.join(" "));
  const again = await SegmentStore.open(options);
  assert.equal(again.figures().spans, spans);
  assert.ok(again.figures().traces <= traces);
  assert.deepEqual(await printAll(again), before);
  const files = await readdir(join(directory, "segments"));
  assert.ok(files.length < 300 / 6 / 4, `${files.length} files`);
  await again.close();
});

test("SegmentStore.open() refuses a directory that is in use, until it is free again", async () => {
  const directory = await makeFolder();
  const store = await SegmentStore.open(optionsOf(directory));
  await assert.rejects(SegmentStore.open(optionsOf(directory)), {
    code: "unavailable",
    message: /another process uses the data directory/,
  });
  await store.close();
  const second = await SegmentStore.open(optionsOf(directory));
  await second.close();
});

test("SegmentStore takes nothing while the disk is nearly full, and goes on when it is not", async () => {
  let free = 10;
  let nowMs = 0;
  const files = { ...diskFiles, freeBytes: () => Promise.resolve(free) };
  const clock = { nowUs: () => 0, monotonicMs: () => nowMs };
  const store = await openNew({ files, clock, freeBytesMin: 1_000 });
  await assert.rejects(store.ready(), {
    code: "unavailable",
    where: { freeBytes: 10, neededBytes: 1_000 },
  });
  const [batch] = makeBatches(1);
  await assert.rejects(store.write(batch!, receivedOf(batch!)), { code: "unavailable" });
  assert.equal(store.figures().spans, 0);
  free = 1_000_000;
  nowMs += 5_000;
  await store.ready();
  await store.write(batch!, receivedOf(batch!));
  assert.equal(store.figures().spans, 40);
  await store.close();
});

test("SegmentStore steps over a record that this version cannot read", async () => {
  const directory = await makeFolder();
  const first = await SegmentStore.open(optionsOf(directory));
  const [one, two] = makeBatches(2);
  await first.write(one!, receivedOf(one!));
  await first.write(two!, { format: "zipkin-json-v2", payload: Buffer.from("not what it says") });
  await first.close();
  const second = await SegmentStore.open(optionsOf(directory));
  assert.equal(second.figures().lostRecords, 1);
  assert.equal(second.figures().recoveredSpans, 40);
  await second.close();
});
