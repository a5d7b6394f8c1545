// What both Thrift protocols have in common: the cursor that readers of structs are written against.
//
//   const outer = thrift.beginStruct();
//   for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
//     if (field === NAME) thrift.readBinary();            NAME = fieldKey(1, BINARY)
//     else skipField(thrift, field);
//   }
//   thrift.endStruct(outer);
//
// A field's id and type are one number, so a field of another type than the IDL says is simply an
// unknown field and is skipped: old and new peers may both talk to us.
//
// Source: apache/thrift doc/specs (binary and compact protocol). Trust: every byte comes from the
// network. Each read checks the end of the buffer, each length and count is compared with the bytes
// that remain before anything is allocated, nesting stops at DEPTH_MAX.
// Not here: the bytes (thrift-binary.ts, thrift-compact.ts), envelopes (thrift-message.ts).

import { SpoorError } from "../base/errors.ts";

/** Field types, numbered as in the binary protocol; the compact reader translates its own. */
export const STOP = 0;
export const BOOL = 2;
export const BYTE = 3;
export const DOUBLE = 4;
export const I16 = 6;
export const I32 = 8;
export const I64 = 10;
export const BINARY = 11;
export const STRUCT = 12;
export const MAP = 13;
export const SET = 14;
export const LIST = 15;
export const UUID = 16;

export const UUID_BYTES = 16;

/** Skipped values may be nested so deep; Apache Thrift's own default. */
const DEPTH_MAX = 64;

/** A cursor over one payload. Values that are no plain number are left in its fields. */
export interface ThriftReader {
  readonly bytes: Uint8Array;
  /** Offset of the next byte. */
  readonly at: number;
  /** The last `readI64`, as two int32 halves. */
  readonly low: number;
  readonly high: number;
  /** The last `readBinary`: `bytes[start..end)`. */
  readonly start: number;
  readonly end: number;
  /** Of the last `readList` (lists and sets) or `readMap`. */
  readonly elementType: number;
  readonly keyType: number;
  /** Of the last `passUsualTag`: 0 string (`start`, `end`), 2 bool (`low`), 3 long (`low`, `high`). */
  readonly tagType: number;
  readonly keyStart: number;
  readonly keyEnd: number;

  /** Goes into a struct; the answer is for `endStruct`. */
  beginStruct(): number;
  /**
   * Passes over a tag of jaeger.thrift as clients write most of them: key, type, value, nothing else, the
   * value a string, a bool or a long. False: it is another one, and is still to be read.
   */
  passUsualTag(): boolean;
  /** The next field's `fieldKey`, or STOP. */
  nextField(): number;
  endStruct(outer: number): void;
  readBool(): boolean;
  readByte(): number;
  readI16(): number;
  readI32(): number;
  /** Leaves the halves in `low` and `high`. */
  readI64(): void;
  /** An int64 as a number: exact up to 2^53, the nearest double beyond. */
  readLong(): number;
  /** An int64 as 8 bytes, big endian, at `to[at..at + 8)`. */
  copyI64(to: Uint8Array, at: number): void;
  readDouble(): number;
  /** A string or binary: leaves its range in `start` and `end`. */
  readBinary(): void;
  /** @returns the number of elements, at most one a byte that remains. */
  readList(): number;
  readMap(): number;
  /** Steps over `bytes` bytes. */
  step(bytes: number): void;
}

/** The number by which `nextField` names a field of this id and type. */
export function fieldKey(id: number, type: number): number {
  return (id << 8) | type;
}

/** @throws SpoorError `bad-input` always: what was found at `offset` and what was expected. */
export function refuseThrift(bytes: Uint8Array, offset: number, message: string): never {
  throw new SpoorError("bad-input", `thrift: ${message}`, { offset, size: bytes.length });
}

/** Steps over the value of a field that nobody knows. */
export function skipField(thrift: ThriftReader, field: number): void {
  skipValue(thrift, field & 0xff, 1);
}

/** Steps over a value of type `type` that lies `depth` values deep. */
export function skipValue(thrift: ThriftReader, type: number, depth: number): void {
  if (depth > DEPTH_MAX) {
    refuseThrift(thrift.bytes, thrift.at, `nested deeper than ${DEPTH_MAX}`);
  }
  switch (type) {
    case BOOL:
      thrift.readBool();
      return;
    case BYTE:
      thrift.step(1);
      return;
    case DOUBLE:
      thrift.step(8);
      return;
    case I16:
      thrift.readI16();
      return;
    case I32:
      thrift.readI32();
      return;
    case I64:
      thrift.readI64();
      return;
    case BINARY:
      thrift.readBinary();
      return;
    case UUID:
      thrift.step(UUID_BYTES);
      return;
    case STRUCT:
      skipStruct(thrift, depth);
      return;
    case LIST:
    case SET: {
      const count = thrift.readList();
      const elementType = thrift.elementType;
      for (let i = 0; i < count; i++) skipValue(thrift, elementType, depth + 1);
      return;
    }
    case MAP: {
      const count = thrift.readMap();
      const { keyType, elementType } = thrift;
      for (let i = 0; i < count; i++) {
        skipValue(thrift, keyType, depth + 1);
        skipValue(thrift, elementType, depth + 1);
      }
      return;
    }
    default:
      refuseThrift(thrift.bytes, thrift.at, `type ${type}, expected a type of the protocol`);
  }
}

function skipStruct(thrift: ThriftReader, depth: number): void {
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    skipValue(thrift, field & 0xff, depth + 1);
  }
  thrift.endStruct(outer);
}

/** Goes into a list of `type`; @throws SpoorError `bad-input` if its elements are something else. */
export function readListOf(thrift: ThriftReader, type: number): number {
  const offset = thrift.at;
  const count = thrift.readList();
  if (count > 0 && thrift.elementType !== type) {
    refuseThrift(
      thrift.bytes,
      offset,
      `list of type ${thrift.elementType}, expected elements of type ${type}`,
    );
  }
  return count;
}
