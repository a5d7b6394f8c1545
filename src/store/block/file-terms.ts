// Keys, shapes and terms of a block in a file.
//
//   key k has the terms [firstTerm[k], firstTerm[k + 1]), numbered as its values first came
//
// `find` reads only the pages with the key's terms; the whole columns are read when they are asked for.

import { isEntryType } from "../../model/attribute-table.ts";
import type { VisitTerm } from "../head/columns.ts";
import type { BlockPages } from "./block-pages.ts";
import { PAGE_TERMS, STRETCHES, STRETCH_PAGES } from "./layout.ts";
import { lastAtMost } from "./row-writer.ts";
import { damaged, unzigzag, type Unpacker } from "./unpacker.ts";

export interface Keys {
  /** Dictionary entry of each key. */
  readonly entry: Uint32Array;
  /** One more than keys. */
  readonly firstTerm: Uint32Array;
  /** OF_… of each key: see term-survey.ts. */
  readonly uses: Uint8Array;
  /** Keys of shape s: shapeKeys[shapeStart[s]] .. shapeKeys[shapeStart[s + 1] - 1]. */
  readonly shapeStart: Uint32Array;
  readonly shapeKeys: Uint32Array;
}

interface TermPage {
  readonly type: Uint8Array;
  readonly stretches: Uint16Array;
  readonly within: Uint8Array;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

interface TermColumns {
  readonly key: Uint32Array;
  readonly type: Uint8Array;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

export class FileTerms {
  readonly count: number;
  readonly #pages: BlockPages;
  #columns: WeakRef<TermColumns> | undefined;
  #last: WeakRef<TermPage> | undefined;
  #lastIndex = -1;
  #lastReuses = 0;

  constructor(pages: BlockPages) {
    this.#pages = pages;
    this.count = pages.footer.figures.terms;
  }

  get keys(): Keys {
    const { keys, terms } = this.#pages.footer.figures;
    return this.#pages.getOnly("keys", (unpacker) => readKeys(unpacker, keys, terms));
  }

  get key(): Uint32Array {
    return this.#all().key;
  }

  get type(): Uint8Array {
    return this.#all().type;
  }

  get low(): Uint32Array {
    return this.#all().low;
  }

  get high(): Uint32Array {
    return this.#all().high;
  }

  /** The terms of a key (an entry): [from, end); empty if no term has it. */
  rangeOf(keyEntry: number): { readonly from: number; readonly end: number } {
    const { entry, firstTerm } = this.keys;
    const key = entry.indexOf(keyEntry);
    return key < 0 ? { from: 0, end: 0 } : { from: firstTerm[key]!, end: firstTerm[key + 1]! };
  }

  /** The term with this key (an entry) and value, or -1. Cost: the key's terms. */
  find(keyEntry: number, type: number, low: number, high: number): number {
    const { from, end } = this.rangeOf(keyEntry);
    for (let term = from; term < end;) {
      const index = Math.floor(term / PAGE_TERMS);
      const page = this.#page(index);
      const pageEnd = Math.min(end, (index + 1) * PAGE_TERMS);
      for (; term < pageEnd; term++) {
        const at = term % PAGE_TERMS;
        if (page.low[at] === low && page.type[at] === type && page.high[at] === high) return term;
      }
    }
    return -1;
  }

  /** Visits the terms of a key (an entry), rising. Cost: the key's terms. */
  eachOf(keyEntry: number, visit: VisitTerm): void {
    const { from, end } = this.rangeOf(keyEntry);
    for (let term = from; term < end;) {
      const index = Math.floor(term / PAGE_TERMS);
      const page = this.#page(index);
      const pageEnd = Math.min(end, (index + 1) * PAGE_TERMS);
      for (; term < pageEnd; term++) {
        const at = term % PAGE_TERMS;
        visit(term, page.type[at]!, page.low[at]!, page.high[at]!);
      }
    }
  }

  keyEntryOf(term: number): number {
    return this.keys.entry[this.keyOf(term)]!;
  }

  keyEntries(): Uint32Array {
    return this.keys.entry;
  }

  /** The key (not its entry) of a term. */
  keyOf(term: number): number {
    return lastAtMost(this.keys.firstTerm, term);
  }

  /** Type, low and high word of a term. */
  valueOf(term: number): readonly [type: number, low: number, high: number] {
    const page = this.#page(Math.floor(term / PAGE_TERMS));
    const at = term % PAGE_TERMS;
    return [page.type[at]!, page.low[at]!, page.high[at]!];
  }

