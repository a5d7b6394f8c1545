// Sampling strategies for the clients beside the agent: asked of a collector, remembered while it is away.
//
//   client ─▶ strategyOf(service) ─▶ collector ─▶ remembered, told
//                                       └ no answer ─▶ what it said last, if it ever did
//
// Clients ask once a minute, so each question is passed on; those for one service at the same time are one.
// Few are asked at once, for the collector's connection is there for spans; who waits too long is told no.
//
// Trust: services are anybody's to name: what is remembered is bounded, and who was asked for longest ago
// makes room. Answers are a peer's and are checked by their readers.
// Not here: HTTP (sampling/sampling-routes.ts), the call to the collector (forwarder.ts).

import type { Clock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import {
  type OperationStrategies,
  type SamplingSource,
  type Strategy,
  checkOperations,
  makeStrategy,
} from "../sampling/strategies.ts";
import { readStrategyProto } from "../sampling/strategy-proto.ts";
import { readStrategyThrift } from "../sampling/strategy-thrift.ts";
import type { StrategyAnswer } from "./reporters/reporter.ts";

/** A machine runs some dozen services. */
const SERVICES_MAX = 500;
/** Of all answers; one with 1,000 operations is 160 KB. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** What an operation takes besides its name. */
const OPERATION_BYTES = 100;
const SERVICE_CHARS_MAX = 1_000;
/** One answer: 5,000 operations as JSON. While that is read it may take forty times its bytes. */
const STRATEGY_BYTES_MAX = 512 * 1024;

/** At once. A connection carries four times as many calls, of which spans need the others. */
const QUESTIONS_MAX = 4;
/** Until it is asked; an answer may then take as long again, and clients wait some seconds. */
const WAIT_MS_MAX = 1_500;

/** Asks a collector. @throws SpoorError `unavailable` if none answers. */
export type AskStrategy = (service: string) => Promise<StrategyAnswer>;

export interface SamplingProxyOptions {
  readonly ask: AskStrategy;
  readonly clock: Clock;
  /** Called once a question that went to a collector. */
  readonly onAnswer?: (isGood: boolean) => void;
}

interface Remembered {
  readonly strategy: Strategy;
  readonly bytes: number;
}

export class SamplingProxy implements SamplingSource {
  readonly #ask: AskStrategy;
  readonly #clock: Clock;
  readonly #onAnswer: (isGood: boolean) => void;
  /** In the order in which they were asked for last. */
  readonly #remembered = new Map<string, Remembered>();
  #bytes = 0;
  readonly #asking = new Map<string, Promise<Strategy>>();
  #underWay = 0;
  /** Those whose turn has not come, in their order. */
  readonly #waiting: (() => void)[] = [];

  constructor({ ask, clock, onAnswer = () => {} }: SamplingProxyOptions) {
    this.#ask = ask;
    this.#clock = clock;
    this.#onAnswer = onAnswer;
  }

  async strategyOf(service: string): Promise<Strategy> {
    if (service.length > SERVICE_CHARS_MAX) {
      const where = { chars: service.length, allowed: SERVICE_CHARS_MAX };
      throw new SpoorError("bad-input", "the service's name is too long", where);
    }
    let asking = this.#asking.get(service);
    if (asking === undefined) {
      asking = this.#askCollector(service).finally(() => this.#asking.delete(service));
      this.#asking.set(service, asking);
    }
    return asking;
  }

  async #askCollector(service: string): Promise<Strategy> {
    try {
      const answer = await this.#askInTurn(service);
      const strategy = readStrategy(answer);
      this.#onAnswer(true);
      const operations = strategy.operations?.perOperation.length ?? 0;
      const bytes = answer.payload.length + service.length + OPERATION_BYTES * operations;
      this.#remember(service, { strategy, bytes });
      return strategy;
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      this.#onAnswer(false);
      const known = this.#remembered.get(service);
      if (known === undefined) throw error;
      this.#remember(service, known);
      return known.strategy;
    }
  }

  async #askInTurn(service: string): Promise<StrategyAnswer> {
    const startMs = this.#clock.monotonicMs();
    // Who ends hands its turn to the next.
    if (this.#underWay < QUESTIONS_MAX) this.#underWay++;
    else {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    try {
      if (this.#clock.monotonicMs() - startMs > WAIT_MS_MAX) {
        throw new SpoorError("unavailable", "collectors are slow to say what to sample");
      }
      return await this.#ask(service);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay--;
      else next();
    }
  }

  #remember(service: string, answer: Remembered): void {
    this.#forget(service);
    this.#remembered.set(service, answer);
    this.#bytes += answer.bytes;
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= SERVICES_MAX && this.#bytes <= ANSWER_BYTES_MAX) return;
      this.#forget(oldest);
    }
  }

  #forget(service: string): void {
    this.#bytes -= this.#remembered.get(service)?.bytes ?? 0;
    this.#remembered.delete(service);
  }
}

function readStrategy({ format, payload }: StrategyAnswer): Strategy {
  if (payload.length > STRATEGY_BYTES_MAX) {
    const where = { size: payload.length, allowed: STRATEGY_BYTES_MAX };
    throw new SpoorError("bad-input", "a strategy is too large", where);
  }
  if (format === "proto") return readStrategyProto(payload);
  return format === "thrift" ? readStrategyThrift(payload) : readStrategyJson(payload);
}

type Json = Readonly<Record<string, unknown>>;

/** By name, as collectors print them, or by number; left out, it is the first. */
const TYPES: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  [undefined, 0],
  ["PROBABILISTIC", 0],
  [0, 0],
  ["RATE_LIMITING", 1],
  [1, 1],
]);

/** What `/api/sampling` of a collector answers. */
function readStrategyJson(payload: Uint8Array): Strategy {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    throw new SpoorError("bad-input", "a strategy that is no JSON", { size: payload.length });
  }
  const fields = objectOf(value);
  const type = TYPES.get(fields?.["strategyType"]);
  if (fields === undefined || type === undefined) {
    throw new SpoorError("bad-input", "JSON that is no strategy", { size: payload.length });
  }
  const rate = objectOf(fields["probabilisticSampling"]);
  const limit = objectOf(fields["rateLimitingSampling"]);
  return makeStrategy({
    type,
    samplingRate: rate && numberOf(rate["samplingRate"]),
    maxTracesPerSecond: limit && Math.trunc(numberOf(limit["maxTracesPerSecond"])),
    operations: operationsOf(fields["operationSampling"]),
  });
}

function operationsOf(value: unknown): OperationStrategies | undefined {
  const group = objectOf(value);
  if (group === undefined) return undefined;
  const list: unknown = group["perOperationStrategies"];
  const rows: readonly unknown[] = Array.isArray(list) ? list : [];
  checkOperations(rows.length);
  return {
    defaultSamplingProbability: numberOf(group["defaultSamplingProbability"]),
    defaultLowerBoundTracesPerSecond: numberOf(group["defaultLowerBoundTracesPerSecond"]),
    defaultUpperBoundTracesPerSecond: numberOf(group["defaultUpperBoundTracesPerSecond"]),
    perOperation: rows.map((row) => {
      const { operation, probabilisticSampling } = objectOf(row) ?? {};
      const samplingRate = numberOf(objectOf(probabilisticSampling)?.["samplingRate"]);
      return { operation: typeof operation === "string" ? operation : "", samplingRate };
    }),
  };
}

function objectOf(value: unknown): Json | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Json) : undefined;
}

/** A field that is left out is zero. */
function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
