// What the engine keeps and what it lets go: retention, full disks, archived traces, lost files.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { until } from "../../../test/until.ts";
import { receivedOf } from "../../../test/store/conformance.ts";
import { makeRandom, makeSpans, traceIdOf } from "../../../test/store/corpus.ts";
import type { Log } from "../../base/log.ts";
import { MetricsRegistry } from "../../base/metrics.ts";
import { printSpans } from "../../model/print-spans.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import { readOtlpTraces } from "../../wire/otlp-proto.ts";
import { type DiskFiles, diskFiles } from "../disk/files.ts";
import { type SegmentOptions, SegmentStore } from "./segment-store.ts";

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;
const ROWS = 40;

/** A store on a real disk, its clock, its disk's free bytes, and what can fail. */
class Bench {
  nowMs = 1_700_000_000_000;
  free = 1e12;
  /** Calls on files of segments fail with it. */
  fault: string | undefined;
  readonly lines: string[] = [];
  readonly metrics = new MetricsRegistry();
  readonly directory: string;
  readonly options: SegmentOptions;

  constructor(directory: string, more: Partial<SegmentOptions>) {
    this.directory = directory;
    const note = (message: string): void => void this.lines.push(message);
    const log: Log = { debug() {}, info: note, warn: note, error: note };
    this.options = {
      directory,
      durability: "os",
      logFileBytesMax: 20_000,
      headBytesMax: 512 << 20,
      partitionMs: HOUR_MS,
      retentionMs: 0,
      bytesMax: 0,
      freeBytesMin: 0,
      files: this.#files(),
      clock: { nowUs: () => this.nowMs * 1e3, monotonicMs: () => this.nowMs },
      log,
      read: (_format, payload) => readBack(payload),
      inline: true,
      blockRowsMax: 64,
      mergeBlocksMax: 8,
      tendMs: 0,
      retryMs: 1,
      ...more,
    };
  }

  #files(): DiskFiles {
    return {
      ...diskFiles,
      freeBytes: () => Promise.resolve(this.free),
      create: (path) => {
        if (this.fault !== undefined && path.includes("segments")) {
          return Promise.reject(Object.assign(new Error(this.fault), { code: this.fault }));
        }
        return diskFiles.create(path);
      },
    };
  }

  open(): Promise<SegmentStore> {
    return SegmentStore.open(this.options);
  }
}

async function makeBench(t: TestContext, more: Partial<SegmentOptions> = {}): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-life-"));
  t.after(() => rm(directory, { recursive: true }));
  return new Bench(directory, more);
}

function readBack(payload: Uint8Array): SpanBatch {
  const batch = new SpanBatch();
  readOtlpTraces(payload, batch);
  return batch;
}

const random = makeRandom(7);

/** Writes a batch of one trace. */
async function write(store: SegmentStore, trace: number, rows = ROWS): Promise<void> {
  const { payload } = receivedOf(
    makeSpans({ random, rows, tracesFrom: trace, tracesEnd: trace + 1 }),
  );
  await store.write(readBack(payload), { format: "otlp-proto", payload });
}

async function writeTraces(store: SegmentStore, from: number, end: number): Promise<void> {
  for (let trace = from; trace < end; trace++) await write(store, trace);
  await store.idle();
}

async function has(store: SegmentStore, trace: number): Promise<boolean> {
  return (await store.readTraces([traceIdOf(trace)], never)).length > 0;
}

async function sizeOfFiles(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(join(directory, "segments"))) {
    bytes += await diskFiles.size(join(directory, "segments", name));
  }
  return bytes;
}

