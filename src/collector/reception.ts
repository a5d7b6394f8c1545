// Where payloads are read and their spans stored: in this thread, or in another one behind the same call.
//
//   payload ─ read ─▶ SpanBatch ─ sanitize ─ count ─▶ onRead ─▶ store.write ─▶ resolves
//
// Not here: whether there is room, the books, metrics (intake.ts); other threads (shards/).

import { SpanBatch } from "../model/span-batch.ts";
import { countLetGo } from "../net/garbage.ts";
import type { ReceivedFormat } from "../store/received.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { BATCH_BYTES_MAX, type ReadPayload, readers } from "./readers.ts";
import type { Sanitized } from "./sanitize.ts";
import { type SpanCounts, makeCountSpans } from "./span-counts.ts";

/** What a payload turned out to hold. */
export interface Reading {
  /** Spans that are to be stored. */
  readonly rows: number;
  /** Spans that cannot be: they have no trace id or span id. */
  readonly invalidIds: number;
  readonly counts: SpanCounts;
}

export interface Reception {
  /**
   * Reads a payload and stores its spans. It must stay as it is until the promise settles.
   *
   * @param onRead called once it has been read, before the promise settles; not called if it cannot be.
   * @throws SpoorError `bad-input` if it cannot be read; what `TraceStore.write` throws.
   */
  take(
    format: ReceivedFormat,
    payload: Uint8Array,
    onRead: (reading: Reading) => void,
    read?: ReadPayload,
  ): Promise<void>;
}

/** Kept for the next request: a batch of some 50,000 usual spans. A larger one is let go. */
const KEPT_BATCH_BYTES_MAX = 32 * 1024 * 1024;

/** Reads in this thread, on one SpanBatch for all doors. */
export class LocalReception implements Reception {
  readonly #store: TraceStore;
  readonly #sanitize: (batch: SpanBatch) => Sanitized;
  readonly #count: (batch: SpanBatch) => SpanCounts = makeCountSpans();
  #batch = new SpanBatch(BATCH_BYTES_MAX);

  constructor(store: TraceStore, sanitize: (batch: SpanBatch) => Sanitized) {
    this.#store = store;
    this.#sanitize = sanitize;
  }

  async take(
    format: ReceivedFormat,
    payload: Uint8Array,
    onRead: (reading: Reading) => void,
    read: ReadPayload = readers[format],
  ): Promise<void> {
    this.#clearBatch(); // what a payload that was refused has left
    const leftOut = read(payload, this.#batch);
    const { batch, invalidIds } = this.#sanitize(this.#batch);
    const { rows } = batch;
    onRead({ rows, invalidIds: invalidIds + (leftOut?.spans ?? 0), counts: this.#count(batch) });
    if (rows === 0) return;
    const written = this.#store.write(batch, { format, payload });
    this.#clearBatch(); // written: the batch is ours again
    await written;
  }

  /** Empties the batch of all requests; an outsized one is let go. */
  #clearBatch(): void {
    const bytes = this.#batch.memoryBytes();
    if (bytes > KEPT_BATCH_BYTES_MAX) {
      this.#batch = new SpanBatch(BATCH_BYTES_MAX);
      countLetGo(2 * bytes); // it has grown by doubling: as much was let go on the way
    } else {
      this.#batch.reset();
    }
  }
}
