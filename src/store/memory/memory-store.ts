// The memory engine: a head that evicts the oldest whole traces. For tests, demos and throw-away use;
// everything is gone when the process ends.
//
//   write ─▶ head.append ─▶ while over a bound: evict the trace whose first span came first
//
// Not here: how spans are held and found (store/head).

import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
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
import { HeadQueries } from "../head/head-queries.ts";
import { Head } from "../head/head.ts";
import type { Capabilities, StoreFigures, TraceStore } from "../trace-store.ts";

export interface MemoryBounds {
  /** Traces held; 0: as many as fit the bytes. */
  readonly tracesMax: number;
  /** Bytes of spans and indexes; a block, of which there is always one, has about 14 MB when full. */
  readonly bytesMax: number;
  /** Rows of a block: small in tests of the seams. */
  readonly blockRowsMax?: number;
}

/** Archived traces are kept apart from eviction, so they have a bound of their own. */
const ARCHIVE_BYTES_MAX = 64 * 1024 * 1024;

export class MemoryStore implements TraceStore {
  readonly capabilities: Capabilities = {
    searchWithoutService: true,
    archive: true,
    series: true,
  };
  readonly #head: Head;
  readonly #queries: HeadQueries;
  readonly #bounds: MemoryBounds;
  readonly #archive = new Map<string, SpanBatch>();
  #archiveBytes = 0;

  constructor(bounds: MemoryBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#head = new Head(bounds.blockRowsMax);
    this.#queries = new HeadQueries(this.#head, clock);
  }

  write(batch: SpanBatch): Promise<void> {
    this.#head.append(batch);
    this.#head.evict(this.#bounds.tracesMax, this.#bounds.bytesMax);
    return DONE;
  }

  findTraces(query: TraceQuery, signal: AbortSignal): Promise<SpanBatch[]> {
    return this.#queries.findTraces(query, signal);
  }

  findEach(query: TraceQuery, signal: AbortSignal): AsyncIterable<SpanBatch> {
    return this.#queries.findEach(query, signal);
  }

  readTraces(ids: readonly Uint8Array[], signal: AbortSignal): Promise<SpanBatch[]> {
    return this.#queries.readTraces(ids, signal, (id) => {
      const archived = this.#archive.get(archiveKey(id));
      return archived === undefined ? undefined : copyOf(archived);
    });
  }

  services(): Promise<string[]> {
    return this.#queries.services();
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<Operation[]> {
    return this.#queries.operations(service, kind, signal);
  }

  dependencies(range: TimeRange, signal: AbortSignal): Promise<Dependency[]> {
    return this.#queries.dependencies(range, signal);
  }

  series(query: SeriesQuery, signal: AbortSignal): Promise<Series[]> {
    return this.#queries.series(query, signal);
  }

  archive(id: Uint8Array): Promise<boolean> {
    const key = archiveKey(id);
    const known = this.#archive.get(key);
    const trace = this.#queries.readTrace(id);
    if (trace === undefined) return Promise.resolve(known !== undefined);
    const bytes = this.#archiveBytes - (known?.memoryBytes() ?? 0) + trace.memoryBytes();
    if (bytes > ARCHIVE_BYTES_MAX) {
      const where = { bytes, allowed: ARCHIVE_BYTES_MAX };
      return Promise.reject(new SpoorError("overloaded", "the archive in memory is full", where));
    }
    this.#archiveBytes = bytes;
    this.#archive.set(key, trace);
    return Promise.resolve(true);
  }

  ready(): Promise<void> {
    return DONE;
  }

  figures(): StoreFigures {
    return this.#head.figures();
  }

  close(): Promise<void> {
    return DONE;
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
