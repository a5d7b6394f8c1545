// Who leads: never two at once, also when several look at the same moment; one that is dead for no longer
// than its time; one that was stopped not again.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../base/clock.ts";
import type { DiskFiles } from "../../store/disk/files.ts";
import { makeRandom } from "../../../test/store/corpus.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { SharedLead } from "./shared-lead.ts";

const TTL_MS = 60_000;

interface World {
  readonly disk: SimulatedDisk;
  open(files?: DiskFiles): SharedLead;
  pass(ms: number): void;
  nowMs(): number;
}

function makeWorld(disk = new SimulatedDisk()): World {
  let nowMs = 5_000;
  const clock: Clock = { nowUs: () => 0, monotonicMs: () => nowMs };
  return {
    disk,
    open: (files = disk) => new SharedLead({ files, directory: "/shared", clock }),
    pass: (ms) => void (nowMs += ms),
    nowMs: () => nowMs,
  };
}

test("SharedLead is taken by the first and stays with it while it is renewed", async () => {
  const world = makeWorld();
  const [a, b] = [world.open(), world.open()];
  assert.equal(await a.acquire("a", TTL_MS), true);
  for (let look = 0; look < 5; look++) {
    assert.equal(await b.acquire("b", TTL_MS), false);
    world.pass(TTL_MS - 1);
    assert.equal(await a.acquire("a", TTL_MS), true);
  }
  assert.deepEqual([a.term, b.term], [1, undefined]);
  assert.deepEqual(await world.disk.list("/shared"), ["lead-000000000001.json"]);
});

test("SharedLead goes on at once when it is given up", async () => {
  const world = makeWorld();
  const [a, b] = [world.open(), world.open()];
  await a.acquire("a", TTL_MS);
  await b.release();
  assert.equal(await b.acquire("b", TTL_MS), false);
  await a.release();
  assert.equal(a.term, undefined);
  assert.equal(await b.acquire("b", TTL_MS), true);
  assert.equal(b.term, 2);
  assert.equal(await a.acquire("a", TTL_MS), false);
});

test("SharedLead of a dead holder lasts its time, by the clock of who looks", async () => {
  const world = makeWorld();
  const [dead, heir] = [world.open(), world.open()];
  await dead.acquire("dead", TTL_MS);
  world.pass(10 * TTL_MS);
  // Nobody has looked before: it may have been renewed this moment.
  assert.equal(await heir.acquire("heir", TTL_MS), false);
  world.pass(TTL_MS - 1);
  assert.equal(await heir.acquire("heir", TTL_MS), false);
  world.pass(1);
  assert.equal(await heir.acquire("heir", TTL_MS), true);
  // It was only stopped, and finds out at its next look.
  assert.equal(dead.term, 1);
  assert.equal(await dead.acquire("dead", TTL_MS), false);
  assert.equal(dead.term, undefined);
  await dead.release();
  assert.equal(await heir.acquire("heir", TTL_MS), true);
});

test("SharedLead that was not renewed in time is taken anew, by its holder or by another", async () => {
  const world = makeWorld();
  const [a, b] = [world.open(), world.open()];
  await a.acquire("a", TTL_MS);
  await b.acquire("b", TTL_MS);
  world.pass(TTL_MS);
  const results = await Promise.all([a.acquire("a", TTL_MS), b.acquire("b", TTL_MS)]);
  assert.equal(results.filter(Boolean).length, 1);
  assert.deepEqual(await world.disk.list("/shared"), ["lead-000000000002.json"]);
});

test("SharedLead has one winner when many look at once", async () => {
  for (let round = 0; round < 50; round++) {
    const world = makeWorld();
    const all = Array.from({ length: 8 }, () => world.open());
    const results = await Promise.all(all.map((one, index) => one.acquire(`${index}`, TTL_MS)));
    assert.equal(results.filter(Boolean).length, 1);
    await all[results.indexOf(true)]!.release();
    const again = await Promise.all(all.map((one, index) => one.acquire(`${index}`, TTL_MS)));
    assert.equal(again.filter(Boolean).length, 1);
  }
});

