// Waiting between attempts: longer after each failure, and not at all once nobody wants to wait.

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

export class Backoff {
  readonly #firstMs: number;
  readonly #ending: AbortSignal;
  #nextMs: number;

  /** @param ending ends every wait. */
  constructor(ending: AbortSignal, firstMs = FIRST_MS) {
    this.#ending = ending;
    this.#firstMs = firstMs;
    this.#nextMs = firstMs;
  }

  /** The last attempt succeeded. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }

  /** Waits up to 5 s, twice as long as the last time. */
  wait(): Promise<void> {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(2 * ms, LONGEST_MS);
    if (this.#ending.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#ending.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#ending.addEventListener("abort", end);
    });
  }
}
