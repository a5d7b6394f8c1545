// Protocol Buffers' wire format, read with a cursor: no object per message, field or value.
//
//   message = (tag value)*                       tag = varint(fieldNumber << 3 | wireType)
//   VARINT 0   7 bits a byte, low bits first, high bit = more; at most 10 bytes (64 bits)
//   FIXED64 1  8 bytes little-endian             LENGTH 2  varint byteLength + bytes
//   FIXED32 5  4 bytes little-endian             3, 4: groups, refused
//
//   const outer = reader.enter();                a nested message: its length, checked
//   for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
//     if (tag === NAME) name = reader.readEnd()… else reader.skip(tag);
//   }
//   reader.leave(outer);                         `at` is at its end, because nextTag() said so
//
// 64-bit values come as two halves in `low` and `high` (unsigned 32-bit numbers); no BigInt.
//
// Source: protobuf.dev/programming-guides/encoding; another writer's bytes: otlp-proto.test.ts.
// Trust: every byte comes from the network. Each read checks the end of the innermost message, each
// length is compared with the bytes that remain there, nesting stops at DEPTH_MAX. Varints may be
// padded (other readers take them too) but not beyond 10 bytes. What fails is `bad-input` with the
// offset in the payload.
// Not here: what the fields mean.

import { SpoorError } from "../base/errors.ts";

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

/** Messages within messages; 100 is also what protobuf's own C++ and Java readers allow. */
export const DEPTH_MAX = 100;

const TWO_32 = 0x1_0000_0000;
const EMPTY = new Uint8Array(0);

/** The tag of field `field` with wire type `wireType`, to compare with `nextTag()`. */
export function fieldTag(field: number, wireType: number): number {
  return field * 8 + wireType;
}

export class ProtobufReader {
  bytes: Uint8Array = EMPTY;
  view: DataView = new DataView(EMPTY.buffer);
  /** Offset of the next byte. A caller that steps over content sets it, never beyond `end`. */
  at = 0;
  /** End of the innermost open message. */
  end = 0;
  /** Halves of what `readVarint64` or `readFixed64` read last. */
  low = 0;
  high = 0;
  #depth = 0;

  /** Starts on `payload`, all of it. The reader refers to it until the next `begin`. */
  begin(payload: Uint8Array): void {
    // A plain view, even of a Node Buffer: one shape for all code that reads through it.
    this.bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    this.view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    this.at = 0;
    this.end = payload.byteLength;
    this.#depth = 0;
  }

  /** Lets go of the payload. */
  release(): void {
    this.begin(EMPTY);
  }

  /** The next field's tag; 0 at the end of the message. Any wire type, even one `skip` refuses. */
  nextTag(): number {
    const at = this.at;
    if (at === this.end) return 0;
    const byte = this.bytes[at]!;
    if (byte > 0x7f) return this.#readLongTag();
    this.at = at + 1;
    if (byte < 8) throw this.fail("field number 0", at);
    return byte;
  }

  /** A varint of which the low 32 bits count: uint32, and enums and int32 after `| 0`. */
  readUint32(): number {
    const at = this.at;
    if (at < this.end) {
      const byte = this.bytes[at]!;
      if (byte < 0x80) {
        this.at = at + 1;
        return byte;
      }
    }
    this.#readLongVarint();
    return this.low;
  }

  readBool(): boolean {
    this.readVarint64();
    return (this.low | this.high) !== 0;
  }

  /** A varint into `low` and `high`: uint64, or int64 as two's complement. */
  readVarint64(): void {
    const at = this.at;
    if (at < this.end) {
      const byte = this.bytes[at]!;
      if (byte < 0x80) {
        this.at = at + 1;
        this.low = byte;
        this.high = 0;
        return;
      }
    }
    this.#readLongVarint();
  }

  /** A varint that is an int64, as a number: exact within ±2^53, rounded beyond. */
  readInt64(): number {
    this.readVarint64();
    return (this.high | 0) * TWO_32 + this.low;
  }

