// The engine on a disk that fails: whatever was acknowledged is there once, what was refused is not.
//
//   write ─▶ blocks ─▶ files ─▶ merged ─▶ dropped ─▶ close ─▶ start      on a simulated disk, in one thread,
//   so small that a power cut, ENOSPC or EIO can be tried at each of its operations
//
// STORE_FAULTS=all tries every operation with every fault and more survivors of a cut; else every second.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { receivedOf } from "../../../test/store/conformance.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { silentLog } from "../../base/log.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import { readOtlpTraces } from "../../wire/otlp-proto.ts";
import type { Received } from "../received.ts";
import { type SegmentOptions, SegmentStore } from "./segment-store.ts";

const never = new AbortController().signal;
const everything = { startUsMin: 0, startUsMax: 2 ** 53 - 1, attributes: [], limit: 10_000 };
/** Rows of a batch; blocks have 16, so that records begin and end anywhere in them. */
const ROWS = 11;

interface Sent {
  readonly batch: SpanBatch;
  readonly received: Received;
  /** `trace:span` of each row. */
  readonly names: readonly string[];
}

function makeSent(count: number): Sent[] {
  const random = makeRandom(5);
  return Array.from({ length: count }, (_, round) => {
    const made = makeSpans({ random, rows: ROWS, tracesFrom: round, tracesEnd: round + 3 });
    const received = receivedOf(made);
    const batch = new SpanBatch();
    readOtlpTraces(received.payload, batch);
    return { batch, received, names: namesOf(batch) };
  });
}

function namesOf(batch: SpanBatch): string[] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return Array.from({ length: batch.rows }, (_, row) => {
    const trace = hex(batch.traceId.subarray(16 * row, 16 * row + 16));
    return `${trace}:${hex(batch.spanId.subarray(8 * row, 8 * row + 8))}`;
  });
}

function optionsOn(files: SimulatedDisk, more: Partial<SegmentOptions> = {}): SegmentOptions {
  return {
    directory: "/data",
    durability: "disk",
    logFileBytesMax: 4_000,
    headBytesMax: 512 << 20,
    partitionMs: 3_600_000,
    retentionMs: 0,
    bytesMax: 0,
    freeBytesMin: 0,
    files,
    clock: { nowUs: () => 1.7e15, monotonicMs: () => 0 },
    log: silentLog,
    read: (_format, payload) => {
      const batch = new SpanBatch();
      readOtlpTraces(payload, batch);
      return batch;
    },
    lock: () => Promise.resolve({ release: () => undefined }),
    inline: true,
    blockRowsMax: 16,
    mergeBlocksMax: 8,
    tendMs: 0,
    retryMs: 0,
    ...more,
  };
}

/** Waits, but not for a disk without power. @returns undefined if the power is gone. */
async function settle<T>(disk: SimulatedDisk, work: Promise<T>): Promise<T | undefined> {
  const gone = (async (): Promise<undefined> => {
    while (disk.operations <= disk.cutAt) await nextTurn();
    // What was under way may still come to its end without the disk.
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    return undefined;
  })();
  const ended = work.then((value) => ({ value }));
  const first = await Promise.race([ended, gone]);
  return first?.value;
}

interface Fate {
  readonly acknowledged: Sent[];
  readonly refused: Sent[];
}

/** Writes everything, two batches at a time, with a restart in the middle; stops when the power does. */
async function run(disk: SimulatedDisk, sent: readonly Sent[], fate: Fate): Promise<void> {
  const half = sent.length >> 1;
  for (const part of [sent.slice(0, half), sent.slice(half)]) {
    const store = await SegmentStore.open(optionsOn(disk));
    for (let at = 0; at < part.length; at += 2) {
      await Promise.all(
        part.slice(at, at + 2).map(async (one) => {
          try {
            await store.write(one.batch, one.received);
            fate.acknowledged.push(one);
          } catch {
            fate.refused.push(one);
          }
        }),
      );
    }
    // Merged as well; a disk that fails may stand in the way.
    await store.idle().catch(() => undefined);
    await store.close();
  }
}

/** What a store on this disk holds: every span's name, sorted. */
async function readNames(disk: SimulatedDisk): Promise<string[]> {
  const store = await SegmentStore.open(optionsOn(disk));
  const found = (await store.findTraces(everything, never)).flatMap(namesOf);
  assert.equal(store.figures().spans, found.length);
  await store.close();
  return found.sort();
}

function check(found: readonly string[], { acknowledged, refused }: Fate, what: string): void {
  const counts = new Map<string, number>();
  for (const name of found) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const { names } of acknowledged) {
    for (const name of names) assert.equal(counts.get(name), 1, `${what}: ${name}`);
  }
  for (const { names } of refused) {
    for (const name of names) assert.equal(counts.get(name), undefined, `${what}: ${name} refused`);
  }
  for (const count of counts.values()) assert.equal(count, 1, what);
}

const SENT = makeSent(10);
const isLong = process.env["STORE_FAULTS"] === "all";

test("a store holds after a start what it held, wherever that lay", async () => {
  const disk = new SimulatedDisk();
  const fate: Fate = { acknowledged: [], refused: [] };
  await run(disk, SENT, fate);
  assert.equal(fate.acknowledged.length, SENT.length);
  check(await readNames(disk), fate, "whole");
  assert.equal(disk.openSources, 0);
  const names = await disk.list("/data/segments");
  assert.equal(names.length, 1, `merged: ${names.join(" ")}`);
});

test("what was acknowledged survives a power cut before every operation, once", async (t) => {
  const whole = new SimulatedDisk();
  await run(whole, SENT, { acknowledged: [], refused: [] });
  t.diagnostic(`${whole.operations} operations`);
  for (let cutAt = 0; cutAt < whole.operations; cutAt++) {
    const disk = new SimulatedDisk();
    disk.cutAt = cutAt;
    const fate: Fate = { acknowledged: [], refused: [] };
    await settle(disk, run(disk, SENT, fate));
    for (let seed = 1; seed <= (isLong ? 8 : 1); seed++) {
      const after = disk.afterPowerCut(makeRandom(seed * 10_000 + cutAt));
      check(await readNames(after), fate, `cut at ${cutAt}, seed ${seed}`);
      // What the first start made of it is sound as well.
      check(await readNames(after), fate, `cut at ${cutAt}, seed ${seed}, second start`);
    }
  }
});

for (const [index, fault] of (["ENOSPC", "EIO", "short"] as const).entries()) {
  test(`${fault} of any operation loses nothing that was acknowledged`, async () => {
    const whole = new SimulatedDisk();
    await run(whole, SENT, { acknowledged: [], refused: [] });
    for (let at = index % 2; at < whole.operations; at += isLong ? 1 : 2) {
      const disk = new SimulatedDisk();
      disk.faults.set(at, fault);
      const fate: Fate = { acknowledged: [], refused: [] };
      try {
        await run(disk, SENT, fate);
      } catch {
        // A start that the disk does not let be.
      }
      disk.faults.clear();
      check(await readNames(disk), fate, `${fault} at ${at}`);
    }
  });
}
