// How much goes to other threads, by the CPU that this one uses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FixedShare, LoadShare } from "./load-share.ts";

/** A thread that is busy for a share of the time, and what it gives away of payloads of 1,000 bytes. */
function open(): {
  run: (busy: number, looks: number, gapMs?: number) => number;
  share: () => number;
} {
  let nowMs = 0;
  let cpuMs = 0;
  const clock = { nowUs: () => 0, monotonicMs: () => nowMs };
  const share = new LoadShare(clock, () => cpuMs);
  const run = (busy: number, looks: number, gapMs = 50): number => {
    let given = 0;
    for (let look = 0; look < looks; look++) {
      nowMs += gapMs;
      cpuMs += busy * gapMs;
      for (let payload = 0; payload < 10; payload++) if (share.goesOn(1_000)) given++;
    }
    return given / (10 * looks);
  };
  return { run, share: () => share.share };
}

test("LoadShare gives nothing away while the thread has time, or waits for a processor", () => {
  const { run } = open();
  assert.equal(run(0.1, 100), 0);
  assert.equal(run(0.85, 100), 0);
});

test("LoadShare gives more and more away while the processor is full, all in the end", () => {
  const { run, share } = open();
  run(1, 5);
  assert.ok(Math.abs(share() - 0.5) < 1e-9);
  assert.ok(Math.abs(run(0.85, 100) - 0.5) < 0.02, "stays where it is between the bounds");
  run(1, 20);
  assert.equal(run(0.99, 10), 1);
});

test("LoadShare takes back what it has time for, and forgets after a pause", () => {
  const { run, share } = open();
  run(1, 5);
  run(0.3, 3);
  assert.ok(Math.abs(share() - 0.2) < 1e-9);
  run(1, 5);
  assert.equal(run(1, 1, 5_000), 0);
});

test("LoadShare looks at the clock's turns, not at payloads", () => {
  const { run, share } = open();
  run(1, 100, 1);
  assert.ok(share() <= 0.2 + 1e-9, `${share()}`);
});

test("FixedShare gives away its share of the bytes, whatever payloads they come in", () => {
  const share = new FixedShare(0.3);
  let all = 0;
  let given = 0;
  for (let n = 1; n <= 1_000; n++) {
    const bytes = (n * 37) % 1_000;
    all += bytes;
    if (share.goesOn(bytes)) given += bytes;
  }
  assert.ok(Math.abs(given / all - 0.3) < 0.01, `${given / all}`);
});
