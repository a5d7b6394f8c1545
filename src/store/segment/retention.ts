// What must go, and why: a pure function of the files, the bounds and the disk.
//
//   oldest │ partition │ partition │ partition │ newest
//          └── goes ──▶ whole, the oldest first; of the last one its oldest file
//
//   age    its newest span came longer ago than `retentionMs`
//   bytes  all files together have more than `bytesMax`
//   disk   the disk has less than `freeBytesMin` free, and dropping files can change that
//
// If all that is held is less than what the disk lacks, others have filled it: then nothing is dropped for
// it, and the intake pushes back instead.
//
// Not here: removing files (keeper.ts), pushing back (segment-store.ts).

import { partitionOf } from "./merge-plan.ts";
import type { SegmentFigures } from "../file/segment-layout.ts";

export interface RetentionBounds {
  /** Stretch of arrival time that goes at once. */
  readonly partitionMs: number;
  /** 0: for ever. */
  readonly retentionMs: number;
  /** 0: no bound. */
  readonly bytesMax: number;
  readonly freeBytesMin: number;
}

export const DROP_REASONS = ["age", "bytes", "disk"] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface Drop {
  readonly reason: DropReason;
  readonly files: readonly SegmentFigures[];
}

/** A partition has at most this part of `bytesMax`, so that little more goes than must. */
const PARTITIONS_MIN = 16;

/** The most bytes of a partition, and so of a file. */
export function partitionBytesMax({ bytesMax }: Pick<RetentionBounds, "bytesMax">): number {
  return bytesMax === 0 ? Infinity : bytesMax / PARTITIONS_MIN;
}

/** @param files oldest first. @returns the oldest files, by reason; empty: all stay. */
export function planRetention(
  files: readonly SegmentFigures[],
  bounds: RetentionBounds,
  nowMs: number,
  freeBytes: number,
): Drop[] {
  const left = splitPartitions(files, bounds);
  const drops: Drop[] = [];
  const drop = (reason: DropReason, dropped: readonly SegmentFigures[]): number => {
    drops.push({ reason, files: dropped });
    return bytesOf(dropped);
  };

  if (bounds.retentionMs > 0) {
    const isOver = (partition: readonly SegmentFigures[]): boolean =>
      partition.every(({ arrivedMs }) => arrivedMs + bounds.retentionMs < nowMs);
    while (left.length > 0 && isOver(left[0]!)) drop("age", left.shift()!);
  }
  let bytes = left.reduce((sum, partition) => sum + bytesOf(partition), 0);
  if (bounds.bytesMax > 0) {
    while (bytes > bounds.bytesMax) bytes -= drop("bytes", takeOldest(left));
  }
  let missing = bounds.freeBytesMin - freeBytes;
  if (missing > 0 && missing <= bytes) {
    while (missing > 0) missing -= drop("disk", takeOldest(left));
  }
  return drops;
}

/** Files of one stretch of arrival time, cut further where they would be too many bytes. */
function splitPartitions(
  files: readonly SegmentFigures[],
  bounds: RetentionBounds,
): SegmentFigures[][] {
  const partitions: SegmentFigures[][] = [];
  const bytesMax = partitionBytesMax(bounds);
  let number = NaN;
  let bytes = 0;
  for (const file of files) {
    const own = partitionOf(file, bounds.partitionMs);
    bytes += file.bytes;
    if (own !== number || bytes > bytesMax) {
      partitions.push([]);
      number = own;
      bytes = file.bytes;
    }
    partitions.at(-1)!.push(file);
  }
  return partitions;
}

/** The oldest partition; the oldest file if there is only one partition. */
function takeOldest(partitions: SegmentFigures[][]): SegmentFigures[] {
  const [oldest] = partitions;
  if (partitions.length > 1 || oldest!.length === 1) return partitions.shift()!;
  return [oldest!.shift()!];
}

function bytesOf(files: readonly SegmentFigures[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}
