// The books of the agent: where each packet and each span went, and why, by door and by service.
//
//   packet ─▶ queued ─┬▶ read ─▶ spans in flight ─┬▶ forwarded          a collector or the spool has them
//                     │                           ├▶ refused (reason)   a collector said no
//                     │                           └▶ dropped (reason)   nobody would have them
//                     └▶ dropped (reason): its spans too, as far as the packet says how many they are
//
//   packets: received = read + Σ dropped + queued
//   spans:   received = forwarded + Σ refused + Σ dropped + in flight
//
// Both hold at every moment, for each door. A sender over UDP is told nothing, so this is the only place
// that knows. What the kernel dropped never came, and stands beside the equation.
//
// Reasons and doors are closed sets; services are the peers', and bounded.
// Not here: who calls it (udp-door.ts), how it is served (ledger-route.ts).

/** Why a packet was not read. */
export const PACKET_REASONS = [
  "queue-full", //  packets came faster than they could be read and forwarded
  "truncated", //   longer than server-max-packet-size
  "bad-packet", //  no Thrift message of a known method, or one that contradicts itself
] as const;
export type PacketReason = (typeof PACKET_REASONS)[number];

/** Why spans are gone: with their packet, or after it was read. */
export const DROPPED_REASONS = [...PACKET_REASONS, "overloaded", "unavailable", "bug"] as const;
export type DroppedReason = (typeof DROPPED_REASONS)[number];

/** What a collector may answer that no repetition mends. */
export const REFUSED_REASONS = ["bad-input", "unsupported"] as const;
export type RefusedReason = (typeof REFUSED_REASONS)[number];

/** Services that have books of their own; each costs some 200 bytes. */
export const SERVICES_MAX = 1_000;
const OTHER_SERVICES = "other-services";
const NAME_CHARS_MAX = 200;

export class PacketTally {
  received = 0;
  read = 0;
  bytes = 0;
  readonly dropped: Record<PacketReason, number> = zeros(PACKET_REASONS);
}

export class SpanTally {
  received = 0;
  forwarded = 0;
  inFlight = 0;
  readonly refused: Record<RefusedReason, number> = zeros(REFUSED_REASONS);
  readonly dropped: Record<DroppedReason, number> = zeros(DROPPED_REASONS);

  receive(count: number): void {
    this.received += count;
    this.inFlight += count;
  }

  /** `count` of those in flight came to an end. */
  end(count: number, how: SpanEnd): void {
    this.inFlight -= count;
    if (how === "forwarded") this.forwarded += count;
    else if (isRefused(how)) this.refused[how] += count;
    else this.dropped[how] += count;
  }
}

/** How spans that were received may end. */
export type SpanEnd = "forwarded" | RefusedReason | DroppedReason;

function isRefused(how: RefusedReason | DroppedReason): how is RefusedReason {
  return (REFUSED_REASONS as readonly string[]).includes(how);
}

export class DoorBooks {
  readonly door: string;
  readonly packets: PacketTally = new PacketTally();
  readonly spans: SpanTally = new SpanTally();
  /** Failures of the socket itself. */
  readErrors = 0;
  /** Packets that the kernel dropped since the door opened; undefined: it does not say. */
  kernelDrops: number | undefined;
  /** Bytes of the receive buffer that the kernel gave, as it counts them. */
  receiveBufferBytes = 0;
  /** Packets that wait to be read. */
  queued = 0;

  constructor(door: string) {
    this.door = door;
  }
}

/** Spans of one service, of all doors. */
export interface ServiceBooks {
  received: number;
  forwarded: number;
  /** Refused or dropped, for whatever reason. */
  lost: number;
}

export interface PacketFigures {
  readonly received: number;
  readonly read: number;
  readonly dropped: Readonly<Record<PacketReason, number>>;
  readonly queued: number;
  readonly bytes: number;
}

export interface SpanFigures {
  readonly received: number;
  readonly forwarded: number;
  readonly refused: Readonly<Record<RefusedReason, number>>;
  readonly dropped: Readonly<Record<DroppedReason, number>>;
  readonly inFlight: number;
}

