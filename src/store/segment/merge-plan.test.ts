// Which files are merged: a table, and what holds for any history of files.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type MergeBounds, partitionOf, planMerge } from "./merge-plan.ts";
import { type SegmentFigures, segmentFileName } from "../file/segment-layout.ts";

const HOUR_MS = 3_600_000;
const bounds: MergeBounds = { partitionMs: HOUR_MS, bytesMax: 256_000, blocksMax: 256 };

/** Files one behind the other: each of so many blocks of 1,000 bytes, in an hour. */
export function makeFiles(
  sizes: readonly (readonly [blocks: number, hour: number])[],
): SegmentFigures[] {
  let firstBlock = 1;
  return sizes.map(([blocks, hour]) => {
    const lastBlock = firstBlock + blocks - 1;
    const file = {
      name: segmentFileName(firstBlock, lastBlock),
      firstBlock,
      lastBlock,
      blocks,
      bytes: 1_000 * blocks,
      rows: 10 * blocks,
      traces: blocks,
      startUsMin: 0,
      startUsMax: 0,
      arrivedMs: hour * HOUR_MS + firstBlock,
      log: { sequence: lastBlock, rows: 0 },
    };
    firstBlock = lastBlock + 1;
    return file;
  });
}

/** `8 1x7 | 3` is a file of 8 blocks and seven of one, and in the next hour one of 3. */
function parseFiles(text: string): SegmentFigures[] {
  return makeFiles(
    text.split("|").flatMap((files, hour) =>
      files
        .trim()
        .split(" ")
        .filter((word) => word !== "")
        .flatMap((word) => {
          const [blocks, times = "1"] = word.split("x");
          return Array.from({ length: Number(times) }, () => [Number(blocks), hour] as const);
        }),
    ),
  );
}

const cases: readonly (readonly [files: string, merged: string])[] = [
  ["", ""],
  ["1", ""],
  ["1x7", ""],
  ["1x8", "1 1 1 1 1 1 1 1"],
  ["1x9", "1 1 1 1 1 1 1 1 1"],
  ["8 1x7", ""],
  ["8x7 1x8", "1 1 1 1 1 1 1 1"],
  ["8x8", "8 8 8 8 8 8 8 8"],
  ["8x8 1x8", "1 1 1 1 1 1 1 1"],
  ["64 64", "64 64"],
  ["64 64 64 64 64", "64 64 64 64"],
  ["128 128 128", ""],
  ["200 40 1x7", ""],
  ["200 60 1x7", "60 1 1 1 1 1 1 1"],
  // A partition that is over.
  ["1x3 | 1", "1 1 1"],
  ["128 128 128 | 1", "128 128"],
  ["200 20 | 1", ""],
  ["200 15 5 | 1", "15 5"],
  ["200 20 10 | 1", "200 20 10"],
  ["200 60 | 1", ""],
  ["1 | 1 | 1", ""],
  ["1x3 | 1x8", "1 1 1 1 1 1 1 1"],
];

for (const [files, merged] of cases) {
  test(`planMerge() of "${files}" takes "${merged}"`, () => {
    const plan = planMerge(parseFiles(files), bounds) ?? [];
    assert.equal(plan.map(({ blocks }) => blocks).join(" "), merged);
  });
}

const anyHistory = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), {
  maxLength: 300,
});

test("planMerge() takes neighbours of one partition within the bounds, and comes to an end", () => {
  fc.assert(
    fc.property(anyHistory, fc.integer({ min: 4, max: 300 }), (history, blocksMax) => {
      const own = { ...bounds, blocksMax };
      let hour = 0;
      const steps = history.map(([blocks, isNext]) => {
        hour += isNext ? 1 : 0;
        return [Math.min(blocks, blocksMax), hour] as const;
      });
      let files: SegmentFigures[] = [];
      let copied = 0;
      for (const file of makeFiles(steps)) {
        files.push(file);
        for (let plan = planMerge(files, own); plan !== undefined; plan = planMerge(files, own)) {
          const at = files.indexOf(plan[0]!);
          assert.ok(plan.length >= 2);
          assert.deepEqual(files.slice(at, at + plan.length), plan);
          assert.equal(new Set(plan.map((one) => partitionOf(one, HOUR_MS))).size, 1);
          const blocks = plan.reduce((sum, one) => sum + one.blocks, 0);
          assert.ok(blocks <= blocksMax, `${blocks} blocks`);
          copied += blocks;
          const merged = {
            ...plan.at(-1)!,
            blocks,
            bytes: 1_000 * blocks,
            firstBlock: plan[0]!.firstBlock,
          };
          files = files.toSpliced(at, plan.length, merged);
        }
      }
      const all = steps.reduce((sum, [blocks]) => sum + blocks, 0);
      // Once a tier, and once more when its partition is over.
      assert.ok(copied <= 5 * all, `${copied} blocks copied of ${all}`);
    }),
    { numRuns: 200 },
  );
});
