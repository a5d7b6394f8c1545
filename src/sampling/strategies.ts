// What a client is told about sampling, and whom one asks for it.
//
//   file (file-source.ts) ─┐
//   traffic (adaptive/) ───┼─▶ SamplingSource.strategyOf(service) ─▶ Strategy ─▶ JSON, thrift, proto
//   another collector ─────┘
//
// Source: jaeger-idl, thrift/sampling.thrift and proto/api_v2/sampling.proto.
// Not here: the forms on the wire (strategy-json.ts, strategy-thrift.ts, strategy-proto.ts).

import { SpoorError } from "../base/errors.ts";

/** Answers what a service is to sample. */
export interface SamplingSource {
  /**
   * @param service name as the client says it; a source knows no service that it must refuse.
   * @throws SpoorError `unavailable` if it cannot be asked now.
   */
  strategyOf(service: string): Promise<Strategy>;
}

export interface Strategy {
  readonly type: "probabilistic" | "rateLimiting";
  /** 0..1. Of `probabilistic`; may be left out when `operations` says all. */
  readonly samplingRate?: number;
  /** Of `rateLimiting`: a whole number. */
  readonly maxTracesPerSecond?: number;
  readonly operations?: OperationStrategies;
}

/** Rates of single operations; clients that know it obey it rather than `samplingRate`. */
export interface OperationStrategies {
  /** Of operations that are not in the list. */
  readonly defaultSamplingProbability: number;
  /** Traces of each operation that are sampled whatever the probability says. */
  readonly defaultLowerBoundTracesPerSecond: number;
  readonly defaultUpperBoundTracesPerSecond: number;
  readonly perOperation: readonly OperationStrategy[];
}

export interface OperationStrategy {
  readonly operation: string;
  readonly samplingRate: number;
}

/** Operations of one answer of a peer. Jaeger's clients keep 2,000; each takes some 100 bytes here. */
const OPERATIONS_MAX = 10_000;

/** To be asked before they are read: an operation of which nothing is said takes a byte or two. */
export function checkOperations(count: number): void {
  if (count <= OPERATIONS_MAX) return;
  const where = { count, allowed: OPERATIONS_MAX };
  throw new SpoorError("bad-input", "a strategy has too many operations", where);
}

/** What Jaeger tells a service that nobody has said anything about. */
export const DEFAULT_SAMPLING_PROBABILITY = 0.001;

/** Fields as they were read; `type` 0 is probabilistic, 1 rate limiting. */
interface StrategyParts {
  readonly type: number;
  readonly samplingRate: number | undefined;
  readonly maxTracesPerSecond: number | undefined;
  readonly operations: OperationStrategies | undefined;
}

/** What a peer said, if it holds. @throws SpoorError `bad-input` */
export function makeStrategy(parts: StrategyParts): Strategy {
  const { type, samplingRate, maxTracesPerSecond, operations } = parts;
  if (type !== 0 && type !== 1) {
    throw new SpoorError("bad-input", `strategy type ${type}, expected 0 or 1`);
  }
  const rates = operations?.perOperation.map((one) => one.samplingRate) ?? [];
  if (operations !== undefined) rates.push(operations.defaultSamplingProbability);
  for (const rate of samplingRate === undefined ? rates : [samplingRate, ...rates]) {
    if (!(rate >= 0 && rate <= 1)) {
      throw new SpoorError("bad-input", `sampling rate ${rate}, expected 0 to 1`);
    }
  }
  if (maxTracesPerSecond !== undefined && maxTracesPerSecond < 0) {
    throw new SpoorError("bad-input", `${maxTracesPerSecond} traces a second, expected 0 or more`);
  }
  return {
    type: type === 0 ? "probabilistic" : "rateLimiting",
    ...(samplingRate === undefined ? {} : { samplingRate }),
    ...(maxTracesPerSecond === undefined ? {} : { maxTracesPerSecond }),
    ...(operations === undefined ? {} : { operations }),
  };
}
