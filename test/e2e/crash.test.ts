// The process is really killed, under load and while it starts, again and again: every span that it had
// acknowledged is there when it is back, exactly once.
//
// With blocks of 64 spans, so that segments are written, merged and named in the manifest some fifty times a
// second and a kill meets each of these moments; with blocks as everybody has them; and with room for so little
// that the oldest are dropped all the time.
//
// CRASH_KILLS=200 runs the long form, CRASH_SEED=7 other moments.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom } from "../../bench/span-model.ts";
import { CrashRig, sample } from "./crash-rig.ts";

const KILLS = Number(process.env["CRASH_KILLS"] ?? 10);
const SEED = Number(process.env["CRASH_SEED"] ?? 1);
/** Payloads of earlier rounds that are looked at after each kill; after the last one all are. */
const OLDER = 100;
const SEARCHED = 20;

test(`an acknowledged span survives kill -9 under load, ${KILLS} times in a row`, async () => {
  const random = makeRandom(SEED);
  await using rig = await CrashRig.open({ random, answersMax: 500, tiny: "?" });
  let checked = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const spoor = await rig.start();
    const fresh = rig.acknowledged.slice(checked);
    checked = rig.acknowledged.length;
    const numbers = [...fresh, ...sample(random, rig.acknowledged, OLDER)];
    assert.deepEqual(await rig.checkTraces(spoor, numbers), [], "acknowledged payloads are gone");
    await rig.checkSearches(spoor, sample(random, rig.acknowledged, SEARCHED));
    await rig.checkCount(spoor);
    await rig.killUnderLoad(spoor);
    // Every other time also while it reads all that back, several times in a row.
    for (let start = kill % 2 === 0 ? 0 : 3; start > 0; start--) await rig.killAtStart();
  }
  const last = await rig.start();
  assert.deepEqual(await rig.checkTraces(last, rig.acknowledged), []);
  await rig.checkCount(last);
  await last.close();
  assert.ok((await rig.countFiles()) > 0, "no file was written");
  await rig.verify();
  assert.ok(rig.acknowledged.length > KILLS * 10, `${rig.acknowledged.length} payloads`);
});

test("what was dropped to make room is the oldest, also when it is killed meanwhile", async () => {
  const random = makeRandom(SEED + 1);
  await using rig = await CrashRig.open({ random, answersMax: 1_000, tiny: "?bytesMax=100000" });
  for (let kill = 0; kill < Math.ceil(KILLS / 4); kill++) {
    const spoor = await rig.start();
    await rig.killUnderLoad(spoor);
  }
  const last = await rig.start();
  // A payload that lies on both sides of where was dropped is there in part.
  const missing = new Set(await rig.checkTraces(last, rig.acknowledged, 1));
  assert.ok(missing.size > 0, `nothing of ${rig.acknowledged.length} payloads was dropped`);
  assert.ok(missing.size < rig.acknowledged.length, "all were dropped");
  // Payloads that were under way together may have come in another order than they were numbered in.
  const found = rig.acknowledged.filter((number) => !missing.has(number));
  const oldest = Math.min(...found);
  assert.ok(
    Math.max(...missing) < oldest + 20,
    `payload ${Math.max(...missing)} is gone, ${oldest} is not`,
  );
  await last.close();
  await rig.verify();
});

test("several shards lose nothing either", async () => {
  const random = makeRandom(SEED + 3);
  const flags = ["--segment.shards=2", "--segment.shard-percent=50"];
  await using rig = await CrashRig.open({ random, answersMax: 500, tiny: "?", flags });
  for (let kill = 0; kill < Math.ceil(KILLS / 5); kill++) {
    await rig.killUnderLoad(await rig.start());
    await rig.killAtStart();
  }
  const last = await rig.start();
  assert.deepEqual(await rig.checkTraces(last, rig.acknowledged), []);
  await rig.checkSearches(last, sample(random, rig.acknowledged, SEARCHED));
  await rig.checkCount(last);
  await last.close();
  for (const shard of [0, 1]) {
    assert.ok((await rig.countFiles(shard)) > 0, `no file was written by shard ${shard}`);
    await rig.verify(shard);
  }
});

test("a process with blocks of the usual size loses nothing either", async () => {
  const random = makeRandom(SEED + 2);
  await using rig = await CrashRig.open({ random, answersMax: 500 });
  for (let kill = 0; kill < Math.ceil(KILLS / 5); kill++) {
    await rig.killUnderLoad(await rig.start());
  }
  const last = await rig.start();
  assert.deepEqual(await rig.checkTraces(last, rig.acknowledged), []);
  await rig.checkCount(last);
  await last.close();
});
