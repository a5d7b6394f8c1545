// Strategies on the wire, against what other implementations write and read: thriftrw with Jaeger's own
// IDL, protobufjs with the .proto file that reflection serves.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { SpoorError } from "../base/errors.ts";
import type { Strategy } from "./strategies.ts";
import { printStrategyJson } from "./strategy-json.ts";
import {
  readStrategyProto,
  readStrategyQuestion,
  writeStrategyProto,
  writeStrategyQuestion,
} from "./strategy-proto.ts";
import { readStrategyThrift, writeStrategyThrift } from "./strategy-thrift.ts";

const require = createRequire(import.meta.url);

const HALF: Strategy = { type: "probabilistic", samplingRate: 0.5 };
const TEN: Strategy = { type: "rateLimiting", maxTracesPerSecond: 10 };
const WITH_OPERATIONS: Strategy = {
  type: "probabilistic",
  samplingRate: 0.001,
  operations: {
    defaultSamplingProbability: 0.001,
    defaultLowerBoundTracesPerSecond: 0,
    defaultUpperBoundTracesPerSecond: 0,
    perOperation: [
      { operation: "GET /ünï", samplingRate: 0.1 },
      { operation: "/health", samplingRate: 0 },
    ],
  },
};
const ADAPTIVE: Strategy = {
  type: "probabilistic",
  operations: {
    defaultSamplingProbability: 0.001,
    defaultLowerBoundTracesPerSecond: 1 / 60,
    defaultUpperBoundTracesPerSecond: 0,
    perOperation: [],
  },
};
/** Objects as those of literals. */
const PLAIN = { noNullPrototype: true } as const;
const all = [HALF, TEN, WITH_OPERATIONS, ADAPTIVE];

const OPERATIONS_JSON =
  '"operationSampling":{"defaultSamplingProbability":0.001,' +
  '"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[' +
  '{"operation":"GET /ünï","probabilisticSampling":{"samplingRate":0.1}},' +
  '{"operation":"/health","probabilisticSampling":{"samplingRate":0}}],' +
  '"defaultUpperBoundTracesPerSecond":0}}';

const jsons: readonly (readonly [Strategy, text: string, legacy: string])[] = [
  [
    HALF,
    '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}',
    '{"strategyType":0,"probabilisticSampling":{"samplingRate":0.5}}',
  ],
  [
    TEN,
    '{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":10}}',
    '{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":10}}',
  ],
  [
    WITH_OPERATIONS,
    `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.001},${OPERATIONS_JSON}`,
    `{"strategyType":0,"probabilisticSampling":{"samplingRate":0.001},${OPERATIONS_JSON}`,
  ],
];

test("printStrategyJson() writes what Jaeger writes, in both forms", () => {
  for (const [strategy, text, legacy] of jsons) {
    assert.equal(printStrategyJson(strategy, false), text);
    assert.equal(printStrategyJson(strategy, true), legacy);
  }
});

/** A message as other implementations show it. */
interface Shown {
  readonly strategyType: unknown;
  readonly probabilisticSampling?: unknown;
  readonly rateLimitingSampling?: unknown;
  readonly operationSampling?: unknown;
}

function loadProto(): protobuf.Root {
  const path = new URL("../wire/proto/jaeger/api_v2/sampling.proto", import.meta.url);
  return protobuf.parse(readFileSync(path, "utf8"), { keepCase: true }).root;
}

test("writeStrategyProto() is read by protobufjs, readStrategyProto() reads what it writes", () => {
  const response = loadProto().lookupType("jaeger.api_v2.SamplingStrategyResponse");
  for (const strategy of all) {
    const message = response.decode(writeStrategyProto(strategy));
    const shown = response.toObject(message, { enums: String, defaults: true });
    const { probabilisticSampling, rateLimitingSampling, operationSampling, ...rest } =
      shown as unknown as Shown;
    const present = Object.fromEntries(
      Object.entries({ probabilisticSampling, rateLimitingSampling, operationSampling }).filter(
        ([, value]) => value !== null && value !== undefined,
      ),
    );
    assert.deepEqual({ ...rest, ...present }, JSON.parse(printStrategyJson(strategy, false)));
    assert.deepEqual(readStrategyProto(response.encode(message).finish()), strategy);
  }
});

test("readStrategyQuestion() reads the name of a service", () => {
  const question = loadProto().lookupType("jaeger.api_v2.SamplingStrategyParameters");
  for (const serviceName of ["", "shop", "ünï"]) {
    const bytes = Buffer.from(question.encode({ serviceName }).finish());
    assert.equal(readStrategyQuestion(bytes), serviceName);
    assert.equal(Buffer.compare(writeStrategyQuestion(serviceName), bytes), 0);
  }
});

