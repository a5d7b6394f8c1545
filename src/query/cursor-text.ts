// A place in the answer of a search as the text that a client hands back for the next page.
//
//   start of the newest matching span, µs, int64 big-endian | trace id, 16 bytes   ─▶ base64url, 32 characters
//
// Trust: the text is the peer's; whatever it says is only compared with.

import { Buffer } from "node:buffer";
import { SpoorError } from "../base/errors.ts";
import type { Cursor } from "../model/trace-query.ts";

const BYTES = 24;

export function printCursor({ startUs, traceId }: Cursor): string {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeBigInt64BE(BigInt(Math.trunc(startUs)));
  bytes.set(traceId, 8);
  return bytes.toString("base64url");
}

/** @throws SpoorError `bad-input` if it is none that `printCursor` gives. */
export function parseCursor(text: string): Cursor {
  const bytes = Buffer.from(text, "base64url");
  const startUs = bytes.length === BYTES ? Number(bytes.readBigInt64BE()) : NaN;
  const isOurs = Number.isSafeInteger(startUs) && bytes.toString("base64url") === text;
  if (!isOurs) throw new SpoorError("bad-input", "malformed 'cursor' parameter: not one of ours");
  return { startUs, traceId: new Uint8Array(bytes.subarray(8)) };
}
