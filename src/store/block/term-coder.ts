// Lists of attributes as shapes, columns and values: what spans, events and links of a page carry.
//
//   list of terms ─▶ shape: the keys, in order ─▶ one number a list
//                 ─▶ for each key, one code for each of its values, in a column of that key
//                 ─▶ for each key, the distinct values of the page, in the order in which they come
//
//   code   0: the next new value of the page · n: the one that was new n values ago
//
// Real spans have few shapes, and a column of one key compresses far better than values one after the
// other: what is unique to a trace is 0 at first and 1 from then on. A page is read alone: it has its
// values, and its texts beside it.
//
// Source: docs/formats/segment.md. Not here: reading (term-lists.ts), shapes (term-survey.ts).

import { isEntryType } from "../../model/attribute-table.ts";
import type { BlockImage } from "./block-image.ts";
import type { Packer } from "./packer.ts";
import type { TermSurvey } from "./term-survey.ts";
import type { TextCoder } from "./text-coder.ts";

/** In place of a type: the values of the key are of several, and a column has them. */
export const SEVERAL_TYPES = 0xff;

export class TermCoder {
  readonly #block: BlockImage;
  readonly #survey: TermSurvey;
  readonly #texts: TextCoder;
  readonly #packer: Packer;
  /** Two words a term: the page in which it was last, its place among the values there. */
  readonly #last: Uint32Array;
  #stamp = 0;
  #shapeUses: Uint32Array;
  /** Of each key of the page: the next place of its column; how many values it has so far. */
  readonly #cursors: Uint32Array;
  readonly #counts: Uint32Array;
  #codes = new Uint32Array(1 << 14);
  /** Beside each code 0, its term. */
  #terms = new Uint32Array(1 << 14);
  #words = new Uint32Array(1 << 10);
  #more = new Uint32Array(1 << 10);
  #types = new Uint32Array(1 << 10);

  constructor(block: BlockImage, survey: TermSurvey, texts: TextCoder, packer: Packer) {
    this.#block = block;
    this.#survey = survey;
    this.#texts = texts;
    this.#packer = packer;
    this.#last = new Uint32Array(2 * block.terms.count);
    this.#shapeUses = new Uint32Array(survey.shapes.count);
    this.#cursors = new Uint32Array(survey.keyCounts.length);
    this.#counts = new Uint32Array(survey.keyCounts.length);
  }

  /**
   * Writes the lists of `owners` (rows, events or links of the block).
   * Cost: about 15 ns an attribute.
   *
   * @param shapeOf shape of each of them.
   */
  write(owners: Uint32Array, shapeOf: Uint32Array, start: Uint32Array, column: Uint32Array): void {
    const packer = this.#packer;
    packer.column(shapeOf, owners.length);
    const keys = this.#placeKeys(shapeOf);
    this.#code(owners, shapeOf, start, column);
    packer.varint(keys.length);
    packer.varint(this.#texts.count);
    let from = 0;
    keys.forEach((key, at) => {
      packer.varint(at === 0 ? key : key - keys[at - 1]! - 1);
      const end = this.#cursors[key]!;
      this.#writeKey(from, end, this.#counts[key]!);
      from = end;
      this.#cursors[key] = 0;
      this.#counts[key] = 0;
    });
  }

  /** Gives each key that is in the page its place in `#codes`. @returns the keys, rising. */
  #placeKeys(shapeOf: Uint32Array): number[] {
    const { shapes } = this.#survey;
    const uses = this.#shapeUses;
    const used: number[] = [];
    for (let i = 0; i < shapeOf.length; i++) if (uses[shapeOf[i]!]!++ === 0) used.push(shapeOf[i]!);
    const counts = this.#cursors;
    const keys: number[] = [];
    for (const shape of used) {
      for (let at = shapes.start[shape]!; at < shapes.start[shape + 1]!; at++) {
        const key = shapes.keys[at]!;
        if (counts[key] === 0) keys.push(key);
        counts[key]! += uses[shape]!;
      }
      uses[shape] = 0;
    }
    keys.sort((one, two) => one - two);
    let place = 0;
    for (const key of keys) {
      const count = counts[key]!;
      counts[key] = place;
      place += count;
    }
    if (place > this.#codes.length) {
      this.#codes = new Uint32Array(2 * place);
      this.#terms = new Uint32Array(2 * place);
    }
    return keys;
  }

  #code(owners: Uint32Array, shapeOf: Uint32Array, start: Uint32Array, column: Uint32Array): void {
    const { shapes } = this.#survey;
    const shapeKeys = shapes.keys;
    const last = this.#last;
    const codes = this.#codes;
    const terms = this.#terms;
    const cursors = this.#cursors;
    const counts = this.#counts;
    const stamp = ++this.#stamp;
    for (let i = 0; i < owners.length; i++) {
      let from = start[owners[i]!]!;
      const end = shapes.start[shapeOf[i]! + 1]!;
      for (let at = shapes.start[shapeOf[i]!]!; at < end; at++) {
        const key = shapeKeys[at]!;
        const term = column[from++]!;
        const place = cursors[key]!++;
        if (last[2 * term] === stamp) {
          codes[place] = counts[key]! - last[2 * term + 1]!;
        } else {
          last[2 * term] = stamp;
          last[2 * term + 1] = counts[key]!++;
          codes[place] = 0;
          terms[place] = term;
        }
      }
    }
  }

  /** Writes a key's values, then its codes, which are `#codes[from..end)`. */
  #writeKey(from: number, end: number, count: number): void {
    const packer = this.#packer;
    const { type: typeOf, low, high } = this.#block.terms;
    if (count > this.#words.length) {
      this.#words = new Uint32Array(2 * count);
      this.#more = new Uint32Array(2 * count);
      this.#types = new Uint32Array(2 * count);
    }
    const words = this.#words;
    const types = this.#types;
    let values = 0;
    let type = -1;
    for (let at = from; at < end; at++) {
      if (this.#codes[at] !== 0) continue;
      const term = this.#terms[at]!;
      words[values] = term;
      const own = typeOf[term]!;
      types[values++] = own;
      type = type < 0 || type === own ? own : SEVERAL_TYPES;
    }
    packer.varint(count);
    packer.byte(type);
    if (type === SEVERAL_TYPES) packer.column(types, count);
    let plain = 0;
    let texted = 0;
    const more = this.#more;
    for (let i = 0; i < count; i++) {
      const term = words[i]!;
      // What is read of `words` and `types` lies before what is written to them.
      if (isEntryType(types[i]!)) {
        words[texted++] = low[term]!;
      } else {
        types[plain] = low[term]!;
        more[plain++] = high[term]!;
      }
    }
    this.#writeEntries(texted);
    packer.column(types, plain);
    packer.column(more, plain);
    packer.column(this.#codes, end - from, from);
  }

  /** 0: the next text that is numbered · n + 1: entry n. Before them, how many zeros there are. */
  #writeEntries(count: number): void {
    if (count === 0) return;
    const words = this.#words;
    const texts = this.#texts;
    const first = texts.count;
    for (let i = 0; i < count; i++) {
      const next = texts.count;
      const number = texts.number(words[i]!);
      words[i] = number === next ? 0 : number + 1;
    }
    this.#packer.varint(texts.count - first);
    this.#packer.column(words, count);
  }
}
