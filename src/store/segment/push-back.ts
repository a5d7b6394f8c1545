// When nothing can be taken, and why: what a sender and a readiness probe are told.
//
//   disk nearly full, and retention cannot help      unavailable
//   head full, because files cannot be written       unavailable, with the disk's reason
//   head full, because they come too slowly          overloaded
//   the log could not be written a moment ago        taken all the same; not ready
//
// Not here: what is dropped to make room (retention.ts).

import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Head } from "../head/head.ts";
import type { BuildQueue } from "./build-queue.ts";
import type { FreeBytes } from "./free-bytes.ts";
import type { ManifestWriter } from "./manifest-writer.ts";
import type { PushBackReason, StoreCounts } from "./store-counts.ts";

export interface PushBackParts {
  readonly head: Head;
  readonly queue: BuildQueue;
  readonly manifest: ManifestWriter;
  readonly free: FreeBytes;
  readonly counts: StoreCounts;
  readonly clock: Clock;
  readonly headBytesMax: number;
  readonly freeBytesMin: number;
}

/** A batch that arrives while less than this part of what must be free is free is not waited for. */
const FREE_PART_MIN = 1 / 2;

/** For so long a log that failed is said to fail: only a batch that is taken can show otherwise. */
const LOG_FAILURE_MS = 5_000;

export class PushBack {
  readonly #parts: PushBackParts;
  #logFailure: { readonly message: string; readonly atMs: number } | undefined;

  constructor(parts: PushBackParts) {
    this.#parts = parts;
  }

  /** Why a batch cannot be taken now, if so; counted. Cost: some ten additions. */
  refuse(): SpoorError | undefined {
    const { head, queue, free, headBytesMax } = this.#parts;
    const freeBytes = free.recent();
    if (this.#isFull(freeBytes)) return this.#count("disk", this.#diskIsFull(freeBytes));
    if (queue.waiting === 0) return undefined;
    const headBytes = head.memoryBytes();
    if (headBytes < headBytesMax) return undefined;
    const where = { headBytes, headBytesMax, blocksWaiting: queue.waiting };
    if (queue.failure !== undefined) {
      return this.#count("disk", new SpoorError("unavailable", queue.failure, where));
    }
    const message = "spans come faster than files can be written";
    return this.#count("head", new SpoorError("overloaded", message, where));
  }

  /** @throws SpoorError `unavailable` if batches are refused, or are about to be. */
  async check(): Promise<void> {
    const freeBytes = await this.#parts.free.read();
    if (this.#isFull(freeBytes)) throw this.#diskIsFull(freeBytes);
    const failure = this.#parts.queue.failure ?? this.#recentLogFailure();
    if (failure !== undefined) throw new SpoorError("unavailable", failure);
  }

  logWritten(): void {
    this.#logFailure = undefined;
  }

  logFailed(error: unknown): void {
    this.#parts.counts.pushBacks.log++;
    const message = error instanceof Error ? error.message : String(error);
    this.#logFailure = { message, atMs: this.#parts.clock.monotonicMs() };
  }

  #recentLogFailure(): string | undefined {
    const failure = this.#logFailure;
    if (failure === undefined) return undefined;
    const ageMs = this.#parts.clock.monotonicMs() - failure.atMs;
    return ageMs < LOG_FAILURE_MS ? failure.message : undefined;
  }

  /** False while there is room until retention has freed what is missing. */
  #isFull(freeBytes: number): boolean {
    const { freeBytesMin, manifest } = this.#parts;
    if (freeBytes >= freeBytesMin) return false;
    if (freeBytes < freeBytesMin * FREE_PART_MIN) return true;
    const held = manifest.current.files.reduce((sum, { bytes }) => sum + bytes, 0);
    return held < freeBytesMin - freeBytes;
  }

  #count(reason: PushBackReason, error: SpoorError): SpoorError {
    this.#parts.counts.pushBacks[reason]++;
    return error;
  }

  #diskIsFull(freeBytes: number): SpoorError {
    const where = { freeBytes, neededBytes: this.#parts.freeBytesMin };
    return new SpoorError("unavailable", "the disk of the data directory is nearly full", where);
  }
}
