// The first pass over the attributes of a block: what is where, before anything is written.
//
//   lists of terms, in the order of the file ─▶ shape of each list
//                                           ─▶ code of each attribute, values of each page (term-coder.ts)
//                                           ─▶ each term: its rank among the values of its key, where it is
//
// This pass alone looks terms up, which lie anywhere in memory; all that follows goes through its results.
//
// A text that only one page of rows has is kept beside that page, so that reading a trace reads texts of
// its neighbours and no others; which texts these are has to be known before the first page is written.
//
// Cost: about 8 ns an attribute. Source: docs/formats/segment.md. Not here: writing (term-coder.ts).

import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { PAGE_ROWS, STRETCHES, STRETCH_PAGES } from "./layout.ts";
import { grown, nextHash, ShapeTable } from "./shape-table.ts";
import { scratch } from "./scratch.ts";

/** Bits of `keyUses`: what has the key. */
export const OF_SPANS = 1;
export const OF_EVENTS = 2;
export const OF_LINKS = 4;
export const OF_RESOURCES = 8;
export const OF_SCOPES = 16;

/** In no page of rows, or in more than one. */
export const NO_PAGE = -1;

const STRETCH_BITS = 2 ** STRETCHES - 1;

/** Words of a term: key, places, the page (of a section) in which it was last, its place there. */
const WORDS = 4;

/** What a section has, list by list. */
export class SurveyedLists {
  /** Of each list. */
  readonly shape: Uint32Array;
  /** Of each attribute: 0 is a value that is new in its page, n the one that was new n values ago. */
  readonly codes: Uint32Array;
  /** The term of each code 0, one after the other. */
  values: Uint32Array;
  lists = 0;
  attributes = 0;
  valueCount = 0;

  constructor(lists: number, attributes: number) {
    this.shape = scratch.words(lists);
    this.codes = scratch.words(attributes);
    this.values = scratch.words(Math.ceil(attributes / 2));
  }
}

export class TermSurvey {
  readonly shapes: ShapeTable;
  /** Dictionary entry (of the block) of each key. */
  readonly keyEntries: number[] = [];
  /** How many values each key has. */
  readonly keyCounts: Uint32Array;
  readonly keyUses: Uint8Array;
  /** In the order of the file. */
  readonly rows: SurveyedLists;
  readonly events: SurveyedLists;
  readonly links: SurveyedLists;
  readonly #terms: Uint32Array;
  /** Of each key: how many values the page has so far. */
  readonly #pageCounts: Uint32Array;
  #stamp = 0;
  /** Of each term, from 1 on; 0: nothing that is written has it. */
  readonly #rank: Uint32Array;
  #keys: Uint32Array = new Uint32Array(1 << 10);
  /** First term of each key in the file, and the number of terms at the end. */
  firstTerms: Uint32Array = new Uint32Array(0);

  /** @param seed of tables that senders' data go into. */
  constructor(block: BlockImage, order: BlockOrder, seed: number) {
    this.shapes = new ShapeTable(seed);
    this.#terms = scratch.words(WORDS * block.terms.count);
    this.#rank = scratch.words(block.terms.count);
    this.#findKeys(block);
    this.keyCounts = new Uint32Array(this.keyEntries.length);
    this.keyUses = new Uint8Array(this.keyEntries.length);
    this.#pageCounts = new Uint32Array(this.keyEntries.length);
    this.rows = new SurveyedLists(order.rows.length, block.attribute.length);
    this.events = new SurveyedLists(block.events, block.eventTerm.length);
    this.links = new SurveyedLists(block.links, block.linkTerm.length);
    this.#surveyRows(block, order.rows);
    this.#surveyOwners(block);
    this.#sumUp();
  }

  keyOf(term: number): number {
    return this.#terms[WORDS * term]!;
  }

  /** The file's number of a term; -1: nothing that is written has it. */
  fileTerm(term: number): number {
    const rank = this.#rank[term]!;
    return rank === 0 ? -1 : this.firstTerms[this.keyOf(term)]! + rank - 1;
  }

  /** Bits 0..15: stretches with the term; above: pages of the stretch, if it is only one. */
  placesOf(term: number): number {
    return this.#terms[WORDS * term + 1]!;
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
      this.#terms[WORDS * term] = key;
    }
  }

  /** Page by page: attributes, then events, then links, as they are written. */
  #surveyRows(block: BlockImage, rows: Uint32Array): void {
    const { attributeStart, attribute, eventStart, linkStart } = block;
    for (let first = 0, page = 0; first < rows.length; first += PAGE_ROWS, page++) {
      const end = Math.min(first + PAGE_ROWS, rows.length);
      const bits = placeBits(page);
      this.#nextSection();
      for (let at = first; at < end; at++) {
        this.#list(this.rows, attributeStart, attribute, rows[at]!, bits);
      }
      this.#nextSection();
      for (let at = first; block.events > 0 && at < end; at++) {
        const last = eventStart[rows[at]! + 1]!;
        for (let own = eventStart[rows[at]!]!; own < last; own++) {
          this.#list(this.events, block.eventTermStart, block.eventTerm, own, bits);
        }
      }
      this.#nextSection();
      for (let at = first; linkStart !== undefined && at < end; at++) {
        const last = linkStart[rows[at]! + 1]!;
        for (let own = linkStart[rows[at]!]!; own < last; own++) {
          this.#list(this.links, block.linkTermStart, block.linkTerm, own, bits);
        }
      }
    }
    this.#noteUses(this.rows, OF_SPANS);
    this.#noteUses(this.events, OF_EVENTS);
    this.#noteUses(this.links, OF_LINKS);
  }

  #nextSection(): void {
    this.#stamp++;
    this.#pageCounts.fill(0);
  }

  /** Notes the terms of one list. */
  #list(
    to: SurveyedLists,
    start: Uint32Array,
    column: Uint32Array,
    owner: number,
    bits: number,
  ): void {
    const from = start[owner]!;
    const count = start[owner + 1]! - from;
    if (count > this.#keys.length) this.#keys = grown(this.#keys, 2 * count);
    if (to.valueCount + count > to.values.length) {
      to.values = grown(to.values, 2 * (to.valueCount + count));
    }
    const keys = this.#keys;
    const terms = this.#terms;
    const counts = this.#pageCounts;
    const { codes, values } = to;
    const stamp = this.#stamp;
    let next = to.attributes;
    let hash = this.shapes.seed;
    for (let at = 0; at < count; at++) {
      const term = column[from + at]!;
      const word = WORDS * term;
      const key = terms[word]!;
      keys[at] = key;
      hash = nextHash(hash, key);
      if (terms[word + 2] === stamp) {
        codes[next++] = counts[key]! - terms[word + 3]!;
        continue;
      }
      terms[word + 2] = stamp;
      terms[word + 3] = counts[key]!++;
      codes[next++] = 0;
      values[to.valueCount++] = term;
      const places = terms[word + 1]!;
      if (places === 0) this.#rank[term] = ++this.keyCounts[key]!;
      terms[word + 1] = places | bits;
    }
    to.attributes = next;
    to.shape[to.lists++] = this.shapes.intern(keys, count, hash);
  }

  #noteUses({ shape: shapeOf, lists }: SurveyedLists, use: number): void {
    const isKnown = new Uint8Array(this.shapes.count);
    for (let i = 0; i < lists; i++) {
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

/** Stretch and page of page `page` of rows, as bits of `placesOf`. */
export function placeBits(page: number): number {
  return (1 << Math.floor(page / STRETCH_PAGES)) | (1 << (STRETCHES + (page % STRETCH_PAGES)));
}
