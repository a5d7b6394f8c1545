// Which blocks of a segment file may have a trace: a hash index in pages, answered by one read.
//
//   page     = crc u32 | count u16 | 0 u16 | count hashes u32 | their first blocks u16 | more u8 | zeros   4096
//   entry    a hash, and a run of blocks from `first` on, `more` blocks besides; rising by hash, then first
//   hash     = MurmurHash3_x86_32 of the 16 bytes of the id, seed 0
//   page of  = floor(hash × pages / 2^32): pages are in the order of hashes, so indexes are joined by
//              walking along them
//   crc      = CRC-32 of the page's number u32 and of its bytes from 4 on
//   count 0xffff: there were too many entries for the page; each of its traces may be in every block
//
// A trace goes on for some blocks, mostly one after the other: a run is one entry for all of them, so that
// pages fill evenly. A run steps over a block without the trace rather than end.
//
// Several traces of one hash, a block within a run, a full page: they cost blocks that are asked for nothing,
// never an answer. Who chooses ids so that they meet in one page makes look-ups in that page slow, and gains
// nothing else: so the hash needs no secret.
//
// Source: docs/formats/segment-file.md. Trust: a page is checked before it is believed.
// Not here: where the pages lie (segment-layout.ts).

import { crc32 } from "node:zlib";
import { SpoorError } from "../../base/errors.ts";
import { hashText } from "../block/text-hash.ts";
import type { Source } from "../disk/files.ts";

/** One read of the disk. */
export const INDEX_PAGE_BYTES = 4_096;
const PAGE_HEADER_BYTES = 8;
const ENTRY_BYTES = 7;
export const PAGE_ENTRIES_MAX = Math.floor((INDEX_PAGE_BYTES - PAGE_HEADER_BYTES) / ENTRY_BYTES);
/** Six standard deviations below what fits: hashes fall as chance has it. */
const PAGE_ENTRIES_MEAN = 455;
const FULL = 0xffff;
const HASHES = 0x1_0000_0000;
/** Blocks of a run, at most: with hash and first block it is one number below 2^53. */
const RUN_BLOCKS_MAX = 32;
/** Blocks without the trace that a run may step over, one after the other. */
const RUN_GAP_MAX = 1;
const BLOCKS = 0x1_0000;
/** Pages that are given out together: one write of 256 kB. */
const PAGES_TOGETHER = 64;

/** An entry as one number: hash × RUN_STEP + first block × RUN_BLOCKS_MAX + blocks besides. */
const RUN_STEP = BLOCKS * RUN_BLOCKS_MAX;

function hashOf(run: number): number {
  return Math.floor(run / RUN_STEP);
}

function firstOf(run: number): number {
  return Math.floor(run / RUN_BLOCKS_MAX) % BLOCKS;
}

function moreOf(run: number): number {
  return run % RUN_BLOCKS_MAX;
}

export function hashTraceId(id: Uint8Array): number {
  return hashText(new DataView(id.buffer, id.byteOffset, 16), 0, 16, 0);
}

/** Entries in rising order, taken page by page of the index that is made of them. */
export interface IndexCursor {
  /**
   * Takes the entries of page `page` of `pages` into `into`.
   * @returns false: any trace of this page may be in any block of this cursor.
   */
  take(page: number, pages: number, into: number[]): boolean;
}

/** The entries of block `number`: its traces' ids, 16 bytes each. Cost: 0.1 µs a trace, and 8 bytes. */
export function indexIds(ids: Uint8Array, number: number): IndexCursor {
  const view = viewOf(ids);
  const entries = new Float64Array(ids.length / 16);
  for (let trace = 0; trace < entries.length; trace++) {
    const hash = hashText(view, 16 * trace, 16 * trace + 16, 0);
    entries[trace] = hash * RUN_STEP + number * RUN_BLOCKS_MAX;
  }
  entries.sort();
  let next = 0;
  return {
    take(page, pages, into) {
      let last = -1;
      for (; next < entries.length; next++) {
        const entry = entries[next]!;
        if (pageOf(hashOf(entry), pages) > page) break;
        if (entry !== last) into.push(entry);
        last = entry;
      }
      return true;
    },
  };
}

/** The entries of single blocks in page `page` of `pages`: hash × 2^16 + block, rising. */
export function listEntries(
  cursors: readonly IndexCursor[],
  page: number,
  pages: number,
): readonly number[] {
  const runs: number[] = [];
  for (const cursor of cursors) cursor.take(page, pages, runs);
  return runs.map((run) => hashOf(run) * BLOCKS + firstOf(run)).sort((one, two) => one - two);
}

/** An index that has not been written: how many pages it has, and what they are. */
export interface IndexPlan {
  readonly pages: number;
  /** The pages as bytes, some at a time. */
  write(): Generator<Uint8Array>;
}

