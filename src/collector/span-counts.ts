// Spans and root spans by service, for Jaeger's metrics: counted once a batch and resource.
//
//   resource column ─▶ slots: 12 numbers a resource ─▶ the service's series, one addition each
//         countSpans: where the batch is        SpanCounter: where the metrics are
//
//   slot = debug × 6 + { 0: spans, 1..5: root spans by sampler type }
//
// The look-ups (service name → series) happen once a resource of a batch, so a span costs two loads
// and an addition. What was counted on the way in is added again under its result on the way out.
// `svc` is normalized as in Jaeger: lower case, anything but a-z, 0-9, "." and "-" is "_".
//
// Trust: names are the peer's. At most SERVICES_MAX names have series, the rest are "other-services".
// Source: Jaeger v1.76, cmd/collector/app/metrics.go and normalize.go.

import type { CounterSeries, MetricsOf } from "../base/metrics.ts";
import type { SampledRoots } from "../sampling/adaptive/throughput-counter.ts";
import { STRING } from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import { ORIGIN_OTLP, type SpanBatch } from "../model/span-batch.ts";
import { SERVICES_MAX, type collectorMetrics } from "./metrics.ts";
import { findSampledRoots } from "./sampled-roots.ts";

/** Values of the span attribute `sampler.type` that Jaeger knows, and what all others are. */
const SAMPLER_TYPES = ["unknown", "const", "probabilistic", "ratelimiting", "lowerbound"];
const SLOTS_PER_DEBUG = 1 + SAMPLER_TYPES.length;
const SLOTS = 2 * SLOTS_PER_DEBUG;

/** Jaeger's flag: sampled because a person asked for it. */
const FLAG_DEBUG = 2;

const OTHER_SERVICES = "other-services";

/** Longer names share a series with others that begin alike; what is kept of a name is bounded. */
const NAME_BYTES_MAX = 200;

/** Resources whose slots are kept for the next batch: 48 KiB. */
const KEPT_RESOURCES_MAX = 1_024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const SERVICE_NAME = encoder.encode("service.name");

export type CollectorMetrics = MetricsOf<typeof collectorMetrics>;

/** What a batch held: plain data. A service may be named more than once. */
export interface SpanCounts {
  /** Names as they were sent, cut to NAME_BYTES_MAX. */
  readonly services: readonly string[];
  /** SLOTS numbers for each of `services`. */
  readonly slots: Uint32Array;
  /** Root spans that a remote strategy sampled. */
  readonly sampledRoots: readonly SampledRoots[];
}

/** What a batch held, until it is known how it ended. */
export interface BatchCounts {
  readonly services: readonly ServiceSeries[];
  /** SLOTS numbers for each of `services`. */
  readonly slots: Uint32Array;
}

type SlotSeries = (CounterSeries | undefined)[];

/** The series of one service that sends in one format. */
interface ServiceSeries {
  readonly name: string;
  readonly received: SlotSeries;
  readonly rejected: SlotSeries;
  readonly saved: SlotSeries;
  readonly failed: SlotSeries;
}

/** The names that have series of their own; one for all formats of a collector. */
export class ServiceNames {
  readonly #names = new Set<string>();

  get count(): number {
    return this.#names.size;
  }

