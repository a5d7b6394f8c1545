// Adaptive sampling: strategies that follow the traffic, so that each operation gives the same number of
// traces a second.
//
//   intake ─ record ─▶ counter ─ every interval ─▶ SamplingState ◀─▶ other collectors
//                                                     │
//   all: read the interval up to now − delay ◀────────┤
//   the leader: calculate ─ save ─────────────────────▶┤
//   the others: read the result every 20 s ◀──────────┘ ─▶ strategyOf(service)
//
// Source: Jaeger v1.76, internal/sampling/samplingstrategy/adaptive: aggregator.go, post_aggregator.go,
// provider.go, internal/leaderelection. Failures of the state are logged and counted; what is in force
// stays in force.
// Not here: the arithmetic (formula.ts), one round (calculate.ts), where the state is (sampling-state.ts).

import type { Clock } from "../../base/clock.ts";
import { SpoorError, printError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { MetricsOf, MetricsRegistry } from "../../base/metrics.ts";
import { adaptiveMetrics } from "../metrics.ts";
import type { SamplingSource, Strategy } from "../strategies.ts";
import {
  type Bucket,
  type CalculationSettings,
  type Round,
  calculate,
  makeBucket,
  withUnseen,
} from "./calculate.ts";
import type { OperationResult, SamplingState } from "./sampling-state.ts";
import { type SampledRoots, ThroughputCounter } from "./throughput-counter.ts";

export interface AdaptiveSettings extends CalculationSettings {
  /** Lower bound that clients keep for each operation. */
  readonly minSamplesPerSecond: number;
  readonly calculationIntervalMs: number;
  /** Intervals that are kept in memory. */
  readonly aggregationBuckets: number;
  /** How long spans may take to come in. */
  readonly delayMs: number;
  readonly leaderRefreshMs: number;
  /** Also how long the lead lasts if it is not renewed. */
  readonly followerRefreshMs: number;
}

export interface AdaptiveOptions {
  readonly settings: AdaptiveSettings;
  readonly state: SamplingState;
  /** Names this process among those that share the state. */
  readonly holder: string;
  readonly clock: Clock;
  readonly registry: MetricsRegistry;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

/** How often those that do not lead read the result; as often as it is made if that is oftener. */
const FOLLOW_MS_MAX = 20_000;

/** How long throughput must stay in the state. */
export function keepMsOf(settings: AdaptiveSettings): number {
  const { delayMs, calculationIntervalMs, aggregationBuckets } = settings;
  return delayMs + (aggregationBuckets + 1) * calculationIntervalMs;
}

export class AdaptiveSource implements SamplingSource {
  readonly #options: AdaptiveOptions;
  readonly #metrics: MetricsOf<typeof adaptiveMetrics>;
  readonly #counter: ThroughputCounter;
  readonly #strategies = new Map<string, Strategy>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #buckets: readonly Bucket[] = [];
  #result: readonly OperationResult[] = [];
  #used: Round["used"] = new Map();
  #isLeader = false;
  #isClosed = false;
  #checkedUs: number;

  constructor(options: AdaptiveOptions) {
    const { registry, clock, settings } = options;
    this.#options = options;
    const metrics = registry.register(adaptiveMetrics);
    this.#metrics = metrics;
    this.#counter = new ThroughputCounter((spans) => metrics.leftOut.with().add(spans));
    metrics.isLeader.with().readFrom(() => Number(this.#isLeader));
    this.#checkedUs = clock.nowUs() - settings.delayMs * 1_000;
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  strategyOf(service: string): Promise<Strategy> {
    return Promise.resolve(this.#strategies.get(service) ?? this.#makeStrategy([]));
  }

  /** Counts what came in one batch. */
  record(roots: readonly SampledRoots[]): void {
    for (const one of roots) this.#counter.add(one);
  }

  /** Reads what the state has, and begins to follow it. @throws SpoorError `unavailable` */
  async start(): Promise<void> {
    const { calculationIntervalMs, leaderRefreshMs, followerRefreshMs } = this.#options.settings;
    await this.follow();
    await this.#readPast();
    await this.elect();
    this.#every(
      () => calculationIntervalMs,
      () => this.tick(),
    );
    this.#every(
      () => Math.min(FOLLOW_MS_MAX, calculationIntervalMs),
      () => this.follow(),
    );
    this.#every(
      () => (this.#isLeader ? leaderRefreshMs : followerRefreshMs),
      () => this.elect(),
    );
  }

  /** Writes down what was counted and gives the lead up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.#guard(async () => {
      await this.#flush();
      await this.#options.state.releaseLease(this.#options.holder);
    });
  }

  /** The end of a calculation interval. */
  async tick(): Promise<void> {
    const { state, clock, settings, log } = this.#options;
    await this.#flush();
    const fromUs = this.#checkedUs;
    const untilUs = clock.nowUs() - settings.delayMs * 1_000;
    // A clock that was put back: nothing is read until it has caught up.
    if (untilUs <= fromUs) return;
    const rows = await state.findThroughput(fromUs, untilUs);
    const bucket = makeBucket(rows, (untilUs - fromUs) / 1_000);
    this.#buckets = [bucket, ...this.#buckets].slice(0, settings.aggregationBuckets);
    this.#checkedUs = untilUs;
    if (!this.#isLeader) return;
    const startMs = clock.monotonicMs();
    const round = calculate(this.#buckets, this.#result, this.#used, settings);
    this.#used = round.used;
    // After a time in which nobody counted, silence says nothing yet.
    const isYoung = this.#buckets.length < settings.aggregationBuckets;
    const result = isYoung ? withUnseen(round.result, this.#result) : round.result;
    this.#setResult(result);
    this.#metrics.calculated.with().set(round.result.length);
    this.#metrics.calculating.with().observe((clock.monotonicMs() - startMs) / 1_000);
    log.debug("sampling probabilities calculated", { operations: round.result.length });
    await state.saveResult(result);
  }

  /** Reads the result of the leader, unless this is the leader. */
  async follow(): Promise<void> {
    if (this.#isLeader) return;
    const result = await this.#options.state.latestResult();
    if (!this.#isLeader) this.#setResult(result);
  }

  /** Tries to get the lead, or to keep it. */
  async elect(): Promise<void> {
    const { state, holder, settings, log } = this.#options;
    const wasLeader = this.#isLeader;
    try {
      const isLeader = await state.acquireLease(holder, settings.followerRefreshMs);
      // What another leader has found out since this one last looked.
      if (isLeader !== wasLeader) this.#setResult(await state.latestResult());
      this.#isLeader = isLeader;
    } catch (error) {
      this.#isLeader = false;
      throw error;
    }
    if (this.#isLeader !== wasLeader) {
      log.info(this.#isLeader ? "leads adaptive sampling" : "follows in adaptive sampling");
    }
  }

  async #flush(): Promise<void> {
    const { services, rows } = this.#counter.take();
    this.#metrics.services.with().add(services);
    this.#metrics.operations.with().add(rows.length);
    await this.#options.state.addThroughput(rows);
  }

  /** Intervals before the start, as long as there is something in them. */
  async #readPast(): Promise<void> {
    const { state, settings } = this.#options;
    const intervalUs = settings.calculationIntervalMs * 1_000;
    const buckets: Bucket[] = [];
    let untilUs = this.#checkedUs;
    while (buckets.length < settings.aggregationBuckets) {
      const rows = await state.findThroughput(untilUs - intervalUs, untilUs);
      if (rows.length === 0) break;
      buckets.push(makeBucket(rows, settings.calculationIntervalMs));
      untilUs -= intervalUs;
    }
    this.#buckets = buckets;
  }

  #setResult(result: readonly OperationResult[]): void {
    if (result === this.#result) return;
    this.#result = result;
    this.#strategies.clear();
    for (const [service, rows] of Map.groupBy(result, (row) => row.service)) {
      this.#strategies.set(service, this.#makeStrategy(rows));
    }
  }

  /**
   * Jaeger's answer has no rate beside the operations; without one, OpenTelemetry's sampler for Node
   * fails as long as there are no operations. Clients that know operations look at nothing else.
   */
  #makeStrategy(rows: readonly OperationResult[]): Strategy {
    const { initialSamplingProbability, minSamplesPerSecond } = this.#options.settings;
    return {
      type: "probabilistic",
      samplingRate: initialSamplingProbability,
      operations: {
        defaultSamplingProbability: initialSamplingProbability,
        defaultLowerBoundTracesPerSecond: minSamplesPerSecond,
        defaultUpperBoundTracesPerSecond: 0,
        perOperation: rows.map(({ operation, probability }) => ({
          operation,
          samplingRate: probability,
        })),
      },
    };
  }

  /** Runs `work` again and again, each time so long after the last one has ended. */
  #every(waitMs: () => number, work: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#guard(work).then(() => {
        if (!this.#isClosed) this.#every(waitMs, work);
      });
    }, waitMs()).unref();
    this.#timers.add(timer);
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    const { log, onBug } = this.#options;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SpoorError)) return onBug(error);
      this.#metrics.failures.with().add(1);
      log.error("sampling state cannot be used, what is in force stays", {
        error: printError(error),
      });
    }
  }
}
