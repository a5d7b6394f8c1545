// Parts of npm's jaeger-client, to be asked the same as ours: samplers, throttler, baggage, metrics.
//
// Not here: its tracer (e2e/jaeger-client-spans.ts). The package has no types of its own.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export interface JaegerSampler {
  isSampled(operation: string, tags: Record<string, unknown>): boolean;
  update(...parameters: readonly unknown[]): boolean;
  equal(other: unknown): boolean;
  toString(): string;
}
type SamplerClass = new (...parameters: readonly unknown[]) => JaegerSampler;
type ProbabilisticClass = SamplerClass & { readonly prototype: { random: () => number } };
interface LimiterOf {
  checkCredit(cost: number): boolean;
  update(creditsPerSecond: number, maxBalance: number): void;
}
type LimiterClass = new (perSecond: number, max: number, initial: number) => LimiterOf;

function load(path: string): unknown {
  return (require(`jaeger-client/dist/src/${path}.js`) as { default: unknown }).default;
}

export const JaegerConst = load("samplers/const_sampler") as SamplerClass;
export const JaegerProbabilistic = load("samplers/probabilistic_sampler") as ProbabilisticClass;
export const JaegerRateLimiting = load("samplers/rate_limiting_sampler") as SamplerClass;
export const JaegerGuaranteed = load("samplers/guaranteed_throughput_sampler") as SamplerClass;
export const JaegerPerOperation = load("samplers/per_operation_sampler") as SamplerClass;
export const JaegerRateLimiter = load("rate_limiter") as LimiterClass;
export const JaegerMetrics = load("metrics/metrics") as new (factory: object) => object;

interface RemoteSamplerOf {
  readonly _sampler: { toString(): string };
  /** What it does with the body of an answer. */
  _handleSamplingServerResponse(body: string): void;
}
export const JaegerRemote = load("samplers/remote_sampler") as new (
  service: string,
  options: object,
) => RemoteSamplerOf;

interface ThrottlerOf {
  isAllowed(operation: string): boolean;
  _parseCreditResponse(body: string): void;
  close(): void;
}
export const JaegerThrottler = load("throttler/remote_throttler") as new (
  service: string,
  options: object,
) => ThrottlerOf;

interface BaggageSetterOf {
  setBaggage(span: object, key: string, value: string): unknown;
}
export const JaegerBaggageSetter = load("baggage/baggage_setter") as new (
  restrictions: object,
  metrics: object,
) => BaggageSetterOf;
