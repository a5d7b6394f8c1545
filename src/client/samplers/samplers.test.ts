// The samplers beside jaeger-client's: the same questions at the same times, with the same dice.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import {
  JaegerConst,
  JaegerGuaranteed,
  JaegerPerOperation,
  JaegerProbabilistic,
  JaegerRateLimiting,
  type JaegerSampler,
} from "../../../test/jaeger-samplers.ts";
import type { Clock } from "../../base/clock.ts";
import type { Sampler, TraceIdLow } from "../sampler.ts";
import { ConstSampler } from "./const-sampler.ts";
import { GuaranteedThroughputSampler } from "./guaranteed-throughput-sampler.ts";
import { PerOperationSampler } from "./per-operation-sampler.ts";
import { ProbabilisticSampler } from "./probabilistic-sampler.ts";
import { RateLimitingSampler } from "./rate-limiting-sampler.ts";

const SEED = 20_26;

/** Numbers 0..1 that are the same in every run (mulberry32). */
function makeDice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface World {
  readonly clock: Clock;
  readonly random: () => number;
}

/** Ours and jaeger-client's see the same time, which only `tick` moves, and draw from equal dice. */
function sameWorld(t: TestContext, seed: number): World & { tick(ms: number): void } {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const theirs = makeDice(seed);
  t.mock.method(Math, "random", theirs);
  return {
    clock: { nowUs: () => 1_000 * Date.now(), monotonicMs: () => Date.now() },
    random: makeDice(seed),
    tick: (ms) => t.mock.timers.tick(ms),
  };
}

function decide(sampler: JaegerSampler | Sampler, operation: string): string {
  const tags: Record<string, unknown> = {};
  const isSampled = (sampler as JaegerSampler).isSampled(operation, tags);
  return JSON.stringify([isSampled, tags]);
}

const constCases = [true, false];
for (const decision of constCases) {
  test(`ConstSampler decides ${decision} and signs as jaeger-client does`, () => {
    const [ours, theirs] = [new ConstSampler(decision), new JaegerConst(decision)];
    assert.equal(decide(ours, "op"), decide(theirs, "op"));
    assert.equal(String(ours), String(theirs));
  });
}

for (const rate of [0, 0.001, 0.3, 0.999, 1]) {
  test(`ProbabilisticSampler without an id throws the dice of jaeger-client at ${rate}`, (t) => {
    const world = sameWorld(t, SEED);
    const ours = new ProbabilisticSampler(rate, world.random);
    const theirs = new JaegerProbabilistic(rate);
    assert.equal(String(ours), String(theirs));
    for (let draw = 0; draw < 500; draw++) {
      // Ours needs no die to know that nothing is sampled.
      const expected = decide(theirs, "op");
      assert.equal(decide(ours, "op"), expected);
    }
  });
}

/** The rule of jaeger-client-go in whole numbers: boundary >= id.Low & maxRandomNumber. */
function isSampledInGo(rate: number, low: bigint): boolean {
  return BigInt(Math.trunc(rate * 2 ** 63)) >= (low & 0x7fff_ffff_ffff_ffffn);
}

function wordsOf(low: bigint): TraceIdLow {
  const high = Number(BigInt.asIntN(32, low >> 32n));
  return { traceLowHigh: high, traceLowLow: Number(BigInt.asIntN(32, low)) };
}

