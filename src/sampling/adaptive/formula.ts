// How adaptive sampling gets from what came to what shall be sampled: pure functions of numbers.
//
//   counts of the last n intervals ─▶ traces a second of each ─▶ weighted mean ─▶ next probability
//
//   weight of the interval i from the oldest (1) to the newest (n):  i⁴ / Σ i⁴
//   next = p × target / measured, at most 2 p · 2 p if nothing was measured · within [min, 1]
//   p stays if the measured rate is near the target, or if the service samples by something else
//
// Source: Jaeger v1.76, internal/sampling/samplingstrategy/adaptive: weightvectorcache.go,
// calculationstrategy/percentage_increase_capped_calculator.go, post_aggregator.go.

export interface FormulaSettings {
  /** Traces a second that each operation shall give. > 0. */
  readonly targetSamplesPerSecond: number;
  /** The part of the target that the measured rate may be off before anything is changed. */
  readonly deltaTolerance: number;
  readonly initialSamplingProbability: number;
  readonly minSamplingProbability: number;
}

/** A probability rises by no more than itself in one step: rather too few than a flood. */
const INCREASE_MAX = 1;
const EPSILON = 1e-10;

/** Weights of `count` intervals, newest first; their sum is 1. */
export function weightsOf(count: number): readonly number[] {
  const powers = Array.from({ length: count }, (_, index) => (count - index) ** 4);
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}

/** The mean of rates, newest first. */
export function weightedMean(rates: readonly number[]): number {
  const weights = weightsOf(rates.length);
  return rates.reduce((sum, rate, index) => sum + rate * weights[index]!, 0);
}

export function areEqual(a: number, b: number): boolean {
  return Math.abs(a - b) < EPSILON;
}

/** As spans and the state name a probability: six digits behind the point. */
export function printProbability(probability: number): string {
  return probability.toFixed(6);
}

/** @param measured sampled traces a second. @param isAdaptive the service obeys what it was told. */
export function nextProbability(
  old: number,
  measured: number,
  isAdaptive: boolean,
  settings: FormulaSettings,
): number {
  const { targetSamplesPerSecond: target, deltaTolerance, minSamplingProbability } = settings;
  const isNear = Math.abs(measured - target) / target < deltaTolerance;
  if (isNear || !isAdaptive) return old;
  const factor = areEqual(measured, 0) ? 1 + INCREASE_MAX : target / measured;
  const wanted = old * Math.min(1 + INCREASE_MAX, factor);
  return Math.min(1, Math.max(minSamplingProbability, wanted));
}
