// A store whose questions are counted and timed: what both APIs ask.
//
//   http, grpc ─▶ measured store ─▶ store        metrics: one count and one time a question
//
// Not here: the metrics' names (metrics.ts); writes, which the collector counts.

import type { Clock } from "../base/clock.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { isOldOperation, oldQueryMetrics, queryMetrics } from "./metrics.ts";

/** What the query service uses of a store. */
export type ReadStore = Pick<
  TraceStore,
  | "capabilities"
  | "findTraces"
  | "readTraces"
  | "services"
  | "operations"
  | "dependencies"
  | "series"
  | "archive"
>;

type Operation =
  | "find_traces"
  | "get_trace"
  | "get_services"
  | "get_operations"
  | "get_dependencies"
  | "get_metrics"
  | "archive_trace";

export function makeMeasuredStore(
  store: ReadStore,
  registry: MetricsRegistry,
  clock: Clock,
): ReadStore {
  const measure = makeMeasure(registry, clock);
  return {
    capabilities: store.capabilities,
    findTraces: (query, signal) => measure("find_traces", () => store.findTraces(query, signal)),
    readTraces: (ids, signal) => measure("get_trace", () => store.readTraces(ids, signal)),
    services: (signal) => measure("get_services", () => store.services(signal)),
    operations: (service, kind, signal) =>
      measure("get_operations", () => store.operations(service, kind, signal)),
    dependencies: (range, signal) =>
      measure("get_dependencies", () => store.dependencies(range, signal)),
    series: (query, signal) => measure("get_metrics", () => store.series(query, signal)),
    archive: (id, signal) => measure("archive_trace", () => store.archive(id, signal)),
  };
}

type Measure = <T>(operation: Operation, ask: () => Promise<T>) => Promise<T>;

function makeMeasure(registry: MetricsRegistry, clock: Clock): Measure {
  const metrics = registry.register(queryMetrics);
  const old = {
    find_traces: registry.register(oldQueryMetrics.find_traces),
    get_trace: registry.register(oldQueryMetrics.get_trace),
    get_services: registry.register(oldQueryMetrics.get_services),
    get_operations: registry.register(oldQueryMetrics.get_operations),
  };
  const count = (operation: Operation, result: "ok" | "err", seconds: number): void => {
    metrics.requests.with({ operation, result }).add(1);
    metrics.latency.with({ operation, result }).observe(seconds);
    if (!isOldOperation(operation)) return;
    const names = old[operation];
    names[result === "ok" ? "successes" : "errors"].with().add(1);
    names[result === "ok" ? "okLatency" : "errLatency"].with().observe(seconds);
  };
  return async (operation, ask) => {
    const began = clock.monotonicMs();
    const seconds = (): number => (clock.monotonicMs() - began) / 1_000;
    if (isOldOperation(operation)) old[operation].attempts.with().add(1);
    try {
      const answer = await ask();
      count(operation, "ok", seconds());
      if (Array.isArray(answer)) {
        metrics.responses.with({ operation }).observe(answer.length);
        if (isOldOperation(operation)) old[operation].responses.with().observe(answer.length);
      }
      return answer;
    } catch (error) {
      count(operation, "err", seconds());
      throw error;
    }
  };
}
