// The bucket beside jaeger-client's.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JaegerRateLimiter } from "../../test/jaeger-samplers.ts";
import { RateLimiter } from "./rate-limiter.ts";

const step = fc.record({
  waitMs: fc.nat(3_000),
  cost: fc.constantFrom(0.5, 1, 4),
  next: fc.option(fc.constantFrom([0.5, 1], [3, 3], [10, 20]), { freq: 8 }),
});

test("RateLimiter gives and refuses what jaeger-client's does", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  const clock = { nowUs: () => 0, monotonicMs: () => Date.now() };
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const ours = new RateLimiter(2, 4, { initialBalance: 1.5, clock });
    const theirs = new JaegerRateLimiter(2, 4, 1.5);
    for (const { waitMs, cost, next } of steps) {
      t.mock.timers.tick(waitMs);
      if (next !== null) {
        ours.update(next[0], next[1]);
        theirs.update(next[0], next[1]);
      }
      assert.equal(ours.take(cost), theirs.checkCredit(cost));
    }
  });
  // The two multiply in another order: whole powers of two keep that exact.
  fc.assert(property, { seed: 7, numRuns: 200 });
});

test("RateLimiter starts with a random part of what it may hold", () => {
  const clock = { nowUs: () => 0, monotonicMs: () => 0 };
  const limiter = new RateLimiter(1, 8, { clock, random: () => 0.5 });
  assert.deepEqual([limiter.take(4), limiter.take(0.001)], [true, false]);
});

test("RateLimiter stays within its bounds at any rate and after any time", () => {
  let nowMs = 0;
  const clock = { nowUs: () => 0, monotonicMs: () => nowMs };
  const limiter = new RateLimiter(Number.MAX_VALUE, Number.MAX_VALUE, { clock });
  nowMs = Number.MAX_VALUE;
  assert.equal(limiter.take(1), true);
  limiter.update(2, 2);
  assert.deepEqual([limiter.take(2), limiter.take(1)], [true, false]);
});
