// The file of sampling strategies: from its text to what each service is told.
//
//   { "default_strategy":   { "type", "param", "operation_strategies": [{ "operation", "type", "param" }] },
//     "service_strategies": [{ "service", "type", "param", "operation_strategies": […] }] }
//
//   type      probabilistic | ratelimiting; any other is a warning and the default probability
//   param     0 when absent; rates beyond 0..1 are a warning and the nearest of them
//   operation of type ratelimiting: a warning, left out
//   service   with operations:    its own, then those of the default strategy that it does not name
//             without, by rate:   those of the default strategy, with its own rate for all others
//             without, by limit:  none
//             not in the file:    the default strategy; a later entry for a name replaces an earlier one
//
// Source: Jaeger v1.76, internal/sampling/samplingstrategy/file/provider.go.
// Trust: whoever may write the file; it is bounded, and what is wrong with it is said by field. What is
// merged is merged when it is asked for: a file of many services and many operations stays its own size.
// Not here: reading it, again and again (file-source.ts).

import { SpoorError } from "../base/errors.ts";
import type { OperationStrategies, OperationStrategy, Strategy } from "./strategies.ts";

export interface ParseStrategiesOptions {
  /** Where the file gives no rate that holds: `sampling.default-sampling-probability`. */
  readonly defaultProbability: number;
  /** False: a service without operations takes over the default's rate with its operations. */
  readonly keepsOwnRate: boolean;
}

export interface FileStrategies {
  strategyOf(service: string): Strategy;
  /** Services with strategies of their own. */
  readonly services: number;
  /** One line each, with the field. */
  readonly warnings: readonly string[];
}

/** What is more is counted in one last line. */
const WARNINGS_MAX = 20;
const INT32_MAX = 2 ** 31 - 1;

const TOP_KEYS = ["default_strategy", "service_strategies"];
const STRATEGY_KEYS = ["type", "param", "operation_strategies"];

/** An object of the file. */
type Fields = Readonly<Record<string, unknown>>;

/** Reads fields of the file, checks what they are, and notes what is odd. */
class Checker {
  readonly options: ParseStrategiesOptions;
  readonly #warnings: string[] = [];
  #more = 0;

  constructor(options: ParseStrategiesOptions) {
    this.options = options;
  }

  warn(line: string): void {
    if (this.#warnings.length < WARNINGS_MAX) this.#warnings.push(line);
    else this.#more++;
  }

  warnings(): readonly string[] {
    return this.#more === 0 ? this.#warnings : [...this.#warnings, `and ${this.#more} more`];
  }

  /** `value` as an object with keys of `known`. */
  fields(value: unknown, at: string, known: readonly string[]): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw refuse(at, value, "an object");
    }
    const unknown = Object.keys(value).filter((key) => !known.includes(key));
    if (unknown.length > 0) {
      this.warn(`${at} has ${unknown.length} unknown keys, known are ${known.join(", ")}`);
    }
    return value as Fields;
  }

  /** A list; absent and null are an empty one. */
  list(fields: Fields, key: string, at: string): readonly unknown[] {
    const value = own(fields, key);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw refuse(`${at}.${key}`, value, "a list");
    return value as readonly unknown[];
  }

  text(fields: Fields, key: string, at: string): string {
    const value = own(fields, key) ?? "";
    if (typeof value !== "string") throw refuse(`${at}.${key}`, value, "a text");
    return value;
  }

  number(fields: Fields, key: string, at: string): number {
    const value = own(fields, key) ?? 0;
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw refuse(`${at}.${key}`, value, "a number");
    }
    return value;
  }
}

