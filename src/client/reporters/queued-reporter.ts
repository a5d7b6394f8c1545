// Spans to a collector: batched, written, queued, sent again while the collector is away.
//
//   report ─▶ SpanBuffer ─ full, or flush interval ─▶ payload ─▶ SendingQueue ─▶ Sender
//
// What waits is bounded in spans (maxQueueSize) and in bytes; what does not fit is dropped and counted, at
// once, before it costs anything. The newest are dropped: what came first tells how it began.
// Not here: formats and how they are sent (http-reporter.ts, otlp-reporter.ts).

import { type Clock, systemClock } from "../../base/clock.ts";
import type { JaegerSender } from "../../wire/jaeger-thrift.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type { Process, Reporter } from "../reporter.ts";
import type { Span } from "../span.ts";
import { CUT_STEPS, cutSpan } from "./cut-span.ts";
import {
  ReporterBooks,
  type ReporterFigures,
  type ReporterLogger,
  type ReporterMetrics,
} from "./reporter-books.ts";
import { RETRY, type RetryLimits, SendingQueue, type Verdict } from "./sending-queue.ts";
import { SpanBuffer } from "./span-buffer.ts";
import { FLUSH_INTERVAL_MS, QUEUE_SPANS_MAX } from "./udp-reporter.ts";

export interface QueuedReporterOptions {
  readonly flushIntervalMs?: number | undefined;
  /** Spans that may wait: for a batch to be full, and for the collector. */
  readonly maxQueueSize?: number | undefined;
  /** Spans of one payload. */
  readonly batchSpansMax?: number | undefined;
  readonly retry?: RetryLimits | undefined;
  /** How long flush() and close() wait at most; 2 s and 5 s if that is less. */
  readonly waitMsMax?: number | undefined;
  readonly metrics?: ReporterMetrics | undefined;
  readonly logger?: ReporterLogger | undefined;
  readonly clock?: Clock | undefined;
  /** 0 to 1; for the jitter of pauses. */
  readonly random?: (() => number) | undefined;
}

/** A format, and how it is sent. */
export interface Carrier {
  readonly name: string;
  readonly format: "binary" | "otlp";
  write(batch: SpanBatch, sender: JaegerSender): Uint8Array;
  /** Never rejects. */
  send(bytes: Uint8Array, signal: AbortSignal): Promise<Verdict>;
  close(): void;
}

const BATCH_SPANS_MAX = 512;
/** Collectors take some 4 MiB at least in one request. */
const PAYLOAD_BYTES_MAX = 2 * 1024 * 1024;
/** Of written payloads; a few large spans must not count as little. */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;

export class QueuedReporter implements Reporter {
  readonly name: string;
  readonly #carrier: Carrier;
  readonly #buffer: SpanBuffer;
  readonly #books: ReporterBooks;
  readonly #queue: SendingQueue;
  readonly #flushIntervalMs: number;
  readonly #queueSpansMax: number;
  readonly #rowsMax: number;
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(carrier: Carrier, options: QueuedReporterOptions) {
    this.name = carrier.name;
    this.#carrier = carrier;
    this.#buffer = new SpanBuffer(carrier.format);
    this.#books = new ReporterBooks(this.name, options);
    this.#flushIntervalMs = options.flushIntervalMs ?? FLUSH_INTERVAL_MS;
    this.#queueSpansMax = options.maxQueueSize ?? QUEUE_SPANS_MAX;
    // A short queue must not be full before the batch is.
    const half = Math.max(1, Math.floor(this.#queueSpansMax / 2));
    this.#rowsMax = Math.min(options.batchSpansMax ?? BATCH_SPANS_MAX, half);
    this.#queue = new SendingQueue({
      send: (bytes, signal) => carrier.send(bytes, signal),
      books: this.#books,
      retry: options.retry ?? RETRY,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      waitMsMax: options.waitMsMax ?? Number.POSITIVE_INFINITY,
    });
  }

  get figures(): ReporterFigures {
    return this.#books.figures();
  }

  setProcess(process: Process): void {
    this.#send();
    this.#buffer.setProcess(process);
  }

  report(span: Span): void {
    const books = this.#books;
    const buffer = this.#buffer;
    books.reported++;
    if (this.#isClosed) {
      books.fail(1, "the reporter is closed");
      return;
    }
    const queue = this.#queue;
    if (buffer.rows + queue.spans >= this.#queueSpansMax || queue.bytes >= QUEUE_BYTES_MAX) {
      books.dropForQueue();
      return;
    }
    const bytes = buffer.append(span);
    if (bytes < 0) books.fail(1, "it could not be read");
    else if (bytes > PAYLOAD_BYTES_MAX) this.#appendCut(span, bytes);
    if (buffer.rows >= this.#rowsMax || buffer.bytes > PAYLOAD_BYTES_MAX) this.#send();
    else if (this.#timer === undefined) this.#startTimer();
  }

  async flush(): Promise<void> {
    this.#send();
    await this.#queue.flush();
  }

  async close(callback?: () => void): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      clearTimeout(this.#timer);
      this.#send();
      await this.#queue.close();
      this.#carrier.close();
    }
    if (callback !== undefined) queueMicrotask(callback);
  }

  toString(): string {
    return this.name;
  }

  #appendCut(span: Span, bytes: number): void {
    const buffer = this.#buffer;
    buffer.takeBack(bytes);
    for (let step = 0; step < CUT_STEPS; step++) {
      const cutBytes = buffer.append(cutSpan(span, step));
      if (cutBytes <= PAYLOAD_BYTES_MAX) {
        this.#books.cut++;
        return;
      }
      buffer.takeBack(cutBytes);
    }
    this.#books.dropForSize();
  }

  #send(): void {
    const { rows } = this.#buffer;
    if (rows === 0) return;
    this.#sequence++;
    const sender = { sequence: this.#sequence, stats: this.#books.stats() };
    const payload = this.#carrier.write(this.#buffer.batch, sender);
    this.#buffer.clear();
    this.#queue.offer(payload, rows);
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#books.showWaiting(this.#buffer.rows + this.#queue.spans);
      this.#send();
    }, this.#flushIntervalMs).unref();
  }
}
