// Thrift compact protocol, written: datagrams for 6831.
//
// Source: the picture and the specification are in thrift-compact.ts; the contract in thrift-writer.ts.

import {
  BINARY,
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
} from "./thrift-reader.ts";
import {
  TEXT_TAG_BYTES_MAX,
  type ThriftWriter,
  WRITER_FIRST_BYTES,
  WRITER_KEPT_BYTES,
  copyBytes,
  copyText,
  growBytes,
} from "./thrift-writer.ts";

const TWO_32 = 0x1_0000_0000;
const PROTOCOL_ID = 0x82;
const VERSION = 1;
const TRUE = 1;
const FALSE = 2;
const VARINT64_BYTES_MAX = 10;
const VARINT32_BYTES_MAX = 5;
/** A list of so many elements or more says how many in a varint. */
const LONG_LIST = 15;
/** An id that is further from the last one than this is written out. */
const DELTA_MAX = 15;

/** The compact protocol's type numbers, by those of thrift-reader.ts. */
const TYPES = new Uint8Array(UUID + 1);
for (const [type, compactType] of [
  [BYTE, 3],
  [I16, 4],
  [I32, 5],
  [I64, 6],
  [DOUBLE, 7],
  [BINARY, 8],
  [LIST, 9],
  [SET, 10],
  [MAP, 11],
  [STRUCT, 12],
  [UUID, 13],
] as const) {
  TYPES[type] = compactType;
}

/** Of a text tag: its fields 1 (key, BINARY), 2 (type, I32) and 3 (text, BINARY). */
const TAG_KEY_HEAD = 0x18;
const TAG_TYPE_HEAD = 0x15;
const TAG_TEXT_HEAD = 0x18;

const encoder = new TextEncoder();

export class ThriftCompactWriter implements ThriftWriter {
  at = 0;
  #bytes: Uint8Array = new Uint8Array(WRITER_FIRST_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);
  /** What texts of tags were last copied from. */
  #source: Uint8Array = this.#bytes;
  #sourceView: DataView = this.#view;
  /** Id of the last field of the struct that is being written. */
  #lastId = 0;

  reset(): void {
    this.at = 0;
    this.#lastId = 0;
    if (this.#bytes.length > WRITER_KEPT_BYTES) this.#use(new Uint8Array(WRITER_FIRST_BYTES));
    // The last message's texts are not held any longer.
    this.#source = this.#bytes;
    this.#sourceView = this.#view;
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.at);
  }

  beginMessage(name: string, kind: number, sequence: number): void {
    this.#byte(PROTOCOL_ID);
    this.#byte((kind << 5) | VERSION);
    this.#varint(sequence >>> 0);
    const bytes = encoder.encode(name);
    this.writeBinary(bytes, 0, bytes.length);
  }

  beginStruct(): number {
    const outer = this.#lastId;
    this.#lastId = 0;
    return outer;
  }

  field(id: number, type: number): void {
    this.#head(id, TYPES[type]!);
  }

  /** The value lies in the head of the field. */
  boolField(id: number, value: boolean): void {
    this.#head(id, value ? TRUE : FALSE);
  }

  endStruct(outer: number): void {
    this.#byte(STOP);
    this.#lastId = outer;
  }

  beginList(type: number): number {
    this.#byte(TYPES[type]!);
    return this.at - 1;
  }

  /** A count that does not fit into the head moves the elements up. */
  endList(mark: number, count: number): void {
    const type = this.#bytes[mark]!;
    if (count < LONG_LIST) {
      this.#bytes[mark] = (count << 4) | type;
      return;
    }
    const more = varintBytes(count);
    this.#reserve(more);
    this.#bytes.copyWithin(mark + 1 + more, mark + 1, this.at);
    const end = this.at + more;
    this.#bytes[mark] = (LONG_LIST << 4) | type;
    this.at = mark + 1;
    this.#varint(count);
    this.at = end;
  }

  writeI32(value: number): void {
    this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  writeI64(low: number, high: number): void {
    const sign = high >> 31;
    let lowRest = ((low << 1) ^ sign) >>> 0;
    let highRest = (((high << 1) | (low >>> 31)) ^ sign) >>> 0;
    this.#reserve(VARINT64_BYTES_MAX);
    const bytes = this.#bytes;
    let { at } = this;
    while (highRest !== 0 || lowRest > 0x7f) {
      bytes[at++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    bytes[at++] = lowRest;
    this.at = at;
  }

  writeLong(value: number): void {
    this.writeI64(value, Math.floor(value / TWO_32));
  }

  copyI64(from: Uint8Array, at: number): void {
    const high = (from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!;
    const low =
      (from[at + 4]! << 24) | (from[at + 5]! << 16) | (from[at + 6]! << 8) | from[at + 7]!;
    this.writeI64(low, high);
  }

  writeDouble(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  writeBinary(bytes: Uint8Array, start: number, end: number): void {
    this.#varint(end - start);
    this.#reserve(end - start);
    copyBytes(this.#bytes, this.at, bytes, start, end);
    this.at += end - start;
  }

  writeTagHead(bytes: Uint8Array, keyStart: number, keyEnd: number, type: number): void {
    const keyBytes = keyEnd - keyStart;
    this.#reserve(TEXT_TAG_BYTES_MAX + keyBytes);
    const to = this.#bytes;
    const from = this.#viewOf(bytes);
    let { at } = this;
    to[at++] = TAG_KEY_HEAD;
    at = putVarint(to, at, keyBytes);
    copyText(this.#view, at, from, keyStart, keyEnd);
    at += keyBytes;
    to[at++] = TAG_TYPE_HEAD;
    to[at++] = type << 1;
    this.at = at;
    this.#lastId = 2;
  }

  writeTextTag(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    textStart: number,
    textEnd: number,
  ): void {
    const keyBytes = keyEnd - keyStart;
    const textBytes = textEnd - textStart;
    this.#reserve(TEXT_TAG_BYTES_MAX + keyBytes + textBytes);
    const to = this.#bytes;
    const from = this.#viewOf(bytes);
    let { at } = this;
    to[at++] = TAG_KEY_HEAD;
    at = putVarint(to, at, keyBytes);
    copyText(this.#view, at, from, keyStart, keyEnd);
    at += keyBytes;
    to[at++] = TAG_TYPE_HEAD;
    to[at++] = 0;
    to[at++] = TAG_TEXT_HEAD;
    at = putVarint(to, at, textBytes);
    copyText(this.#view, at, from, textStart, textEnd);
    at += textBytes;
    to[at++] = STOP;
    this.at = at;
  }

  /** Texts of one message come from one place. */
  #viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#source) {
      this.#source = bytes;
      this.#sourceView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#sourceView;
  }

  #head(id: number, compactType: number): void {
    const delta = id - this.#lastId;
    this.#lastId = id;
    if (delta > 0 && delta <= DELTA_MAX) {
      this.#byte((delta << 4) | compactType);
      return;
    }
    this.#byte(compactType);
    this.writeI32(id);
  }

  /** A uint32. */
  #varint(value: number): void {
    this.#reserve(VARINT32_BYTES_MAX);
    this.at = putVarint(this.#bytes, this.at, value);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.at++] = value;
  }

  #reserve(bytes: number): void {
    const end = this.at + bytes;
    if (end > this.#bytes.length) this.#use(growBytes(this.#bytes, end));
  }

  #use(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Writes a uint32 at `to[at..)`, where there is room. @returns where it ends. */
function putVarint(to: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 0x7f) {
    to[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  to[at] = rest;
  return at + 1;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}
