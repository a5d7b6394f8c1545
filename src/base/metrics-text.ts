// What Prometheus scrapes: the text exposition format 0.0.4.
//
//   # HELP jaeger_collector_spans_received_total Spans received.
//   # TYPE jaeger_collector_spans_received_total counter
//   jaeger_collector_spans_received_total{svc="frontend",transport="grpc"} 42
//
// Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
// Trust: label values may come from peers and are escaped.

import type { AnyMetric, HistogramSeries, MetricsRegistry } from "./metrics.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Every metric of the registry under each of its names. A metric without series is left out, but one
 * without labels has its series from the start.
 *
 * Cost: one string of about 100 bytes a series; callbacks of gauges run once per name.
 */
export function printMetrics(registry: MetricsRegistry): string {
  const lines: string[] = [];
  for (const metric of registry.metrics()) {
    const { declaration } = metric;
    if (declaration.labels.length === 0) metric.with({});
    for (const name of [declaration.name, ...declaration.alsoNamed]) {
      printMetric(name, metric, lines);
    }
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function printMetric(name: string, metric: AnyMetric, lines: string[]): void {
  const { kind, help, labels, buckets } = metric.declaration;
  let isFirst = true;
  for (const [values, series] of metric.series()) {
    if (isFirst) {
      const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
      lines.push(`# HELP ${name} ${text}`, `# TYPE ${name} ${kind}`);
      isFirst = false;
    }
    const pairs = labels.map((label, index) => `${label}="${escapeValue(values[index] ?? "")}"`);
    if ("bucketCounts" in series) printHistogram(name, pairs, buckets, series, lines);
    else lines.push(`${name}${braces(pairs)} ${printNumber(series.value)}`);
  }
}

function printHistogram(
  name: string,
  pairs: readonly string[],
  bounds: readonly number[],
  series: HistogramSeries,
  lines: string[],
): void {
  let total = 0;
  for (const [index, count] of series.bucketCounts.entries()) {
    total += count;
    const bound = bounds[index] ?? Number.POSITIVE_INFINITY;
    lines.push(`${name}_bucket${braces([...pairs, `le="${printNumber(bound)}"`])} ${total}`);
  }
  lines.push(`${name}_sum${braces(pairs)} ${printNumber(series.sum)}`);
  lines.push(`${name}_count${braces(pairs)} ${total}`);
}

function braces(pairs: readonly string[]): string {
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function printNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
