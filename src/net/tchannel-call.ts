// TChannel's calls and answers: their heads, and three arguments in as many frames as it takes.
//
//   call req   flags u8 | ttl u32 ms | tracing × 25 | service~1 | count u8 (key~1 value~1)* | args
//   call res   flags u8 | code u8    | tracing × 25             | count u8 (key~1 value~1)* | args
//   continue   flags u8 | args
//   args       checksum type u8 | checksum u32, unless the type is 0 | (chunk~2)+
//
//   as = thrift:  arg1 method · arg2 count u16 (key~2 value~2)* · arg3 a struct in TBinary
//
// Flag 1: more frames follow. An argument ends where another chunk follows in the same frame, or with
// the last frame; one that fills its frame to the end goes on, if only with 0 bytes, in the next one.
//
// Source: the TChannel protocol, version 2, "call req", "Fragmentation", "Checksums"; the scheme thrift.
// Trust: hostile. The first two arguments have bounds of their own, the third has that of the door,
// and all three are charged to the budget of bodies when they do not come at once.
// Not here: frames (tchannel-frame.ts), who may call when (tchannel-server.ts, tchannel-client.ts).

import { SpoorError } from "../base/errors.ts";
import { BodyBuffer } from "./body-buffer.ts";
import type { ByteBudget } from "./byte-budget.ts";
import {
  CHECKSUM_FARMHASH,
  CHECKSUM_NONE,
  addChecksum,
  checksumBytes,
  isChecksum,
} from "./tchannel-checksum.ts";
import {
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  PayloadReader,
  TRACING_BYTES,
  makeFrame,
  plainView,
} from "./tchannel-frame.ts";

const MORE_FOLLOW = 0x01;
const STREAMING = 0x02;

/** The specification's bound; method names have some 40 bytes. */
const METHOD_BYTES_MAX = 16 * 1024;
/** Application headers: a frame full of them. */
const HEADERS_BYTES_MAX = 64 * 1024;

/** Memory for a body that has come in part is at most so many times what has come. */
const GUESS_FACTOR_MAX = 8;

const BODY = 2;
const ARGUMENTS = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface RequestHead {
  readonly isLast: boolean;
  readonly ttlMs: number;
  readonly tracing: Uint8Array;
  readonly service: string;
  /** Of the transport: `as`, `cn` … */
  readonly headers: ReadonlyMap<string, string>;
}

export interface AnswerHead {
  readonly isLast: boolean;
  /** False: arg3 is an error of the application. */
  readonly isOk: boolean;
  readonly headers: ReadonlyMap<string, string>;
}

/** @throws SpoorError `bad-input`, `unsupported` for streams. */
export function readRequestHead(reader: PayloadReader): RequestHead {
  const flags = reader.u8();
  const ttlMs = reader.u32();
  const tracing = reader.take(TRACING_BYTES).slice();
  const service = reader.text(reader.u8());
  const headers = reader.headers(reader.u8(), 1);
  if (ttlMs === 0) throw new SpoorError("bad-input", "ttl of 0 ms, expected at least 1");
  if (flags & STREAMING) throw new SpoorError("unsupported", "streaming calls are not served");
  return { isLast: isLastOf(flags), ttlMs, tracing, service, headers };
}

/** @throws SpoorError `bad-input`. */
export function readAnswerHead(reader: PayloadReader): AnswerHead {
  const flags = reader.u8();
  const isOk = reader.u8() === 0;
  reader.take(TRACING_BYTES);
  return { isLast: isLastOf(flags), isOk, headers: reader.headers(reader.u8(), 1) };
}

/** The flags of a continue frame. @returns true if it is the last one. */
export function readContinueHead(reader: PayloadReader): boolean {
  return isLastOf(reader.u8());
}

function isLastOf(flags: number): boolean {
  return (flags & MORE_FOLLOW) === 0;
}

