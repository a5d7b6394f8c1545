// Whose processes count, and when the watch says that they are gone.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { silentLog } from "../base/log.ts";
import { type SeenProcess, findPeers, watchPeers } from "./watch-peers.ts";

const seen = (pid: number, parent: number, isZombie = false): SeenProcess => ({
  pid,
  parent,
  isZombie,
});

const cases: readonly (readonly [string, readonly SeenProcess[], readonly number[]])[] = [
  ["nobody", [], []],
  ["only the pod's own and this one", [seen(1, 0), seen(7, 0)], []],
  ["a process of another container", [seen(1, 0), seen(7, 0), seen(12, 0)], [12]],
  ["its zombie", [seen(1, 0), seen(7, 0), seen(12, 0, true)], []],
  ["the shell that started this one", [seen(1, 0), seen(5, 0), seen(7, 5)], []],
  ["parents that go round", [seen(5, 7), seen(7, 5), seen(9, 0)], [9]],
];
for (const [what, processes, peers] of cases) {
  test(`findPeers() sees ${what}`, () => {
    assert.deepEqual(findPeers(processes, 7), peers);
  });
}

test("watchPeers() ends when those that were there are gone", async () => {
  const looks = [[], [seen(12, 0)], [], [seen(13, 0)], [], []];
  let look = 0;
  const gone = Promise.withResolvers<string>();
  const alive = setInterval(() => {}, 1_000);
  watchPeers({
    onGone: gone.resolve,
    log: silentLog,
    list: () => looks[look++] ?? [],
    pid: 7,
    lookMs: 1,
  });
  assert.equal(await gone.promise, "no peer is left");
  clearInterval(alive);
  assert.equal(look, 6);
});

test("watchPeers() sees a process of this machine come", async (t) => {
  if (process.platform !== "linux") {
    t.skip("no /proc here");
    return;
  }
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: "pipe" });
  await once(child, "spawn");
  const found = Promise.withResolvers<void>();
  const log = { ...silentLog, info: () => found.resolve() };
  const stop = watchPeers({ onGone: () => {}, log, lookMs: 1 });
  await found.promise;
  stop();
  child.kill();
});
