// Bytes with holes: an encoded message whose ids, times and numbers are written over before each send.
//
//   HoledBytes  … text ▒▒▒▒ more ▒▒ …      a hole = (offset, what, index, aux)
//
// Filling costs some 20 ns a hole, so the generator stays cheaper than any server.

/** What a hole holds. */
export const TRACE_BYTES = 0; //   16 bytes
export const TRACE_LOW = 1; //     8 bytes, big endian
export const TRACE_HIGH = 2;
export const SPAN_BYTES = 3; //    8 bytes
export const TRACE_HEX = 4; //     32 digits
export const SPAN_HEX = 5; //      16 digits
export const TIME_LE = 6; //       fixed64 ns, little endian; aux: ns after the base
export const TIME_US_BE = 7; //    i64 µs, big endian
export const TIME_PROTO = 8; //    Timestamp: 0x08 and 5 bytes, 0x10 and 5 bytes
export const TIME_US_TEXT = 9; //  16 decimal digits
export const ORDER_TEXT = 10; //   8 decimal digits
export const USER_TEXT = 11; //    6 decimal digits

const HOLE_WORDS = 4;

/** The numbers of one send: drawn once, used by all messages of a unit. */
export interface SendValues {
  /** 4 words a trace. */
  readonly traces: Uint32Array;
  /** 2 words a span. */
  readonly spans: Uint32Array;
  readonly orders: Uint32Array;
  readonly users: Uint32Array;
  /** µs since the Unix epoch. */
  readonly baseUs: number;
}

export class HoledBytes {
  bytes: Buffer = Buffer.alloc(1 << 12);
  length = 0;
  /** offset, what, index, aux (ns) per hole. */
  holes: number[] = [];

  byte(value: number): void {
    this.#reserve(1);
    this.bytes[this.length++] = value;
  }

  raw(more: Uint8Array): void {
    this.#reserve(more.length);
    this.bytes.set(more, this.length);
    this.length += more.length;
  }

  hole(what: number, index: number, auxNs: number, size: number): void {
    this.holes.push(this.length, what, index, auxNs);
    this.#reserve(size);
    this.bytes.fill(0, this.length, this.length + size);
    this.length += size;
  }

  /** UTF-8 text; runs of ORDER and USER marks become holes of trace `trace`. */
  text(text: string, trace: number): void {
    const start = this.length;
    this.raw(Buffer.from(text));
    for (let at = start; at < this.length; at++) {
      const mark = this.bytes[at];
      if (mark === 1) {
        this.holes.push(at, ORDER_TEXT, trace, 0);
        at += 7;
      } else if (mark === 2) {
        this.holes.push(at, USER_TEXT, trace, 0);
        at += 5;
      }
    }
  }

  /** Appends another message with its holes. */
  append(other: HoledBytes): void {
    for (let i = 0; i < other.holes.length; i += HOLE_WORDS) {
      this.holes.push(this.length + other.holes[i]!, ...other.holes.slice(i + 1, i + HOLE_WORDS));
    }
    this.raw(other.bytes.subarray(0, other.length));
  }

  /** The message with its holes filled; valid until the next call. */
  fill(values: SendValues): Buffer {
    const bytes = this.bytes;
    for (let i = 0; i < this.holes.length; i += HOLE_WORDS) {
      fillHole(
        bytes,
        values,
        this.holes[i]!,
        this.holes[i + 1]!,
        this.holes[i + 2]!,
        this.holes[i + 3]!,
      );
    }
    return bytes.subarray(0, this.length);
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = Buffer.alloc(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

function fillHole(
  bytes: Buffer,
  values: SendValues,
  at: number,
  what: number,
  index: number,
  auxNs: number,
): void {
  const { traces, spans } = values;
  switch (what) {
    case TRACE_BYTES:
      for (let word = 0; word < 4; word++) word32(bytes, at + 4 * word, traces[4 * index + word]!);
      break;
    case TRACE_HIGH:
    case TRACE_LOW: {
      const first = 4 * index + (what === TRACE_LOW ? 2 : 0);
      word32(bytes, at, traces[first]!);
      word32(bytes, at + 4, traces[first + 1]!);
      break;
    }
    case SPAN_BYTES:
      word32(bytes, at, spans[2 * index]!);
      word32(bytes, at + 4, spans[2 * index + 1]!);
      break;
    case TRACE_HEX:
      for (let word = 0; word < 4; word++) hex32(bytes, at + 8 * word, traces[4 * index + word]!);
      break;
    case SPAN_HEX:
      hex32(bytes, at, spans[2 * index]!);
      hex32(bytes, at + 8, spans[2 * index + 1]!);
      break;
    case ORDER_TEXT:
      digits(bytes, at, 8, values.orders[index]!);
      break;
    case USER_TEXT:
      digits(bytes, at, 6, values.users[index]!);
      break;
    default:
      fillTime(bytes, at, what, values.baseUs + Math.floor(auxNs / 1_000), auxNs % 1_000);
  }
}

function fillTime(bytes: Buffer, at: number, what: number, us: number, restNs: number): void {
  if (what === TIME_US_TEXT) {
    digits(bytes, at, 16, us);
  } else if (what === TIME_US_BE) {
    word32(bytes, at, Math.floor(us / 0x1_0000_0000));
    word32(bytes, at + 4, us >>> 0);
  } else if (what === TIME_PROTO) {
    const seconds = Math.floor(us / 1_000_000);
    bytes[at] = 0x08;
    varint5(bytes, at + 1, seconds);
    bytes[at + 6] = 0x10;
    varint5(bytes, at + 7, (us - seconds * 1_000_000) * 1_000 + restNs);
  } else {
    const ns = BigInt(us) * 1_000n + BigInt(restNs);
    bytes.writeBigUInt64LE(ns, at);
  }
}

function word32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

const HEX = Buffer.from("0123456789abcdef");

function hex32(bytes: Buffer, at: number, value: number): void {
  for (let i = 0; i < 8; i++) bytes[at + i] = HEX[(value >>> (28 - 4 * i)) & 15]!;
}

function digits(bytes: Buffer, at: number, count: number, value: number): void {
  let rest = value;
  for (let i = count - 1; i >= 0; i--) {
    const next = Math.floor(rest / 10);
    bytes[at + i] = 48 + (rest - next * 10);
    rest = next;
  }
}

/** A varint padded to five bytes: legal, and of one size whatever the value. */
function varint5(bytes: Buffer, at: number, value: number): void {
  let rest = value;
  for (let i = 0; i < 4; i++) {
    bytes[at + i] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[at + 4] = rest;
}