/** The arguments of one call or answer, while they come. `release` it when nobody reads the body. */
export class CallArguments {
  method = "";
  /** The application's, from arg2. */
  headers: ReadonlyMap<string, string> = new Map();
  checksumType: number = CHECKSUM_NONE;
  readonly #bodyBytesMax: number;
  readonly #budget: ByteBudget;
  readonly #likelyBytes: number;
  /** Index of the argument that comes now. */
  #argument = 0;
  #checksum = 0;
  #isFirst = true;
  /** Of the argument that comes now, unless it came at once. */
  #buffer: BodyBuffer | undefined;

  /** @param likelyBytes how large the body may well be: the size of the last one. */
  constructor(bodyBytesMax: number, budget: ByteBudget, likelyBytes = 0) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#budget = budget;
    this.#likelyBytes = likelyBytes;
  }

  /** arg3, once all frames have come; valid until `release`. */
  get body(): Uint8Array {
    return this.#buffer === undefined ? new Uint8Array(0) : plainView(this.#buffer.view());
  }

  /**
   * Takes the arguments of one frame, before which `reader` stands; copies the body.
   *
   * @throws SpoorError `bad-input`, BodyError `too-large` or `over-budget`.
   */
  add(reader: PayloadReader, isLast: boolean): void {
    const type = this.#checkType(reader.u8());
    const expected = type === CHECKSUM_NONE ? 0 : reader.u32();
    let checksum = this.#checksum;
    do {
      const chunk = reader.take(reader.u16());
      checksum = addChecksum(type, checksum, chunk);
      this.#addChunk(chunk, isLast || reader.left > 0);
    } while (reader.left > 0);
    if (checksum !== expected) throw new SpoorError("bad-input", "the checksum does not match");
    this.#checksum = checksum;
    if (isLast && this.#argument < ARGUMENTS) {
      throw new SpoorError("bad-input", `${this.#argument} arguments, expected ${ARGUMENTS}`);
    }
  }

  /** Twice is harmless. */
  release(): void {
    this.#buffer?.release();
    this.#buffer = undefined;
  }

  #checkType(type: number): number {
    if (!this.#isFirst) {
      if (type === this.checksumType) return type;
      const message = `checksum of type ${type} after one of type ${this.checksumType}`;
      throw new SpoorError("bad-input", message);
    }
    if (!isChecksum(type)) {
      const name = type === CHECKSUM_FARMHASH ? "farmhash" : `of type ${type}`;
      throw new SpoorError("unsupported", `checksum ${name}, expected none, crc32 or crc32C`);
    }
    this.#isFirst = false;
    this.checksumType = type;
    return type;
  }

  #addChunk(chunk: Uint8Array, isWhole: boolean): void {
    const argument = this.#argument;
    if (argument >= ARGUMENTS) {
      throw new SpoorError("bad-input", `more than ${ARGUMENTS} arguments`);
    }
    if (argument < BODY && isWhole && this.#buffer === undefined) {
      checkLength(chunk.length, bytesMaxOf(argument));
      this.#finish(chunk);
      return;
    }
    const bytesMax = argument === BODY ? this.#bodyBytesMax : bytesMaxOf(argument);
    this.#buffer ??= new BodyBuffer(
      isWhole ? chunk.length : -1,
      bytesMax,
      this.#budget,
      Math.max(chunk.length, Math.min(this.#likelyBytes, GUESS_FACTOR_MAX * chunk.length)),
    );
    this.#buffer.add(chunk);
    if (!isWhole) return;
    if (argument === BODY) {
      this.#argument++;
      return;
    }
    this.#finish(this.#buffer.view());
    this.release();
  }

  /** The first or second argument is whole. */
  #finish(bytes: Uint8Array): void {
    if (this.#argument++ === 0) this.method = decoder.decode(bytes);
    else this.headers = readApplicationHeaders(bytes);
  }
}

function bytesMaxOf(argument: number): number {
  return argument === 0 ? METHOD_BYTES_MAX : HEADERS_BYTES_MAX;
}

