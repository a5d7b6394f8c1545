// What the engine has done since its start, and the same as metrics.
//
// Not here: what it holds (SegmentStore.figures).

import { type MetricsRegistry, counter, gauge } from "../../base/metrics.ts";
import { DROP_REASONS, type DropReason } from "./retention.ts";
import type { SegmentFigures } from "../file/segment-layout.ts";

export const segmentMetrics = {
  spans: gauge({
    name: "spoor_store_spans",
    help: "Spans that are stored.",
  }),
  headBytes: gauge({
    name: "spoor_store_head_bytes",
    help: "Memory of the spans that are in no file yet, and of their index, in bytes.",
  }),
  fileBytes: gauge({
    name: "spoor_store_file_bytes",
    help: "Bytes of all files with spans; archived traces are not among them.",
  }),
  files: gauge({
    name: "spoor_store_files",
    help: "Files with spans.",
  }),
  logBytes: gauge({
    name: "spoor_store_log_bytes",
    help: "Bytes of the log.",
  }),
  freeBytes: gauge({
    name: "spoor_store_disk_free_bytes",
    help: "Bytes that are free on the disk of the data directory.",
  }),
  blocksWaiting: gauge({
    name: "spoor_store_blocks_waiting",
    help: "Full blocks that wait for being written to a file.",
  }),
  blocksBuilt: counter({
    name: "spoor_store_blocks_built_total",
    help: "Blocks that were written to a file.",
  }),
  buildSeconds: counter({
    name: "spoor_store_build_seconds_total",
    help: "Seconds from asking for a block to be written until its file was there.",
  }),
  buildFailures: counter({
    name: "spoor_store_build_failures_total",
    help: "Times that a block or the manifest could not be written, and was tried again.",
  }),
  merges: counter({
    name: "spoor_store_merges_total",
    help: "Times that several files were made one.",
  }),
  mergeFailures: counter({
    name: "spoor_store_merge_failures_total",
    help: "Times that files could not be made one.",
  }),
  writtenBytes: counter({
    name: "spoor_store_written_bytes_total",
    labels: ["for"],
    help: "Bytes of files that were written: for blocks, or for merging.",
  }),
  droppedSpans: counter({
    name: "spoor_store_dropped_spans_total",
    labels: ["reason"],
    help: "Spans that retention has removed: by age, by segment.max-bytes, for a full disk.",
  }),
  droppedFiles: counter({
    name: "spoor_store_dropped_files_total",
    labels: ["reason"],
    help: "Files that retention has removed, by the reason.",
  }),
  lostFiles: counter({
    name: "spoor_store_lost_files_total",
    help: "Files that a start found missing or damaged.",
  }),
  damagedBlocks: gauge({
    name: "spoor_store_damaged_blocks",
    help: "Blocks of which a query could not read something: answers leave it out.",
  }),
  pushBacks: counter({
    name: "spoor_store_push_backs_total",
    labels: ["reason"],
    help: "Batches that were refused: the head is full, the disk is, or the log cannot be written.",
  }),
  replaySeconds: gauge({
    name: "spoor_store_replay_seconds",
    help: "Seconds that reading the log took at the start.",
  }),
  archivedTraces: gauge({
    name: "spoor_store_archived_traces",
    help: "Traces in the archive.",
  }),
};

export const PUSH_BACK_REASONS = ["head", "disk", "log"] as const;
export type PushBackReason = (typeof PUSH_BACK_REASONS)[number];

export class StoreCounts {
  blocksBuilt = 0;
  buildMs = 0;
  buildFailures = 0;
  merges = 0;
  mergeFailures = 0;
  builtBytes = 0;
  mergedBytes = 0;
  lostFiles = 0;
  replayMs = 0;
  archivedTraces = 0;
  damagedBlocks: () => number = () => 0;
  readonly droppedSpans: Record<DropReason, number> = { age: 0, bytes: 0, disk: 0 };
  readonly droppedTraces: Record<DropReason, number> = { age: 0, bytes: 0, disk: 0 };
  readonly droppedFiles: Record<DropReason, number> = { age: 0, bytes: 0, disk: 0 };
  readonly pushBacks: Record<PushBackReason, number> = { head: 0, disk: 0, log: 0 };

  built(figures: SegmentFigures | undefined, ms: number): void {
    this.blocksBuilt++;
    this.buildMs += ms;
    this.builtBytes += figures?.bytes ?? 0;
  }

  merged(figures: SegmentFigures): void {
    this.merges++;
    this.mergedBytes += figures.bytes;
  }

  dropped(reason: DropReason, files: readonly SegmentFigures[]): void {
    this.droppedFiles[reason] += files.length;
    for (const { rows, traces } of files) {
      this.droppedSpans[reason] += rows;
      this.droppedTraces[reason] += traces;
    }
  }

  show(registry: MetricsRegistry): void {
    const metrics = registry.register(segmentMetrics);
    metrics.blocksBuilt.with().readFrom(() => this.blocksBuilt);
    metrics.buildSeconds.with().readFrom(() => this.buildMs / 1e3);
    metrics.buildFailures.with().readFrom(() => this.buildFailures);
    metrics.merges.with().readFrom(() => this.merges);
    metrics.mergeFailures.with().readFrom(() => this.mergeFailures);
    metrics.writtenBytes.with({ for: "blocks" }).readFrom(() => this.builtBytes);
    metrics.writtenBytes.with({ for: "merging" }).readFrom(() => this.mergedBytes);
    metrics.lostFiles.with().readFrom(() => this.lostFiles);
    metrics.damagedBlocks.with().readFrom(() => this.damagedBlocks());
    metrics.replaySeconds.with().readFrom(() => this.replayMs / 1e3);
    metrics.archivedTraces.with().readFrom(() => this.archivedTraces);
    for (const reason of DROP_REASONS) {
      metrics.droppedSpans.with({ reason }).readFrom(() => this.droppedSpans[reason]);
      metrics.droppedFiles.with({ reason }).readFrom(() => this.droppedFiles[reason]);
    }
    for (const reason of PUSH_BACK_REASONS) {
      metrics.pushBacks.with({ reason }).readFrom(() => this.pushBacks[reason]);
    }
  }
}