test("what lies in memory goes to a file when nothing comes, and the log is empty", async (t) => {
  const bench = await makeBench(t, {
    durability: "disk",
    blockRowsMax: 65_536,
    logFileBytesMax: 1e6,
  });
  const store = await bench.open();
  const logFiles = (): string[] => readdirSync(join(bench.directory, "log"));
  await write(store, 1, 4_000);
  bench.nowMs += 60_000;
  await store.tend();
  await store.idle();
  assert.deepEqual(await readdir(join(bench.directory, "segments")), [], "too little for a file");
  await write(store, 1, 1_000);
  bench.nowMs += 9_000;
  await store.tend();
  await store.idle();
  assert.notDeepEqual(logFiles(), [], "something came a moment ago");
  bench.nowMs += 2_000;
  await store.tend();
  await store.idle();
  assert.equal((await readdir(join(bench.directory, "segments"))).length, 1);
  await until(() => logFiles().length === 0);
  await write(store, 2);
  assert.equal(await has(store, 1), true);
  await store.close();
  const again = await bench.open();
  const [trace] = await again.readTraces([traceIdOf(1)], never);
  assert.equal(trace?.rows, 5_000);
  assert.equal(await has(again, 2), true);
  await again.close();
});

test("retention by age drops whole partitions when their time has come", async (t) => {
  const bench = await makeBench(t, { retentionMs: 24 * HOUR_MS });
  const store = await bench.open();
  for (let hour = 0; hour < 6; hour++) {
    await writeTraces(store, 10 * hour, 10 * hour + 10);
    bench.nowMs += 2 * HOUR_MS;
  }
  assert.equal(store.figures().evictedSpans, 0);
  // The first two hours are now older than a day.
  bench.nowMs += 16 * HOUR_MS;
  await store.tend();
  assert.equal(await has(store, 0), false);
  assert.equal(await has(store, 35), true);
  const { spans, evictedSpans, evictedTraces } = store.figures();
  assert.equal(spans + evictedSpans, 60 * ROWS);
  assert.ok(evictedSpans >= 18 * ROWS && evictedSpans <= 30 * ROWS, `${evictedSpans}`);
  assert.ok(evictedTraces > 0);
  bench.nowMs += 48 * HOUR_MS;
  await store.tend();
  assert.deepEqual(await readdir(join(bench.directory, "segments")), []);
  await store.close();
});

test("retention by bytes keeps the newest, and what was dropped stays dropped", async (t) => {
  const bytesMax = 60_000;
  const bench = await makeBench(t, { bytesMax });
  const store = await bench.open();
  for (let round = 0; round < 30; round++) {
    await writeTraces(store, 5 * round, 5 * round + 5);
    const bytes = await sizeOfFiles(bench.directory);
    assert.ok(bytes <= bytesMax, `${bytes} bytes in round ${round}`);
    bench.nowMs += HOUR_MS / 4;
  }
  assert.equal(await has(store, 0), false);
  assert.equal(await has(store, 149), true);
  const { spans, evictedSpans } = store.figures();
  assert.equal(spans + evictedSpans, 150 * ROWS);
  assert.ok((await sizeOfFiles(bench.directory)) > bytesMax / 2);
  await store.close();
  const again = await bench.open();
  assert.equal(again.figures().spans, spans);
  assert.equal(again.figures().evictedSpans, 0);
  assert.equal(await has(again, 0), false);
  await again.close();
});

test("a disk that fills up: the oldest goes while that helps, then nothing is taken", async (t) => {
  const bench = await makeBench(t, { freeBytesMin: 20_000, partitionMs: 60_000 });
  const store = await bench.open();
  for (let minute = 0; minute < 10; minute++) {
    await writeTraces(store, 10 * minute, 10 * minute + 10);
    bench.nowMs += 60_000;
  }
  bench.free = 15_000;
  await store.tend();
  assert.equal(await has(store, 0), false);
  assert.equal(await has(store, 99), true);
  const { evictedSpans } = store.figures();
  assert.ok(evictedSpans > 0 && evictedSpans < 60 * ROWS, `${evictedSpans}`);
  // There is something left to drop: it may be waited for.
  await store.ready();
  await write(store, 200);
  bench.free = 0;
  await assert.rejects(store.ready(), {
    code: "unavailable",
    message: "the disk of the data directory is nearly full",
    where: { freeBytes: 0, neededBytes: 20_000 },
  });
  await assert.rejects(write(store, 201), { code: "unavailable" });
  bench.free = 1e12;
  bench.nowMs += 1_000;
  await store.ready();
  await write(store, 202);
  assert.equal(await has(store, 202), true);
  await store.close();
});

