// What the embedded engine is opened with, and the bounds that follow from it.
//
// Not here: settings as operators write them (settings.ts).

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { MetricsRegistry } from "../../base/metrics.ts";
import type { DiskFiles } from "../disk/files.ts";
import type { Durability } from "../log/log-writer.ts";
import type { Builder } from "./builder.ts";
import type { DirectoryLock } from "./directory-lock.ts";
import type { MergeBounds } from "./merge-plan.ts";
import type { ReadReceived } from "./open-directory.ts";
import { type RetentionBounds, partitionBytesMax } from "./retention.ts";

export interface SegmentOptions {
  readonly directory: string;
  readonly durability: Durability;
  readonly logFileBytesMax: number;
  readonly headBytesMax: number;
  /** Arrival time that goes at once when room is needed. */
  readonly partitionMs: number;
  /** 0: for ever. */
  readonly retentionMs: number;
  /** Of all files; 0: no bound. */
  readonly bytesMax: number;
  /** Below this much free disk the oldest files go; if that does not help, nothing is taken. */
  readonly freeBytesMin: number;
  readonly files: DiskFiles;
  readonly clock: Clock;
  readonly log: Log;
  readonly read: ReadReceived;
  readonly metrics?: MetricsRegistry | undefined;
  /** For disks that no other process can see. */
  readonly lock?: ((directory: string) => Promise<DirectoryLock>) | undefined;
  /** Everything in this thread: for tests and tools. */
  readonly inline?: boolean | undefined;
  /** Left out: one in a thread of its own. Closed with the store. */
  readonly builder?: Builder | undefined;
  /** Of decoded pages. */
  readonly cacheBytes?: number | undefined;
  /** Threads that are asked about files; left out: 1. */
  readonly queryWorkers?: number | undefined;
  /** Rows of a block: small in tests of the seams. */
  readonly blockRowsMax?: number | undefined;
  /** Blocks of the largest file. */
  readonly mergeBlocksMax?: number | undefined;
  /** Time between two looks at files and disk; 0: only when `tend` is called. */
  readonly tendMs?: number | undefined;
  /** Before the first of several attempts. */
  readonly retryMs?: number | undefined;
}

/** A head holds at least so many blocks: one that is filled, one that is written, and two that wait. */
const HEAD_BLOCKS_MIN = 4;
/** A file of 256 full blocks has about this many bytes; copying it takes a few seconds. */
const FILE_BYTES_MAX = 512 * 1024 * 1024;
const FILE_BLOCKS_MAX = 256;
/** Shorter partitions are more files than are worth having. */
const PARTITION_MS_MIN = 60_000;
/** A partition is at most this part of the time that spans are kept. */
const PARTITIONS_MIN = 16;

/** The head's open block is sealed when it has more. */
export function blockBytesMax({ headBytesMax }: SegmentOptions): number {
  return headBytesMax / HEAD_BLOCKS_MIN;
}

export function mergeBounds(options: SegmentOptions): MergeBounds {
  const { bytesMax, mergeBlocksMax = FILE_BLOCKS_MAX } = options;
  return {
    partitionMs: partitionMsOf(options),
    bytesMax: Math.min(FILE_BYTES_MAX, partitionBytesMax({ bytesMax })),
    blocksMax: mergeBlocksMax,
  };
}

export function retentionBounds(options: SegmentOptions): RetentionBounds {
  const { retentionMs, bytesMax, freeBytesMin } = options;
  return { partitionMs: partitionMsOf(options), retentionMs, bytesMax, freeBytesMin };
}

function partitionMsOf({ partitionMs, retentionMs }: SegmentOptions): number {
  const ofRetention = retentionMs === 0 ? Infinity : retentionMs / PARTITIONS_MIN;
  return Math.min(partitionMs, Math.max(ofRetention, PARTITION_MS_MIN));
}
