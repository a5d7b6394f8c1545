// What the query service counts: each question to the store, whichever API it came by.
//
//   jaeger_query_requests_total{operation,result}      jaeger_query_latency{operation,result} seconds
//   jaeger_query_responses{operation}                  how many results an answer had
//   jaeger_{find_traces,get_trace,get_services,get_operations}_{attempts,successes,errors,
//     responses,okLatency,errLatency}                  the same by the names of v1.6
//
// Source: Jaeger v1.6 and v1.76, storage/spanstore/metrics. There the histogram of responses counts
// results as if they were nanoseconds, so all lie in its first bucket; ours has buckets of counts.
// Not here: who adds (measured-store.ts), how it is printed (base/metrics-text.ts).

import { counter, histogram } from "../base/metrics.ts";

/** 100 is the usual limit of a search, 1500 the most that Jaeger's pages ask for. */
const COUNT_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/** Operations that v1.6 counted, each under names of its own. */
const OLD_OPERATIONS = ["find_traces", "get_trace", "get_services", "get_operations"] as const;

export type OldOperation = (typeof OLD_OPERATIONS)[number];

export const queryMetrics = {
  requests: counter({
    name: "jaeger_query_requests_total",
    alsoNamed: ["jaeger_query_requests"],
    labels: ["operation", "result"],
    help: "Questions to the store, by how they ended: ok or err.",
  }),
  latency: histogram({
    name: "jaeger_query_latency",
    labels: ["operation", "result"],
    help: "Seconds until the store had answered.",
  }),
  responses: histogram({
    name: "jaeger_query_responses",
    labels: ["operation"],
    buckets: COUNT_BUCKETS,
    help: "Results in an answer of the store.",
  }),
};

/** The metrics of one operation as v1.6 named them. */
export const oldQueryMetrics = {
  find_traces: oldNames("find_traces"),
  get_trace: oldNames("get_trace"),
  get_services: oldNames("get_services"),
  get_operations: oldNames("get_operations"),
};

function oldNames(operation: OldOperation) {
  const help = `${operation} by the names of Jaeger 1.6; see jaeger_query_requests_total.`;
  return {
    attempts: counter({ name: `jaeger_${operation}_attempts`, help }),
    successes: counter({ name: `jaeger_${operation}_successes`, help }),
    errors: counter({ name: `jaeger_${operation}_errors`, help }),
    responses: histogram({ name: `jaeger_${operation}_responses`, buckets: COUNT_BUCKETS, help }),
    okLatency: histogram({ name: `jaeger_${operation}_okLatency`, help }),
    errLatency: histogram({ name: `jaeger_${operation}_errLatency`, help }),
  };
}

export function isOldOperation(operation: string): operation is OldOperation {
  return (OLD_OPERATIONS as readonly string[]).includes(operation);
}
