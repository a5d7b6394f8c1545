// A data directory that is damaged anywhere: the store opens, answers with what is intact and with nothing
// else, and says that something is lost.
//
//   small directory ─▶ a copy with one byte flipped, or one file cut ─▶ open ─▶ every question
//        └─ a copy without that file ─▶ what it alone holds: no damage to it may cost more
//
// DAMAGE=all tries every byte and every length of every file; otherwise some of each, other ones with
// DAMAGE_SEED=7.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { makeRandom } from "../../bench/span-model.ts";
import type { Log } from "../../src/base/log.ts";
import { RowCopier } from "../../src/model/copy-rows.ts";
import { printSpans } from "../../src/model/print-spans.ts";
import { SpanBatch } from "../../src/model/span-batch.ts";
import { SegmentStore } from "../../src/store/segment/segment-store.ts";
import { readOtlpTraces } from "../../src/wire/otlp-proto.ts";
import { copyDisk, type DiskCopy, makeDisk } from "../store/copied-disk.ts";
import { makeSpans, traceIdOf } from "../store/corpus.ts";
import { receivedOf } from "../store/received-of.ts";
import { SimulatedDisk } from "../store/simulated-disk.ts";

const isLong = process.env["DAMAGE"] === "all";
const random = makeRandom(Number(process.env["DAMAGE_SEED"] ?? 1));
/** Of each file, unless all are tried. */
const PLACES = 12;

const never = new AbortController().signal;
const everything = { startUsMin: 0, startUsMax: 2 ** 53 - 1, attributes: [], limit: 10_000 };
const BATCHES = 12;
const ROWS = 11;
const DIRECTORY = "/data";
const LOG = `${DIRECTORY}/log`;
const FOLDERS = ["", "/log", "/segments", "/archive"].map((name) => `${DIRECTORY}${name}`);

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: string;
}

function openStore(disk: SimulatedDisk, lines: LogLine[] = []): Promise<SegmentStore> {
  const keep =
    (level: string): Log["info"] =>
    (message, fields = {}) =>
      void lines.push({ level, message, fields: JSON.stringify(fields) });
  return SegmentStore.open({
    directory: DIRECTORY,
    durability: "disk",
    logFileBytesMax: 4_000,
    headBytesMax: 512 << 20,
    partitionMs: 3_600_000,
    retentionMs: 0,
    bytesMax: 0,
    freeBytesMin: 0,
    files: disk,
    clock: { nowUs: () => 1.7e15, monotonicMs: () => 0 },
    log: { debug() {}, info: keep("info"), warn: keep("warn"), error: keep("error") },
    read: (_format, payload) => {
      const batch = new SpanBatch();
      readOtlpTraces(payload, batch);
      return batch;
    },
    lock: () => Promise.resolve({ release: () => undefined }),
    inline: true,
    blockRowsMax: 16,
    mergeBlocksMax: 6,
    tendMs: 0,
    retryMs: 0,
  });
}

interface Made {
  readonly copy: DiskCopy;
  readonly batches: readonly SpanBatch[];
  /** `path bytes` of log files as they were between two records: a file that ends there is sound. */
  readonly soundEnds: ReadonlySet<string>;
}

/** A directory with merged and single files, a log that goes on behind them, and an archived trace. */
async function makeDirectory(): Promise<Made> {
  const disk = new SimulatedDisk();
  const made = makeRandom(5);
  const store = await openStore(disk);
  const batches: SpanBatch[] = [];
  const soundEnds = new Set<string>();
  const noteEnds = async (): Promise<void> => {
    for (const name of await disk.list(LOG)) {
      soundEnds.add(`${LOG}/${name} 0`).add(`${LOG}/${name} ${await disk.size(`${LOG}/${name}`)}`);
    }
  };
  await noteEnds();
  for (let round = 0; round < BATCHES; round++) {
    const spans = makeSpans({
      random: made,
      rows: ROWS,
      tracesFrom: 2 * round,
      tracesEnd: 2 * round + 3,
    });
    const received = receivedOf(spans);
    const batch = new SpanBatch();
    readOtlpTraces(received.payload, batch);
    await store.write(batch, received);
    batches.push(batch);
    await noteEnds();
    if (round === 9) await store.idle();
  }
  await store.archive(traceIdOf(0), never);
  await store.close();
  return { copy: await copyDisk(disk, FOLDERS), batches, soundEnds };
}

/** Text of each span, by its ids. */
function addSpans(to: Map<string, string>, batch: SpanBatch): void {
  const one = new SpanBatch();
  const copier = new RowCopier(batch, one);
  for (let row = 0; row < batch.rows; row++) {
    one.reset();
    copier.begin(batch, one);
    copier.copyRow(row);
    const trace = Buffer.from(one.traceId.subarray(0, 16)).toString("hex");
    const name = `${trace}:${Buffer.from(one.spanId.subarray(0, 8)).toString("hex")}`;
    assert.ok(!to.has(name), `${name} is there twice`);
    to.set(name, printSpans(one));
  }
}

