// Two shards against one store in memory that got the same payloads.

import assert from "node:assert/strict";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeQuery, makeRandom, makeSpans, traceIdOf } from "../../../test/store/corpus.ts";
import { systemClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { printMetrics } from "../../base/metrics-text.ts";
import { MetricsRegistry } from "../../base/metrics.ts";
import { printSpans } from "../../model/print-spans.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import { diskFiles } from "../../store/disk/files.ts";
import { makeMemoryStore } from "../../store/memory/memory-store.ts";
import { SegmentStore } from "../../store/segment/segment-store.ts";
import { countShards, shardFolder } from "../../store/segment/shard-folders.ts";
import { verifyDirectory } from "../../store/segment/verify-directory.ts";
import type { TraceStore } from "../../store/trace-store.ts";
import { writeOtlpProto } from "../../wire/write-otlp-proto.ts";
import { makeReadReceived } from "../readers.ts";
import { LocalReception, type Reading } from "../reception.ts";
import { makeSanitizer } from "../sanitize.ts";
import type { Sharing } from "./load-share.ts";
import { type Shards, type ShardsOptions, openShards } from "./open-shards.ts";
import type { PlainStoreOptions } from "./shard-messages.ts";

const never = new AbortController().signal;
const tags = new Map([["region", "north"]]);
const folders: string[] = [];

after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spoor-shards-"));
  folders.push(folder);
  return folder;
}

function storeOptions(directory: string): PlainStoreOptions {
  return {
    directory,
    durability: "os",
    logFileBytesMax: 1 << 20,
    headBytesMax: 256 << 20,
    partitionMs: 3_600_000,
    retentionMs: 0,
    bytesMax: 0,
    freeBytesMin: 0,
    blockRowsMax: 64,
  };
}

function optionsOf(directory: string, shards: number): ShardsOptions {
  return {
    store: storeOptions(directory),
    shards,
    tags,
    files: diskFiles,
    clock: systemClock,
    metrics: new MetricsRegistry(),
    log: silentLog,
    onBug: assert.ifError,
    sharing: inTurn(),
  };
}

/** Every other payload goes to another thread. */
function inTurn(): Sharing {
  let turn = 0;
  return { goesOn: () => turn++ % 2 === 1 };
}

function open(directory: string, shards: number, metrics = new MetricsRegistry()): Promise<Shards> {
  return openShards({ ...optionsOf(directory, shards), metrics });
}

/** Payloads whose traces reach over several of them. */
function makePayloads(rows = 40): Uint8Array[] {
  const random = makeRandom(7);
  return Array.from({ length: 20 }, (_, round) =>
    writeOtlpProto([makeSpans({ random, rows, tracesFrom: 5 * round, tracesEnd: 5 * round + 15 })]),
  );
}

/** Spans of each shard of a directory that nobody has open. */
async function countSpans(directory: string): Promise<number[]> {
  const spans: number[] = [];
  for (let shard = 0; shard < (await countShards(diskFiles, directory)); shard++) {
    const store = await SegmentStore.open({
      ...storeOptions(shardFolder(directory, shard)),
      files: diskFiles,
      clock: systemClock,
      log: silentLog,
      read: makeReadReceived(tags),
      inline: true,
    });
    spans.push(store.figures().spans);
    await store.close();
  }
  return spans;
}

async function takeAll(
  { reception }: Pick<Shards, "reception">,
  payloads: readonly Uint8Array[],
): Promise<Reading[]> {
  const readings: Reading[] = [];
  const taken = payloads.map((payload) =>
    reception.take("otlp-proto", payload, (reading) => readings.push(reading)),
  );
  await Promise.all(taken);
  return readings;
}

function openReference(): Shards {
  const store = makeMemoryStore({ tracesMax: 0, bytesMax: 256 << 20 }, systemClock);
  return { store, reception: new LocalReception(store, makeSanitizer(tags)) };
}

/** Spans of one start come in the order of payloads, which two threads do not keep. */
function printSorted(trace: SpanBatch): string[] {
  return printSpans(trace)
    .split(/\n(?=\S)/)
    .sort();
}

async function findAll(store: TraceStore): Promise<string[]> {
  const all = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER, attributes: [], limit: 10_000 };
  return (await store.findTraces(all, never)).map((trace) => printSorted(trace).join("\n"));
}

test("openShards() answers as one store does", async () => {
  const payloads = makePayloads();
  const reference = openReference();
  const shards = await open(await makeFolder(), 2);
  const expected = await takeAll(reference, payloads);
  const readings = await takeAll(shards, payloads);
  const rowsOf = (all: readonly Reading[]): number => all.reduce((sum, one) => sum + one.rows, 0);
  assert.equal(rowsOf(readings), rowsOf(expected));
  assert.equal(shards.store.figures().spans, rowsOf(expected));
  assert.deepEqual(await findAll(shards.store), await findAll(reference.store));
  const random = makeRandom(11);
  for (let round = 0; round < 200; round++) {
    const query = makeQuery(random);
    assert.deepEqual(
      (await shards.store.findTraces(query, never)).map(printSorted),
      (await reference.store.findTraces(query, never)).map(printSorted),
    );
  }
  const range = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER };
  assert.deepEqual(
    await shards.store.dependencies(range, never),
    await reference.store.dependencies(range, never),
  );
  assert.deepEqual(await shards.store.services(never), await reference.store.services(never));
  await shards.store.close();
});