test("blocks that cannot be written wait, push back when the head is full, and are written later", async (t) => {
  const bench = await makeBench(t, { headBytesMax: 1 << 20 });
  const store = await bench.open();
  bench.fault = "ENOSPC";
  let written = 0;
  await assert.rejects(
    async () => {
      for (;;) {
        await write(store, written);
        written++;
        assert.ok(written < 10_000);
        // Lets the builder fail in between.
        await nextTurn();
      }
    },
    { code: "unavailable", message: "there is no space left on the disk of the files" },
  );
  assert.ok(written > 4, `${written} batches`);
  await assert.rejects(store.ready(), { code: "unavailable" });
  assert.deepEqual(await readdir(join(bench.directory, "segments")), []);
  bench.fault = undefined;
  await store.idle();
  await store.ready();
  await write(store, written);
  assert.equal(store.figures().spans, (written + 1) * ROWS);
  await store.close();
  const again = await bench.open();
  assert.equal(again.figures().spans, (written + 1) * ROWS);
  await again.close();
});

test("a failed log write leaves nothing to be found", async (t) => {
  const bench = await makeBench(t);
  let fails = false;
  const logs = new Set<number>();
  const files: DiskFiles = {
    ...bench.options.files,
    create: async (path) => {
      const file = await diskFiles.create(path);
      if (path.endsWith(".log")) logs.add(file);
      else logs.delete(file);
      return file;
    },
    write: (file, pieces, position) =>
      fails && logs.has(file)
        ? Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }))
        : diskFiles.write(file, pieces, position),
  };
  const store = await SegmentStore.open({ ...bench.options, files, blockRowsMax: 32 });
  await write(store, 1);
  fails = true;
  await assert.rejects(write(store, 2), { code: "unavailable", where: { cause: "EIO" } });
  await assert.rejects(write(store, 1), { code: "unavailable" });
  await assert.rejects(store.ready(), { code: "unavailable" });
  fails = false;
  assert.equal(await has(store, 2), false);
  assert.equal(store.figures().spans, ROWS);
  await write(store, 3);
  await store.ready();
  await store.idle();
  assert.equal(store.figures().spans, 2 * ROWS);
  await store.close();
  const again = await bench.open();
  assert.deepEqual(await Promise.all([1, 2, 3].map((trace) => has(again, trace))), [
    true,
    false,
    true,
  ]);
  assert.equal(again.figures().spans, 2 * ROWS);
  await again.close();
});

test("without durability nothing is logged, and a clean end keeps all", async (t) => {
  const bench = await makeBench(t, { durability: "none" });
  const store = await bench.open();
  await writeTraces(store, 0, 10);
  await store.close();
  assert.deepEqual(await readdir(join(bench.directory, "log")), []);
  const again = await bench.open();
  assert.equal(again.figures().spans, 10 * ROWS);
  await writeTraces(again, 10, 20);
  await again.close();
  // The durability may change from one start to the next.
  const durable = new Bench(bench.directory, {});
  const third = await durable.open();
  await writeTraces(third, 20, 30);
  await third.close();
  const fourth = await bench.open();
  await writeTraces(fourth, 30, 40);
  assert.equal(fourth.figures().spans, 40 * ROWS);
  await fourth.close();
  const last = await durable.open();
  assert.equal(last.figures().spans, 40 * ROWS);
  await last.close();
});