interface Seen {
  /** Names of spans: of a search for all, and of reading each trace. */
  readonly spans: ReadonlySet<string>;
  readonly isReported: boolean;
}

/** Opens the disk and asks everything. Fails if an answer has anything that was never written. */
async function look(disk: SimulatedDisk, known: Known, what: string): Promise<Seen> {
  const lines: LogLine[] = [];
  const store = await openStore(disk, lines);
  const searched = new Map<string, string>();
  for (const trace of await store.findTraces(everything, never)) addSpans(searched, trace);
  const read = new Map<string, string>();
  for (const trace of await store.readTraces(known.traceIds, never)) addSpans(read, trace);
  for (const found of [searched, read]) {
    for (const [name, text] of found) assert.equal(text, known.spans.get(name), `${what}: ${name}`);
  }
  for (const service of await store.services(never)) {
    assert.ok(known.services.has(service), `${what}: service ${JSON.stringify(service)}`);
  }
  for (const { name } of await store.operations(undefined, undefined, never)) {
    assert.ok(known.operations.has(name), `${what}: operation ${JSON.stringify(name)}`);
  }
  const figures = store.figures();
  await store.close();
  // What a WeakRef was asked for lives until the event loop turns, and here nothing else turns it.
  await setImmediate();
  assert.equal(disk.openSources, 0, `${what}: files are still open`);
  const isTorn = lines.some(({ fields }) => /"tornBytes":[1-9]/.test(fields));
  return {
    // An archived trace is read by its id, also when the spans it was made of are gone.
    spans: new Set([...searched.keys(), ...read.keys()]),
    isReported: figures.lostRecords > 0 || isTorn || lines.some(({ level }) => level !== "info"),
  };
}

interface Known {
  /** Text of each span that was written, by its ids. */
  readonly spans: ReadonlyMap<string, string>;
  readonly traceIds: readonly Uint8Array[];
  readonly services: ReadonlySet<string>;
  readonly operations: ReadonlySet<string>;
}

const { copy, batches, soundEnds } = await makeDirectory();
const known = await learn();

async function learn(): Promise<Known> {
  const spans = new Map<string, string>();
  for (const batch of batches) addSpans(spans, batch);
  const store = await openStore(await makeDisk(copy));
  const services = new Set(await store.services(never));
  const operations = await store.operations(undefined, undefined, never);
  await store.close();
  return {
    spans,
    traceIds: Array.from({ length: 2 * BATCHES + 3 }, (_, number) => traceIdOf(number)),
    services,
    operations: new Set(operations.map(({ name }) => name)),
  };
}

test("a whole directory is answered from wholly, without a complaint", async (t) => {
  const { spans, isReported } = await look(await makeDisk(copy), known, "whole");
  assert.deepEqual([...spans].sort(), [...known.spans.keys()].sort());
  assert.equal(isReported, false);
  for (const [path, bytes] of copy) t.diagnostic(`${path}: ${bytes.length} bytes`);
  const kinds = ["MANIFEST", "/log/", "/segments/", "/archive/"];
  for (const kind of kinds)
    assert.ok(
      [...copy.keys()].some((path) => path.includes(kind)),
      kind,
    );
});

function* placesOf(count: number): Generator<number> {
  if (isLong || count <= PLACES) {
    for (let at = 0; at < count; at++) yield at;
    return;
  }
  // One in each stretch, and both ends.
  yield 0;
  for (let place = 0; place < PLACES; place++) {
    yield Math.floor(((place + random()) * count) / PLACES);
  }
  yield count - 1;
}

async function check(path: string, bytes: Uint8Array, outside: ReadonlySet<string>, what: string) {
  const disk = await makeDisk(copy, path, bytes);
  const { spans, isReported } = await look(disk, known, what);
  for (const name of outside) {
    assert.ok(spans.has(name), `${what}: ${name} lies elsewhere, and is gone`);
  }
  const isTold = isReported || soundEnds.has(`${path} ${bytes.length}`);
  if (spans.size < known.spans.size) assert.ok(isTold, `${what}: nothing says what is lost`);
  // What a start makes of it is sound as well, and costs nothing more.
  const again = await look(disk, known, `${what}, second start`);
  for (const name of spans) assert.ok(again.spans.has(name), `${what}: ${name} is gone later`);
}

for (const [path, bytes] of copy) {
  test(`${path} with a byte flipped, or cut short, costs no more than what it holds`, async () => {
    const outside = (await look(await makeDisk(copy, path), known, `without ${path}`)).spans;
    for (const at of placesOf(bytes.length)) {
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << Math.floor(8 * random());
      await check(path, flipped, outside, `${path} with byte ${at} flipped`);
    }
    for (const length of placesOf(bytes.length)) {
      await check(path, bytes.slice(0, length), outside, `${path} cut at ${length}`);
    }
  });
}