/**
 * The index of all entries of what `open` opens, which is called twice: to count entries, and to write them.
 *
 * @param entriesMax there are not more.
 */
export function planIndex(open: () => readonly IndexCursor[], entriesMax: number): IndexPlan {
  const most = countPages(entriesMax);
  let entries = 0;
  for (const runs of joinPages(open(), most)) entries += runs?.length ?? PAGE_ENTRIES_MEAN;
  const pages = countPages(entries);
  return { pages, write: () => writeIndex(open(), pages) };
}

/** Pages of an index of so many entries. */
function countPages(entries: number): number {
  return Math.max(1, Math.ceil(entries / PAGE_ENTRIES_MEAN));
}

function* writeIndex(cursors: readonly IndexCursor[], pages: number): Generator<Uint8Array> {
  let out = new Uint8Array(Math.min(PAGES_TOGETHER, pages) * INDEX_PAGE_BYTES);
  let page = 0;
  let at = 0;
  for (const runs of joinPages(cursors, pages)) {
    writePage(out.subarray(at, at + INDEX_PAGE_BYTES), page++, runs);
    at += INDEX_PAGE_BYTES;
    if (at < out.length) continue;
    yield out;
    out = new Uint8Array(Math.min(PAGES_TOGETHER, pages - page) * INDEX_PAGE_BYTES);
    at = 0;
  }
}

/** The runs of each page of `pages`; undefined: they are not known. */
function* joinPages(
  cursors: readonly IndexCursor[],
  pages: number,
): Generator<readonly number[] | undefined> {
  for (let page = 0; page < pages; page++) {
    const entries: number[] = [];
    let isWhole = true;
    for (const cursor of cursors) if (!cursor.take(page, pages, entries)) isWhole = false;
    yield isWhole ? joinRuns(Float64Array.from(entries).sort()) : undefined;
  }
}

/** Makes one of runs of one hash that follow one another. */
function joinRuns(sorted: Float64Array): readonly number[] {
  const runs: number[] = [];
  let last = -1;
  for (const run of sorted) {
    const end = firstOf(run) + moreOf(run);
    const isNext =
      last >= 0 &&
      hashOf(last) === hashOf(run) &&
      firstOf(run) <= firstOf(last) + moreOf(last) + 1 + RUN_GAP_MAX &&
      end - firstOf(last) < RUN_BLOCKS_MAX;
    if (isNext) {
      last += Math.max(0, end - firstOf(last) - moreOf(last));
      runs[runs.length - 1] = last;
    } else {
      last = run;
      runs.push(run);
    }
  }
  return runs;
}

function writePage(bytes: Uint8Array, page: number, runs: readonly number[] | undefined): void {
  const view = viewOf(bytes);
  if (runs === undefined || runs.length > PAGE_ENTRIES_MAX) view.setUint16(4, FULL, true);
  else {
    view.setUint16(4, runs.length, true);
    const firstsAt = PAGE_HEADER_BYTES + 4 * runs.length;
    const moresAt = firstsAt + 2 * runs.length;
    runs.forEach((run, i) => {
      view.setUint32(PAGE_HEADER_BYTES + 4 * i, hashOf(run), true);
      view.setUint16(firstsAt + 2 * i, firstOf(run), true);
      bytes[moresAt + i] = moreOf(run);
    });
  }
  view.setUint32(0, crcOf(bytes, page), true);
}

/** The index of one file, as it lies there. */
export class TraceIndex {
  readonly pages: number;
  readonly #source: Source;
  readonly #offset: number;
  readonly #blocks: number;

  /** @param offset of the first page. @param blocks that the file has. */
  constructor(source: Source, offset: number, pages: number, blocks: number) {
    this.pages = pages;
    this.#source = source;
    this.#offset = offset;
    this.#blocks = blocks;
  }

