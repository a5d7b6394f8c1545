// Writes the contents of one page: varints, columns of numbers, bytes.
//
//   varint    7 bits a byte, lowest first, up to 2^53 - 1
//   column    width u8 (0..4), then `width` planes of `count` bytes: all lowest bytes, then all second
//             ones, …; width 0: every number is 0
//   integers  0, column of low words, column of high words      if all are integers in [0, 2^53)
//             1, 8 bytes each, IEEE 754 little-endian           otherwise
//
// Planes, because the high bytes of small numbers are nearly all alike and vanish in the compression.
//
// Source: docs/formats/segment.md. Not here: reading it (unpacker.ts), compression (page-codec.ts).

const FIRST_BYTES = 1 << 16;
/** Longer texts are copied by the engine; below it a loop is cheaper. */
const LOOP_COPY_BYTES = 256;

export class Packer {
  length = 0;
  #bytes = new Uint8Array(FIRST_BYTES);
  #low = new Uint32Array(1 << 12);
  #high = new Uint32Array(1 << 12);

  /** What was written so far, a view until the next call. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  reset(): void {
    this.length = 0;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
  }

  double(value: number): void {
    this.raw(new Uint8Array(new Float64Array([value]).buffer));
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** The bytes of some entries of a dictionary, `total` in all: no view an entry. */
  copies(arena: Uint8Array, ends: Uint32Array, entries: Uint32Array, total: number): void {
    this.#reserve(total);
    const bytes = this.#bytes;
    const from = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
    const to = new DataView(bytes.buffer);
    let at = this.length;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      const end = ends[entry]!;
      let own = ends[entry - 1]!;
      if (end - own > LOOP_COPY_BYTES) {
        bytes.set(arena.subarray(own, end), at);
        at += end - own;
        continue;
      }
      for (; own + 4 <= end; own += 4, at += 4) to.setInt32(at, from.getInt32(own, true), true);
      for (; own < end; own++) bytes[at++] = arena[own]!;
    }
    this.length = at;
  }

  /** `count` of `values`, from `from` on. */
  column(values: Uint32Array, count: number, from = 0): void {
    const end = from + count;
    let all = 0;
    for (let i = from; i < end; i++) all |= values[i]!;
    const width = all === 0 ? 0 : 4 - (Math.clz32(all) >>> 3);
    this.#reserve(1 + width * count);
    const bytes = this.#bytes;
    let at = this.length;
    bytes[at++] = width;
    for (let shift = 0; shift < 8 * width; shift += 8) {
      for (let i = from; i < end; i++) bytes[at++] = values[i]! >>> shift;
    }
    this.length = at;
  }

  /** As `column`, for a few numbers of any kind; each below 2^32. */
  columnOf(values: ArrayLike<number>): void {
    this.column(Uint32Array.from(values), values.length);
  }

  /** The first `count` of any doubles; cheap if they are integers from 0 on. */
  integers(values: Float64Array, count: number): void {
    if (this.#low.length < count) {
      this.#low = new Uint32Array(count);
      this.#high = new Uint32Array(count);
    }
    for (let i = 0; i < count; i++) {
      const value = values[i]!;
      const low = value >>> 0;
      const high = (value - low) / 0x1_0000_0000;
      // A fraction may be too small to show in `high`.
      if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER) || Math.floor(value) !== value) {
        this.byte(1);
        this.raw(new Uint8Array(values.buffer, values.byteOffset, 8 * count));
        return;
      }
      this.#low[i] = low;
      this.#high[i] = high;
    }
    this.byte(0);
    this.column(this.#low, count);
    this.column(this.#high, count);
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + more));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}

/** A signed integer as one from 0 on: 0, -1, 1, -2, … */
export function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1;
}
