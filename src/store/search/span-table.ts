// Span ids of one trace, each with a number: filled, asked and used again for the next trace.
//
//   (low, high) ─ open addressing, linear probing ─▶ number
//
// Ids are told apart by all their bits. Cost: about 20 ns an id.

const FIRST_SLOTS = 128;

export class SpanTable {
  #count = 0;
  #mask = FIRST_SLOTS - 1;
  /** Three words a slot: low, high, number + 1; 0: free. */
  #slots = new Uint32Array(3 * FIRST_SLOTS);

  /** Forgets all; keeps the room, unless it was for many more. */
  reset(): void {
    if (this.#count === 0) return;
    if (this.#mask >= 16 * FIRST_SLOTS && this.#count * 16 < this.#mask) {
      this.#slots = new Uint32Array(3 * FIRST_SLOTS);
      this.#mask = FIRST_SLOTS - 1;
    } else {
      this.#slots.fill(0);
    }
    this.#count = 0;
  }

  /** @returns the number that the id had before, which it keeps, or -1. */
  add(low: number, high: number, number: number): number {
    if (2 * this.#count >= this.#mask) this.#grow();
    const at = this.#find(low, high);
    const known = this.#slots[at + 2]! - 1;
    if (known >= 0) return known;
    this.#slots[at] = low;
    this.#slots[at + 1] = high;
    this.#slots[at + 2] = number + 1;
    this.#count++;
    return -1;
  }

  /** The number of the id, or -1. */
  find(low: number, high: number): number {
    return this.#slots[this.#find(low, high) + 2]! - 1;
  }

  #find(low: number, high: number): number {
    const hash = Math.imul(low ^ Math.imul(high ^ (high >>> 15), 0x85ebca6b), 0x9e3779b1);
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    for (;;) {
      const at = 3 * slot;
      const isHere = this.#slots[at] === low && this.#slots[at + 1] === high;
      if (isHere || this.#slots[at + 2] === 0) return at;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#mask = 2 * this.#mask + 1;
    this.#slots = new Uint32Array(2 * before.length);
    for (let at = 0; at < before.length; at += 3) {
      if (before[at + 2] === 0) continue;
      const to = this.#find(before[at]!, before[at + 1]!);
      this.#slots[to] = before[at]!;
      this.#slots[to + 1] = before[at + 1]!;
      this.#slots[to + 2] = before[at + 2]!;
    }
  }
}
