// Counts the sampled root spans of one calculation interval, by service and operation.
//
//   SampledRoots of each batch ─ add ─▶ one Throughput an operation ─ take ─▶ SamplingState
//
// Limits: OPERATIONS_MAX operations an interval and NAME_CHARS_MAX a name: names are the peers'. What is
// more is counted as left out, and such an operation keeps the default probability.
// Not here: finding them in a batch (collector/sampled-roots.ts).

import { printProbability } from "./formula.ts";
import type { Throughput } from "./sampling-state.ts";

/** Root spans of one service and operation that clients sampled by a remote strategy. Plain data. */
export interface SampledRoots {
  readonly service: string;
  readonly operation: string;
  /** Sampled by probability; those of the lower bound are seen, but count 0. */
  readonly count: number;
  /** Spans of both kinds. */
  readonly spans: number;
  /** Distinct values of `sampler.param`. */
  readonly probabilities: readonly number[];
}

/** As many as Jaeger's clients know of one service, for many services; some 300 bytes each. */
const OPERATIONS_MAX = 10_000;
const NAME_CHARS_MAX = 1_024;
/** As in Jaeger: after a change of the probability a few old values are still about. */
const PROBABILITIES_MAX = 10;

interface Count {
  readonly service: string;
  readonly operation: string;
  count: number;
  readonly probabilities: Set<string>;
}

export class ThroughputCounter {
  readonly #services = new Map<string, Map<string, Count>>();
  readonly #onLeftOut: (spans: number) => void;
  #operations = 0;

  constructor(onLeftOut: (spans: number) => void) {
    this.#onLeftOut = onLeftOut;
  }

  add(roots: SampledRoots): void {
    const count = this.#countOf(roots);
    if (count === undefined) {
      this.#onLeftOut(roots.spans);
      return;
    }
    count.count += roots.count;
    for (const probability of roots.probabilities) {
      if (count.probabilities.size >= PROBABILITIES_MAX) break;
      count.probabilities.add(printProbability(probability));
    }
  }

  /** What was counted since the last call. */
  take(): { readonly services: number; readonly rows: readonly Throughput[] } {
    const services = this.#services.size;
    const rows: Throughput[] = [];
    for (const operations of this.#services.values()) {
      for (const { service, operation, count, probabilities } of operations.values()) {
        rows.push({ service, operation, count, probabilities: [...probabilities] });
      }
    }
    this.#services.clear();
    this.#operations = 0;
    return { services, rows };
  }

  #countOf({ service, operation }: SampledRoots): Count | undefined {
    const known = this.#services.get(service)?.get(operation);
    if (known !== undefined) return known;
    const isLong = Math.max(service.length, operation.length) > NAME_CHARS_MAX;
    if (isLong || this.#operations >= OPERATIONS_MAX) return undefined;
    let operations = this.#services.get(service);
    if (operations === undefined)
      this.#services.set(service, (operations = new Map<string, Count>()));
    const count: Count = { service, operation, count: 0, probabilities: new Set() };
    operations.set(operation, count);
    this.#operations++;
    return count;
  }
}
