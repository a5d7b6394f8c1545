// One round of adaptive sampling: from the throughput of the last intervals to the new probabilities.
//
//   buckets (newest first) ─▶ rates of each operation ─ formula.ts ─▶ Round
//                                                  old Round ──┘
//
// Source: Jaeger v1.76, internal/sampling/samplingstrategy/adaptive/post_aggregator.go
// (calculateProbabilitiesAndQPS, isUsingAdaptiveSampling).
// Limits: OPERATIONS_PER_SERVICE_MAX results a service; an operation that none of the buckets has is gone,
// unless withUnseen keeps it.
// Not here: when it runs (adaptive-source.ts), the arithmetic (formula.ts).

import {
  type FormulaSettings,
  areEqual,
  nextProbability,
  printProbability,
  weightedMean,
} from "./formula.ts";
import type { OperationResult, Throughput } from "./sampling-state.ts";

/** What all collectors counted within one interval. */
export interface Bucket {
  readonly intervalMs: number;
  /** service → operation → sums. */
  readonly services: ReadonlyMap<string, ReadonlyMap<string, Sum>>;
}

interface Sum {
  readonly count: number;
  readonly probabilities: ReadonlySet<string>;
}

export interface CalculationSettings extends FormulaSettings {
  /** Newest intervals of an operation that count. */
  readonly bucketsForCalculation: number;
}

/** What a round leaves to the next one. */
export interface Round {
  readonly result: readonly OperationResult[];
  /** By operationKey: what was in force, and whether the service seemed to obey it. */
  readonly used: ReadonlyMap<string, Used>;
}

interface Used {
  readonly probability: number;
  readonly isAdaptive: boolean;
}

/** What Jaeger's clients hold of one service; they sample more operations by the default. */
const OPERATIONS_PER_SERVICE_MAX = 2_000;

/** Joins the rows of several collectors. */
export function makeBucket(rows: readonly Throughput[], intervalMs: number): Bucket {
  const services = new Map<string, Map<string, Sum>>();
  for (const { service, operation, count, probabilities } of rows) {
    let operations = services.get(service);
    if (operations === undefined) services.set(service, (operations = new Map<string, Sum>()));
    const known = operations.get(operation);
    operations.set(operation, {
      count: count + (known?.count ?? 0),
      probabilities: new Set([...(known?.probabilities ?? []), ...probabilities]),
    });
  }
  return { intervalMs, services };
}

/** Names an operation of a service in one text. */
export function operationKey(service: string, operation: string): string {
  return `${service.length} ${service}${operation}`;
}

/** @param buckets newest first, at least one. @param old what is in force; @param used last round's. */
export function calculate(
  buckets: readonly Bucket[],
  old: readonly OperationResult[],
  used: Round["used"],
  settings: CalculationSettings,
): Round {
  const probabilities = new Map(
    old.map(({ service, operation, probability }) => [
      operationKey(service, operation),
      probability,
    ]),
  );
  const newest = buckets[0];
  const nowUsed = new Map<string, Used>();
  const result: OperationResult[] = [];
  for (const [service, operations] of ratesOf(buckets, settings.bucketsForCalculation)) {
    for (const [operation, rates] of operations) {
      const key = operationKey(service, operation);
      const probability = probabilities.get(key) ?? settings.initialSamplingProbability;
      const sum = newest?.services.get(service)?.get(operation);
      const isAdaptive = isObeyed(probability, sum, used.get(key), settings);
      nowUsed.set(key, { probability, isAdaptive });
      const measured = weightedMean(rates);
      result.push({
        service,
        operation,
        probability: nextProbability(probability, measured, isAdaptive, settings),
        tracesPerSecond: measured,
      });
    }
  }
  return { result, used: nowUsed };
}

/** `result`, and what it lacks of `old`: as it was. */
export function withUnseen(
  result: readonly OperationResult[],
  old: readonly OperationResult[],
): readonly OperationResult[] {
  const seen = new Set<string>();
  const counts = new Map<string, number>();
  const all: OperationResult[] = [];
  for (const row of [...result, ...old]) {
    const key = operationKey(row.service, row.operation);
    const count = counts.get(row.service) ?? 0;
    if (seen.has(key) || count >= OPERATIONS_PER_SERVICE_MAX) continue;
    seen.add(key);
    counts.set(row.service, count + 1);
    all.push(row);
  }
  return all;
}

/** Sampled traces a second, newest interval first; of intervals in which the operation was seen. */
function ratesOf(
  buckets: readonly Bucket[],
  ratesMax: number,
): ReadonlyMap<string, ReadonlyMap<string, readonly number[]>> {
  const rates = new Map<string, Map<string, number[]>>();
  for (const { services, intervalMs } of buckets) {
    for (const [service, sums] of services) {
      let operations = rates.get(service);
      if (operations === undefined) rates.set(service, (operations = new Map<string, number[]>()));
      for (const [operation, { count }] of sums) {
        let list = operations.get(operation);
        if (list === undefined) {
          if (operations.size >= OPERATIONS_PER_SERVICE_MAX) continue;
          operations.set(operation, (list = []));
        }
        if (list.length < ratesMax) list.push(count / (intervalMs / 1_000));
      }
    }
  }
  return rates;
}

/** Whether the spans that came were sampled by what the service was told. */
function isObeyed(
  probability: number,
  sum: Sum | undefined,
  before: Used | undefined,
  { initialSamplingProbability: initial }: CalculationSettings,
): boolean {
  // Seen for the first time: taken on trust; the next round has another probability and will see.
  if (areEqual(probability, initial)) return true;
  if (sum !== undefined) return sum.probabilities.has(printProbability(probability));
  return before !== undefined && before.isAdaptive && !areEqual(before.probability, initial);
}
