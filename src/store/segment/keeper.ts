// Keeps the files few and the disk from filling: merging and retention, one step at a time.
//
//   tend ─▶ free bytes ─▶ retention: manifest without them ─▶ files part ─▶ names removed
//       └─▶ no block waits? ─▶ merge ─▶ manifest with the new one ─▶ files part ─▶ names removed
//
// A file that is not named any more goes only after the manifest that does not name it is on the disk. What
// a crash leaves behind, a start removes.
//
// Not here: which files (merge-plan.ts, retention.ts), blocks on their way into files (build-queue.ts).

import { join } from "node:path";
import type { Log } from "../../base/log.ts";
import type { DiskFiles } from "../disk/files.ts";
import type { Backoff } from "./backoff.ts";
import type { Builder } from "./builder.ts";
import type { Files } from "../search/files-part.ts";
import type { Manifest } from "../file/manifest.ts";
import type { ManifestWriter } from "./manifest-writer.ts";
import { type MergeBounds, planMerge } from "./merge-plan.ts";
import { type Drop, type RetentionBounds, planRetention } from "./retention.ts";
import type { SegmentFigures } from "../file/segment-layout.ts";
import type { StoreCounts } from "./store-counts.ts";

export interface KeeperParts {
  readonly disk: DiskFiles;
  /** Where the files are. */
  readonly directory: string;
  readonly builder: Builder;
  readonly manifest: ManifestWriter;
  readonly files: Files;
  readonly log: Log;
  readonly backoff: Backoff;
  readonly counts: StoreCounts;
  readonly merging: MergeBounds;
  readonly retention: RetentionBounds;
  /** Wall clock. */
  readonly nowMs: () => number;
  /** Bytes that are free now. */
  readonly freeBytes: () => Promise<number>;
  /** True while no block waits to be built. */
  readonly hasTime: () => boolean;
}

export class Keeper {
  readonly #parts: KeeperParts;
  #running: Promise<void> | undefined;
  #isWanted = false;
  #isClosed = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Does what is to be done; resolves when nothing is. */
  tend(): Promise<void> {
    this.#isWanted = true;
    this.#running ??= this.#run();
    return this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false;
      await this.#drop();
      if (await this.#mergeOnce()) this.#isWanted = true;
    }
    this.#running = undefined;
  }

  async #drop(): Promise<void> {
    const { retention, nowMs, freeBytes, manifest, counts, log } = this.#parts;
    let free: number;
    try {
      free = await freeBytes();
    } catch (error) {
      log.warn("cannot tell how full the disk is", { error: String(error) });
      free = Infinity;
    }
    const drops = planRetention(manifest.current.files, retention, nowMs(), free);
    if (drops.length === 0) return;
    const dropped = drops.flatMap((drop) => drop.files);
    if (!(await this.#change((before) => without(before, dropped)))) return;
    for (const { reason, files } of drops) {
      counts.dropped(reason, files);
      log.info("files were dropped", figuresOf({ reason, files }));
    }
    const names = dropped.map(({ name }) => name);
    await this.#parts.files.change([], names);
    await this.#remove(names);
    log.debug("files are left", { files: manifest.current.files.length });
  }

  /** @returns true if there may be more to do. */
  async #mergeOnce(): Promise<boolean> {
    const { hasTime, merging, manifest, builder, counts, log, backoff, files } = this.#parts;
    if (!hasTime() || this.#isClosed) return false;
    const sources = planMerge(manifest.current.files, merging);
    if (sources === undefined) return false;
    let merged: SegmentFigures;
    try {
      merged = await builder.merge(sources);
    } catch (error) {
      if (this.#isClosed) return false;
      counts.mergeFailures++;
      log.error("files could not be made one", { files: sources.length, error: String(error) });
      await backoff.wait();
      return false;
    }
    backoff.reset();
    if (!(await this.#change((before) => withMerged(before, sources, merged)))) return false;
    counts.merged(merged);
    const names = sources.map(({ name }) => name);
    await files.change([merged], names);
    await this.#remove(names);
    log.debug("files were made one", { files: sources.length, bytes: merged.bytes });
    return true;
  }

  /** @returns false if the end came first: nothing has changed then, or the disk alone knows. */
  async #change(change: (before: Manifest) => Manifest): Promise<boolean> {
    try {
      await this.#parts.manifest.change(change);
      return true;
    } catch {
      return false; // The writer has said why.
    }
  }

  async #remove(names: readonly string[]): Promise<void> {
    const { disk, directory, log } = this.#parts;
    for (const name of names) {
      try {
        await disk.remove(join(directory, name));
      } catch (error) {
        // It costs room, and goes with a later start.
        log.error("a file could not be removed", { name, error: String(error) });
      }
    }
  }
}

function without(before: Manifest, dropped: readonly SegmentFigures[]): Manifest {
  const names = new Set(dropped.map(({ name }) => name));
  const { spans, traces, files } = before.dropped;
  return {
    ...before,
    files: before.files.filter(({ name }) => !names.has(name)),
    dropped: {
      spans: spans + dropped.reduce((sum, { rows }) => sum + rows, 0),
      traces: traces + dropped.reduce((sum, file) => sum + file.traces, 0),
      files: files + dropped.length,
    },
  };
}

function withMerged(
  before: Manifest,
  sources: readonly SegmentFigures[],
  merged: SegmentFigures,
): Manifest {
  const names = new Set(sources.map(({ name }) => name));
  const at = before.files.findIndex(({ name }) => names.has(name));
  const files = before.files.filter(({ name }) => !names.has(name));
  return { ...before, files: files.toSpliced(at, 0, merged) };
}

function figuresOf({ reason, files }: Drop): Record<string, string | number> {
  const spans = files.reduce((sum, { rows }) => sum + rows, 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { reason, files: files.length, spans, bytes };
}
