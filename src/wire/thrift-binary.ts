// Thrift binary protocol: what Jaeger clients POST to 14268 and send to UDP port 6832.
//
//   struct = field* STOP(0x00)          field = type u8 · id i16 · value
//   bool, byte = 1 byte                 i16, i32, i64, double = 2, 4, 8, 8 bytes big endian
//   string = length i32 · bytes         uuid = 16 bytes
//   list, set = type u8 · count i32 · values
//   map = key type u8 · value type u8 · count i32 · (key value)*
//
// Source: apache/thrift doc/specs/thrift-binary-protocol.md; another writer's bytes: test/golden.
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

/** Fewest bytes a value takes, by type; 0: no such type. Bounds how many a payload can hold. */
const VALUE_BYTES_MIN = new Uint8Array(256);
VALUE_BYTES_MIN[BOOL] = 1;
VALUE_BYTES_MIN[BYTE] = 1;
VALUE_BYTES_MIN[DOUBLE] = 8;
VALUE_BYTES_MIN[I16] = 2;
VALUE_BYTES_MIN[I32] = 4;
VALUE_BYTES_MIN[I64] = 8;
VALUE_BYTES_MIN[BINARY] = 4;
VALUE_BYTES_MIN[STRUCT] = 1;
VALUE_BYTES_MIN[MAP] = 6;
VALUE_BYTES_MIN[SET] = 5;
VALUE_BYTES_MIN[LIST] = 5;
VALUE_BYTES_MIN[UUID] = 16;

/** Headers of the fields of a tag: type, id. Its type's values: 0 string, 2 bool, 3 long. */
const TAG_KEY = (BINARY << 16) | 1;
const TAG_TYPE = (I32 << 16) | 2;
const TAG_STRING = (BINARY << 16) | 3;
const TAG_BOOL = (BOOL << 16) | 5;
const TAG_LONG = (I64 << 16) | 6;
/** Of a tag with an empty key and a bool: 7 + 7 + 4 + 1. */
const TAG_BYTES_MIN = 19;

export class ThriftBinaryReader {
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

  constructor(payload: Uint8Array, at: number) {
    // A plain view, even of a Node Buffer: one shape for all code that reads through it.
    this.bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    this.at = at;
  }

  beginStruct(): number {
    return 0;
  }

  nextField(): number {
    const { bytes, at } = this;
    if (at >= bytes.length) this.#refuseEnd(at, 1);
    const type = bytes[at]!;
    if (type === STOP) {
      this.at = at + 1;
      return STOP;
    }
    if (at + 3 > bytes.length) this.#refuseEnd(at, 3);
    if (VALUE_BYTES_MIN[type] === 0) refuseThrift(bytes, at, `field type ${type} is unknown`);
    this.at = at + 3;
    return (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | type;
  }

  endStruct(_outer: number): void {}

  readBool(): boolean {
    return this.readByte() !== 0;
  }

  readByte(): number {
    const at = this.at;
    this.step(1);
    return this.bytes[at]!;
  }

  readI16(): number {
    const at = this.at;
    this.step(2);
    return this.#view.getInt16(at);
  }

  readI32(): number {
    const at = this.at;
    this.step(4);
    return this.#view.getInt32(at);
  }

  readI64(): void {
    const at = this.at;
    this.step(8);
    this.high = this.#view.getInt32(at);
    this.low = this.#view.getInt32(at + 4);
  }

  readLong(): number {
    const at = this.at;
    this.step(8);
    return this.#view.getInt32(at) * TWO_32 + this.#view.getUint32(at + 4);
  }

  copyI64(to: Uint8Array, at: number): void {
    const { bytes, at: from } = this;
    this.step(8);
    for (let i = 0; i < 8; i++) to[at + i] = bytes[from + i]!;
  }

  readDouble(): number {
    const at = this.at;
    this.step(8);
    return this.#view.getFloat64(at);
  }

  readBinary(): void {
    const length = this.readI32();
    const start = this.at;
    if (length < 0 || length > this.bytes.length - start) this.#refuseLength(start - 4, length);
    this.start = start;
    this.end = start + length;
    this.at = start + length;
  }

  passUsualTag(): boolean {
    const { bytes, at } = this;
    const view = this.#view;
    // Header and length of the key, header and value of the type, header of the value, stop.
    if (at + TAG_BYTES_MIN > bytes.length || view.getInt32(at) >>> 8 !== TAG_KEY) return false;
    const keyStart = at + 7;
    const length = view.getInt32(at + 3);
    if (length < 0 || length > bytes.length - at - TAG_BYTES_MIN) return false;
    const keyEnd = keyStart + length;
    if (view.getInt32(keyEnd) >>> 8 !== TAG_TYPE) return false;
    const type = view.getInt32(keyEnd + 3);
    const header = view.getInt32(keyEnd + 6) & 0xff_ffff;
    const value = keyEnd + 10;
    let end: number;
    if (type === 0 && header === TAG_STRING) {
      if (value + 4 >= bytes.length) return false;
      const bytesLong = view.getInt32(value);
      if (bytesLong < 0 || bytesLong >= bytes.length - value - 4) return false;
      this.start = value + 4;
      end = this.end = value + 4 + bytesLong;
    } else if (type === 3 && header === TAG_LONG) {
      if (value + 8 >= bytes.length) return false;
      this.high = view.getInt32(value);
      this.low = view.getInt32(value + 4);
      end = value + 8;
    } else if (type === 2 && header === TAG_BOOL) {
      this.low = bytes[value] === 0 ? 0 : 1;
      end = value + 1;
    } else return false;
    if (bytes[end] !== STOP) return false;
    this.tagType = type;
    this.keyStart = keyStart;
    this.keyEnd = keyEnd;
    this.at = end + 1;
    return true;
  }

  readList(): number {
    this.elementType = this.readByte();
    return this.#readCount(VALUE_BYTES_MIN[this.elementType]!);
  }

  readMap(): number {
    this.keyType = this.readByte();
    this.elementType = this.readByte();
    const keyBytes = VALUE_BYTES_MIN[this.keyType]!;
    const valueBytes = VALUE_BYTES_MIN[this.elementType]!;
    return this.#readCount(keyBytes === 0 || valueBytes === 0 ? 0 : keyBytes + valueBytes);
  }

  step(bytes: number): void {
    const at = this.at;
    if (at + bytes > this.bytes.length) this.#refuseEnd(at, bytes);
    this.at = at + bytes;
  }

  /** The count of elements that take at least `bytesMin` each; 0: their type is unknown. */
  #readCount(bytesMin: number): number {
    const offset = this.at;
    const count = this.readI32();
    // An empty list may have any element type: some writers put 0 there.
    if (count === 0) return 0;
    if (bytesMin === 0) {
      refuseThrift(this.bytes, offset, "element type is unknown");
    }
    const left = this.bytes.length - this.at;
    if (count < 0 || count > left / bytesMin) {
      refuseThrift(this.bytes, offset, `${count} elements, but ${left} bytes remain`);
    }
    return count;
  }

  #refuseEnd(offset: number, expected: number): never {
    const left = this.bytes.length - offset;
    refuseThrift(this.bytes, offset, `payload ends: ${left} bytes, expected ${expected}`);
  }

  #refuseLength(offset: number, length: number): never {
    const left = this.bytes.length - offset - 4;
    refuseThrift(this.bytes, offset, `string of ${length} bytes, but ${left} remain`);
  }
}
