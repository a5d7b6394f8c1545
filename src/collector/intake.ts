// The one way in: from the bytes of a request to spans in the store.
//
//   payload ─ room? ─▶ Reception: read ─ sanitize ─ count ─▶ store.write ─▶ the sender's answer
//               │ no                 │ bad                        │ cannot
//               ▼                    ▼                            ▼
//           overloaded             bad-input            overloaded, unavailable
//
// A sender gets its answer when the store's promise resolves. What a request turned into, and why, is
// in the ledger before the sender knows.
//
// Limits: bytes of payloads whose spans are not stored yet (`inFlightBytesMax`); what is more is told
// to come again. Memory for rows is bounded by BATCH_BYTES_MAX, whatever the payload says.
// Trust: payloads are the peer's. Not here: sockets and answers (doors/), reading (reception.ts).

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import type { CounterSeries, GaugeSeries, HistogramSeries } from "../base/metrics.ts";
import type { SampledRoots } from "../sampling/adaptive/throughput-counter.ts";
import type { ReceivedFormat } from "../store/received.ts";
import type { Account, DoorName, Ledger } from "./ledger.ts";
import type { ReadPayload } from "./readers.ts";
import type { Reading, Reception } from "./reception.ts";
import {
  type BatchCounts,
  type CollectorMetrics,
  ServiceNames,
  SpanCounter,
} from "./span-counts.ts";

/** What a request turned into. */
export interface Receipt {
  /** Spans of the request that are not stored because they have no trace id or span id. */
  readonly invalidIds: number;
}

/** Takes the payload of one request; it must stay as it is until the promise settles. */
export type TakePayload = (payload: Uint8Array) => Promise<Receipt>;

/** Label values of Jaeger's metrics. */
export interface JaegerLabels {
  readonly format: "jaeger" | "proto" | "zipkin" | "otlp";
  readonly transport: "grpc" | "http" | "tchannel";
}

export interface IntakeOptions {
  readonly reception: Reception;
  readonly ledger: Ledger;
  readonly metrics: CollectorMetrics;
  readonly clock: Clock;
  /** A label of Jaeger's metrics: this machine's name. */
  readonly host: string;
  readonly inFlightBytesMax: number;
  /** Learns which root spans were sampled by a remote strategy. */
  readonly recordRoots?: ((roots: readonly SampledRoots[]) => void) | undefined;
}

/** Bytes of a span until the first has come: what OpenTelemetry SDKs send. */
const SPAN_BYTES_GUESS = 500;

interface HostSeries {
  readonly batchSize: GaugeSeries;
  readonly spansBytes: CounterSeries;
  readonly inQueueLatency: HistogramSeries;
  readonly saveLatency: HistogramSeries;
}

/** From one door in one format. */
interface Way {
  readonly format: ReceivedFormat;
  readonly account: Account;
  readonly counter: SpanCounter;
  readonly read: ReadPayload | undefined;
}

const ALL_STORED: Receipt = { invalidIds: 0 };

export class Intake {
  readonly #options: IntakeOptions;
  readonly #hostSeries: HostSeries;
  readonly #names = new ServiceNames();
  #inFlightBytes = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#hostSeries = bindHostSeries(options, this.#names);
  }

  /** The way in for one door and format. */
  open(
    door: DoorName,
    format: ReceivedFormat,
    labels: JaegerLabels,
    read?: ReadPayload,
  ): TakePayload {
    const account = this.#options.ledger.account(door, format);
    const counter = new SpanCounter(this.#options.metrics, this.#names, labels);
    const way = { format, account, counter, read };
    return (payload) => this.#take(payload, way);
  }

  async #take(payload: Uint8Array, way: Way): Promise<Receipt> {
    const { requests } = way.account;
    const bytes = payload.length;
    requests.receive(1);
    const { inFlightBytesMax: allowed } = this.#options;
    const waiting = this.#inFlightBytes;
    // A payload above the bound has its turn when nothing waits; it would be refused for ever.
    if (waiting > 0 && waiting + bytes > allowed) {
      requests.refuse(1, "overloaded");
      const message = "too many bytes wait for the store, try again later";
      throw new SpoorError("overloaded", message, { waiting, allowed });
    }
    this.#inFlightBytes = waiting + bytes;
    try {
      const receipt = await this.#readAndWrite(payload, way);
      requests.store(1);
      return receipt;
    } catch (error) {
      if (error instanceof SpoorError) requests.refuse(1, error.code);
      else requests.drop(1, "bug");
      throw error;
    } finally {
      this.#inFlightBytes -= bytes;
    }
  }

  async #readAndWrite(
    payload: Uint8Array,
    { format, account, counter, read }: Way,
  ): Promise<Receipt> {
    const { spans } = account;
    const { clock, reception, recordRoots } = this.#options;
    const startMs = clock.monotonicMs();
    let reading: Reading | undefined;
    let counts: BatchCounts | undefined;
    let writeMs = startMs;
    const onRead = (found: Reading): void => {
      reading = found;
      const { rows, invalidIds } = found;
      spans.receive(rows + invalidIds);
      if (invalidIds > 0) spans.refuse(invalidIds, "invalid-id");
      counts = counter.receive(found.counts);
      recordRoots?.(found.counts.sampledRoots);
      this.#hostSeries.batchSize.set(rows + invalidIds);
      this.#hostSeries.spansBytes.add(payload.length);
      writeMs = clock.monotonicMs();
    };
    try {
      await reception.take(format, payload, onRead, read);
    } catch (error) {
      if (reading === undefined) throw error;
      if (counts !== undefined) counter.fail(counts);
      if (error instanceof SpoorError) spans.refuse(reading.rows, error.code);
      else spans.drop(reading.rows, "bug");
      throw error;
    }
    assert(reading !== undefined && counts !== undefined, "a payload was taken but not read");
    const { rows, invalidIds } = reading;
    if (rows === 0) return receiptOf(invalidIds, rows);
    spans.store(rows);
    counter.save(counts);
    const endMs = clock.monotonicMs();
    this.#hostSeries.saveLatency.observe((endMs - writeMs) / 1_000);
    this.#hostSeries.inQueueLatency.observe((endMs - startMs) / 1_000);
    return receiptOf(invalidIds, rows);
  }
}

/** @throws SpoorError if nothing of a request could be stored. */
function receiptOf(invalidIds: number, rows: number): Receipt {
  if (invalidIds === 0) return ALL_STORED;
  if (rows > 0) return { invalidIds };
  throw new SpoorError("bad-input", "no span has both a trace id and a span id", {
    spans: invalidIds,
  });
}

function bindHostSeries(options: IntakeOptions, names: ServiceNames): HostSeries {
  const { metrics, ledger, inFlightBytesMax } = options;
  const host = { host: options.host };
  const spansBytes = metrics.spansBytes.with(host);
  metrics.serviceNames.with(host).readFrom(() => names.count);
  metrics.queueLength.with(host).readFrom(() => ledger.figures().total.spans.inFlight);
  metrics.spansDropped.with(host).readFrom(() => ledger.figures().total.spans.dropped.bug);
  metrics.queueCapacity.with(host).readFrom(() => {
    const { received } = ledger.figures().total.spans;
    const spanBytes = received === 0 ? SPAN_BYTES_GUESS : spansBytes.value / received;
    return Math.floor(inFlightBytesMax / Math.max(1, spanBytes));
  });
  return {
    batchSize: metrics.batchSize.with(host),
    spansBytes,
    inQueueLatency: metrics.inQueueLatency.with(host),
    saveLatency: metrics.saveLatency.with(host),
  };
}
