// Which traces are held, in the order in which their first span came.
//
//   ordinals   … oldest │ held, one after the other │ next …      u32, wraps around
//   slot       = ordinal & (slots - 1), a ring that doubles when it is full
//   columns    id (4 words), lastRow (newest row of the trace, see block.ts), rows
//   chains     bucket -> ordinal + 1 -> … by a hash of the id
//
// Only the oldest trace is ever removed, so whether a row is still held is a comparison of ordinals and
// eviction marks nothing.

const FIRST_SLOTS = 1 << 10;
/** No row, no trace. */
export const NONE = 0xffffffff;

export class TraceTable {
  /** Ordinal of the oldest trace held; `(ordinal - oldest) >>> 0 < count` means held. */
  oldest = 0;
  count = 0;
  /** Newest row of the trace in slot s; rows of it hang together by `Block.previous`. */
  lastRow: Uint32Array = new Uint32Array(FIRST_SLOTS);
  /** Number of rows of the trace in slot s. */
  rows: Uint32Array = new Uint32Array(FIRST_SLOTS);
  #id = new Uint32Array(FIRST_SLOTS * 4);
  /** Buckets and chains hold slot + 1, 0 ends. */
  #bucket = new Uint32Array(FIRST_SLOTS);
  #chain = new Uint32Array(FIRST_SLOTS);
  #mask = FIRST_SLOTS - 1;

  isHeld(ordinal: number): boolean {
    return (ordinal - this.oldest) >>> 0 < this.count;
  }

  slot(ordinal: number): number {
    return ordinal & this.#mask;
  }

  /** The ordinal of the trace with the id of four words, or NONE. */
  find(a: number, b: number, c: number, d: number): number {
    const id = this.#id;
    let link = this.#bucket[hashId(a, b, c, d) & this.#mask]!;
    while (link !== 0) {
      const slot = link - 1;
      const at = 4 * slot;
      if (id[at] === a && id[at + 1] === b && id[at + 2] === c && id[at + 3] === d) {
        return (this.oldest + ((slot - this.oldest) & this.#mask)) >>> 0;
      }
      link = this.#chain[slot]!;
    }
    return NONE;
  }

  /** Adds a trace that `find` did not find. @returns its ordinal. */
  add(a: number, b: number, c: number, d: number): number {
    if (this.count > this.#mask) this.#grow();
    const ordinal = (this.oldest + this.count) >>> 0;
    this.count++;
    const slot = ordinal & this.#mask;
    this.#id[4 * slot] = a;
    this.#id[4 * slot + 1] = b;
    this.#id[4 * slot + 2] = c;
    this.#id[4 * slot + 3] = d;
    this.lastRow[slot] = NONE;
    this.rows[slot] = 0;
    const bucket = hashId(a, b, c, d) & this.#mask;
    this.#chain[slot] = this.#bucket[bucket]!;
    this.#bucket[bucket] = slot + 1;
    return ordinal;
  }

  /** Forgets the oldest trace. */
  removeOldest(): void {
    const slot = this.oldest & this.#mask;
    const at = 4 * slot;
    const id = this.#id;
    const bucket = hashId(id[at]!, id[at + 1]!, id[at + 2]!, id[at + 3]!) & this.#mask;
    let link = this.#bucket[bucket]!;
    if (link === slot + 1) {
      this.#bucket[bucket] = this.#chain[slot]!;
    } else {
      while (this.#chain[link - 1] !== slot + 1) link = this.#chain[link - 1]!;
      this.#chain[link - 1] = this.#chain[slot]!;
    }
    this.oldest = (this.oldest + 1) >>> 0;
    this.count--;
  }

  /** The 16 bytes of a held trace's id, a view that is valid until the table changes. */
  id(ordinal: number): Uint8Array {
    return new Uint8Array(this.#id.buffer, 16 * (ordinal & this.#mask), 16);
  }

  memoryBytes(): number {
    return (this.#mask + 1) * 32;
  }

  #grow(): void {
    const slots = (this.#mask + 1) * 2;
    const before = this.#mask;
    const id = new Uint32Array(slots * 4);
    const lastRow = new Uint32Array(slots);
    const rows = new Uint32Array(slots);
    this.#bucket = new Uint32Array(slots);
    this.#chain = new Uint32Array(slots);
    this.#mask = slots - 1;
    for (let k = 0; k < this.count; k++) {
      const ordinal = (this.oldest + k) >>> 0;
      const from = ordinal & before;
      const to = ordinal & this.#mask;
      id.set(this.#id.subarray(4 * from, 4 * from + 4), 4 * to);
      lastRow[to] = this.lastRow[from]!;
      rows[to] = this.rows[from]!;
      const at = 4 * to;
      const bucket = hashId(id[at]!, id[at + 1]!, id[at + 2]!, id[at + 3]!) & this.#mask;
      this.#chain[to] = this.#bucket[bucket]!;
      this.#bucket[bucket] = to + 1;
    }
    this.#id = id;
    this.lastRow = lastRow;
    this.rows = rows;
  }
}

/** Ids are random in practice; a sender that chooses them is spread by the process's own seed. */
const SEED = (Math.random() * 0x7fffffff) | 0;

function hashId(a: number, b: number, c: number, d: number): number {
  let hash = Math.imul(a ^ SEED, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ c, 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 13) ^ d, 0x297a2d39);
  return hash ^ (hash >>> 16);
}
