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
  | "search"
  | "findEach"
  | "readTraces"
  | "services"
  | "operations"
  | "attributeKeys"
  | "attributeValues"
  | "dependencies"
  | "series"
  | "archive"
>;

type Operation =
  | "find_traces"
  | "find_trace_ids"
  | "get_trace"
  | "get_services"
  | "get_operations"
  | "get_attribute_keys"
  | "get_attribute_values"
  | "get_dependencies"
  | "get_metrics"
  | "archive_trace";

export function makeMeasuredStore(
  store: ReadStore,
  registry: MetricsRegistry,
  clock: Clock,
): ReadStore {
  const measures = makeMeasures(registry, clock);
  return {
    capabilities: store.capabilities,
    search: (query, signal) =>
      measures.measure(
        "find_trace_ids",
        () => store.search(query, signal),
        (hits) => hits.startUs.length,
      ),
    findEach: (query, signal) =>
      measures.measureEach("find_traces", () => store.findEach(query, signal)),
    readTraces: (ids, signal) => measures.measure("get_trace", () => store.readTraces(ids, signal)),
    services: (signal) => measures.measure("get_services", () => store.services(signal)),
    operations: (service, kind, signal) =>
      measures.measure("get_operations", () => store.operations(service, kind, signal)),
    attributeKeys: (query, signal) =>
      measures.measure("get_attribute_keys", () => store.attributeKeys(query, signal)),
    attributeValues: (query, signal) =>
      measures.measure("get_attribute_values", () => store.attributeValues(query, signal)),
    dependencies: (range, signal) =>
      measures.measure("get_dependencies", () => store.dependencies(range, signal)),
    series: (query, signal) => measures.measure("get_metrics", () => store.series(query, signal)),
    archive: (id, signal) => measures.measure("archive_trace", () => store.archive(id, signal)),
  };
}

interface Measures {
  /** @param sizeOf how many results an answer has; left out: what a list has. */
  measure<T>(
    operation: Operation,
    ask: () => Promise<T>,
    sizeOf?: (answer: T) => number,
  ): Promise<T>;
  /** The time is what the store took: not counted is how long each result was used. */
  measureEach<T>(operation: Operation, ask: () => AsyncIterable<T>): AsyncIterable<T>;
}

function makeMeasures(registry: MetricsRegistry, clock: Clock): Measures {
  const counts = makeCounts(registry);
  return {
    async measure(operation, ask, sizeOf) {
      const watch = makeWatch(clock);
      counts.begin(operation);
      try {
        const answer = await watch.time(ask);
        counts.end(operation, "ok", watch.seconds());
        const size = sizeOf?.(answer) ?? (Array.isArray(answer) ? answer.length : undefined);
        if (size !== undefined) counts.results(operation, size);
        return answer;
      } catch (error) {
        counts.end(operation, "err", watch.seconds());
        throw error;
      }
    },
    async *measureEach(operation, ask) {
      const watch = makeWatch(clock);
      counts.begin(operation);
      let results = 0;
      let result: "ok" | "err" = "err"; // also for who stops before the end
      const items = ask()[Symbol.asyncIterator]();
      try {
        for (;;) {
          const item = await watch.time(() => items.next());
          if (item.done === true) break;
          results++;
          yield item.value;
        }
        result = "ok";
        counts.results(operation, results);
      } finally {
        counts.end(operation, result, watch.seconds());
        await items.return?.();
      }
    },
  };
}

interface Watch {
  time<T>(ask: () => Promise<T>): Promise<T>;
  /** All that was timed, also what failed. */
  seconds(): number;
}

function makeWatch(clock: Clock): Watch {
  let ms = 0;
  return {
    async time(ask) {
      const began = clock.monotonicMs();
      try {
        return await ask();
      } finally {
        ms += clock.monotonicMs() - began;
      }
    },
    seconds: () => ms / 1_000,
  };
}

interface Counts {
  begin(operation: Operation): void;
  end(operation: Operation, result: "ok" | "err", seconds: number): void;
  results(operation: Operation, count: number): void;
}

function makeCounts(registry: MetricsRegistry): Counts {
  const metrics = registry.register(queryMetrics);
  const old = {
    find_traces: registry.register(oldQueryMetrics.find_traces),
    get_trace: registry.register(oldQueryMetrics.get_trace),
    get_services: registry.register(oldQueryMetrics.get_services),
    get_operations: registry.register(oldQueryMetrics.get_operations),
  };
  return {
    begin(operation) {
      if (isOldOperation(operation)) old[operation].attempts.with().add(1);
    },
    end(operation, result, seconds) {
      metrics.requests.with({ operation, result }).add(1);
      metrics.latency.with({ operation, result }).observe(seconds);
      if (!isOldOperation(operation)) return;
      const names = old[operation];
      names[result === "ok" ? "successes" : "errors"].with().add(1);
      names[result === "ok" ? "okLatency" : "errLatency"].with().observe(seconds);
    },
    results(operation, count) {
      metrics.responses.with({ operation }).observe(count);
      if (isOldOperation(operation)) old[operation].responses.with().observe(count);
    },
  };
}
