// Several real collectors that share a directory tell clients the same, whichever of them saw the spans;
// when the one that calculates is killed, another goes on.

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { type RunningSpoor, openSpoor, waitFor } from "./running-spoor.ts";
import { sendRoot } from "./sampled-root.ts";

const INITIAL = 0.25;

async function openCollector(t: TestContext, directory: string): Promise<RunningSpoor> {
  const spoor = await openSpoor(
    "--span-storage.type=memory",
    "--sampling.config-type=adaptive",
    `--sampling.shared-directory=${directory}`,
    "--sampling.calculation-interval=100ms",
    "--sampling.delay=300ms",
    "--sampling.leader-lease-refresh-interval=100ms",
    "--sampling.follower-lease-refresh-interval=2s",
    // Far more than comes: each operation is doubled once, and stays while no span says that it obeys.
    "--sampling.target-samples-per-second=1000",
    `--sampling.initial-sampling-probability=${INITIAL}`,
    "--sampling.aggregation-buckets=1000",
  );
  t.after(() => spoor.process.close());
  return spoor;
}

async function told(spoor: RunningSpoor): Promise<string> {
  const answer = await fetch(spoor.url("samplingHttp", "/sampling?service=learner"));
  assert.equal(answer.status, 200);
  return answer.text();
}

async function isLeader(spoor: RunningSpoor): Promise<boolean> {
  const answer = await fetch(spoor.url("admin", "/metrics"));
  return /^spoor_sampling_is_leader 1$/m.test(await answer.text());
}

interface Answer {
  readonly operationSampling: {
    readonly perOperationStrategies: readonly {
      readonly operation: string;
      readonly probabilisticSampling: { readonly samplingRate: number };
    }[];
  };
}

/**
 * Sends spans of the last of `operations` to `to` until all `spoors` give one answer with exactly these
 * operations, doubled.
 */
async function sendUntilAgreed(
  to: RunningSpoor,
  operations: readonly string[],
  spoors: readonly RunningSpoor[],
): Promise<void> {
  const expected = operations.map((operation) => `${operation} ${2 * INITIAL}`).toSorted();
  await waitFor(`agreement on ${operations.join()}`, async () => {
    await sendRoot(to, operations.at(-1)!, INITIAL);
    const answers = await Promise.all(spoors.map(told));
    if (new Set(answers).size > 1) return undefined;
    const { operationSampling } = JSON.parse(answers[0]!) as Answer;
    const found = operationSampling.perOperationStrategies.map(
      (one) => `${one.operation} ${one.probabilisticSampling.samplingRate}`,
    );
    return isDeepStrictEqual(found.toSorted(), expected) ? true : undefined;
  });
}

test("collectors agree, and outlive the one that calculates", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "spoor-shared-"));
  t.after(() => rm(directory, { recursive: true }));
  const one = await openCollector(t, directory);
  const two = await openCollector(t, directory);
  const [leader, heir] = (await isLeader(one)) ? [one, two] : [two, one];
  assert.deepEqual([await isLeader(leader), await isLeader(heir)], [true, false]);
  const seen = ["seen by the leader"];
  await sendUntilAgreed(leader, seen, [leader, heir]);
  seen.push("seen by the other");
  await sendUntilAgreed(heir, seen, [leader, heir]);

  leader.process.signal("SIGKILL");
  await leader.process.ended;
  await waitFor("another leader", async () => ((await isLeader(heir)) ? true : undefined));
  seen.push("seen by the heir");
  await sendUntilAgreed(heir, seen, [heir]);

  // One that comes later knows all of it, does not lead, and is heard.
  const third = await openCollector(t, directory);
  assert.equal(await told(third), await told(heir));
  assert.deepEqual([await isLeader(heir), await isLeader(third)], [true, false]);
  seen.push("seen by the third");
  await sendUntilAgreed(third, seen, [heir, third]);

  // An orderly end hands over.
  assert.deepEqual(await heir.process.close(), { code: 0, signal: null });
  await waitFor("the next leader", async () => ((await isLeader(third)) ? true : undefined));
  seen.push("seen by the last");
  await sendUntilAgreed(third, seen, [third]);
  for (const { process } of [heir, third]) {
    const failures = process.log.filter((line) => line.includes("sampling state"));
    assert.deepEqual(failures, []);
  }
  const kinds = (await readdir(directory)).map((name) => name.split("-", 1)[0]);
  assert.deepEqual(new Set(kinds), new Set(["lead", "result", "throughput"]));
});
