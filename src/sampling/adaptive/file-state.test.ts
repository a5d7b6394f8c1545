// The state in a real file: it comes back after a restart, and damage costs what was learned, no more.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { type Log, silentLog } from "../../base/log.ts";
import { type DiskFiles, diskFiles } from "../../store/disk/files.ts";
import { makeRandom } from "../../../test/store/corpus.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { openFileState } from "./file-state.ts";
import type { OperationResult, SamplingState, Throughput } from "./sampling-state.ts";

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spoor-sampling-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

function open(
  directory: string,
  log: Log = silentLog,
  files: DiskFiles = diskFiles,
): Promise<SamplingState> {
  return openFileState({ files, directory, clock: systemClock, log, keepMs: 3_600_000 });
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

test("a power cut leaves the state before a change or after it, and no damage", async () => {
  const better = { ...RESULT, probability: 0.5 };
  const seen = new Set<number | undefined>();
  const log: Log = { ...silentLog, warn: (message) => assert.fail(message) };
  for (let cut = 0; cut < 10; cut++) {
    const disk = new SimulatedDisk();
    const state = await open("/data", log, disk);
    await state.saveResult([RESULT]);
    disk.cutAt = disk.operations + cut;
    void state.saveResult([better]);
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    for (let seed = 0; seed < 10; seed++) {
      const after = await open("/data", log, disk.afterPowerCut(makeRandom(10 * cut + seed)));
      const [result] = await after.latestResult();
      seen.add(result?.probability);
      assert.ok(result?.probability === 0.25 || result?.probability === 0.5);
    }
  }
  assert.deepEqual(seen, new Set([0.25, 0.5]));
});

test("a disk that fails is told, and what was learned stays in memory", async () => {
  for (const fault of ["ENOSPC", "EIO"] as const) {
    const disk = new SimulatedDisk();
    const state = await open("/data", silentLog, disk);
    await state.saveResult([RESULT]);
    // The write itself: behind the creation of the file aside.
    disk.faults.set(disk.operations + 1, fault);
    const startUs = systemClock.nowUs();
    await assert.rejects(state.addThroughput([BUY]), {
      code: "unavailable",
      message: new RegExp(`^sampling state: .*${fault}`),
    });
    assert.deepEqual(await state.findThroughput(startUs - 1, startUs + 60e6), [BUY]);
    await state.addThroughput([ODD]);
    const after = await open("/data", silentLog, disk);
    assert.deepEqual(await after.findThroughput(startUs - 1, startUs + 60e6), [BUY, ODD]);
    assert.deepEqual(await disk.list("/data"), ["sampling.json"]);
  }
});

test("openFileState() ends the start if the disk cannot be read", async (t) => {
  const folder = await makeFolder(t);
  await mkdir(join(folder, "sampling.json"));
  await assert.rejects(open(folder), { code: "unavailable", message: /^sampling state: EISDIR/ });
  await writeFile(join(folder, "file"), "");
  await assert.rejects(open(join(folder, "file")), { code: "unavailable" });
});
