// The time of spans when the wall clock is set while they run.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AnchoredClock } from "./span-clock.ts";

function makeClock(): { clock: AnchoredClock; time: { monotonic: number; wall: number } } {
  const time = { monotonic: 500, wall: 1_700_000_000_500 };
  const clock = new AnchoredClock(
    () => time.monotonic,
    () => time.wall,
    1_700_000_000_000.25,
  );
  return { clock, time };
}

test("nowMs() counts on from the anchor while the wall clock agrees", () => {
  const { clock, time } = makeClock();
  assert.equal(clock.nowMs(), 1_700_000_000_500.25);
  time.monotonic += 5_000;
  time.wall += 5_009;
  assert.equal(clock.nowMs(), 1_700_000_005_500.25);
});

test("nowMs() follows the wall clock when that was set, and spans keep their anchor", () => {
  const { clock, time } = makeClock();
  const startMs = clock.nowMs();
  const { anchor } = clock;
  time.monotonic += 2_000;
  time.wall += 3_602_000;
  assert.equal(clock.nowMs(), 1_700_003_602_500);
  assert.equal(clock.sinceMs(anchor) - startMs, 2_000);
});

test("nowMs() looks at the wall clock once a second", () => {
  const { clock, time } = makeClock();
  clock.nowMs();
  time.wall += 60_000;
  time.monotonic += 999;
  assert.equal(clock.nowMs(), 1_700_000_001_499.25);
  time.monotonic += 1;
  assert.equal(clock.nowMs(), 1_700_000_060_500);
});
