// A strategy as JSON, as `/sampling` answers it.
//
//   {"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}
//   {"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":10}}
//   … ,"operationSampling":{"defaultSamplingProbability":0.001,"defaultLowerBoundTracesPerSecond":0,
//        "perOperationStrategies":[{"operation":"op","probabilisticSampling":{"samplingRate":0.1}}],
//        "defaultUpperBoundTracesPerSecond":0}}
//
// Clients of the first years want the type as a number: 0 and 1 (the path `/`).
//
// Source: Jaeger v1.76, internal/converter/json/sampling.go: protobuf's JSON with defaults but without
// absent messages; the order of fields is the .proto file's.

import type { Strategy } from "./strategies.ts";

/** @param legacy the type as a number. */
export function printStrategyJson(strategy: Strategy, legacy: boolean): string {
  const { samplingRate, maxTracesPerSecond, operations } = strategy;
  const isLimiting = strategy.type === "rateLimiting";
  const name = isLimiting ? "RATE_LIMITING" : "PROBABILISTIC";
  return JSON.stringify({
    strategyType: legacy ? Number(isLimiting) : name,
    probabilisticSampling: samplingRate === undefined ? undefined : { samplingRate },
    rateLimitingSampling: maxTracesPerSecond === undefined ? undefined : { maxTracesPerSecond },
    operationSampling: operations && {
      defaultSamplingProbability: operations.defaultSamplingProbability,
      defaultLowerBoundTracesPerSecond: operations.defaultLowerBoundTracesPerSecond,
      perOperationStrategies: operations.perOperation.map((one) => ({
        operation: one.operation,
        probabilisticSampling: { samplingRate: one.samplingRate },
      })),
      defaultUpperBoundTracesPerSecond: operations.defaultUpperBoundTracesPerSecond,
    },
  });
}
