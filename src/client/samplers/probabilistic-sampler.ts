// A share of all traces, the same ones in every service that takes the same share.
//
//   low 63 bits of the trace id  <=  trunc(rate · 2^63)     yes
//
// Trace ids are random, so the id is the lot; a service that takes a larger share takes all that the
// others take, too. The 63 bits are compared as two words: 31 and 32 bits.
//
// Source: jaeger-client-go 2.30, sampler.go. npm's jaeger-client throws a die of its own for each trace,
// which is done here only when there is no id yet.

import { SpoorError } from "../../base/errors.ts";
import {
  SAMPLER_PARAM,
  SAMPLER_TYPE,
  type Sampler,
  type SamplerTags,
  type TraceIdLow,
} from "../sampler.ts";

const WORD = 2 ** 32;

export class ProbabilisticSampler implements Sampler {
  readonly name = "ProbabilisticSampler";
  readonly #random: () => number;
  #samplingRate = 0;
  /** The last id that is sampled: its upper 31 bits, 2^31 for rate 1, and the lower 32. */
  #lastHigh = 0;
  #lastLow = 0;

  /**
   * @param samplingRate 0..1.
   * @param random for decisions without a trace id.
   * @throws SpoorError `bad-input` for another rate.
   */
  constructor(samplingRate: number, random: () => number = Math.random) {
    this.#random = random;
    this.#setRate(samplingRate);
  }

  get samplingRate(): number {
    return this.#samplingRate;
  }

  isSampled(_operation: string, tags: SamplerTags, context?: TraceIdLow): boolean {
    if (!this.#decide(context)) return false;
    tags[SAMPLER_TYPE] = "probabilistic";
    tags[SAMPLER_PARAM] = this.#samplingRate;
    return true;
  }

  #decide(context: TraceIdLow | undefined): boolean {
    // With a rate of 0 the id 0 would pass the comparison.
    if (this.#samplingRate === 0) return false;
    if (context === undefined) return this.#random() < this.#samplingRate;
    const high = context.traceLowHigh & 0x7fff_ffff;
    if (high !== this.#lastHigh) return high < this.#lastHigh;
    return context.traceLowLow >>> 0 <= this.#lastLow;
  }

  /** @returns whether that is another rate. @throws SpoorError as the constructor. */
  update(samplingRate: number): boolean {
    if (samplingRate === this.#samplingRate) return false;
    this.#setRate(samplingRate);
    return true;
  }

  #setRate(samplingRate: number): void {
    if (!(samplingRate >= 0 && samplingRate <= 1)) {
      throw new SpoorError("bad-input", `sampling rate ${samplingRate}, expected 0 to 1`);
    }
    this.#samplingRate = samplingRate;
    const last = Math.trunc(samplingRate * 2 ** 63);
    this.#lastHigh = Math.trunc(last / WORD);
    this.#lastLow = last % WORD;
  }

  close(callback?: () => void): void {
    callback?.();
  }

  toString(): string {
    return `${this.name}(samplingRate=${this.#samplingRate})`;
  }

  equal(other: Sampler): boolean {
    return other instanceof ProbabilisticSampler && other.samplingRate === this.samplingRate;
  }
}
