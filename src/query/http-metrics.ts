// Rates and latencies of services over time, computed from the stored spans.
//
//   GET /api/metrics/{latencies,calls,errors}?service=&quantile=&groupByOperation=&spanKind=
//                                            &endTs=&lookback=&step=&ratePer=
//     ─▶ {"name","type":"GAUGE","help","metrics":[{"labels":[{"name","value"}],
//          "metricPoints":[{"timestamp":"2026-01-02T03:04:05Z","gaugeValue":{"doubleValue":1.2}}]}]}
//   GET /api/metrics/minstep ─▶ {"data":1,…}           ms
//
// Source: Jaeger's http_handler.go and the JSON form of openmetrics.proto: without an envelope, and
// what JSON has no number for as text ("NaN").

import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { printRfc3339Us } from "./go-values.ts";
import { answerData, answerError, answerJson } from "./http-answers.ts";
import { type Measure, makeMetricFamily } from "./metric-family.ts";
import { parseQuantile, parseSeries } from "./parse-query.ts";
import type { QueryParts } from "./query-parts.ts";

/** Points may stand this close, in ms: times are not given finer. */
export const MIN_STEP_MS = 1;

export function makeMetricRoutes(parts: QueryParts): readonly HttpRoute[] {
  const measures: readonly Measure[] = ["latencies", "calls", "errors"];
  return [
    ...measures.map((measure): HttpRoute => {
      const handle = (request: HttpRequest): Promise<HttpAnswer> => answer(parts, measure, request);
      return { method: "GET", path: `/api/metrics/${measure}`, handle };
    }),
    {
      method: "GET",
      path: "/api/metrics/minstep",
      handle: (request) => answerData(request, MIN_STEP_MS),
    },
  ];
}

async function answer(
  parts: QueryParts,
  measure: Measure,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const quantile = measure === "latencies" ? { quantile: parseQuantile(request.query) } : {};
  const query = { ...parseSeries(request.query, parts.clock.nowUs()), ...quantile };
  if (!parts.store.capabilities.series) {
    return answerError(501, "metrics querying is currently disabled");
  }
  const series = await parts.store.series(query, request.signal);
  const { name, help, metrics } = makeMetricFamily(measure, query, series);
  return answerJson(request, {
    name,
    type: "GAUGE",
    help,
    metrics: metrics.map(({ labels, points }) => ({
      labels: labels.map(([name, value]) => ({ name, value })),
      metricPoints: points.map(([atUs, value]) => ({
        timestamp: printRfc3339Us(atUs),
        gaugeValue: { doubleValue: Number.isFinite(value) ? value : String(value) },
      })),
    })),
  });
}
