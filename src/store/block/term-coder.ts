// Lists of attributes as shapes and columns: what spans, events and links of a page carry.
//
//   list of terms ─▶ shape: the keys, in order ─▶ one number an owner
//                 ─▶ for each key, the ranks of its values, in a column of that key
//
//   rank   a key's values are numbered in the order in which the file first has them
//   code   0: the next new value · n: the one that was new n values ago
//
// Real spans have few shapes, and a column of one key compresses far better than terms one after the
// other: what is unique to a trace is 0 at first and 1 from then on. In the file, term = first term of
// the key + rank. Each page keeps what the next rank was where it begins, so it can be read alone.
//
// Source: docs/formats/segment.md. Not here: reading (term-lists.ts).

import type { BlockImage } from "./block-image.ts";
import type { Packer } from "./packer.ts";

const FIRST_SHAPES = 64;

export class TermCoder {
  /** Dictionary entry (of the block) of each key. */
  readonly keyEntries: number[] = [];
  /** How many values each key has so far. */
  keyCounts: Uint32Array;
  /** Keys of all shapes, one after the other; shape s: [shapeStart[s], shapeStart[s + 1]). */
  shapeKeys: Uint32Array = new Uint32Array(1 << 10);
  shapeStart: Uint32Array = new Uint32Array(FIRST_SHAPES + 1);
  shapes = 0;
  readonly #keyOf: Uint32Array;
  /** Two words a term: rank + 1, pages. */
  readonly #terms: Uint32Array;
  /** Key of each attribute of the page, as its owners have them. */
  #keys: Uint32Array = new Uint32Array(1 << 16);
  /** Hash table: shape + 1. */
  #slots = new Uint32Array(4 * FIRST_SHAPES);
  #hashes = new Int32Array(FIRST_SHAPES);
  #shapeOf = new Uint32Array(1 << 12);
  #shapeUses: Uint32Array = new Uint32Array(FIRST_SHAPES);
  readonly #cursors: Uint32Array;
  #codes = new Uint32Array(1 << 16);

  constructor(block: BlockImage) {
    this.#keyOf = new Uint32Array(block.terms.count);
    this.#terms = new Uint32Array(2 * block.terms.count);
    const keys = new Map<number, number>();
    let last = -1;
    let key = -1;
    for (let term = 0; term < block.terms.count; term++) {
      const entry = block.terms.key[term]!;
      if (entry !== last) {
        last = entry;
        const known = keys.get(entry);
        key = known ?? this.keyEntries.push(entry) - 1;
        if (known === undefined) keys.set(entry, key);
      }
      this.#keyOf[term] = key;
    }
    this.keyCounts = new Uint32Array(this.keyEntries.length);
    this.#cursors = new Uint32Array(this.keyEntries.length);
  }

