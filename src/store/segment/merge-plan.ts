// Which files become one next: a pure function of the files that there are.
//
//   partition (an hour of arrival)  │ partition, still growing
//   [······256 blocks······][··120··]│[····64····][··8··][··8··][1][1][1]     oldest first
//                                    └ tier 2 ┘└── tier 1 ──┘└ tier 0 ┘
//
// While a partition grows, neighbours of a tier become one as soon as they reach the next tier together:
// every byte is copied once a tier, three times in all. What is left of a partition that is over becomes
// one, unless nearly all of it would be a file that is copied for little.
//
// Limits: a file is never larger than `bytesMax` and `blocksMax`; FILES_MAX files at a time.
// Not here: copying (merge-segments.ts), when there is time for it (keeper.ts).

import type { SegmentFigures } from "../file/segment-layout.ts";

export interface MergeBounds {
  /** Arrival time that may share a file. */
  readonly partitionMs: number;
  readonly bytesMax: number;
  readonly blocksMax: number;
}

/** Files that are open at once. */
const FILES_MAX = 64;

/** What a file must reach, as a part of the largest one, to be of the next tier. */
const TIERS = [1 / 32, 1 / 4, 1 / 2] as const;

/** A file that would be more than this of the result is not copied for the rest. */
const LARGEST_PART_MAX = 7 / 8;

/** Number of the partition that a file belongs to. */
export function partitionOf({ arrivedMs }: SegmentFigures, partitionMs: number): number {
  return Math.floor(arrivedMs / partitionMs);
}

/**
 * @param files oldest first.
 * @returns neighbours of one partition to be made one file, at least two; undefined: nothing to do.
 */
export function planMerge(
  files: readonly SegmentFigures[],
  bounds: MergeBounds,
): readonly SegmentFigures[] | undefined {
  // The newest partition first: it is asked most.
  let end = files.length;
  let isGrowing = true;
  while (end > 0) {
    let start = end - 1;
    const partition = partitionOf(files[start]!, bounds.partitionMs);
    while (start > 0 && partitionOf(files[start - 1]!, bounds.partitionMs) === partition) start--;
    const own = files.slice(start, end);
    const plan = isGrowing ? planTiers(own, bounds) : planRest(own, bounds);
    if (plan !== undefined) return plan;
    isGrowing = false;
    end = start;
  }
  return undefined;
}

/** Bytes and blocks as a part of the largest file. */
function weightOf(files: readonly SegmentFigures[], { bytesMax, blocksMax }: MergeBounds): number {
  let bytes = 0;
  let blocks = 0;
  for (const file of files) {
    bytes += file.bytes;
    blocks += file.blocks;
  }
  return Math.max(bytes / bytesMax, blocks / blocksMax);
}

function planTiers(
  files: readonly SegmentFigures[],
  bounds: MergeBounds,
): readonly SegmentFigures[] | undefined {
  const weights = files.map((file) => weightOf([file], bounds));
  for (const target of TIERS) {
    for (let start = 0; start < files.length; start++) {
      if (weights[start]! >= target) continue;
      let end = start + 1;
      while (end < files.length && end - start < FILES_MAX && weights[end]! < target) {
        if (weightOf(files.slice(start, end + 1), bounds) > 1) break;
        end++;
      }
      const own = files.slice(start, end);
      if (own.length >= 2 && weightOf(own, bounds) >= target) return own;
      // What begins later in the same row of small files weighs less.
      start = end - 1;
    }
  }
  return undefined;
}

function planRest(
  files: readonly SegmentFigures[],
  bounds: MergeBounds,
): readonly SegmentFigures[] | undefined {
  for (let start = 0; start + 1 < files.length; start++) {
    let end = start + 1;
    while (end < files.length && end - start < FILES_MAX) {
      if (weightOf(files.slice(start, end + 1), bounds) > 1) break;
      end++;
    }
    const own = files.slice(start, end);
    if (own.length < 2) continue;
    const largest = Math.max(...own.map((file) => weightOf([file], bounds)));
    if (largest <= LARGEST_PART_MAX * weightOf(own, bounds)) return own;
  }
  return undefined;
}
