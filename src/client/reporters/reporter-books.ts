// What became of the spans of one reporter, for the collector (client stats), for metrics and for the log.
//
//   reported = delivered + queueFull + tooLarge + failed + passedOn + waiting
//
// Losses are logged, but only once in a while: an application with a dead collector has other worries.
// Trust: the logger is the application's; one that throws is as good as none.

import { type Clock, systemClock } from "../../base/clock.ts";
import type { JaegerClientStats } from "../../wire/jaeger-thrift.ts";
import type { ClientMetrics } from "../client-metrics.ts";

/** The part of a logger that reporters use. */
export interface ReporterLogger {
  error(message: string): void;
}

export type ReporterMetrics = Pick<
  ClientMetrics,
  "reporterSuccess" | "reporterFailure" | "reporterDropped" | "reporterQueueLength"
>;

/** Spans, since the reporter was made. */
export interface ReporterFigures {
  readonly reported: number;
  /** Handed over: to the kernel (UDP), or taken by the collector. */
  readonly delivered: number;
  /** Dropped because too many were waiting. */
  readonly queueFull: number;
  /** Dropped because they did not fit, not even cut down. */
  readonly tooLarge: number;
  /** Given up: refused, or tried too often, or waiting when the reporter was closed. */
  readonly failed: number;
  /** Too large for a packet, given to the reporter for such spans. */
  readonly passedOn: number;
  /** Of the others: how many lost logs or ends of values to become small enough. */
  readonly cut: number;
}

interface BooksOptions {
  readonly metrics?: ReporterMetrics | undefined;
  readonly logger?: ReporterLogger | undefined;
  readonly clock?: Clock | undefined;
}

const LOG_EVERY_MS = 10_000;

export class ReporterBooks implements ReporterFigures {
  reported = 0;
  delivered = 0;
  queueFull = 0;
  tooLarge = 0;
  failed = 0;
  passedOn = 0;
  cut = 0;
  readonly #name: string;
  readonly #metrics: ReporterMetrics | undefined;
  readonly #logger: ReporterLogger | undefined;
  readonly #clock: Clock;
  #lostSinceLog = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, options: BooksOptions) {
    this.#name = name;
    this.#metrics = options.metrics;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
  }

  deliver(spans: number): void {
    this.delivered += spans;
    this.#metrics?.reporterSuccess.increment(spans);
  }

  /** @param why for the log, without payload. */
  fail(spans: number, why: string): void {
    if (spans <= 0) return;
    this.failed += spans;
    this.#metrics?.reporterFailure.increment(spans);
    this.#lose(spans, why);
  }

  /** What was delivered has come back. */
  takeBack(spans: number, why: string): void {
    this.delivered -= spans;
    this.fail(spans, why);
  }

  dropForQueue(): void {
    this.queueFull++;
    this.#metrics?.reporterDropped.increment(1);
    this.#lose(1, "too many were waiting");
  }

  dropForSize(): void {
    this.tooLarge++;
    this.#metrics?.reporterDropped.increment(1);
    this.#lose(1, "too large to be sent");
  }

  showWaiting(spans: number): void {
    this.#metrics?.reporterQueueLength.update(spans);
  }

  figures(): ReporterFigures {
    const { reported, delivered, queueFull, tooLarge, failed, passedOn, cut } = this;
    return { reported, delivered, queueFull, tooLarge, failed, passedOn, cut };
  }

  /** As a batch of Jaeger's tells it to the collector. */
  stats(): JaegerClientStats {
    const { queueFull, tooLarge, failed } = this;
    return { queueFull, tooLarge, failedToSend: failed };
  }

  #lose(spans: number, why: string): void {
    this.#lostSinceLog += spans;
    if (this.#logger === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#loggedMs < LOG_EVERY_MS) return;
    this.#loggedMs = nowMs;
    const lost = this.#lostSinceLog;
    this.#lostSinceLog = 0;
    try {
      this.#logger.error(`${this.#name}: lost ${lost} spans: ${why}`);
    } catch {
      // The application's logger must not make it fail.
    }
  }
}
