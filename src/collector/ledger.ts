// The books of the collector: where each request and each span went, and why.
//
//   received ─▶ in flight ─┬▶ stored            the store has it, the sender was told so
//                          ├▶ refused (reason)  the sender was told that we do not have it
//                          └▶ dropped (reason)  lost after it was ours
//
//   received = stored + Σ refused + Σ dropped + in flight
//
// The equation holds at every moment, for each door and format, in spans and in requests: a span
// moves between the columns with plain additions, and only through the methods here. A request that
// cannot be decoded counts among the refused requests; how many spans it had nobody knows.
//
// Reasons, doors and formats are closed sets: a peer cannot make the books grow.
// Not here: who calls it (intake.ts, doors/), the numbers by service (span-counts.ts).

import { RECEIVED_FORMATS } from "../store/received.ts";

/** Ways into the collector. */
export const DOORS = [
  "otlp-grpc",
  "otlp-http",
  "jaeger-grpc",
  "jaeger-http",
  "tchannel",
  "zipkin",
] as const;
export type DoorName = (typeof DOORS)[number];

/** `unknown`: the request was refused before anybody could tell. */
export const FORMATS = [...RECEIVED_FORMATS, "unknown"] as const;
export type FormatName = (typeof FORMATS)[number];

/** Why a sender was told no. The last four are the codes of SpoorError. */
export const REFUSED_REASONS = [
  "too-large", //     over a bound of the door, compressed or not
  "wrong-type", //    a content type or an encoding that the door does not know
  "cut-off", //       the sender went away, or was too slow
  "invalid-id", //    a span without trace id or span id
  "bad-input",
  "overloaded",
  "unavailable",
  "unsupported",
] as const;
export type RefusedReason = (typeof REFUSED_REASONS)[number];

/** Why something that was ours is gone. */
export const DROPPED_REASONS = ["bug"] as const;
export type DroppedReason = (typeof DROPPED_REASONS)[number];

/** What one column of the books says, as it is served. */
export interface TallyFigures {
  readonly received: number;
  readonly stored: number;
  readonly refused: Readonly<Record<RefusedReason, number>>;
  readonly dropped: Readonly<Record<DroppedReason, number>>;
  readonly inFlight: number;
}

/** One column of the books. Counts are whole numbers, exact up to 2^53. */
export class Tally {
  received = 0;
  stored = 0;
  inFlight = 0;
  readonly refused: Record<RefusedReason, number> = zeros(REFUSED_REASONS);
  readonly dropped: Record<DroppedReason, number> = zeros(DROPPED_REASONS);

  /** `count` came in and are in flight. */
  receive(count: number): void {
    this.received += count;
    this.inFlight += count;
  }

  /** `count` of those in flight are stored. */
  store(count: number): void {
    this.inFlight -= count;
    this.stored += count;
  }

  /** `count` of those in flight are refused. */
  refuse(count: number, reason: RefusedReason): void {
    this.inFlight -= count;
    this.refused[reason] += count;
  }

  /** `count` of those in flight are lost. */
  drop(count: number, reason: DroppedReason): void {
    this.inFlight -= count;
    this.dropped[reason] += count;
  }
}

/** The books of one door and format. */
export class Account {
  readonly door: DoorName;
  readonly format: FormatName;
  readonly requests: Tally = new Tally();
  readonly spans: Tally = new Tally();

  constructor(door: DoorName, format: FormatName) {
    this.door = door;
    this.format = format;
  }

  /** A request that was refused before it reached the intake. */
  refuseRequest(reason: RefusedReason): void {
    this.requests.receive(1);
    this.requests.refuse(1, reason);
  }
}

export interface AccountFigures {
  readonly door: DoorName;
  readonly format: FormatName;
  readonly requests: TallyFigures;
  readonly spans: TallyFigures;
}

/** The books at one moment. */
export interface LedgerFigures {
  readonly accounts: readonly AccountFigures[];
  readonly total: { readonly requests: TallyFigures; readonly spans: TallyFigures };
}

export class Ledger {
  readonly #accounts = new Map<string, Account>();

  /** The books of a door and format: the same object each time. */
  account(door: DoorName, format: FormatName): Account {
    const key = `${door} ${format}`;
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = new Account(door, format);
      this.#accounts.set(key, account);
    }
    return account;
  }

  accounts(): Iterable<Account> {
    return this.#accounts.values();
  }

  /** Copies all numbers; cost: some hundred additions. */
  figures(): LedgerFigures {
    const accounts = [...this.#accounts.values()];
    return {
      accounts: accounts.map(({ door, format, requests, spans }) => ({
        door,
        format,
        requests: sumTallies([requests]),
        spans: sumTallies([spans]),
      })),
      total: {
        requests: sumTallies(accounts.map((account) => account.requests)),
        spans: sumTallies(accounts.map((account) => account.spans)),
      },
    };
  }
}

/**
 * What is wrong with the books, one line each; empty: they balance.
 *
 * @param storedSpans how many spans the store says that it took in since the start, if it can tell.
 */
export function findImbalances(figures: LedgerFigures, storedSpans?: number): string[] {
  const found: string[] = [];
  for (const { door, format, requests, spans } of figures.accounts) {
    found.push(...checkTally(`${door} ${format} requests`, requests));
    found.push(...checkTally(`${door} ${format} spans`, spans));
  }
  found.push(...checkTally("total requests", figures.total.requests));
  found.push(...checkTally("total spans", figures.total.spans));
  const { stored, inFlight } = figures.total.spans;
  if (storedSpans !== undefined && (storedSpans < stored || storedSpans > stored + inFlight)) {
    found.push(`the store took ${storedSpans} spans, the ledger says ${stored} + ${inFlight}`);
  }
  return found;
}

function checkTally(what: string, tally: TallyFigures): string[] {
  const { received, stored, inFlight } = tally;
  const refused = sum(Object.values(tally.refused));
  const dropped = sum(Object.values(tally.dropped));
  const parts = [
    stored,
    inFlight,
    ...Object.values(tally.refused),
    ...Object.values(tally.dropped),
  ];
  const isSound = parts.every((count) => Number.isSafeInteger(count) && count >= 0);
  if (isSound && received === stored + refused + dropped + inFlight) return [];
  return [`${what}: ${received} received, but ${stored} + ${refused} + ${dropped} + ${inFlight}`];
}

function sumTallies(tallies: readonly Tally[]): TallyFigures {
  const refused = zeros(REFUSED_REASONS);
  const dropped = zeros(DROPPED_REASONS);
  let received = 0;
  let stored = 0;
  let inFlight = 0;
  for (const tally of tallies) {
    received += tally.received;
    stored += tally.stored;
    inFlight += tally.inFlight;
    for (const reason of REFUSED_REASONS) refused[reason] += tally.refused[reason];
    for (const reason of DROPPED_REASONS) dropped[reason] += tally.dropped[reason];
  }
  return { received, stored, refused, dropped, inFlight };
}

function zeros<R extends string>(reasons: readonly R[]): Record<R, number> {
  // Every reason gets its number here.
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<R, number>;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
