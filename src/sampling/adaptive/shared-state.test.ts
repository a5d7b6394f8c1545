// What processes share by a directory: throughput of all, the result of the leader, and no damage by one
// that ends in the middle of anything.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Clock } from "../../base/clock.ts";
import { type Log, silentLog } from "../../base/log.ts";
import { type DiskFiles, diskFiles } from "../../store/disk/files.ts";
import { makeRandom } from "../../../test/store/corpus.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import type { OperationResult, Throughput } from "./sampling-state.ts";
import { type SharedState, openSharedState } from "./shared-state.ts";

const KEEP_MS = 600_000;
const TTL_MS = 60_000;
const START_US = 1_700_000_000_000_000;

class World {
  readonly directory: string;
  readonly files: DiskFiles;
  readonly warnings: string[] = [];
  nowUs = START_US;

  constructor(directory = "/shared", files: DiskFiles = new SimulatedDisk()) {
    this.directory = directory;
    this.files = files;
  }

  open(holder: string): Promise<SharedState> {
    const clock: Clock = { nowUs: () => this.nowUs, monotonicMs: () => this.nowUs / 1_000 };
    const log: Log = { ...silentLog, warn: (message) => void this.warnings.push(message) };
    const { directory, files } = this;
    return openSharedState({ files, directory, clock, log, holder, keepMs: KEEP_MS });
  }
}

async function makeRealWorld(t: TestContext): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "spoor-sampling-"));
  t.after(() => rm(folder, { recursive: true }));
  return new World(join(folder, "made", "here"), diskFiles);
}

const row = (operation: string, count = 1): Throughput => ({
  service: "shop ünï",
  operation,
  count,
  probabilities: ["0.001000", "0.500000"],
});
const result = (probability: number): OperationResult => ({
  service: "__proto__",
  operation: "",
  probability,
  tracesPerSecond: 1.5,
});

test("SharedState: each finds what all have counted, by when it was added", async (t) => {
  const world = await makeRealWorld(t);
  const [a, b] = [await world.open("host-1-aa"), await world.open("a/../b c")];
  await Promise.all([a.addThroughput([row("1")]), a.addThroughput([row("2")])]);
  await b.addThroughput([row("3"), row("4")]);
  world.nowUs += 1_000;
  await b.addThroughput([row("5")]);
  await b.addThroughput([]);
  for (const state of [a, b]) {
    const find = async (afterUs: number, untilUs: number): Promise<string> =>
      (await state.findThroughput(START_US + afterUs, START_US + untilUs))
        .map(({ operation }) => operation)
        .toSorted()
        .join("");
    assert.equal(await find(-1, 2_000), "12345");
    assert.equal(await find(-1, 0), "1234");
    assert.equal(await find(0, 1_000), "5");
    assert.equal(await find(1_000, 9_000), "");
  }
  assert.deepEqual(await a.findThroughput(START_US, START_US + 1_000), [row("5")]);
  const names = await readdir(world.directory);
  assert.equal(names.length, 4);
  assert.ok(names.includes("throughput-1700000000000000-a_.._b_c-0.json"), names.join());
  assert.deepEqual(world.warnings, []);
});

test("SharedState removes what is of no use any more, also of those that are gone", async () => {
  const world = new World();
  const [a, gone] = [await world.open("a"), await world.open("gone")];
  await gone.addThroughput([row("1")]);
  await world.files.create("/shared/throughput-1700000000000000-gone-7.json.new");
  world.nowUs += 2 * KEEP_MS * 1_000;
  await a.addThroughput([]);
  assert.equal((await world.files.list("/shared")).length, 2);
  world.nowUs += 1;
  await a.addThroughput([]);
  assert.deepEqual(await world.files.list("/shared"), []);
});

test("SharedState: the result of the highest term counts, not of one that was stopped", async (t) => {
  const world = await makeRealWorld(t);
  const [a, b] = [await world.open("a"), await world.open("b")];
  assert.deepEqual(await b.latestResult(), []);
  await a.saveResult([result(0.1)]);
  assert.deepEqual(await b.latestResult(), [], "without the lead nothing is saved");
  assert.equal(await a.acquireLease("a", TTL_MS), true);
  await a.saveResult([result(0.2)]);
  await a.saveResult([result(0.3)]);
  assert.deepEqual(await b.latestResult(), [result(0.3)]);
  // a is stopped; b takes over.
  assert.equal(await b.acquireLease("b", TTL_MS), false);
  world.nowUs += TTL_MS * 1_000;
  assert.equal(await b.acquireLease("b", TTL_MS), true);
  assert.deepEqual(await b.latestResult(), [result(0.3)], "what its forerunner knew");
  await b.saveResult([result(0.4)]);
  // a goes on, in the middle of its round.
  await a.saveResult([result(0.9)]);
  for (const state of [a, b]) assert.deepEqual(await state.latestResult(), [result(0.4)]);
  assert.equal(await a.acquireLease("a", TTL_MS), false);
  await a.saveResult([result(0.9)]);
  await b.saveResult([result(0.5)]);
  assert.deepEqual(await a.latestResult(), [result(0.5)]);
  const names = (await readdir(world.directory)).toSorted();
  assert.deepEqual(names, ["lead-000000000002.json", "result-000000000002.json"]);
});

