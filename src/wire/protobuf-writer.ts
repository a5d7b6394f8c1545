// Protocol Buffers' wire format, written with a cursor into one buffer that grows.
//
//   const mark = writer.open(tag);          the tag and one byte for the length
//   writer.writeVarint(…) …                 fields of the nested message
//   writer.close(mark);                     the length; content of 128 bytes or more moves up
//
// Source: protobuf.dev/programming-guides/encoding (picture: protobuf-reader.ts).
// Not here: which fields with a default value are left out; that is up to the caller.

const FIRST_BYTES = 1 << 12;
/** More than nearly every message needs. */
const KEPT_BYTES = 1 << 22;
/** Longer fields are copied by the engine's own memcpy; below it a loop is cheaper. */
const LOOP_COPY_BYTES = 48;
const TWO_32 = 0x1_0000_0000;

const encoder = new TextEncoder();

export class ProtobufWriter {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  view: DataView = new DataView(this.bytes.buffer);
  /** Bytes written. */
  at = 0;

  /** Forgets what was written and keeps the memory, but for that of a huge message. */
  reset(): void {
    this.at = 0;
    if (this.bytes.length <= KEPT_BYTES) return;
    this.bytes = new Uint8Array(FIRST_BYTES);
    this.view = new DataView(this.bytes.buffer);
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }

  /** A tag (see `fieldTag`), a uint32, an enum: any integer of `[0, 2^53]`. */
  writeVarint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7f_ffff_ff) {
      this.bytes[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.at++] = rest;
  }

  /** A uint64 or int64 by its halves. */
  writeVarint64(low: number, high: number): void {
    this.#reserve(10);
    let lowRest = low >>> 0;
    let highRest = high >>> 0;
    while (highRest !== 0 || lowRest > 0x7f) {
      this.bytes[this.at++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.bytes[this.at++] = lowRest;
  }

  /** An int64 that a number holds; beyond ±2^53 whatever integer it is rounded to. */
  writeInt64(value: number): void {
    this.writeVarint64(value >>> 0, Math.floor(value / TWO_32) >>> 0);
  }

  writeFixed64(low: number, high: number): void {
    this.#reserve(8);
    this.view.setUint32(this.at, low, true);
    this.view.setUint32(this.at + 4, high, true);
    this.at += 8;
  }

  writeFixed32(value: number): void {
    this.#reserve(4);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  writeDouble(value: number): void {
    this.#reserve(8);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** A whole field: tag, length and `bytes[start..end)`. */
  writeBytes(tag: number, bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.writeVarint(tag);
    this.writeVarint(end - start);
    this.#reserve(end - start);
    const out = this.bytes;
    let at = this.at;
    if (end - start > LOOP_COPY_BYTES) {
      out.set(bytes.subarray(start, end), at);
      at += end - start;
    } else {
      for (let from = start; from < end; from++) out[at++] = bytes[from]!;
    }
    this.at = at;
  }

  /** A whole field: tag, length and UTF-8. */
  writeText(tag: number, text: string): void {
    this.writeBytes(tag, encoder.encode(text));
  }

  /** Begins a nested message. @returns what `close` needs. */
  open(tag: number): number {
    this.writeVarint(tag);
    this.#reserve(1);
    return this.at++;
  }

  close(mark: number): void {
    const start = mark + 1;
    const length = this.at - start;
    if (length > 0x7f) {
      const more = length < 1 << 14 ? 1 : length < 1 << 21 ? 2 : length < 1 << 28 ? 3 : 4;
      this.#reserve(more);
      this.bytes.copyWithin(start + more, start, this.at);
    }
    const end = this.at;
    this.at = mark;
    this.writeVarint(length);
    this.at += end - start;
  }

  #reserve(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + bytes));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}
