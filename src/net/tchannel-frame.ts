// TChannel's frames: what they are called, where one ends, and the payloads that are not calls.
//
//   frame    = size u16 | type u8 | 0 u8 | id u32 | 0 × 8          16 bytes; size includes them
//              payload
//   init     = version u16 (2) | count u16 | (key~2 value~2)*
//   error    = code u8 | tracing × 25 | message~2
//   cancel   = ttl u32 | tracing × 25 | why~2
//   ping     = nothing
//
// `x~n` is a length of n bytes and so many bytes of x. All numbers are big endian.
//
// Source: the TChannel protocol, version 2 (github.com/uber/tchannel, docs/protocol.md).
// Trust: hostile; each length is compared with what is left of the frame. Memory for a frame grows
// with what has come of it, not with what its size says.
// Not here: calls (tchannel-call.ts), what is answered to what (tchannel-server.ts).

import { SpoorError } from "../base/errors.ts";

export const INIT_REQUEST = 0x01;
export const INIT_ANSWER = 0x02;
export const CALL_REQUEST = 0x03;
export const CALL_ANSWER = 0x04;
export const CALL_REQUEST_MORE = 0x13;
export const CALL_ANSWER_MORE = 0x14;
export const CANCEL = 0xc0;
export const CLAIM = 0xc1;
export const PING_REQUEST = 0xd0;
export const PING_ANSWER = 0xd1;
export const ERROR = 0xff;

export const ERROR_TIMEOUT = 0x01;
export const ERROR_CANCELLED = 0x02;
export const ERROR_BUSY = 0x03;
export const ERROR_DECLINED = 0x04;
export const ERROR_UNEXPECTED = 0x05;
export const ERROR_BAD_REQUEST = 0x06;
export const ERROR_FATAL = 0xff;

export const FRAME_BYTES_MAX = 0xffff;
export const FRAME_HEADER_BYTES = 16;
export const TRACING_BYTES = 25;
/** The id of an error that is of no call. */
export const NO_ID = 0xffff_ffff;
export const VERSION = 2;

const ID_OFFSET = 4;
/** A frame that comes in pieces starts with this much memory. */
const FIRST_BYTES = 1024;
/** Longer messages of errors are cut: they are for people. */
const MESSAGE_BYTES_MAX = 1024;
/** The specification's bound of headers. */
const HEADERS_MAX = 128;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Takes one frame; `payload` is valid until the call returns. */
export type TakeFrame = (type: number, id: number, payload: Uint8Array) => void;

/** Cuts what comes over a connection into frames. */
export class FrameReader {
  readonly #take: TakeFrame;
  #buffer: Uint8Array = new Uint8Array(0);
  /** Bytes of the frame that has come in part. */
  #held = 0;
  #isStopped = false;

  constructor(take: TakeFrame) {
    this.#take = take;
  }

  /** True while a frame has come in part. */
  get isInFrame(): boolean {
    return this.#held > 0;
  }

  /** Nothing more is taken. */
  stop(): void {
    this.#isStopped = true;
    this.trim();
  }

