// Empties the spool: one parcel after the other, at a bounded rate, for as long as the forwarder runs.
//
//   peek ─ in another format? convert ─▶ deliver ─┬▶ delivered ─▶ shift
//                                                 ├▶ refused ───▶ aside
//                                                 └▶ suspect: calls end without an answer, again and again
//                                                      others were delivered meanwhile ─▶ aside
//                                                      nothing was ─▶ behind all others, and on
//
// While nobody is there, the oldest one waits for ever: only calls that a collector took count against it.
// Not here: calls and collectors (forwarder.ts), files (spool.ts).

import type { Clock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import type { Refusal } from "./reporters/reporter.ts";
import type { Spool, SpooledParcel } from "./spool.ts";
import type { Wake } from "./timers.ts";

/** What became of a parcel that was tried for as long as it may be. */
export type DeliveryOutcome =
  /** `left`: out of patience, or stopped. */
  | { readonly is: "delivered" | "left" }
  | { readonly is: "refused"; readonly refusal: Refusal }
  /** `deliveredBefore`: parcels that had been delivered when the first call for it went wrong. */
  | { readonly is: "suspect"; readonly deliveredBefore: number };

export interface SpoolDrainOptions {
  readonly spool: Spool;
  /** What collectors are sent. */
  readonly format: ParcelFormat;
  /** Books what becomes of the parcel, unless that is left or suspect. */
  readonly deliver: (parcel: Parcel) => Promise<DeliveryOutcome>;
  /** Parcels that were delivered so far. */
  readonly delivered: () => number;
  /** Books a parcel that is taken out of the way. */
  readonly onUndeliverable: (parcel: Parcel) => void;
  readonly bytesPerSecond: number;
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly wake: Wake;
  readonly log: Log;
}

/** A disk that fails is not asked all the time. */
const REST_MS = 1_000;
/** Shorter waits are saved up: a timer is not that exact. */
const PAUSE_MS_MIN = 5;
/** Suspects that are remembered; who is beyond comes to the head as if it were new. */
const SUSPECTS_MAX = 1_000;

export class SpoolDrain {
  readonly #options: SpoolDrainOptions;
  /** By number: how many parcels had been delivered when calls for it began to go wrong. */
  readonly #suspects = new Map<number, number>();
  #wakeUp: (() => void) | undefined;

  constructor(options: SpoolDrainOptions) {
    this.#options = options;
  }

  /** Something came into the spool. */
  wakeUp(): void {
    this.#wakeUp?.();
  }

  /** Until `stop`. */
  async run(): Promise<void> {
    const { stop, clock, bytesPerSecond, format, log } = this.#options;
    let nextMs = 0;
    while (!stop.aborted) {
      const parcel = this.#peek();
      if (parcel === undefined || parcel === "failed") {
        await this.#pause(parcel === "failed" ? REST_MS : Infinity);
        continue;
      }
      let bytes = 0;
      try {
        if (parcel.format !== format) await this.#convert(parcel);
        else if (await this.#deliver(parcel)) bytes = parcel.payload.length;
      } catch (error) {
        if (!(error instanceof SpoorError)) throw error;
        log.error("the spool cannot be written", { error: error.message });
        await this.#pause(REST_MS, false);
      }
      const now = clock.monotonicMs();
      nextMs = Math.max(now, nextMs) + (bytes / bytesPerSecond) * 1_000;
      if (nextMs - now >= PAUSE_MS_MIN) await this.#pause(nextMs - now, false);
    }
  }

  /** @returns whether a collector has had its last word, and the next one is at the head. */
  async #deliver(parcel: SpooledParcel): Promise<boolean> {
    const { spool, deliver, log } = this.#options;
    // Until it is shifted it counts as spooled: `deliver` books it, and the spool lets it go at once.
    const outcome = await deliver(parcel);
    if (outcome.is === "left") return false;
    if (outcome.is === "suspect") {
      await this.#judge(parcel, outcome.deliveredBefore);
      return false;
    }
    this.#suspects.delete(parcel.sequence);
    const shifting = spool.shift();
    if (outcome.is === "refused") {
      try {
        await this.#keepAside(parcel);
      } catch (error) {
        if (!(error instanceof SpoorError)) throw error;
        log.error("a batch that was refused cannot be set aside", { error: error.message });
      }
    }
    await shifting;
    return true;
  }

  /** @throws SpoorError `unavailable`: nothing was done. */
  async #judge(parcel: SpooledParcel, deliveredBefore: number): Promise<void> {
    const { spool, delivered } = this.#options;
    const { sequence } = parcel;
    const before = this.#suspects.get(sequence) ?? deliveredBefore;
    if (delivered() > before) {
      await this.#giveUp(parcel);
      this.#suspects.delete(sequence);
    } else if (spool.waiting.parcels > 1) {
      // Whether it is the parcel or the collectors, the next one shows.
      const later = await spool.postpone();
      this.#suspects.delete(sequence);
      if (this.#suspects.size < SUSPECTS_MAX) this.#suspects.set(later, before);
    } else {
      this.#suspects.set(sequence, before);
    }
  }

  async #convert(parcel: SpooledParcel): Promise<void> {
    const { spool, format } = this.#options;
    const { convertParcel } = await import("./convert-parcel.ts");
    let parcels: readonly Parcel[];
    try {
      parcels = convertParcel(parcel, parcel.format, format);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      await this.#giveUp(parcel);
      return;
    }
    await spool.divide(parcels);
  }

  async #giveUp(parcel: SpooledParcel): Promise<void> {
    await this.#keepAside(parcel);
    this.#options.onUndeliverable(parcel);
    await this.#options.spool.shift();
  }

  async #keepAside(parcel: SpooledParcel): Promise<void> {
    const { spool, log } = this.#options;
    const isKept = await spool.keepAside(parcel);
    const fields = { spans: parcel.spans, bytes: parcel.payload.length };
    if (isKept) log.error("a batch that no collector takes is set aside in the spool", fields);
    else log.error("a batch that no collector takes is dropped: set-aside is full", fields);
  }

  #peek(): SpooledParcel | "failed" | undefined {
    const { spool, log } = this.#options;
    try {
      return spool.peek();
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      log.error("the spool cannot be read", { error: error.message });
      return "failed";
    }
  }

  /** @param isInterrupted by parcels that come into the spool; `stop` always does. */
  #pause(ms: number, isInterrupted = true): Promise<void> {
    return new Promise((resolve) => {
      const cancel = ms === Infinity ? undefined : this.#options.wake(ms, () => end());
      const { stop } = this.#options;
      const end = (): void => {
        cancel?.();
        stop.removeEventListener("abort", end);
        this.#wakeUp = undefined;
        resolve();
      };
      stop.addEventListener("abort", end, { once: true });
      if (stop.aborted) end();
      else if (isInterrupted) this.#wakeUp = end;
    });
  }
}
