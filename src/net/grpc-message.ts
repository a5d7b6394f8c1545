// Messages of gRPC in the body of an HTTP/2 stream.
//
//   message = compressed u8 (0, 1) + length u32 BE + bytes        any number of them in a body
//
// Chunks of the body end anywhere; what is inside a message is copied once, to its place.
//
// Source: grpc/doc/PROTOCOL-HTTP2.md, grpc/doc/compression.md.
// Trust: hostile. The length is compared with the bound before anything is allocated, memory grows
// with what is received, and a compressed message meets the same bound again when it is plain.
// Not here: HTTP/2 flow control and resets (grpc-call.ts).

import { BodyBuffer } from "./body-buffer.ts";
import { BodyError } from "./body-error.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { decompress, type Encoding } from "./decompress.ts";

const PREFIX_BYTES = 5;
/** Up to here an answer is copied behind its prefix: one write instead of two. */
const COPY_BYTES_MAX = 16 * 1024;

/** One message, whole. What it holds is given back by `release`. */
export interface GrpcFrame {
  /** The plain message; valid until `release`. @throws BodyError, also as a rejection. */
  read(): Uint8Array | Promise<Uint8Array>;
  release(): void;
}

export class GrpcMessageReader {
  readonly #encoding: Encoding | undefined;
  readonly #bytesMax: number;
  readonly #budget: ByteBudget;
  readonly #onFrame: (frame: GrpcFrame) => void;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixBytes = 0;
  #restBytes = 0;
  #buffer: BodyBuffer | undefined;

  /** @param encoding of messages whose compressed flag is set; @param bytesMax of one message. */
  constructor(
    encoding: Encoding | undefined,
    bytesMax: number,
    budget: ByteBudget,
    onFrame: (frame: GrpcFrame) => void,
  ) {
    this.#encoding = encoding;
    this.#bytesMax = bytesMax;
    this.#budget = budget;
    this.#onFrame = onFrame;
  }

  /** True between messages: a body may end here. */
  get isBetween(): boolean {
    return this.#prefixBytes === 0;
  }

  /** @throws BodyError for a message that is too large, over the budget, or no message. */
  add(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#buffer === undefined) at += this.#addPrefix(chunk, at);
      else at += this.#addBytes(this.#buffer, chunk, at);
      if (this.#buffer !== undefined && this.#restBytes === 0) this.#finish(this.#buffer);
    }
  }

  /** Gives back what an unfinished message holds. */
  release(): void {
    this.#buffer?.release();
    this.#buffer = undefined;
  }

  #addPrefix(chunk: Uint8Array, at: number): number {
    const bytes = Math.min(PREFIX_BYTES - this.#prefixBytes, chunk.length - at);
    this.#prefix.set(chunk.subarray(at, at + bytes), this.#prefixBytes);
    this.#prefixBytes += bytes;
    if (this.#prefixBytes === PREFIX_BYTES) this.#open();
    return bytes;
  }

  #open(): void {
    const flag = this.#prefix[0] ?? 0;
    if (flag > 1) throw new BodyError("corrupt", `compressed flag is ${flag}, expected 0 or 1`);
    if (flag === 1 && this.#encoding === undefined) {
      throw new BodyError("corrupt", "compressed flag is set, but grpc-encoding names none");
    }
    this.#restBytes = new DataView(this.#prefix.buffer).getUint32(1);
    this.#buffer = new BodyBuffer(this.#restBytes, this.#bytesMax, this.#budget);
  }

  #addBytes(buffer: BodyBuffer, chunk: Uint8Array, at: number): number {
    const bytes = Math.min(this.#restBytes, chunk.length - at);
    buffer.add(at === 0 && bytes === chunk.length ? chunk : chunk.subarray(at, at + bytes));
    this.#restBytes -= bytes;
    return bytes;
  }

  #finish(buffer: BodyBuffer): void {
    const encoding = this.#prefix[0] === 1 ? this.#encoding : undefined;
    this.#buffer = undefined;
    this.#prefixBytes = 0;
    this.#onFrame(makeFrame(buffer, encoding, this.#bytesMax, this.#budget));
  }
}

function makeFrame(
  buffer: BodyBuffer,
  encoding: Encoding | undefined,
  bytesMax: number,
  budget: ByteBudget,
): GrpcFrame {
  if (encoding === undefined) {
    return { read: () => buffer.view(), release: () => buffer.release() };
  }
  let plainBytes = 0;
  const keep = (plain: Uint8Array): Uint8Array => {
    buffer.release();
    plainBytes = plain.length;
    return plain;
  };
  return {
    read() {
      const plain = decompress(encoding, buffer.view(), bytesMax, budget);
      return plain instanceof Promise ? plain.then(keep) : keep(plain);
    },
    release() {
      buffer.release();
      budget.give(plainBytes);
      plainBytes = 0;
    },
  };
}

/** What goes onto the wire for one message that is not compressed: one piece, or two. */
export function writeGrpcMessage(message: Uint8Array): readonly Uint8Array[] {
  const isCopied = message.length <= COPY_BYTES_MAX;
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES + (isCopied ? message.length : 0));
  prefix[0] = 0;
  prefix.writeUInt32BE(message.length, 1);
  if (!isCopied) return [prefix, message];
  prefix.set(message, PREFIX_BYTES);
  return [prefix];
}
