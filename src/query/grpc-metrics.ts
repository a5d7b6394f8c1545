// jaeger.api_v2.metrics.MetricsQueryService: rates and latencies, as /api/metrics answers them.
//
//   GetLatencies  GetCallRates  GetErrorRates     GetMetricsResponse
//   GetMinStepDuration                            1 ms
//
// Source: Jaeger v1.76 grpc_handler of metrics: defaults and texts; metricsquery.proto.

import { KIND_SERVER } from "../model/span-batch.ts";
import type { SeriesQuery } from "../model/trace-query.ts";
import { GrpcError, type GrpcService, type GrpcUnaryMethod } from "../net/grpc-service.ts";
import { type MetricsQueryMessage, readEmpty, readGetMetrics } from "../wire/query-proto.ts";
import { writeMetrics, writeMinStep } from "../wire/write-query-proto.ts";
import { MIN_STEP_MS } from "./http-metrics.ts";
import { type Measure, makeMetricFamily } from "./metric-family.ts";
import { boundSeries } from "./parse-query.ts";
import type { QueryParts } from "./query-parts.ts";

export const METRICS_SERVICE = "jaeger.api_v2.metrics.MetricsQueryService";

const LOOKBACK_US = 3_600e6;
const STEP_US = 5e6;
const WINDOW_US = 600e6;

export function makeMetricsService(parts: QueryParts): GrpcService {
  const answer = (measure: Measure): GrpcUnaryMethod => ({
    kind: "unary",
    async handle(message, { signal }) {
      const query = makeSeriesQuery(measure, readGetMetrics(message), parts.clock.nowUs());
      if (!parts.store.capabilities.series) {
        throw new GrpcError("UNIMPLEMENTED", "metrics querying is currently disabled");
      }
      const series = await parts.store.series(query, signal);
      return writeMetrics(makeMetricFamily(measure, query, series));
    },
  });
  return {
    name: METRICS_SERVICE,
    methods: {
      GetLatencies: answer("latencies"),
      GetCallRates: answer("calls"),
      GetErrorRates: answer("errors"),
      GetMinStepDuration: {
        kind: "unary",
        handle(message) {
          readEmpty(message);
          return writeMinStep(MIN_STEP_MS * 1_000);
        },
      },
    },
  };
}

function makeSeriesQuery(measure: Measure, asked: MetricsQueryMessage, nowUs: number): SeriesQuery {
  if (asked.services.length === 0) {
    throw new GrpcError("INVALID_ARGUMENT", "please provide at least one service name");
  }
  if (measure === "latencies" && !(asked.quantile >= 0 && asked.quantile <= 1)) {
    throw new GrpcError("INVALID_ARGUMENT", "quantile should be within 0 and 1");
  }
  return boundSeries({
    services: asked.services,
    kinds: asked.kinds.length === 0 ? [KIND_SERVER] : asked.kinds,
    byOperation: asked.byOperation,
    endUs: asked.endUs ?? nowUs,
    lookbackUs: asked.lookbackUs ?? LOOKBACK_US,
    stepUs: asked.stepUs ?? STEP_US,
    windowUs: asked.windowUs ?? WINDOW_US,
    ...(measure === "latencies" ? { quantile: asked.quantile } : {}),
  });
}
