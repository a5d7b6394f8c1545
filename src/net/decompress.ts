// Bodies and messages that come compressed: gzip, deflate, zstd, each with a bound on the output.
//
//   gzip     1f 8b … crc32 isize(u32 LE): the last four bytes say how long the output is
//   deflate  zlib (RFC 1950); bare RFC 1951, which some peers mean by it, is told by its header
//   zstd     28 b5 2f fd, frame header with the output's length when the sender knew it
//
// Small bodies are done on the spot: handing 3 KB to the thread pool and back costs more than five
// times the work. Large ones go to the pool, so that no other peer waits for them.
//
// Source: RFC 1950, 1951, 1952, 8878; measured: see SYNC_BYTES_MAX and OUTPUT_RATIO_GUESS.
// Trust: hostile. The output is bounded before it is made; the length a peer states is a hint for
// the first allocation, itself bounded by what was really received.
// Not here: which encodings a protocol allows (http-body.ts, grpc-message.ts).

import { once } from "node:events";
import * as zlib from "node:zlib";
import { BodyError, overBudget } from "./body-error.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { countLetGo, countReceived } from "./garbage.ts";

export type Encoding = "gzip" | "deflate" | "zstd";

/** Up to here on the event loop, */
const SYNC_BYTES_MAX = 256 * 1024;
/** … and up to here of output: a bomb stops after 3 ms and leaves little behind. */
const SYNC_PLAIN_BYTES_MAX = 4 * 1024 * 1024;
/** Trace data shrink 8:1 to 15:1. One output buffer instead of many: a third of the time. */
const OUTPUT_RATIO_GUESS = 12;
/** More is not allocated on the word of a peer: a trace that shrinks better takes two steps. */
const OUTPUT_RATIO_MAX = 32;
const OUTPUT_BYTES_MIN = 1024;
/** Output step of the thread pool. */
const POOL_CHUNK_BYTES = 256 * 1024;

/**
 * Decompresses one whole body.
 *
 * @param plainBytesMax bound of the output, in bytes.
 * @param budget what the output takes is taken from here; the caller gives back its length.
 * @throws BodyError `too-large`, `over-budget` or `corrupt`.
 */
export function decompress(
  encoding: Encoding,
  body: Uint8Array,
  plainBytesMax: number,
  budget: ByteBudget,
): Uint8Array | Promise<Uint8Array> {
  if (body.length > SYNC_BYTES_MAX) return decompressInPool(encoding, body, plainBytesMax, budget);
  const bytesMax = Math.min(plainBytesMax, SYNC_PLAIN_BYTES_MAX);
  let plain: Uint8Array;
  try {
    plain = decompressNow(encoding, body, bytesMax);
  } catch (error) {
    const refused = refusal(error, encoding, bytesMax);
    if (refused.reason !== "too-large" || bytesMax === plainBytesMax) throw refused;
    return decompressInPool(encoding, body, plainBytesMax, budget);
  }
  if (!budget.take(plain.length)) throw overBudget(budget);
  return plain;
}

function decompressNow(encoding: Encoding, body: Uint8Array, plainBytesMax: number): Uint8Array {
  const chunkSize = guessOutputBytes(encoding, body, plainBytesMax);
  const options = { chunkSize, maxOutputLength: plainBytesMax };
  const plain =
    encoding === "gzip"
      ? zlib.gunzipSync(body, options)
      : encoding === "zstd"
        ? zlib.zstdDecompressSync(body, options)
        : isZlib(body)
          ? zlib.inflateSync(body, options)
          : zlib.inflateRawSync(body, options);
  // A guess that was far too high must not stay in memory as long as the body does.
  return plain.length * 1.25 < plain.buffer.byteLength ? new Uint8Array(plain) : plain;
}

async function decompressInPool(
  encoding: Encoding,
  body: Uint8Array,
  plainBytesMax: number,
  budget: ByteBudget,
): Promise<Uint8Array> {
  const stream = openDecompressor(encoding, body);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    stream.end(body);
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (bytes + chunk.length > plainBytesMax) throw tooLarge(plainBytesMax);
      if (!budget.take(chunk.length)) throw overBudget(budget);
      bytes += chunk.length;
      chunks.push(chunk);
    }
    // For a moment there are two of it.
    if (!budget.take(bytes)) throw overBudget(budget);
    const plain = Buffer.concat(chunks, bytes);
    budget.give(bytes);
    chunks.length = 0;
    countLetGo(bytes);
    return plain;
  } catch (error) {
    budget.give(bytes);
    chunks.length = 0;
    countReceived(bytes); // as much garbage
    countLetGo(bytes);
    throw refusal(error, encoding, plainBytesMax);
  } finally {
    stream.destroy();
    if (!stream.closed) await once(stream, "close");
  }
}

function openDecompressor(encoding: Encoding, body: Uint8Array): zlib.Gunzip | zlib.ZstdDecompress {
  const options = { chunkSize: POOL_CHUNK_BYTES };
  if (encoding === "gzip") return zlib.createGunzip(options);
  if (encoding === "zstd") return zlib.createZstdDecompress(options);
  return isZlib(body) ? zlib.createInflate(options) : zlib.createInflateRaw(options);
}

/** The first output buffer: as large as the output will be, if the body says so and may. */
function guessOutputBytes(encoding: Encoding, body: Uint8Array, plainBytesMax: number): number {
  const stated = encoding === "gzip" ? gzipSize(body) : undefined;
  const guess = (stated ?? body.length * OUTPUT_RATIO_GUESS) + 1; // full buffers cost a further step
  const allowed = Math.min(guess, body.length * OUTPUT_RATIO_MAX, plainBytesMax + 1);
  return Math.max(allowed, OUTPUT_BYTES_MIN);
}

function gzipSize(body: Uint8Array): number | undefined {
  if (body.length < 18) return undefined; // the shortest gzip member
  return new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(
    body.length - 4,
    true,
  );
}

function isZlib(body: Uint8Array): boolean {
  const first = body[0] ?? 0;
  return (first & 0x0f) === 8 && ((first << 8) | (body[1] ?? 0)) % 31 === 0;
}

function refusal(error: unknown, encoding: Encoding, plainBytesMax: number): BodyError {
  if (error instanceof BodyError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ERR_BUFFER_TOO_LARGE") return tooLarge(plainBytesMax);
  return new BodyError("corrupt", `body is not ${encoding}, or is cut off (${code ?? "no code"})`);
}

function tooLarge(plainBytesMax: number): BodyError {
  return new BodyError("too-large", `decompressed body is over ${plainBytesMax} bytes`);
}