  /**
   * Writes the lists of `owners` (rows, events or links of the block), which are page `page` of rows.
   * Cost: about 15 ns an attribute.
   */
  write(
    packer: Packer,
    owners: Uint32Array,
    start: Uint32Array,
    column: Uint32Array,
    page: number,
  ): void {
    const attributes = this.#findShapes(owners, start, column);
    packer.column(this.#shapeOf, owners.length);
    const keys = this.#placeKeys();
    const bases = keys.map((key) => this.keyCounts[key]!);
    if (this.#codes.length < attributes) this.#codes = new Uint32Array(2 * attributes);
    this.#code(owners, start, column, 1 << page);
    packer.varint(keys.length);
    let from = 0;
    keys.forEach((key, at) => {
      packer.varint(at === 0 ? key : key - keys[at - 1]! - 1);
      packer.varint(bases[at]!);
      const end = this.#cursors[key]!;
      packer.column(this.#codes.subarray(from, end), end - from);
      from = end;
      this.#cursors[key] = 0;
    });
  }

  /** The shape of a list, for owners that are written elsewhere; ranks its terms. */
  rankTerms(terms: ArrayLike<number>, from: number, end: number): void {
    for (let at = from; at < end; at++) {
      const term = terms[at]!;
      if (this.#terms[2 * term] === 0) {
        this.#terms[2 * term] = ++this.keyCounts[this.#keyOf[term]!]!;
      }
    }
  }

  /** First term of each key in the file, and the number of terms at the end. */
  firstTerms(): Uint32Array {
    const first = new Uint32Array(this.keyCounts.length + 1);
    for (let key = 0; key < this.keyCounts.length; key++) {
      first[key + 1] = first[key]! + this.keyCounts[key]!;
    }
    return first;
  }

  /** The file's number of a term that was written or ranked; -1 if it was not. */
  fileTerm(term: number, firstTerms: Uint32Array): number {
    const rank = this.#terms[2 * term]!;
    return rank === 0 ? -1 : firstTerms[this.#keyOf[term]!]! + rank - 1;
  }

  /** A bit for each page of rows in which the term is. */
  pagesOf(term: number): number {
    return this.#terms[2 * term + 1]!;
  }

  #findShapes(owners: Uint32Array, start: Uint32Array, column: Uint32Array): number {
    if (this.#shapeOf.length < owners.length) this.#shapeOf = new Uint32Array(owners.length);
    this.#shapeUses.fill(0, 0, this.shapes);
    const keyOf = this.#keyOf;
    let to = 0;
    for (let i = 0; i < owners.length; i++) {
      const owner = owners[i]!;
      const from = start[owner]!;
      const end = start[owner + 1]!;
      const first = to;
      if (to + end - from > this.#keys.length) {
        this.#keys = grown(this.#keys, 2 * (to + end - from));
      }
      const keys = this.#keys;
      let hash = end - from;
      for (let at = from; at < end; at++) {
        const key = keyOf[column[at]!]!;
        keys[to++] = key;
        hash = Math.imul(hash ^ key, 0x9e3779b1);
        hash ^= hash >>> 15;
      }
      const shape = this.#shape(hash, first, to);
      this.#shapeOf[i] = shape;
      this.#shapeUses[shape]!++;
    }
    return to;
  }

  /** The shape with `#keys[from..end)`, added if it is new. */
  #shape(hash: number, from: number, end: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const shape = this.#slots[slot]! - 1;
      if (shape < 0) break;
      if (this.#hashes[shape] === hash && this.#isShape(shape, from, end)) return shape;
      slot = (slot + 1) & mask;
    }
    return this.#addShape(slot, hash, from, end);
  }

  #isShape(shape: number, from: number, end: number): boolean {
    let own = this.shapeStart[shape]!;
    if (this.shapeStart[shape + 1]! - own !== end - from) return false;
    for (let at = from; at < end; at++, own++) {
      if (this.shapeKeys[own] !== this.#keys[at]) return false;
    }
    return true;
  }

  #addShape(slot: number, hash: number, from: number, end: number): number {
    const shape = this.shapes++;
    const own = this.shapeStart[shape]!;
    if (own + end - from > this.shapeKeys.length) {
      this.shapeKeys = grown(this.shapeKeys, 2 * (own + end - from));
    }
    this.shapeKeys.set(this.#keys.subarray(from, end), own);
    if (this.shapes === this.#hashes.length) this.#growShapes();
    this.shapeStart[shape + 1] = own + end - from;
    this.#hashes[shape] = hash;
    this.#slots[slot] = shape + 1;
    if (2 * this.shapes > this.#slots.length) this.#rehash();
    return shape;
  }

  #growShapes(): void {
    const size = 2 * this.#hashes.length;
    this.shapeStart = grown(this.shapeStart, size + 1);
    this.#shapeUses = grown(this.#shapeUses, size);
    const hashes = new Int32Array(size);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let shape = 0; shape < this.shapes; shape++) {
      let slot = this.#hashes[shape]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = shape + 1;
    }
    this.#slots = slots;
  }

  /** Gives each key that is in the page its place in `#codes`. @returns the keys, rising. */
  #placeKeys(): number[] {
    const counts = this.#cursors;
    const keys: number[] = [];
    for (let shape = 0; shape < this.shapes; shape++) {
      const uses = this.#shapeUses[shape]!;
      if (uses === 0) continue;
      for (let at = this.shapeStart[shape]!; at < this.shapeStart[shape + 1]!; at++) {
        const key = this.shapeKeys[at]!;
        if (counts[key] === 0) keys.push(key);
        counts[key]! += uses;
      }
    }
    keys.sort((one, two) => one - two);
    let place = 0;
    for (const key of keys) {
      const count = counts[key]!;
      counts[key] = place;
      place += count;
    }
    return keys;
  }

  #code(owners: Uint32Array, start: Uint32Array, column: Uint32Array, pageBit: number): void {
    const terms = this.#terms;
    const codes = this.#codes;
    const cursors = this.#cursors;
    const counts = this.keyCounts;
    const keys = this.#keys;
    let next = 0;
    for (let i = 0; i < owners.length; i++) {
      const owner = owners[i]!;
      const end = start[owner + 1]!;
      for (let at = start[owner]!; at < end; at++) {
        const key = keys[next++]!;
        const word = 2 * column[at]!;
        const rank = terms[word]!;
        if (rank === 0) {
          terms[word] = ++counts[key]!;
          codes[cursors[key]!++] = 0;
        } else {
          codes[cursors[key]!++] = counts[key]! - rank + 1;
        }
        terms[word + 1]! |= pageBit;
      }
    }
  }
}

function grown(column: Uint32Array, size: number): Uint32Array {
  const larger = new Uint32Array(size);
  larger.set(column);
  return larger;
}
