// The first pass over the attributes of a block: what is where, before anything is written.
//
//   lists of terms, in the order of the file ─▶ shape of each list
//                                           ─▶ each term: its rank among the values of its key, where it is
//
// A text that only one page of rows has is kept beside that page, so that reading a trace reads texts of
// its neighbours and no others; which texts these are has to be known before the first page is written.
//
// Cost: about 5 ns an attribute. Source: docs/formats/segment.md. Not here: writing (term-coder.ts).

import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { PAGE_ROWS, STRETCHES, STRETCH_PAGES } from "./layout.ts";
import { grown, ShapeTable } from "./shape-table.ts";

/** Bits of `keyUses`: what has the key. */
export const OF_SPANS = 1;
export const OF_EVENTS = 2;
export const OF_LINKS = 4;
export const OF_RESOURCES = 8;
export const OF_SCOPES = 16;

/** In no page of rows, or in more than one. */
export const NO_PAGE = -1;

const STRETCH_BITS = 2 ** STRETCHES - 1;

export class TermSurvey {
  readonly shapes: ShapeTable;
  /** Dictionary entry (of the block) of each key. */
  readonly keyEntries: number[] = [];
  /** How many values each key has. */
  readonly keyCounts: Uint32Array;
  readonly keyUses: Uint8Array;
  /** Shape of each row, event and link, in the order of the file. */
  readonly rowShape: Uint32Array;
  readonly eventShape: Uint32Array;
  readonly linkShape: Uint32Array;
  /** Two words a term: key, places. */
  readonly #terms: Uint32Array;
  /** Of each term, from 1 on; 0: nothing that is written has it. */
  readonly #rank: Uint32Array;
  #keys: Uint32Array = new Uint32Array(1 << 10);
  /** First term of each key in the file, and the number of terms at the end. */
  firstTerms: Uint32Array = new Uint32Array(0);

  /** @param seed of tables that senders' data go into. */
  constructor(block: BlockImage, order: BlockOrder, seed: number) {
    this.shapes = new ShapeTable(seed);
    this.#terms = new Uint32Array(2 * block.terms.count);
    this.#rank = new Uint32Array(block.terms.count);
    this.#findKeys(block);
    this.keyCounts = new Uint32Array(this.keyEntries.length);
    this.keyUses = new Uint8Array(this.keyEntries.length);
    this.rowShape = new Uint32Array(order.rows.length);
    this.eventShape = new Uint32Array(block.events);
    this.linkShape = new Uint32Array(block.links);
    this.#surveyRows(block, order.rows);
    this.#surveyOwners(block);
    this.#sumUp();
  }

  keyOf(term: number): number {
    return this.#terms[2 * term]!;
  }

  /** The file's number of a term; -1: nothing that is written has it. */
  fileTerm(term: number): number {
    const rank = this.#rank[term]!;
    return rank === 0 ? -1 : this.firstTerms[this.keyOf(term)]! + rank - 1;
  }

  /** Bits 0..15: stretches with the term; above: pages of the stretch, if it is only one. */
  placesOf(term: number): number {
    return this.#terms[2 * term + 1]!;
  }

  /** The only page of rows that has the term, or NO_PAGE. */
  pageOf(term: number): number {
    const places = this.placesOf(term);
    const stretches = places & STRETCH_BITS;
    const pages = places >>> STRETCHES;
    if ((stretches & (stretches - 1)) !== 0 || (pages & (pages - 1)) !== 0) return NO_PAGE;
    if (stretches === 0) return NO_PAGE;
    return STRETCH_PAGES * (31 - Math.clz32(stretches)) + 31 - Math.clz32(pages);
  }

