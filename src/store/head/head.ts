// The head: spans in memory, found by every query as soon as they are appended.
//
//   append ─▶ open block ─(65,536 rows)─▶ sealed blocks … ─ release ─▶ gone      blocks by id, oldest first
//                 └──── TraceTable: id -> newest row -> older row -> …
//
// The memory engine is a head that evicts whole traces; an engine with files puts a head in front of them
// and releases each block once its rows are in a file. A trace that goes on in newer blocks stays then,
// with its newer rows: older rows of its chain lie in blocks that are no longer known, where it ends.
//
// Everything here is synchronous and single-threaded. A query that pauses pins what it sees: released
// blocks leave `blocks` at once, but are given back when nobody reads them any more. Evicted traces are
// not waited for; a query checks that they are still there.
//
// Numbers of blocks are given out again (65,535 of them): a chain must never lead from a row to one that
// came later, which is how an old number is told from a new one.

import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type { StoreFigures } from "../trace-store.ts";
import { Appender } from "./append.ts";
import { Block, BLOCK_ROWS_MAX } from "./block.ts";
import { Emitter } from "./emit.ts";
import { Pins } from "./pins.ts";
import { SpareArrays } from "./spare-arrays.ts";
import { NONE, TraceTable } from "./trace-table.ts";
import { Unsettled } from "./unsettled.ts";

/** Block numbers are u16 in row names; the name NONE, row 65,535 of block 65,535, is never given. */
const BLOCK_NUMBERS = 0xffff;
/** So few gaps are not worth the work; they cost 32 bytes each. */
const SPARE_ORDINALS = 1_024;

export interface HeadOptions {
  /** Id of the first block: greater than that of any block that an earlier head opened. */
  readonly firstId?: number;
  /** Tells when a block was sealed. */
  readonly clock?: Clock;
  /** After how many blocks their numbers are given out again: for tests of the seams. */
  readonly blockNumbers?: number;
  /** Ordinals that may be gaps: for tests of the seams. */
  readonly spareOrdinals?: number;
  /** The arrays of a block that was released serve the next one; who releases it must not keep it. */
  readonly usesArraysAgain?: boolean;
}

/** A place in the log: every record up to `sequence`, and the first `rows` rows of the one after it. */
export interface LogPosition {
  readonly sequence: number;
  readonly rows: number;
}

/** What a reader sees of a head, for as long as it pins it. Rows that are appended later may be seen too. */
export interface HeadView {
  readonly head: Head;
  /** Id of the oldest block that is seen. */
  readonly from: number;
  /** Oldest first. */
  readonly blocks: readonly Block[];
}

export class Head {
  readonly traces: TraceTable = new TraceTable();
  /** Held blocks, oldest first; the last one is open. */
  blocks: Block[] = [];
  /** Spans held. */
  liveRows = 0;
  evictedRows = 0;
  evictedTraces = 0;
  readonly #byNumber = new Map<number, Block>();
  readonly #appender = new Appender();
  readonly #unsettled = new Unsettled();
  readonly #pins = new Pins();
  readonly #rowsMax: number;
  readonly #blockNumbers: number;
  readonly #spareOrdinals: number;
  readonly #clock: Clock | undefined;
  readonly #spares: SpareArrays | undefined;
  /** Blocks that were released while somebody read them, oldest first. */
  #leaving: Block[] = [];
  #sealedBytes = 0;
  #nextId: number;

  /** @param rowsMax rows of a block: small in tests of the seams. */
  constructor(rowsMax: number = BLOCK_ROWS_MAX, options: HeadOptions = {}) {
    this.#rowsMax = rowsMax;
    this.#blockNumbers = options.blockNumbers ?? BLOCK_NUMBERS;
    this.#spareOrdinals = options.spareOrdinals ?? SPARE_ORDINALS;
    this.#clock = options.clock;
    this.#spares = options.usesArraysAgain === true ? new SpareArrays() : undefined;
    this.#nextId = options.firstId ?? 1;
    this.#openBlock(undefined);
  }

  /**
   * Appends every row; the batch may be reused at once. Cost: about 1 µs a row, sealing included.
   *
   * @param sequence number of the log's record that holds the batch, rising; 0: there is no log. Until
   *   it is settled the record can be retracted.
   * @param fromRow rows before this one are left out: they are in files.
   */
  append(batch: SpanBatch, sequence = 0, fromRow = 0): void {
    let row = fromRow;
    let block = this.#open();
    if (row >= batch.rows) return;
    this.#appender.begin(batch);
    while (row < batch.rows) {
      if (block.isFull()) {
        block = this.#closeOpenBlock();
        this.#appender.begin(batch);
      }
      const before = block.rows;
      if (before === 0) block.firstSequence = sequence;
      const taken = this.#appender.append(batch, row, block, this.traces);
      this.liveRows += taken - row;
      row = taken;
      block.lastSequence = sequence;
      block.lastSequenceRows = row;
      block.lastSequenceEnds = row === batch.rows;
      if (sequence > 0) this.#unsettled.add(sequence, block, before, block.rows);
    }
  }

