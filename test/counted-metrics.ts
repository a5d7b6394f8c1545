// A metrics library for tests: it knows every count by name and tags, `jaeger:traces{state=started,sampled=y}`.

import type { MetricTags, MetricsFactory } from "../src/client/client-metrics.ts";

export interface CountedMetrics {
  readonly factory: Required<MetricsFactory>;
  /** All that are not zero: counters by their sums, gauges by their last value. */
  readonly figures: Record<string, number>;
  /** What each timer was told. */
  readonly durations: Record<string, number[]>;
}

export function makeCountedMetrics(): CountedMetrics {
  const figures: Record<string, number> = {};
  const durations: Record<string, number[]> = {};
  const factory: Required<MetricsFactory> = {
    createCounter(name, tags) {
      const key = printMetric(name, tags);
      return { increment: (delta = 1) => (figures[key] = (figures[key] ?? 0) + delta) };
    },
    createGauge(name, tags) {
      const key = printMetric(name, tags);
      return { update: (value) => (figures[key] = value) };
    },
    createTimer(name, tags) {
      const key = printMetric(name, tags);
      return { record: (durationMs) => (durations[key] ??= []).push(durationMs) };
    },
  };
  return { factory, figures, durations };
}

function printMetric(name: string, tags: MetricTags = {}): string {
  const pairs = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
}