  #findKeys(block: BlockImage): void {
    const numbers = new Map<number, number>();
    let last = -1;
    let key = -1;
    for (let term = 0; term < block.terms.count; term++) {
      const entry = block.terms.key[term]!;
      if (entry !== last) {
        last = entry;
        const known = numbers.get(entry);
        key = known ?? this.keyEntries.push(entry) - 1;
        if (known === undefined) numbers.set(entry, key);
      }
      this.#terms[2 * term] = key;
    }
  }

  /** Page by page: attributes, then events, then links, as they are written. */
  #surveyRows(block: BlockImage, rows: Uint32Array): void {
    const { eventStart, linkStart } = block;
    let event = 0;
    let link = 0;
    for (let first = 0, page = 0; first < rows.length; first += PAGE_ROWS, page++) {
      const end = Math.min(first + PAGE_ROWS, rows.length);
      const bits = placeBits(page);
      for (let at = first; at < end; at++) {
        const row = rows[at]!;
        this.rowShape[at] = this.#list(block.attributeStart, block.attribute, row, bits);
      }
      for (let at = first; at < end; at++) {
        const last = eventStart[rows[at]! + 1]!;
        for (let own = eventStart[rows[at]!]!; own < last; own++) {
          this.eventShape[event++] = this.#list(block.eventTermStart, block.eventTerm, own, bits);
        }
      }
      for (let at = first; linkStart !== undefined && at < end; at++) {
        const last = linkStart[rows[at]! + 1]!;
        for (let own = linkStart[rows[at]!]!; own < last; own++) {
          this.linkShape[link++] = this.#list(block.linkTermStart, block.linkTerm, own, bits);
        }
      }
    }
    this.#noteUses(this.rowShape.length, this.rowShape, OF_SPANS);
    this.#noteUses(event, this.eventShape, OF_EVENTS);
    this.#noteUses(link, this.linkShape, OF_LINKS);
  }

  /** Notes the terms of one list. @returns its shape. */
  #list(start: Uint32Array, column: Uint32Array, owner: number, bits: number): number {
    const from = start[owner]!;
    const count = start[owner + 1]! - from;
    if (count > this.#keys.length) this.#keys = grown(this.#keys, 2 * count);
    const keys = this.#keys;
    const terms = this.#terms;
    for (let at = 0; at < count; at++) {
      const term = column[from + at]!;
      const key = terms[2 * term]!;
      keys[at] = key;
      const places = terms[2 * term + 1]!;
      if ((places & bits) === bits) continue;
      if (places === 0) this.#rank[term] = ++this.keyCounts[key]!;
      terms[2 * term + 1] = places | bits;
    }
    return this.shapes.intern(keys, count);
  }

  #noteUses(count: number, shapeOf: Uint32Array, use: number): void {
    const isKnown = new Uint8Array(this.shapes.count);
    for (let i = 0; i < count; i++) {
      const shape = shapeOf[i]!;
      if (isKnown[shape] === 1) continue;
      isKnown[shape] = 1;
      const end = this.shapes.start[shape + 1]!;
      for (let at = this.shapes.start[shape]!; at < end; at++) {
        this.keyUses[this.shapes.keys[at]!]! |= use;
      }
    }
  }

  /** Terms of resources and scopes are ranked after those of rows. */
  #surveyOwners(block: BlockImage): void {
    for (const [table, use] of [
      [block.resources, OF_RESOURCES],
      [block.scopes, OF_SCOPES],
    ] as const) {
      for (const term of table.terms) {
        const key = this.keyOf(term);
        this.keyUses[key]! |= use;
        if (this.#rank[term] === 0) this.#rank[term] = ++this.keyCounts[key]!;
      }
    }
  }

  #sumUp(): void {
    this.firstTerms = new Uint32Array(this.keyCounts.length + 1);
    this.keyCounts.forEach((count, key) => {
      this.firstTerms[key + 1] = this.firstTerms[key]! + count;
    });
  }
}

function placeBits(page: number): number {
  return (1 << Math.floor(page / STRETCH_PAGES)) | (1 << (STRETCHES + (page % STRETCH_PAGES)));
}
