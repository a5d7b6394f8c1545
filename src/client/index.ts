// The public surface of `spoor/client`: an OpenTracing tracer for applications.
//
// Names are those of jaeger-client where it has them. `opentracing` is the package that the tracer
// implements, so that applications need not depend on it themselves; `grpc` is `spoor/client/grpc`.

// Both as the package has them: `import * as opentracing from "opentracing"`.
export * as opentracing from "opentracing";
export * as grpc from "./grpc/index.ts";
export { activeSpan, runWithSpan } from "./active-span.ts";
export {
  DefaultBaggageRestrictions,
  RemoteBaggageRestrictions,
  type BaggageRestriction,
  type BaggageRestrictions,
} from "./baggage-restrictions.ts";
export type { Counter, Gauge, MetricsFactory, Timer } from "./client-metrics.ts";
export type {
  BaggageConfig,
  PollConfig,
  ReporterConfig,
  SamplerConfig,
  TracerConfig,
} from "./config.ts";
export { type EnvOptions, initTracerFromEnv } from "./env.ts";
export { type InitOptions, initTracer } from "./init-tracer.ts";
export { registerOpenTelemetry } from "./load-opentelemetry.ts";
export { PrometheusMetricsFactory } from "./prometheus-metrics.ts";
export { NoopReporter, type Process, type Reporter } from "./reporter.ts";
export { CompositeReporter } from "./reporters/composite-reporter.ts";
export { InMemoryReporter } from "./reporters/in-memory-reporter.ts";
export { makeHttpReporter } from "./reporters/http-reporter.ts";
export { LoggingReporter } from "./reporters/logging-reporter.ts";
export { makeOtlpReporter } from "./reporters/otlp-reporter.ts";
export { UdpReporter } from "./reporters/udp-reporter.ts";
export type { Sampler } from "./sampler.ts";
export { ConstSampler } from "./samplers/const-sampler.ts";
export { ProbabilisticSampler } from "./samplers/probabilistic-sampler.ts";
export { RateLimitingSampler } from "./samplers/rate-limiting-sampler.ts";
export { RemoteSampler } from "./samplers/remote-sampler.ts";
export { SpanContext } from "./span-context.ts";
export { type LogRecord, Span, type Tag } from "./span.ts";
export { TextMapCodec, type TextMapCodecOptions, ZipkinB3TextMapCodec } from "./text-map-codecs.ts";
export { DefaultThrottler, RemoteThrottler } from "./throttler.ts";
export { type ActiveSpanOptions, type Logger, type SpanOptions, Tracer } from "./tracer.ts";
