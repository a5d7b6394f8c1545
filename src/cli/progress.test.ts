// Progress on a terminal and off it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Progress, printCount, printSize } from "./progress.ts";

test("Progress draws over itself now and then, and only on a terminal", () => {
  let nowMs = 0;
  const clock = { nowUs: () => 0, monotonicMs: () => nowMs };
  for (const isTTY of [true, false]) {
    const written: string[] = [];
    const progress = new Progress({ isTTY, write: (text) => written.push(text) }, clock);
    progress.show(() => "one");
    progress.show(() => "at the same time");
    nowMs += 1_000;
    progress.show(() => "x".repeat(200));
    progress.clear();
    progress.clear();
    assert.equal(written.length, isTTY ? 3 : 0);
    for (const line of written) assert.ok(line.startsWith("\r") && line.length <= 81);
  }
});

test("printSize() and printCount() speak to people", () => {
  const sizes = [0, 1_023, 1_024, 1_572_864, 5 * 2 ** 30].map(printSize);
  assert.deepEqual(sizes, ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 MiB", "5.0 GiB"]);
  assert.deepEqual([printCount(1, "file"), printCount(2, "file")], ["1 file", "2 files"]);
});
