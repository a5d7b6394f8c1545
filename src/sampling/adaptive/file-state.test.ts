// The state in a real file: it comes back after a restart, and damage costs what was learned, no more.

import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { type Log, silentLog } from "../../base/log.ts";
import { diskFiles } from "../../store/disk/files.ts";
import { openFileState } from "./file-state.ts";
import type { OperationResult, SamplingState, Throughput } from "./sampling-state.ts";

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spoor-sampling-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

function open(directory: string, log: Log = silentLog): Promise<SamplingState> {
  const keepMs = 3_600_000;
  return openFileState({ files: diskFiles, directory, clock: systemClock, log, keepMs });
}

const BUY: Throughput = {
  service: "shop",
  operation: "buy ünï",
  count: 7,
  probabilities: ["0.001000", "0.500000"],
};
const ODD: Throughput = { service: "__proto__", operation: "", count: 0, probabilities: [] };
const RESULT: OperationResult = {
  service: "shop",
  operation: "buy ünï",
  probability: 0.25,
  tracesPerSecond: 1.5,
};

test("openFileState() gives back what an earlier process knew", async (t) => {
  const folder = await makeFolder(t);
  const before = await open(folder);
  const startUs = systemClock.nowUs();
  // At once: each is on disk when its promise has resolved.
  await Promise.all([
    before.addThroughput([BUY, ODD]),
    before.addThroughput([BUY]),
    before.saveResult([RESULT]),
  ]);
  assert.equal(await before.acquireLease("before", 60_000), true);
  const after = await open(folder);
  assert.deepEqual(await after.findThroughput(startUs - 1, startUs + 60e6), [BUY, ODD, BUY]);
  assert.deepEqual(await after.findThroughput(startUs + 60e6, startUs + 120e6), []);
  assert.deepEqual(await after.latestResult(), [RESULT]);
  // The earlier process is gone: its lead is too.
  assert.equal(await after.acquireLease("after", 60_000), true);
  assert.deepEqual(await readdir(folder), ["sampling.json"]);
});

test("openFileState() begins anew, and says so, when the file is cut or changed", async (t) => {
  const folder = await makeFolder(t);
  const path = join(folder, "sampling.json");
  const state = await open(folder);
  await state.addThroughput([BUY]);
  await state.saveResult([RESULT]);
  const whole = await readFile(path);
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
  let damaged = 0;
  for (let cut = 0; cut < whole.length; cut++) {
    await writeFile(path, whole.subarray(0, cut));
    const reopened = await open(folder, log);
    assert.deepEqual(await reopened.latestResult(), []);
    damaged++;
  }
  assert.equal(warnings.length, damaged);
  for (const text of [
    "[]",
    "null",
    '{"version":2,"result":[],"throughput":[]}',
    '{"version":1,"result":[["a","b",2,0]],"throughput":[]}',
    '{"version":1,"result":[["a",5,1,0]],"throughput":[]}',
    '{"version":1,"result":[],"throughput":[[1,[["a","b",-1,[]]]]]}',
    '{"version":1,"result":[],"throughput":[[1,[["a","b",1,"x"]]]]}',
  ]) {
    await writeFile(path, text);
    await open(folder, log);
    assert.equal(warnings.length, ++damaged, text);
  }
});
