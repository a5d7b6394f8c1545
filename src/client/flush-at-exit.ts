// Spans that wait when the application ends are sent, and the application ends as it would without us.
//
//   beforeExit ──▶ flush, held open until it is done; not again before something was reported
//   SIGTERM, SIGINT ─┬ nobody else listens ──▶ flush, then the signal again: it ends the process
//                    └ somebody does ──▶ flush has begun before they are called; the rest is theirs
//
// Node ends a process by a signal only if nobody listens for it, and libraries like signal-exit count
// the listeners to find out whether they are alone. So ours is called first and takes itself off at
// once: others see the process as if we had never listened. What waits for UDP has then left already,
// if the socket was open.
//
// Not here: process.exit() called by the application, which nothing asynchronous survives: tracer.close().

import { isMainThread } from "node:worker_threads";

/** Longer than a healthy collector takes, shorter than anybody waits for Ctrl-C. */
const FLUSH_MS_MAX = 2_000;
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

type Signal = (typeof SIGNALS)[number];

/** What is asked for when the process ends. */
export interface Flushed {
  /** Counts up with every span that a flush may send. */
  readonly reportedSpans: number;
  flush(): Promise<void>;
}

/** What is used of `process`. */
export interface EndingProcess {
  readonly pid: number;
  prependListener(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
  listenerCount(event: string): number;
  kill(pid: number, signal: Signal): unknown;
}

/** Flushes what is added to it when `ending` ends. One is enough for a process. */
export class ExitFlush {
  readonly #process: EndingProcess;
  /** With the number of spans that it had reported when it was last flushed. */
  readonly #flushed = new Map<Flushed, number>();
  readonly #listeners = new Map<string, () => void>();

  constructor(ending: EndingProcess) {
    this.#process = ending;
  }

  add(one: Flushed): void {
    this.#flushed.set(one, one.reportedSpans);
    if (this.#listeners.size > 0) return;
    this.#listen("beforeExit", () => this.#beforeExit());
    if (!isMainThread) return; // signals go to the main thread only
    for (const signal of SIGNALS) this.#listen(signal, () => this.#onSignal(signal));
  }

  /** Listens for nothing any more when nothing is left. */
  remove(one: Flushed): void {
    this.#flushed.delete(one);
    if (this.#flushed.size > 0) return;
    for (const event of this.#listeners.keys()) this.#unlisten(event);
  }

  #listen(event: string, listener: () => void): void {
    this.#listeners.set(event, listener);
    this.#process.prependListener(event, listener);
  }

  #unlisten(event: string): void {
    const listener = this.#listeners.get(event);
    if (listener === undefined) return;
    this.#listeners.delete(event);
    this.#process.removeListener(event, listener);
  }

  /** Node calls this again when the loop has run empty again: then there is nothing left to flush. */
  #beforeExit(): void {
    const isIdle = [...this.#flushed].every(([one, reported]) => one.reportedSpans === reported);
    if (!isIdle) void this.#flush();
  }

  #onSignal(signal: Signal): void {
    this.#unlisten(signal);
    const isAlone = this.#process.listenerCount(signal) === 0;
    const flushing = this.#flush();
    if (!isAlone) return;
    void flushing.then(() => {
      if (this.#process.listenerCount(signal) === 0) this.#process.kill(this.#process.pid, signal);
    });
  }

  async #flush(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_MS_MAX); // keeps the process alive, and not for ever
    });
    const all = [...this.#flushed.keys()].map(async (one) => {
      this.#flushed.set(one, one.reportedSpans);
      await one.flush();
    });
    await Promise.race([Promise.allSettled(all), late]);
    clearTimeout(timer);
  }
}

/** Of this process. */
export const exitFlush: ExitFlush = new ExitFlush(process);