  /**
   * Numbers of the blocks that may have the trace, rising; undefined: any may have it.
   * @throws SpoorError `unavailable` if the page is damaged. Cost: a read of 4 kB, 5 µs.
   */
  find(id: Uint8Array): number[] | undefined {
    const hash = hashTraceId(id);
    const page = this.#read(pageOf(hash, this.pages));
    if (page.count === FULL) return undefined;
    const blocks: number[] = [];
    for (let i = firstAtLeast(page, hash); i < page.count && hashAt(page, i) === hash; i++) {
      addBlocks(runAt(page, i), blocks);
    }
    // The checksum is right; looking at all entries each time would cost more than finding one.
    if ((blocks.at(-1) ?? 0) >= this.#blocks) throw this.#damaged(pageOf(hash, this.pages));
    return blocks;
  }

  /** Where page `page` lies in the file. */
  offsetOf(page: number): number {
    return this.#offset + page * INDEX_PAGE_BYTES;
  }

  /** The entries of page `page`, each hash × 2^16 + a block that may have it; undefined: it is full. */
  entries(page: number): number[] | undefined {
    const entries: number[] = [];
    const runs = this.#runs(page);
    if (runs === undefined) return undefined;
    for (const run of runs) {
      const first = hashOf(run) * BLOCKS + firstOf(run);
      for (let more = 0; more <= moreOf(run); more++) entries.push(first + more);
    }
    return entries;
  }

  /** As `entries`, of the blocks alone with which a run begins or ends: those have such a trace. */
  ends(page: number): number[] {
    const ends = new Set<number>();
    for (const run of this.#runs(page) ?? []) {
      const first = hashOf(run) * BLOCKS + firstOf(run);
      ends.add(first).add(first + moreOf(run));
    }
    return [...ends];
  }

  /** All entries for another index, in which this file's block 0 is block `firstBlock`. */
  cursor(firstBlock: number): IndexCursor {
    let page = 0;
    let entries: number[] | undefined;
    let next = 0;
    const open = (): void => {
      entries = page < this.pages ? this.#runs(page) : [];
      next = 0;
    };
    open();
    return {
      take: (target, targets, into) => {
        let isWhole = true;
        for (; page < this.pages; page++, open()) {
          if (entries === undefined) {
            // Its hashes are unknown: every page that could have one of them is full.
            if (pageOf(firstHash(page, this.pages), targets) > target) break;
            isWhole = false;
            if (pageOf(firstHash(page + 1, this.pages) - 1, targets) > target) break;
            continue;
          }
          for (; next < entries.length; next++) {
            const entry = entries[next]! + firstBlock * RUN_BLOCKS_MAX;
            if (pageOf(hashOf(entry), targets) > target) return isWhole;
            into.push(entry);
          }
        }
        return isWhole;
      },
    };
  }

  #runs(number: number): number[] | undefined {
    const page = this.#read(number);
    if (page.count === FULL) return undefined;
    if (!this.#isOrdered(page)) throw this.#damaged(number);
    return Array.from({ length: page.count }, (_, i) => runAt(page, i));
  }

  #read(number: number): IndexPage {
    const bytes = this.#source.read(this.offsetOf(number), INDEX_PAGE_BYTES);
    const view = viewOf(bytes);
    const count = view.getUint16(4, true);
    const isRight = view.getUint32(0, true) === crcOf(bytes, number);
    if (!isRight || (count > PAGE_ENTRIES_MAX && count !== FULL)) throw this.#damaged(number);
    return { view, count };
  }

  #damaged(page: number): SpoorError {
    const where = { section: "traceIndex", page, offset: this.offsetOf(page) };
    return new SpoorError("unavailable", "damaged segment file: a page of its index", where);
  }

  /** Runs of blocks that there are, in rising order. Cost: 3 µs a page. */
  #isOrdered(page: IndexPage): boolean {
    let last = -1;
    for (let i = 0; i < page.count; i++) {
      if (page.view.getUint8(PAGE_HEADER_BYTES + 6 * page.count + i) >= RUN_BLOCKS_MAX)
        return false;
      const run = runAt(page, i);
      if (run <= last || firstOf(run) + moreOf(run) >= this.#blocks) return false;
      last = run;
    }
    return true;
  }
}

interface IndexPage {
  readonly view: DataView;
  readonly count: number;
}

function hashAt({ view }: IndexPage, index: number): number {
  return view.getUint32(PAGE_HEADER_BYTES + 4 * index, true);
}

function runAt({ view, count }: IndexPage, index: number): number {
  const hash = view.getUint32(PAGE_HEADER_BYTES + 4 * index, true);
  const first = view.getUint16(PAGE_HEADER_BYTES + 4 * count + 2 * index, true);
  const more = view.getUint8(PAGE_HEADER_BYTES + 6 * count + index);
  return hash * RUN_STEP + first * RUN_BLOCKS_MAX + more;
}

/** Adds the blocks of a run; those of runs of one hash do not overlap. */
function addBlocks(run: number, blocks: number[]): void {
  for (let more = 0; more <= moreOf(run); more++) blocks.push(firstOf(run) + more);
}

function firstAtLeast(page: IndexPage, hash: number): number {
  let low = 0;
  let high = page.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (hashAt(page, middle) < hash) low = middle + 1;
    else high = middle;
  }
  return low;
}

function pageOf(hash: number, pages: number): number {
  return Math.floor((hash * pages) / HASHES);
}

/** The least hash of page `page`. */
function firstHash(page: number, pages: number): number {
  return Math.ceil((page * HASHES) / pages);
}

function crcOf(bytes: Uint8Array, page: number): number {
  const number = new Uint8Array(4);
  viewOf(number).setUint32(0, page, true);
  return crc32(bytes.subarray(4), crc32(number));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
