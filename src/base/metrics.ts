// Metrics as data: declared in a table, counted in series that are bound once and then only add.
//
//   table = { spansReceived: counter({ name, labels: ["transport", "format"], help }), … }
//   metrics = registry.register(table)
//   received = metrics.spansReceived.with({ transport: "grpc", format: "otlp" })   once per door
//   received.add(batch.rows)                                                       the hot path
//
// Names are Jaeger's where Jaeger has one; several names may show one metric (old and new sets).
// Trust: label names are closed by their type. Values should be closed sets; where one comes from the
// data (a service), the number of series is bounded by `seriesMax`, and what comes later is counted
// together under "other". A peer cannot grow our memory.
// Source: Prometheus' data model. Not here: the text that is scraped (metrics-text.ts).

import { assert } from "./assert.ts";

export type MetricKind = "counter" | "gauge" | "histogram";

/** A row of a metrics table. */
export interface MetricDeclaration<K extends MetricKind, L extends string> {
  readonly kind: K;
  /** Counters end in `_total`, histograms are in seconds or bytes; see alsoNamed for older names. */
  readonly name: string;
  /** Older names under which the same series are shown again, so that old dashboards keep working. */
  readonly alsoNamed: readonly string[];
  readonly labels: readonly L[];
  readonly help: string;
  readonly seriesMax: number;
  /**
   * What a label says in the series that stands for all beyond seriesMax. Labels that are not named
   * keep their value: they must come from closed sets.
   */
  readonly other: Readonly<Partial<Record<L, string>>>;
  /** Upper bounds of a histogram, rising, without +Inf. */
  readonly buckets: readonly number[];
}

export interface MetricOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly alsoNamed?: readonly string[];
  readonly labels?: readonly L[];
  /** Default SERIES_MAX. */
  readonly seriesMax?: number;
  /** Default: every label says "other". */
  readonly other?: Readonly<Partial<Record<L, string>>>;
}

export interface HistogramOptions<L extends string> extends MetricOptions<L> {
  /** Default SECONDS_BUCKETS. */
  readonly buckets?: readonly number[];
}

/** Prometheus' own default, which Jaeger's timers have: 5 ms to 10 s. */
export const SECONDS_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Ten times what a scrape of a busy collector shows; a series costs about 200 bytes. */
export const SERIES_MAX = 2_000;

/**
 * Beyond the overflow series of `other`, which closed labels may multiply: one series takes the rest.
 * Reached only when a label that was thought closed is not.
 */
const OVERFLOW_SERIES_MAX = 1_000;

/** A label value is a name, not a payload; a longer one is cut. */
const LABEL_CHARS_MAX = 200;

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function counter<const L extends string = never>(
  options: MetricOptions<L>,
): MetricDeclaration<"counter", L> {
  return declare("counter", options, []);
}

export function gauge<const L extends string = never>(
  options: MetricOptions<L>,
): MetricDeclaration<"gauge", L> {
  return declare("gauge", options, []);
}

export function histogram<const L extends string = never>(
  options: HistogramOptions<L>,
): MetricDeclaration<"histogram", L> {
  const buckets = options.buckets ?? SECONDS_BUCKETS;
  const rises = buckets.every((bound, index) => index === 0 || bound > (buckets[index - 1] ?? 0));
  assert(rises && buckets.every(Number.isFinite), `buckets of ${options.name} do not rise`);
  return declare("histogram", options, buckets);
}

function declare<K extends MetricKind, L extends string>(
  kind: K,
  options: MetricOptions<L>,
  buckets: readonly number[],
): MetricDeclaration<K, L> {
  const { name, help, alsoNamed = [], labels = [], seriesMax = SERIES_MAX } = options;
  for (const one of [name, ...alsoNamed]) assert(METRIC_NAME.test(one), `metric name ${one}`);
  for (const label of labels) assert(LABEL_NAME.test(label), `label ${label} of ${name}`);
  // What the row leaves out is "other" for every label; the keys are those of `labels`.
  const everyOther = Object.fromEntries(labels.map((label) => [label, "other"]));
  const other = options.other ?? (everyOther as Record<L, string>);
  return { kind, name, alsoNamed, labels, help, seriesMax, other, buckets };
}

/** A value of each label, by its name. */
export type LabelsOf<L extends string> = Readonly<Record<L, string>>;

/** One number that only rises. */
export interface CounterSeries {
  readonly value: number;
  /** Adds without allocating. `count` ≥ 0. */
  add(count: number): void;
  /** From now on the value is what `read` says at each scrape. */
  readFrom(read: () => number): void;
}

/** One number that goes up and down. */
export interface GaugeSeries extends CounterSeries {
  /** As a counter's, but `count` may be negative. */
  add(count: number): void;
  set(value: number): void;
}

export interface HistogramSeries {
  readonly sum: number;
  readonly count: number;
  /** Observations in each bucket of its own (not cumulated); the last one is above every bound. */
  readonly bucketCounts: Readonly<Float64Array>;
  /** Counts one observation without allocating. */
  observe(value: number): void;
}

