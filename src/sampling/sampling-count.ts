// Counts questions about sampling by HTTP, under Jaeger's names.

import type { MetricsRegistry } from "../base/metrics.ts";
import { samplingMetrics } from "./metrics.ts";
import type { SamplingRoutesOptions } from "./sampling-routes.ts";

/** What `makeSamplingRoutes` is to call. */
export function makeSamplingCount(
  registry: MetricsRegistry,
): NonNullable<SamplingRoutesOptions["onRequest"]> {
  const { requests, errors } = registry.register(samplingMetrics);
  return (type, status) => {
    if (status === 200) requests.with({ type }).add(1);
    else if (status === 400) errors.with({ status: "4xx", source: "all" }).add(1);
    else errors.with({ status: "5xx", source: "collector-proxy" }).add(1);
  };
}
