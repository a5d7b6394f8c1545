// Thrift binary protocol, written: bodies for 14268, arguments of TChannel calls, datagrams for 6832.
//
// Source: the picture and the specification are in thrift-binary.ts; the contract in thrift-writer.ts.

import { BINARY, BOOL, I32, STOP } from "./thrift-reader.ts";
import {
  TEXT_TAG_BYTES_MAX,
  type ThriftWriter,
  WRITER_FIRST_BYTES,
  WRITER_KEPT_BYTES,
  copyBytes,
  growBytes,
} from "./thrift-writer.ts";

const TWO_32 = 0x1_0000_0000;
const STRICT_VERSION = 0x8001_0000;

const encoder = new TextEncoder();

export class ThriftBinaryWriter implements ThriftWriter {
  at = 0;
  #bytes: Uint8Array = new Uint8Array(WRITER_FIRST_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);

  reset(): void {
    this.at = 0;
    if (this.#bytes.length > WRITER_KEPT_BYTES) this.#use(new Uint8Array(WRITER_FIRST_BYTES));
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.at);
  }

  beginMessage(name: string, kind: number, sequence: number): void {
    this.writeI32(STRICT_VERSION | kind);
    const bytes = encoder.encode(name);
    this.writeBinary(bytes, 0, bytes.length);
    this.writeI32(sequence);
  }

  beginStruct(): number {
    return 0;
  }

  field(id: number, type: number): void {
    this.#reserve(3);
    this.at = putHead(this.#bytes, this.at, type, id);
  }

  boolField(id: number, value: boolean): void {
    this.field(id, BOOL);
    this.#byte(value ? 1 : 0);
  }

  endStruct(_outer: number): void {
    this.#byte(STOP);
  }

  beginList(type: number): number {
    this.#byte(type);
    this.writeI32(0);
    return this.at - 4;
  }

  endList(mark: number, count: number): void {
    this.#view.setInt32(mark, count);
  }

  writeI32(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.at, value);
    this.at += 4;
  }

  writeI64(low: number, high: number): void {
    this.#reserve(8);
    this.#view.setInt32(this.at, high);
    this.#view.setInt32(this.at + 4, low);
    this.at += 8;
  }

  writeLong(value: number): void {
    this.writeI64(value, Math.floor(value / TWO_32));
  }

  copyI64(from: Uint8Array, at: number): void {
    this.#reserve(8);
    copyBytes(this.#bytes, this.at, from, at, at + 8);
    this.at += 8;
  }

  writeDouble(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.at, value);
    this.at += 8;
  }

  writeBinary(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(4 + length);
    this.#view.setInt32(this.at, length);
    copyBytes(this.#bytes, this.at + 4, bytes, start, end);
    this.at += 4 + length;
  }

  writeTagHead(bytes: Uint8Array, keyStart: number, keyEnd: number, type: number): void {
    this.field(1, BINARY);
    this.writeBinary(bytes, keyStart, keyEnd);
    this.field(2, I32);
    this.writeI32(type);
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
    const view = this.#view;
    let { at } = this;
    at = putHead(to, at, BINARY, 1);
    view.setInt32(at, keyBytes);
    copyBytes(to, at + 4, bytes, keyStart, keyEnd);
    at = putHead(to, at + 4 + keyBytes, I32, 2);
    view.setInt32(at, 0);
    at = putHead(to, at + 4, BINARY, 3);
    view.setInt32(at, textBytes);
    copyBytes(to, at + 4, bytes, textStart, textEnd);
    at += 4 + textBytes;
    to[at] = STOP;
    this.at = at + 1;
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

/** The head of a field at `to[at..)`, where there is room. @returns where it ends. */
function putHead(to: Uint8Array, at: number, type: number, id: number): number {
  to[at] = type;
  to[at + 1] = id >> 8;
  to[at + 2] = id;
  return at + 3;
}
