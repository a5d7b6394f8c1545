// The last step of every way in: parcels go to the forwarder, and the books learn what became of them.
//
//   parcels of a joiner ─ send ─▶ forwarder ─▶ books of the doors, of the services; metrics
//
// Not here: joining (span-joiner.ts), where it goes (forwarder.ts).

import { SpoorError } from "../base/errors.ts";
import { countReceived } from "../net/garbage.ts";
import type { Family } from "./doors.ts";
import type { AgentLedger, DoorBooks, SpanEnd } from "./ledger.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import type { SortedParcel } from "./write-parcels.ts";

/** What takes parcels; a Forwarder does. */
export interface ParcelSink {
  readonly format: ParcelFormat;
  /** Resolves when somebody has it for sure. @throws SpoorError when nobody has. */
  send(parcel: Parcel): Promise<void>;
}

/** How a parcel went, for metrics. */
export type OnParcel = (family: Family, spans: number, isForwarded: boolean) => void;

export interface ParcelSenderOptions {
  readonly sink: ParcelSink;
  readonly ledger: AgentLedger;
  readonly onParcel: OnParcel;
  readonly onBug: (error: unknown) => void;
}

export class ParcelSender {
  /** Of parcels that are on their way. */
  inFlightBytes = 0;
  readonly #options: ParcelSenderOptions;
  readonly #sending = new Set<Promise<unknown>>();

  constructor(options: ParcelSenderOptions) {
    this.#options = options;
  }

  /**
   * @param books of the doors, by their index in `byDoor`.
   * @returns why nobody has it; undefined: somebody has.
   */
  send(books: readonly DoorBooks[], family: Family, sorted: SortedParcel): Promise<unknown> {
    const sending = this.#send(books, family, sorted);
    this.#sending.add(sending);
    return sending.finally(() => this.#sending.delete(sending));
  }

  /** Resolves when every parcel that was sent has its answer. */
  async settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  async #send(
    books: readonly DoorBooks[],
    family: Family,
    { parcel, byDoor }: SortedParcel,
  ): Promise<unknown> {
    const { sink, ledger, onParcel, onBug } = this.#options;
    this.inFlightBytes += parcel.payload.length;
    let how: SpanEnd = "forwarded";
    let failure: unknown;
    try {
      await sink.send(parcel);
    } catch (error) {
      failure = error;
      how = error instanceof SpoorError ? error.code : "bug";
      if (how === "bug") onBug(error);
    }
    this.inFlightBytes -= parcel.payload.length;
    // As much memory outside the heap as what was received, and as soon garbage: 4 MB less of it.
    countReceived(parcel.payload.length);
    for (const [door, spans] of byDoor.entries()) {
      if (spans > 0) books[door]!.spans.end(spans, how);
    }
    const column = how === "forwarded" ? "forwarded" : "lost";
    for (const [service, spans] of parcel.services) ledger.service(service)[column] += spans;
    onParcel(family, parcel.spans, how === "forwarded");
    return failure;
  }
}
