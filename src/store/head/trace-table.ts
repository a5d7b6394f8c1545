// Which traces are held, in the order in which their first span came.
//
//   ordinals   … oldest │ held, with gaps │ next …      u32, wraps around
//   slot       = ordinal & (slots - 1), a ring that doubles when it is full
//   columns    id (4 words), lastRow (newest row of the trace, see block.ts), rows
//   chains     bucket -> ordinal + 1 -> … by a hash of the id
//
// A trace that is removed from the middle leaves a gap, which goes when it is the oldest: so whether a row
// is still held is a comparison of ordinals, and eviction marks nothing. Rows that are dead although
// their neighbours live carry the ordinal NONE, which no trace ever has.

const FIRST_SLOTS = 1 << 10;
/** No row, no trace. */
export const NONE = 0xffffffff;
/** In `#chain`: no trace has this slot. */
const GAP = 0xffffffff;
/** Bits of a row's name below the number of its block. */
const ROW_BITS = 16;

export class TraceTable {
  /** Ordinal of the oldest trace held. */
  oldest = 0;
  /** Ordinals from the oldest to the newest, gaps included. */
  count = 0;
  /** Newest row of the trace in slot s; rows of it hang together by `Block.previous`. */
  lastRow: Uint32Array = new Uint32Array(FIRST_SLOTS);
  /** Number of rows of the trace in slot s. */
  rows: Uint32Array = new Uint32Array(FIRST_SLOTS);
  #gaps = 0;
  #id = new Uint32Array(FIRST_SLOTS * 4);
  /** Buckets and chains hold slot + 1, 0 ends. */
  #bucket = new Uint32Array(FIRST_SLOTS);
  #chain = new Uint32Array(FIRST_SLOTS);
  #mask = FIRST_SLOTS - 1;

  /** Traces held. */
  get held(): number {
    return this.count - this.#gaps;
  }

  /** Ordinal of the trace that is added next, unless that is NONE. */
  get next(): number {
    return (this.oldest + this.count) >>> 0;
  }

  /** True for the ordinal of a row that lives. Gaps are not looked at: no row has their ordinal. */
  isHeld(ordinal: number): boolean {
    return (ordinal - this.oldest) >>> 0 < this.count && ordinal !== NONE;
  }

  /** True if a trace has this ordinal: for who kept it while traces came and went. */
  has(ordinal: number): boolean {
    return this.isHeld(ordinal) && this.#chain[ordinal & this.#mask] !== GAP;
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
    if (this.next === NONE) {
      const slot = this.#open();
      this.#chain[slot] = GAP;
      this.#gaps++;
      this.#dropOldestGaps();
    }
    const ordinal = this.next;
    const slot = this.#open();
    this.#id[4 * slot] = a;
    this.#id[4 * slot + 1] = b;
    this.#id[4 * slot + 2] = c;
    this.#id[4 * slot + 3] = d;
    const bucket = hashId(a, b, c, d) & this.#mask;
    this.#chain[slot] = this.#bucket[bucket]!;
    this.#bucket[bucket] = slot + 1;
    return ordinal;
  }

  /** Forgets the oldest trace. */
  removeOldest(): void {
    this.remove(this.oldest);
  }

  /** Forgets a trace; its ordinal is not given to another one before it was the oldest. */
  remove(ordinal: number): void {
    const slot = ordinal & this.#mask;
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
    this.#chain[slot] = GAP;
    this.lastRow[slot] = NONE;
    this.rows[slot] = 0;
    this.#gaps++;
    if (ordinal === this.oldest) this.#dropOldestGaps();
  }

  /** The oldest trace becomes the newest. @returns its new ordinal; its rows have to be told. */
  renumberOldest(): number {
    const slot = this.oldest & this.#mask;
    const [a, b, c, d] = this.#id.subarray(4 * slot, 4 * slot + 4);
    const lastRow = this.lastRow[slot]!;
    const rows = this.rows[slot]!;
    this.removeOldest();
    const ordinal = this.add(a!, b!, c!, d!);
    const to = ordinal & this.#mask;
    this.lastRow[to] = lastRow;
    this.rows[to] = rows;
    return ordinal;
  }

  /**
   * The rows of a block go: traces whose newest row lies in it are removed, the others have fewer rows.
   *
   * @param trace ordinals of the block's rows, @param block its number.
   */
  leaveBlock(trace: Uint32Array, block: number): void {
    for (let row = 0; row < trace.length; row++) {
      const ordinal = trace[row]!;
      if (!this.isHeld(ordinal)) continue;
      const slot = ordinal & this.#mask;
      if (this.lastRow[slot]! >>> ROW_BITS === block) this.remove(ordinal);
      else if (this.rows[slot]! > 0) this.rows[slot]!--;
    }
  }

  /** Gives the ordinals of gaps at the new end out again: nobody may have kept one. */
  dropNewestGaps(): void {
    while (this.count > 0 && this.#chain[(this.next - 1) & this.#mask] === GAP) {
      this.count--;
      this.#gaps--;
    }
  }

  /** The 16 bytes of a held trace's id, a view that is valid until the table changes. */
  id(ordinal: number): Uint8Array {
    return new Uint8Array(this.#id.buffer, 16 * (ordinal & this.#mask), 16);
  }

  memoryBytes(): number {
    return (this.#mask + 1) * 32;
  }

  #dropOldestGaps(): void {
    while (this.count > 0 && this.#chain[this.oldest & this.#mask] === GAP) {
      this.oldest = (this.oldest + 1) >>> 0;
      this.count--;
      this.#gaps--;
    }
  }

  /** Takes the next ordinal. @returns its slot. */
  #open(): number {
    if (this.count > this.#mask) this.#grow();
    const slot = this.next & this.#mask;
    this.count++;
    this.lastRow[slot] = NONE;
    this.rows[slot] = 0;
    return slot;
  }

  #grow(): void {
    const slots = (this.#mask + 1) * 2;
    const before = this.#mask;
    const wasChain = this.#chain;
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
      if (wasChain[from] === GAP) {
        this.#chain[to] = GAP;
        lastRow[to] = NONE;
        continue;
      }
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
