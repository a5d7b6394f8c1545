// What the collector counts for Prometheus: Jaeger's names, old and new, and the ledger's.
//
//   jaeger_collector_spans_received_total{svc,debug,format,transport}     and without _total (≤ 1.8)
//   jaeger_collector_save_latency{host}                                   seconds, Jaeger's buckets
//   spoor_collector_spans_{received,stored,refused,dropped}_total{door,format[,reason]}
//
// Jaeger observes latencies once a span, we once a request: the quantiles are those of requests, and
// the `_count` is theirs.
// `svc` comes from peers; how many there may be is bounded in span-counts.ts, all others are closed.
//
// Source: Jaeger v1.6, v1.41 and v1.76, cmd/collector/app/metrics.go.
// Not here: who adds (span-counts.ts, intake.ts), how it is printed (base/metrics-text.ts).

import { counter, gauge, histogram } from "../base/metrics.ts";

/**
 * Service names that have series of their own, as in Jaeger since 1.10. Each has up to 14 series of
 * some 200 bytes for each format it sends in.
 */
export const SERVICES_MAX = 4_000;

/** Enough for SERVICES_MAX; span-counts.ts says `other-services` before this bound is reached. */
const SERVICE_SERIES_MAX = 64_000;

const host = ["host"] as const;
const byService = ["svc", "debug", "format", "transport"] as const;
const byServiceAndSampler = ["svc", "debug", "format", "transport", "sampler_type"] as const;
const byDoor = ["door", "format"] as const;
const byReason = ["door", "format", "reason"] as const;
const seriesMax = SERVICE_SERIES_MAX;

const jaegerMetrics = {
  spansReceived: counter({
    name: "jaeger_collector_spans_received_total",
    alsoNamed: ["jaeger_collector_spans_received"],
    labels: byService,
    seriesMax,
    help: "Spans received, by service.",
  }),
  spansRejected: counter({
    name: "jaeger_collector_spans_rejected_total",
    alsoNamed: ["jaeger_collector_spans_rejected"],
    labels: byService,
    seriesMax,
    help: "Spans received and refused, by service.",
  }),
  tracesReceived: counter({
    name: "jaeger_collector_traces_received_total",
    alsoNamed: ["jaeger_collector_traces_received"],
    labels: byServiceAndSampler,
    seriesMax,
    help: "Root spans received, by service.",
  }),
  tracesRejected: counter({
    name: "jaeger_collector_traces_rejected_total",
    alsoNamed: ["jaeger_collector_traces_rejected"],
    labels: byServiceAndSampler,
    seriesMax,
    help: "Root spans received and refused, by service.",
  }),
  spansSaved: counter({
    name: "jaeger_collector_spans_saved_by_svc_total",
    alsoNamed: ["jaeger_collector_spans_saved_by_svc"],
    labels: ["svc", "debug", "result"],
    seriesMax,
    help: "Spans that the store took (ok) or did not take (err), by service.",
  }),
  tracesSaved: counter({
    name: "jaeger_collector_traces_saved_by_svc_total",
    alsoNamed: ["jaeger_collector_traces_saved_by_svc"],
    labels: ["svc", "debug", "result", "sampler_type"],
    seriesMax,
    help: "Root spans that the store took (ok) or did not take (err), by service.",
  }),
  spansDropped: counter({
    name: "jaeger_collector_spans_dropped_total",
    alsoNamed: ["jaeger_collector_spans_dropped"],
    labels: host,
    help: "Spans lost after they were received.",
  }),
  batchSize: gauge({
    name: "jaeger_collector_batch_size",
    labels: host,
    help: "Spans in the request that came last.",
  }),
  queueLength: gauge({
    name: "jaeger_collector_queue_length",
    labels: host,
    help: "Spans that wait for the store.",
  }),
  queueCapacity: gauge({
    name: "jaeger_collector_queue_capacity",
    labels: host,
    help: "Spans of the mean size so far that may wait for the store.",
  }),
  spansBytes: gauge({
    name: "jaeger_collector_spans_bytes",
    labels: host,
    help: "Bytes of spans received since the start, as they were sent.",
  }),
  serviceNames: gauge({
    name: "jaeger_collector_spans_serviceNames",
    labels: host,
    help: "Service names that have series of their own.",
  }),
  inQueueLatency: histogram({
    name: "jaeger_collector_in_queue_latency",
    labels: host,
    help: "Seconds from the receipt of a request until it was stored.",
  }),
  saveLatency: histogram({
    name: "jaeger_collector_save_latency",
    labels: host,
    help: "Seconds that the store took for a request.",
  }),
};

const ledgerMetrics = {
  requestsReceived: counter({
    name: "spoor_collector_requests_received_total",
    labels: byDoor,
    help: "Requests received.",
  }),
  requestsStored: counter({
    name: "spoor_collector_requests_stored_total",
    labels: byDoor,
    help: "Requests whose spans were stored.",
  }),
  requestsRefused: counter({
    name: "spoor_collector_requests_refused_total",
    labels: byReason,
    help: "Requests whose sender was told no, by the reason.",
  }),
  requestsDropped: counter({
    name: "spoor_collector_requests_dropped_total",
    labels: byReason,
    help: "Requests lost after they were received, by the reason.",
  }),
  requestsInFlight: gauge({
    name: "spoor_collector_requests_in_flight",
    labels: byDoor,
    help: "Requests received and not yet answered.",
  }),
  ledgerReceived: counter({
    name: "spoor_collector_spans_received_total",
    labels: byDoor,
    help: "Spans received in requests that could be decoded.",
  }),
  ledgerStored: counter({
    name: "spoor_collector_spans_stored_total",
    labels: byDoor,
    help: "Spans that the store took.",
  }),
  ledgerRefused: counter({
    name: "spoor_collector_spans_refused_total",
    labels: byReason,
    help: "Spans whose sender was told no, by the reason.",
  }),
  ledgerDropped: counter({
    name: "spoor_collector_spans_dropped_total",
    labels: byReason,
    help: "Spans lost after they were received, by the reason.",
  }),
  ledgerInFlight: gauge({
    name: "spoor_collector_spans_in_flight",
    labels: byDoor,
    help: "Spans received and not yet stored or refused.",
  }),
};

export const collectorMetrics = { ...jaegerMetrics, ...ledgerMetrics };
