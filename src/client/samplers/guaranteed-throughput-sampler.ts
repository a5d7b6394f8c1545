// A share of all traces of an operation, and some of it even when that share is next to nothing.
//
//   probabilistic: yes ─▶ sampled, signed "probabilistic"; takes from the lower bound's credit, too
//                  no  ─▶ lower bound has credit ─▶ sampled, signed "lowerbound" with the same rate
//
// Source: jaeger-client 3.19. Adaptive sampling counts traces by these two signatures.

import {
  SAMPLER_PARAM,
  SAMPLER_TYPE,
  type Sampler,
  type SamplerTags,
  type TraceIdLow,
} from "../sampler.ts";
import { ProbabilisticSampler } from "./probabilistic-sampler.ts";
import { type LimiterWorld, RateLimitingSampler } from "./rate-limiting-sampler.ts";

export class GuaranteedThroughputSampler implements Sampler {
  readonly name = "GuaranteedThroughputSampler";
  readonly #probabilistic: ProbabilisticSampler;
  readonly #lowerBound: RateLimitingSampler;

  /**
   * @param lowerBound traces a second, 0 or more.
   * @param samplingRate 0..1.
   * @throws SpoorError `bad-input` for other numbers.
   */
  constructor(lowerBound: number, samplingRate: number, world: LimiterWorld = {}) {
    this.#probabilistic = new ProbabilisticSampler(samplingRate, world.random);
    this.#lowerBound = new RateLimitingSampler(lowerBound, undefined, world);
  }

  get samplingRate(): number {
    return this.#probabilistic.samplingRate;
  }

  get lowerBound(): number {
    return this.#lowerBound.maxTracesPerSecond;
  }

  isSampled(operation: string, tags: SamplerTags, context?: TraceIdLow): boolean {
    const isDrawn = this.#probabilistic.isSampled(operation, tags, context);
    const isOwed = this.#lowerBound.take();
    if (isDrawn || !isOwed) return isDrawn;
    tags[SAMPLER_TYPE] = "lowerbound";
    tags[SAMPLER_PARAM] = this.#probabilistic.samplingRate;
    return true;
  }

  /** @returns whether anything changed. @throws SpoorError as the constructor. */
  update(lowerBound: number, samplingRate: number): boolean {
    const isOtherRate = this.#probabilistic.update(samplingRate);
    return this.#lowerBound.update(lowerBound) || isOtherRate;
  }

  close(callback?: () => void): void {
    callback?.();
  }

  toString(): string {
    return `${this.name}(samplingRate=${this.samplingRate}, lowerBound=${this.lowerBound})`;
  }

  equal(other: Sampler): boolean {
    return (
      other instanceof GuaranteedThroughputSampler &&
      other.samplingRate === this.samplingRate &&
      other.lowerBound === this.lowerBound
    );
  }
}
