// What is dropped: a table, and what holds for any files, bounds and disks.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { partitionOf } from "./merge-plan.ts";
import { type RetentionBounds, planRetention } from "./retention.ts";
import { type SegmentFigures, segmentFileName } from "../file/segment-layout.ts";

const HOUR_MS = 3_600_000;

/** A file for each number: its bytes; `|` begins the next hour. */
function parseFiles(text: string): SegmentFigures[] {
  let block = 0;
  return text.split("|").flatMap((hour, index) =>
    hour
      .trim()
      .split(" ")
      .filter((word) => word !== "")
      .map((word) => makeFile(++block, Number(word), index * HOUR_MS + block)),
  );
}

function makeFile(block: number, bytes: number, arrivedMs: number): SegmentFigures {
  return {
    name: segmentFileName(block, block),
    firstBlock: block,
    lastBlock: block,
    blocks: 1,
    bytes,
    rows: 10,
    traces: 2,
    startUsMin: 0,
    startUsMax: 0,
    arrivedMs,
    log: { sequence: block, rows: 0 },
  };
}

const none: RetentionBounds = {
  partitionMs: HOUR_MS,
  retentionMs: 0,
  bytesMax: 0,
  freeBytesMin: 0,
};

interface Case {
  readonly what: string;
  readonly files: string;
  readonly bounds: Partial<RetentionBounds>;
  readonly hours?: number;
  readonly free?: number;
  readonly drops: string;
}

const cases: readonly Case[] = [
  { what: "nothing without bounds", files: "1 2 | 3", bounds: {}, hours: 99, drops: "" },
  {
    what: "a partition when its newest file is too old",
    files: "1 2 | 3 | 4",
    bounds: { retentionMs: 2 * HOUR_MS },
    hours: 2.5,
    drops: "age 1 2",
  },
  {
    what: "everything when all is too old",
    files: "1 2 | 3",
    bounds: { retentionMs: HOUR_MS },
    hours: 9,
    drops: "age 1 2; age 3",
  },
  {
    what: "the oldest partition, whole, when there is too much",
    files: "5 5 | 50 | 120",
    bounds: { bytesMax: 170 },
    drops: "bytes 5 5",
  },
  {
    what: "the oldest file of the only partition",
    files: "6 6 6",
    bounds: { bytesMax: 16 },
    drops: "bytes 6",
  },
  {
    what: "parts of a partition that is more than a sixteenth",
    files: "10 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10",
    bounds: { bytesMax: 160 },
    drops: "bytes 10",
  },
  {
    what: "as much as the disk lacks",
    files: "5 5 | 5 | 100",
    bounds: { freeBytesMin: 50 },
    free: 38,
    drops: "disk 5 5; disk 5",
  },
  {
    what: "nothing when others have filled the disk",
    files: "5 5 | 5 | 10",
    bounds: { freeBytesMin: 50 },
    free: 0,
    drops: "",
  },
  {
    what: "by age first, then by bytes, then for the disk",
    files: "5 | 5 | 5 | 5",
    bounds: { retentionMs: 2 * HOUR_MS, bytesMax: 12, freeBytesMin: 10 },
    hours: 2.5,
    free: 6,
    drops: "age 5; bytes 5; disk 5",
  },
  { what: "nothing of nothing", files: "", bounds: { freeBytesMin: 9 }, free: 1, drops: "" },
];

for (const { what, files, bounds, hours = 0, free = Infinity, drops } of cases) {
  test(`planRetention() drops ${what}`, () => {
    const nowMs = hours * HOUR_MS;
    const plan = planRetention(parseFiles(files), { ...none, ...bounds }, nowMs, free);
    const printed = plan.map(
      (drop) => `${drop.reason} ${drop.files.map(({ bytes }) => bytes).join(" ")}`,
    );
    assert.equal(printed.join("; "), drops);
  });
}

test("planRetention() drops the oldest files, as few partitions as will do", () => {
  const anyFile = fc.record({ bytes: fc.integer({ min: 1, max: 500 }), isNext: fc.boolean() });
  const anyBounds = fc.record({
    retentionMs: fc.constantFrom(0, HOUR_MS, 5 * HOUR_MS),
    bytesMax: fc.constantFrom(0, 1_000, 5_000),
    freeBytesMin: fc.constantFrom(0, 400, 2_000),
  });
  const anyDisk = fc.integer({ min: 0, max: 3_000 });
  fc.assert(
    fc.property(
      fc.array(anyFile, { maxLength: 60 }),
      anyBounds,
      anyDisk,
      fc.integer({ min: 0, max: 90 }),
      (list, own, free, hours) => {
        let hour = 0;
        const files = list.map(({ bytes, isNext }, index) => {
          hour += isNext ? 1 : 0;
          return makeFile(index + 1, bytes, hour * HOUR_MS + index);
        });
        const bounds = { ...none, ...own };
        const nowMs = hours * HOUR_MS;
        const plan = planRetention(files, bounds, nowMs, free);
        const dropped = plan.flatMap((drop) => drop.files);
        assert.deepEqual(dropped, files.slice(0, dropped.length));
        const left = files.slice(dropped.length);
        const sum = (some: readonly SegmentFigures[]): number =>
          some.reduce((bytes, file) => bytes + file.bytes, 0);
        if (bounds.bytesMax > 0) assert.ok(sum(left) <= bounds.bytesMax);
        if (bounds.retentionMs > 0 && left.length > 0) {
          const first = partitionOf(left[0]!, HOUR_MS);
          const own = left.filter((file) => partitionOf(file, HOUR_MS) === first);
          assert.ok(own.some(({ arrivedMs }) => arrivedMs + bounds.retentionMs >= nowMs));
        }
        const freed = sum(
          plan.filter(({ reason }) => reason === "disk").flatMap((one) => one.files),
        );
        const missing = bounds.freeBytesMin - free;
        assert.ok(freed >= missing || sum(left) + freed < missing);
        // Of what went for room, all but the last was not enough.
        for (const reason of ["bytes", "disk"] as const) {
          const last = plan.findLastIndex((drop) => drop.reason === reason);
          if (last < 0) continue;
          const before = plan.slice(0, last).flatMap((drop) => drop.files);
          if (reason === "bytes") assert.ok(sum(files.slice(before.length)) > bounds.bytesMax);
          else assert.ok(freed - sum(plan[last]!.files) < missing);
        }
      },
    ),
    { numRuns: 300 },
  );
});
