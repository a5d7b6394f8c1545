// Sampling strategies as a collector tells them, asked over the connections that spans take.
//
// Source: jaeger-idl sampling.proto, sampling.thrift; the JSON is protobuf's (strategy-json.ts of sampling).
// Trust: the answer is a peer's; what does not read is `unavailable`: there is no strategy to pass on.
// Not here: who remembers answers (the agent's HTTP door).

import { SpoorError } from "../base/errors.ts";
import { type SamplingSource, type Strategy, makeStrategy } from "../sampling/strategies.ts";
import { readStrategyProto } from "../sampling/strategy-proto.ts";
import { readStrategyThrift } from "../sampling/strategy-thrift.ts";
import type { Forwarder } from "./forwarder.ts";
import type { StrategyAnswer } from "./reporters/reporter.ts";

/** A service with more operations than that has ids in their names. */
const OPERATIONS_MAX = 100_000;

export function makeCollectorSampling(forwarder: Pick<Forwarder, "askStrategy">): SamplingSource {
  return {
    async strategyOf(service) {
      const answer = await forwarder.askStrategy(service);
      try {
        return readStrategy(answer);
      } catch (error) {
        if (!(error instanceof SpoorError)) throw error;
        const message = `the collector's strategy does not read: ${error.message}`;
        throw new SpoorError("unavailable", message, error.where, error);
      }
    },
  };
}

function readStrategy({ format, payload }: StrategyAnswer): Strategy {
  if (format === "proto") return readStrategyProto(payload);
  if (format === "thrift") return readStrategyThrift(payload);
  return parseStrategyJson(Buffer.from(payload).toString("utf8"));
}

type Fields = Readonly<Record<string, unknown>>;

/** What `/api/sampling` answers. @throws SpoorError `bad-input`. */
export function parseStrategyJson(text: string): Strategy {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new SpoorError("bad-input", "a strategy is no JSON", { chars: text.length }, error);
  }
  const fields = fieldsOf(json);
  const type = fields["strategyType"];
  const isLimiting = type === 1 || type === "RATE_LIMITING";
  if (!isLimiting && type !== 0 && type !== "PROBABILISTIC") {
    throw new SpoorError("bad-input", "strategyType is neither PROBABILISTIC nor RATE_LIMITING");
  }
  const operations = fields["operationSampling"];
  return makeStrategy({
    type: isLimiting ? 1 : 0,
    samplingRate: rateOf(fields["probabilisticSampling"]),
    maxTracesPerSecond: optional(fieldsOf(fields["rateLimitingSampling"])["maxTracesPerSecond"]),
    operations: operations === undefined || operations === null ? undefined : readAll(operations),
  });
}

function readAll(json: unknown): NonNullable<Strategy["operations"]> {
  const fields = fieldsOf(json);
  const list: unknown = fields["perOperationStrategies"];
  const perOperation = Array.isArray(list) ? (list as readonly unknown[]) : [];
  if (perOperation.length > OPERATIONS_MAX) {
    throw new SpoorError("bad-input", "too many operations", { operations: perOperation.length });
  }
  return {
    defaultSamplingProbability: optional(fields["defaultSamplingProbability"]) ?? 0,
    defaultLowerBoundTracesPerSecond: optional(fields["defaultLowerBoundTracesPerSecond"]) ?? 0,
    defaultUpperBoundTracesPerSecond: optional(fields["defaultUpperBoundTracesPerSecond"]) ?? 0,
    perOperation: perOperation.map((one) => {
      const { operation, probabilisticSampling } = fieldsOf(one);
      return {
        operation: typeof operation === "string" ? operation : "",
        samplingRate: rateOf(probabilisticSampling) ?? 0,
      };
    }),
  };
}

function rateOf(json: unknown): number | undefined {
  if (json === undefined || json === null) return undefined;
  return optional(fieldsOf(json)["samplingRate"]) ?? 0;
}

function optional(json: unknown): number | undefined {
  if (json === undefined || json === null) return undefined;
  if (typeof json === "number") return json;
  throw new SpoorError("bad-input", `a ${typeof json} in a strategy, expected a number`);
}

/** Nothing for nothing; @throws SpoorError `bad-input` for what is no object. */
function fieldsOf(json: unknown): Fields {
  if (json === undefined || json === null) return {};
  if (typeof json === "object" && !Array.isArray(json)) return json as Fields;
  throw new SpoorError("bad-input", "a strategy has a part that is no object");
}
