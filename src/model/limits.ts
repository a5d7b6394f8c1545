// How long the columns of one SpanBatch may become.
//
// A payload can name many small things in few bytes: an empty event is 2 bytes of OTLP and 22 of
// columns. The bounds by kind are far above what real traces hold. Who reads payloads of strangers
// bounds the bytes of all columns together as well: a MemoryBound.
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

/** Bytes that the columns and the dictionary of one batch may grow by, together. */
export class MemoryBound {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Called before anything grows. @throws SpoorError `bad-input` if the bound does not allow it. */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) {
      const message = `more than ${this.#bytesMax} bytes of memory for one batch`;
      throw new SpoorError("bad-input", message);
    }
    this.#bytes += bytes;
  }
}

/** For what is ours: bounded by its kind only. */
export const unbounded: MemoryBound = new MemoryBound(Number.POSITIVE_INFINITY);

/**
 * The next size of a column that is full: `first`, then twice as much each time.
 *
 * @throws SpoorError `bad-input` above `max`.
 */
export function nextSize(
  size: number,
  { first, max }: { readonly first: number; readonly max: number },
  what: string,
): number {
  if (size >= max) throw new SpoorError("bad-input", `more than ${max} ${what} in one batch`);
  return Math.min(Math.max(size * 2, first), max);
}
