// A bucket of credits that fills by the second: who has not enough is turned away.
//
//   balance = min(balance + seconds · creditsPerSecond, maxBalance)      take(cost) ⇔ balance >= cost
//
// It starts with a random balance, so that many processes started together do not all take at once.
//
// Source: jaeger-client 3.19, rate_limiter.js. Unlike there, time is monotonic: a clock that is set back
// neither empties nor fills the bucket.

import { type Clock, systemClock } from "../base/clock.ts";

export interface RateLimiterOptions {
  /** Instead of a random one. */
  readonly initialBalance?: number | undefined;
  readonly clock?: Clock;
  /** 0..1, as Math.random. */
  readonly random?: () => number;
}

export class RateLimiter {
  #creditsPerSecond: number;
  #maxBalance: number;
  #balance: number;
  #lastMs: number;
  readonly #clock: Clock;

  /** @param maxBalance above 0. */
  constructor(creditsPerSecond: number, maxBalance: number, options: RateLimiterOptions = {}) {
    const { clock = systemClock, random = Math.random } = options;
    this.#creditsPerSecond = creditsPerSecond;
    this.#maxBalance = maxBalance;
    this.#balance = options.initialBalance ?? random() * maxBalance;
    this.#clock = clock;
    this.#lastMs = clock.monotonicMs();
  }

  /** Takes `cost` credits if there are as many. */
  take(cost: number): boolean {
    this.#fill();
    if (this.#balance < cost) return false;
    this.#balance -= cost;
    return true;
  }

  /** Goes on at another rate; the bucket stays as full, in parts of the whole, as it was. */
  update(creditsPerSecond: number, maxBalance: number): void {
    this.#fill();
    this.#balance = (this.#balance / this.#maxBalance) * maxBalance;
    this.#creditsPerSecond = creditsPerSecond;
    this.#maxBalance = maxBalance;
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const seconds = (nowMs - this.#lastMs) / 1_000;
    this.#lastMs = nowMs;
    this.#balance = Math.min(this.#balance + seconds * this.#creditsPerSecond, this.#maxBalance);
  }
}
