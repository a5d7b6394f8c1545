// The head against a plain list of rows: appending, settling, retracting, releasing, evicting and sealing
// in any order, with blocks so small that traces and records lie in many, numbers of blocks that are given
// out again and ordinals that wrap around. After every step everything is asked, also by readers who came
// before blocks were released.

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import fc from "fast-check";
import { BatchPart } from "../../../test/store/batch-part.ts";
import { findByForce, traceIdText } from "../../../test/store/brute-force.ts";
import {
  BASE_US,
  CORPUS_US,
  makeQuery,
  makeRandom,
  makeSpans,
  type Random,
  traceIdOf,
} from "../../../test/store/corpus.ts";
import type { Clock } from "../../base/clock.ts";
import { RowCopier } from "../../model/copy-rows.ts";
import { printSpans } from "../../model/print-spans.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import type { Part } from "../part.ts";
import { HeadPart, type OpenHead } from "./head-part.ts";
import { Head } from "./head.ts";

const never = new AbortController().signal;
const BLOCK_NUMBERS = 12;
const RECORD_ROWS_MAX = 12;
const TRACES = 12;
/** Each of up to 50 steps; many times as many were run once. */
const RUNS = 5;
const always = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER };
const everything = { ...always, attributes: [], limit: 999 };

/** Every look at it is a slice later, so that every pause is one. */
function impatientClock(): Clock {
  let now = 0;
  return { nowUs: () => 1_000 * now, monotonicMs: () => (now += 100) };
}

interface Row {
  readonly batch: SpanBatch;
  readonly row: number;
  readonly id: string;
  readonly sequence: number;
  readonly block: number;
  isDead: boolean;
}

/** What a step may do; numbers choose among what there is. */
type Step =
  | readonly ["append", rows: number, fromTrace: number]
  | readonly [
      "settle" | "retract" | "release" | "seal" | "evict" | "open" | "done",
      choice: number,
    ];

class Model {
  readonly head: Head;
  readonly rows: Row[] = [];
  readonly #random: Random;
  readonly #rowsMax: number;
  readonly #clock = impatientClock();
  readonly readers: OpenHead[] = [];
  /** Records that are not settled. */
  #open: number[] = [];
  #sequence = 0;
  #settled = 0;
  #block = 1;
  #blockRows = 0;
  #released = 0;
  /** True if only releasing has made gaps since ordinals were put in order last. */
  #hasLeft = false;