/** The part of thriftrw that is used here. */
interface Struct {
  toBuffer(value: unknown): { readonly value: Buffer; readonly err: unknown };
  fromBuffer(bytes: Buffer): { readonly value: Shown; readonly err: unknown };
}

function loadThrift(): Struct {
  const { Thrift } = require("thriftrw") as {
    Thrift: new (options: object) => { SamplingStrategyResponse: { rw: unknown } };
  };
  const bufrw = createRequire(require.resolve("thriftrw"))("bufrw") as Record<string, unknown>;
  const folder = "jaeger-client/dist/src/jaeger-idl/thrift/sampling.thrift";
  const source = readFileSync(require.resolve(folder), "utf8");
  const thrift = new Thrift({ source, allowOptionalArguments: true });
  const { rw } = thrift.SamplingStrategyResponse;
  const toBufferResult = bufrw["toBufferResult"] as (rw: unknown, value: unknown) => never;
  const fromBufferResult = bufrw["fromBufferResult"] as (rw: unknown, bytes: Buffer) => never;
  return {
    toBuffer: (value) => toBufferResult(rw, value),
    fromBuffer: (bytes) => fromBufferResult(rw, bytes),
  };
}

test("writeStrategyThrift() is read by thriftrw, readStrategyThrift() reads what it writes", () => {
  const struct = loadThrift();
  for (const strategy of all) {
    const { value, err } = struct.fromBuffer(Buffer.from(writeStrategyThrift(strategy)));
    assert.ok(!err, String(err));
    const shown = JSON.parse(
      JSON.stringify(value, (_key, one: unknown) => one ?? undefined),
    ) as Shown;
    assert.deepEqual(shown, JSON.parse(printStrategyJson(strategy, false)));
    assert.deepEqual(readStrategyThrift(struct.toBuffer(value).value), strategy);
  }
});

test("writeStrategyThrift() cuts a limit that has no room to what has", () => {
  const many: Strategy = { type: "rateLimiting", maxTracesPerSecond: 1e6 };
  assert.equal(readStrategyThrift(writeStrategyThrift(many)).maxTracesPerSecond, 32_767);
});

test("both readers give back any strategy that was written", () => {
  const rate = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0);
  const operations = fc.record(
    {
      defaultSamplingProbability: rate,
      defaultLowerBoundTracesPerSecond: rate,
      defaultUpperBoundTracesPerSecond: rate,
      perOperation: fc.array(fc.record({ operation: fc.string(), samplingRate: rate }, PLAIN)),
    },
    PLAIN,
  );
  const strategies = fc.oneof(
    fc.record(
      { type: fc.constant("probabilistic" as const), samplingRate: rate, operations },
      PLAIN,
    ),
    fc.record(
      {
        type: fc.constant("rateLimiting" as const),
        maxTracesPerSecond: fc.nat(32_767),
        operations,
      },
      PLAIN,
    ),
  );
  fc.assert(
    fc.property(strategies, (strategy) => {
      assert.deepEqual(readStrategyProto(writeStrategyProto(strategy)), strategy);
      assert.deepEqual(readStrategyThrift(writeStrategyThrift(strategy)), strategy);
    }),
  );
});

const forms = [
  ["proto", writeStrategyProto, readStrategyProto],
  ["thrift", writeStrategyThrift, readStrategyThrift],
] as const;

for (const [name, write, read] of forms) {
  test(`the ${name} reader refuses changed and cut bytes, or takes them as what they are`, () => {
    const bytes = write(WITH_OPERATIONS);
    let refused = 0;
    for (let at = 0; at < bytes.length; at++) {
      for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
        const changed = bytes.slice();
        changed[at] = byte;
        for (const payload of [changed, changed.subarray(0, at)]) {
          try {
            read(payload);
          } catch (error) {
            assert.ok(error instanceof SpoorError && error.code === "bad-input", String(error));
            refused++;
          }
        }
      }
    }
    assert.ok(refused > bytes.length, `${refused} of ${8 * bytes.length}`);
  });

  test(`the ${name} reader refuses numbers that say nothing`, () => {
    const wrong: readonly Strategy[] = [
      { type: "probabilistic", samplingRate: 1.5 },
      { type: "probabilistic", samplingRate: NaN },
      { type: "probabilistic", samplingRate: -0.5 },
      {
        ...WITH_OPERATIONS,
        operations: {
          ...WITH_OPERATIONS.operations!,
          perOperation: [{ operation: "a", samplingRate: Infinity }],
        },
      },
    ];
    for (const strategy of wrong) {
      assert.throws(() => read(write(strategy)), { name: "SpoorError", code: "bad-input" });
    }
  });
}
