// Lines of a chart out of what the store counted: the shape that Jaeger's metrics have.
//
//   latencies   service_latencies    ms, a quantile of the durations; NaN where nothing was called
//   calls       service_call_rate    calls per second
//   errors      service_error_rate   0..1, errors per call; NaN where nothing was called
//   by operation: service_operation_…, with one more label
//
// Source: Jaeger's Prometheus metric reader (v1.76): names, help, units.
// Not here: JSON (http-metrics.ts), protobuf (wire/write-query-proto.ts).

import type { Series, SeriesPoint, SeriesQuery } from "../model/trace-query.ts";
import type { MetricFamily } from "../wire/write-query-proto.ts";

export type Measure = "latencies" | "calls" | "errors";

const HELP: Readonly<Record<Measure, (query: SeriesQuery) => string>> = {
  latencies: ({ quantile = 0 }) => `${quantile.toFixed(2)}th quantile latency`,
  calls: () => "calls/sec",
  errors: () => "error rate, computed as a fraction of errors/sec over calls/sec",
};
const NAMES: Readonly<Record<Measure, string>> = {
  latencies: "latencies",
  calls: "call_rate",
  errors: "error_rate",
};

export function makeMetricFamily(
  measure: Measure,
  query: SeriesQuery,
  series: readonly Series[],
): MetricFamily {
  const grouped = query.byOperation ? "service_operation" : "service";
  const by = query.byOperation ? "service & operation" : "service";
  const windowS = query.windowUs / 1e6;
  return {
    name: `${grouped}_${NAMES[measure]}`,
    help: `${HELP[measure](query)}, grouped by ${by}`,
    metrics: series.map(({ service, operation, points }) => ({
      labels: [
        ...(operation === undefined ? [] : [["operation", operation] as const]),
        ["service_name", service] as const,
      ],
      points: points.map((point) => [point.atUs, valueOf(measure, point, windowS)] as const),
    })),
  };
}

function valueOf(measure: Measure, point: SeriesPoint, windowS: number): number {
  if (measure === "calls") return point.calls / windowS;
  if (point.calls === 0) return Number.NaN;
  return measure === "errors" ? point.errors / point.calls : point.durationNs / 1e6;
}
