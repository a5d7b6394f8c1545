// The distinct attributes (key, type, value) of a block, each with a small number: a term.
//
//   key u32 | type u8 | low u32 | high u32      as in model/attribute-table.ts, entries of the block's
//                                               dictionary
//   table   open addressing, linear probing     slot -> hash, term + 1; 0 = free
//
// Slots have the hash beside the term: probing stays within a line of the cache, and reads the columns,
// each of which is a miss, only where the hash agrees.
//
// An attribute of a span is then one u32, equal attributes are equal numbers, and an index over terms is
// an index over every key and value of every level.

import type { VisitTerm } from "./columns.ts";

const FIRST_TERMS = 1 << 12;

export class TermTable {
  count = 0;
  key: Uint32Array;
  type: Uint8Array;
  low: Uint32Array;
  high: Uint32Array;
  /** Two words a slot. */
  #table: Int32Array;

  constructor(termsExpected = 0) {
    let size = FIRST_TERMS;
    while (size < termsExpected) size *= 2;
    this.key = new Uint32Array(size);
    this.type = new Uint8Array(size);
    this.low = new Uint32Array(size);
    this.high = new Uint32Array(size);
    this.#table = new Int32Array(size * 4);
  }

  /** Forgets all terms and keeps the memory. */
  reset(): void {
    this.count = 0;
    this.#table.fill(0);
  }

  /** The term of this attribute, added if it is new. Amortized O(1). */
  intern(key: number, type: number, low: number, high: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    const hash = hashTerm(key, type, low, high);
    let slot = (hash << 1) & mask;
    for (;;) {
      const term = table[slot + 1]! - 1;
      if (term < 0) break;
      if (table[slot] === hash && this.#equals(term, key, type, low, high)) return term;
      slot = (slot + 2) & mask;
    }
    const term = this.count++;
    if (term === this.type.length) this.#grow();
    this.key[term] = key;
    this.type[term] = type;
    this.low[term] = low;
    this.high[term] = high;
    table[slot] = hash;
    table[slot + 1] = term + 1;
    // Three quarters of the slots.
    if (this.count * 8 > table.length * 3) this.#rehash(table.length);
    return term;
  }

  /** The term of this attribute, or -1. */
  find(key: number, type: number, low: number, high: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    const hash = hashTerm(key, type, low, high);
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const term = table[slot + 1]! - 1;
      if (term < 0) return -1;
      if (table[slot] === hash && this.#equals(term, key, type, low, high)) return term;
    }
  }

  /** Visits the terms of a key, rising. Cost: a look at every term. */
  eachOf(key: number, visit: VisitTerm): void {
    const { count } = this;
    for (let term = this.key.indexOf(key); term >= 0 && term < count;) {
      visit(term, this.type[term]!, this.low[term]!, this.high[term]!);
      term = this.key.indexOf(key, term + 1);
    }
  }

  keyEntryOf(term: number): number {
    return this.key[term]!;
  }

  /** Every key once. Cost: a look at every term. */
  keyEntries(): Set<number> {
    const entries = new Set<number>();
    let last = -1;
    for (let term = 0; term < this.count; term++) {
      const key = this.key[term]!;
      if (key !== last) entries.add(key);
      last = key;
    }
    return entries;
  }

  memoryBytes(): number {
    return this.type.length * 13 + this.#table.byteLength;
  }

  /** Gives back the slack. */
  trim(): void {
    this.key = this.key.slice(0, this.count);
    this.type = this.type.slice(0, this.count);
    this.low = this.low.slice(0, this.count);
    this.high = this.high.slice(0, this.count);
    let slots = 64;
    while (slots * 3 < this.count * 4) slots *= 2;
    if (2 * slots < this.#table.length) this.#rehash(slots);
  }

  #equals(term: number, key: number, type: number, low: number, high: number): boolean {
    return (
      this.key[term] === key &&
      this.low[term] === low &&
      this.high[term] === high &&
      this.type[term] === type
    );
  }

  #grow(): void {
    const size = Math.max(64, this.type.length * 2);
    this.key = grown(this.key, size);
    this.low = grown(this.low, size);
    this.high = grown(this.high, size);
    const type = new Uint8Array(size);
    type.set(this.type);
    this.type = type;
  }

  #rehash(slots: number): void {
    const from = this.#table;
    const table = new Int32Array(2 * slots);
    const mask = table.length - 1;
    for (let at = 0; at < from.length; at += 2) {
      const term = from[at + 1]!;
      if (term === 0) continue;
      const hash = from[at]!;
      let slot = (hash << 1) & mask;
      while (table[slot + 1] !== 0) slot = (slot + 2) & mask;
      table[slot] = hash;
      table[slot + 1] = term;
    }
    this.#table = table;
  }
}

/** Differs in every process: nobody outside can prepare values that collide. */
const SEED = (Math.random() * 0x7fffffff) | 0;

function hashTerm(key: number, type: number, low: number, high: number): number {
  let hash = Math.imul(key ^ SEED, 0x9e3779b1) ^ Math.imul(low + type, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ high, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

function grown(column: Uint32Array, size: number): Uint32Array {
  const larger = new Uint32Array(size);
  larger.set(column);
  return larger;
}
