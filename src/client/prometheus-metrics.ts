// Metrics of the client in the application's own prom-client.
//
//   new PrometheusMetricsFactory(require("prom-client"), "shop")      shop_jaeger:traces{state,sampled}
//
// The package is the user's and is handed in; nothing here loads it. A metric that the registry has already
// (a second tracer, a test that starts again) is used again.
//
// Source: jaeger-client 3.19, prometheus.js; prom-client 15. Timers are histograms in seconds, as
// jaeger-lib's for Prometheus.

import { SpoorError } from "../base/errors.ts";
import type { Counter, Gauge, MetricTags, MetricsFactory, Timer } from "./client-metrics.ts";

interface MetricConfig {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
}

interface PromCounter {
  inc(delta?: number): void;
  labels(...values: string[]): Pick<PromCounter, "inc">;
}
interface PromGauge {
  set(value: number): void;
  labels(...values: string[]): Pick<PromGauge, "set">;
}
interface PromHistogram {
  observe(value: number): void;
  labels(...values: string[]): Pick<PromHistogram, "observe">;
}
type MetricClass<Metric> = new (config: MetricConfig) => Metric;

/** What is used of the package `prom-client`. */
export interface PromClient {
  readonly Counter: MetricClass<PromCounter>;
  readonly Gauge: MetricClass<PromGauge>;
  readonly Histogram?: MetricClass<PromHistogram>;
  readonly register?: { getSingleMetric(name: string): unknown };
}

export class PrometheusMetricsFactory implements MetricsFactory {
  readonly #client: PromClient;
  readonly #prefix: string;
  readonly #made = new Map<string, unknown>();

  /**
   * @param client the package, as `require("prom-client")` gives it.
   * @param namespace stands before every name, with `_` between.
   * @throws SpoorError `bad-input` if that is not the package.
   */
  constructor(client: PromClient, namespace?: string) {
    const given = client as Partial<PromClient> | undefined;
    if (typeof given?.Counter !== "function" || typeof given.Gauge !== "function") {
      throw new SpoorError("bad-input", "no Counter or Gauge, expected the package prom-client");
    }
    this.#client = client;
    this.#prefix = namespace === undefined || namespace === "" ? "" : `${namespace}_`;
  }

  createCounter(name: string, tags: MetricTags = {}): Counter {
    const metric = this.#metric(this.#client.Counter, name, tags);
    const series = hasTags(tags) ? metric.labels(...Object.values(tags)) : metric;
    return { increment: (delta = 1) => series.inc(delta) };
  }

  createGauge(name: string, tags: MetricTags = {}): Gauge {
    const metric = this.#metric(this.#client.Gauge, name, tags);
    const series = hasTags(tags) ? metric.labels(...Object.values(tags)) : metric;
    return { update: (value) => series.set(value) };
  }

  createTimer(name: string, tags: MetricTags = {}): Timer {
    const histogram = this.#client.Histogram;
    if (histogram === undefined) return { record() {} };
    const metric = this.#metric(histogram, name, tags);
    const series = hasTags(tags) ? metric.labels(...Object.values(tags)) : metric;
    return { record: (durationMs) => series.observe(durationMs / 1_000) };
  }

  #metric<Metric>(metricClass: MetricClass<Metric>, help: string, tags: MetricTags): Metric {
    const name = this.#prefix + help;
    const made = this.#made.get(name) ?? this.#client.register?.getSingleMetric(name);
    const metric = made ?? new metricClass({ name, help, labelNames: Object.keys(tags) });
    if (!(metric instanceof metricClass)) {
      throw new SpoorError("bad-input", `metric ${name} exists already and is of another kind`);
    }
    this.#made.set(name, metric);
    return metric;
  }
}

function hasTags(tags: MetricTags): boolean {
  return Object.keys(tags).length > 0;
}