  /** Every record up to this one is either on disk or was retracted. */
  settle(sequence: number): void {
    this.#unsettled.settle(sequence);
  }

  /**
   * Takes the rows of a record that is not settled out again: nothing finds them any more. Their place in
   * the block is lost until the block goes.
   *
   * @returns how many that were. Cost: the record's rows, and the newer ones of the same traces.
   */
  retract(sequence: number): number {
    let rows = 0;
    const touched = new Map<number, number>();
    for (const { block, from, end } of this.#unsettled.retract(sequence)) {
      if (this.#byNumber.get(block.number) !== block) continue;
      let dead = 0;
      for (let row = from; row < end; row++) {
        const ordinal = block.trace[row]!;
        if (!this.traces.isHeld(ordinal)) continue;
        touched.set(ordinal, (touched.get(ordinal) ?? 0) + 1);
        block.trace[row] = NONE;
        block.resourceRows[block.resource[row]!]!--;
        dead++;
      }
      block.liveRows -= dead;
      this.liveRows -= dead;
      rows += dead;
    }
    for (const [ordinal, dead] of touched) this.#unchain(ordinal, dead);
    for (const block of this.blocks) if (block.liveRows === 0 && block.sealed) this.#drop(block);
    if (!this.isPinned) this.traces.dropNewestGaps();
    return rows;
  }

  /**
   * Lets the oldest sealed block go: its rows are in a file. `blocks` is without it at once. Readers that
   * pinned it before still see it, and its memory is given back when the last of them has gone.
   *
   * Cost: about 0.03 µs a row.
   */
  release(block: Block): void {
    assert(this.blocks[0] === block && block.sealed, "a block was released that is not the oldest");
    this.blocks = this.blocks.slice(1);
    this.#leaving.push(block);
    this.liveRows -= block.liveRows;
    this.#leave();
  }

  /**
   * A reader comes: what is in `blocks` now stays readable until the function that it gets is called.
   * A reader that asks more than once says from which block on (`HeadPart.open`).
   */
  pin(): () => void {
    return this.#pins.pin(this.blocks[0]!.id, () => this.#leave());
  }

  get isPinned(): boolean {
    return this.#pins.isPinned;
  }

  /** What is held from block `from` on. A reader that pauses pins it before. */
  view(from: number = this.blocks[0]!.id): HeadView {
    const held = [...this.#leaving, ...this.blocks];
    return { head: this, from, blocks: held.filter((block) => block.id >= from) };
  }

  /**
   * Where replay has to begin if all blocks up to this one, whose records are settled, are in files.
   * Retracted records are as if they had never been, so their numbers may come again after a start.
   */
  positionAfter(block: Block): LogPosition {
    const { firstSequence, lastSequence, lastSequenceEnds, lastSequenceRows } = block;
    if (lastSequence === 0) return { sequence: Math.max(0, firstSequence - 1), rows: 0 };
    if (lastSequenceEnds) return { sequence: lastSequence, rows: 0 };
    return { sequence: lastSequence - 1, rows: lastSequenceRows };
  }

  /** Bytes of memory held: sealed blocks, the open block with its slack, the trace table. */
  memoryBytes(): number {
    return this.#sealedBytes + this.#open().memoryBytes() + this.traces.memoryBytes();
  }

  /** Drops the trace whose first span came first. Cost: its rows. */
  evictOldestTrace(): void {
    const first = this.blocks[0]!.id;
    let rows = 0;
    const evict = (block: Block, row: number): void => {
      if (block.id >= first) rows++;
      block.resourceRows[block.resource[row]!]!--;
      block.liveRows--;
      if (block.liveRows === 0 && block.sealed) this.#drop(block);
    };
    this.forEachRow(this.traces.oldest, evict, 0);
    this.traces.removeOldest();
    this.liveRows -= rows;
    this.evictedRows += rows;
    this.evictedTraces++;
  }

  /** Seals the open block early, so that eviction can give its memory back. */
  sealOpenBlock(): void {
    const block = this.#open();
    if (block.rows > 0) this.#closeOpenBlock();
  }

  /** Evicts the oldest traces until at most `tracesMax` (0: any number) and `bytesMax` are held. */
  evict(tracesMax: number, bytesMax: number): void {
    if (tracesMax > 0) while (this.traces.held > tracesMax) this.evictOldestTrace();
    while (this.memoryBytes() > bytesMax && this.traces.held > 0) {
      if (this.blocks.length === 1) this.sealOpenBlock();
      this.evictOldestTrace();
    }
  }

  figures(): StoreFigures {
    return {
      traces: this.traces.held,
      spans: this.liveRows,
      bytes: this.memoryBytes(),
      evictedSpans: this.evictedRows,
      evictedTraces: this.evictedTraces,
      recoveredSpans: 0,
      lostRecords: 0,
    };
  }

  isLive(block: Block, row: number): boolean {
    return this.traces.isHeld(block.trace[row]!);
  }

  /**
   * Calls `visit` for the rows of a held trace, the newest first.
   *
   * @param from id of the oldest block that is looked at.
   */
  forEachRow(
    ordinal: number,
    visit: (block: Block, row: number) => void,
    from: number = this.blocks[0]!.id,
  ): void {
    let name = this.traces.lastRow[this.traces.slot(ordinal)]!;
    let block: Block | undefined;
    while (name !== NONE) {
      const number = name >>> 16;
      if (number !== block?.number) {
        const older = this.#byNumber.get(number);
        if (older === undefined || older.id < from) return;
        if (block !== undefined && older.id > block.id) return;
        block = older;
      }
      const row = name & 0xffff;
      name = block.previous[row]!;
      visit(block, row);
    }
  }

  /**
   * The whole of a held trace, rows by start; spans of one start in the order in which they came. Without
   * rows if all of them lie in blocks before `from`.
   */
  readTrace(ordinal: number, from: number = this.blocks[0]!.id): SpanBatch {
    const rows: { block: Block; row: number; startUs: number; restNs: number }[] = [];
    const add = (block: Block, row: number): void => {
      rows.push({ block, row, startUs: block.startUs[row]!, restNs: block.startRestNs[row]! });
    };
    this.forEachRow(ordinal, add, from);
    rows.reverse();
    rows.sort((one, two) => one.startUs - two.startUs || one.restNs - two.restNs);
    const emitter = new Emitter();
    const id = this.traces.id(ordinal).slice();
    for (const { block, row } of rows) emitter.emit(id, block, row);
    return emitter.batch;
  }

  /** Ordinal of the held trace with this 16-byte id, or NONE. */
  findTrace(id: Uint8Array): number {
    const words = new Uint32Array(new Uint8Array(id).buffer); // a copy; that of a Buffer would be a view
    return this.traces.find(words[0]!, words[1]!, words[2]!, words[3]!);
  }

  #open(): Block {
    return this.blocks[this.blocks.length - 1]!;
  }

  #openBlock(before: Block | undefined): Block {
    const id = this.#nextId++;
    assert(this.#byNumber.size < this.#blockNumbers, "there are more blocks than numbers for them");
    let number = id % this.#blockNumbers;
    while (this.#byNumber.has(number)) number = (number + 1) % this.#blockNumbers;
    const block = new Block({ id, number }, this.#rowsMax, before, this.#spares);
    this.blocks.push(block);
    this.#byNumber.set(number, block);
    return block;
  }

  /** @returns the block that is open now. */
  #closeOpenBlock(): Block {
    const block = this.#open();
    const isDead = block.liveRows === 0;
    if (!isDead) {
      block.seal();
      if (this.#clock !== undefined) block.sealedMs = this.#clock.nowUs() / 1_000;
      this.#sealedBytes += block.memoryBytes();
    }
    const next = this.#openBlock(block);
    if (isDead) this.#drop(block);
    return next;
  }

  #drop(block: Block): void {
    if (block.sealed) this.#sealedBytes -= block.memoryBytes();
    this.#byNumber.delete(block.number);
    const isOther = (other: Block): boolean => other !== block;
    this.blocks = this.blocks.filter(isOther);
    this.#leaving = this.#leaving.filter(isOther);
  }

  /** Gives back what was released and is read no more. */
  #leave(): void {
    while (this.#leaving.length > 0 && !this.#pins.holds(this.#leaving[0]!.id)) {
      const block = this.#leaving[0]!;
      this.traces.leaveBlock(block.trace, block.number);
      this.#drop(block);
      // Only here: who released it has written it, and no reader came before it left.
      block.giveBack();
    }
    if (this.isPinned) return;
    this.traces.dropNewestGaps();
    this.#renumber();
  }

  /**
   * The oldest traces become the newest while more ordinals are gaps than traces: one that goes on for
   * ever must not keep the ordinals of all that came after it. A trace is renumbered for a gap that goes.
   */
  #renumber(): void {
    const { traces } = this;
    while (traces.count > 2 * traces.held + this.#spareOrdinals) {
      const ordinal = traces.renumberOldest();
      this.forEachRow(ordinal, (block, row) => {
        block.trace[row] = ordinal;
      });
    }
  }

  /** Takes dead rows, `dead` of them, out of the chain of a trace. */
  #unchain(ordinal: number, dead: number): void {
    const { traces } = this;
    const slot = traces.slot(ordinal);
    traces.rows[slot]! -= dead;
    if (traces.rows[slot] === 0) {
      traces.remove(ordinal);
      return;
    }
    let newer: Block | undefined;
    let newerRow = 0;
    let left = dead;
    for (let name = traces.lastRow[slot]!; left > 0 && name !== NONE;) {
      const block = this.#byNumber.get(name >>> 16)!;
      const row = name & 0xffff;
      name = this.#olderThan(block, row);
      if (block.trace[row] !== NONE) {
        newer = block;
        newerRow = row;
        continue;
      }
      left--;
      if (newer === undefined) traces.lastRow[slot] = name;
      else newer.previous[newerRow] = name;
    }
  }

  /** The row before this one in its trace, NONE if its block has gone. */
  #olderThan(block: Block, row: number): number {
    const name = block.previous[row]!;
    if (name === NONE) return NONE;
    const older = this.#byNumber.get(name >>> 16);
    return older === undefined || older.id > block.id ? NONE : name;
  }
}
