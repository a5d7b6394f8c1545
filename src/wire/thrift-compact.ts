// Thrift compact protocol: the bytes that Jaeger clients send to UDP port 6831.
//
//   struct   = field* STOP(0x00)
//   field    = (idDelta << 4 | type) u8, or type u8 + zigzag id varint when idDelta is 0 or > 15
//   bool     = the field's type (1 true, 2 false); in a list a byte of the same values
//   i16..i64 = zigzag varint          double = 8 bytes little-endian       uuid = 16 bytes
//   string   = varint length · bytes
//   list     = (count << 4 | element type) u8, or 0xF0 | element type + varint count when >= 15
//   map      = varint count · (key type << 4 | value type) u8 · (key value)*; only 0x00 when empty
//
// Source: apache/thrift doc/specs/thrift-compact-protocol.md; another writer's bytes: test/golden.
// Trust and the cursor's contract: thrift-reader.ts.
// Not here: what the fields mean (jaeger-thrift.ts), message envelopes (thrift-message.ts).

import {
  BINARY,
  BOOL,
  BYTE,
  DOUBLE,
  I16,
  I32,
  I64,
  LIST,
  MAP,
  SET,
  STOP,
  STRUCT,
  UUID,
  refuseThrift,
} from "./thrift-reader.ts";

const TWO_32 = 0x1_0000_0000;
const VARINT_BYTES_MAX = 10;

const TRUE = 1;
/** The compact protocol's type numbers, as those of thrift-reader.ts; 0: no such type. */
const TYPES = Uint8Array.of(
  STOP,
  BOOL,
  BOOL,
  BYTE,
  I16,
  I32,
  I64,
  DOUBLE,
  BINARY,
  LIST,
  SET,
  MAP,
  STRUCT,
  UUID,
  0,
  0,
);

/** Headers of the fields of a tag: id minus the one before, type. */
const TAG_KEY = 0x18;
const TAG_TYPE = 0x15;
const TAG_STRING = 0x18;
const TAG_TRUE = 0x31;
const TAG_FALSE = 0x32;
const TAG_LONG = 0x46;
/** Of a tag with an empty key and a bool. */
const TAG_BYTES_MIN = 6;
/** Of lengths that are one byte. */
const TAG_LENGTH_MAX = 0x7f;

export class ThriftCompactReader {
  readonly bytes: Uint8Array;
  at: number;
  low = 0;
  high = 0;
  start = 0;
  end = 0;
  elementType = 0;
  keyType = 0;
  tagType = 0;
  keyStart = 0;
  keyEnd = 0;
  readonly #view: DataView;
  /** Id of the last field of the struct that the cursor is in. */
  #lastId = 0;
  /** The value of a bool field, which lies in its header; -1: it is the next byte. */
  #bool = -1;

  constructor(payload: Uint8Array, at: number) {
    // A plain view, even of a Node Buffer: one shape for all code that reads through it.
    this.bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    this.at = at;
  }

  beginStruct(): number {
    const outer = this.#lastId;
    this.#lastId = 0;
    return outer;
  }

