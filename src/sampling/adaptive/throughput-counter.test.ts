// What one interval counts, and what a flood of names does to it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type SampledRoots, ThroughputCounter } from "./throughput-counter.ts";

const roots = (service: string, operation: string, more: Partial<SampledRoots>): SampledRoots => ({
  service,
  operation,
  count: 1,
  spans: 1,
  probabilities: [],
  ...more,
});

test("ThroughputCounter sums by operation and begins anew when it is taken", () => {
  const counter = new ThroughputCounter((spans) => assert.equal(spans, 0));
  counter.add(roots("shop", "buy", { count: 2, spans: 3, probabilities: [0.001] }));
  counter.add(roots("shop", "buy", { count: 0, probabilities: [0.001, 0.5] }));
  counter.add(roots("shop", "__proto__", {}));
  assert.deepEqual(counter.take(), {
    services: 1,
    rows: [
      { service: "shop", operation: "buy", count: 2, probabilities: ["0.001000", "0.500000"] },
      { service: "shop", operation: "__proto__", count: 1, probabilities: [] },
    ],
  });
  assert.deepEqual(counter.take(), { services: 0, rows: [] });
});

test("ThroughputCounter bounds operations, probabilities and names, and counts the rest", () => {
  let leftOut = 0;
  const counter = new ThroughputCounter((spans) => void (leftOut += spans));
  for (let index = 0; index < 10_100; index++) counter.add(roots("flood", `op ${index}`, {}));
  assert.equal(leftOut, 100);
  counter.add(roots("x".repeat(1_025), "op", { spans: 7 }));
  assert.equal(leftOut, 107);
  const probabilities = Array.from({ length: 50 }, (_, index) => index / 100);
  counter.add(roots("flood", "op 1", { probabilities }));
  const { rows } = counter.take();
  assert.equal(rows.length, 10_000);
  assert.equal(rows[1]?.probabilities.length, 10);
  counter.add(roots("shop", "buy", {}));
  assert.equal(counter.take().rows.length, 1);
});
