// What Jaeger clients say of their own losses, and what is missing between two of their packets.
//
//   Batch.seqNo   1 2 3 5 6      one packet is missing: lost by a kernel or a network, or by us
//   Batch.stats   spans that the client lost itself since it started, by cause
//
// A client is known by its process tag `client-uuid`. Its first batch is the base; a batch whose number
// is not above the last one came late and is not counted. Who has been silent for an hour is forgotten.
//
// Source: jaeger-agent v1.15 and later, cmd/agent/app/reporter/client_metrics.go.
// Trust: ids and numbers are the peer's: clients are bounded, and what is not a growing number is ignored.

import type { Clock } from "../base/clock.ts";
import type { JaegerClientStats, JaegerSender } from "../wire/jaeger-thrift.ts";

/** Jaeger's own times. */
const SILENT_MS_MAX = 3_600_000;
const LOOK_EVERY_MS = 900_000;

/** Processes of one machine; 300 bytes each. The one that was silent longest makes room. */
const CLIENTS_MAX = 4_096;
/** A UUID has 36. */
const ID_CHARS_MAX = 64;
/** Beyond it a number says that a client is broken, not that so much was lost. */
const GAP_MAX = 1e9;

interface Client {
  sequence: number;
  stats: JaegerClientStats | undefined;
  seenMs: number;
}

/** Counts since the start. */
export interface ClientFigures {
  readonly connected: number;
  /** Batches that carried a number, and how many clients say that they sent since their first one. */
  readonly batchesReceived: number;
  readonly batchesSent: number;
  /** Batches missing between two others of a client. */
  readonly batchesMissing: number;
  /** Spans that clients lost before they sent them. */
  readonly spansDropped: {
    readonly "full-queue": number;
    readonly "too-large": number;
    readonly "send-failure": number;
  };
}

export class ClientStats {
  readonly #clock: Clock;
  /** In the order in which they were heard of last. */
  readonly #clients = new Map<string, Client>();
  #lookedMs: number;
  #batchesReceived = 0;
  #batchesSent = 0;
  #batchesMissing = 0;
  #fullQueue = 0;
  #tooLarge = 0;
  #sendFailure = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedMs = clock.monotonicMs();
  }

  /** Counts one batch of the client `id`. */
  count(id: string, { sequence, stats }: JaegerSender): void {
    if (sequence === undefined || id === "" || id.length > ID_CHARS_MAX) return;
    const nowMs = this.#clock.monotonicMs();
    this.#forgetSilent(nowMs);
    this.#batchesReceived++;
    const known = this.#clients.get(id);
    if (known === undefined) {
      if (this.#clients.size >= CLIENTS_MAX) this.#forgetOldest();
      this.#clients.set(id, { sequence, stats, seenMs: nowMs });
      return;
    }
    known.seenMs = nowMs;
    this.#clients.delete(id);
    this.#clients.set(id, known);
    const step = sequence - known.sequence;
    if (step <= 0) return;
    if (step <= GAP_MAX) {
      this.#batchesSent += step;
      this.#batchesMissing += step - 1;
      if (stats !== undefined) this.#countLosses(stats, known.stats);
    }
    known.sequence = sequence;
    known.stats = stats ?? known.stats;
  }

  figures(): ClientFigures {
    this.#forgetSilent(this.#clock.monotonicMs());
    return {
      connected: this.#clients.size,
      batchesReceived: this.#batchesReceived,
      batchesSent: this.#batchesSent,
      batchesMissing: this.#batchesMissing,
      spansDropped: {
        "full-queue": this.#fullQueue,
        "too-large": this.#tooLarge,
        "send-failure": this.#sendFailure,
      },
    };
  }

  #countLosses(now: JaegerClientStats, before: JaegerClientStats | undefined): void {
    this.#fullQueue += growth(now.queueFull, before?.queueFull);
    this.#tooLarge += growth(now.tooLarge, before?.tooLarge);
    this.#sendFailure += growth(now.failedToSend, before?.failedToSend);
  }

  #forgetSilent(nowMs: number): void {
    if (nowMs - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#lookedMs = nowMs;
    for (const [id, { seenMs }] of this.#clients) {
      if (nowMs - seenMs < SILENT_MS_MAX) return;
      this.#clients.delete(id);
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#clients.keys();
    if (oldest !== undefined) this.#clients.delete(oldest);
  }
}

function growth(now: number, before = 0): number {
  const more = now - before;
  return more > 0 && more <= GAP_MAX ? more : 0;
}
