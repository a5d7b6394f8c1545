// Answers of a collector, passed on, remembered and forgotten.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SpoorError } from "../base/errors.ts";
import { printStrategyJson } from "../sampling/strategy-json.ts";
import { writeStrategyProto } from "../sampling/strategy-proto.ts";
import type { Strategy } from "../sampling/strategies.ts";
import { writeStrategyThrift } from "../sampling/strategy-thrift.ts";
import type { StrategyAnswer } from "./reporters/reporter.ts";
import { SamplingProxy } from "./sampling-proxy.ts";

const HALF: Strategy = { type: "probabilistic", samplingRate: 0.5 };
const RICH: Strategy = {
  type: "probabilistic",
  samplingRate: 0.25,
  operations: {
    defaultSamplingProbability: 0.25,
    defaultLowerBoundTracesPerSecond: 1,
    defaultUpperBoundTracesPerSecond: 5,
    perOperation: [{ operation: "GET /", samplingRate: 0.75 }],
  },
};
const LIMITED: Strategy = { type: "rateLimiting", maxTracesPerSecond: 7 };

const json = (strategy: Strategy): Uint8Array =>
  new TextEncoder().encode(printStrategyJson(strategy, false));

for (const strategy of [HALF, RICH, LIMITED]) {
  const answers: readonly StrategyAnswer[] = [
    { format: "proto", payload: writeStrategyProto(strategy) },
    { format: "thrift", payload: writeStrategyThrift(strategy) },
    { format: "json", payload: json(strategy) },
  ];
  for (const answer of answers) {
    test(`SamplingProxy passes on ${strategy.type} in ${answer.format}`, async () => {
      const proxy = new SamplingProxy({ ask: () => Promise.resolve(answer) });
      assert.deepEqual(await proxy.strategyOf("shop"), strategy);
    });
  }
}

interface Rig {
  readonly proxy: SamplingProxy;
  readonly answers: readonly boolean[];
  isAway: boolean;
  asked: number;
}

function openRig(): Rig {
  const answers: boolean[] = [];
  const proxy = new SamplingProxy({
    onAnswer: (isGood) => void answers.push(isGood),
    ask() {
      rig.asked++;
      if (rig.isAway) return Promise.reject(new SpoorError("unavailable", "no collector"));
      return Promise.resolve({ format: "json", payload: json(HALF) });
    },
  });
  const rig: Rig = { proxy, answers, isAway: false, asked: 0 };
  return rig;
}

test("SamplingProxy says what it knows while the collector is away", async () => {
  const rig = openRig();
  await rig.proxy.strategyOf("shop");
  rig.isAway = true;
  assert.deepEqual(await rig.proxy.strategyOf("shop"), HALF);
  assert.deepEqual(rig.answers, [true, false]);
});

test("SamplingProxy fails for a service that it never asked for", async () => {
  const rig = openRig();
  rig.isAway = true;
  await assert.rejects(rig.proxy.strategyOf("shop"), { code: "unavailable" });
});

test("SamplingProxy asks once for all who ask at the same time", async () => {
  const rig = openRig();
  await Promise.all(Array.from({ length: 10 }, () => rig.proxy.strategyOf("shop")));
  assert.equal(rig.asked, 1);
});

test("SamplingProxy remembers a bounded number of services, those asked for last", async () => {
  const rig = openRig();
  for (let service = 0; service < 600; service++) await rig.proxy.strategyOf(`s${service}`);
  rig.isAway = true;
  await assert.rejects(rig.proxy.strategyOf("s0"), { code: "unavailable" });
  assert.deepEqual(await rig.proxy.strategyOf("s599"), HALF);
});

const hostile = ["", "null", "[]", "{", '{"probabilisticSampling":{"samplingRate":2}}'];
for (const text of hostile) {
  test(`SamplingProxy holds against the answer ${text}`, async () => {
    const payload = new TextEncoder().encode(text);
    const proxy = new SamplingProxy({ ask: () => Promise.resolve({ format: "json", payload }) });
    await proxy.strategyOf("shop").then(
      (strategy) => assert.equal(strategy.type, "probabilistic"),
      (error: unknown) => assert.ok(error instanceof SpoorError),
    );
  });
}

/** An answer with an operation whose name has so many characters. */
function named(chars: number): StrategyAnswer {
  const perOperation = [{ operation: "x".repeat(chars), samplingRate: 0.5 }];
  const payload = json({ ...RICH, operations: { ...RICH.operations!, perOperation } });
  return { format: "json", payload };
}

test("SamplingProxy remembers a bounded number of bytes, and nothing that takes them all", async () => {
  const chars = new Map([
    ["first", 1_000_000],
    ["second", 1_000_000],
    ["vast", 3_000_000],
    ["third", 1_500_000],
    ["last", 1_000_000],
  ]);
  let isAway = false;
  const proxy = new SamplingProxy({
    ask: (service) =>
      isAway
        ? Promise.reject(new SpoorError("unavailable", "no collector"))
        : Promise.resolve(named(chars.get(service)!)),
  });
  for (const service of chars.keys()) await proxy.strategyOf(service);
  isAway = true;
  const known: string[] = [];
  for (const service of chars.keys()) {
    await proxy.strategyOf(service).then(
      () => known.push(service),
      (error: unknown) => assert.equal((error as SpoorError).code, "unavailable"),
    );
  }
  assert.deepEqual(known, ["second", "third", "last"]);
});

test("SamplingProxy refuses a strategy of very many operations, in every form", async () => {
  const perOperation = Array.from({ length: 20_001 }, () => ({ operation: "", samplingRate: 0 }));
  const strategy: Strategy = { ...RICH, operations: { ...RICH.operations!, perOperation } };
  const answers: readonly StrategyAnswer[] = [
    { format: "proto", payload: writeStrategyProto(strategy) },
    { format: "thrift", payload: writeStrategyThrift(strategy) },
    { format: "json", payload: json(strategy) },
  ];
  for (const answer of answers) {
    const proxy = new SamplingProxy({ ask: () => Promise.resolve(answer) });
    await assert.rejects(proxy.strategyOf("shop"), { code: "bad-input" }, answer.format);
  }
});

test("SamplingProxy refuses a name that is none", async () => {
  const { proxy } = openRig();
  await assert.rejects(proxy.strategyOf("x".repeat(1_001)), { code: "bad-input" });
});
