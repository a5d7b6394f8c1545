// What both Thrift protocols have in common: the pen that writers of structs are written against.
//
//   const outer = thrift.beginStruct();
//   thrift.field(1, BINARY);
//   thrift.writeBinary(bytes, start, end);
//   thrift.field(2, LIST);
//   const mark = thrift.beginList(STRUCT);
//   …                                           the elements; their number may be known late
//   thrift.endList(mark, count);
//   thrift.endStruct(outer);
//
// Fields of a struct are written with growing ids: then each takes one byte in the compact protocol.
//
// Source: apache/thrift doc/specs (binary and compact protocol). Types are those of thrift-reader.ts.
// Not here: the bytes (thrift-binary-writer.ts, thrift-compact-writer.ts), what the fields mean.

/** Writes into memory of its own, which grows. */
export interface ThriftWriter {
  /** Bytes written. */
  readonly at: number;
  /** Forgets what was written and keeps the memory, but for that of a huge message. */
  reset(): void;
  /** A copy of what was written. */
  take(): Uint8Array;

  /** The envelope of a message; `kind` as in thrift-message.ts. The arguments follow. */
  beginMessage(name: string, kind: number, sequence: number): void;
  /** Goes into a struct; the answer is for `endStruct`. */
  beginStruct(): number;
  /** Of any type but BOOL; its value follows. */
  field(id: number, type: number): void;
  boolField(id: number, value: boolean): void;
  endStruct(outer: number): void;
  /** Goes into a list; the answer is for `endList`, with the number of elements written since. */
  beginList(type: number): number;
  endList(mark: number, count: number): void;
  writeI32(value: number): void;
  /** An int64 by its halves. */
  writeI64(low: number, high: number): void;
  /** An int64 that a number holds; beyond ±2^53 whatever integer it is rounded to. */
  writeLong(value: number): void;
  /** An int64 from 8 bytes, big endian, at `from[at..at + 8)`. */
  copyI64(from: Uint8Array, at: number): void;
  writeDouble(value: number): void;
  /** A string or binary: its length and `bytes[start..end)`. */
  writeBinary(bytes: Uint8Array, start: number, end: number): void;
  /** Key and type of a tag of jaeger.thrift, fields 1 and 2 of the struct that was begun. */
  writeTagHead(bytes: Uint8Array, keyStart: number, keyEnd: number, type: number): void;
  /**
   * A tag of jaeger.thrift as most of them are, a struct of key, type 0 and text: what the calls above
   * write one by one, at a third of the cost. Key and text are ranges of `bytes`.
   */
  writeTextTag(
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    textStart: number,
    textEnd: number,
  ): void;
}

export const WRITER_FIRST_BYTES = 1 << 12;
/** More than nearly every message needs. */
export const WRITER_KEPT_BYTES = 1 << 20;

/** Shorter ones are copied by a loop: a view costs more. */
const LOOP_BYTES_MAX = 24;

/** Bytes of a text tag beside its texts, at most, in either protocol. */
export const TEXT_TAG_BYTES_MAX = 24;

/** Copies `bytes[start..end)` to `to[at..)`, where there is room. */
export function copyBytes(
  to: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (end - start > LOOP_BYTES_MAX) {
    to.set(bytes.subarray(start, end), at);
    return;
  }
  for (let from = start; from < end; from++, at++) to[at] = bytes[from]!;
}

/** As `copyBytes`, four bytes at a time: for who has views of both already. */
export function copyText(
  to: DataView,
  at: number,
  bytes: DataView,
  start: number,
  end: number,
): void {
  let from = start;
  for (; from + 4 <= end; from += 4, at += 4) to.setInt32(at, bytes.getInt32(from, true), true);
  for (; from < end; from++, at++) to.setUint8(at, bytes.getUint8(from));
}

/** A larger copy of `bytes`, with room for at least `bytesMin`. */
export function growBytes(bytes: Uint8Array, bytesMin: number): Uint8Array {
  const grown = new Uint8Array(Math.max(bytes.length * 2, bytesMin));
  grown.set(bytes);
  return grown;
}
