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
import { HeadPart } from "../head/head-part.ts";
import { Head } from "../head/head.ts";
import { idKey } from "../join-lists.ts";
import { PartQueries, readsOf } from "../part-queries.ts";
import type { TraceStore } from "../trace-store.ts";

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

/** An empty store. */
export function makeMemoryStore(bounds: MemoryBounds, clock: Clock): TraceStore {
  const head = new Head(bounds.blockRowsMax);
  const part = new HeadPart(head, clock);
  const queries = new PartQueries(part);
  const archive = new Archive();
  return {
    ...readsOf(queries),
    capabilities: { searchWithoutService: true, archive: true, series: true },
    write(batch) {
      head.append(batch);
      head.evict(bounds.tracesMax, bounds.bytesMax);
      return DONE;
    },
    readTraces: (ids, signal) => queries.readTraces(ids, signal, (id) => archive.read(id)),
    async archive(id) {
      const trace = part.readTrace(id);
      if (trace === undefined) return archive.has(id);
      archive.put(id, trace);
      return true;
    },
    ready: () => DONE,
    figures: () => head.figures(),
    close: () => DONE,
  };
}

/** Copies of traces that outlive their eviction. */
class Archive {
  readonly #traces = new Map<string, SpanBatch>();
  #bytes = 0;

  has(id: Uint8Array): boolean {
    return this.#traces.has(idKey(id));
  }

  /** A copy: answers belong to who asked, who may change them. */
  read(id: Uint8Array): SpanBatch | undefined {
    const trace = this.#traces.get(idKey(id));
    return trace === undefined ? undefined : copyOf(trace);
  }

  /** In the place of what was archived of this trace before. @throws SpoorError `overloaded`: full. */
  put(id: Uint8Array, trace: SpanBatch): void {
    const known = this.#traces.get(idKey(id));
    const bytes = this.#bytes - (known?.memoryBytes() ?? 0) + trace.memoryBytes();
    if (bytes > ARCHIVE_BYTES_MAX) {
      const where = { bytes, allowed: ARCHIVE_BYTES_MAX };
      throw new SpoorError("overloaded", "the archive in memory is full", where);
    }
    this.#bytes = bytes;
    this.#traces.set(idKey(id), trace);
  }
}

const DONE: Promise<void> = Promise.resolve();

function copyOf(batch: SpanBatch): SpanBatch {
  const copy = new SpanBatch();
  const copier = new RowCopier(batch, copy);
  for (let row = 0; row < batch.rows; row++) copier.copyRow(row);
  return copy;
}
