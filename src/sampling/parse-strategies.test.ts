// The rules of the strategies file, told by what each service is answered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrategies } from "./parse-strategies.ts";
import { printStrategyJson } from "./strategy-json.ts";

const OPTIONS = { defaultProbability: 0.001, keepsOwnRate: true };

interface Given {
  readonly type?: unknown;
  readonly param?: unknown;
  readonly service?: unknown;
  readonly operation?: unknown;
  readonly operation_strategies?: unknown;
}

const rate = (param: number, more: Given = {}): Given => ({
  type: "probabilistic",
  param,
  ...more,
});
const limit = (param: number, more: Given = {}): Given => ({
  type: "ratelimiting",
  param,
  ...more,
});

/** `0.5`, `10/s`, and `0.5 (0.001 else) a=0.1 b=1` with operations. */
function show(file: unknown, service: string, options = OPTIONS): string {
  const strategy = parseStrategies(JSON.stringify(file), options).strategyOf(service);
  const { samplingRate, maxTracesPerSecond, operations } = strategy;
  const base = samplingRate ?? `${maxTracesPerSecond}/s`;
  if (operations === undefined) return String(base);
  const list = operations.perOperation.map((one) => ` ${one.operation}=${one.samplingRate}`);
  return `${base} (${operations.defaultSamplingProbability} else)${list.join("")}`;
}

const DEFAULT = rate(0.5, {
  operation_strategies: [rate(0.25, { operation: "a" }), rate(0.75, { operation: "b" })],
});

const rules: readonly (readonly [what: string, file: unknown, service: string, told: string])[] = [
  ["nothing", null, "x", "0.001"],
  ["an empty file", {}, "x", "0.001"],
  ["a default", { default_strategy: rate(0.5) }, "x", "0.5"],
  ["a default by limit", { default_strategy: limit(3) }, "x", "3/s"],
  ["a limit with a fraction", { default_strategy: limit(3.9) }, "x", "3/s"],
  ["a service", { service_strategies: [limit(5, { service: "foo" })] }, "foo", "5/s"],
  ["another service", { service_strategies: [limit(5, { service: "foo" })] }, "bar", "0.001"],
  [
    "a service twice: the later one",
    { service_strategies: [limit(5, { service: "foo" }), rate(0.1, { service: "foo" })] },
    "foo",
    "0.1",
  ],
  ["a type that nobody knows", { default_strategy: { type: "const", param: 1 } }, "x", "0.001"],
  ["no type", { default_strategy: { param: 1 } }, "x", "0.001"],
  ["no param", { default_strategy: { type: "probabilistic" } }, "x", "0"],
  ["a param that is null", { default_strategy: { type: "probabilistic", param: null } }, "x", "0"],
  ["a rate above 1", { default_strategy: rate(7) }, "x", "1"],
  ["a rate below 0", { default_strategy: rate(-1) }, "x", "0"],
  ["operations of the default", { default_strategy: DEFAULT }, "x", "0.5 (0.5 else) a=0.25 b=0.75"],
  [
    "no operations of its own: the default's, with its own rate",
    { default_strategy: DEFAULT, service_strategies: [rate(0.1, { service: "foo" })] },
    "foo",
    "0.1 (0.1 else) a=0.25 b=0.75",
  ],
  [
    "no operations of its own, an empty list of them",
    {
      default_strategy: DEFAULT,
      service_strategies: [rate(0.1, { service: "foo", operation_strategies: [] })],
    },
    "foo",
    "0.1 (0.1 else) a=0.25 b=0.75",
  ],
  [
    "no operations of its own, by limit: none",
    { default_strategy: DEFAULT, service_strategies: [limit(5, { service: "foo" })] },
    "foo",
    "5/s",
  ],
  [
    "operations of its own win, the default's come behind",
    {
      default_strategy: DEFAULT,
      service_strategies: [
        rate(0.1, {
          service: "foo",
          operation_strategies: [rate(1, { operation: "c" }), rate(0, { operation: "b" })],
        }),
      ],
    },
    "foo",
    "0.1 (0.1 else) c=1 b=0 a=0.25",
  ],
  [
    "operations beside a limit",
    {
      default_strategy: DEFAULT,
      service_strategies: [
        limit(5, { service: "foo", operation_strategies: [rate(1, { operation: "c" })] }),
      ],
    },
    "foo",
    "5/s (0.001 else) c=1 a=0.25 b=0.75",
  ],
  [
    "an operation by limit is left out",
    {
      service_strategies: [
        rate(0.1, {
          service: "foo",
          operation_strategies: [limit(1, { operation: "c" }), rate(1, { operation: "d" })],
        }),
      ],
    },
    "foo",
    "0.1 (0.1 else) d=1",
  ],
  [
    "an operation of a type that nobody knows",
    {
      default_strategy: rate(0.5, { operation_strategies: [{ operation: "c", type: "x" }] }),
    },
    "x",
    "0.5 (0.5 else) c=0.001",
  ],
  [
    "names that JavaScript knows",
    { service_strategies: [rate(0.1, { service: "__proto__" })] },
    "__proto__",
    "0.1",
  ],
  ["a name that JavaScript knows and the file does not", {}, "constructor", "0.001"],
];

