// Writes answers: whole ones at once, iterables piece by piece, gzip where it is wanted.
//
//   HttpAnswer ─▶ headers of the door + CORS + of the answer ─▶ (gzip) ─▶ response
//
// An iterable's status is sent with its first piece, so that a failure before it is still a status;
// a failure after it can only cut the connection. A peer that does not read is cut off.
//
// When the request's body was not read to its end, the answer is sent whole but the connection is
// held open, dropping what comes, until the peer stops or a bound is met: closing at once would
// reset the connection, and the peer would never see why.
// Trust: answers are ours; the peer's reading speed is not.

import { Buffer } from "node:buffer";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { assert } from "../base/assert.ts";
import { SpoorError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { CorsRules } from "./cors.ts";
import { drained } from "./drained.ts";
import type { HttpCall } from "./http-call.ts";
import type { HttpAnswer } from "./http-route.ts";

export interface AnswerSettings {
  readonly headers: Readonly<Record<string, string>>;
  readonly cors: CorsRules | undefined;
  readonly gzip: boolean;
  readonly answerTimeoutMs: number;
  readonly lingerMs: number;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
  /** Connections end with their answers: the door is closing, or never keeps one. */
  isClosing(): boolean;
}

export interface AnswerWriter {
  write(call: HttpCall, answer: HttpAnswer): void;
}

type Headers = Record<string, string | readonly string[] | number>;

/** Below, compressing saves less than a packet. */
const GZIP_BYTES_MIN = 1024;
/** Trace JSON shrinks 10:1 at 600 MB a CPU second; level 6 gives 13:1 at 220. */
const GZIP_LEVEL = 1;
/** Answers up to here fit into the kernel's buffers: no need to watch the peer read them. */
const UNWATCHED_BYTES_MAX = 64 * 1024;
/** How much of a refused body is read and dropped: a little more than what a door takes. */
const LINGER_BYTES_MAX = 64 * 1024 * 1024;

export function makeAnswerWriter(settings: AnswerSettings): AnswerWriter {
  return {
    write(call, answer) {
      const { response } = call;
      if (response.destroyed || response.headersSent) {
        void dropIterable(answer.body);
        return;
      }
      const { body = "" } = answer;
      if (typeof body !== "string" && !(body instanceof Uint8Array)) {
        writePieces(settings, call, answer, body).catch((error: unknown) => {
          response.destroy();
          settings.onBug(error);
        });
        return;
      }
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      if (settings.gzip && bytes.length >= GZIP_BYTES_MIN && acceptsGzip(call)) {
        zlib.gzip(bytes, { level: GZIP_LEVEL }, (error, packed) => {
          assert(error === null, "gzip takes any bytes");
          if (!response.destroyed) writeWhole(settings, call, answer, packed, true);
        });
        return;
      }
      writeWhole(settings, call, answer, bytes, false);
    },
  };
}

function writeWhole(
  settings: AnswerSettings,
  call: HttpCall,
  answer: HttpAnswer,
  bytes: Uint8Array,
  isPacked: boolean,
): void {
  const { response } = call;
  const headers = headersOf(settings, call, answer, isPacked);
  if (answer.status !== 204 && answer.status !== 304) headers["Content-Length"] = bytes.length;
  if (call.isStillSending) {
    linger(settings, call, answer.status, { headers, bytes });
    return;
  }
  response.writeHead(answer.status, headers as Record<string, string>);
  if (bytes.length > UNWATCHED_BYTES_MAX) {
    response.setTimeout(settings.answerTimeoutMs, () => response.destroy());
  }
  response.end(bytes);
}

/** Answers now, ends when the peer has stopped sending: see the head of this file. */
function linger(
  { lingerMs }: AnswerSettings,
  call: HttpCall,
  status: number,
  { headers, bytes }: { readonly headers: Headers; readonly bytes: Uint8Array },
): void {
  const { request, response } = call;
  response.writeHead(status, { ...headers, Connection: "close" } as Record<string, string>);
  response.write(bytes);
  let dropped = 0;
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  response.once("close", () => clearTimeout(timer));
  request.on("data", (chunk: Uint8Array) => {
    dropped += chunk.length;
    if (dropped > LINGER_BYTES_MAX) end();
  });
  request.once("end", end);
  request.on("error", end);
}

async function writePieces(
  settings: AnswerSettings,
  call: HttpCall,
  answer: HttpAnswer,
  body: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const { response } = call;
  const cut = () => response.destroy();
  const isPacked = settings.gzip && acceptsGzip(call);
  const pieces = (isPacked ? gzipPieces(body) : body)[Symbol.asyncIterator]();
  let next: IteratorResult<string | Uint8Array>;
  try {
    next = await pieces.next();
  } catch (error) {
    call.fail(error);
    return;
  }
  try {
    if (response.destroyed) return;
    const headers = headersOf(settings, call, answer, isPacked);
    response.writeHead(answer.status, headers as Record<string, string>);
    while (next.done !== true) {
      const hasRoom = response.write(next.value);
      if (!hasRoom && !(await drained(response, settings.answerTimeoutMs, cut))) return;
      if (response.destroyed) return;
      next = await pieces.next();
    }
    response.end();
  } catch (error) {
    response.destroy();
    if (!(error instanceof SpoorError)) throw error;
    settings.log.warn("answer cut off", { path: call.path, error: error.message });
  } finally {
    await pieces.return?.();
  }
}

function gzipPieces(body: AsyncIterable<string | Uint8Array>): AsyncIterable<Uint8Array> {
  const gzip = zlib.createGzip({ level: GZIP_LEVEL });
  // A failure of either side destroys the other, and comes out of the iteration.
  pipeline(body, gzip).catch(() => {});
  return gzip as AsyncIterable<Uint8Array>;
}

async function dropIterable(body: HttpAnswer["body"]): Promise<void> {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return;
  await body[Symbol.asyncIterator]().return?.();
}

function headersOf(
  settings: AnswerSettings,
  call: HttpCall,
  answer: HttpAnswer,
  isPacked: boolean,
): Headers {
  const headers: Headers = { ...settings.headers, ...answer.headers };
  if (settings.cors !== undefined) {
    Object.assign(headers, settings.cors.answerHeaders(call.request.headers.origin));
  }
  if (settings.gzip)
    headers["Vary"] = [headers["Vary"], "Accept-Encoding"].filter(Boolean).join(", ");
  if (isPacked) headers["Content-Encoding"] = "gzip";
  if (settings.isClosing()) headers["Connection"] = "close";
  return headers;
}

/** `gzip`, `*`, with a weight that is not 0: RFC 9110 §12.5.3. */
function acceptsGzip({ headers }: HttpCall): boolean {
  const accepted = headers["accept-encoding"];
  if (typeof accepted !== "string") return false;
  for (const part of accepted.split(",", 16)) {
    const [name = "", weight = ""] = part.split(";", 2);
    if (name.trim().toLowerCase() !== "gzip") continue;
    return !/^\s*q=0(\.0*)?\s*$/.test(weight);
  }
  return false;
}