test("ProbabilisticSampler decides by the trace id as jaeger-client-go does", () => {
  const rates = fc.oneof(fc.double({ min: Number.MIN_VALUE, max: 1, noNaN: true }), fc.constant(1));
  const property = fc.property(rates, fc.bigInt(0n, 2n ** 64n - 1n), (rate, low) => {
    const boundary = BigInt(Math.trunc(rate * 2 ** 63));
    const sampler = new ProbabilisticSampler(rate);
    // Random ids, and those beside the boundary, where a rounded comparison would fail.
    for (const id of [low, boundary - 1n, boundary, boundary + 1n, boundary | (1n << 63n)]) {
      if (id < 0n || id >= 2n ** 64n) continue;
      assert.equal(sampler.isSampled("op", {}, wordsOf(id)), isSampledInGo(rate, id));
    }
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

test("ProbabilisticSampler with a larger share takes all that one with a smaller takes", () => {
  const rate = fc.double({ min: 0, max: 1, noNaN: true });
  const property = fc.property(rate, rate, fc.bigInt(0n, 2n ** 64n - 1n), (one, other, low) => {
    const [small, large] = one < other ? [one, other] : [other, one];
    const words = wordsOf(low);
    if (!new ProbabilisticSampler(small).isSampled("op", {}, words)) return;
    assert.ok(new ProbabilisticSampler(large).isSampled("op", {}, words));
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

test("ProbabilisticSampler takes its share of random trace ids", () => {
  const random = makeDice(SEED);
  for (const rate of [0, 0.01, 0.25, 0.5, 1]) {
    const sampler = new ProbabilisticSampler(rate);
    let sampled = 0;
    for (let trace = 0; trace < 100_000; trace++) {
      const traceLowHigh = (random() * 2 ** 32) | 0;
      const traceLowLow = (random() * 2 ** 32) | 0;
      if (sampler.isSampled("op", {}, { traceLowHigh, traceLowLow })) sampled++;
    }
    const spread = 4 * Math.sqrt(100_000 * rate * (1 - rate)); // four standard deviations
    assert.ok(Math.abs(sampled - 100_000 * rate) <= spread, `${sampled} of 100,000 at ${rate}`);
  }
});

for (const rate of [-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`ProbabilisticSampler refuses the rate ${rate} and keeps the one it has`, () => {
    assert.throws(() => new ProbabilisticSampler(rate), { code: "bad-input" });
    const sampler = new ProbabilisticSampler(0.5);
    assert.throws(() => sampler.update(rate), { code: "bad-input" });
    assert.equal(sampler.samplingRate, 0.5);
  });
}

/** Pauses between questions: mostly short, now and then long. */
const pauses = fc.array(fc.oneof(fc.nat(50), fc.nat(5_000)), { minLength: 20, maxLength: 80 });

for (const limit of [0, 0.1, 1, 2.5, 100]) {
  test(`RateLimitingSampler lets through what jaeger-client does at ${limit} a second`, (t) => {
    const world = sameWorld(t, SEED);
    const property = fc.property(pauses, fc.constantFrom(0.5, 1, 7), (waits, next) => {
      const ours = new RateLimitingSampler(limit, undefined, world);
      const theirs = new JaegerRateLimiting(limit);
      assert.equal(String(ours), String(theirs));
      for (const [at, wait] of waits.entries()) {
        world.tick(wait);
        if (at === 10) assert.equal(ours.update(next), theirs.update(next));
        assert.equal(decide(ours, "op"), decide(theirs, "op"));
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 30 });
  });
}

for (const limit of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`RateLimitingSampler refuses ${limit} traces a second`, () => {
    assert.throws(() => new RateLimitingSampler(limit), { code: "bad-input" });
    assert.throws(() => new RateLimitingSampler(1).update(limit), { code: "bad-input" });
  });
}

test("RateLimitingSampler may take the balance it is given, then its rate", (t) => {
  const world = sameWorld(t, SEED);
  const sampler = new RateLimitingSampler(10, 3, world);
  const takeAll = (): number => {
    let taken = 0;
    while (sampler.isSampled("op", {})) taken++;
    return taken;
  };
  assert.equal(takeAll(), 3);
  world.tick(500);
  assert.equal(takeAll(), 5);
  world.tick(3_600_000);
  assert.equal(takeAll(), 10); // no more than a second's worth is saved up
});

for (const [lowerBound, rate] of [
  [0, 0.5],
  [0.5, 0],
  [0.5, 0.2],
  [3, 1],
] as const) {
  test(`GuaranteedThroughputSampler decides as jaeger-client: ${rate}, at least ${lowerBound}`, (t) => {
    const world = sameWorld(t, SEED);
    // jaeger-client throws a die for a rate of 0, too, whose outcome is known.
    const draws = { ours: makeDice(7), theirs: makeDice(7) };
    t.mock.method(JaegerProbabilistic.prototype, "random", () => draws.theirs());
    const ours = new GuaranteedThroughputSampler(lowerBound, rate, {
      clock: world.clock,
      random: sequence([0.5], draws.ours),
    });
    t.mock.method(Math, "random", () => 0.5);
    const theirs = new JaegerGuaranteed(lowerBound, rate);
    assert.equal(String(ours), String(theirs));
    for (let question = 0; question < 300; question++) {
      world.tick(question % 40);
      assert.equal(decide(ours, "op"), decide(theirs, "op"), `question ${question}`);
    }
  });
}

/** First these, then what the dice say. */
function sequence(first: readonly number[], then: () => number): () => number {
  let at = 0;
  return () => first[at++] ?? then();
}

/** Rates 0 and 1 need no dice, so that only operations and credit decide. */
const TOLD = {
  defaultSamplingProbability: 0,
  defaultLowerBoundTracesPerSecond: 1,
  perOperationStrategies: [
    { operation: "always", probabilisticSampling: { samplingRate: 1 } },
    { operation: "never", probabilisticSampling: { samplingRate: 0 } },
    { operation: "__proto__", probabilisticSampling: { samplingRate: 1 } },
  ],
};

function ratesOf(told: typeof TOLD) {
  return {
    defaultSamplingRate: told.defaultSamplingProbability,
    lowerBound: told.defaultLowerBoundTracesPerSecond,
    rates: new Map(
      told.perOperationStrategies.map((one) => [
        one.operation,
        one.probabilisticSampling.samplingRate,
      ]),
    ),
  };
}

test("PerOperationSampler decides as jaeger-client, new operations up to a bound included", (t) => {
  const world = sameWorld(t, SEED);
  t.mock.method(Math, "random", () => 0.5);
  const ours = new PerOperationSampler(ratesOf(TOLD), 5, { ...world, random: () => 0.5 });
  const theirs = new JaegerPerOperation(TOLD, 5);
  assert.equal(String(ours), String(theirs));
  // Five and six are over the bound: the default rate decides, without a lower bound.
  const operations = ["always", "never", "__proto__", "four", "constructor", "six", "seven"];
  for (let round = 0; round < 30; round++) {
    world.tick(100);
    for (const operation of operations) {
      assert.equal(decide(ours, operation), decide(theirs, operation), `${operation} ${round}`);
    }
    if (round !== 10) continue;
    const more = { ...TOLD, defaultSamplingProbability: 1, defaultLowerBoundTracesPerSecond: 4 };
    assert.equal(ours.update(ratesOf(more)), true);
    assert.equal(theirs.update(more), true);
    operations.splice(3, 2); // what was new before: see the next test
  }
  assert.equal(ours.operations, 5);
});

test("PerOperationSampler gives operations that are told of no more the default rate", () => {
  const sampler = new PerOperationSampler({
    defaultSamplingRate: 0,
    lowerBound: 0,
    rates: new Map([["gone", 1]]),
  });
  assert.equal(sampler.isSampled("gone", {}), true);
  assert.equal(sampler.isSampled("new", {}), false);
  const next = { defaultSamplingRate: 0, lowerBound: 0, rates: new Map([["new", 1]]) };
  assert.equal(sampler.update(next), true);
  assert.equal(sampler.isSampled("gone", {}), false);
  assert.equal(sampler.isSampled("new", {}), true);
  assert.equal(sampler.update({ ...next, rates: new Map(next.rates) }), false);
});

test("PerOperationSampler keeps its credit when it is told the same or another rate", (t) => {
  const world = sameWorld(t, SEED);
  const told = { defaultSamplingRate: 0, lowerBound: 0.1, rates: new Map<string, number>() };
  const sampler = new PerOperationSampler(told, 10, { ...world, random: () => 0 });
  assert.equal(sampler.isSampled("op", {}), false);
  let sampled = 0;
  for (let second = 1; second <= 100; second++) {
    world.tick(1_000);
    sampler.update({ ...told, rates: new Map([[`other ${second % 3}`, 1]]) });
    if (sampler.isSampled("op", {})) sampled++;
  }
  assert.ok(sampled === 10 || sampled === 9, `${sampled} of 10`); // one in ten seconds
});

test("PerOperationSampler remembers no more operations than it may, nor very long ones", () => {
  const told = { defaultSamplingRate: 1, lowerBound: 0, rates: new Map<string, number>() };
  const sampler = new PerOperationSampler(told);
  assert.equal(sampler.isSampled("x".repeat(1_000_000), {}), true);
  assert.equal(sampler.operations, 0);
  for (let at = 0; at < 5_000; at++) assert.equal(sampler.isSampled(`op ${at}`, {}), true);
  assert.equal(sampler.operations, 2_000);
  const rates = new Map(Array.from({ length: 3_000 }, (_, at) => [`told ${at}`, 0] as const));
  sampler.update({ ...told, rates });
  assert.equal(sampler.operations, 3_000); // what is told counts; what was made up goes
});

const told = { defaultSamplingRate: 0.5, lowerBound: 1, rates: new Map([["op", 0.1]]) };
const kinds: readonly (() => Sampler)[] = [
  () => new ConstSampler(true),
  () => new ConstSampler(false),
  () => new ProbabilisticSampler(0.5),
  () => new ProbabilisticSampler(0.6),
  () => new RateLimitingSampler(0.5),
  () => new RateLimitingSampler(5),
  () => new GuaranteedThroughputSampler(1, 0.5),
  () => new GuaranteedThroughputSampler(2, 0.5),
  () => new GuaranteedThroughputSampler(1, 0.6),
  () => new PerOperationSampler(told),
  () => new PerOperationSampler(told, 10),
  () => new PerOperationSampler({ ...told, lowerBound: 2 }),
  () => new PerOperationSampler({ ...told, defaultSamplingRate: 0 }),
  () => new PerOperationSampler({ ...told, rates: new Map([["op", 0.2]]) }),
  () => new PerOperationSampler({ ...told, rates: new Map([["other", 0.1]]) }),
  () => new PerOperationSampler({ ...told, rates: new Map() }),
];

test("Sampler.equal() holds for the same kind with the same parameters, and for nothing else", () => {
  for (const [at, make] of kinds.entries()) {
    for (const [other, makeOther] of kinds.entries()) {
      assert.equal(make().equal(makeOther()), at === other, `${make().toString()} ${at} ${other}`);
    }
  }
});

test("Sampler.close() calls back at once", () => {
  for (const make of kinds) {
    let calls = 0;
    make().close(() => calls++);
    assert.equal(calls, 1);
    make().close();
  }
});