export interface DoorFigures {
  readonly door: string;
  readonly packets: PacketFigures;
  readonly spans: SpanFigures;
  /** null: the kernel does not say. */
  readonly kernelDrops: number | null;
  readonly readErrors: number;
  readonly receiveBufferBytes: number;
}

export interface LedgerFigures {
  readonly doors: readonly DoorFigures[];
  readonly services: readonly ({ readonly service: string } & Readonly<ServiceBooks>)[];
  readonly total: { readonly packets: PacketFigures; readonly spans: SpanFigures };
}

export class AgentLedger {
  readonly #doors: DoorBooks[] = [];
  readonly #services = new Map<string, ServiceBooks>();

  open(door: string): DoorBooks {
    const books = new DoorBooks(door);
    this.#doors.push(books);
    return books;
  }

  get doors(): readonly DoorBooks[] {
    return this.#doors;
  }

  /** The books of a service; the same object each time. */
  service(name: string): ServiceBooks {
    const key = name.slice(0, NAME_CHARS_MAX);
    const known = this.#services.get(key);
    if (known !== undefined) return known;
    const isFull = this.#services.size >= SERVICES_MAX;
    const own = isFull ? OTHER_SERVICES : key;
    let books = this.#services.get(own);
    if (books === undefined) {
      books = { received: 0, forwarded: 0, lost: 0 };
      this.#services.set(own, books);
    }
    return books;
  }

  /** A copy of all numbers. Cost: some hundred additions, and one object a service. */
  figures(): LedgerFigures {
    return {
      doors: this.#doors.map((books) => ({
        door: books.door,
        packets: sumPackets([books]),
        spans: sumSpans([books]),
        kernelDrops: books.kernelDrops ?? null,
        readErrors: books.readErrors,
        receiveBufferBytes: books.receiveBufferBytes,
      })),
      services: Array.from(this.#services, ([service, books]) => ({ service, ...books })),
      total: { packets: sumPackets(this.#doors), spans: sumSpans(this.#doors) },
    };
  }
}

/** What is wrong with the books, one line each; empty: they balance. */
export function findImbalances({ doors, total }: LedgerFigures): string[] {
  return [...doors, { door: "total", ...total }].flatMap(({ door, packets, spans }) => {
    const found: string[] = [];
    const packetEnds = packets.read + packets.queued + sum(packets.dropped);
    if (packets.received !== packetEnds) {
      found.push(`${door}: ${packets.received} packets received, but ${packetEnds} accounted for`);
    }
    const { forwarded, inFlight, refused, dropped } = spans;
    const ends = forwarded + inFlight + sum(refused) + sum(dropped);
    if (spans.received !== ends || inFlight < 0) {
      found.push(`${door}: ${spans.received} spans received, but ${ends} accounted for`);
    }
    return found;
  });
}

function sumPackets(doors: readonly DoorBooks[]): PacketFigures {
  const dropped = zeros(PACKET_REASONS);
  const all = { received: 0, read: 0, queued: 0, bytes: 0 };
  for (const { packets, queued } of doors) {
    all.received += packets.received;
    all.read += packets.read;
    all.bytes += packets.bytes;
    all.queued += queued;
    for (const reason of PACKET_REASONS) dropped[reason] += packets.dropped[reason];
  }
  return { ...all, dropped };
}

function sumSpans(doors: readonly DoorBooks[]): SpanFigures {
  const refused = zeros(REFUSED_REASONS);
  const dropped = zeros(DROPPED_REASONS);
  const all = { received: 0, forwarded: 0, inFlight: 0 };
  for (const { spans } of doors) {
    all.received += spans.received;
    all.forwarded += spans.forwarded;
    all.inFlight += spans.inFlight;
    for (const reason of REFUSED_REASONS) refused[reason] += spans.refused[reason];
    for (const reason of DROPPED_REASONS) dropped[reason] += spans.dropped[reason];
  }
  return { ...all, refused, dropped };
}

function zeros<R extends string>(reasons: readonly R[]): Record<R, number> {
  // Every reason gets its number here.
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<R, number>;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
