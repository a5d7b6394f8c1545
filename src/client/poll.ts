// Something done again and again while the process lives, without keeping it alive.
//
//   open ─ 0..1 s ─▶ ask ─ ok ─▶ interval ± 10 % ─▶ ask …
//                     └ failed ─▶ 1 s, 2 s, 4 s … up to the interval ─▶ ask …
//
// The random part spreads processes that were started together. Only one question is under way at a time.
// Not here: what is asked, and what counts as failed.

/** Calls once after so many ms, and does not keep the process alive. @returns what takes it back. */
export type Wake = (ms: number, call: () => void) => () => void;

/** The machine's timers. */
const unrefWake: Wake = (ms, call) => {
  const timer = setTimeout(call, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

/** For the first question, and to try again. */
const FIRST_MS = 1_000;
/** Longer, setTimeout fires at once. */
const INTERVAL_MS_MAX = 2 ** 31 - 1;

export interface PollOptions {
  /** 0: only when ask() is called. */
  readonly intervalMs: number;
  /** @returns whether it went well; to throw is not to. */
  readonly ask: (signal: AbortSignal) => Promise<boolean>;
  readonly wake?: Wake | undefined;
  readonly random?: (() => number) | undefined;
}

export class Poll {
  readonly #options: PollOptions;
  readonly #intervalMs: number;
  readonly #wake: Wake;
  readonly #random: () => number;
  readonly #closed = new AbortController();
  #asking: Promise<void> | undefined;
  #failures = 0;
  #cancel: () => void = () => {};

  constructor(options: PollOptions) {
    this.#options = options;
    this.#intervalMs = Math.min(options.intervalMs, INTERVAL_MS_MAX / 2);
    this.#wake = options.wake ?? unrefWake;
    this.#random = options.random ?? Math.random;
    this.#plan(this.#random() * Math.min(FIRST_MS, this.#intervalMs));
  }

  /** Asks now; when it is asked already, that answer is the one. Resolves in any case. */
  ask(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Takes back what is under way. */
  close(): void {
    this.#cancel();
    this.#closed.abort();
  }

  async #askOnce(): Promise<void> {
    this.#cancel();
    if (this.#closed.signal.aborted) return;
    const isGood = await this.#askSafely();
    this.#failures = isGood ? 0 : this.#failures + 1;
    const retryMs = isGood ? this.#intervalMs : FIRST_MS * 2 ** (this.#failures - 1);
    this.#plan(Math.min(retryMs, this.#intervalMs) * (0.9 + 0.2 * this.#random()));
  }

  /** Metrics may be the user's, and of the wrong shape: that must not end the process. */
  async #askSafely(): Promise<boolean> {
    try {
      return await this.#options.ask(this.#closed.signal);
    } catch {
      return false;
    }
  }

  #plan(ms: number): void {
    // Not "<= 0": what is no number must not be polled for ever.
    if (!(this.#intervalMs > 0) || this.#closed.signal.aborted) return;
    this.#cancel = this.#wake(ms, () => void this.ask());
  }
}