test("archive() keeps a trace beyond its time, and the newest copy of it", async (t) => {
  const bench = await makeBench(t, { retentionMs: HOUR_MS });
  const store = await bench.open();
  await writeTraces(store, 0, 4);
  assert.equal(await store.archive(traceIdOf(1), never), true);
  await write(store, 1, 100); // goes on
  assert.equal(await store.archive(traceIdOf(1), never), true);
  assert.equal(await store.archive(traceIdOf(77), never), false);
  const [before] = await store.readTraces([traceIdOf(1)], never);
  assert.equal(before!.rows, ROWS + 100);
  await writeTraces(store, 4, 8);
  bench.nowMs += 3 * HOUR_MS;
  await store.tend();
  assert.equal(await has(store, 0), false);
  const [kept] = await store.readTraces([traceIdOf(1)], never);
  assert.equal(printSpans(kept!), printSpans(before!));
  // It is not stored any more, but in the archive already.
  assert.equal(await store.archive(traceIdOf(1), never), true);
  await store.close();
  const again = await bench.open();
  const [read] = await again.readTraces([traceIdOf(0), traceIdOf(1)], never);
  assert.equal(printSpans(read!), printSpans(before!));
  assert.equal((await readdir(join(bench.directory, "archive"))).length, 1);
  await again.close();
});

test("a start goes on without files that are missing or damaged, and says so", async (t) => {
  const bench = await makeBench(t, { mergeBlocksMax: 1 });
  const store = await bench.open();
  await writeTraces(store, 0, 20);
  const all = store.figures().spans;
  await store.close();
  const folder = join(bench.directory, "segments");
  const [first, second, third] = (await readdir(folder)).sort();
  await rm(join(folder, first!));
  await writeFile(join(folder, second!), "not what it was");
  await writeFile(join(folder, "000000099999-000000099999.segment"), "left behind");
  const again = await bench.open();
  assert.equal(again.figures().lostRecords, 2);
  assert.equal(again.figures().spans, all - 2 * 64);
  assert.equal(bench.lines.filter((line) => line.includes("missing or damaged")).length, 2);
  assert.deepEqual(await readdir(join(bench.directory, "aside")), [second]);
  const left = (await readdir(folder)).sort();
  assert.equal(left[0], third);
  assert.ok(!left.some((name) => name.includes("99999")));
  await write(again, 50);
  await again.close();
  const third2 = await bench.open();
  assert.equal(third2.figures().lostRecords, 0);
  assert.equal(third2.figures().spans, all - 2 * 64 + ROWS);
  await third2.close();
});

for (const damage of ["missing", "damaged"] as const) {
  test(`a manifest that is ${damage} is made anew; nothing is lost or found twice`, async (t) => {
    const bench = await makeBench(t);
    const store = await bench.open();
    await writeTraces(store, 0, 30);
    await write(store, 30);
    await store.close();
    const path = join(bench.directory, "MANIFEST");
    if (damage === "missing") await rm(path);
    else await writeFile(path, "spoor manifest 1\n{}\n");
    const again = await bench.open();
    assert.equal(again.figures().spans, 31 * ROWS);
    assert.equal((await again.readTraces([traceIdOf(3)], never))[0]!.rows, ROWS);
    await again.close();
  });
}

test("what the engine does is counted", async (t) => {
  const bench = await makeBench(t, { retentionMs: 24 * HOUR_MS });
  const store = await SegmentStore.open({ ...bench.options, metrics: bench.metrics });
  await writeTraces(store, 0, 50);
  bench.nowMs += 25 * HOUR_MS;
  await writeTraces(store, 50, 100);
  const valueOf = (name: string, label?: string): number => {
    const metric = bench.metrics.metrics().find(({ declaration }) => declaration.name === name)!;
    const series = [...metric.series()].find(([values]) => values[0] === label)![1];
    return "value" in series ? series.value : NaN;
  };
  assert.equal(valueOf("spoor_store_blocks_built_total"), (100 * ROWS - 32) / 64);
  assert.ok(valueOf("spoor_store_merges_total") > 3);
  const dropped = valueOf("spoor_store_dropped_spans_total", "age");
  assert.ok(dropped > 40 * ROWS && dropped < 60 * ROWS, `${dropped}`);
  assert.equal(valueOf("spoor_store_spans"), 100 * ROWS - dropped);
  assert.equal(valueOf("spoor_store_blocks_waiting"), 0);
  assert.equal(valueOf("spoor_store_file_bytes"), await sizeOfFiles(bench.directory));
  assert.ok(valueOf("spoor_store_log_bytes") > 0);
  assert.equal(valueOf("spoor_store_push_backs_total", "head"), 0);
  await store.close();
});
