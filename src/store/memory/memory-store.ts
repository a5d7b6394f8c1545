// The memory engine: a head that evicts the oldest whole traces. For tests, demos and throw-away use;
// everything is gone when the process ends.
//
//   write ─▶ head.append ─▶ while over a bound: evict the trace whose first span came first
//
// Not here: how spans are held and found (store/head).

import type { Clock } from "../../base/clock.ts";
import { RowCopier } from "../../model/copy-rows.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import type {
  Dependency,
  Operation,
  Series,
  SeriesQuery,
  TimeRange,
  TraceQuery,
} from "../../model/trace-query.ts";
import { Head } from "../head/head.ts";
import { makePause } from "../head/pause.ts";
import { searchHead } from "../head/search.ts";
import { dependenciesOf, operationsOf, seriesOf, servicesOf } from "../head/statistics.ts";
import { NONE } from "../head/trace-table.ts";
import type { Capabilities, StoreFigures, TraceStore } from "../trace-store.ts";

export interface MemoryBounds {
  /** Traces held; 0: as many as fit the bytes. */
  readonly tracesMax: number;
  /** Bytes of spans and indexes, at least one block's (about 30 MB when full). */
  readonly bytesMax: number;
  /** Rows of a block: small in tests of the seams. */
  readonly blockRowsMax?: number;
}

/** Archived traces are kept apart from eviction, so they have a bound of their own. */
const ARCHIVED_TRACES_MAX = 1_000;

export class MemoryStore implements TraceStore {
  readonly capabilities: Capabilities = {
    searchWithoutService: true,
    archive: true,
    series: true,
  };
  readonly #head: Head;
  readonly #bounds: MemoryBounds;
  readonly #clock: Clock;
  readonly #archive = new Map<string, SpanBatch>();

  constructor(bounds: MemoryBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#clock = clock;
    this.#head = new Head(bounds.blockRowsMax);
  }

  write(batch: SpanBatch): Promise<void> {
    this.#head.append(batch);
    this.#evict();
    return DONE;
  }

  async findTraces(query: TraceQuery, signal: AbortSignal): Promise<SpanBatch[]> {
    const found: SpanBatch[] = [];
    for await (const trace of this.findEach(query, signal)) found.push(trace);
    return found;
  }

  async *findEach(query: TraceQuery, signal: AbortSignal): AsyncGenerator<SpanBatch> {
    const pause = makePause(this.#clock, signal);
    for (const ordinal of await searchHead(this.#head, query, pause)) {
      if (this.#head.traces.isHeld(ordinal)) yield this.#head.readTrace(ordinal);
      await pause();
    }
  }

  async readTraces(ids: readonly Uint8Array[], signal: AbortSignal): Promise<SpanBatch[]> {
    const pause = makePause(this.#clock, signal);
    const found: SpanBatch[] = [];
    for (const id of ids) {
      const ordinal = this.#head.findTrace(id);
      const archived = this.#archive.get(archiveKey(id));
      if (ordinal !== NONE) found.push(this.#head.readTrace(ordinal));
      else if (archived !== undefined) found.push(copyOf(archived));
      await pause();
    }
    return found;
  }

  services(): Promise<string[]> {
    return Promise.resolve(servicesOf(this.#head));
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<Operation[]> {
    return operationsOf(this.#head, service, kind, makePause(this.#clock, signal));
  }

  dependencies(range: TimeRange, signal: AbortSignal): Promise<Dependency[]> {
    return dependenciesOf(this.#head, range, makePause(this.#clock, signal));
  }

  series(query: SeriesQuery, signal: AbortSignal): Promise<Series[]> {
    return seriesOf(this.#head, query, makePause(this.#clock, signal));
  }

  archive(id: Uint8Array): Promise<boolean> {
    const ordinal = this.#head.findTrace(id);
    const key = archiveKey(id);
    if (ordinal === NONE) return Promise.resolve(this.#archive.has(key));
    this.#archive.delete(key);
    this.#archive.set(key, this.#head.readTrace(ordinal));
    if (this.#archive.size > ARCHIVED_TRACES_MAX) {
      const oldest: string = this.#archive.keys().next().value!;
      this.#archive.delete(oldest);
    }
    return Promise.resolve(true);
  }

  ready(): Promise<void> {
    return DONE;
  }

  figures(): StoreFigures {
    const head = this.#head;
    return {
      traces: head.traces.count,
      spans: head.liveRows,
      bytes: head.memoryBytes(),
      evictedSpans: head.evictedRows,
      evictedTraces: head.evictedTraces,
    };
  }

  close(): Promise<void> {
    return DONE;
  }

  #evict(): void {
    const head = this.#head;
    const { tracesMax, bytesMax } = this.#bounds;
    if (tracesMax > 0) while (head.traces.count > tracesMax) head.evictOldestTrace();
    while (head.memoryBytes() > bytesMax && head.traces.count > 0) {
      if (head.blocks.length === 1) head.sealOpenBlock();
      head.evictOldestTrace();
    }
  }
}

const DONE: Promise<void> = Promise.resolve();

/** Answers belong to who asked, who may change them. */
function copyOf(batch: SpanBatch): SpanBatch {
  const copy = new SpanBatch();
  const copier = new RowCopier(batch, copy);
  for (let row = 0; row < batch.rows; row++) copier.copyRow(row);
  return copy;
}

function archiveKey(id: Uint8Array): string {
  return String.fromCharCode(...id);
}
