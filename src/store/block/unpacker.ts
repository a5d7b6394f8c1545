// Reads the contents of one page: see packer.ts for the bytes.
//
// Trust: the page's checksum was right, so a page that ends early or holds too much was written by
// something else than we think: `unavailable`, as damage. How many numbers a column has follows from the
// footer's figures, which are bounded there.

import { SpoorError } from "../../base/errors.ts";
import { makeLender, withLent } from "./lent-arrays.ts";
import { type Arrays, newArrays } from "./page-memory.ts";

const HALVES = makeLender((length) => new Uint32Array(length));

export class Unpacker {
  /** Makes what is read. */
  readonly arrays: Arrays;
  readonly #bytes: Uint8Array;
  #at: number;

  /** @param at where to begin. */
  constructor(bytes: Uint8Array, at = 0, arrays = newArrays) {
    this.arrays = arrays;
    // Never a Buffer: its slices would share the page's memory.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = at;
  }

  /** Where the next byte is. */
  get at(): number {
    return this.#at;
  }

  /** The whole page. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Passes over a column of `count` numbers. */
  skipColumn(count: number): void {
    const width = this.#width(count, 4);
    this.#at += width * count;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++]!;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (value > Number.MAX_SAFE_INTEGER) throw damaged("a number above 2^53", this.#at);
      if (byte < 0x80) return value;
    }
  }

  /** A varint that counts at most `max` things. */
  count(max: number): number {
    const value = this.varint();
    if (value > max) throw damaged(`a count of ${value}, more than ${max}`, this.#at);
    return value;
  }

  double(): number {
    return new Float64Array(new Uint8Array(this.raw(8)).buffer)[0]!;
  }

  /** A view of the next bytes, of memory that is used again: not to be kept. */
  raw(length: number): Uint8Array {
    this.#need(length);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  /** u32 numbers. */
  column(count: number): Uint32Array {
    const out = this.arrays.words(count);
    this.columnInto(out, 0, count);
    return out;
  }

  /** Numbers that fit 16 bits. */
  shorts(count: number): Uint16Array {
    const out = this.arrays.shorts(count);
    const width = this.#width(count, 2);
    const low = this.raw(Math.min(width, 1) * count);
    const high = this.raw(Math.max(width - 1, 0) * count);
    if (width === 1) out.set(low);
    if (width === 2) for (let i = 0; i < count; i++) out[i] = low[i]! | (high[i]! << 8);
    return out;
  }

  /** Numbers that fit 8 bits. */
  small(count: number): Uint8Array {
    const width = this.#width(count, 1);
    return width === 0 ? this.arrays.octets(count) : this.octets(count);
  }

  integers(count: number): Float64Array {
    const mode = this.byte();
    const out = this.arrays.doubles(count);
    if (mode === 1) {
      octetsOf(out).set(this.raw(8 * count));
      return out;
    }
    if (mode !== 0) throw damaged(`integers of kind ${mode}`, this.#at);
    withLent(HALVES, count, (half) => {
      this.columnInto(half, 0, count);
      for (let i = 0; i < count; i++) out[i] = half[i]!;
      half.fill(0, 0, count);
      this.columnInto(half, 0, count);
      for (let i = 0; i < count; i++) out[i]! += half[i]! * 0x1_0000_0000;
    });
    return out;
  }

  /** `ways` columns, put together row by row. */
  woven(count: number, ways: number): Uint32Array {
    const out = this.arrays.words(ways * count);
    for (let way = 0; way < ways; way++) {
      withLent(HALVES, count, (column) => {
        this.columnInto(column, 0, count);
        for (let i = 0; i < count; i++) out[ways * i + way] = column[i]!;
      });
    }
    return out;
  }

  /** Bytes, as they are. */
  octets(count: number): Uint8Array {
    const out = this.arrays.octets(count);
    out.set(this.raw(count));
    return out;
  }

  /** Numbers of four bytes, as they are. */
  words(count: number): Uint32Array {
    const out = this.arrays.words(count);
    octetsOf(out).set(this.raw(4 * count));
    return out;
  }

  /** @throws SpoorError if bytes are left. */
  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw damaged(`${this.#bytes.length - this.#at} bytes more than expected`, this.#at);
    }
  }

  /** As `column`, into `count` zeros that the caller has, from `to` on. */
  columnInto(out: Uint32Array, to: number, count: number): void {
    const width = this.#width(count, 4);
    const bytes = this.#bytes;
    const one = this.#at - to;
    this.#at += width * count;
    const two = one + count;
    const three = two + count;
    const four = three + count;
    const end = to + count;
    if (width === 1) {
      for (let i = to; i < end; i++) out[i] = bytes[one + i]!;
    } else if (width === 2) {
      for (let i = to; i < end; i++) out[i] = bytes[one + i]! | (bytes[two + i]! << 8);
    } else if (width > 2) {
      for (let i = to; i < end; i++) {
        const low = bytes[one + i]! | (bytes[two + i]! << 8) | (bytes[three + i]! << 16);
        out[i] = width === 3 ? low : low | (bytes[four + i]! << 24);
      }
    }
  }

  /** The width of the next column, whose bytes are all there. */
  #width(count: number, widthMax: number): number {
    const width = this.byte();
    if (width > widthMax) throw damaged(`a column of ${width} bytes, not ${widthMax}`, this.#at);
    this.#need(width * count);
    return width;
  }

  #need(length: number): void {
    if (length > this.#bytes.length - this.#at) {
      throw damaged(`the page ends after ${this.#bytes.length} bytes`, this.#at);
    }
  }
}

function octetsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** What is read is not what was written. */
export function damaged(found: string, at: number): SpoorError {
  return new SpoorError("unavailable", `damaged block: ${found}`, { at });
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
