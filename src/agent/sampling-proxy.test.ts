// Answers of a collector, passed on, remembered and forgotten.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../base/clock.ts";
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
      const proxy = new SamplingProxy({ clock: systemClock, ask: () => Promise.resolve(answer) });
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
    clock: systemClock,
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

const hostile = [
  "",
  "null",
  "[]",
  "7",
  "{",
  '{"strategyType":"ADAPTIVE"}',
  '{"strategyType":{}}',
  '{"probabilisticSampling":{"samplingRate":2}}',
  '{"operationSampling":{"perOperationStrategies":[{"probabilisticSampling":{"samplingRate":-1}}]}}',
  '{"rateLimitingSampling":{"maxTracesPerSecond":-7}}',
];
for (const text of hostile) {
  test(`SamplingProxy refuses the answer ${text}`, async () => {
    const payload = new TextEncoder().encode(text);
    const proxy = new SamplingProxy({
      clock: systemClock,
      ask: () => Promise.resolve({ format: "json", payload }),
    });
    await assert.rejects(proxy.strategyOf("shop"), { code: "bad-input" });
  });
}

/** An answer with an operation whose name has so many characters. */
function named(chars: number): StrategyAnswer {
  const perOperation = [{ operation: "x".repeat(chars), samplingRate: 0.5 }];
  const payload = json({ ...RICH, operations: { ...RICH.operations!, perOperation } });
  return { format: "json", payload };
}

test("SamplingProxy remembers a bounded number of bytes, those asked for last", async () => {
  let isAway = false;
  const away = new SpoorError("unavailable", "no collector");
  const proxy = new SamplingProxy({
    clock: systemClock,
    ask: () => (isAway ? Promise.reject(away) : Promise.resolve(named(500_000))),
  });
  const services = Array.from({ length: 20 }, (_, at) => `s${at}`);
  for (const service of services) await proxy.strategyOf(service);
  isAway = true;
  const asked = await Promise.allSettled(services.map((service) => proxy.strategyOf(service)));
  const known = services.filter((_, at) => asked[at]?.status === "fulfilled");
  assert.deepEqual(known, services.slice(-8)); // 4 MiB
});

test("SamplingProxy refuses a strategy of very many operations or bytes, in every form", async () => {
  const perOperation = Array.from({ length: 10_001 }, () => ({ operation: "", samplingRate: 0 }));
  const strategy: Strategy = { ...RICH, operations: { ...RICH.operations!, perOperation } };
  const answers: readonly StrategyAnswer[] = [
    { format: "proto", payload: writeStrategyProto(strategy) },
    { format: "thrift", payload: writeStrategyThrift(strategy) },
    { format: "json", payload: json(strategy) },
  ];
  for (const answer of answers) {
    const proxy = new SamplingProxy({ clock: systemClock, ask: () => Promise.resolve(answer) });
    await assert.rejects(proxy.strategyOf("shop"), { code: "bad-input" }, answer.format);
  }
  const tooLarge = new SamplingProxy({
    clock: systemClock,
    ask: () => Promise.resolve(named(600_000)),
  });
  await assert.rejects(tooLarge.strategyOf("shop"), { code: "bad-input" });
});

test("SamplingProxy asks few at once, in their order, and tells who waited too long", async () => {
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const asked: { readonly service: string; readonly answer: () => void }[] = [];
  const proxy = new SamplingProxy({
    clock,
    ask: (service) =>
      new Promise((resolve) => {
        const answer = (): void => resolve({ format: "json", payload: json(HALF) });
        asked.push({ service, answer });
      }),
  });
  const services = ["a", "b", "c", "d", "e", "f", "g"];
  const told = services.map((service) => proxy.strategyOf(service));
  const names = (): string => asked.map(({ service }) => service).join("");
  await setImmediate();
  assert.equal(names(), "abcd");
  asked[1]!.answer();
  assert.deepEqual(await told[1], HALF);
  await setImmediate();
  assert.equal(names(), "abcde");
  nowMs = 1_501;
  asked[0]!.answer();
  await told[0];
  // f and g had their turn, and nobody was asked for them.
  for (const late of told.slice(5)) await assert.rejects(late, { code: "unavailable" });
  const next = proxy.strategyOf("h");
  await setImmediate();
  assert.equal(names(), "abcdeh");
  for (const { answer } of asked) answer();
  assert.deepEqual(await next, HALF);
});

test("SamplingProxy refuses a name that is none", async () => {
  const { proxy } = openRig();
  await assert.rejects(proxy.strategyOf("x".repeat(1_001)), { code: "bad-input" });
});