  /** Bits of the stretches with a term; from bit 16 on, of the pages of the stretch if it is one. */
  placesOf(term: number): number {
    const page = this.#page(Math.floor(term / PAGE_TERMS));
    const at = term % PAGE_TERMS;
    return page.stretches[at]! | (page.within[at]! << STRETCHES);
  }

  /** Marks the pages of rows that may have the term in a span, event or link. */
  markPages(term: number, marks: Uint8Array): void {
    const page = this.#page(Math.floor(term / PAGE_TERMS));
    const stretches = page.stretches[term % PAGE_TERMS]!;
    const within = page.within[term % PAGE_TERMS]! || 2 ** STRETCH_PAGES - 1;
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      if ((stretches & (1 << stretch)) === 0) continue;
      for (let own = 0; own < STRETCH_PAGES; own++) {
        const index = STRETCH_PAGES * stretch + own;
        if ((within & (1 << own)) !== 0 && index < marks.length) marks[index] = 1;
      }
    }
  }

  #page(index: number): TermPage {
    const { reuses } = this.#pages;
    const last = this.#lastReuses === reuses ? this.#last?.deref() : undefined;
    if (last !== undefined && this.#lastIndex === index) return last;
    const count = Math.min(PAGE_TERMS, this.count - index * PAGE_TERMS);
    const page = this.#pages.get("terms", index, (unpacker) => readTerms(unpacker, count));
    this.#last = new WeakRef(page);
    this.#lastIndex = index;
    this.#lastReuses = reuses;
    return page;
  }

  #all(): TermColumns {
    const known = this.#columns?.deref();
    if (known !== undefined) return known;
    const { count, keys } = this;
    const key = new Uint32Array(count);
    for (let k = 0; k < keys.entry.length; k++) {
      key.fill(keys.entry[k]!, keys.firstTerm[k], keys.firstTerm[k + 1]);
    }
    const type = new Uint8Array(count);
    const low = new Uint32Array(count);
    const high = new Uint32Array(count);
    for (let first = 0, index = 0; first < count; first += PAGE_TERMS, index++) {
      const page = this.#page(index);
      type.set(page.type, first);
      low.set(page.low, first);
      high.set(page.high, first);
    }
    const columns = { key, type, low, high };
    this.#columns = new WeakRef(columns);
    return columns;
  }
}

function readKeys(unpacker: Unpacker, keys: number, terms: number): Keys {
  const entry = unpacker.column(keys);
  const firstTerm = startsOf(unpacker.column(keys));
  if (firstTerm[keys] !== terms) throw damaged(`${firstTerm[keys]} terms, not ${terms}`, 0);
  const uses = unpacker.small(keys);
  const shapes = unpacker.count(SHAPES_MAX);
  const shapeStart = startsOf(unpacker.column(shapes));
  const shapeKeys = unpacker.column(unpacker.count(SHAPES_MAX));
  if (shapeStart[shapes] !== shapeKeys.length) throw damaged("shapes of other sizes", 0);
  if (shapeKeys.some((key) => key >= keys)) throw damaged("a shape with an unknown key", 0);
  return { entry, firstTerm, uses, shapeStart, shapeKeys };
}

/** Bounds damage: a block has fewer events, and fewer attributes. */
const SHAPES_MAX = 2 ** 28;

function readTerms(unpacker: Unpacker, count: number): TermPage {
  const type = unpacker.small(count);
  const stretches = unpacker.shorts(count);
  const within = unpacker.small(count);
  let texted = 0;
  for (let i = 0; i < count; i++) if (isEntryType(type[i]!)) texted++;
  const entries = unpacker.column(texted);
  const lows = unpacker.column(count - texted);
  const highs = unpacker.column(count - texted);
  const low = unpacker.arrays.words(count);
  const high = unpacker.arrays.words(count);
  let before = 0;
  for (let i = 0, text = 0, plain = 0; i < count; i++) {
    if (isEntryType(type[i]!)) {
      before += 1 + unzigzag(entries[text++]!);
      low[i] = before;
    } else {
      low[i] = lows[plain]!;
      high[i] = highs[plain++]!;
    }
  }
  return { type, stretches, within, low, high };
}

/** Sums: where each of some counted things begins, and where the last one ends. */
export function startsOf(counts: Uint32Array): Uint32Array {
  const starts = new Uint32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) starts[i + 1] = starts[i]! + counts[i]!;
  return starts;
}
