// What an agent or a collector tells a service to sample, as JSON.
//
//   {"strategyType":"PROBABILISTIC" | 0, "probabilisticSampling":{"samplingRate":0.5}}
//   {"strategyType":"RATE_LIMITING" | 1, "rateLimitingSampling":{"maxTracesPerSecond":10}}
//   {… "operationSampling":{"defaultSamplingProbability":0.1, "defaultLowerBoundTracesPerSecond":0.01,
//        "perOperationStrategies":[{"operation":"op","probabilisticSampling":{"samplingRate":0.5}}]}}
//
// Operations, where there are any, count more than the type. A number that is left out is zero, as in
// protobuf's JSON, and so is the type.
//
// Source: jaeger-idl, proto/api_v2/sampling.proto; Jaeger v1.76, which prints the type as text, and as a
// number for the first clients.
// Trust: a peer's answer. What is of another type or range refuses the whole; unknown fields do not.

import { SpoorError } from "../../base/errors.ts";
import type { OperationRates } from "./per-operation-sampler.ts";

export type Strategy =
  | { readonly kind: "probabilistic"; readonly samplingRate: number }
  | { readonly kind: "rateLimiting"; readonly maxTracesPerSecond: number }
  | { readonly kind: "perOperation"; readonly operations: OperationRates };

/** As Spoor's agent takes from a collector; each is some 500 bytes here. */
const OPERATIONS_MAX = 10_000;
/** Of the .proto file: an int32. */
const TRACES_PER_SECOND_MAX = 2 ** 31 - 1;

type Fields = Readonly<Record<string, unknown>>;

/** @throws SpoorError `bad-input` */
export function readStrategy(text: string): Strategy {
  const answer = fieldsOf(parseJson(text), "strategy");
  const operations = answer["operationSampling"] ?? undefined;
  if (operations !== undefined) return { kind: "perOperation", operations: ratesOf(operations) };
  if (isRateLimiting(answer["strategyType"] ?? 0)) {
    const limit = fieldsOf(answer["rateLimitingSampling"], "rateLimitingSampling");
    const maxTracesPerSecond = numberOf(limit, "maxTracesPerSecond", TRACES_PER_SECOND_MAX);
    return { kind: "rateLimiting", maxTracesPerSecond };
  }
  const rate = fieldsOf(answer["probabilisticSampling"], "probabilisticSampling");
  return { kind: "probabilistic", samplingRate: numberOf(rate, "samplingRate", 1) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SpoorError("bad-input", "a strategy that is no JSON", { chars: text.length }, error);
  }
}

function isRateLimiting(type: unknown): boolean {
  if (type === "RATE_LIMITING" || type === 1) return true;
  if (type === "PROBABILISTIC" || type === 0) return false;
  throw new SpoorError("bad-input", "an unknown strategyType, expected a probability or a limit");
}

function ratesOf(value: unknown): OperationRates {
  const group = fieldsOf(value, "operationSampling");
  const rows = group["perOperationStrategies"] ?? [];
  if (!Array.isArray(rows)) throw new SpoorError("bad-input", "perOperationStrategies is no list");
  if (rows.length > OPERATIONS_MAX) {
    const where = { count: rows.length, allowed: OPERATIONS_MAX };
    throw new SpoorError("bad-input", "a strategy has too many operations", where);
  }
  const rates = new Map<string, number>();
  for (const row of rows as readonly unknown[]) {
    const fields = fieldsOf(row, "an operation's strategy");
    const operation = fields["operation"] ?? "";
    if (typeof operation !== "string") throw new SpoorError("bad-input", "operation is no text");
    const rate = fieldsOf(fields["probabilisticSampling"], "probabilisticSampling");
    rates.set(operation, numberOf(rate, "samplingRate", 1));
  }
  return {
    defaultSamplingRate: numberOf(group, "defaultSamplingProbability", 1),
    lowerBound: numberOf(group, "defaultLowerBoundTracesPerSecond", TRACES_PER_SECOND_MAX),
    rates,
  };
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new SpoorError("bad-input", `${what} is no object`);
}

/** 0 to `max`; 0 if it is left out. */
function numberOf(fields: Fields, name: string, max: number): number {
  const value = fields[name] ?? 0;
  if (typeof value === "number" && value >= 0 && value <= max) return value;
  throw new SpoorError("bad-input", `${name} is no number from 0 to ${max}`);
}
