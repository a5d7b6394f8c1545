// A share for each operation, as adaptive sampling wants it.
//
//   operation ─▶ told of ───────────────▶ its own rate, and the lower bound
//             └▶ new, fewer than the most ▶ the default rate, and the lower bound (from now on known)
//             └▶ new, too many ──────────▶ the default rate
//
// Another answer changes the samplers that are there, so that nobody gets new credit by it. Operations that
// are no longer told of fall back to the default rate; when there are too many, they are forgotten.
//
// Source: jaeger-client 3.19 (decisions, bound); jaeger-client-go 2.30 (operations that are told of no more).
// Trust: names are the application's, the rates a peer's and checked before (read-strategy.ts).

import type { Sampler, SamplerTags, TraceIdLow } from "../sampler.ts";
import { GuaranteedThroughputSampler } from "./guaranteed-throughput-sampler.ts";
import { ProbabilisticSampler } from "./probabilistic-sampler.ts";
import type { LimiterWorld } from "./rate-limiting-sampler.ts";

/** As jaeger-client. A service with more has ids in its names of operations. */
export const OPERATIONS_MAX = 2_000;
/** A longer name is no operation's but data; it is not remembered. */
const OPERATION_CHARS_MAX = 1_000;

/** What is told about a service's operations. */
export interface OperationRates {
  /** 0..1. */
  readonly defaultSamplingRate: number;
  /** Traces a second of each operation. */
  readonly lowerBound: number;
  /** 0..1 by operation. */
  readonly rates: ReadonlyMap<string, number>;
}

export class PerOperationSampler implements Sampler {
  readonly name = "PerOperationSampler";
  readonly decidesByOperation = true;
  readonly #operationsMax: number;
  readonly #world: LimiterWorld;
  readonly #samplers = new Map<string, GuaranteedThroughputSampler>();
  readonly #default: ProbabilisticSampler;
  #told: OperationRates;

  /** @throws SpoorError `bad-input` for a rate that is none. */
  constructor(told: OperationRates, operationsMax = OPERATIONS_MAX, world: LimiterWorld = {}) {
    this.#operationsMax = operationsMax;
    this.#world = world;
    this.#default = new ProbabilisticSampler(told.defaultSamplingRate, world.random);
    this.#told = told;
    this.#obey(told);
  }

  /** Operations that have a sampler of their own. */
  get operations(): number {
    return this.#samplers.size;
  }

  isSampled(operation: string, tags: SamplerTags, context?: TraceIdLow): boolean {
    const sampler = this.#samplers.get(operation) ?? this.#add(operation);
    return sampler.isSampled(operation, tags, context);
  }

  #add(operation: string): GuaranteedThroughputSampler | ProbabilisticSampler {
    const isTooMany = this.#samplers.size >= this.#operationsMax;
    if (isTooMany || operation.length > OPERATION_CHARS_MAX) return this.#default;
    const { lowerBound, defaultSamplingRate } = this.#told;
    const sampler = new GuaranteedThroughputSampler(lowerBound, defaultSamplingRate, this.#world);
    this.#samplers.set(operation, sampler);
    return sampler;
  }

  /** @returns whether anything changed. */
  update(told: OperationRates): boolean {
    const isSame = areSame(this.#told, told);
    this.#told = told;
    if (!isSame) this.#obey(told);
    return !isSame;
  }

  #obey({ defaultSamplingRate, lowerBound, rates }: OperationRates): void {
    this.#default.update(defaultSamplingRate);
    for (const [operation, rate] of rates) {
      const known = this.#samplers.get(operation);
      if (known !== undefined) known.update(lowerBound, rate);
      else {
        const sampler = new GuaranteedThroughputSampler(lowerBound, rate, this.#world);
        this.#samplers.set(operation, sampler);
      }
    }
    for (const [operation, sampler] of this.#samplers) {
      if (rates.has(operation)) continue;
      if (this.#samplers.size > this.#operationsMax) this.#samplers.delete(operation);
      else sampler.update(lowerBound, defaultSamplingRate);
    }
  }

  close(callback?: () => void): void {
    callback?.();
  }

  toString(): string {
    return `${this.name}(maxOperations=${this.#operationsMax})`;
  }

  equal(other: Sampler): boolean {
    return (
      other instanceof PerOperationSampler &&
      other.#operationsMax === this.#operationsMax &&
      areSame(other.#told, this.#told)
    );
  }
}

function areSame(one: OperationRates, other: OperationRates): boolean {
  if (one.defaultSamplingRate !== other.defaultSamplingRate) return false;
  if (one.lowerBound !== other.lowerBound || one.rates.size !== other.rates.size) return false;
  for (const [operation, rate] of one.rates) {
    if (other.rates.get(operation) !== rate) return false;
  }
  return true;
}