  /** A varint that is a uint64, as a number: exact up to 2^53, rounded beyond. */
  readUint64(): number {
    this.readVarint64();
    return this.high * TWO_32 + this.low;
  }

  /** Eight bytes into `low` and `high`: fixed64, or sfixed64 as two's complement. */
  readFixed64(): void {
    const at = this.#take(8);
    this.low = this.view.getUint32(at, true);
    this.high = this.view.getUint32(at + 4, true);
  }

  readFixed32(): number {
    return this.view.getUint32(this.#take(4), true);
  }

  readDouble(): number {
    return this.view.getFloat64(this.#take(8), true);
  }

  /**
   * The length before strings, bytes and messages. @returns where the content ends, with `at` at
   * its start; the caller sets `at` to that end.
   */
  readEnd(): number {
    const at = this.at;
    let length = 0x80;
    if (at < this.end) length = this.bytes[at]!;
    if (length < 0x80) this.at = at + 1;
    else length = this.readUint64();
    const end = this.at + length;
    if (end > this.end) throw this.#lengthBeyondEnd(length, at);
    return end;
  }

  /** Opens a nested message. @returns what `leave` needs. */
  enter(): number {
    const end = this.readEnd();
    if (++this.#depth > DEPTH_MAX)
      throw this.fail(`messages nested over ${DEPTH_MAX} deep`, this.at);
    const outer = this.end;
    this.end = end;
    return outer;
  }

  /** Closes the innermost message, of which nothing is left to read. */
  leave(outer: number): void {
    this.#depth--;
    this.end = outer;
  }

  /** Steps over the value of a field that nobody knows. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.readVarint64();
        break;
      case FIXED64:
        this.#take(8);
        break;
      case LENGTH:
        this.at = this.readEnd();
        break;
      case FIXED32:
        this.#take(4);
        break;
      default:
        throw this.fail(`wire type ${tag & 7} of field ${tag >>> 3}`, this.at);
    }
  }

  /**
   * As `skip`, for the fields that a message of ours has not. `known` has bit n set for each field
   * number n < 32 that it has: one of those came with a wire type that is not its own.
   */
  skipUnknown(tag: number, known: number): void {
    const field = tag >>> 3;
    if (field < 32 && ((known >>> field) & 1) === 1) {
      throw this.fail(`wire type ${tag & 7} of field ${field}, which has another`, this.at);
    }
    this.skip(tag);
  }

  /** An error to throw about the byte at `offset`. */
  fail(found: string, offset: number): SpoorError {
    return new SpoorError("bad-input", `malformed protobuf: ${found}`, {
      offset,
      size: this.bytes.length,
    });
  }

  #take(length: number): number {
    const at = this.at;
    if (at + length > this.end) throw this.#cutShort(`${length} bytes`, at);
    this.at = at + length;
    return at;
  }

  #readLongTag(): number {
    const at = this.at;
    this.#readLongVarint();
    if (this.high !== 0) throw this.fail("field number beyond 2^29", at);
    if (this.low < 8) throw this.fail("field number 0", at);
    return this.low;
  }

  #readLongVarint(): void {
    const from = this.at;
    const bytes = this.bytes;
    const end = Math.min(this.end, from + 10);
    let at = from;
    let low = 0;
    let high = 0;
    for (let shift = 0; at < end; shift += 7) {
      const byte = bytes[at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        // The tenth byte has one bit that counts.
        if (shift === 63 && byte > 1) break;
        high |= bits << (shift - 32);
      }
      if (byte < 0x80) {
        this.at = at;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    if (at - from < 10) throw this.#cutShort("a varint", from);
    throw this.fail("varint over 64 bits", from);
  }

  #cutShort(wanted: string, at: number): SpoorError {
    return this.fail(`${this.end - at} bytes left of the message, expected ${wanted}`, at);
  }

  #lengthBeyondEnd(length: number, at: number): SpoorError {
    return this.fail(`length ${length} where ${this.end - this.at} bytes are left`, at);
  }
}
