// The head: spans in memory, found by every query as soon as they are appended.
//
//   append ─▶ open block ─(65,536 rows)─▶ sealed blocks …      blocks by number, oldest first
//                 └──── TraceTable: id -> newest row -> older row -> …
//
// The memory engine is a head that evicts; an engine with files puts a head in front of them and takes
// its sealed blocks away. Everything here is synchronous and single-threaded: a query that pauses goes on
// with the blocks it began with, and checks that a trace is still held.

import type { SpanBatch } from "../../model/span-batch.ts";
import type { StoreFigures } from "../trace-store.ts";
import { Appender } from "./append.ts";
import { Block, BLOCK_ROWS_MAX } from "./block.ts";
import { Emitter } from "./emit.ts";
import { NONE, TraceTable } from "./trace-table.ts";

/** Block numbers are u16 in row names. */
const BLOCK_NUMBERS = 0x10000;

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
  readonly #rowsMax: number;
  #sealedBytes = 0;
  #nextNumber = 0;

  /** @param rowsMax rows of a block, @param firstBlock its number: for tests of the seams. */
  constructor(rowsMax: number = BLOCK_ROWS_MAX, firstBlock = 0) {
    this.#rowsMax = rowsMax;
    this.#nextNumber = firstBlock;
    this.#openBlock(undefined);
  }

  /**
   * Appends every row; the batch may be reused at once. Cost: about 1 µs a row, sealing included.
   *
   * @param sequence number of the log's record that holds the batch; 0: there is no log.
   */
  append(batch: SpanBatch, sequence = 0): void {
    let row = 0;
    let block = this.#open();
    if (block.rows === 0) block.firstSequence = sequence;
    this.#appender.begin(batch);
    while (row < batch.rows) {
      if (block.isFull()) {
        this.#seal(block);
        block = this.#openBlock(block);
        block.firstSequence = sequence;
        this.#appender.begin(batch);
      }
      const taken = this.#appender.append(batch, row, block, this.traces);
      this.liveRows += taken - row;
      row = taken;
    }
  }

  /** Bytes of memory held: sealed blocks, the open block with its slack, the trace table. */
  memoryBytes(): number {
    return this.#sealedBytes + this.#open().memoryBytes() + this.traces.memoryBytes();
  }

  /** Drops the trace whose first span came first. Cost: its rows. */
  evictOldestTrace(): void {
    const slot = this.traces.slot(this.traces.oldest);
    let name = this.traces.lastRow[slot]!;
    let rows = 0;
    while (name !== NONE) {
      const block = this.#byNumber.get(name >>> 16)!;
      const row = name & 0xffff;
      name = block.previous[row]!;
      rows++;
      block.resourceRows[block.resource[row]!]!--;
      block.liveRows--;
      if (block.liveRows === 0 && block.sealed) this.#drop(block);
    }
    this.traces.removeOldest();
    this.liveRows -= rows;
    this.evictedRows += rows;
    this.evictedTraces++;
  }

  /** Seals the open block early, so that eviction can give its memory back. */
  sealOpenBlock(): void {
    const block = this.#open();
    if (block.rows === 0) return;
    this.#seal(block);
    this.#openBlock(block);
    if (block.liveRows === 0) this.#drop(block);
  }

  /** Evicts the oldest traces until at most `tracesMax` (0: any number) and `bytesMax` are held. */
  evict(tracesMax: number, bytesMax: number): void {
    if (tracesMax > 0) while (this.traces.count > tracesMax) this.evictOldestTrace();
    while (this.memoryBytes() > bytesMax && this.traces.count > 0) {
      if (this.blocks.length === 1) this.sealOpenBlock();
      this.evictOldestTrace();
    }
  }

  figures(): StoreFigures {
    return {
      traces: this.traces.count,
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

  /** Calls `visit` for the rows of a held trace, the newest first. */
  forEachRow(ordinal: number, visit: (block: Block, row: number) => void): void {
    let name = this.traces.lastRow[this.traces.slot(ordinal)]!;
    while (name !== NONE) {
      const block = this.#byNumber.get(name >>> 16)!;
      const row = name & 0xffff;
      visit(block, row);
      name = block.previous[row]!;
    }
  }

  /** The whole of a held trace, rows by start; spans of one start in the order in which they came. */
  readTrace(ordinal: number): SpanBatch {
    const rows: { block: Block; row: number; startUs: number; restNs: number }[] = [];
    this.forEachRow(ordinal, (block, row) => {
      rows.push({ block, row, startUs: block.startUs[row]!, restNs: block.startRestNs[row]! });
    });
    rows.reverse();
    rows.sort((one, two) => one.startUs - two.startUs || one.restNs - two.restNs);
    const emitter = new Emitter();
    const id = this.traces.id(ordinal).slice();
    for (const { block, row } of rows) emitter.emit(id, block, row);
    return emitter.batch;
  }

  /** Ordinal of the held trace with this 16-byte id, or NONE. */
  findTrace(id: Uint8Array): number {
    const words = new Uint32Array(id.slice().buffer);
    return this.traces.find(words[0]!, words[1]!, words[2]!, words[3]!);
  }

  #open(): Block {
    return this.blocks[this.blocks.length - 1]!;
  }

  #openBlock(before: Block | undefined): Block {
    while (this.#byNumber.has(this.#nextNumber)) this.#nextNumber = this.#after();
    const block = new Block(this.#nextNumber, this.#rowsMax, before);
    this.#nextNumber = this.#after();
    this.blocks.push(block);
    this.#byNumber.set(block.number, block);
    return block;
  }

  /** The row name NONE must never be given: it would be row 65,535 of block 65,535. */
  #after(): number {
    return (this.#nextNumber + 1) % (BLOCK_NUMBERS - 1);
  }

  #seal(block: Block): void {
    block.seal();
    this.#sealedBytes += block.memoryBytes();
  }

  #drop(block: Block): void {
    this.#sealedBytes -= block.memoryBytes();
    this.#byNumber.delete(block.number);
    this.blocks = this.blocks.filter((other) => other !== block);
  }
}
