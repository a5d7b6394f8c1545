// Which files surely do not have a trace, in memory: of many files a trace by id reads the index of few.
//
//   file is opened ─▶ its index of traces, some pages at a time ─▶ Bloom filter of 10 to 20 bits a trace
//   id ─▶ hash ─▶ 4 bits ─▶ not here: nothing is read · maybe: its index tells (trace-index.ts)
//
// At most one in 80 traces that a file does not have costs a look into its index. Filters are made beside the
// questions, after a file is opened; a file without one is asked. Bounded in bytes: files that come when
// there is no room have none.

import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import { makePause } from "../head/pause.ts";
import type { BlockFile } from "./block-set.ts";
import type { TraceIndex } from "../file/trace-index.ts";

/** Room for 3 to 6 million traces. */
const FILTERS_BYTES_MAX = 8 * 1024 * 1024;
const BITS_PER_TRACE = 10;
const PROBES = 4;
/** Entries of an index are hash × 2^16 + block. */
const BLOCK_STEP = 0x1_0000;
/** Pages of an index that are read in one go, about 1 ms. */
const PAGES_TOGETHER = 16;

export class TraceFilters {
  readonly #clock: Clock;
  readonly #filters = new Map<BlockFile, TraceFilter>();
  /** Files whose filter is to be made; a file that is gone is passed over. */
  readonly #waiting = new Set<BlockFile>();
  #bytes = 0;
  #making: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes of all filters. */
  get bytes(): number {
    return this.#bytes;
  }

  add(file: BlockFile): void {
    if (file.index === undefined) return;
    this.#waiting.add(file);
    this.#making ??= this.#make();
  }

  remove(file: BlockFile): void {
    this.#waiting.delete(file);
    this.#bytes -= this.#filters.get(file)?.bytes ?? 0;
    this.#filters.delete(file);
  }

  /** @param hash of the trace's id, as the index of a file has it. */
  mayHave(file: BlockFile, hash: number): boolean {
    return this.#filters.get(file)?.has(hash) ?? true;
  }

  /** Resolves when no filter is to be made: for tests. */
  async settled(): Promise<void> {
    await this.#making;
  }

  async #make(): Promise<void> {
    const pause = makePause(this.#clock, new AbortController().signal);
    for (const file of this.#waiting) {
      await pause();
      const filter = await this.#makeOne(file, pause);
      if (filter !== undefined && this.#waiting.has(file)) {
        this.#filters.set(file, filter);
        this.#bytes += filter.bytes;
      }
      this.#waiting.delete(file);
    }
    this.#making = undefined;
  }

  /** @returns undefined if there is no room, or the index does not tell. */
  async #makeOne(
    file: BlockFile,
    pause: () => void | Promise<void>,
  ): Promise<TraceFilter | undefined> {
    const traces = file.blocks.reduce((sum, block) => sum + block.traces, 0);
    const filter = new TraceFilter(traces);
    const index = file.index!;
    if (this.#bytes + filter.bytes > FILTERS_BYTES_MAX) return undefined;
    for (let page = 0; page < index.pages; page += PAGES_TOGETHER) {
      await pause();
      if (!this.#waiting.has(file) || !fill(filter, index, page)) return undefined;
    }
    return filter;
  }
}

/** @returns false if a page is full or damaged: its traces are not known. */
function fill(filter: TraceFilter, index: TraceIndex, first: number): boolean {
  const end = Math.min(index.pages, first + PAGES_TOGETHER);
  for (let page = first; page < end; page++) {
    let entries: readonly number[] | undefined;
    try {
      entries = index.entries(page);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
    }
    if (entries === undefined) return false;
    for (const entry of entries) filter.add(Math.floor(entry / BLOCK_STEP));
  }
  return true;
}

class TraceFilter {
  readonly #words: Uint32Array;
  readonly #bitMask: number;

  constructor(traces: number) {
    let bits = 1 << 10;
    while (bits < traces * BITS_PER_TRACE && bits < 1 << 30) bits *= 2;
    this.#words = new Uint32Array(bits / 32);
    this.#bitMask = bits - 1;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  add(hash: number): void {
    const step = stepOf(hash);
    for (let probe = 0, at = hash; probe < PROBES; probe++, at = (at + step) | 0) {
      const bit = at & this.#bitMask;
      this.#words[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  has(hash: number): boolean {
    const step = stepOf(hash);
    for (let probe = 0, at = hash; probe < PROBES; probe++, at = (at + step) | 0) {
      const bit = at & this.#bitMask;
      if ((this.#words[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

/** Odd, so that the probes of a hash fall on different bits. */
function stepOf(hash: number): number {
  return (Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> 3) | 1;
}
