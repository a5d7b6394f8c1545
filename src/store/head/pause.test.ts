// Pausing: only after a slice, and never after the caller has gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makePause } from "./pause.ts";

test("makePause() waits for other work once a slice is over", async () => {
  let nowMs = 0;
  const clock = { nowUs: () => 0, monotonicMs: () => nowMs };
  const pause = makePause(clock, new AbortController().signal);
  assert.equal(pause(), undefined);
  nowMs = 100;
  let turned = false;
  setImmediate(() => (turned = true));
  await pause();
  assert.ok(turned);
  assert.equal(pause(), undefined);
});

test("makePause() ends a query that was cancelled", () => {
  const cancel = new AbortController();
  const pause = makePause({ nowUs: () => 0, monotonicMs: () => 0 }, cancel.signal);
  cancel.abort();
  assert.throws(() => pause(), { code: "unavailable" });
});
