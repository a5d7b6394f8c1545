// A block as bytes: pages one after the other, and a footer that says where they are.
//
//   block    = "SPOORBLK" | version u32 | 0 u32 | page* | footer | trailer
//   page     = contents as they are, or one zstd frame of them
//   footer   = figures of the block | of each page: section, stored size, codec and size, crc
//   trailer  = footer bytes u32 | footer crc u32 | "SPOOREND"
//
// All numbers little-endian; crc = CRC-32 (IEEE 802.3) of the stored bytes. Header, pages, footer and
// trailer fill the block without a gap, so every byte is either compared or under a checksum.
//
// Source: docs/formats/segment.md. Trust: the bytes are a disk's; nothing is believed before its crc.
// Not here: what the pages mean; the footer (footer.ts).

import { SpoorError } from "../../base/errors.ts";
import type { Source } from "../disk/files.ts";
import { BLOCK_ROWS_MAX } from "../head/block.ts";

export type { Source };

export const MAGIC = "SPOORBLK";
export const END_MAGIC = "SPOOREND";
export const VERSION = 1;
export const HEADER_BYTES = 16;
export const TRAILER_BYTES = 16;

/** Rows of a page of rows: few enough that one trace is read fast, enough that they compress. */
export const PAGE_ROWS = 1_024;
/** A term knows in which sixteenth of the block it is, and in which page of one of them. */
export const STRETCHES = 16;
export const STRETCH_PAGES: number = BLOCK_ROWS_MAX / PAGE_ROWS / STRETCHES;
export const PAGE_TERMS = 1_024;
/** Traces whose ids are in one page: 4 KB of them. */
export const PAGE_TRACES = 256;
/** A page of texts is full when it has this many bytes. */
export const PAGE_TEXT_BYTES = 64 * 1024;
/** Buckets of the hash index in a page. */
export const PAGE_BUCKETS = 256;
/** 32-byte blocks of the filter in a page of 4 KB. */
export const PAGE_FILTER_BLOCKS = 128;
/** A page's contents: one text or one array may be large, so this bounds damage and nothing else. */
export const PAGE_BYTES_MAX: number = 1 << 30;

/** Sections by number. Of the first five there is one page for each page of rows. */
export const SECTIONS = [
  "rows",
  "spanIds",
  "attributes",
  "events",
  "links",
  "texts",
  "sharedTexts",
  "terms",
  "textIndex",
  "filter",
  "keys",
  "owners",
  "traceIds",
  "traces",
  "statistics",
] as const;
export type Section = (typeof SECTIONS)[number];

export interface Page {
  readonly section: Section;
  readonly index: number;
  readonly offset: number;
  readonly storedBytes: number;
  readonly bytes: number;
  readonly isCompressed: boolean;
  readonly crc: number;
}

/** What is known of a block without reading any page. */
export interface Figures {
  readonly rows: number;
  readonly traces: number;
  readonly events: number;
  readonly links: number;
  readonly terms: number;
  /** Texts of the dictionary, the empty one included. */
  readonly entries: number;
  readonly keys: number;
  /** 2^indexBits buckets. */
  readonly indexBits: number;
  readonly hashSeed: number;
  /** 32 bytes each. */
  readonly filterBlocks: number;
  readonly startUsMin: number;
  readonly startUsMax: number;
  /** First entry of each page of texts: the shared ones, then those of pages of rows. */
  readonly textPages: ArrayLike<number>;
  /** Of each page of trace ids: its first row. */
  readonly tracePageRow: ArrayLike<number>;
  /** Of each page of trace ids: its first id, 16 bytes. */
  readonly tracePageId: Uint8Array;
  /** Of each page of rows. */
  readonly pageStartUsMin: ArrayLike<number>;
  readonly pageStartUsMax: ArrayLike<number>;
  readonly pageDurationNsMax: ArrayLike<number>;
}

