// OpenTelemetry in one service of the demo: the SDK, an exporter, instrumentation of http and gRPC.
//
// Must run before http and gRPC are loaded: the instrumentation wraps them as they are required.

import { createRequire } from "node:module";
import { hostname } from "node:os";
import type { Tracer } from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { HostPort } from "../base/host-port.ts";
import type { Exporter } from "./shop.ts";

/** Loads a CommonJS module by way of `require`, which is where instrumentation takes hold. */
export const require: NodeJS.Require = createRequire(import.meta.url);

/** Where the exporters send to: `127.0.0.1:4317`, `127.0.0.1:4318`, an agent's `127.0.0.1:6831`. */
export interface Targets {
  readonly grpc: string;
  readonly http: string;
  readonly udp: HostPort;
}

export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left. */
  close(): Promise<void>;
}

export async function openTracing(
  service: string,
  exporter: Exporter,
  targets: Targets,
): Promise<Tracing> {
  const { trace } = await import("@opentelemetry/api");
  const { NodeTracerProvider } = await import("@opentelemetry/sdk-trace-node");
  const { BatchSpanProcessor } = await import("@opentelemetry/sdk-trace-base");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");
  const { registerInstrumentations } = await import("@opentelemetry/instrumentation");
  const { HttpInstrumentation } = await import("@opentelemetry/instrumentation-http");
  const { GrpcInstrumentation } = await import("@opentelemetry/instrumentation-grpc");
  const processor = new BatchSpanProcessor(await makeExporter(exporter, targets), {
    scheduledDelayMillis: 500,
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      "service.name": service,
      "service.version": "1.0.0",
      "deployment.environment": "demo",
      // One host, one clock: nobody takes the spans of two processes for skewed.
      "host.name": hostname(),
      "process.pid": process.pid,
    }),
    spanProcessors: [processor],
  });
  provider.register();
  registerInstrumentations({
    instrumentations: [new HttpInstrumentation(), new GrpcInstrumentation()],
    tracerProvider: provider,
  });
  return { tracer: trace.getTracer("spoor-demo", "1.0.0"), close: () => provider.shutdown() };
}

async function makeExporter(exporter: Exporter, targets: Targets): Promise<SpanExporter> {
  const url = `http://${targets.http}/v1/traces`;
  switch (exporter) {
    case "otlp-grpc": {
      const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-grpc");
      return new OTLPTraceExporter({ url: `http://${targets.grpc}` });
    }
    case "otlp-http": {
      const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
      return new OTLPTraceExporter({ url });
    }
    case "otlp-json": {
      const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
      return new OTLPTraceExporter({ url });
    }
    case "jaeger-udp": {
      const { openJaegerUdpExporter } = await import("./jaeger-udp-exporter.ts");
      return openJaegerUdpExporter(targets.udp);
    }
    default:
      throw new Error(`bug: no exporter ${String(exporter)}`);
  }
}
