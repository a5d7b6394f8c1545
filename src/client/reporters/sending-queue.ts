// Written payloads on their way to a collector that may be away.
//
//   offer ─▶ waiting ─▶ in flight (LANES at most) ─ taken ─▶ delivered
//               ▲              └─ not now ─▶ pause: back-off with jitter, or Retry-After
//               └───────────────────┘   └─ never, or too often, or too long ago ─▶ failed
//
// While one payload's failure makes a pause, the others wait too: the collector is the same for all.
// flush() does not wait for the end of a pause: whatever is queued is tried once, now.
//
// Never keeps a process alive but while somebody waits for flush() or close(), which are bounded.
// Not here: how many spans may wait (queued-reporter.ts), requests (http-sender.ts).

import type { Clock } from "../../base/clock.ts";
import type { ReporterBooks } from "./reporter-books.ts";
import { waitAtMost } from "./wait-at-most.ts";

/** What became of one attempt. It is told, not thrown: failing is nothing unusual here. */
export type Verdict =
  | { readonly kind: "taken"; readonly rejectedSpans: number }
  /** @property afterMs what the collector asked for, 0 if nothing. */
  | { readonly kind: "again"; readonly afterMs: number; readonly why: string }
  | { readonly kind: "never"; readonly why: string };

export interface RetryLimits {
  /** The first pause; each one is twice as long as the one before, with jitter. */
  readonly firstMs: number;
  readonly pauseMsMax: number;
  /** A payload that is older when an attempt fails is given up. */
  readonly ageMsMax: number;
}

export const RETRY: RetryLimits = { firstMs: 500, pauseMsMax: 15_000, ageMsMax: 120_000 };

/** Requests at a time: enough for a collector far away. */
const LANES = 4;
/** How long flush() waits, which is also called when the process ends. */
const FLUSH_MS_MAX = 2_000;
/** How long close() does, after which spans are given up. */
const CLOSE_MS_MAX = 5_000;

interface Payload {
  readonly bytes: Uint8Array;
  readonly spans: number;
  readonly bornMs: number;
  /** Called when the next attempt has ended. */
  readonly waiters: (() => void)[];
}

export interface SendingQueueOptions {
  /** Sends once. Must end by itself, at the latest soon after `signal`; never rejects. */
  readonly send: (bytes: Uint8Array, signal: AbortSignal) => Promise<Verdict>;
  readonly books: ReporterBooks;
  readonly retry: RetryLimits;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** How long flush() and close() wait, if that is less than usual. */
  readonly waitMsMax: number;
}

export class SendingQueue {
  /** Spans that wait or are in flight. */
  spans = 0;
  /** Their bytes. */
  bytes = 0;
  readonly #options: SendingQueueOptions;
  readonly #waiting: Payload[] = [];
  readonly #inFlight = new Set<Payload>();
  readonly #abort = new AbortController();
  #pausedUntilMs = 0;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SendingQueueOptions) {
    this.#options = options;
  }

  offer(bytes: Uint8Array, spans: number): void {
    this.spans += spans;
    this.bytes += bytes.length;
    this.#waiting.push({ bytes, spans, bornMs: this.#options.clock.monotonicMs(), waiters: [] });
    this.#pump();
  }

  /** Resolves when each payload has been tried since, or after two seconds. */
  flush(): Promise<void> {
    return this.#tryAll(FLUSH_MS_MAX);
  }

  async #tryAll(msMax: number): Promise<void> {
    const attempts = [...this.#waiting, ...this.#inFlight].map(
      ({ waiters }) =>
        new Promise<void>((resolve) => {
          waiters.push(resolve);
        }),
    );
    if (attempts.length === 0) return;
    this.#pump();
    await waitAtMost(Promise.all(attempts), Math.min(msMax, this.#options.waitMsMax));
  }

  /** As flush(); what has not been taken by then is given up. */
  async close(): Promise<void> {
    await this.#tryAll(CLOSE_MS_MAX);
    clearTimeout(this.#timer);
    for (const payload of this.#waiting.splice(0)) {
      this.#giveUp(payload, "the reporter was closed");
    }
    this.#abort.abort();
  }

  #pump(): void {
    while (this.#inFlight.size < LANES) {
      const payload = this.#next();
      if (payload === undefined) return;
      void this.#send(payload);
    }
  }

  #next(): Payload | undefined {
    if (this.#abort.signal.aborted) return undefined;
    if (this.#options.clock.monotonicMs() >= this.#pausedUntilMs) return this.#waiting.shift();
    // Whoever flushes does not wait for the end of the pause.
    const at = this.#waiting.findIndex(({ waiters }) => waiters.length > 0);
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
  }

  async #send(payload: Payload): Promise<void> {
    this.#inFlight.add(payload);
    const verdict = await this.#options.send(payload.bytes, this.#abort.signal);
    this.#inFlight.delete(payload);
    this.#settle(payload, verdict);
    for (const resolve of payload.waiters.splice(0)) resolve();
    this.#pump();
  }

  #settle(payload: Payload, verdict: Verdict): void {
    const { books, retry } = this.#options;
    switch (verdict.kind) {
      case "taken": {
        const rejected = Math.min(Math.max(0, verdict.rejectedSpans), payload.spans);
        this.#failures = 0;
        this.#pausedUntilMs = 0;
        this.#leave(payload);
        books.deliver(payload.spans - rejected);
        books.fail(rejected, "the collector left them out");
        return;
      }
      case "never":
        this.#giveUp(payload, verdict.why);
        return;
      case "again":
        if (
          this.#abort.signal.aborted ||
          this.#options.clock.monotonicMs() - payload.bornMs > retry.ageMsMax
        ) {
          this.#giveUp(payload, verdict.why);
          return;
        }
        this.#waiting.unshift(payload);
        this.#pause(verdict.afterMs);
    }
  }

  #pause(askedMs: number): void {
    const { retry, random } = this.#options;
    const pauseMs = Math.min(retry.pauseMsMax, retry.firstMs * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    // Half of it by chance, so that a thousand processes do not come back at once.
    const jitteredMs = pauseMs * (0.5 + random() / 2);
    const waitMs = Math.min(Math.max(jitteredMs, askedMs), Math.max(retry.ageMsMax, jitteredMs));
    this.#pausedUntilMs = this.#options.clock.monotonicMs() + waitMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // Said here, for a timer may come a moment before the clock says so.
      this.#pausedUntilMs = 0;
      this.#pump();
    }, waitMs).unref();
  }

  #giveUp(payload: Payload, why: string): void {
    this.#leave(payload);
    this.#options.books.fail(payload.spans, why);
  }

  #leave(payload: Payload): void {
    this.spans -= payload.spans;
    this.bytes -= payload.bytes.length;
  }
}
