// What the client counts about itself, under Jaeger's names, in whatever metrics library the user has.
//
//   tracer, reporters, samplers ─▶ ClientMetrics ─▶ MetricsFactory of the user
//                                       └ nobody asked: counters that count nothing
//
// A factory of the user that throws does not harm the application: the count is lost.
//
// Source: jaeger-client 3.19, metrics.js (names and tags); jaeger-client-go 2.30 (baggage restrictions).
// Not here: prom-client (prometheus-metrics.ts), metrics of calls (rpc-metrics.ts).

export interface Counter {
  /** @param delta 1 if it is not said. */
  increment(delta?: number): void;
}

export interface Gauge {
  update(value: number): void;
}

export interface Timer {
  /** @param durationMs 0 or more, fractions included. */
  record(durationMs: number): void;
}

export type MetricTags = Readonly<Record<string, string>>;

/** As users of jaeger-client have written theirs. */
export interface MetricsFactory {
  createCounter(name: string, tags?: MetricTags): Counter;
  createGauge(name: string, tags?: MetricTags): Gauge;
  /** Only metrics of calls need it. */
  createTimer?(name: string, tags?: MetricTags): Timer;
}

/** Field: name and, where a name has several fields, the tag that sets this one apart. */
const COUNTERS = {
  tracesStartedSampled: ["traces", { state: "started", sampled: "y" }],
  tracesStartedNotSampled: ["traces", { state: "started", sampled: "n" }],
  tracesJoinedSampled: ["traces", { state: "joined", sampled: "y" }],
  tracesJoinedNotSampled: ["traces", { state: "joined", sampled: "n" }],
  spansStartedSampled: ["started_spans", { sampled: "y" }],
  spansStartedNotSampled: ["started_spans", { sampled: "n" }],
  spansFinished: ["finished_spans", undefined],
  decodingErrors: ["span_context_decoding_errors", undefined],
  reporterSuccess: ["reporter_spans", { result: "ok" }],
  reporterFailure: ["reporter_spans", { result: "err" }],
  reporterDropped: ["reporter_spans", { result: "dropped" }],
  samplerRetrieved: ["sampler_queries", { result: "ok" }],
  samplerQueryFailure: ["sampler_queries", { result: "err" }],
  samplerUpdated: ["sampler_updates", { result: "ok" }],
  samplerUpdateFailure: ["sampler_updates", { result: "err" }],
  baggageUpdateSuccess: ["baggage_updates", { result: "ok" }],
  baggageUpdateFailure: ["baggage_updates", { result: "err" }],
  baggageTruncate: ["baggage_truncations", undefined],
  baggageRestrictionsUpdateSuccess: ["baggage_restrictions_updates", { result: "ok" }],
  baggageRestrictionsUpdateFailure: ["baggage_restrictions_updates", { result: "err" }],
  throttledDebugSpans: ["throttled_debug_spans", undefined],
  throttlerUpdateSuccess: ["throttler_updates", { result: "ok" }],
  throttlerUpdateFailure: ["throttler_updates", { result: "err" }],
} as const;

type CounterField = keyof typeof COUNTERS;

export interface ClientMetrics extends Readonly<Record<CounterField, Counter>> {
  readonly reporterQueueLength: Gauge;
}

const NOTHING: Counter & Gauge & Timer = { increment() {}, update() {}, record() {} };

/** Counts nothing. */
export const noopMetricsFactory: Required<MetricsFactory> = {
  createCounter: () => NOTHING,
  createGauge: () => NOTHING,
  createTimer: () => NOTHING,
};

/**
 * Makes every metric of the client.
 *
 * @throws what the factory throws: a wrong name space, for example, is a mistake of the configuration.
 */
export function makeClientMetrics(factory: MetricsFactory = noopMetricsFactory): ClientMetrics {
  const counters = Object.create(null) as Record<CounterField, Counter>;
  for (const field of Object.keys(COUNTERS) as CounterField[]) {
    const [name, tags] = COUNTERS[field];
    counters[field] = guardCounter(factory.createCounter(`jaeger:${name}`, tags));
  }
  const queueLength = factory.createGauge("jaeger:reporter_queue_length");
  return Object.assign(counters, { reporterQueueLength: guardGauge(queueLength) });
}

export function guardCounter(counter: Counter): Counter {
  if (counter === NOTHING) return NOTHING;
  return {
    increment(delta = 1) {
      try {
        counter.increment(delta);
      } catch {
        // The user's library must not make the application fail.
      }
    },
  };
}

function guardGauge(gauge: Gauge): Gauge {
  if (gauge === NOTHING) return NOTHING;
  return {
    update(value) {
      try {
        gauge.update(value);
      } catch {
        // As a counter's.
      }
    },
  };
}

/** Undefined if the factory makes none. */
export function guardTimer(timer: Timer | undefined): Timer {
  if (timer === undefined || timer === NOTHING) return NOTHING;
  return {
    record(durationMs) {
      try {
        timer.record(durationMs);
      } catch {
        // As a counter's.
      }
    },
  };
}