test("SharedLead is not taken twice by one that looked at the directory long ago", async () => {
  const world = makeWorld();
  const first = world.open();
  await first.acquire("first", TTL_MS);
  await first.release();
  // It sees that term 1 is free, and stops before it can create term 2.
  const stopped = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const slowDisk = new Proxy(world.disk, {
    get(disk, key: keyof DiskFiles) {
      if (key !== "create") return (disk[key] as () => unknown).bind(disk);
      return async (path: string) => {
        reached.resolve();
        await stopped.promise;
        return disk.create(path);
      };
    },
  });
  const slow = world.open(slowDisk);
  const late = slow.acquire("slow", TTL_MS);
  await reached.promise;
  const [second, third] = [world.open(), world.open()];
  assert.equal(await second.acquire("second", TTL_MS), true);
  await second.release();
  assert.equal(await third.acquire("third", TTL_MS), true);
  assert.deepEqual(await world.disk.list("/shared"), ["lead-000000000003.json"]);
  stopped.resolve();
  assert.equal(await late, false);
  assert.equal(await third.acquire("third", TTL_MS), true);
  assert.deepEqual(await world.disk.list("/shared"), ["lead-000000000003.json"]);
});

test("SharedLead: whatever happens, nobody gets the lead while another may think it has it", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = makeRandom(seed);
    const world = makeWorld();
    const all = Array.from({ length: 4 }, () => world.open());
    /** Until when each may think that it leads. */
    const until = all.map(() => 0);
    let changes = 0;
    for (let step = 0; step < 200; step++) {
      world.pass(random() * TTL_MS * 0.6);
      const some = [...all.keys()].filter(() => random() < 0.4);
      if (random() < 0.1) {
        const index = Math.floor(random() * all.length);
        await all[index]!.release();
        until[index] = 0;
      } else if (random() < 0.02) {
        const index = Math.floor(random() * all.length);
        all[index] = world.open(); // killed and started again
        until[index] = 0;
      }
      const before = all.map(({ term }) => term);
      const results = await Promise.all(
        some.map((index) => all[index]!.acquire(`${index}`, TTL_MS)),
      );
      const taken = some.filter((index, at) => results[at] && all[index]!.term !== before[index]);
      assert.ok(taken.length <= 1, `seed ${seed}, step ${step}: two took it`);
      for (const index of taken) {
        const others = until.filter((_, other) => other !== index);
        assert.ok(Math.max(...others) <= world.nowMs(), `seed ${seed}, step ${step}: too early`);
        changes++;
      }
      for (const [at, index] of some.entries()) {
        until[index] = results[at] ? world.nowMs() + TTL_MS : 0;
      }
    }
    assert.ok(changes >= 3, `seed ${seed}: the lead never changed`);
    assert.ok((await world.disk.list("/shared")).length <= 2);
  }
});

test("SharedLead outlives files that are empty, damaged, too long or left behind", async () => {
  const texts = ["", "{", "null", "[]", '{"holder":5}', "x".repeat(5_000)];
  for (const text of texts) {
    const world = makeWorld();
    await world.open().acquire("a", TTL_MS);
    world.disk.damage("/shared/lead-000000000001.json", () => new TextEncoder().encode(text));
    await world.disk.create("/shared/lead-000000000001.json.new");
    const b = world.open();
    assert.equal(await b.acquire("b", TTL_MS), false, text);
    world.pass(TTL_MS);
    assert.equal(await b.acquire("b", TTL_MS), true, text);
    assert.deepEqual(await world.disk.list("/shared"), ["lead-000000000002.json"]);
  }
});

test("SharedLead: a power cut or a disk that fails leaves a lead that can be taken", async () => {
  for (let cut = 0; cut < 12; cut++) {
    const world = makeWorld();
    const [a, b] = [world.open(), world.open()];
    await a.acquire("a", TTL_MS);
    await a.release();
    world.disk.cutAt = world.disk.operations + cut;
    void b.acquire("b", TTL_MS).then(() => b.acquire("b", TTL_MS));
    for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    const after = makeWorld(world.disk.afterPowerCut(makeRandom(cut)));
    const heir = after.open();
    let looks = 0;
    while (!(await heir.acquire("heir", TTL_MS))) {
      after.pass(TTL_MS);
      assert.ok(++looks <= 2, `cut ${cut}`);
    }
  }
  const world = makeWorld();
  const a = world.open();
  world.disk.faults.set(world.disk.operations + 1, "ENOSPC");
  await assert.rejects(a.acquire("a", TTL_MS), { code: "ENOSPC" });
  assert.equal(a.term, undefined);
  assert.equal(await a.acquire("a", TTL_MS), false);
  world.pass(TTL_MS);
  assert.equal(await a.acquire("a", TTL_MS), true);
});
