// Windows and quantiles of the series counter, worked out by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeriesQuery } from "../model/trace-query.ts";
import { POINTS_MAX, SeriesCounter } from "./series-counter.ts";

const query: SeriesQuery = {
  services: ["a"],
  kinds: [],
  byOperation: true,
  endUs: 1_000_000,
  lookbackUs: 200_000,
  stepUs: 100_000,
  windowUs: 200_000,
  quantile: 0.5,
};

test("SeriesCounter counts the spans of each point's window, the end inclusive", () => {
  const counter = new SeriesCounter(query);
  const starts = [1_000_000, 900_000, 899_999, 700_001, 600_001, 1_000_001, 600_000];
  for (const startUs of starts) {
    if (counter.wants(startUs, 2)) counter.add("a", "op", startUs, 1_000_000, startUs < 900_000);
  }
  const [line] = counter.finish();
  assert.deepEqual(
    line!.points.map(({ atUs, calls, errors }) => [atUs, calls, errors]),
    [
      [800_000, 2, 2],
      [900_000, 3, 2],
      [1_000_000, 3, 1],
    ],
  );
});

const quantiles: readonly (readonly [quantile: number, expectedMs: number])[] = [
  [0, 1],
  [0.5, 50],
  [0.95, 95],
  [1, 100],
];

for (const [quantile, expectedMs] of quantiles) {
  test(`SeriesCounter finds quantile ${quantile} within 10 %`, () => {
    const counter = new SeriesCounter({ ...query, quantile, lookbackUs: 0 });
    for (let ms = 1; ms <= 100; ms++) counter.add("a", "op", 950_000, ms * 1e6, false);
    const point = counter.finish()[0]!.points[0]!;
    const ms = point.durationNs / 1e6;
    assert.ok(Math.abs(ms - expectedMs) <= 0.1 * expectedMs, `${ms} ms, wanted ${expectedMs}`);
  });
}

test("SeriesCounter takes durations of any size", () => {
  const counter = new SeriesCounter(query);
  for (const durationNs of [0, -5, 999, 2 ** 60]) {
    counter.add("a", undefined, 1_000_000, durationNs, false);
  }
  assert.equal(counter.finish()[0]!.points.at(-1)!.calls, 4);
});

const tooMuch: readonly (readonly [what: string, query: Partial<SeriesQuery>])[] = [
  ["points", { lookbackUs: 1e15, stepUs: 1 }],
  ["steps in a window", { windowUs: 1e21 }],
  ["steps in a window", { windowUs: 100_000 * (POINTS_MAX + 1) }],
];

for (const [what, more] of tooMuch) {
  test(`SeriesCounter refuses too many ${what}`, () => {
    assert.throws(() => new SeriesCounter({ ...query, ...more }), { code: "bad-input" });
  });
}

test("SeriesCounter refuses an answer that becomes too large, and leaves nothing out of one", () => {
  const counter = new SeriesCounter({ ...query, windowUs: 1e9 });
  let lines = 0;
  const addLines = (): void => {
    for (; lines < 1_000; lines++) counter.add("a", `op-${lines}`, 1_000_000, 1, false);
  };
  assert.throws(addLines, { code: "bad-input" });
  assert.equal(counter.finish().length, lines);
});
