// The spans of one trace by their ids: a table that is filled and used again for the next trace.
//
//   slot  ─ open addressing, linear probing ─▶ span -> next span with the same id -> …
//
// Of spans with one id the first by start stands first, ties in the order in which they came.
// Limits: of one id, TWINS_MAX spans are told apart.

import type { Block } from "./block.ts";

const FIRST_SPANS = 64;
/** Two spans share an id with Zipkin; more than a few is somebody's mistake. */
const TWINS_MAX = 4;
/** Ids may be counted up: their low bits are spread by multiplying. */
const SPREAD = 0x9e3779b1;

export class SpanIds {
  count = 0;
  /** True if two spans have the same id. */
  hasTwins = false;
  #blocks: Block[] = [];
  #rows = new Uint32Array(FIRST_SPANS);
  /** The next span with the same id, + 1; 0: none. */
  #next = new Uint32Array(FIRST_SPANS);
  /** Slot -> first span + 1; 0: free. Valid up to `#mask`. */
  #slots = new Uint32Array(2 * FIRST_SPANS);
  #mask = 2 * FIRST_SPANS - 1;

  /** Forgets all, and makes room for this many. */
  reset(spans: number): void {
    this.count = 0;
    this.hasTwins = false;
    this.#blocks = [];
    let slots = 2 * FIRST_SPANS;
    while (slots < 2 * spans) slots *= 2;
    if (slots > this.#slots.length) {
      this.#slots = new Uint32Array(slots);
      this.#rows = new Uint32Array(slots / 2);
      this.#next = new Uint32Array(slots / 2);
    } else {
      this.#slots.fill(0, 0, slots);
    }
    this.#mask = slots - 1;
  }

  block(span: number): Block {
    return this.#blocks[span]!;
  }

  row(span: number): number {
    return this.#rows[span]!;
  }

  /** Adds a span, which came before those that are here. */
  add(block: Block, row: number): void {
    const span = this.count++;
    this.#blocks.push(block);
    this.#rows[span] = row;
    this.#next[span] = 0;
    const slot = this.#slot(block.spanId[2 * row]!, block.spanId[2 * row + 1]!);
    const first = this.#slots[slot]!;
    if (first === 0) {
      this.#slots[slot] = span + 1;
      return;
    }
    this.hasTwins = true;
    let before = -1;
    let at = first - 1;
    for (let few = 1; few < TWINS_MAX && at >= 0 && this.#isBefore(at, span); few++) {
      before = at;
      at = this.#next[at]! - 1;
    }
    if (before < 0) {
      this.#next[span] = first;
      this.#slots[slot] = span + 1;
    } else {
      this.#next[span] = at + 1;
      this.#next[before] = span + 1;
    }
  }

  /** The first span with this id, of this kind if one is given; -1: none. */
  find(low: number, high: number, kind?: number): number {
    let span = this.#slots[this.#slot(low, high)]! - 1;
    if (kind === undefined) return span;
    for (let few = 0; few < TWINS_MAX && span >= 0; few++) {
      if (this.#blocks[span]!.kind[this.#rows[span]!] === kind) return span;
      span = this.#next[span]! - 1;
    }
    return -1;
  }

  /** True if `one` starts before `two`, which came before it. */
  #isBefore(one: number, two: number): boolean {
    const left = this.#blocks[one]!;
    const right = this.#blocks[two]!;
    const a = this.#rows[one]!;
    const b = this.#rows[two]!;
    const difference = left.startUs[a]! - right.startUs[b]!;
    return difference < 0 || (difference === 0 && left.startRestNs[a]! < right.startRestNs[b]!);
  }

  #slot(low: number, high: number): number {
    const hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b), SPREAD);
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    for (;;) {
      const span = this.#slots[slot]! - 1;
      if (span < 0) return slot;
      const ids = this.#blocks[span]!.spanId;
      const row = this.#rows[span]!;
      if (ids[2 * row] === low && ids[2 * row + 1] === high) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}