function checkLength(bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  throw new SpoorError("bad-input", `argument of ${bytes} bytes, expected at most ${bytesMax}`);
}

/** An empty argument has no headers, too: some clients say nothing. */
function readApplicationHeaders(bytes: Uint8Array): ReadonlyMap<string, string> {
  const reader = new PayloadReader(bytes);
  if (reader.left === 0) return new Map();
  const headers = reader.headers(reader.u16(), 2);
  if (reader.left === 0) return headers;
  throw new SpoorError("bad-input", `${reader.left} bytes after the application headers`);
}

/** A call or an answer to be written. */
export interface Outgoing {
  /** CALL_REQUEST or CALL_ANSWER, and what its further frames are. */
  readonly type: number;
  readonly moreType: number;
  readonly id: number;
  /** Between the flags and the checksum. */
  readonly head: Uint8Array;
  readonly checksumType: number;
  readonly method: string;
  readonly body: Uint8Array;
}

/** arg2: no application headers. */
const NO_HEADERS = Uint8Array.of(0, 0);

/**
 * The frames of a call or an answer. Copies the body.
 *
 * @throws RangeError if head and method do not fit into one frame: names have 255 bytes at most.
 */
export function writeCall(call: Outgoing): Uint8Array[] {
  const { type, moreType, id, head, checksumType, body } = call;
  const method = encoder.encode(call.method);
  const frames: Uint8Array[] = [];
  let checksum = 0;
  let at = 0;
  do {
    const isFirst = frames.length === 0;
    const small = isFirst ? [method, NO_HEADERS] : [];
    const headBytes = isFirst ? head.length : 0;
    const smallBytes = small.reduce((sum, { length }) => sum + 2 + length, 0);
    const argumentsAt = FRAME_HEADER_BYTES + 1 + headBytes + 1 + checksumBytes(checksumType);
    const room = FRAME_BYTES_MAX - argumentsAt - smallBytes - 2;
    const chunk = body.subarray(at, at + room);
    at += chunk.length;
    const size = FRAME_BYTES_MAX - room + chunk.length;
    const frame = makeFrame(isFirst ? type : moreType, id, size);
    frame[FRAME_HEADER_BYTES] = at < body.length ? MORE_FOLLOW : 0;
    if (isFirst) frame.set(head, FRAME_HEADER_BYTES + 1);
    frame[FRAME_HEADER_BYTES + 1 + headBytes] = checksumType;
    let to = argumentsAt;
    for (const bytes of [...small, chunk]) {
      to = frame.writeUInt16BE(bytes.length, to);
      frame.set(bytes, to);
      to += bytes.length;
      checksum = addChecksum(checksumType, checksum, bytes);
    }
    if (checksumType !== CHECKSUM_NONE) frame.writeUInt32BE(checksum, argumentsAt - 4);
    frames.push(frame);
  } while (at < body.length);
  return frames;
}

/** The head of a request for `writeCall`. */
export function writeRequestHead(
  ttlMs: number,
  service: string,
  headers: ReadonlyMap<string, string>,
): Uint8Array {
  const start = Buffer.alloc(4 + TRACING_BYTES);
  start.writeUInt32BE(ttlMs);
  return Buffer.concat([start, text1(service), writeHeaders(headers)]);
}

/** The head of a successful answer for `writeCall`. */
export function writeAnswerHead(
  tracing: Uint8Array,
  headers: ReadonlyMap<string, string>,
): Uint8Array {
  return Buffer.concat([Uint8Array.of(0), tracing, writeHeaders(headers)]);
}

function writeHeaders(headers: ReadonlyMap<string, string>): Uint8Array {
  return Buffer.concat([Uint8Array.of(headers.size), ...[...headers].flat().map(text1)]);
}

/** @throws RangeError for a text that one byte cannot count. */
function text1(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  if (bytes.length > 0xff) throw new RangeError(`name of ${bytes.length} bytes, at most 255 fit`);
  return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
}
