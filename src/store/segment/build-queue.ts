// The way of a block from the head into a file, in the order of the blocks.
//
//   sealed, its records settled ─▶ builder ─▶ built ─▶ manifest ─▶ files part ─▶ head.release ─▶ log.cut
//                                 one by one          all that are built
//
// While the manifest of some blocks is replaced, the next block is built. A block that cannot be built
// stays in the head and is tried again; nothing is lost by it, and the head fills up.
//
// Not here: when the intake pushes back (segment-store.ts), merging and dropping (keeper.ts).

import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { makeBlockImage } from "../block/block-image.ts";
import type { Block } from "../head/block.ts";
import type { Head } from "../head/head.ts";
import type { LogWriter } from "../log/log-writer.ts";
import type { Backoff } from "./backoff.ts";
import type { Builder } from "./builder.ts";
import type { Files } from "../search/files-part.ts";
import type { ManifestWriter } from "./manifest-writer.ts";
import type { SegmentFigures } from "../file/segment-layout.ts";
import type { StoreCounts } from "./store-counts.ts";

export interface BuildQueueParts {
  readonly head: Head;
  readonly builder: Builder;
  readonly manifest: ManifestWriter;
  readonly files: Files;
  readonly records: LogWriter;
  readonly log: Log;
  readonly backoff: Backoff;
  readonly counts: StoreCounts;
  readonly nowMs: () => number;
  /** Files have come. */
  readonly onFiles: () => void;
}

interface Built {
  readonly block: Block;
  readonly figures: SegmentFigures | undefined;
}

export class BuildQueue {
  /** Why the last attempt failed, while none has succeeded since. */
  failure: string | undefined;
  readonly #parts: BuildQueueParts;
  /** Every record up to this one is written or refused. */
  #settled: number;
  /** The oldest blocks of the head. */
  readonly #built: Built[] = [];
  #building: Promise<void> | undefined;
  #publishing: Promise<void> | undefined;
  #cutting: Promise<void> = Promise.resolve();
  /** Somebody waits: an attempt that failed is not followed by another. */
  #isDraining = false;
  #isStopped = false;

  /** @param settled number of the last record that was read back. */
  constructor(parts: BuildQueueParts, settled: number) {
    this.#parts = parts;
    this.#settled = settled;
  }

  /** The record is in the log, or refused and retracted; so are all before it. */
  settle(sequence: number): void {
    this.#settled = sequence;
    this.pump();
  }

  /** Starts what can be started. */
  pump(): void {
    if (this.#building !== undefined || this.#next() === undefined) return;
    this.#building = this.#build();
  }

  /** Sealed blocks that are not in files. */
  get waiting(): number {
    return this.#parts.head.blocks.length - 1;
  }

  get isIdle(): boolean {
    return this.#building === undefined && this.#publishing === undefined;
  }

  /** Waits until every sealed and settled block is in a file. @throws what stands in the way, after one attempt. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    try {
      do {
        this.pump();
        await this.#building;
        await this.#publishing;
        if (this.failure !== undefined) throw new SpoorError("unavailable", this.failure);
      } while (this.#next() !== undefined || this.#built.length > 0);
    } finally {
      this.#isDraining = false;
    }
  }

  /** No block begins to be built any more; what is built is named. The builder is the caller's. */
  async close(): Promise<void> {
    this.#isStopped = true;
    await this.#building;
    await this.#publishing;
    await this.#cutting;
  }

  #next(): Block | undefined {
    const { head } = this.#parts;
    if (this.#isStopped) return undefined;
    const block = head.blocks[this.#built.length];
    return block?.sealed === true && block.lastSequence <= this.#settled ? block : undefined;
  }

  async #build(): Promise<void> {
    const { head, builder, backoff, counts, nowMs } = this.#parts;
    for (let block = this.#next(); block !== undefined; block = this.#next()) {
      const startedMs = nowMs();
      try {
        const image = makeBlockImage(block, head.traces);
        const end = head.positionAfter(block);
        const figures = await builder.build(image, block.id, block.sealedMs, end);
        this.failure = undefined;
        backoff.reset();
        counts.built(figures, nowMs() - startedMs);
        this.#built.push({ block, figures });
        this.#publishing ??= this.#publish();
      } catch (error) {
        this.#fail(error);
        if (this.#isDraining || this.#isStopped) break;
        await backoff.wait();
      }
    }
    this.#building = undefined;
  }

  #fail(error: unknown): void {
    if (!(error instanceof Error)) throw error;
    const { log, counts } = this.#parts;
    const code = causeOf(error);
    this.failure =
      code === "ENOSPC" || code === "EDQUOT"
        ? "there is no space left on the disk of the files"
        : "a block could not be written";
    counts.buildFailures++;
    log.error(this.failure, { error: error.message, cause: code, waiting: this.waiting });
  }

  async #publish(): Promise<void> {
    const { head, manifest, files, onFiles } = this.#parts;
    while (this.#built.length > 0) {
      const done = [...this.#built];
      const last = done.at(-1)!.block;
      const add = done.flatMap(({ figures }) => (figures === undefined ? [] : [figures]));
      const log = head.positionAfter(last);
      try {
        await manifest.change((before) => ({
          ...before,
          nextBlock: last.id + 1,
          log,
          files: [...before.files, ...add],
        }));
      } catch (error) {
        // Only at the end: the blocks are in the log, and built again by the next process.
        this.#fail(error);
        break;
      }
      // In one turn: a question sees each row in the head or in a file, never in both.
      void files.change(add, []);
      for (const { block } of this.#built.splice(0, done.length)) head.release(block);
      this.#cut(log.sequence + 1);
      onFiles();
    }
    this.#publishing = undefined;
  }

  /** Removes the files of the log in which every record is below `sequence`. */
  #cut(sequence: number): void {
    const { records, log } = this.#parts;
    this.#cutting = this.#cutting
      .then(() => records.cut(sequence))
      .catch((error: unknown) => {
        // They cost room, and go with a later cut or start.
        log.error("a file of the log could not be removed", { error: String(error) });
      });
  }
}

function causeOf(error: Error): string {
  if (error instanceof SpoorError) return String(error.where["cause"] ?? "");
  return "code" in error ? String(error.code) : "";
}
