// Spans to an agent on this machine or near it: one Jaeger batch a datagram.
//
//   report ─▶ SpanBuffer ─ full, or flush interval ─▶ emitBatch, seqNo + 1 ─▶ PacketSocket
//      └ larger than a packet ─▶ another reporter (HTTP), or cut down with a tag that says so
//
// A packet is full when what it holds may not fit with one span more: SpanBuffer counts the most that a
// span can take, so packets end a little below the limit and never above it. Spans that the kernel has
// not taken yet (the application did not let the event loop run) count as waiting.
//
// Jaeger's agent: 6831 compact, 6832 binary; the limit of its receive buffer is 65,000 bytes.
// Never throws, never rejects: what is lost is in the figures, in metrics, in the client stats of the next
// packet. UDP tells little: `delivered` is what the kernel took and no ICMP message came back for.
// Not here: names and sockets (packet-socket.ts).

import { type Clock, systemClock } from "../../base/clock.ts";
import { writeEmitBatches } from "../../wire/write-jaeger-thrift.ts";
import type { Process, Reporter } from "../reporter.ts";
import type { Span } from "../span.ts";
import { CUT_STEPS, cutProcessTags, cutSpan } from "./cut-span.ts";
import { PacketSocket } from "./packet-socket.ts";
import {
  ReporterBooks,
  type ReporterFigures,
  type ReporterLogger,
  type ReporterMetrics,
} from "./reporter-books.ts";
import { SpanBuffer } from "./span-buffer.ts";
import { waitAtMost } from "./wait-at-most.ts";

export interface UdpReporterOptions {
  /** Name or address of the agent; its name is looked up again now and then. */
  readonly host?: string | undefined;
  /** 6831, for the binary protocol 6832. */
  readonly port?: number | undefined;
  readonly protocol?: "compact" | "binary" | undefined;
  /** Bytes of one datagram. */
  readonly packetBytesMax?: number | undefined;
  readonly flushIntervalMs?: number | undefined;
  /** Spans that may wait: for their packet to be full, and for the kernel to take it. */
  readonly maxQueueSize?: number | undefined;
  /** Takes spans that fit in no packet. Belongs to this reporter from now on. */
  readonly largeSpans?: Reporter | undefined;
  readonly metrics?: ReporterMetrics | undefined;
  readonly logger?: ReporterLogger | undefined;
  readonly clock?: Clock | undefined;
}

const COMPACT_PORT = 6831;
const BINARY_PORT = 6832;
const PACKET_BYTES_MAX = 65_000;
export const FLUSH_INTERVAL_MS = 1_000;
/** Some 300 bytes each: 3 MB. */
export const QUEUE_SPANS_MAX = 10_000;
/** How long flush() and close() wait for the kernel, or for a name to be found. */
const FLUSH_MS_MAX = 2_000;

export class UdpReporter implements Reporter {
  readonly name: string = "UdpReporter";
  readonly #protocol: "compact" | "binary";
  readonly #packetBytesMax: number;
  readonly #flushIntervalMs: number;
  readonly #queueSpansMax: number;
  readonly #rowsMax: number;
  readonly #largeSpans: Reporter | undefined;
  readonly #books: ReporterBooks;
  readonly #buffer: SpanBuffer;
  readonly #socket: PacketSocket;
  #sequence = 0;
  /** Spans of packets that the kernel has not taken yet. */
  #inFlight = 0;
  /** Spans of the packet that it took last. */
  #lastSent = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #whenIdle: (() => void)[] = [];
  #isClosed = false;

