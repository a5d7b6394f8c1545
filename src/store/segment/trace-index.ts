// Which blocks of a segment file may have a trace: a hash index in pages, answered by one read.
//
//   page     = crc u32 | count u16 | 0 u16 | count hashes u32, rising | their blocks u16 | zeros    4096
//   hash     = MurmurHash3_x86_32 of the 16 bytes of the id, seed 0
//   page of  = floor(hash × pages / 2^32): pages are in the order of hashes, so indexes are joined by
//              walking along them
//   crc      = CRC-32 of the page's number u32 and of its bytes from 4 on
//   count 0xffff: there were too many entries for the page; each of its traces may be in every block
//
// Several traces of one hash, or a full page, cost blocks that are asked for nothing: never an answer. Who
// chooses ids so that they meet in one page makes look-ups in that page slow, and gains nothing else: so
// the hash needs no secret.
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
const ENTRY_BYTES = 6;
export const PAGE_ENTRIES_MAX = Math.floor((INDEX_PAGE_BYTES - PAGE_HEADER_BYTES) / ENTRY_BYTES);
/** Six standard deviations below what fits: hashes fall as chance has it. */
const PAGE_ENTRIES_MEAN = 540;
const FULL = 0xffff;
/** An entry as one number: hash × BLOCK_STEP + block. */
const BLOCK_STEP = 0x1_0000;
const HASHES = 0x1_0000_0000;
/** Pages that are given out together: one write of 256 kB. */
const PAGES_TOGETHER = 64;

export function hashTraceId(id: Uint8Array): number {
  return hashText(new DataView(id.buffer, id.byteOffset, 16), 0, 16, 0);
}

/** Pages of an index of so many entries. */
export function countIndexPages(entries: number): number {
  return Math.max(1, Math.ceil(entries / PAGE_ENTRIES_MEAN));
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
    entries[trace] = hashText(view, 16 * trace, 16 * trace + 16, 0) * BLOCK_STEP + number;
  }
  entries.sort();
  let next = 0;
  return {
    take(page, pages, into) {
      let last = -1;
      for (; next < entries.length; next++) {
        const entry = entries[next]!;
        if (pageOf(Math.floor(entry / BLOCK_STEP), pages) > page) break;
        if (entry !== last) into.push(entry);
        last = entry;
      }
      return true;
    },
  };
}

/** Pages of an index as bytes, some at a time: the entries of all `cursors` together. */
export function* writeIndex(cursors: readonly IndexCursor[], pages: number): Generator<Uint8Array> {
  for (let first = 0; first < pages; first += PAGES_TOGETHER) {
    const count = Math.min(PAGES_TOGETHER, pages - first);
    const out = new Uint8Array(count * INDEX_PAGE_BYTES);
    for (let i = 0; i < count; i++) {
      const page = first + i;
      const entries: number[] = [];
      let isWhole = true;
      for (const cursor of cursors) if (!cursor.take(page, pages, entries)) isWhole = false;
      const bytes = out.subarray(i * INDEX_PAGE_BYTES, (i + 1) * INDEX_PAGE_BYTES);
      writePage(bytes, page, isWhole ? entries : undefined);
    }
    yield out;
  }
}

function writePage(bytes: Uint8Array, page: number, entries: readonly number[] | undefined): void {
  const view = viewOf(bytes);
  if (entries === undefined || entries.length > PAGE_ENTRIES_MAX) view.setUint16(4, FULL, true);
  else {
    const sorted = Float64Array.from(entries).sort();
    view.setUint16(4, sorted.length, true);
    const blocksAt = PAGE_HEADER_BYTES + 4 * sorted.length;
    sorted.forEach((entry, i) => {
      view.setUint32(PAGE_HEADER_BYTES + 4 * i, Math.floor(entry / BLOCK_STEP), true);
      view.setUint16(blocksAt + 2 * i, entry % BLOCK_STEP, true);
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
   * @throws SpoorError `unavailable` if the page is damaged. Cost: a read of 4 kB, 10 µs.
   */
  find(id: Uint8Array): number[] | undefined {
    const hash = hashTraceId(id);
    const page = this.#read(pageOf(hash, this.pages));
    if (page.count === FULL) return undefined;
    const blocks: number[] = [];
    for (let i = firstAtLeast(page, hash); i < page.count && hashAt(page, i) === hash; i++) {
      blocks.push(blockAt(page, i));
    }
    return blocks;
  }

  /** Where page `page` lies in the file. */
  offsetOf(page: number): number {
    return this.#offset + page * INDEX_PAGE_BYTES;
  }

  /** The entries of page `page`: hash × 2^16 + block; undefined: the page is full. */
  entries(page: number): number[] | undefined {
    const read = this.#read(page);
    if (read.count === FULL) return undefined;
    return Array.from(
      { length: read.count },
      (_, i) => hashAt(read, i) * BLOCK_STEP + blockAt(read, i),
    );
  }

  /** All entries for another index, in which this file's block 0 is block `firstBlock`. */
  cursor(firstBlock: number): IndexCursor {
    let page = 0;
    let entries: number[] | undefined;
    let next = 0;
    const open = (): void => {
      entries = page < this.pages ? this.entries(page) : [];
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
            const entry = entries[next]! + firstBlock;
            if (pageOf(Math.floor(entry / BLOCK_STEP), targets) > target) return isWhole;
            into.push(entry);
          }
        }
        return isWhole;
      },
    };
  }

  #read(number: number): IndexPage {
    const offset = this.offsetOf(number);
    const bytes = this.#source.read(offset, INDEX_PAGE_BYTES);
    const view = viewOf(bytes);
    const count = view.getUint16(4, true);
    const page = { view, count };
    const isRight = view.getUint32(0, true) === crcOf(bytes, number);
    if (!isRight || (count > PAGE_ENTRIES_MAX && count !== FULL) || !this.#isOrdered(page)) {
      const where = { section: "traceIndex", page: number, offset };
      throw new SpoorError("unavailable", "damaged segment file: a page of its index", where);
    }
    return page;
  }

  /** Entries of blocks that there are, in rising order. Cost: 1 µs a page. */
  #isOrdered(page: IndexPage): boolean {
    if (page.count === FULL) return true;
    let last = -1;
    for (let i = 0; i < page.count; i++) {
      const block = blockAt(page, i);
      const entry = hashAt(page, i) * BLOCK_STEP + block;
      if (entry <= last || block >= this.#blocks) return false;
      last = entry;
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

function blockAt({ view, count }: IndexPage, index: number): number {
  return view.getUint16(PAGE_HEADER_BYTES + 4 * count + 2 * index, true);
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
