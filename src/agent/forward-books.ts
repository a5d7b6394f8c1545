// Where the parcels of the forwarder are, in parcels and spans; every one is in one place.
//
//   received + recovered = delivered + refused + dropped + in flight + spooled
//
// Not here: who adds (forwarder.ts), metrics (forwarder-metrics.ts).

import { REFUSAL_REASONS, type RefusalReason } from "./reporters/reporter.ts";
import type { Amount } from "./spool.ts";

/** Why spans were lost here. */
export const FORWARD_DROPPED_REASONS = [
  "memory-full", //  too many are on their way, and there is no spool
  "spool-full", //   beyond `spool.max-bytes`
  "spool-failed", // the disk does not take them
  "damaged", //      the disk does not give them back
  "undeliverable", // collectors fall silent on them, or they cannot be sent as what collectors take
  "closed", //       the agent ended, and there is no spool
] as const;
export type ForwardDroppedReason = (typeof FORWARD_DROPPED_REASONS)[number];

export interface ForwarderFigures {
  readonly received: Readonly<Amount>;
  /** Found in the spool at the start. */
  readonly recovered: Readonly<Amount>;
  /** A collector has them. */
  readonly delivered: Readonly<Amount>;
  /** A collector does not want them. */
  readonly refused: Readonly<Record<RefusalReason, Readonly<Amount>>>;
  readonly dropped: Readonly<Record<ForwardDroppedReason, Readonly<Amount>>>;
  /** On their way, in memory only. */
  readonly inFlight: Readonly<Amount> & { readonly bytes: number };
  /** In the spool; `bytes` of its files. */
  readonly spooled: Readonly<Amount> & { readonly bytes: number };
  /** What of the spool was damaged at the start: nobody knows how many spans that were. */
  readonly damagedBytes: number;
  /** Calls that failed and were made again. */
  readonly setbacks: number;
  readonly reconnects: number;
  readonly collectors: { readonly connected: number; readonly known: number };
}

export class ForwardBooks {
  readonly received: Amount = none();
  readonly delivered: Amount = none();
  readonly refused: Readonly<Record<RefusalReason, Amount>> = amounts(REFUSAL_REASONS);
  readonly dropped: Readonly<Record<ForwardDroppedReason, Amount>> =
    amounts(FORWARD_DROPPED_REASONS);
  readonly inFlight: Amount & { bytes: number } = { ...none(), bytes: 0 };
  setbacks = 0;

  /** Takes parcels with so many spans in; with a minus, out. */
  static add(amount: Amount, spans: number, parcels = 1): void {
    amount.parcels += parcels;
    amount.spans += spans;
  }
}

function none(): Amount {
  return { parcels: 0, spans: 0 };
}

function amounts<R extends string>(reasons: readonly R[]): Record<R, Amount> {
  return Object.fromEntries(reasons.map((reason) => [reason, none()])) as Record<R, Amount>;
}

/** @returns what does not add up, for tests and `/ledger`; empty when all does. */
export function findForwardImbalances(figures: ForwarderFigures): string[] {
  return (["parcels", "spans"] as const).flatMap((unit) => {
    const { received, recovered, delivered, refused, dropped, inFlight, spooled } = figures;
    const places = [...Object.values(refused), ...Object.values(dropped)];
    const out = [delivered, inFlight, spooled, ...places].reduce((sum, one) => sum + one[unit], 0);
    const into = received[unit] + recovered[unit];
    return into === out ? [] : [`${unit}: ${into} came, ${out} are known of`];
  });
}