  constructor(seed: number, rowsMax: number, oldest: number) {
    this.#random = makeRandom(seed);
    this.#rowsMax = rowsMax;
    const few = { blockNumbers: BLOCK_NUMBERS, spareOrdinals: 0 };
    this.head = new Head(rowsMax, { ...few, clock: this.#clock });
    this.head.traces.oldest = oldest;
  }

  async run(step: Step): Promise<void> {
    switch (step[0]) {
      case "append":
        await this.#append(step[1], step[2]);
        break;
      case "settle":
        this.#settle(this.#open[step[1] % Math.max(1, this.#open.length)]);
        break;
      case "retract":
        this.#retract(this.#open[step[1] % Math.max(1, this.#open.length)]);
        break;
      case "release":
        this.#release();
        break;
      case "seal":
        if (this.#blockRows > 0) this.#openBlock();
        this.head.sealOpenBlock();
        break;
      case "evict":
        this.#evict();
        break;
      case "open":
        if (this.readers.length < 3) this.readers.push(HeadPart.open(this.head, this.#clock));
        break;
      case "done":
        this.readers.splice(step[1] % Math.max(1, this.readers.length), 1)[0]?.done();
        break;
    }
  }

  async #append(count: number, fromTrace: number): Promise<void> {
    this.makeRoom();
    const options = { rows: count, tracesFrom: fromTrace, tracesEnd: fromTrace + 4 };
    const batch = makeSpans({ random: this.#random, ...options });
    // Parents of other records, so that calls cross them.
    for (const { batch: other, row } of this.rows.slice(-3)) {
      const to = Math.floor(this.#random() * count);
      if (traceIdText(other, row) !== traceIdText(batch, to)) continue;
      batch.parentSpanId.set(other.spanId.subarray(8 * row, 8 * row + 8), 8 * to);
    }
    const sequence = ++this.#sequence;
    // Replay leaves out rows of a record now and then.
    const fromRow = this.#random() < 0.1 ? Math.floor(this.#random() * count) : 0;
    const kept = new SpanBatch();
    const copier = new RowCopier(batch, kept);
    for (let row = 0; row < count; row++) copier.copyRow(row);
    this.head.append(batch, sequence, fromRow);
    batch.reset();
    this.#open.push(sequence);
    for (let row = fromRow; row < count; row++) {
      if (this.#blockRows === this.#rowsMax) this.#openBlock();
      this.#blockRows++;
      const id = traceIdText(kept, row);
      this.rows.push({ batch: kept, row, id, sequence, block: this.#block, isDead: false });
    }
    await setImmediate();
  }

  /** As the engine: what is not in files yet is bounded. */
  makeRoom(): void {
    const few = Math.floor(BLOCK_NUMBERS - RECORD_ROWS_MAX / this.#rowsMax - 1);
    const isFull = (): boolean => this.head.view(0).blocks.length > few;
    if (!isFull()) return;
    for (const reader of this.readers.splice(0)) reader.done();
    if (isFull()) this.#settle(this.#open.at(-1));
    while (isFull()) this.#release();
  }

  #openBlock(): void {
    this.#block++;
    this.#blockRows = 0;
  }

  #settle(sequence: number | undefined): void {
    if (sequence === undefined) return;
    this.head.settle(sequence);
    this.#settled = sequence;
    this.#open = this.#open.filter((other) => other > sequence);
  }

  #retract(sequence: number | undefined): void {
    if (sequence === undefined) return;
    this.#hasLeft = false;
    const dead = this.rows.filter((row) => row.sequence === sequence && !row.isDead);
    assert.equal(this.head.retract(sequence), dead.length);
    for (const row of this.rows) if (row.sequence === sequence) row.isDead = true;
    this.#open = this.#open.filter((other) => other !== sequence);
    this.#retracted.add(sequence);
  }

  readonly #retracted = new Set<number>();

  #release(): void {
    const block = this.head.blocks[0]!;
    if (!block.sealed || block.lastSequence > this.#settled) return;
    this.#checkPosition(block.id);
    this.head.release(block);
    this.#released = block.id;
    this.#hasLeft = !this.head.isPinned;
  }

  #checkPosition(id: number): void {
    const { sequence, rows } = this.head.positionAfter(this.head.blocks[0]!);
    let last = 0;
    for (const row of this.rows) {
      if (this.#retracted.has(row.sequence) || row.sequence > this.#settled) continue;
      last = Math.max(last, row.sequence);
      const isBefore =
        row.sequence <= sequence || (row.sequence === sequence + 1 && row.row < rows);
      assert.equal(isBefore, row.block <= id, `record ${row.sequence}, row ${row.row}`);
    }
    // A log that ends with `last` goes on with the next number: that must not be left out.
    assert.ok(sequence + (rows > 0 ? 1 : 0) <= last, `${sequence} and ${rows} rows, not ${last}`);
  }

  #evict(): void {
    this.#hasLeft = false;
    const { traces } = this.head;
    if (traces.held === 0) return;
    const id = Buffer.from(traces.id(traces.oldest)).toString("hex");
    this.head.evictOldestTrace();
    for (const row of this.rows) if (row.id === id) row.isDead = true;
  }

  /** Live rows from this block on. */
  live(from = this.#released + 1): Row[] {
    return this.rows.filter((row) => !row.isDead && row.block >= from);
  }

  async check(): Promise<void> {
    const live = this.live();
    const { head } = this;
    assert.equal(head.liveRows, live.length);
    if (!head.isPinned) {
      const ids = new Set(live.map((row) => row.id));
      assert.equal(head.traces.held, ids.size);
      if (this.#hasLeft) assert.ok(head.traces.count <= 2 * ids.size + 1);
    }
    for (const block of head.blocks) {
      const rows = live.filter((row) => row.block === block.id);
      assert.equal(block.liveRows, rows.length, `block ${block.id}`);
      let held = 0;
      for (let row = 0; row < block.rows; row++) if (head.isLive(block, row)) held++;
      assert.equal(held, rows.length);
      const perResource = block.resourceRows.reduce((sum, count) => sum + count, 0);
      assert.equal(perResource, rows.length);
    }
    const sizes = head.blocks.reduce((sum, block) => sum + block.memoryBytes(), 0);
    if (!head.isPinned) assert.equal(head.memoryBytes(), sizes + head.traces.memoryBytes());
    await this.#checkPart(new HeadPart(head, this.#clock), live);
    for (const { part, boundary } of this.readers) {
      await this.#checkPart(part, this.live(boundary));
    }
  }

  async #checkPart(part: Part, live: readonly Row[]): Promise<void> {
    const batch = batchOf(live);
    const plain = new BatchPart([batch]);
    const random = this.#random;
    const ids = Array.from({ length: TRACES + 4 }, (_, trace) => traceIdOf(trace));
    assert.deepEqual(
      (await part.readTraces(ids, never)).map(printRows),
      (await plain.readTraces(ids, never)).map(printRows),
    );
    const query = makeQuery(random);
    const hits = await part.search(query, never);
    const hex = (found: { ids: Uint8Array }): string => Buffer.from(found.ids).toString("hex");
    assert.equal(hex(hits), findByForce([batch], query).join(""), JSON.stringify(query));
    assert.deepEqual(await part.search(everything, never), await plain.search(everything, never));
    const only = ids.filter(() => random() < 0.5);
    const wanted = new Set(only.map((id) => Buffer.from(id).toString("hex")));
    const some = batchOf(live.filter((row) => wanted.has(row.id)));
    const found = findByForce([some], query).join("");
    assert.equal(hex(await part.search(query, never, only)), found, JSON.stringify(query));
    assert.deepEqual(await part.services(never), await plain.services(never));
    for (const service of [undefined, "cart"]) {
      const operations = await plain.operations(service, undefined, never);
      assert.deepEqual(await part.operations(service, undefined, never), operations);
    }
    await checkCalls(part, plain);
    const series = { services: ["cart", "frontend"], kinds: [], byOperation: true, quantile: 0.5 };
    const times = { endUs: BASE_US + CORPUS_US, lookbackUs: 5e7, stepUs: 1e7, windowUs: 1e7 };
    assert.deepEqual(
      await part.series({ ...series, ...times }, never),
      await plain.series({ ...series, ...times }, never),
    );
  }
}

/** Row by row: a head makes one of equal resources. */
function printRows(trace: SpanBatch | undefined): string[] {
  if (trace === undefined) return ["none"];
  return Array.from({ length: trace.rows }, (_, row) => {
    const single = new SpanBatch();
    new RowCopier(trace, single).copyRow(row);
    return printSpans(single);
  });
}

async function checkCalls(part: Part, plain: Part): Promise<void> {
  const range = { startUsMin: BASE_US + CORPUS_US / 10, startUsMax: BASE_US + CORPUS_US };
  const [own, expected] = await Promise.all([part.calls(range, never), plain.calls(range, never)]);
  const counts = expected.counts.filter(({ parent, child }) => parent !== child);
  assert.deepEqual(own.counts, counts);
  const print = ({ services, service, traceIds, spanIds }: typeof own.strangers): string[] =>
    Array.from(service, (number, at) => {
      const trace = Buffer.from(traceIds.subarray(16 * at, 16 * at + 16)).toString("hex");
      const span = Buffer.from(spanIds.subarray(8 * at, 8 * at + 8)).toString("hex");
      return `${trace} ${span} ${services[number]}`;
    }).sort();
  assert.deepEqual(print(own.strangers), print(expected.strangers));
}

function batchOf(rows: readonly Row[]): SpanBatch {
  const batch = new SpanBatch();
  const copiers = new Map<SpanBatch, RowCopier>();
  for (const { batch: from, row } of rows) {
    let copier = copiers.get(from);
    if (copier === undefined) copiers.set(from, (copier = new RowCopier(from, batch)));
    copier.copyRow(row);
  }
  return batch;
}

const choice = fc.nat({ max: 40 });
const append = fc.tuple(
  fc.constant("append" as const),
  fc.integer({ min: 1, max: RECORD_ROWS_MAX }),
  fc.nat({ max: TRACES - 4 }),
);
const change = fc.tuple(fc.constantFrom("settle", "retract", "release", "release"), choice);
const reader = fc.tuple(fc.constantFrom("open", "done", "seal"), choice);
const evict = fc.tuple(fc.constant("evict" as const), choice);
const start = {
  seed: fc.nat(),
  rowsMax: fc.constantFrom(4, 5, 8, 16),
  oldest: fc.constantFrom(0, 0xffff_fff0, 0xffff_ffe0),
};

async function runModel(
  { seed, rowsMax, oldest }: { seed: number; rowsMax: number; oldest: number },
  steps: readonly (readonly unknown[])[],
): Promise<void> {
  const model = new Model(seed, rowsMax, oldest);
  for (const step of steps) {
    await model.run(step as unknown as Step);
    await model.check();
  }
  for (const open of model.readers.splice(0)) open.done();
  await model.check();
}

test("Head answers as a list of rows does, while blocks leave and records are taken out", async () => {
  const step = fc.oneof(
    { arbitrary: append, weight: 5 },
    { arbitrary: change, weight: 8 },
    { arbitrary: reader, weight: 3 },
  );
  const steps = fc.array(step, { minLength: 10, maxLength: 50, size: "max" });
  await fc.assert(fc.asyncProperty(fc.record(start), steps, runModel), { numRuns: RUNS });
});

test("Head answers as a list of rows does, while traces are evicted too", async () => {
  const step = fc.oneof(
    { arbitrary: append, weight: 5 },
    { arbitrary: change, weight: 3 },
    { arbitrary: evict, weight: 4 },
    { arbitrary: reader, weight: 3 },
  );
  const steps = fc.array(step, { minLength: 10, maxLength: 50, size: "max" });
  await fc.assert(fc.asyncProperty(fc.record(start), steps, runModel), { numRuns: RUNS });
});

test("HeadPart.search() finds what was there all the time, whatever happens at its pauses", async () => {
  const step = fc.oneof(
    { arbitrary: append, weight: 4 },
    { arbitrary: change, weight: 6 },
    { arbitrary: evict, weight: 1 },
  );
  const lists = fc.tuple(
    fc.array(append, { minLength: 4, maxLength: 12 }),
    fc.array(step, { minLength: 4, maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.record(start), lists, async (from, [before, during]) => {
      const model = new Model(from.seed, from.rowsMax, from.oldest);
      for (const one of before) await model.run(one);
      const reader = HeadPart.open(model.head, impatientClock());
      const atFirst = model.live(reader.boundary);
      const searching = reader.part.search(everything, never);
      for (const one of during) {
        if (model.head.view(0).blocks.length > BLOCK_NUMBERS - 5) break;
        await model.run(one);
        await setImmediate();
      }
      const { ids, startUs } = await searching;
      reader.done();
      const found = new Map<string, number>();
      startUs.forEach((us, at) => {
        found.set(Buffer.from(ids.subarray(16 * at, 16 * at + 16)).toString("hex"), us);
      });
      for (const { isDead, id, batch, row } of atFirst) {
        if (!isDead) assert.ok(found.get(id)! >= batch.startUs[row]!, `trace ${id}`);
      }
      for (const [id, us] of found) {
        assert.ok(model.rows.some((row) => row.id === id && row.batch.startUs[row.row] === us));
      }
    }),
    { numRuns: 60 },
  );
});