test("openShards() has other threads read what is given away, as far as they have time", async () => {
  for (const [share, expected] of [
    [0, (spans: readonly number[]) => spans[1] === 0],
    [0.5, (spans: readonly number[]) => spans[0] === spans[1]],
    // A thread cannot read all as fast as it comes here.
    [1, (spans: readonly number[]) => spans[0]! > 0 && spans[1]! >= 2_000],
  ] as const) {
    const payloads = makePayloads(share === 1 ? 1_000 : 10);
    const directory = await makeFolder();
    const sharing: Sharing = share === 0.5 ? inTurn() : { goesOn: () => share === 1 };
    const shards = await openShards({ ...optionsOf(directory, 2), sharing });
    const readings = await takeAll(shards, payloads);
    await shards.store.close();
    const spans = await countSpans(directory);
    const sum = readings.reduce((all, reading) => all + reading.rows, 0);
    assert.equal((spans[0] ?? 0) + (spans[1] ?? 0), sum);
    assert.ok(expected(spans), `${share}: ${spans.join()}`);
  }
});

test("openShards() gives nothing to a shard that has just refused what it was given", async () => {
  const directory = await makeFolder();
  const shards = await openShards({
    ...optionsOf(directory, 2),
    store: { ...storeOptions(directory), headBytesMax: 48 << 20, blockRowsMax: undefined },
    sharing: { goesOn: () => true },
    // "Just" is for ever.
    clock: { ...systemClock, monotonicMs: () => 0 },
  });
  const segments = join(shardFolder(directory, 1), "segments");
  await rename(segments, `${segments}-gone`);
  const [payload] = makePayloads(1_000);
  const take = (): Promise<void> => shards.reception.take("otlp-proto", payload!, () => {});
  try {
    let taken = 0;
    const fill = async (): Promise<void> => {
      for (; taken < 1_000; taken++) await take();
    };
    await assert.rejects(fill, /spans come faster than files|a block could not be written/);
    for (let more = 0; more < 5; more++) await take();
    assert.ok(taken > 0);
    assert.equal(shards.store.figures().spans, (taken + 5) * 1_000);
  } finally {
    await rename(`${segments}-gone`, segments);
    await shards.store.close();
  }
});

test("openShards() finds everything again, with fewer shards too", async () => {
  const directory = await makeFolder();
  const first = await open(directory, 3);
  await takeAll(first, makePayloads());
  const before = await findAll(first.store);
  await first.store.close();
  assert.equal(await countShards(diskFiles, directory), 3);
  const second = await open(directory, 1);
  assert.deepEqual(await findAll(second.store), before);
  const { spans } = second.store.figures();
  await takeAll(second, makePayloads().slice(0, 1));
  assert.equal(second.store.figures().spans, spans + 40);
  await second.store.close();
});

test("openShards() refuses a directory that is in use, and lets go of the others", async () => {
  const directory = await makeFolder();
  const first = await open(directory, 2);
  await assert.rejects(open(directory, 2), /uses the data directory/);
  await first.store.close();
  await (await open(directory, 2)).store.close();
});

test("Reception.take() of shards says what is wrong with a payload", async () => {
  const shards = await open(await makeFolder(), 2);
  const taken = shards.reception.take("otlp-proto", Uint8Array.of(10, 200), () => assert.fail());
  await assert.rejects(taken, { code: "bad-input", name: "SpoorError" });
  await shards.store.close();
});

test("openShards() archives a trace wherever its spans lie", async () => {
  const shards = await open(await makeFolder(), 2);
  await takeAll(shards, makePayloads());
  assert.equal(await shards.store.archive(traceIdOf(8), never), true);
  assert.equal(await shards.store.archive(new Uint8Array(16).fill(9), never), false);
  await shards.store.close();
});

test("openShards() adds the metrics of its shards up", async () => {
  const metrics = new MetricsRegistry();
  const shards = await open(await makeFolder(), 2, metrics);
  await takeAll(shards, makePayloads());
  await shards.store.close(); // the last message of each shard has its metrics
  assert.match(printMetrics(metrics), /^spoor_store_spans 800$/m);
});

test("openShards() copies all shards into one directory, while they go on", async () => {
  const payloads = makePayloads();
  const first = await open(await makeFolder(), 2);
  await takeAll(first, payloads);
  const expected = await findAll(first.store);
  const taking = takeAll(first, makePayloads());
  const { path } = await first.store.backup!("one");
  await taking;
  await first.store.close();
  assert.equal(await countShards(diskFiles, path), 2);
  for (const shard of [0, 1]) {
    const directory = shardFolder(path, shard);
    const { problems } = await verifyDirectory({ files: diskFiles, directory, repair: false });
    assert.deepEqual(problems, []);
  }
  const copy = await open(path, 2);
  assert.equal((await findAll(copy.store)).length, expected.length);
  assert.ok(copy.store.figures().spans >= 800);
  await assert.rejects(copy.store.backup!("../one"), { code: "bad-input" });
  await copy.store.close();
});
