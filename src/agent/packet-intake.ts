// The way of a packet: from a socket to a forwarder that answers for its spans.
//
//   receive ─▶ queue ─ slices ─▶ joiner of its family ─ full or old ─▶ parcels ─▶ forwarder.send
//      │ truncated, queue-full      │ bad-packet                                    │ rejected
//      ▼                            ▼                                               ▼
//   books: dropped               books: dropped                           books: refused, dropped
//
// Receiving goes before reading: packets are read in slices of SLICE_MS, between which the event loop
// empties the kernel's buffers. While more than `inFlightBytesMax` are on their way nothing is read, the
// queue fills, and what does not fit is dropped here, where it is known whose it was.
//
// Not here: sockets (udp-socket.ts), joining (span-joiner.ts), where it goes (forwarder.ts).

import type { Clock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { countReceived } from "../net/garbage.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { readEmitBatch } from "../wire/jaeger-thrift.ts";
import { readThriftMessage } from "../wire/thrift-message.ts";
import { type ThriftReader, refuseThrift } from "../wire/thrift-reader.ts";
import { readEmitZipkinBatch } from "../wire/zipkin-thrift.ts";
import type { ClientStats } from "./client-stats.ts";
import type { DoorPlan } from "./doors.ts";
import type { AgentLedger, DoorBooks, PacketReason } from "./ledger.ts";
import { type Packet, PacketQueue } from "./packet-queue.ts";
import type { ParcelFormat } from "./parcel.ts";
import type { ParcelSender } from "./parcel-sender.ts";
import { peekPacket } from "./peek-packet.ts";
import { SpanJoiner } from "./span-joiner.ts";

/** One or two full packets: sockets wait no longer, neither the doors' nor the collectors' for what is next. */
const SLICE_MS = 0.5;

export interface PacketIntakeOptions {
  readonly doors: readonly DoorPlan[];
  readonly ledger: AgentLedger;
  readonly clients: ClientStats;
  readonly sender: ParcelSender;
  readonly format: ParcelFormat;
  readonly clock: Clock;
  readonly tags: ReadonlyMap<string, string>;
  readonly queueBytesMax: number;
  readonly inFlightBytesMax: number;
  readonly batchBytesMax: number;
  readonly batchAgeMs: number;
  readonly onBug: (error: unknown) => void;
}

export class PacketIntake {
  readonly #options: PacketIntakeOptions;
  readonly #books: readonly DoorBooks[];
  readonly #queue: PacketQueue;
  readonly #joiners: Readonly<Record<string, SpanJoiner<ThriftReader>>>;
  #isScheduled = false;
  #isFinishing = false;
  #ageTimer: NodeJS.Timeout | undefined;

  /** Opens the books of each door. */
  constructor(options: PacketIntakeOptions) {
    this.#options = options;
    const { doors, format, tags, ledger, queueBytesMax } = options;
    this.#books = doors.map(({ name }) => ledger.open(name));
    this.#queue = new PacketQueue(
      doors.map(({ queuePacketsMax }) => queuePacketsMax),
      queueBytesMax,
    );
    const shared = { format, doors: doors.length, tags };
    this.#joiners = {
      emitBatch: new SpanJoiner({ ...shared, family: "jaeger", append: readEmitBatch }),
      emitZipkinBatch: new SpanJoiner({ ...shared, family: "zipkin", append: appendZipkin }),
    };
  }

  /** @param door index of the door; `packet` is the intake's from now on. */
  receive(door: number, packet: Uint8Array): void {
    const books = this.#books[door]!;
    books.packets.received++;
    books.packets.bytes += packet.length;
    countReceived(packet.length);
    if (packet.length > this.#options.doors[door]!.packetBytesMax) {
      this.#drop(books, packet, "truncated");
    } else if (this.#queue.offer(door, packet)) {
      books.queued++;
      this.#schedule();
    } else {
      this.#drop(books, packet, "queue-full");
    }
  }

  /** Reads all that waits, sends all that was joined, and waits for nothing. */
  finish(): void {
    this.#isFinishing = true;
    for (let packet = this.#queue.take(); packet; packet = this.#queue.take()) this.#read(packet);
    this.#flushAll();
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#mayRead()) return;
    this.#isScheduled = true;
    setImmediate(() => this.#readSlice());
  }

  #mayRead(): boolean {
    return (
      this.#options.sender.inFlightBytes < this.#options.inFlightBytesMax && !this.#isFinishing
    );
  }

  #readSlice(): void {
    this.#isScheduled = false;
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + SLICE_MS;
    try {
      while (this.#mayRead()) {
        const packet = this.#queue.take();
        if (packet === undefined) return;
        this.#read(packet);
        if (clock.monotonicMs() >= endMs) break;
      }
    } catch (error) {
      this.#options.onBug(error);
      return;
    }
    if (this.#queue.length > 0) this.#schedule();
  }

  #read({ door, bytes }: Packet): void {
    const books = this.#books[door]!;
    books.queued--;
    const { batchBytesMax, clients, ledger } = this.#options;
    try {
      const { name, thrift } = readThriftMessage(bytes);
      const joiner = Object.hasOwn(this.#joiners, name) ? this.#joiners[name] : undefined;
      if (joiner === undefined) refuseThrift(bytes, 0, "a method that agents do not have");
      const { spans, services, clientId, sender } = joiner.read(thrift, door);
      books.packets.read++;
      books.spans.receive(spans);
      for (const [service, count] of services) ledger.service(service).received += count;
      if (sender !== undefined && clientId !== "") clients.count(clientId, sender);
      if (joiner.packetBytes >= batchBytesMax || joiner.isFull) this.#flush(joiner);
      else if (joiner.rows > 0) this.#startAge();
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      this.#drop(books, bytes, "bad-packet");
    }
  }

  #drop(books: DoorBooks, packet: Uint8Array, reason: PacketReason): void {
    books.packets.dropped[reason]++;
    const glimpse = peekPacket(packet);
    if (glimpse === undefined) return;
    const { spans, service } = glimpse;
    books.spans.receive(spans);
    books.spans.end(spans, reason);
    if (service === "") return;
    const own = this.#options.ledger.service(service);
    own.received += spans;
    own.lost += spans;
  }

  /** From the first packet of a batch on. */
  #startAge(): void {
    this.#ageTimer ??= setTimeout(() => {
      this.#ageTimer = undefined;
      try {
        this.#flushAll();
      } catch (error) {
        this.#options.onBug(error);
      }
    }, this.#options.batchAgeMs);
  }

  #flushAll(): void {
    for (const joiner of Object.values(this.#joiners)) this.#flush(joiner);
    clearTimeout(this.#ageTimer);
    this.#ageTimer = undefined;
  }

  #flush(joiner: SpanJoiner<ThriftReader>): void {
    for (const sorted of joiner.flush()) {
      void this.#options.sender.send(this.#books, joiner.family, sorted).then(() => {
        if (this.#queue.length > 0) this.#schedule();
      });
    }
  }
}

function appendZipkin(thrift: ThriftReader, batch: SpanBatch): undefined {
  readEmitZipkinBatch(thrift, batch);
}
