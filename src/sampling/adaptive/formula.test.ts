// The formula against numbers computed by hand from Jaeger's description of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nextProbability, printProbability, weightedMean, weightsOf } from "./formula.ts";

const close = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, expected ${expected}`);

test("weightsOf() are fourth powers, newest first, and sum to 1", () => {
  assert.deepEqual(weightsOf(0), []);
  assert.deepEqual(weightsOf(1), [1]);
  assert.deepEqual(weightsOf(2), [16 / 17, 1 / 17]);
  // 81 + 16 + 1 = 98
  assert.deepEqual(weightsOf(3), [81 / 98, 16 / 98, 1 / 98]);
  close(
    weightsOf(10).reduce((sum, weight) => sum + weight, 0),
    1,
  );
});

test("weightedMean() lets the newest count most", () => {
  assert.equal(weightedMean([]), 0);
  assert.equal(weightedMean([3]), 3);
  // (1 × 16 + 18 × 1) / 17
  close(weightedMean([1, 18]), 2);
  // (98 × 81 + 0 × 16 + 98 × 1) / 98
  close(weightedMean([98, 0, 98]), 82);
});

const SETTINGS = {
  targetSamplesPerSecond: 1,
  deltaTolerance: 0.3,
  initialSamplingProbability: 0.001,
  minSamplingProbability: 1e-5,
};

const steps: readonly (readonly [
  what: string,
  old: number,
  measured: number,
  isAdaptive: boolean,
  next: number,
])[] = [
  ["on the target", 0.001, 1, true, 0.001],
  ["29 % below", 0.001, 0.71, true, 0.001],
  ["29 % above", 0.001, 1.29, true, 0.001],
  ["31 % above: down at once", 0.001, 1.31, true, 0.001 / 1.31],
  ["31 % below: up by the factor", 0.001, 0.69, true, 0.001 / 0.69],
  ["ten times too much", 0.5, 10, true, 0.05],
  ["half of it: doubled", 0.001, 0.5, true, 0.002],
  ["a tenth of it: doubled and no more", 0.001, 0.1, true, 0.002],
  ["nothing at all: doubled", 0.001, 0, true, 0.002],
  ["never above 1", 0.8, 0.1, true, 1],
  ["never below the least", 0.0001, 1_000, true, 1e-5],
  ["the service does something else", 0.001, 1_000, false, 0.001],
];
for (const [what, old, measured, isAdaptive, next] of steps) {
  test(`nextProbability() ${what}`, () =>
    close(nextProbability(old, measured, isAdaptive, SETTINGS), next));
}

test("printProbability() has six digits, as Jaeger's FormatFloat", () => {
  assert.equal(printProbability(0.001), "0.001000");
  assert.equal(printProbability(1e-5), "0.000010");
  assert.equal(printProbability(1 / 3), "0.333333");
  assert.equal(printProbability(1), "1.000000");
});
