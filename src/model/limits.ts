// How long the columns of one SpanBatch may become.
//
// A payload can name many small things in few bytes: an empty event is 2 bytes of OTLP and 22 of
// columns. These bounds are far above what real payloads and traces hold, and keep the columns of the
// worst payload that a door lets in (64 MiB) below about half a gigabyte.
//
// Not here: bytes of payloads (net), spans and bytes of a store.

import { SpoorError } from "../base/errors.ts";

/** A span with its ids is 30 bytes of OTLP at least; 101 of columns. */
export const ROWS_MAX = 1 << 21;
/** 22 bytes of columns. */
export const EVENTS_MAX = 1 << 22;
/** 40 bytes of columns. */
export const LINKS_MAX = 1 << 21;
/** Of resources and of scopes; 16 and 24 bytes of columns. */
export const OWNERS_MAX = 1 << 21;
/** Of one level; 13 bytes of columns. */
export const ATTRIBUTES_MAX = 1 << 23;

/**
 * The next size of a column that is full.
 *
 * @throws SpoorError `bad-input` above `sizeMax`.
 */
export function nextSize(size: number, sizeMax: number, what: string): number {
  if (size >= sizeMax) {
    throw new SpoorError("bad-input", `more than ${sizeMax} ${what} in one batch`);
  }
  return Math.min(size * 2, sizeMax);
}