/** Where the pages of a block are, in columns: a store has millions of pages. */
export class PageTable {
  /** Of each page, in the order of the file: the number of its section. */
  readonly section: Uint8Array;
  readonly storedBytes: Uint32Array;
  /** 2 × bytes of contents + (1 if zstd). */
  readonly coded: Uint32Array;
  readonly crc: Uint32Array;
  readonly #offset: Float64Array;
  /** Pages of each section, by index. */
  readonly #numbers: readonly Uint32Array[];

  constructor(section: Uint8Array, storedBytes: Uint32Array, coded: Uint32Array, crc: Uint32Array) {
    this.section = section;
    this.storedBytes = storedBytes;
    this.coded = coded;
    this.crc = crc;
    this.#offset = new Float64Array(section.length + 1);
    const counts = new Uint32Array(SECTIONS.length);
    let offset = HEADER_BYTES;
    for (let page = 0; page < section.length; page++) {
      this.#offset[page] = offset;
      offset += storedBytes[page]!;
      counts[section[page]!]!++;
    }
    this.#offset[section.length] = offset;
    this.#numbers = Array.from(counts, (count) => new Uint32Array(count));
    counts.fill(0);
    for (let page = 0; page < section.length; page++) {
      const own = section[page]!;
      this.#numbers[own]![counts[own]!++] = page;
    }
  }

  get count(): number {
    return this.section.length;
  }

  /** Where the last page ends. */
  get endOffset(): number {
    return this.#offset[this.section.length]!;
  }

  countOf(section: Section): number {
    return this.#numbers[SECTIONS.indexOf(section)]!.length;
  }

  /** The number of a page in the order of the file. @throws SpoorError `unavailable` if it is not there. */
  numberOf(section: Section, index: number): number {
    const number = this.#numbers[SECTIONS.indexOf(section)]![index];
    if (number === undefined) throw refused("a page is missing", { section, page: index });
    return number;
  }

  /** Offsets of what belongs to a page of rows: its pages of every section. */
  stretchOf(rowPage: number): { readonly from: number; readonly end: number } {
    const [first, end] = this.#numbersOf(rowPage);
    return { from: this.#offset[first]!, end: this.#offset[end]! };
  }

  /** Indexes of the pages of `texts` that belong to a page of rows: [from, end). */
  textsOf(rowPage: number): { readonly from: number; readonly end: number } {
    const [first, last] = this.#numbersOf(rowPage);
    const texts = this.#numbers[SECTIONS.indexOf("texts")]!;
    return { from: countBelow(texts, first), end: countBelow(texts, last) };
  }

  /** A page of rows begins with its page of `rows`; what comes after the last one is something else. */
  #numbersOf(rowPage: number): readonly [first: number, end: number] {
    const first = this.numberOf("rows", rowPage);
    const isLast = rowPage + 1 === this.countOf("rows");
    if (!isLast) return [first, this.numberOf("rows", rowPage + 1)];
    let end = first + 1;
    while (end < this.count && this.section[end]! <= SECTIONS.indexOf("texts")) end++;
    return [first, end];
  }

  /** @throws SpoorError `unavailable` if there is no such page. */
  page(section: Section, index: number): Page {
    const number = this.numberOf(section, index);
    const coded = this.coded[number]!;
    return {
      section,
      index,
      offset: this.#offset[number]!,
      storedBytes: this.storedBytes[number]!,
      bytes: coded >>> 1,
      isCompressed: coded % 2 === 1,
      crc: this.crc[number]!,
    };
  }

  /** All pages, section by section. */
  *[Symbol.iterator](): Generator<Page> {
    for (const section of SECTIONS) {
      const count = this.countOf(section);
      for (let index = 0; index < count; index++) yield this.page(section, index);
    }
  }
}

/** How many of some rising numbers are below another. */
function countBelow(rising: Uint32Array, bound: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function refused(
  found: string,
  where: Readonly<Record<string, string | number>>,
): SpoorError {
  return new SpoorError("unavailable", `damaged block: ${found}`, where);
}
