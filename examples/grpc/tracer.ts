// The tracer of a process, from its environment: JAEGER_SERVICE_NAME, JAEGER_AGENT_HOST, JAEGER_AGENT_PORT …

import * as prometheus from "prom-client";
import {
  PrometheusMetricsFactory,
  type Tracer,
  initTracerFromEnv,
  opentracing,
} from "spoor/client";

/** To be closed before the process ends: `tracer.close(done)`. */
export function newTracer(): Tracer {
  const metrics = new PrometheusMetricsFactory(prometheus, "shop");
  const tracer = initTracerFromEnv({}, { metrics });
  opentracing.initGlobalTracer(tracer);
  return tracer;
}