interface SeriesByKind {
  readonly counter: CounterSeries;
  readonly gauge: GaugeSeries;
  readonly histogram: HistogramSeries;
}

/** A declared metric that is being counted. */
export interface Metric<K extends MetricKind, L extends string> {
  readonly declaration: MetricDeclaration<K, L>;
  /**
   * The series of these label values: the same object each time; without labels, no argument. Cost:
   * one key made and looked up, so it is to be kept by who counts often.
   */
  with(...labels: [L] extends [never] ? [] : [labels: LabelsOf<L>]): SeriesByKind[K];
  /** Every series, in the order of first use. */
  series(): Iterable<readonly [values: readonly string[], series: SeriesByKind[K]]>;
}

export type AnyDeclaration = MetricDeclaration<MetricKind, string>;
export type AnyMetric = Metric<MetricKind, string>;
export type MetricsTable = Readonly<Record<string, AnyDeclaration>>;

/** The counting side of a table: same keys. */
export type MetricsOf<T> = {
  readonly [K in keyof T]: T[K] extends MetricDeclaration<infer Kind, infer L>
    ? Metric<Kind, L>
    : never;
};

export class MetricsRegistry {
  readonly #metrics: AnyMetric[] = [];
  readonly #names = new Set<string>();
  readonly #tables = new Map<MetricsTable, unknown>();

  /** Starts counting what `table` declares. The same table again gives the same metrics. */
  register<const T extends MetricsTable>(table: T): MetricsOf<T> {
    const known = this.#tables.get(table);
    // What was stored under this very object has its type.
    if (known !== undefined) return known as MetricsOf<T>;
    const metrics: Record<string, AnyMetric> = {};
    for (const [key, row] of Object.entries(table)) {
      const declaration: AnyDeclaration = row;
      for (const name of [declaration.name, ...declaration.alsoNamed]) {
        assert(!this.#names.has(name), `metric ${name} is declared twice`);
        this.#names.add(name);
      }
      const metric = makeMetric(declaration);
      metrics[key] = metric;
      this.#metrics.push(metric);
    }
    this.#tables.set(table, metrics);
    // The loop has made one metric of each row's kind and labels under each key of the table.
    return metrics as MetricsOf<T>;
  }

  /** Every metric, in the order of registration. */
  metrics(): readonly AnyMetric[] {
    return this.#metrics;
  }
}

type AnySeries = NumberSeries | BucketSeries;

function makeMetric(declaration: AnyDeclaration): AnyMetric {
  const { labels, seriesMax, other, kind, buckets } = declaration;
  const seriesByKey = new Map<string, AnySeries>();
  const all: [readonly string[], AnySeries][] = [];

  const add = (key: string, values: readonly string[]): AnySeries => {
    const series = kind === "histogram" ? new BucketSeries(buckets) : new NumberSeries();
    seriesByKey.set(key, series);
    all.push([values, series]);
    return series;
  };
  const bound = (given: LabelsOf<string> = {}): AnySeries => {
    const values = labels.map((label) => (given[label] ?? "").slice(0, LABEL_CHARS_MAX));
    const key = keyOf(values);
    const found = seriesByKey.get(key);
    if (found !== undefined) return found;
    if (all.length < seriesMax) return add(key, values);
    const rest = labels.map((label, index) => other[label] ?? values[index] ?? "");
    const restKey = keyOf(rest);
    const overflow = seriesByKey.get(restKey);
    if (overflow !== undefined) return overflow;
    if (all.length < seriesMax + OVERFLOW_SERIES_MAX) return add(restKey, rest);
    const last = labels.map(() => "other");
    return seriesByKey.get(keyOf(last)) ?? add(keyOf(last), last);
  };
  // NumberSeries is both a counter and a gauge; the declaration's kind says which may be seen.
  return { declaration, with: bound, series: () => all };
}

/** With lengths, so that no value can look like two. */
function keyOf(values: readonly string[]): string {
  return values.map((value) => `${value.length}:${value}`).join("");
}

class NumberSeries implements GaugeSeries {
  #value = 0;
  #read: (() => number) | undefined;

  get value(): number {
    return this.#read === undefined ? this.#value : this.#read();
  }

  add(count: number): void {
    this.#value += count;
  }

  set(value: number): void {
    this.#value = value;
  }

  readFrom(read: () => number): void {
    this.#read = read;
  }
}

class BucketSeries implements HistogramSeries {
  readonly bucketCounts: Float64Array;
  readonly #bounds: readonly number[];
  // A typed array keeps the sum unboxed, so that observing does not allocate.
  readonly #sum = new Float64Array(1);

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.bucketCounts = new Float64Array(bounds.length + 1);
  }

  get sum(): number {
    return this.#sum[0] ?? 0;
  }

  get count(): number {
    return this.bucketCounts.reduce((total, count) => total + count, 0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket++;
    this.bucketCounts[bucket] = (this.bucketCounts[bucket] ?? 0) + 1;
    this.#sum[0] = (this.#sum[0] ?? 0) + value;
  }
}
