// Jaeger's health answers, to the byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../base/clock.ts";
import { makeHealth } from "./health.ts";

const UNAVAILABLE =
  '503 {"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}';

let passedMs = 0;
const clock: Clock = { nowUs: () => 1_700_000_000_123_456, monotonicMs: () => 1e6 + passedMs };

async function ask(health: ReturnType<typeof makeHealth>): Promise<string> {
  const { status, headers, body } = await health.answer();
  assert.deepEqual(headers, { "content-type": "application/json" });
  assert.ok(typeof body === "string");
  return `${status} ${body}`;
}

test("answer() says when all doors are open and since when, as Jaeger does", async () => {
  const health = makeHealth(clock);
  assert.equal(await ask(health), UNAVAILABLE);
  health.open(() => Promise.resolve());
  passedMs = 62_500;
  const body =
    '{"status":"Server available","upSince":"2023-11-14T22:13:20.123Z","uptime":"1m2.5s"}';
  assert.equal(await ask(health), `200 ${body}`);
  health.shut();
  assert.equal(await ask(health), UNAVAILABLE);
});

test("answer() is 503 while the store cannot answer", async () => {
  const health = makeHealth(clock);
  let isUp = false;
  health.open(() => (isUp ? Promise.resolve() : Promise.reject(new Error("down"))));
  assert.equal(await ask(health), UNAVAILABLE);
  isUp = true;
  assert.match(await ask(health), /^200 /);
});

test("answer() does not wait for a store that is silent", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const health = makeHealth(clock);
  health.open(() => Promise.withResolvers<void>().promise);
  const answer = ask(health);
  t.mock.timers.tick(900);
  assert.equal(await answer, UNAVAILABLE);
});
