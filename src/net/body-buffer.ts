// Collects the chunks of one body or message into one piece of borrowed memory, within bounds.
//
//   declared size known, <= 1 MiB   one buffer, chunks are copied in: no second copy
//   otherwise                       grows by doubling up to what was declared or is allowed
//
// Memory follows what was received, not what was promised: a peer that declares 16 MiB and sends
// nothing holds 1 MiB and nothing of the budget.
// Trust: chunks and declared sizes are the peer's. Each is checked before it is allocated for.
// Not here: decompression (decompress.ts), timeouts (the servers).

import { BodyError, overBudget } from "./body-error.ts";
import type { ByteBudget } from "./byte-budget.ts";

/** Allocated at once on a peer's word; larger bodies grow as they come. */
const FIRST_BYTES_MAX = 1024 * 1024;
/** A body of unknown size starts with this: most requests without a length are small. */
const FIRST_BYTES = 16 * 1024;

const EMPTY = new Uint8Array(0);

export class BodyBuffer {
  readonly #bytesMax: number;
  readonly #budget: ByteBudget;
  #buffer: Uint8Array = EMPTY;
  #bytes = 0;

  /**
   * @param declaredBytes what the peer says will come, -1 if it does not say.
   * @param guessBytes where it does not say: what is probable, and not far above what has come.
   * @throws BodyError `too-large` if more is declared than `bytesMax`.
   */
  constructor(
    declaredBytes: number,
    bytesMax: number,
    budget: ByteBudget,
    guessBytes: number = FIRST_BYTES,
  ) {
    if (declaredBytes > bytesMax) throw tooLarge(declaredBytes, bytesMax);
    // One that declares its size cannot send more: the framing of HTTP and gRPC sees to that.
    this.#bytesMax = declaredBytes < 0 ? bytesMax : declaredBytes;
    this.#budget = budget;
    const firstBytes = declaredBytes < 0 ? Math.min(guessBytes, bytesMax) : declaredBytes;
    if (firstBytes > 0) this.#buffer = budget.borrow(Math.min(firstBytes, FIRST_BYTES_MAX));
  }

  /** @throws BodyError `too-large` or `over-budget`; what was taken stays taken until `release`. */
  add(chunk: Uint8Array): void {
    const bytes = this.#bytes + chunk.length;
    if (bytes > this.#bytesMax) throw tooLarge(bytes, this.#bytesMax);
    if (!this.#budget.take(chunk.length)) throw overBudget(this.#budget);
    if (bytes > this.#buffer.length) this.#grow(bytes);
    this.#buffer.set(chunk, this.#bytes);
    this.#bytes = bytes;
  }

  /** What was collected so far; valid until `release`. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#bytes);
  }

  /** Gives memory and budget back: when the answer is known, or the peer gone. Twice is harmless. */
  release(): void {
    if (this.#buffer !== EMPTY) this.#budget.giveBack(this.#buffer);
    this.#buffer = EMPTY;
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
  }

  #grow(bytesMin: number): void {
    const doubled = Math.min(2 * this.#buffer.length, this.#bytesMax);
    const larger = this.#budget.borrow(Math.max(bytesMin, doubled));
    larger.set(this.view());
    if (this.#buffer !== EMPTY) this.#budget.giveBack(this.#buffer);
    this.#buffer = larger;
  }
}

function tooLarge(bytes: number, bytesMax: number): BodyError {
  return new BodyError(
    "too-large",
    `body of ${bytes} bytes or more, at most ${bytesMax} are taken`,
  );
}
