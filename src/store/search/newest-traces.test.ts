// The newest traces of many blocks, against a sort of all of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeRandom, traceIdOf } from "../../../test/store/corpus.ts";
import { compareHits, hitsOf, idKey } from "../join-lists.ts";
import { BlockHits, NewestTraces } from "./newest-traces.ts";

/** Traces of some blocks: of each the ids, rising, and a start, one of few or of many. */
function makeBlocks(seed: number): { ids: Uint8Array[]; startUs: number[] }[] {
  const random = makeRandom(seed);
  const starts = random() < 0.5 ? 5 : 100_000;
  return Array.from({ length: 1 + Math.floor(random() * 6) }, () => {
    const ids = Array.from({ length: 1_200 }, (_, trace) => traceIdOf(trace))
      .filter(() => random() < 0.5)
      .sort((one, two) => Buffer.compare(one, two));
    return { ids, startUs: ids.map(() => Math.floor(random() * starts)) };
  });
}

test("NewestTraces.hits() are the first of all traces, each at its newest start", () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(1, 3, 20, 500, 5_000), (seed, limit) => {
      const blocks = makeBlocks(seed);
      const newest = new NewestTraces(limit);
      const all = new Map<string, { id: Uint8Array; startUs: number }>();
      for (const { ids, startUs } of blocks) {
        const hits = new BlockHits(limit, newest.threshold);
        ids.forEach((_, trace) => hits.add(trace, startUs[trace]!));
        newest.add(hits, (trace) => ids[trace]!);
        for (const [trace, id] of ids.entries()) {
          const known = all.get(idKey(id))?.startUs ?? -Infinity;
          all.set(idKey(id), { id, startUs: Math.max(known, startUs[trace]!) });
        }
      }
      const expected = [...all.values()].sort(compareHits).slice(0, limit);
      assert.deepEqual(hitsOf(newest.hits()).map(print), expected.map(print));
      if (expected.length === limit) {
        assert.equal(newest.threshold, expected.at(-1)!.startUs);
      } else {
        assert.equal(newest.threshold, -Infinity);
      }
    }),
    { numRuns: 60 },
  );
});

function print({ id, startUs }: { id: Uint8Array; startUs: number }): string {
  return `${Buffer.from(id).toString("hex")} ${startUs}`;
}

test("BlockHits needs no more memory than its limit, however many traces match", () => {
  const hits = new BlockHits(20, -Infinity);
  const slots = hits.trace.length;
  for (let trace = 0; trace < 65_536; trace++) hits.add(trace, trace % 977);
  hits.shrink();
  assert.equal(hits.trace.length, slots);
  assert.ok(slots < 300);
  assert.deepEqual([...new Set(hits.startUs.subarray(0, hits.count))], [976]);
  assert.deepEqual(
    [...hits.trace.subarray(0, hits.count)],
    Array.from({ length: 20 }, (_, n) => 976 + 977 * n),
  );
});
