// Windows and quantiles of the series counter, worked out by hand; parts of an answer against the whole.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SeriesQuery } from "../model/trace-query.ts";
import { durationBucketOf } from "./duration-buckets.ts";
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

test("SeriesCounter counts the spans of each point's window, the end exclusive", () => {
  const counter = new SeriesCounter(query);
  const starts = [999_999, 899_999, 899_998, 700_000, 600_000, 1_000_000, 599_999];
  for (const startUs of starts) {
    if (counter.wants(startUs, 2)) counter.add("a", "op", startUs, 1_000_000, startUs < 899_999);
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
    counter.add("a", undefined, 999_999, durationNs, false);
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
    for (; lines < 1_000; lines++) counter.add("a", `op-${lines}`, 999_999, 1, false);
  };
  assert.throws(addLines, { code: "bad-input" });
  assert.equal(counter.finish().length, lines);
});

const MINUTE_US = 60_000_000;
const NOW_MINUTE = 28_000_000;

interface CountedSpan {
  readonly service: string;
  readonly operation: string;
  readonly startUs: number;
  readonly durationNs: number;
  readonly error: boolean;
}

const anySpan: fc.Arbitrary<CountedSpan> = fc.record({
  service: fc.constantFrom("a", "b", "__proto__"),
  operation: fc.constantFrom("x", "y", ""),
  startUs: fc.oneof(
    fc.integer({ min: -2, max: 12 }).map((minutes) => (NOW_MINUTE - minutes) * MINUTE_US),
    fc.integer({ min: (NOW_MINUTE - 12) * MINUTE_US, max: (NOW_MINUTE + 1) * MINUTE_US }),
  ),
  durationNs: fc.oneof(fc.constantFrom(0, 1_000, 2_000, 4_000), fc.nat({ max: 1e12 })),
  error: fc.boolean(),
});

const inMinutes: SeriesQuery = {
  services: ["a", "b"],
  kinds: [2],
  byOperation: true,
  endUs: NOW_MINUTE * MINUTE_US,
  lookbackUs: 6 * MINUTE_US,
  stepUs: 2 * MINUTE_US,
  windowUs: 4 * MINUTE_US,
  quantile: 0.9,
};

function addSpan(counter: SeriesCounter, span: CountedSpan, byOperation: boolean): void {
  if (!counter.wants(span.startUs, 2)) return;
  const operation = byOperation ? span.operation : undefined;
  counter.add(span.service, operation, span.startUs, span.durationNs, span.error);
}

test("SeriesCounter.addLines() adds parts up to what one counter counts", () => {
  const parts = fc.array(fc.array(anySpan, { maxLength: 12 }), { maxLength: 4 });
  fc.assert(
    fc.property(parts, fc.boolean(), fc.boolean(), (lists, byOperation, withQuantile) => {
      const { quantile, ...rest } = { ...inMinutes, byOperation };
      const asked: SeriesQuery = withQuantile ? { ...rest, quantile: quantile! } : rest;
      const whole = new SeriesCounter(asked);
      const sum = new SeriesCounter(asked);
      for (const list of lists) {
        const part = new SeriesCounter(asked);
        for (const span of list) {
          addSpan(whole, span, byOperation);
          addSpan(part, span, byOperation);
        }
        sum.addLines(structuredClone(part.lines()));
      }
      assert.deepEqual(sum.finish(), whole.finish());
    }),
  );
});

test("SeriesCounter.addCounts() of whole minutes is add() of their spans", () => {
  fc.assert(
    fc.property(fc.array(anySpan, { maxLength: 30 }), (spans) => {
      const each = new SeriesCounter(inMinutes);
      const counted = new SeriesCounter(inMinutes);
      assert.ok(counted.takesMinutes);
      const minutes = new Map<string, CountedSpan[]>();
      for (const span of spans) {
        addSpan(each, span, true);
        const minute = Math.floor(span.startUs / MINUTE_US);
        const key = JSON.stringify([span.service, span.operation, minute]);
        minutes.set(key, [...(minutes.get(key) ?? []), span]);
      }
      for (const [key, list] of minutes) {
        const [service, operation, minute] = JSON.parse(key) as [string, string, number];
        if (!counted.wants(minute * MINUTE_US, 2)) continue;
        counted.addCounts(service, operation, minute, {
          calls: list.length,
          errors: list.filter((span) => span.error).length,
          bucket: Uint16Array.of(9, ...list.map((span) => durationBucketOf(span.durationNs))),
          bucketCalls: new Uint32Array(list.length + 1).fill(1),
          from: 1,
          to: list.length + 1,
        });
      }
      assert.deepEqual(counted.finish(), each.finish());
    }),
  );
});

test("SeriesCounter takes minutes only if its slices are whole minutes", () => {
  for (const more of [{ endUs: 1 }, { stepUs: MINUTE_US + 1 }]) {
    assert.equal(new SeriesCounter({ ...inMinutes, ...more }).takesMinutes, false);
  }
});