  /** Lets memory go that is not in use. */
  trim(): void {
    if (this.#held === 0 || this.#isStopped) this.#buffer = new Uint8Array(0);
  }

  /** @throws SpoorError `bad-input` for a frame smaller than its header; nothing can follow. */
  add(received: Uint8Array): void {
    // A plain view of what is mostly a Node Buffer, whose `slice` does not copy.
    const chunk = plainView(received);
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#held > 0) {
        at += this.#complete(chunk, at);
        continue;
      }
      const left = chunk.length - at;
      const size = left < 2 ? 0 : readSize(chunk, at);
      if (left < 2 || left < size) {
        this.#hold(chunk, at, chunk.length);
        return;
      }
      this.#give(chunk, at, size);
      at += size;
    }
  }

  /** Adds to the frame that has come in part. @returns how much of the chunk that took. */
  #complete(chunk: Uint8Array, at: number): number {
    const wanted = this.#held < 2 ? 2 : readSize(this.#buffer, 0);
    const count = Math.min(wanted - this.#held, chunk.length - at);
    this.#hold(chunk, at, at + count);
    if (this.#held < 2) return count;
    const size = readSize(this.#buffer, 0);
    if (this.#held === size) {
      this.#held = 0;
      this.#give(this.#buffer, 0, size);
    }
    return count;
  }

  #hold(chunk: Uint8Array, start: number, end: number): void {
    const bytes = this.#held + end - start;
    if (bytes > this.#buffer.length) {
      const doubled = Math.max(bytes, 2 * this.#buffer.length, FIRST_BYTES);
      const larger = new Uint8Array(Math.min(doubled, FRAME_BYTES_MAX));
      larger.set(this.#buffer.subarray(0, this.#held));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk.subarray(start, end), this.#held);
    this.#held = bytes;
  }

  #give(bytes: Uint8Array, at: number, size: number): void {
    const id = readU32(bytes, at + ID_OFFSET);
    this.#take(bytes[at + 2]!, id, bytes.subarray(at + FRAME_HEADER_BYTES, at + size));
  }
}

export function plainView({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function readSize(bytes: Uint8Array, at: number): number {
  const size = (bytes[at]! << 8) | bytes[at + 1]!;
  if (size < FRAME_HEADER_BYTES) {
    throw new SpoorError(
      "bad-input",
      `frame of ${size} bytes, expected at least ${FRAME_HEADER_BYTES}`,
    );
  }
  return size;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

/** A cursor over one payload; every read checks what is left. */
export class PayloadReader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  u8(): number {
    return this.bytes[this.#step(1)]!;
  }

  u16(): number {
    const at = this.#step(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u32(): number {
    return readU32(this.bytes, this.#step(4));
  }

  /** A view of the next `count` bytes. */
  take(count: number): Uint8Array {
    const at = this.#step(count);
    return this.bytes.subarray(at, at + count);
  }

  text(count: number): string {
    return decoder.decode(this.take(count));
  }

  /** Pairs of texts whose lengths take `lengthBytes` each. The last of two values of a key counts. */
  headers(count: number, lengthBytes: 1 | 2): ReadonlyMap<string, string> {
    if (count === 0) return NO_HEADERS;
    if (count > HEADERS_MAX) {
      throw new SpoorError("bad-input", `${count} headers, expected at most ${HEADERS_MAX}`);
    }
    const headers = new Map<string, string>();
    const text = (): string => this.text(lengthBytes === 1 ? this.u8() : this.u16());
    for (let i = 0; i < count; i++) {
      const key = text();
      headers.set(key, text());
    }
    return headers;
  }

  #step(count: number): number {
    const { at } = this;
    if (count > this.left) {
      const offset = FRAME_HEADER_BYTES + at;
      const message = `frame ends: ${this.left} bytes, expected ${count}`;
      throw new SpoorError("bad-input", message, { offset });
    }
    this.at = at + count;
    return at;
  }
}

const NO_HEADERS: ReadonlyMap<string, string> = new Map();

/** The header, and what is left empty of the payloads below: their tracing and ttl. */
const ZEROED_BYTES = 64;

/** A frame of `size` bytes with its header; the payload is to be filled in. */
export function makeFrame(type: number, id: number, size: number): Buffer {
  const frame = Buffer.allocUnsafe(size).fill(0, 0, Math.min(size, ZEROED_BYTES));
  frame.writeUInt16BE(size);
  frame[2] = type;
  frame.writeUInt32BE(id, ID_OFFSET);
  return frame;
}

/** An init request or answer. */
export function writeInit(
  type: number,
  id: number,
  headers: ReadonlyMap<string, string>,
): Uint8Array {
  const pairs = [...headers].flat().map((text) => encoder.encode(text));
  const size = pairs.reduce((sum, { length }) => sum + 2 + length, FRAME_HEADER_BYTES + 4);
  const frame = makeFrame(type, id, size);
  let at = frame.writeUInt16BE(VERSION, FRAME_HEADER_BYTES);
  at = frame.writeUInt16BE(headers.size, at);
  for (const bytes of pairs) {
    at = frame.writeUInt16BE(bytes.length, at);
    frame.set(bytes, at);
    at += bytes.length;
  }
  return frame;
}

export interface Init {
  readonly version: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** @throws SpoorError `bad-input`: also if what every init must say is not there. */
export function readInit(payload: Uint8Array): Init {
  const reader = new PayloadReader(payload);
  const version = reader.u16();
  const headers = reader.headers(reader.u16(), 2);
  if (version < VERSION) {
    throw new SpoorError("bad-input", `version ${version}, expected ${VERSION}`);
  }
  for (const name of ["host_port", "process_name"]) {
    if (!headers.has(name)) throw new SpoorError("bad-input", `init without the header ${name}`);
  }
  return { version, headers };
}

/** A frame without a payload: pings. */
export function writeEmpty(type: number, id: number): Uint8Array {
  return makeFrame(type, id, FRAME_HEADER_BYTES);
}

/** @param tracing of the call; undefined: none. */
export function writeError(
  id: number,
  code: number,
  message: string,
  tracing?: Uint8Array,
): Uint8Array {
  const text = encoder.encode(message).subarray(0, MESSAGE_BYTES_MAX);
  const textAt = FRAME_HEADER_BYTES + 1 + TRACING_BYTES;
  const frame = makeFrame(ERROR, id, textAt + 2 + text.length);
  frame[FRAME_HEADER_BYTES] = code;
  if (tracing !== undefined) frame.set(tracing, FRAME_HEADER_BYTES + 1);
  frame.writeUInt16BE(text.length, textAt);
  frame.set(text, textAt + 2);
  return frame;
}

export interface ErrorFrame {
  readonly code: number;
  readonly message: string;
}

/** @throws SpoorError `bad-input`. */
export function readError(payload: Uint8Array): ErrorFrame {
  const reader = new PayloadReader(payload);
  const code = reader.u8();
  reader.take(TRACING_BYTES);
  return { code, message: reader.text(Math.min(reader.u16(), MESSAGE_BYTES_MAX)) };
}

/** Asks the peer to give a call up. */
export function writeCancel(id: number, why: string): Uint8Array {
  const text = encoder.encode(why).subarray(0, MESSAGE_BYTES_MAX);
  const textAt = FRAME_HEADER_BYTES + 4 + TRACING_BYTES;
  const frame = makeFrame(CANCEL, id, textAt + 2 + text.length);
  frame.writeUInt16BE(text.length, textAt);
  frame.set(text, textAt + 2);
  return frame;
}
