// Tracing in one service of the demo: OpenTelemetry's SDK, an exporter, instrumentation of http and gRPC; or
// `spoor/client`.
//
// Must run before http and gRPC are loaded: the instrumentation wraps them as they are required.
// Not here: the client (client-tracing.ts).

import { createRequire } from "node:module";
import type { Interceptor, ServerInterceptor } from "@grpc/grpc-js";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { HostPort } from "../base/host-port.ts";
import type { Exporter } from "./shop.ts";

type SdkExporter = Exclude<Exporter, "spoor-client">;

/** What all services say that they run on. */
export const HOST = "127.0.0.1";

/** Loads a CommonJS module by way of `require`, which is where instrumentation takes hold. */
export const require: NodeJS.Require = createRequire(import.meta.url);

/** Where spans are sent to: `127.0.0.1:4317`, `127.0.0.1:4318`, an agent's `127.0.0.1:6831`. */
export interface Targets {
  readonly grpc: string;
  readonly http: string;
  readonly udp: HostPort;
}

export type Fields = Readonly<Record<string, string | number | boolean>>;

/** What a service asks of its tracing, whichever library does it. */
export interface Tracing {
  /** Runs `work` in a span; what it tells is a log record of that span. */
  inSpan(name: string, tags: Fields, work: (tell: Tell) => Promise<void>): Promise<void>;
  /** For gRPC, if nothing has been put into it. */
  readonly clientInterceptors: readonly Interceptor[];
  readonly serverInterceptors: readonly ServerInterceptor[];
  /** Sends what is left. */
  close(): Promise<void>;
}

type Tell = (event: string, fields: Fields) => void;

/** The tracing of a service, by the library that goes with its exporter. */
export async function openTracing(
  service: string,
  exporter: Exporter,
  targets: Targets,
): Promise<Tracing> {
  if (exporter !== "spoor-client") return openSdkTracing(service, exporter, targets);
  const { openClientTracing } = await import("./client-tracing.ts");
  return openClientTracing(service, targets.udp);
}

async function openSdkTracing(
  service: string,
  exporter: SdkExporter,
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
      "host.ip": HOST,
      "process.pid": process.pid,
    }),
    spanProcessors: [processor],
  });
  provider.register();
  registerInstrumentations({
    instrumentations: [new HttpInstrumentation(), new GrpcInstrumentation()],
    tracerProvider: provider,
  });
  const tracer = trace.getTracer("spoor-demo", "1.0.0");
  return {
    inSpan: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes }, async (span) => {
        await work((event, fields) => span.addEvent(event, fields));
        span.end();
      }),
    clientInterceptors: [],
    serverInterceptors: [],
    close: () => provider.shutdown(),
  };
}

async function makeExporter(exporter: SdkExporter, targets: Targets): Promise<SpanExporter> {
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
    default:
      throw new Error(`bug: no exporter ${String(exporter)}`);
  }
}
