// The sampling state of collectors in one process.
//
// Limits: throughput is kept for `keepMs`, and no more than ROWS_MAX of it; the oldest goes first.

import type { Clock } from "../../base/clock.ts";
import type { OperationResult, SamplingState, Throughput } from "./sampling-state.ts";

/** Rows that were added together. */
export interface ThroughputBatch {
  readonly atUs: number;
  readonly rows: readonly Throughput[];
}

/** Some 200 bytes each: ten intervals of ten thousand operations, twice. */
const ROWS_MAX = 200_000;

export class MemoryState implements SamplingState {
  readonly #clock: Clock;
  readonly #keepUs: number;
  #batches: ThroughputBatch[] = [];
  #result: readonly OperationResult[] = [];
  #lease: { readonly holder: string; readonly untilMs: number } | undefined;

  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock;
    this.#keepUs = keepMs * 1_000;
  }

  /** Oldest first. */
  get batches(): readonly ThroughputBatch[] {
    return this.#batches;
  }

  addThroughput(rows: readonly Throughput[]): Promise<void> {
    if (rows.length > 0) this.#batches.push({ atUs: this.#clock.nowUs(), rows });
    this.#dropOld();
    return Promise.resolve();
  }

  findThroughput(afterUs: number, untilUs: number): Promise<readonly Throughput[]> {
    const found = this.#batches.filter(({ atUs }) => atUs > afterUs && atUs <= untilUs);
    return Promise.resolve(found.flatMap(({ rows }) => rows));
  }

  saveResult(rows: readonly OperationResult[]): Promise<void> {
    this.#result = rows;
    return Promise.resolve();
  }

  latestResult(): Promise<readonly OperationResult[]> {
    return Promise.resolve(this.#result);
  }

  acquireLease(holder: string, ttlMs: number): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    const held = this.#lease;
    if (held !== undefined && held.holder !== holder && held.untilMs > nowMs) {
      return Promise.resolve(false);
    }
    this.#lease = { holder, untilMs: nowMs + ttlMs };
    return Promise.resolve(true);
  }

  releaseLease(holder: string): Promise<void> {
    if (this.#lease?.holder === holder) this.#lease = undefined;
    return Promise.resolve();
  }

  /** Goes on from what an earlier process knew. */
  restore(batches: readonly ThroughputBatch[], result: readonly OperationResult[]): void {
    this.#batches = [...batches];
    this.#result = result;
    this.#dropOld();
  }

  #dropOld(): void {
    const afterUs = this.#clock.nowUs() - this.#keepUs;
    this.#batches = this.#batches.filter(({ atUs }) => atUs > afterUs);
    let rows = this.#batches.reduce((sum, batch) => sum + batch.rows.length, 0);
    while (rows > ROWS_MAX) rows -= this.#batches.shift()?.rows.length ?? rows;
  }
}