test("SharedState goes on after all have ended", async (t) => {
  const world = await makeRealWorld(t);
  const before = await world.open("before");
  await before.acquireLease("before", TTL_MS);
  await before.saveResult([result(0.25)]);
  await before.addThroughput([row("1", 7)]);
  await before.releaseLease();
  const after = await world.open("after");
  assert.deepEqual(await after.latestResult(), [result(0.25)]);
  assert.deepEqual(await after.findThroughput(START_US - 1, START_US), [row("1", 7)]);
  assert.equal(await after.acquireLease("after", TTL_MS), true);
});

test("SharedState leaves damaged files out and says so", async (t) => {
  const world = await makeRealWorld(t);
  const state = await world.open("a");
  await state.addThroughput([row("1")]);
  await state.acquireLease("a", TTL_MS);
  await state.saveResult([result(0.25)]);
  const texts = ["", "[]", "{", '{"version":2}', '{"version":1}', '{"version":1,"result":[[1]]}'];
  for (const [index, text] of texts.entries()) {
    const name = `throughput-${START_US}-evil-${index}.json`;
    await writeFile(join(world.directory, name), text);
    await writeFile(join(world.directory, `result-00000000010${index}.json`), text);
  }
  assert.deepEqual(await state.findThroughput(START_US - 1, START_US), [row("1")]);
  assert.equal(world.warnings.length, texts.length);
  assert.deepEqual(await state.latestResult(), [result(0.25)]);
  assert.equal(world.warnings.length, 2 * texts.length);
});

test("SharedState holds no more rows of a question than memory is meant for", async () => {
  const world = new World();
  const state = await world.open("a");
  const many = Array.from({ length: 9_000 }, (_, index) => row(`${index}`));
  for (let batch = 0; batch < 23; batch++) await state.addThroughput(many);
  const found = await state.findThroughput(START_US - 1, START_US);
  assert.equal(found.length, 22 * 9_000);
  assert.equal(world.warnings.length, 1);
});

test("SharedState is unavailable where the directory is none", async (t) => {
  const { directory } = await makeRealWorld(t);
  await mkdir(join(directory, ".."), { recursive: true });
  await writeFile(directory, "");
  const unavailable = { code: "unavailable", message: /^sampling state: (EEXIST|ENOTDIR)/ };
  await assert.rejects(new World(directory, diskFiles).open("a"), unavailable);
  await rm(directory);
  const state = await new World(directory, diskFiles).open("a");
  await rm(directory, { recursive: true });
  const gone = { code: "unavailable", message: /^sampling state: ENOENT/ };
  await assert.rejects(state.addThroughput([row("1")]), gone);
  await assert.rejects(state.findThroughput(0, 1), gone);
  await assert.rejects(state.latestResult(), gone);
  await assert.rejects(state.acquireLease("a", TTL_MS), gone);
  await mkdir(directory);
  assert.equal(await state.acquireLease("a", TTL_MS), true);
});

test("SharedState: a power cut leaves the result before a change or after it", async () => {
  const seen = new Set<number | undefined>();
  for (let cut = 0; cut < 10; cut++) {
    const disk = new SimulatedDisk();
    const state = await new World("/shared", disk).open("a");
    await state.acquireLease("a", TTL_MS);
    await state.saveResult([result(0.25)]);
    disk.cutAt = disk.operations + cut;
    void state.saveResult([result(0.5)]);
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    for (let seed = 0; seed < 10; seed++) {
      const world = new World("/shared", disk.afterPowerCut(makeRandom(10 * cut + seed)));
      const [found] = await (await world.open("b")).latestResult();
      seen.add(found?.probability);
      assert.deepEqual(world.warnings, []);
    }
  }
  assert.deepEqual(seen, new Set([0.25, 0.5]));
});
