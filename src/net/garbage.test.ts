// Whether what is said to be garbage is collected at once.
//
// Not here: young collections, which keep what a WeakRef names.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { getHeapSpaceStatistics } from "node:v8";
import { countLetGo, countReceived, freeAfterStart } from "./garbage.ts";

const MIB = 1024 * 1024;

/** Something that nobody holds; its memory is not asked for. */
function makeGarbage(): WeakRef<object> {
  return new WeakRef({ large: true });
}

const collectors: readonly (readonly [what: string, collect: () => void])[] = [
  ["countLetGo() collects garbage after 64 MiB", () => countLetGo(64 * MIB)],
  ["freeAfterStart() collects garbage", freeAfterStart],
];

for (const [what, collect] of collectors) {
  test(what, async () => {
    const garbage = makeGarbage();
    await setImmediate(); // a WeakRef holds its target for as long as the job runs that made it
    collect();
    assert.equal(garbage.deref(), undefined);
  });
}

test("countLetGo() does not collect for small pieces", async () => {
  const garbage = makeGarbage();
  await setImmediate();
  for (let at = 0; at < 100; at++) countLetGo(4 * MIB - 1);
  assert.notEqual(garbage.deref(), undefined);
});

test("countReceived() ends the growth of the room for new objects, whatever survives", () => {
  const held: object[] = [];
  let largest = 0;
  for (let at = 0; at < 60; at++) {
    for (let k = 0; k < 100_000; k++) held[(at * 100_000 + k) % 20_000] = { at, list: [k] };
    countReceived(MIB);
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space")!;
    largest = Math.max(largest, young.space_size);
  }
  // Left alone it grows to 64 MiB and more under the same load.
  assert.ok(largest <= 32 * MIB, `${largest} bytes`);
});
