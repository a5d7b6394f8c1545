// "Did you mean": which slips find their name.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countEdits, findNearestName } from "./nearest-name.ts";

const names = ["collector.queue-size", "collector.tags", "query.base-path", "log-level"];
const cases: readonly (readonly [unknown: string, nearest: string | undefined])[] = [
  ["colector.queue-size", "collector.queue-size"],
  ["collector.queue-sise", "collector.queue-size"],
  ["collector.queue_size", "collector.queue-size"],
  ["Collector.Tags", "collector.tags"],
  ["log-lvel", "log-level"],
  ["log-leevl", "log-level"],
  ["q", undefined],
  ["something.else-entirely", undefined],
  ["x".repeat(100_000), undefined],
];
for (const [unknown, nearest] of cases) {
  test(`findNearestName() takes ${unknown.slice(0, 30)} for ${nearest ?? "nothing"}`, () => {
    assert.equal(findNearestName(unknown, names), nearest);
  });
}

test("countEdits() counts one for each kind of slip", () => {
  assert.equal(countEdits("abc", "abc"), 0);
  assert.equal(countEdits("abc", "abxc"), 1);
  assert.equal(countEdits("abc", "ac"), 1);
  assert.equal(countEdits("abc", "axc"), 1);
  assert.equal(countEdits("abc", "acb"), 1);
  assert.equal(countEdits("", "abc"), 3);
});

test("countEdits() is the same both ways and never above the longer text", () => {
  const text = fc.string({ maxLength: 12, unit: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const edits = countEdits(a, b);
      assert.equal(edits, countEdits(b, a));
      assert.ok(edits <= Math.max(a.length, b.length));
      assert.equal(edits === 0, a === b);
    }),
  );
});