  constructor(options: UdpReporterOptions = {}) {
    this.#protocol = options.protocol ?? "compact";
    this.#packetBytesMax = options.packetBytesMax ?? PACKET_BYTES_MAX;
    this.#flushIntervalMs = options.flushIntervalMs ?? FLUSH_INTERVAL_MS;
    this.#queueSpansMax = options.maxQueueSize ?? QUEUE_SPANS_MAX;
    // A short queue must not be full before the packet is.
    this.#rowsMax = Math.max(1, Math.floor(this.#queueSpansMax / 2));
    this.#largeSpans = options.largeSpans;
    this.#books = new ReporterBooks(this.name, options);
    this.#buffer = new SpanBuffer(this.#protocol);
    this.#socket = new PacketSocket({
      host: options.host ?? "localhost",
      port: options.port ?? (this.#protocol === "compact" ? COMPACT_PORT : BINARY_PORT),
      clock: options.clock ?? systemClock,
      onRefused: () => this.#onRefused(),
    });
  }

  get figures(): ReporterFigures {
    return this.#books.figures();
  }

  setProcess(process: Process): void {
    this.#send();
    const buffer = this.#buffer;
    const { serviceName, tags } = process;
    buffer.setProcess(process);
    // Half of a packet is for spans.
    const bytesMax = this.#packetBytesMax / 2;
    for (let step = 0; step < CUT_STEPS && buffer.processBytes > bytesMax; step++) {
      buffer.setProcess({ serviceName, tags: cutProcessTags(tags, step) });
    }
    this.#largeSpans?.setProcess(process);
  }

  report(span: Span): void {
    const books = this.#books;
    const buffer = this.#buffer;
    books.reported++;
    if (this.#isClosed) {
      books.fail(1, "the reporter is closed");
      return;
    }
    if (buffer.batch.rows + this.#inFlight >= this.#queueSpansMax) {
      books.dropForQueue();
      return;
    }
    const bytes = buffer.append(span);
    if (bytes < 0) books.fail(1, "it could not be read");
    else if (buffer.bytes > this.#packetBytesMax) this.#overflow(span, bytes);
    else if (buffer.batch.rows >= this.#rowsMax) this.#send();
    if (this.#timer === undefined) this.#startTimer();
  }

  async flush(): Promise<void> {
    this.#send();
    const idle =
      this.#inFlight === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            this.#whenIdle.push(resolve);
          });
    await Promise.all([waitAtMost(idle, FLUSH_MS_MAX), this.#largeSpans?.flush()]);
  }

  async close(callback?: () => void): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await this.flush();
      this.#socket.close();
      clearTimeout(this.#timer);
      await this.#largeSpans?.close();
    }
    if (callback !== undefined) queueMicrotask(callback);
  }

  toString(): string {
    return this.name;
  }

  /** The span of `bytes` that was appended last may be too much. */
  #overflow(span: Span, bytes: number): void {
    const buffer = this.#buffer;
    buffer.takeBack(bytes);
    if (buffer.rows > 0) {
      this.#send();
      buffer.append(span);
      if (buffer.bytes <= this.#packetBytesMax) return;
    } else buffer.append(span);
    // What it may take is too much; what it does take may not be.
    const packet = this.#write();
    buffer.clear();
    if (packet.length <= this.#packetBytesMax) this.#sendPacket(packet, 1);
    else if (this.#largeSpans === undefined) this.#appendCut(span);
    else {
      this.#books.passedOn++;
      this.#largeSpans.report(span);
    }
  }

  #appendCut(span: Span): void {
    const buffer = this.#buffer;
    for (let step = 0; step < CUT_STEPS; step++) {
      buffer.append(cutSpan(span, step));
      if (buffer.bytes <= this.#packetBytesMax) {
        this.#books.cut++;
        return;
      }
      buffer.clear();
    }
    this.#books.dropForSize();
  }

  #send(): void {
    const { rows } = this.#buffer;
    if (rows === 0) return;
    const packet = this.#write();
    this.#buffer.clear();
    this.#sendPacket(packet, rows);
  }

  #write(): Uint8Array {
    const sender = { sequence: this.#sequence + 1, stats: this.#books.stats() };
    return writeEmitBatches(this.#buffer.batch, { protocol: this.#protocol, ...sender })[0]!;
  }

  #sendPacket(packet: Uint8Array, spans: number): void {
    this.#sequence++;
    this.#inFlight += spans;
    this.#socket.send(packet, (error) => {
      this.#inFlight -= spans;
      if (error === undefined) {
        this.#lastSent = spans;
        this.#books.deliver(spans);
      } else this.#books.fail(spans, error.message);
      if (this.#inFlight === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
  }

  #onRefused(): void {
    this.#books.takeBack(this.#lastSent, "nobody listens at the agent's port");
    this.#lastSent = 0;
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#books.showWaiting(this.#buffer.rows + this.#inFlight);
      this.#send();
    }, this.#flushIntervalMs).unref();
  }
}