  /** The value of label `svc` for a service. */
  labelOf(service: string): string {
    const name = normalizeName(service);
    if (this.#names.has(name)) return name;
    if (this.#names.size >= SERVICES_MAX) return OTHER_SERVICES;
    this.#names.add(name);
    return name;
  }
}

/** As Jaeger's NormalizeServiceName. */
export function normalizeName(service: string): string {
  return service.toLowerCase().replaceAll(/[^a-z0-9.-]/g, "_");
}

/** Counts what comes in one format by one transport. */
export class SpanCounter {
  readonly #metrics: CollectorMetrics;
  readonly #names: ServiceNames;
  readonly #labels: { readonly format: string; readonly transport: string };
  /** By the name as it was sent; by label once there are too many of those. */
  readonly #services = new Map<string, ServiceSeries>();

  constructor(
    metrics: CollectorMetrics,
    names: ServiceNames,
    labels: { readonly format: string; readonly transport: string },
  ) {
    this.#metrics = metrics;
    this.#names = names;
    this.#labels = labels;
  }

  /** What `counts` says was received. */
  receive({ services, slots }: SpanCounts): BatchCounts {
    const counts = { services: services.map((service) => this.#seriesOf(service)), slots };
    this.#add(counts, "received");
    return counts;
  }

  /** The store took what `counts` says. */
  save(counts: BatchCounts): void {
    this.#add(counts, "saved");
  }

  /** The store did not take it. */
  fail(counts: BatchCounts): void {
    this.#add(counts, "failed");
  }

  /** The sender was told no before the store was asked. */
  reject(counts: BatchCounts): void {
    this.#add(counts, "rejected");
  }

  #seriesOf(service: string): ServiceSeries {
    const known = this.#services.get(service);
    if (known !== undefined) return known;
    const name = this.#names.labelOf(service);
    // Bounded as the names are: what no longer fits is found again by its label.
    const mapKey = this.#services.size < SERVICES_MAX ? service : name;
    let series = this.#services.get(mapKey);
    if (series === undefined) {
      series = { name, received: [], rejected: [], saved: [], failed: [] };
      this.#services.set(mapKey, series);
    }
    return series;
  }

  #add({ services, slots }: BatchCounts, end: "received" | "rejected" | "saved" | "failed"): void {
    for (let index = 0; index < services.length; index++) {
      const service = services[index]!;
      const bound = service[end];
      for (let slot = 0; slot < SLOTS; slot++) {
        const count = slots[index * SLOTS + slot]!;
        if (count === 0) continue;
        const series = (bound[slot] ??= this.#bind(service.name, end, slot));
        series.add(count);
      }
    }
  }

  #bind(
    svc: string,
    end: "received" | "rejected" | "saved" | "failed",
    slot: number,
  ): CounterSeries {
    const debug = slot < SLOTS_PER_DEBUG ? "false" : "true";
    const kind = slot % SLOTS_PER_DEBUG;
    const metrics = this.#metrics;
    if (end === "received" || end === "rejected") {
      const labels = { svc, debug, ...this.#labels };
      const isReceived = end === "received";
      if (kind === 0) return metrics[isReceived ? "spansReceived" : "spansRejected"].with(labels);
      const sampler_type = SAMPLER_TYPES[kind - 1] ?? "unknown";
      const traces = metrics[isReceived ? "tracesReceived" : "tracesRejected"];
      return traces.with({ ...labels, sampler_type });
    }
    const result = end === "saved" ? "ok" : "err";
    if (kind === 0) return metrics.spansSaved.with({ svc, debug, result });
    const sampler_type = SAMPLER_TYPES[kind - 1] ?? "unknown";
    return metrics.tracesSaved.with({ svc, debug, result, sampler_type });
  }
}

/** Makes what counts the rows of sanitized batches. Cost: see the head of this file. */
export function makeCountSpans(): (batch: SpanBatch) => SpanCounts {
  const keptSlots = new Uint32Array(KEPT_RESOURCES_MAX * SLOTS);
  return (batch) => {
    const needed = batch.resources * SLOTS;
    const isKept = needed <= keptSlots.length;
    const all = isKept ? keptSlots.fill(0, 0, needed) : new Uint32Array(needed);
    countRows(batch, all);
    const services: string[] = [];
    const key = batch.dictionary.find(SERVICE_NAME);
    let used = 0;
    for (let resource = 0; resource < batch.resources; resource++) {
      const start = resource * SLOTS;
      if (all[start] === 0 && all[start + SLOTS_PER_DEBUG] === 0) continue;
      services.push(serviceOf(batch, resource, key));
      all.copyWithin(used, start, start + SLOTS);
      used += SLOTS;
    }
    const sampledRoots = findSampledRoots(batch, (resource) => serviceOf(batch, resource, key));
    return { services, slots: all.slice(0, used), sampledRoots };
  };
}

/** Adds to the SLOTS numbers of each resource. */
function countRows(batch: SpanBatch, slots: Uint32Array): void {
  const { resource, origin, flags, parentSpanIdWords: parents, rows } = batch;
  const samplers = new Samplers(batch);
  for (let row = 0; row < rows; row++) {
    const isDebug = origin[row] !== ORIGIN_OTLP && (flags[row]! & FLAG_DEBUG) !== 0;
    const slot = resource[row]! * SLOTS + (isDebug ? SLOTS_PER_DEBUG : 0);
    slots[slot] = slots[slot]! + 1;
    if ((parents[2 * row]! | parents[2 * row + 1]!) === 0) {
      const root = slot + 1 + samplers.typeOf(row);
      slots[root] = slots[root]! + 1;
    }
  }
}

/** @param key the entry of `service.name`. */
function serviceOf(batch: SpanBatch, resource: number, key: number): string {
  const table = batch.resourceAttributes;
  const start = batch.resourceAttributeStart[resource]!;
  const at = table.find(key, start, batch.resourceAttributeEnd[resource]!);
  return nameOf(batch.dictionary, at < 0 ? 0 : table.words[2 * at]!);
}

/** A service's name as text, no longer than what is kept. */
function nameOf(dictionary: Dictionary, entry: number): string {
  if (dictionary.length(entry) <= NAME_BYTES_MAX) return dictionary.text(entry);
  return decoder.decode(dictionary.bytes(entry).subarray(0, NAME_BYTES_MAX));
}

/** Reads `sampler.type` of root spans; free for batches in which no span has it. */
class Samplers {
  readonly #batch: SpanBatch;
  readonly #key: number;
  readonly #types: readonly number[];

  constructor(batch: SpanBatch) {
    const { dictionary } = batch;
    this.#batch = batch;
    this.#key = dictionary.findText("sampler.type");
    this.#types = this.#key < 0 ? [] : SAMPLER_TYPES.map((type) => dictionary.findText(type));
  }

  /** Index in SAMPLER_TYPES. */
  typeOf(row: number): number {
    if (this.#key < 0) return 0;
    const { spanAttributes: table, attributeStart } = this.#batch;
    const at = table.find(this.#key, attributeStart[row]!, attributeStart[row + 1]!);
    if (at < 0 || table.type[at] !== STRING) return 0;
    return Math.max(0, this.#types.indexOf(table.words[2 * at]!));
  }
}
