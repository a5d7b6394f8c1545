// Tracing in one service of the demo by `spoor/client`: its spans go by UDP to an agent, as Jaeger's clients send.
//
//   http     OpenTelemetry's instrumentation, through the bridge         gRPC     the client's interceptors
//   own work the client's tracer
//
// Must run before http is loaded: the instrumentation wraps it as it is required.

import type { HostPort } from "../base/host-port.ts";
import { HOST, type Tracing } from "./tracing.ts";

/** So soon that what is looked at has the last seconds too. */
const FLUSH_MS = 500;

export async function openClientTracing(service: string, agent: HostPort): Promise<Tracing> {
  const { initTracer } = await import("../client/index.ts");
  const { registerOpenTelemetry } = await import("../client/opentelemetry.ts");
  const { openTracingClientInterceptor, openTracingServerInterceptor } =
    await import("../client/grpc/index.ts");
  const { registerInstrumentations } = await import("@opentelemetry/instrumentation");
  const { HttpInstrumentation } = await import("@opentelemetry/instrumentation-http");
  const tracer = initTracer(
    {
      serviceName: service,
      sampler: { type: "const", param: 1 },
      reporter: { agentHost: agent.host, agentPort: agent.port, flushIntervalMs: FLUSH_MS },
      // The other half of the shop speaks W3C's headers.
      propagation: "w3c",
      traceId128bit: true,
    },
    { tags: { "service.version": "1.0.0", "deployment.environment": "demo", ip: HOST } },
  );
  registerOpenTelemetry({ tracer });
  registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
  return {
    inSpan: (name, tags, work) =>
      tracer.startActiveSpan(name, { tags }, (span) =>
        work((event, fields) => span.log({ event, ...fields })),
      ),
    clientInterceptors: [openTracingClientInterceptor({ tracer })],
    serverInterceptors: [openTracingServerInterceptor({ tracer })],
    close: () => tracer.close(),
  };
}