for (const [what, file, service, told] of rules) {
  test(`parseStrategies() of ${what}`, () => assert.equal(show(file, service), told));
}

test("parseStrategies() gives the default's rate too, as Jaeger did before 1.65", () => {
  const file = { default_strategy: DEFAULT, service_strategies: [rate(0.1, { service: "foo" })] };
  const told = show(file, "foo", { ...OPTIONS, keepsOwnRate: false });
  assert.equal(told, "0.1 (0.5 else) a=0.25 b=0.75");
});

test("parseStrategies() takes the default probability of the settings", () => {
  assert.equal(show({}, "x", { ...OPTIONS, defaultProbability: 0.02 }), "0.02");
});

test("parseStrategies() warns of what is odd, by field, and of no more than a few", () => {
  const operations = Array.from({ length: 30 }, () => limit(1, { operation: "c" }));
  const { warnings } = parseStrategies(
    JSON.stringify({
      default_strategy: { type: "const", param: 1 },
      service_strategies: [rate(2, { service: "foo", operation_strategies: operations })],
      services: [],
    }),
    OPTIONS,
  );
  assert.deepEqual(warnings.slice(0, 4), [
    "the file has 1 unknown keys, known are default_strategy, service_strategies",
    "default_strategy.type is neither probabilistic nor ratelimiting: the default probability",
    "service_strategies[0].param is 2: taken as 1",
    "service_strategies[0].operation_strategies[0] is left out: operations are sampled by probability only",
  ]);
  assert.equal(warnings.length, 21);
  assert.equal(warnings.at(-1), "and 13 more");
});

const refused: readonly (readonly [what: string, file: unknown, message: string])[] = [
  ["a list", [], "the file is a list, expected an object"],
  ["a number", 5, "the file is a number, expected an object"],
  [
    "a default that is a text",
    { default_strategy: "x" },
    "default_strategy is a string, expected an object",
  ],
  [
    "services that are an object",
    { service_strategies: {} },
    "the file.service_strategies is a object, expected a list",
  ],
  [
    "a service that is null",
    { service_strategies: [null] },
    "service_strategies[0] is null, expected an object",
  ],
  [
    "a name that is a number",
    { service_strategies: [rate(1, { service: 5 })] },
    "service_strategies[0].service is a number, expected a text",
  ],
  [
    "a param that is a text",
    { service_strategies: [{ service: "a", type: "probabilistic", param: "0.5" }] },
    "service_strategies[0].param is a string, expected a number",
  ],
  [
    "an operation that is a list",
    { default_strategy: rate(1, { operation_strategies: [[]] }) },
    "default_strategy.operation_strategies[0] is a list, expected an object",
  ],
];

for (const [what, file, message] of refused) {
  test(`parseStrategies() refuses ${what}`, () => {
    const text = JSON.stringify(file);
    assert.throws(() => parseStrategies(text, OPTIONS), { code: "bad-input", message });
  });
}

test("parseStrategies() refuses what is no JSON, however deep", () => {
  for (const text of ["", "{", "[".repeat(1_000_000), '{"default_strategy":'.repeat(100_000)]) {
    assert.throws(() => parseStrategies(text, OPTIONS), { message: "the file is no JSON" });
  }
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  assert.throws(() => parseStrategies(deep, OPTIONS), { code: "bad-input" });
});

test("parseStrategies() of Jaeger's own example is answered as Jaeger answers it", () => {
  const text = `{"service_strategies":[
    {"service":"foo","type":"probabilistic","param":0.8,"operation_strategies":[
      {"operation":"op1","type":"probabilistic","param":0.2},
      {"operation":"op2","type":"probabilistic","param":0.4}]},
    {"service":"bar","type":"ratelimiting","param":5}],
    "default_strategy":{"type":"probabilistic","param":0.5,"operation_strategies":[
      {"operation":"/health","type":"probabilistic","param":0.0},
      {"operation":"/metrics","type":"probabilistic","param":0.0}]}}`;
  const strategies = parseStrategies(text, OPTIONS);
  assert.equal(
    printStrategyJson(strategies.strategyOf("foo"), false),
    '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.8},' +
      '"operationSampling":{"defaultSamplingProbability":0.8,"defaultLowerBoundTracesPerSecond":0,' +
      '"perOperationStrategies":[{"operation":"op1","probabilisticSampling":{"samplingRate":0.2}},' +
      '{"operation":"op2","probabilisticSampling":{"samplingRate":0.4}},' +
      '{"operation":"/health","probabilisticSampling":{"samplingRate":0}},' +
      '{"operation":"/metrics","probabilisticSampling":{"samplingRate":0}}],' +
      '"defaultUpperBoundTracesPerSecond":0}}',
  );
  assert.equal(
    printStrategyJson(strategies.strategyOf("bar"), false),
    '{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":5}}',
  );
});