/** @throws SpoorError `bad-input` naming the field that is wrong. */
export function parseStrategies(text: string, options: ParseStrategiesOptions): FileStrategies {
  const checker = new Checker(options);
  const file = parseJson(text);
  // A file of nothing but `null` is one that says nothing.
  const top = file === null ? {} : checker.fields(file, "the file", TOP_KEYS);
  const byDefault = parseDefault(own(top, "default_strategy"), checker);
  const services = new Map<string, Strategy>();
  const known = ["service", ...STRATEGY_KEYS];
  for (const [index, value] of checker.list(top, "service_strategies", "the file").entries()) {
    const at = `service_strategies[${index}]`;
    const fields = checker.fields(value, at, known);
    services.set(checker.text(fields, "service", at), parseStrategy(fields, at, checker));
  }
  const { keepsOwnRate } = options;
  return {
    services: services.size,
    warnings: checker.warnings(),
    strategyOf(service) {
      const found = services.get(service);
      if (found === undefined) return byDefault;
      return mergeOperations(found, byDefault.operations, keepsOwnRate);
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the file; where it is wrong other tools can say.
    throw new SpoorError("bad-input", "the file is no JSON", { chars: text.length });
  }
}

function parseDefault(value: unknown, checker: Checker): Strategy {
  if (value === undefined) return probabilistic(checker.options.defaultProbability);
  const at = "default_strategy";
  // Files are often made by copying a service: its name is no oddity.
  return parseStrategy(checker.fields(value, at, ["service", ...STRATEGY_KEYS]), at, checker);
}

function parseStrategy(fields: Fields, at: string, checker: Checker): Strategy {
  const strategy = parseRule(fields, at, checker);
  const rows = checker.list(fields, "operation_strategies", at);
  if (rows.length === 0) return strategy;
  const perOperation: OperationStrategy[] = [];
  for (const [index, row] of rows.entries()) {
    const rowAt = `${at}.operation_strategies[${index}]`;
    const rule = checker.fields(row, rowAt, ["operation", "type", "param"]);
    const operation = checker.text(rule, "operation", rowAt);
    const { samplingRate } = parseRule(rule, rowAt, checker);
    if (samplingRate === undefined) {
      checker.warn(`${rowAt} is left out: operations are sampled by probability only`);
    } else {
      perOperation.push({ operation, samplingRate });
    }
  }
  const rate = strategy.samplingRate ?? checker.options.defaultProbability;
  return { ...strategy, operations: makeOperations(rate, perOperation) };
}

/** `type` and `param`. */
function parseRule(fields: Fields, at: string, checker: Checker): Strategy {
  const type = checker.text(fields, "type", at);
  const param = checker.number(fields, "param", at);
  if (type === "probabilistic") return probabilistic(clamp(param, 1, at, checker));
  if (type === "ratelimiting") {
    const limit = Math.trunc(clamp(param, INT32_MAX, at, checker));
    return { type: "rateLimiting", maxTracesPerSecond: limit };
  }
  checker.warn(`${at}.type is neither probabilistic nor ratelimiting: the default probability`);
  return probabilistic(checker.options.defaultProbability);
}

function clamp(value: number, max: number, at: string, checker: Checker): number {
  const inside = Math.min(max, Math.max(0, value));
  if (inside !== value) checker.warn(`${at}.param is ${value}: taken as ${inside}`);
  return inside;
}

function mergeOperations(
  strategy: Strategy,
  inherited: OperationStrategies | undefined,
  keepsOwnRate: boolean,
): Strategy {
  const { samplingRate, operations } = strategy;
  if (inherited === undefined) return strategy;
  if (operations !== undefined) {
    const named = new Set(operations.perOperation.map(({ operation }) => operation));
    const others = inherited.perOperation.filter(({ operation }) => !named.has(operation));
    const perOperation = [...operations.perOperation, ...others];
    return { ...strategy, operations: { ...operations, perOperation } };
  }
  if (samplingRate === undefined) return strategy;
  if (!keepsOwnRate) return { ...strategy, operations: inherited };
  const { perOperation } = inherited;
  return { ...strategy, operations: makeOperations(samplingRate, perOperation) };
}

function probabilistic(samplingRate: number): Strategy {
  return { type: "probabilistic", samplingRate };
}

function makeOperations(
  rate: number,
  perOperation: readonly OperationStrategy[],
): OperationStrategies {
  return {
    defaultSamplingProbability: rate,
    defaultLowerBoundTracesPerSecond: 0,
    defaultUpperBoundTracesPerSecond: 0,
    perOperation,
  };
}

/** The value of a key; null is as good as none. */
function own(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? (fields[key] ?? undefined) : undefined;
}

function refuse(at: string, value: unknown, expected: string): SpoorError {
  const found = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  return new SpoorError("bad-input", `${at} is ${found}, expected ${expected}`);
}
