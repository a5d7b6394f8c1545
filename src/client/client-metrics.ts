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

export type ClientMetrics = Readonly<ReturnType<typeof makeClientMetrics>>;

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
export function makeClientMetrics(factory: MetricsFactory = noopMetricsFactory) {
  const counter = (name: string, tags?: MetricTags): Counter =>
    guardCounter(factory.createCounter(`jaeger:${name}`, tags));
  const gauge = (name: string): Gauge => guardGauge(factory.createGauge(`jaeger:${name}`));
  // One literal: an object that is filled key by key would be a hash table, and spans ask it each time.
  return {
    tracesStartedSampled: counter("traces", { state: "started", sampled: "y" }),
    tracesStartedNotSampled: counter("traces", { state: "started", sampled: "n" }),
    tracesJoinedSampled: counter("traces", { state: "joined", sampled: "y" }),
    tracesJoinedNotSampled: counter("traces", { state: "joined", sampled: "n" }),
    spansStartedSampled: counter("started_spans", { sampled: "y" }),
    spansStartedNotSampled: counter("started_spans", { sampled: "n" }),
    spansFinished: counter("finished_spans"),
    decodingErrors: counter("span_context_decoding_errors"),
    reporterSuccess: counter("reporter_spans", { result: "ok" }),
    reporterFailure: counter("reporter_spans", { result: "err" }),
    reporterDropped: counter("reporter_spans", { result: "dropped" }),
    samplerRetrieved: counter("sampler_queries", { result: "ok" }),
    samplerQueryFailure: counter("sampler_queries", { result: "err" }),
    samplerUpdated: counter("sampler_updates", { result: "ok" }),
    samplerUpdateFailure: counter("sampler_updates", { result: "err" }),
    baggageUpdateSuccess: counter("baggage_updates", { result: "ok" }),
    baggageUpdateFailure: counter("baggage_updates", { result: "err" }),
    baggageTruncate: counter("baggage_truncations"),
    baggageRestrictionsUpdateSuccess: counter("baggage_restrictions_updates", { result: "ok" }),
    baggageRestrictionsUpdateFailure: counter("baggage_restrictions_updates", { result: "err" }),
    throttledDebugSpans: counter("throttled_debug_spans"),
    throttlerUpdateSuccess: counter("throttler_updates", { result: "ok" }),
    throttlerUpdateFailure: counter("throttler_updates", { result: "err" }),
    reporterQueueLength: gauge("reporter_queue_length"),
  };
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

/** @param timer undefined: the factory makes none. */
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
