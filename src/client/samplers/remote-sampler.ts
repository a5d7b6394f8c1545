// A sampler that does what the agent, or the collector, tells this service to do.
//
//   poll ─ GET …?service=X ─▶ readStrategy ─▶ same kind: its sampler is updated in place
//                                           └▶ another kind: a new sampler
//   no answer, or one that does not hold: counted; the sampler stays
//
// Until the first answer the initial sampler decides.
//
// Source: jaeger-client 3.19, remote_sampler.js: options, counters, names.
// Trust: the answer is a peer's (get-text.ts bounds it, read-strategy.ts checks it).

import { type Clock, systemClock } from "../../base/clock.ts";
import { type ClientMetrics, makeClientMetrics } from "../client-metrics.ts";
import { type GetText, makeGetText } from "../get-text.ts";
import { type PollPlace, makePollUrl } from "../poll-url.ts";
import { Poll, type Wake } from "../poll.ts";
import { type PollLogger, PollLog } from "../poll-log.ts";
import type { Sampler, SamplerTags } from "../sampler.ts";
import type { SpanContext } from "../span-context.ts";
import { OPERATIONS_MAX, PerOperationSampler } from "./per-operation-sampler.ts";
import { ProbabilisticSampler } from "./probabilistic-sampler.ts";
import { RateLimitingSampler } from "./rate-limiting-sampler.ts";
import { type Strategy, readStrategy } from "./read-strategy.ts";

/** As Jaeger's collectors say when they know nothing of a service. */
const INITIAL_SAMPLING_RATE = 0.001;
const REFRESH_MS = 60_000;
const SAMPLING_PATH = "/sampling";

export interface RemoteSamplerOptions extends PollPlace {
  /** Path at the agent; `/sampling` if it is not said. */
  readonly samplingPath?: string | undefined;
  /** Decides until the first answer; one in a thousand if it is not said. */
  readonly sampler?: Sampler | undefined;
  /** ms between two questions; 0: only when refresh() is called. */
  readonly refreshInterval?: number | undefined;
  /** Operations that get a sampler of their own. */
  readonly maxOperations?: number | undefined;
  readonly metrics?: ClientMetrics | undefined;
  readonly logger?: PollLogger | undefined;
  /** Called after each answer that holds, with the sampler that now decides. */
  readonly onSamplerUpdate?: ((sampler: Sampler) => void) | undefined;
  readonly getText?: GetText;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly wake?: Wake;
}

export class RemoteSampler implements Sampler {
  readonly name = "RemoteSampler";
  readonly #service: string;
  readonly #options: RemoteSamplerOptions;
  readonly #url: URL;
  readonly #metrics: ClientMetrics;
  readonly #getText: GetText;
  readonly #log: PollLog;
  readonly #poll: Poll;
  #sampler: Sampler;

  /** @throws SpoorError `bad-input` if the place to ask is none. */
  constructor(service: string, options: RemoteSamplerOptions = {}) {
    this.#service = service;
    this.#options = options;
    this.#url = makePollUrl(options, options.samplingPath ?? SAMPLING_PATH, { service });
    this.#metrics = options.metrics ?? makeClientMetrics();
    this.#getText = options.getText ?? makeGetText();
    this.#log = new PollLog("sampling strategy", options.logger);
    this.#sampler = options.sampler ?? new ProbabilisticSampler(INITIAL_SAMPLING_RATE);
    this.#poll = new Poll({
      intervalMs: options.refreshInterval ?? REFRESH_MS,
      ask: (signal) => this.#ask(signal),
      wake: options.wake,
      random: options.random,
    });
  }

  /** What decides now. */
  get sampler(): Sampler {
    return this.#sampler;
  }

  get decidesByOperation(): boolean {
    return this.#sampler.decidesByOperation === true;
  }

  isSampled(operation: string, tags: SamplerTags, context?: SpanContext): boolean {
    return this.#sampler.isSampled(operation, tags, context);
  }

  /** Asks now. Resolves in any case, when the answer has been obeyed or counted as none. */
  refresh(): Promise<void> {
    return this.#poll.ask();
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    let failed = this.#metrics.samplerQueryFailure;
    try {
      const text = await this.#getText(this.#url, signal);
      this.#metrics.samplerRetrieved.increment();
      failed = this.#metrics.samplerUpdateFailure;
      if (this.#obey(readStrategy(text))) this.#metrics.samplerUpdated.increment();
    } catch (error) {
      if (signal.aborted) return false;
      failed.increment();
      this.#log.failed(error);
      return false;
    }
    this.#log.succeeded();
    try {
      this.#options.onSamplerUpdate?.(this.#sampler);
    } catch {
      // The user's mistake; the answer has been obeyed.
    }
    return true;
  }

  /** @returns whether anything changed. */
  #obey(strategy: Strategy): boolean {
    const sampler = this.#sampler;
    const { clock = systemClock, random = Math.random } = this.#options;
    const world = { clock, random };
    if (strategy.kind === "perOperation") {
      const { operations } = strategy;
      if (sampler instanceof PerOperationSampler) return sampler.update(operations);
      const operationsMax = this.#options.maxOperations ?? OPERATIONS_MAX;
      this.#sampler = new PerOperationSampler(operations, operationsMax, world);
    } else if (strategy.kind === "probabilistic") {
      if (sampler instanceof ProbabilisticSampler) return sampler.update(strategy.samplingRate);
      this.#sampler = new ProbabilisticSampler(strategy.samplingRate, random);
    } else {
      const { maxTracesPerSecond } = strategy;
      if (sampler instanceof RateLimitingSampler) return sampler.update(maxTracesPerSecond);
      this.#sampler = new RateLimitingSampler(maxTracesPerSecond, undefined, world);
    }
    return true;
  }

  close(callback?: () => void): void {
    this.#poll.close();
    this.#sampler.close(callback);
  }

  toString(): string {
    return `${this.name}(serviceName=${this.#service})`;
  }

  /** Two that ask the same and were told the same. */
  equal(other: Sampler): boolean {
    return (
      other instanceof RemoteSampler &&
      other.#url.href === this.#url.href &&
      other.sampler.equal(this.#sampler)
    );
  }
}
