// One round, by hand: rates, what a service obeys, what is forgotten.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom } from "../../../test/store/corpus.ts";
import { type Bucket, type Round, calculate, makeBucket, withUnseen } from "./calculate.ts";
import type { OperationResult, Throughput } from "./sampling-state.ts";

const SETTINGS = {
  targetSamplesPerSecond: 1,
  deltaTolerance: 0.3,
  initialSamplingProbability: 0.001,
  minSamplingProbability: 1e-5,
  bucketsForCalculation: 1,
};
const MINUTE = 60_000;

const row = (operation: string, count: number, ...probabilities: string[]): Throughput => ({
  service: "shop",
  operation,
  count,
  probabilities,
});
const bucket = (...rows: Throughput[]): Bucket => makeBucket(rows, MINUTE);
const old = (operation: string, probability: number): OperationResult => ({
  service: "shop",
  operation,
  probability,
  tracesPerSecond: 0,
});
const NOTHING_USED: Round["used"] = new Map();

/** `operation probability rate` */
function show({ result }: Round): string[] {
  return result.map(
    (one) => `${one.operation} ${+one.probability.toFixed(9)} ${+one.tracesPerSecond.toFixed(9)}`,
  );
}

test("makeBucket() joins what several collectors counted", () => {
  const { services } = bucket(row("a", 60, "0.001000"), row("a", 60, "0.002000"));
  const sum = services.get("shop")?.get("a");
  assert.equal(sum?.count, 120);
  assert.deepEqual([...(sum?.probabilities ?? [])], ["0.001000", "0.002000"]);
});

test("calculate() takes a new operation on trust: initial probability, then the formula", () => {
  // 120 in a minute are 2 a second: 0.001 / 2
  const round = calculate([bucket(row("a", 120, "0.5"))], [], NOTHING_USED, SETTINGS);
  assert.deepEqual(show(round), ["a 0.0005 2"]);
});

test("calculate() leaves a service alone that samples by something else", () => {
  const buckets = [bucket(row("a", 1_200, "1.000000"))];
  assert.deepEqual(show(calculate(buckets, [old("a", 0.01)], NOTHING_USED, SETTINGS)), [
    "a 0.01 20",
  ]);
  const obeyed = [bucket(row("a", 1_200, "1.000000", "0.010000"))];
  assert.deepEqual(show(calculate(obeyed, [old("a", 0.01)], NOTHING_USED, SETTINGS)), [
    "a 0.0005 20",
  ]);
});

test("calculate() raises an operation of the lower bound alone", () => {
  const buckets = [bucket(row("a", 0, "0.010000"))];
  assert.deepEqual(show(calculate(buckets, [old("a", 0.01)], NOTHING_USED, SETTINGS)), [
    "a 0.02 0",
  ]);
});

test("calculate() remembers whether a service that is silent had obeyed", () => {
  const before = [bucket(row("a", 6, "0.010000"))];
  const first = calculate(before, [old("a", 0.01)], NOTHING_USED, SETTINGS);
  assert.deepEqual(show(first), ["a 0.02 0.1"]);
  const silent = [bucket(), ...before];
  // The older bucket's rate still counts: 0.1 a second, doubled again.
  assert.deepEqual(show(calculate(silent, first.result, first.used, SETTINGS)), ["a 0.04 0.1"]);
  assert.deepEqual(show(calculate(silent, first.result, NOTHING_USED, SETTINGS)), ["a 0.02 0.1"]);
});

test("calculate() weighs the newest buckets that have the operation", () => {
  const buckets = [
    bucket(row("a", 60)),
    bucket(),
    bucket(row("a", 18 * 60)),
    bucket(row("a", 9e9)),
  ];
  const settings = { ...SETTINGS, bucketsForCalculation: 2 };
  // (1 × 16 + 18 × 1) / 17 = 2 a second
  assert.deepEqual(show(calculate(buckets, [], NOTHING_USED, settings)), ["a 0.0005 2"]);
});

test("calculate() forgets what no bucket has, and holds no more than clients do", () => {
  assert.deepEqual(calculate([bucket()], [old("a", 0.5)], NOTHING_USED, SETTINGS).result, []);
  const many = Array.from({ length: 3_000 }, (_, index) => row(`op ${index}`, 60));
  assert.equal(calculate([bucket(...many)], [], NOTHING_USED, SETTINGS).result.length, 2_000);
});

test("calculate() over simulated traffic gives the formula's numbers, round by round", () => {
  // Written down a second time, in the way the formula is described: one operation that obeys.
  const settings = { ...SETTINGS, targetSamplesPerSecond: 2, bucketsForCalculation: 4 };
  const weights = [256, 81, 16, 1];
  for (let seed = 0; seed < 20; seed++) {
    const random = makeRandom(seed);
    const buckets: Bucket[] = [];
    const counts: number[] = [];
    let expected = 0.001;
    let round: Round = { result: [], used: new Map() };
    for (let interval = 1; interval <= 40; interval++) {
      const perSecond = 2_000 * random() ** 6;
      const count = Math.round(60 * perSecond * expected);
      buckets.unshift(bucket(row("a", count, expected.toFixed(6))));
      counts.unshift(count);
      round = calculate(buckets.slice(0, 10), round.result, round.used, settings);
      const newest = counts.slice(0, 4);
      const used = weights.slice(4 - newest.length);
      // Of two intervals the newer weighs 16 and the older 1; of four 256, 81, 16 and 1.
      const weighed = newest.reduce((sum, one, index) => sum + (one / 60) * used[index]!, 0);
      const measured = weighed / used.reduce((sum, one) => sum + one);
      if (!(measured > 1.4 && measured < 2.6)) {
        const factor = measured < 1e-10 ? 2 : Math.min(2, 2 / measured);
        expected = Math.min(1, Math.max(1e-5, expected * factor));
      }
      const [result] = round.result;
      const where = `seed ${seed}, interval ${interval}`;
      assert.ok(Math.abs(result!.probability / expected - 1) < 1e-9, where);
      assert.ok(Math.abs(result!.tracesPerSecond - measured) < 1e-9, where);
    }
  }
});

test("withUnseen() keeps what is not there as it was, and no more than clients hold", () => {
  const result = [old("a", 0.1), old("b", 0.2)];
  const all = withUnseen(result, [old("b", 0.9), old("c", 0.3)]);
  assert.deepEqual(all, [...result, old("c", 0.3)]);
  const many = Array.from({ length: 1_999 }, (_, index) => old(`op ${index}`, 1));
  const other = { ...old("c", 0.4), service: "other" };
  const bounded = withUnseen(result, [...many, other]);
  assert.equal(bounded.length, 2_001);
  assert.deepEqual(bounded.slice(0, 2), result);
  assert.deepEqual(bounded.at(-1), other);
});

test("calculate() keeps names apart that only look alike when joined", () => {
  const rows = [
    { service: "a", operation: "bc", count: 120, probabilities: [] },
    { service: "ab", operation: "c", count: 240, probabilities: [] },
  ];
  const { result } = calculate([makeBucket(rows, MINUTE)], [], NOTHING_USED, SETTINGS);
  assert.deepEqual(
    result.map(({ probability }) => probability),
    [0.0005, 0.00025],
  );
});
