// Traces that somebody wants to keep: a file each, beside what retention looks after.
//
//   put ─▶ a head with this trace alone ─▶ blocks ─▶ archive/<32 hex digits>.segment
//   read ─▶ that file, opened for this one question
//
// The name is the index: nothing is held in memory, and a look for a trace that is not there is one call
// to open a file. A trace that is archived again is replaced.
//
// Not here: the bytes (segment-file.ts), where traces are looked for first (segment-store.ts).

import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import { makeBlockImage } from "../block/block-image.ts";
import { PageCache } from "../block/page-cache.ts";
import type { DiskFiles, OpenSource } from "../disk/files.ts";
import { ASIDE_SUFFIX } from "../disk/write-aside.ts";
import { Head } from "../head/head.ts";
import { makePause } from "../head/pause.ts";
import { BlockSet } from "../search/block-set.ts";
import { ARCHIVE_FOLDER, type Builder } from "./builder.ts";
import { readTrace } from "../search/read-files.ts";
import { openSegment } from "../file/segment-file.ts";
import { parseSegmentFileName } from "../file/segment-layout.ts";

const NAME = /^[0-9a-f]{32}\.segment$/;

/** Pages of one trace while it is read. */
const CACHE_BYTES = 8 * 1024 * 1024;

export interface ArchiveParts {
  readonly files: DiskFiles;
  /** The data directory. */
  readonly directory: string;
  readonly builder: Builder;
  readonly clock: Clock;
  readonly log: Log;
  readonly blockRowsMax?: number | undefined;
}

export class Archive {
  readonly #parts: ArchiveParts;
  readonly #folder: string;

  constructor(parts: ArchiveParts) {
    this.#parts = parts;
    this.#folder = join(parts.directory, ARCHIVE_FOLDER);
  }

  /** Traces that are in it. Removes what an earlier process left unfinished. */
  async count(): Promise<number> {
    const { files } = this.#parts;
    await files.makeDirectory(this.#folder);
    let count = 0;
    for (const name of await files.list(this.#folder)) {
      const isUnfinished = name.endsWith(ASIDE_SUFFIX) || parseSegmentFileName(name) !== undefined;
      if (NAME.test(name)) count++;
      else if (isUnfinished) await files.remove(join(this.#folder, name)).catch(() => undefined);
    }
    return count;
  }

  has(id: Uint8Array): boolean {
    const source = this.#open(id);
    source?.close();
    return source !== undefined;
  }

  /** Resolves when the copy is on the disk. The batch is read before the call returns. */
  async put(id: Uint8Array, trace: SpanBatch): Promise<void> {
    const head = new Head(this.#parts.blockRowsMax);
    head.append(trace);
    head.sealOpenBlock();
    const images = head.blocks
      .filter(({ sealed }) => sealed)
      .map((block) => makeBlockImage(block, head.traces));
    await this.#parts.builder.archive(nameOf(id), images);
  }

  /** The archived trace, or undefined. @throws SpoorError `unavailable` if its file is damaged. */
  async read(id: Uint8Array, signal: AbortSignal): Promise<SpanBatch | undefined> {
    const source = this.#open(id);
    if (source === undefined) return undefined;
    const { log, clock } = this.#parts;
    const set = new BlockSet(log);
    try {
      set.change([openSegment(source, new PageCache(CACHE_BYTES))], []);
      return await readTrace(set.view(Infinity), id, makePause(clock, signal));
    } finally {
      set.close();
    }
  }

  #open(id: Uint8Array): OpenSource | undefined {
    try {
      return this.#parts.files.openSource(join(this.#folder, nameOf(id)));
    } catch (error) {
      if (error instanceof SpoorError && error.where["cause"] === "ENOENT") return undefined;
      throw error;
    }
  }
}

function nameOf(id: Uint8Array): string {
  return `${Buffer.from(id).toString("hex")}.segment`;
}
