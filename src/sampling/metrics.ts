// What remote sampling counts for Prometheus.
//
// Source of the names that begin with jaeger_: Jaeger v1.76 and v1.60. `http_server_*` counts the doors
// of the collector and of the all-in-one; the agent has its own.

import { counter, gauge, histogram } from "../base/metrics.ts";

export const samplingMetrics = {
  requests: counter({
    name: "jaeger_collector_http_server_requests_total",
    alsoNamed: ["jaeger_collector_http_server_requests"],
    labels: ["type"],
    help: "Questions for sampling strategies by HTTP, by kind.",
  }),
  errors: counter({
    name: "jaeger_collector_http_server_errors_total",
    alsoNamed: ["jaeger_collector_http_server_errors"],
    labels: ["status", "source"],
    help: "Such questions that were not answered, by class of status.",
  }),
  reloads: counter({
    name: "spoor_sampling_reloads_total",
    labels: ["result"],
    help: "Readings of the strategies file after the first, by result: changed, unchanged, failed.",
  }),
  services: gauge({
    name: "spoor_sampling_services",
    help: "Services that have strategies of their own.",
  }),
};

export const adaptiveMetrics = {
  operations: counter({
    name: "jaeger_collector_sampling_operations_total",
    alsoNamed: ["jaeger_collector_sampling_operations"],
    help: "Operations whose throughput was written down, once an interval each.",
  }),
  services: counter({
    name: "jaeger_collector_sampling_services_total",
    alsoNamed: ["jaeger_collector_sampling_services"],
    help: "Services whose throughput was written down, once an interval each.",
  }),
  calculated: gauge({
    name: "jaeger_collector_adaptive_sampling_processor_operations_calculated",
    help: "Operations of the last calculation of probabilities.",
  }),
  calculating: histogram({
    name: "jaeger_collector_adaptive_sampling_processor_calculate_probabilities",
    help: "Seconds that a calculation of probabilities took.",
  }),
  leftOut: counter({
    name: "spoor_sampling_left_out_total",
    help: "Sampled root spans that were not counted: too many operations, or too long a name.",
  }),
  failures: counter({
    name: "spoor_sampling_state_failures_total",
    help: "Reads and writes of the sampling state that failed.",
  }),
  isLeader: gauge({
    name: "spoor_sampling_is_leader",
    help: "1 while this process calculates the probabilities, 0 while it follows another.",
  }),
};
