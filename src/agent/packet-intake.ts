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
import { readThriftMessage } from "../wire/thrift-message.ts";
import { refuseThrift } from "../wire/thrift-reader.ts";
import type { ClientStats } from "./client-stats.ts";
import type { DoorPlan, Family } from "./doors.ts";
import type { AgentLedger, DoorBooks, PacketReason, SpanEnd } from "./ledger.ts";
import { type Packet, PacketQueue } from "./packet-queue.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import { peekPacket } from "./peek-packet.ts";
import { SpanJoiner } from "./span-joiner.ts";
import type { SortedParcel } from "./write-parcels.ts";

/** The kernel's buffer holds more than what comes in ten such slices. */
const SLICE_MS = 2;

/** What takes parcels; a Forwarder does. */
export interface ParcelSink {
  readonly format: ParcelFormat;
  /** Resolves when somebody has it for sure. @throws SpoorError when nobody has. */
  send(parcel: Parcel): Promise<void>;
}

/** How a parcel went, for metrics. */
export type OnParcel = (family: Family, spans: number, isForwarded: boolean) => void;

export interface PacketIntakeOptions {
  readonly doors: readonly DoorPlan[];
  readonly ledger: AgentLedger;
  readonly clients: ClientStats;
  readonly sink: ParcelSink;
  readonly clock: Clock;
  readonly tags: ReadonlyMap<string, string>;
  readonly queueBytesMax: number;
  readonly inFlightBytesMax: number;
  readonly batchBytesMax: number;
  readonly batchAgeMs: number;
  readonly onParcel: OnParcel;
  readonly onBug: (error: unknown) => void;
}

export class PacketIntake {
  readonly #options: PacketIntakeOptions;
  readonly #books: readonly DoorBooks[];
  readonly #queue: PacketQueue;
  readonly #joiners: Readonly<Record<string, SpanJoiner>>;
  #isScheduled = false;
  #isFinishing = false;
  #ageTimer: NodeJS.Timeout | undefined;
  #inFlightBytes = 0;
  readonly #sending = new Set<Promise<void>>();

  /** Opens the books of each door. */
  constructor(options: PacketIntakeOptions) {
    this.#options = options;
    const { doors, sink, tags, ledger, queueBytesMax } = options;
    this.#books = doors.map(({ name }) => ledger.open(name));
    this.#queue = new PacketQueue(
      doors.map(({ queuePacketsMax }) => queuePacketsMax),
      queueBytesMax,
    );
    const join = (family: Family): SpanJoiner =>
      new SpanJoiner({ family, format: sink.format, doors: doors.length, tags });
    this.#joiners = { emitBatch: join("jaeger"), emitZipkinBatch: join("zipkin") };
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

  /** Resolves when every parcel that was sent has its answer. */
  async settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#mayRead()) return;
    this.#isScheduled = true;
    setImmediate(() => this.#readSlice());
  }

  #mayRead(): boolean {
    return this.#inFlightBytes < this.#options.inFlightBytesMax && !this.#isFinishing;
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

  #flush(joiner: SpanJoiner): void {
    for (const sorted of joiner.flush()) {
      const sending = this.#send(joiner.family, sorted);
      this.#sending.add(sending);
      void sending.finally(() => {
        this.#sending.delete(sending);
        if (this.#queue.length > 0) this.#schedule();
      });
    }
  }

  async #send(family: Family, { parcel, byDoor }: SortedParcel): Promise<void> {
    const { sink, onParcel, onBug } = this.#options;
    this.#inFlightBytes += parcel.payload.length;
    let how: SpanEnd = "forwarded";
    try {
      await sink.send(parcel);
    } catch (error) {
      how = error instanceof SpoorError ? error.code : "bug";
      if (how === "bug") onBug(error);
    }
    this.#inFlightBytes -= parcel.payload.length;
    for (const [door, spans] of byDoor.entries()) {
      if (spans > 0) this.#books[door]!.spans.end(spans, how);
    }
    const column = how === "forwarded" ? "forwarded" : "lost";
    for (const [service, spans] of parcel.services) {
      this.#options.ledger.service(service)[column] += spans;
    }
    onParcel(family, parcel.spans, how === "forwarded");
  }
}
