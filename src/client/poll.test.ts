// When a poll asks: a clock that only the test moves.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { PollLog } from "./poll-log.ts";
import { SpoorError } from "../base/errors.ts";
import { Poll, type Wake } from "./poll.ts";

interface Rig {
  readonly wake: Wake;
  /** ms of every wait that was begun. */
  readonly waits: number[];
  /** Lets the wait that is under way pass. */
  pass(): Promise<void>;
  readonly isWaiting: () => boolean;
}

function makeRig(): Rig {
  const waits: number[] = [];
  let due: (() => void) | undefined;
  return {
    waits,
    wake(ms, call) {
      assert.equal(due, undefined, "two waits at once");
      waits.push(ms);
      due = call;
      return () => (due = undefined);
    },
    async pass() {
      const call = due;
      due = undefined;
      call?.();
      await setImmediate();
    },
    isWaiting: () => due !== undefined,
  };
}

test("Poll asks within a second at first, then once an interval, give or take a tenth", async () => {
  const rig = makeRig();
  const dice = [0.25, 0, 1, 0.5];
  let asked = 0;
  const poll = new Poll({
    intervalMs: 60_000,
    ask: () => Promise.resolve(++asked > 0),
    wake: rig.wake,
    random: () => dice.shift()!,
  });
  for (let at = 0; at < 3; at++) await rig.pass();
  assert.deepEqual(rig.waits.map(Math.round), [250, 54_000, 66_000, 60_000]);
  assert.equal(asked, 3);
  poll.close();
});

test("Poll asks again soon after it failed, and later each time", async () => {
  const rig = makeRig();
  let isGood = false;
  const poll = new Poll({
    intervalMs: 6_000,
    ask: () => Promise.resolve(isGood),
    wake: rig.wake,
    random: () => 0.5,
  });
  for (let at = 0; at < 5; at++) await rig.pass();
  isGood = true;
  await rig.pass();
  isGood = false;
  await rig.pass();
  assert.deepEqual(rig.waits, [500, 1_000, 2_000, 4_000, 6_000, 6_000, 6_000, 1_000]);
  poll.close();
});

test("Poll goes on when what it asks throws", async () => {
  const rig = makeRig();
  const poll = new Poll({
    intervalMs: 6_000,
    ask: () => Promise.reject(new TypeError("no such metric")),
    wake: rig.wake,
    random: () => 0.5,
  });
  await rig.pass();
  await poll.ask();
  assert.deepEqual(rig.waits, [500, 1_000, 2_000]);
  poll.close();
});

test("Poll asks once for all who ask at the same time", async () => {
  const rig = makeRig();
  let asked = 0;
  const poll = new Poll({
    intervalMs: 1_000,
    ask: async () => {
      await setImmediate();
      return ++asked > 0;
    },
    wake: rig.wake,
  });
  await Promise.all([poll.ask(), poll.ask(), poll.ask()]);
  assert.equal(asked, 1);
  await poll.ask();
  assert.equal(asked, 2);
  poll.close();
});

test("Poll.close() takes back what is under way and asks no more", async () => {
  const rig = makeRig();
  let isAborted = false;
  const poll = new Poll({
    intervalMs: 1_000,
    wake: rig.wake,
    ask: (signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          isAborted = true;
          resolve(false);
        });
      }),
  });
  const asking = poll.ask();
  poll.close();
  await asking;
  assert.ok(isAborted);
  assert.ok(!rig.isWaiting());
  await poll.ask();
  assert.ok(!rig.isWaiting());
});

for (const intervalMs of [0, -1, Number.NaN]) {
  test(`Poll does nothing by itself with an interval of ${intervalMs}`, async () => {
    const rig = makeRig();
    let asked = 0;
    const ask = (): Promise<boolean> => Promise.resolve(++asked > 0);
    const poll = new Poll({ intervalMs, ask, wake: rig.wake });
    assert.ok(!rig.isWaiting());
    await poll.ask();
    assert.equal(asked, 1);
    assert.ok(!rig.isWaiting());
    poll.close();
  });
}

test("Poll keeps no process alive, and waits no longer than timers can", async () => {
  const polls = `
    const { Poll } = await import(${JSON.stringify(import.meta.resolve("./poll.ts"))});
    new Poll({ intervalMs: 1e300, ask: () => Promise.resolve(true) }).ask();
  `;
  const args = ["--input-type=module", "-e", polls];
  const { stderr } = await promisify(execFile)(process.execPath, args, { timeout: 10_000 });
  assert.equal(stderr, ""); // TimeoutOverflowWarning
});

test("PollLog tells when it begins to fail and when it works again", () => {
  const lines: string[] = [];
  const logger = {
    info: (text: string) => void lines.push(`info ${text}`),
    error: (text: string) => void lines.push(`error ${text}`),
  };
  const log = new PollLog("credits", logger);
  log.succeeded();
  for (let at = 0; at < 3; at++) log.failed(new SpoorError("unavailable", "no 200", { status: 4 }));
  log.succeeded();
  log.succeeded();
  log.failed("what?");
  assert.deepEqual(lines, [
    "error Error in fetching credits: no 200 (status 4).",
    "info Fetched credits again.",
    "error Error in fetching credits: an error of another kind.",
  ]);
});

test("PollLog survives a logger that throws, and none", () => {
  const fail = (): never => {
    throw new Error("full disk");
  };
  for (const logger of [{ info: fail, error: fail }, undefined]) {
    const log = new PollLog("credits", logger);
    log.failed(new Error("x"));
    log.succeeded();
  }
});
