// So many traces a second at most, whichever come first.

import { SpoorError } from "../../base/errors.ts";
import { RateLimiter, type RateLimiterOptions } from "../rate-limiter.ts";
import { SAMPLER_PARAM, SAMPLER_TYPE, type Sampler, type SamplerTags } from "../sampler.ts";

/** Time and chance of a sampler, for tests. */
export type LimiterWorld = Pick<RateLimiterOptions, "clock" | "random">;

export class RateLimitingSampler implements Sampler {
  readonly name = "RateLimitingSampler";
  readonly #limiter: RateLimiter;
  #maxTracesPerSecond: number;

  /**
   * @param maxTracesPerSecond 0 or more; below 1 it is one trace in so many seconds.
   * @param initialBalance traces that may be taken at once; random up to one second's worth if not said.
   * @throws SpoorError `bad-input` for another limit.
   */
  constructor(maxTracesPerSecond: number, initialBalance?: number, world: LimiterWorld = {}) {
    checkLimit(maxTracesPerSecond);
    this.#maxTracesPerSecond = maxTracesPerSecond;
    this.#limiter = new RateLimiter(maxTracesPerSecond, Math.max(1, maxTracesPerSecond), {
      ...world,
      initialBalance,
    });
  }

  get maxTracesPerSecond(): number {
    return this.#maxTracesPerSecond;
  }

  isSampled(_operation: string, tags: SamplerTags): boolean {
    if (!this.take()) return false;
    tags[SAMPLER_TYPE] = "ratelimiting";
    tags[SAMPLER_PARAM] = this.#maxTracesPerSecond;
    return true;
  }

  /** The decision without its tags. */
  take(): boolean {
    return this.#limiter.take(1);
  }

  /** @returns whether that is another limit. @throws SpoorError as the constructor. */
  update(maxTracesPerSecond: number): boolean {
    if (maxTracesPerSecond === this.#maxTracesPerSecond) return false;
    checkLimit(maxTracesPerSecond);
    this.#maxTracesPerSecond = maxTracesPerSecond;
    this.#limiter.update(maxTracesPerSecond, Math.max(1, maxTracesPerSecond));
    return true;
  }

  close(callback?: () => void): void {
    callback?.();
  }

  toString(): string {
    return `${this.name}(maxTracesPerSecond=${this.#maxTracesPerSecond})`;
  }

  equal(other: Sampler): boolean {
    return (
      other instanceof RateLimitingSampler && other.maxTracesPerSecond === this.maxTracesPerSecond
    );
  }
}

function checkLimit(perSecond: number): void {
  if (perSecond >= 0 && Number.isFinite(perSecond)) return;
  throw new SpoorError("bad-input", `${perSecond} traces a second, expected 0 or more`);
}
