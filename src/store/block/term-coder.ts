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
// Source: docs/formats/segment.md. Not here: finding shapes and codes (term-survey.ts), reading
// (term-lists.ts).

import { isEntryType } from "../../model/attribute-table.ts";
import type { BlockImage } from "./block-image.ts";
import type { Packer } from "./packer.ts";
import type { SurveyedLists, TermSurvey } from "./term-survey.ts";
import type { TextCoder } from "./text-coder.ts";

/** In place of a type: the values of the key are of several, and a column has them. */
export const SEVERAL_TYPES = 0xff;

/** How far a section is written. */
export class SectionCursor {
  readonly lists: SurveyedLists;
  list = 0;
  attribute = 0;
  value = 0;

  constructor(lists: SurveyedLists) {
    this.lists = lists;
  }
}

export class TermCoder {
  readonly #block: BlockImage;
  readonly #survey: TermSurvey;
  readonly #texts: TextCoder;
  readonly #packer: Packer;
  readonly #shapeUses: Uint32Array;
  /** Of each key of the page: the next place of its column. */
  readonly #cursors: Uint32Array;
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
    this.#shapeUses = new Uint32Array(survey.shapes.count);
    this.#cursors = new Uint32Array(survey.keyCounts.length);
  }

  /**
   * Writes the next `count` lists of a section.
   * Cost: about 8 ns an attribute, and 20 ns each distinct value.
   */
  write(from: SectionCursor, count: number): void {
    const packer = this.#packer;
    const shapes = from.lists.shape.subarray(from.list, from.list + count);
    from.list += count;
    packer.column(shapes, count);
    const keys = this.#placeKeys(shapes);
    this.#place(from, shapes);
    packer.varint(keys.length);
    packer.varint(this.#texts.count);
    let start = 0;
    keys.forEach((key, at) => {
      packer.varint(at === 0 ? key : key - keys[at - 1]! - 1);
      const end = this.#cursors[key]!;
      this.#writeKey(start, end);
      start = end;
      this.#cursors[key] = 0;
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

  /** Puts codes and values of the lists into the columns of their keys. */
  #place(from: SectionCursor, shapeOf: Uint32Array): void {
    const { shapes } = this.#survey;
    const shapeKeys = shapes.keys;
    const { codes, values } = from.lists;
    const placed = this.#codes;
    const terms = this.#terms;
    const cursors = this.#cursors;
    let { attribute, value } = from;
    for (let i = 0; i < shapeOf.length; i++) {
      const end = shapes.start[shapeOf[i]! + 1]!;
      for (let at = shapes.start[shapeOf[i]!]!; at < end; at++) {
        const place = cursors[shapeKeys[at]!]!++;
        const code = codes[attribute++]!;
        placed[place] = code;
        if (code === 0) terms[place] = values[value++]!;
      }
    }
    from.attribute = attribute;
    from.value = value;
  }

  /** Writes a key's values, then its codes, which are `#codes[from..end)`. */
  #writeKey(from: number, end: number): void {
    const packer = this.#packer;
    const { type: typeOf, low, high } = this.#block.terms;
    if (end - from > this.#words.length) {
      this.#words = new Uint32Array(2 * (end - from));
      this.#more = new Uint32Array(2 * (end - from));
      this.#types = new Uint32Array(2 * (end - from));
    }
    const words = this.#words;
    const types = this.#types;
    let count = 0;
    let type = -1;
    for (let at = from; at < end; at++) {
      if (this.#codes[at] !== 0) continue;
      const term = this.#terms[at]!;
      words[count] = term;
      const own = typeOf[term]!;
      types[count++] = own;
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
