// Receives one request body: bounded, timed by the server, decompressed at its end.
//
//   headers ─ checkBody ─▶ BodyBuffer ◀─ chunks ─ … end ─ decompress ─▶ done(bytes)
//                └ 413, 415                └ 413, 429        └ 400, 413, 429
//
// Source: RFC 9110 §8.4 (content codings), RFC 9112 §6 (message body length).
// Trust: hostile. node:http has checked the framing; sizes and contents are checked here.
// Not here: slow senders (the server's own timers), the answers (http-call.ts).

import type { IncomingMessage } from "node:http";
import { BodyBuffer } from "./body-buffer.ts";
import { BodyError } from "./body-error.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { decompress, type Encoding } from "./decompress.ts";
import { countLetGo } from "./garbage.ts";

export interface BodyBounds {
  readonly bodyBytesMax: number;
  readonly plainBytesMax: number;
}

// Names that peers use. `identity` and none are no encoding at all.
const ENCODINGS: ReadonlyMap<string, Encoding | undefined> = new Map([
  ["", undefined],
  ["identity", undefined],
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["zlib", "deflate"],
  ["zstd", "zstd"],
]);

const EMPTY = new Uint8Array(0);

/** One body on its way. What it holds is given back by `release`, once, whatever happened. */
export class HttpBodyReader {
  readonly #bounds: BodyBounds;
  readonly #budget: ByteBudget;
  readonly #encoding: Encoding | undefined;
  #buffer: BodyBuffer | undefined;
  #plainBytes = 0;

  /** @throws BodyError `unknown-encoding`, or `too-large` by what is declared. */
  constructor(request: IncomingMessage, bounds: BodyBounds, budget: ByteBudget) {
    this.#bounds = bounds;
    this.#budget = budget;
    this.#encoding = parseEncoding(request.headers["content-encoding"] ?? "");
    const declared = request.headers["content-length"];
    const declaredBytes = declared === undefined ? -1 : Number(declared);
    this.#buffer = new BodyBuffer(declaredBytes, bounds.bodyBytesMax, budget);
  }

  /** @throws BodyError `too-large` or `over-budget`. */
  add(chunk: Uint8Array): void {
    this.#buffer?.add(chunk);
  }

  /** The plain body; valid until `release`. @throws BodyError, also as a rejection. */
  finish(): Uint8Array | Promise<Uint8Array> {
    const received = this.#buffer?.view() ?? EMPTY;
    if (this.#encoding === undefined || received.length === 0) return received;
    const plain = decompress(this.#encoding, received, this.#bounds.plainBytesMax, this.#budget);
    return plain instanceof Promise
      ? plain.then((bytes) => this.#keepPlain(bytes))
      : this.#keepPlain(plain);
  }

  release(): void {
    this.#buffer?.release();
    this.#buffer = undefined;
    this.#budget.give(this.#plainBytes);
    countLetGo(this.#plainBytes);
    this.#plainBytes = 0;
  }

  #keepPlain(plain: Uint8Array): Uint8Array {
    this.release(); // what came over the wire is not needed any more
    this.#plainBytes = plain.length;
    return plain;
  }
}

/** Whether a body follows: RFC 9112 §6.3. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return (length !== undefined && length !== "0") || headers["transfer-encoding"] !== undefined;
}

function parseEncoding(text: string): Encoding | undefined {
  const name = text.trim().toLowerCase();
  if (ENCODINGS.has(name)) return ENCODINGS.get(name);
  const message = "unknown content-encoding, expected gzip, deflate, zstd or identity";
  throw new BodyError("unknown-encoding", message);
}
