// Every question is counted once and timed, and answered as the store answers it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SpoorError } from "../base/errors.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { type ReadStore, makeMeasuredStore } from "./measured-store.ts";
import { isOldOperation } from "./metrics.ts";

const never = new AbortController().signal;

/** A store that takes `ms` by `clock` for each answer, or fails then. */
function makeStore(
  failure?: SpoorError,
  found: readonly SpanBatch[] = [],
): { store: ReadStore; registry: MetricsRegistry } {
  let nowMs = 0;
  const answer = async <T>(value: T): Promise<T> => {
    await Promise.resolve();
    nowMs += 250;
    if (failure !== undefined) throw failure;
    return value;
  };
  const registry = new MetricsRegistry();
  const store: ReadStore = {
    capabilities: { searchWithoutService: true, archive: true, series: true },
    search: () => answer({ ids: new Uint8Array(32), startUs: new Float64Array(2) }),
    async *findEach() {
      yield* await answer(found);
    },
    readTraces: () => answer([]),
    services: () => answer(["a", "b", "c"]),
    operations: () => answer([]),
    attributeKeys: () => answer(["k"]),
    attributeValues: () => answer(["v", "w"]),
    dependencies: () => answer([]),
    series: () => answer([]),
    archive: () => answer(true),
  };
  const clock = { nowUs: () => 0, monotonicMs: () => nowMs };
  return { store: makeMeasuredStore(store, registry, clock), registry };
}

async function askEverything(store: ReadStore): Promise<void> {
  const range = { startUsMin: 0, startUsMax: 1 };
  const search = { ...range, attributes: [], limit: 1 };
  const query = {
    services: [],
    kinds: [],
    byOperation: false,
    endUs: 0,
    lookbackUs: 0,
    stepUs: 1,
    windowUs: 1,
  };
  const id = new Uint8Array(16);
  await Promise.allSettled([collect(store.findEach(search, never))]);
  await Promise.allSettled([store.readTraces([id], never)]);
  await Promise.allSettled([store.services(never)]);
  await Promise.allSettled([store.operations("a", undefined, never)]);
  await Promise.allSettled([store.search(search, never)]);
  const keys = { ...range, prefix: "", limit: 1 };
  await Promise.allSettled([store.attributeKeys(keys, never)]);
  await Promise.allSettled([store.attributeValues({ ...keys, key: "k" }, never)]);
  await Promise.allSettled([store.dependencies(range, never)]);
  await Promise.allSettled([store.series(query, never)]);
  await Promise.allSettled([store.archive(id, never)]);
}

const linesOf = (registry: MetricsRegistry, pattern: RegExp): string[] =>
  printMetrics(registry)
    .split("\n")
    .filter((line) => pattern.test(line))
    .sort();

const operations = [
  "archive_trace",
  "find_trace_ids",
  "find_traces",
  "get_attribute_keys",
  "get_attribute_values",
  "get_dependencies",
  "get_metrics",
  "get_operations",
  "get_services",
  "get_trace",
];

for (const result of ["ok", "err"] as const) {
  test(`makeMeasuredStore() counts and times what ends as ${result}`, async () => {
    const error = result === "ok" ? undefined : new SpoorError("unavailable", "no luck");
    const { store, registry } = makeStore(error);
    await askEverything(store);
    const labels = (operation: string): string => `{operation="${operation}",result="${result}"}`;
    assert.deepEqual(
      linesOf(registry, /^jaeger_query_requests_total/),
      operations.map((operation) => `jaeger_query_requests_total${labels(operation)} 1`),
    );
    assert.deepEqual(
      linesOf(registry, /^jaeger_query_latency_sum/),
      operations.map((operation) => `jaeger_query_latency_sum${labels(operation)} 0.25`),
    );
    const [count, latency] =
      result === "ok" ? ["successes", "okLatency"] : ["errors", "errLatency"];
    for (const operation of operations.filter(isOldOperation)) {
      for (const name of ["attempts", count, `${latency}_count`]) {
        const line = `jaeger_${operation}_${name} 1`;
        assert.deepEqual(linesOf(registry, new RegExp(`^jaeger_${operation}_${name} `)), [line]);
      }
    }
  });
}

test("makeMeasuredStore() counts a search that nobody waits for as an error", async () => {
  const { store, registry } = makeStore(
    undefined,
    ["a", "b"].map(() => new SpanBatch()),
  );
  const range = { startUsMin: 0, startUsMax: 1 };
  const search = { ...range, attributes: [], limit: 9 };
  const traces = store.findEach(search, never)[Symbol.asyncIterator]();
  await traces.next();
  await traces.return?.();
  assert.deepEqual(linesOf(registry, /^jaeger_query_requests_total/), [
    'jaeger_query_requests_total{operation="find_traces",result="err"} 1',
  ]);
});

test("makeMeasuredStore() says how many results an answer had", async () => {
  const { store, registry } = makeStore();
  assert.deepEqual(await store.services(never), ["a", "b", "c"]);
  const query = { startUsMin: 0, startUsMax: 1, attributes: [], limit: 9 };
  assert.equal((await store.search(query, never)).startUs.length, 2);
  assert.deepEqual(linesOf(registry, /^jaeger_query_responses_sum/), [
    'jaeger_query_responses_sum{operation="find_trace_ids"} 2',
    'jaeger_query_responses_sum{operation="get_services"} 3',
  ]);
  assert.deepEqual(linesOf(registry, /^jaeger_get_services_responses_sum/), [
    "jaeger_get_services_responses_sum 3",
  ]);
});

async function collect<T>(items: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
