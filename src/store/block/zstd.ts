// zstd, a frame at a time, by contexts that are used again.
//
//   contents ─▶ writeFrame ─▶ frame into memory of the caller      frame ─▶ readFrame ─▶ contents, likewise
//
// Node's `zstdDecompressSync` makes a context, a stream and two buffers for every call. Of 110 µs for 40 kB
// half is that, and the native object keeps the buffers alive until a full collection: with many small pages
// that is what makes one necessary. The streams' own handle does the same work without; it is not documented,
// so it is tried on first use, and without it the documented calls are made.
//
// Source: RFC 8878; node:zlib of Node.js 24 (lib/zlib.js, `processChunkSync`).
// Trust: frames may be anything. Not here: which pages, checksums (page-codec.ts).

import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { assert } from "../../base/assert.ts";
import { SpoorError } from "../../base/errors.ts";

/** As much of a stream of node:zlib as is used here. */
interface Stream {
  readonly destroyed: boolean;
  on(event: "error", listener: () => void): unknown;
  close(): void;
  readonly _handle?: Handle;
  /** Bytes of the output that are left, bytes of the input that are left: after each call. */
  readonly _writeState?: Uint32Array;
}

interface Handle {
  writeSync(
    flush: number,
    from: Uint8Array,
    fromAt: number,
    fromBytes: number,
    to: Uint8Array,
    toAt: number,
    toBytes: number,
  ): void;
}

const FLUSH = { read: constants.ZSTD_e_continue, write: constants.ZSTD_e_end };

/** A stream's context, for whole frames only. */
class Context {
  readonly #stream: Stream;
  readonly #handle: Handle;
  readonly #left: Uint32Array;
  readonly #flush: number;

  private constructor(stream: Stream, handle: Handle, left: Uint32Array, flush: number) {
    this.#stream = stream;
    this.#handle = handle;
    this.#left = left;
    this.#flush = flush;
  }

  /** Undefined: streams are not as they are known here. */
  static open(made: unknown, flush: number): Context | undefined {
    const stream = made as Stream;
    const { _handle: handle, _writeState: left } = stream;
    if (typeof handle?.writeSync !== "function" || !(left instanceof Uint32Array)) return undefined;
    // What went wrong is told by `destroyed`.
    stream.on("error", () => undefined);
    return new Context(stream, handle, left, flush);
  }

  /** @returns bytes in `to`; undefined: `from` was not used up, and the context is to be closed. */
  run(from: Uint8Array, to: Uint8Array): number | undefined {
    this.#handle.writeSync(this.#flush, from, 0, from.length, to, 0, to.length);
    // With room left nothing is held back for a next call.
    if (!this.#stream.destroyed && this.#left[1] === 0 && this.#left[0]! > 0) {
      return to.length - this.#left[0]!;
    }
    return undefined;
  }

  close(): void {
    this.#stream.close();
  }
}

let reader: Context | undefined;
const writers = new Map<number, Context>();
let isKnown: boolean | undefined;

/**
 * Decompresses one frame.
 *
 * @param to has room for one byte more than the contents: a frame with more of them is found out.
 * @param bytes of the contents. @throws SpoorError `unavailable` if it is not a frame of so many.
 */
export function readFrame(frame: Uint8Array, to: Uint8Array, bytes: number): void {
  assert(to.length > bytes, "there is room for one byte more");
  if (!knowsStreams()) {
    if (copyInto(to, decompress(frame, to.length)) !== bytes)
      throw damagedFrame(frame.length, bytes);
    return;
  }
  const isUsed = reader !== undefined;
  reader ??= Context.open(createZstdDecompress(), FLUSH.read)!;
  if (reader.run(frame, to) === bytes) return;
  reader.close();
  reader = undefined;
  if (!isUsed) throw damagedFrame(frame.length, bytes);
  // The end of a frame is not told: one before may have been cut short, and this one taken for its rest.
  readFrame(frame, to, bytes);
}

/** @param to has room for `frameBytesMax(contents.length)`. @returns bytes of the frame. */
export function writeFrame(contents: Uint8Array, level: number, to: Uint8Array): number {
  if (!knowsStreams()) return copyInto(to, compress(contents, level));
  let writer = writers.get(level);
  if (writer === undefined) {
    const made = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } });
    writers.set(level, (writer = Context.open(made, FLUSH.write)!));
  }
  const bytes = writer.run(contents, to);
  if (bytes !== undefined) return bytes;
  writer.close();
  writers.delete(level);
  return copyInto(to, compress(contents, level));
}

/** What a frame of so many bytes may need at most, and one more. Source: ZSTD_COMPRESSBOUND. */
export function frameBytesMax(bytes: number): number {
  return bytes + (bytes >> 7) + 128;
}

const PROBE = Uint8Array.from({ length: 256 }, (_, at) => at % 7);

/** Whether streams do what this file expects of them: the same as the documented calls, twice in a row. */
export function knowsStreams(): boolean {
  isKnown ??= probe();
  return isKnown;
}

function probe(): boolean {
  const writing = Context.open(createZstdCompress(), FLUSH.write);
  const reading = Context.open(createZstdDecompress(), FLUSH.read);
  if (writing === undefined || reading === undefined) return false;
  const frame = new Uint8Array(frameBytesMax(PROBE.length));
  const contents = new Uint8Array(PROBE.length + 1);
  for (let round = 0; round < 2; round++) {
    const bytes = writing.run(PROBE, frame) ?? 0;
    const read = reading.run(frame.subarray(0, bytes), contents.fill(0));
    if (read !== PROBE.length || PROBE.some((byte, at) => byte !== contents[at])) return false;
  }
  writing.close();
  reading.close();
  return true;
}

function compress(contents: Uint8Array, level: number): Uint8Array {
  return zstdCompressSync(contents, {
    // One chunk: the default of 16 KB would be joined again.
    chunkSize: Math.max(1024, frameBytesMax(contents.length)),
    params: { [constants.ZSTD_c_compressionLevel]: level },
    // Known in advance, zstd takes smaller tables: a tenth of the time.
    pledgedSrcSize: contents.length,
  });
}

function decompress(frame: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return zstdDecompressSync(frame, {
      chunkSize: Math.max(1024, bytesMax),
      maxOutputLength: Math.max(1, bytesMax),
    });
  } catch (error) {
    throw damagedFrame(frame.length, bytesMax, error);
  }
}

function copyInto(to: Uint8Array, bytes: Uint8Array): number {
  to.set(bytes);
  return bytes.length;
}

function damagedFrame(bytes: number, expected: number, cause?: unknown): SpoorError {
  const message = "a frame cannot be decompressed to what it should hold";
  return new SpoorError("unavailable", message, { bytes, expected }, cause);
}