  nextField(): number {
    const { bytes, at } = this;
    if (at >= bytes.length) this.#refuseEnd(at, 1);
    const head = bytes[at]!;
    this.at = at + 1;
    if (head === 0) return STOP;
    const compactType = head & 0x0f;
    const type = TYPES[compactType]!;
    if (type === 0) refuseThrift(bytes, at, `field type ${compactType} is unknown`);
    const delta = head >> 4;
    // Ids are 16 bits wide; without the wrap an endless struct could reach a known one again.
    const id = delta === 0 ? this.readI16() : ((this.#lastId + delta) << 16) >> 16;
    this.#lastId = id;
    this.#bool = type === BOOL ? compactType : -1;
    return (id << 8) | type;
  }

  endStruct(outer: number): void {
    this.#lastId = outer;
  }

  readBool(): boolean {
    const value = this.#bool;
    if (value === -1) return this.readByte() === TRUE;
    this.#bool = -1;
    return value === TRUE;
  }

  readByte(): number {
    const at = this.at;
    this.step(1);
    return this.bytes[at]!;
  }

  readI16(): number {
    return (this.readI32() << 16) >> 16;
  }

  readI32(): number {
    const raw = this.readVarint32();
    return (raw >>> 1) ^ -(raw & 1);
  }

  readI64(): void {
    this.#readVarint64();
    const { low, high } = this;
    const sign = -(low & 1);
    this.low = ((low >>> 1) | (high << 31)) ^ sign;
    this.high = (high >>> 1) ^ sign;
  }

  readLong(): number {
    this.readI64();
    return this.high * TWO_32 + (this.low >>> 0);
  }

  copyI64(to: Uint8Array, at: number): void {
    this.readI64();
    const { low, high } = this;
    to[at] = high >>> 24;
    to[at + 1] = high >>> 16;
    to[at + 2] = high >>> 8;
    to[at + 3] = high;
    to[at + 4] = low >>> 24;
    to[at + 5] = low >>> 16;
    to[at + 6] = low >>> 8;
    to[at + 7] = low;
  }

  readDouble(): number {
    const at = this.at;
    this.step(8);
    return this.#view.getFloat64(at, true);
  }

  readBinary(): void {
    const offset = this.at;
    const length = this.readVarint32();
    const start = this.at;
    if (length < 0 || length > this.bytes.length - start) this.#refuseLength(offset, length);
    this.start = start;
    this.end = start + length;
    this.at = start + length;
  }

  passUsualTag(): boolean {
    const { bytes, at } = this;
    // One byte each: header and length of the key, header and value of the type, header of the value, stop.
    if (at + TAG_BYTES_MIN > bytes.length || bytes[at] !== TAG_KEY) return false;
    const length = bytes[at + 1]!;
    const keyEnd = at + 2 + length;
    if (length > TAG_LENGTH_MAX || keyEnd + 4 > bytes.length) return false;
    if (bytes[keyEnd] !== TAG_TYPE) return false;
    // Zigzag: twice the number.
    const type = bytes[keyEnd + 1]! / 2;
    const header = bytes[keyEnd + 2]!;
    if (type === 0 && header === TAG_STRING) {
      const start = keyEnd + 4;
      const end = start + bytes[keyEnd + 3]!;
      if (end - start > TAG_LENGTH_MAX || end >= bytes.length || bytes[end] !== 0) return false;
      this.start = start;
      this.end = end;
      this.at = end + 1;
    } else if (type === 2 && (header === TAG_TRUE || header === TAG_FALSE)) {
      if (bytes[keyEnd + 3] !== 0) return false;
      this.low = header === TAG_TRUE ? 1 : 0;
      this.at = keyEnd + 4;
    } else if (type === 3 && header === TAG_LONG) {
      const value = bytes[keyEnd + 3]!;
      // Larger ones are rarer: status codes take two bytes.
      const more = bytes[keyEnd + 4]!;
      const isShort = value < 0x80;
      if (!(isShort || more < 0x80) || bytes[keyEnd + (isShort ? 4 : 5)] !== 0) return false;
      const raw = isShort ? value : (value & 0x7f) | (more << 7);
      this.low = (raw >>> 1) ^ -(raw & 1);
      this.high = -(raw & 1);
      this.at = keyEnd + (isShort ? 5 : 6);
    } else return false;
    this.tagType = type;
    this.keyStart = at + 2;
    this.keyEnd = keyEnd;
    return true;
  }

  readList(): number {
    const offset = this.at;
    const head = this.readByte();
    this.elementType = TYPES[head & 0x0f]!;
    const short = head >> 4;
    return this.#checkCount(offset, short < 15 ? short : this.readVarint32(), 1);
  }

  readMap(): number {
    const offset = this.at;
    const count = this.readVarint32();
    if (count === 0) return 0;
    const types = this.readByte();
    this.keyType = TYPES[types >> 4]!;
    this.elementType = this.keyType === 0 ? 0 : TYPES[types & 0x0f]!;
    return this.#checkCount(offset, count, 2);
  }

  step(bytes: number): void {
    const at = this.at;
    if (at + bytes > this.bytes.length) this.#refuseEnd(at, bytes);
    this.at = at + bytes;
  }

  /** `count` if so many elements of at least `bytesMin` bytes can follow. */
  #checkCount(offset: number, count: number, bytesMin: number): number {
    if (count === 0) return 0;
    if (this.elementType === 0) refuseThrift(this.bytes, offset, "element type is unknown");
    const left = this.bytes.length - this.at;
    if (count < 0 || count > left / bytesMin) {
      refuseThrift(this.bytes, offset, `${count >>> 0} elements, but ${left} bytes remain`);
    }
    return count;
  }

  /** The low 32 bits of a varint: wider ones occur where a writer sign-extended an int32. */
  readVarint32(): number {
    const { bytes, at } = this;
    const first = bytes[at];
    if (first !== undefined && first < 0x80) {
      this.at = at + 1;
      return first;
    }
    this.#readVarint64();
    return this.low;
  }

  /** A varint as it is, not yet zigzag-decoded, in `low` and `high`. */
  #readVarint64(): void {
    const bytes = this.bytes;
    const offset = this.at;
    let at = offset;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= bytes.length) this.#refuseEnd(offset, at - offset + 1);
      const byte = bytes[at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) break;
      if (at - offset === VARINT_BYTES_MAX) {
        refuseThrift(bytes, offset, `varint longer than ${VARINT_BYTES_MAX} bytes`);
      }
    }
    this.at = at;
    this.low = low;
    this.high = high;
  }

  #refuseEnd(offset: number, expected: number): never {
    const left = this.bytes.length - offset;
    refuseThrift(this.bytes, offset, `payload ends: ${left} bytes, expected ${expected}`);
  }

  #refuseLength(offset: number, length: number): never {
    const left = this.bytes.length - this.at;
    refuseThrift(this.bytes, offset, `string of ${length >>> 0} bytes, but ${left} remain`);
  }
}
