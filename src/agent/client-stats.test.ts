// Numbers of clients, as they grow, stand still, go back and lie.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientStats } from "./client-stats.ts";

const HOUR_MS = 3_600_000;

function openStats(): { stats: ClientStats; clock: { nowMs: number } } {
  const clock = { nowMs: 0 };
  const stats = new ClientStats({ nowUs: () => 0, monotonicMs: () => clock.nowMs });
  return { stats, clock };
}

const sender = (
  sequence: number | undefined,
  queueFull = 0,
): Parameters<ClientStats["count"]>[1] => ({
  sequence,
  stats: { queueFull, tooLarge: 0, failedToSend: 0 },
});

test("ClientStats takes the first batch as the base", () => {
  const { stats } = openStats();
  stats.count("a", sender(100, 50));
  const { batchesReceived, batchesSent, batchesMissing, spansDropped } = stats.figures();
  assert.deepEqual([batchesReceived, batchesSent, batchesMissing], [1, 0, 0]);
  assert.equal(spansDropped["full-queue"], 0);
});

test("ClientStats counts gaps and growth, not what came late or twice", () => {
  const { stats } = openStats();
  for (const [sequence, full] of [
    [1, 0],
    [2, 1],
    [5, 3],
    [4, 2],
    [5, 3],
    [6, 3],
  ] as const) {
    stats.count("a", sender(sequence, full));
  }
  const { batchesReceived, batchesSent, batchesMissing, spansDropped } = stats.figures();
  assert.deepEqual([batchesReceived, batchesSent, batchesMissing], [6, 5, 2]);
  assert.equal(spansDropped["full-queue"], 3);
});

test("ClientStats ignores batches without a number or an id", () => {
  const { stats } = openStats();
  stats.count("a", sender(undefined));
  stats.count("", sender(1));
  stats.count("x".repeat(65), sender(1));
  assert.deepEqual([stats.figures().connected, stats.figures().batchesReceived], [0, 0]);
});

test("ClientStats believes no leap of numbers", () => {
  const { stats } = openStats();
  stats.count("a", sender(1));
  stats.count("a", sender(2 ** 62, 2 ** 62));
  stats.count("a", sender(Number.NaN));
  const { batchesMissing, spansDropped } = stats.figures();
  assert.deepEqual([batchesMissing, spansDropped["full-queue"]], [0, 0]);
});

test("ClientStats forgets who has been silent for an hour", () => {
  const { stats, clock } = openStats();
  stats.count("old", sender(1));
  clock.nowMs = HOUR_MS / 2;
  stats.count("young", sender(1));
  clock.nowMs = HOUR_MS + 1;
  assert.equal(stats.figures().connected, 1);
});

test("ClientStats remembers a bounded number of clients", () => {
  const { stats } = openStats();
  for (let client = 0; client < 5_000; client++) stats.count(`c${client}`, sender(1));
  assert.equal(stats.figures().connected, 4_096);
});
