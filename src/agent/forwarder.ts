// Takes parcels over from the agent's doors and sees that a collector has them, sooner or later.
//
//   send ─▶ a lane, and another one after a setback ─▶ delivered, or refused for good
//    │ nobody takes it in time (awayMsMax, attemptsMax)
//    └▶ spool on the disk ─ in order, one at a time, at a bounded rate ─▶ the same lanes
//         without a spool: waits in memory, bounded in bytes
//
// A parcel on which collectors fall silent again and again, while others arrive, is not sent for ever: it is
// set aside in the spool (spool-drain.ts), and dropped without one.
// New parcels do not wait for those in the spool. A parcel may arrive twice: when an answer was lost, and
// those that were delivered from the spool just before a crash (spool.ts).
//
// Trust: the collectors are peers; each call has its time, each answer its size (reporters/).
// Not here: how lanes are chosen (collectors.ts), settings (open-forwarder.ts).

import { SpoorError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Collectors, TakenLane } from "./collectors.ts";
import { ForwardBooks, type ForwardDroppedReason, type ForwarderFigures } from "./forward-books.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import { Refusal, type RefusalReason, Setback, type StrategyAnswer } from "./reporters/reporter.ts";
import { type DeliveryOutcome, SpoolDrain } from "./spool-drain.ts";
import type { Spool } from "./spool.ts";
import type { Wake } from "./timers.ts";

export interface Forwarder {
  /** What payloads must be. */
  readonly format: ParcelFormat;
  /** As in Jaeger's metrics: grpc, tchannel, otlp-grpc, otlp-http. */
  readonly protocol: string;
  /**
   * Resolves when a collector or the spool on the disk has the parcel.
   *
   * @throws SpoorError `bad-input` or `unsupported`: a collector refused it for good; `overloaded`,
   *   `unavailable`: nobody has it.
   */
  send(parcel: Parcel): Promise<void>;
  /** Whether a parcel would find somebody: there is a spool, or a collector is connected. */
  hasTaker(): boolean;
  /** Asks a collector. @throws SpoorError `unavailable` if none answers. */
  askStrategy(service: string): Promise<StrategyAnswer>;
  figures(): ForwarderFigures;
  /**
   * Ends what is under way, puts into the spool what no collector takes, and closes.
   *
   * @param graceMs after which calls are cut off.
   */
  close(graceMs: number): Promise<void>;
}

export interface ForwarderOptions {
  readonly collectors: Collectors;
  readonly format: ParcelFormat;
  readonly protocol: string;
  /** Nothing: parcels wait in memory. */
  readonly spool: Spool | undefined;
  /** Calls for one parcel before it goes into the spool. */
  readonly attemptsMax: number;
  /** So long a parcel waits for a collector before it goes into the spool. */
  readonly awayMsMax: number;
  /** Of payloads under way or waiting for a lane. On their way to the disk may be as many again. */
  readonly memoryBytesMax: number;
  /** Of payloads taken out of the spool, in a second. */
  readonly spoolBytesPerSecond: number;
  readonly clock: Clock;
  readonly wake: Wake;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

/** A client's library gives up on its sampler sooner. */
const STRATEGY_MS_MAX = 2_000;
/** Calls for one parcel without an answer, until it is suspected: more than restarts one by one make. */
const SILENCES_MAX = 5;

/** How long to go on: until that many calls, or that many ms of waiting for a lane. */
interface Patience {
  readonly attempts: number;
  readonly waitMs: number;
}

const ENDLESS: Patience = { attempts: Infinity, waitMs: Infinity };

export class CollectorForwarder implements Forwarder {
  readonly format: ParcelFormat;
  readonly protocol: string;
  readonly #options: ForwarderOptions;
  readonly #books = new ForwardBooks();
  /** No new calls. */
  readonly #stop = new AbortController();
  /** No calls at all. */
  readonly #cut = new AbortController();
  readonly #sending = new Set<Promise<void>>();
  #isClosing = false;
  #isSpilling = false;
  /** Settles when the last of those that are sent alone has been. */
  #alone: Promise<unknown> = Promise.resolve();
  readonly #drain: SpoolDrain | undefined;
  readonly #draining: Promise<void>;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.format = options.format;
    this.protocol = options.protocol;
    const { spool, onBug, format, spoolBytesPerSecond } = options;
    this.#drain =
      spool &&
      new SpoolDrain({
        ...options,
        spool,
        format,
        deliver: (parcel) => this.#deliver(parcel, ENDLESS, this.#stop.signal),
        delivered: () => this.#books.delivered.parcels,
        onUndeliverable: (parcel) => void this.#drop(parcel, "undeliverable"),
        bytesPerSecond: spoolBytesPerSecond,
        stop: this.#stop.signal,
      });
    this.#draining = this.#drain?.run().catch(onBug) ?? Promise.resolve();
  }

  send(parcel: Parcel): Promise<void> {
    ForwardBooks.add(this.#books.received, parcel.spans);
    if (this.#isClosing) return Promise.reject(this.#drop(parcel, "closed"));
    const { spool, memoryBytesMax, collectors, awayMsMax } = this.#options;
    const bytes = this.#books.inFlight.bytes + parcel.payload.length;
    const isFull = bytes > memoryBytesMax;
    if (bytes > 2 * memoryBytesMax || (isFull && spool === undefined)) {
      return Promise.reject(this.#drop(parcel, "memory-full"));
    }
    const isHopeless = spool !== undefined && (isFull || collectors.awayMs() >= awayMsMax);
    const sending = this.#carry(parcel, isHopeless).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
    return sending;
  }

  hasTaker(): boolean {
    const { spool, collectors } = this.#options;
    return spool !== undefined || collectors.connected > 0;
  }

  async askStrategy(service: string): Promise<StrategyAnswer> {
    const { wake, collectors } = this.#options;
    const late = new AbortController();
    const cancel = wake(STRATEGY_MS_MAX, () => late.abort());
    try {
      const taken = collectors.tryTake(0) ?? (await collectors.take(0, late.signal));
      if (taken === undefined) throw new SpoorError("unavailable", "no collector is connected");
      return await ask(taken, service, late.signal);
    } finally {
      cancel();
    }
  }

  figures(): ForwarderFigures {
    const { spool, collectors } = this.#options;
    const { received, delivered, refused, dropped, inFlight, setbacks } = this.#books;
    const { connected, known, reconnects } = collectors;
    return {
      received,
      delivered,
      refused,
      dropped: { ...dropped, damaged: spool?.damaged ?? dropped.damaged },
      inFlight,
      recovered: spool?.recovered ?? { parcels: 0, spans: 0 },
      spooled: { parcels: 0, spans: 0, ...spool?.waiting, bytes: spool?.bytes() ?? 0 },
      damagedBytes: spool?.damagedBytes ?? 0,
      setbacks,
      reconnects,
      collectors: { connected, known },
    };
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const { spool, wake, collectors } = this.#options;
    const end = (): void => {
      this.#stop.abort();
      this.#cut.abort();
    };
    const cancel = wake(graceMs, end);
    // What waits for a collector is safe on the disk; in memory it may still find one.
    if (spool !== undefined) this.#stop.abort();
    this.#drain?.wakeUp();
    await Promise.allSettled(this.#sending);
    await this.#draining;
    cancel();
    end();
    collectors.close();
    await spool?.close();
  }

  /** @param isHopeless it goes to the spool at once. */
  async #carry(parcel: Parcel, isHopeless: boolean): Promise<void> {
    const { attemptsMax, awayMsMax, spool } = this.#options;
    const { inFlight } = this.#books;
    const patience = spool === undefined ? ENDLESS : { attempts: attemptsMax, waitMs: awayMsMax };
    const bytes = parcel.payload.length;
    ForwardBooks.add(inFlight, parcel.spans);
    inFlight.bytes += bytes;
    try {
      let outcome: DeliveryOutcome = isHopeless
        ? { is: "left" }
        : await this.#deliver(parcel, patience, this.#stop.signal);
      if (outcome.is === "suspect" && spool === undefined) {
        outcome = await this.#deliverAlone(parcel);
        if (outcome.is === "suspect") throw this.#drop(parcel, "undeliverable");
      }
      if (outcome.is === "refused") throw asSpoorError(outcome.refusal);
      if (outcome.is === "delivered") {
        this.#isSpilling = false;
        return;
      }
      if (spool === undefined) throw this.#drop(parcel, "closed");
      await this.#spill(parcel, spool);
    } finally {
      ForwardBooks.add(inFlight, -parcel.spans, -1);
      inFlight.bytes -= bytes;
    }
  }

  async #spill(parcel: Parcel, spool: Spool): Promise<void> {
    try {
      await spool.put(parcel);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      this.#drop(parcel, error.code === "overloaded" ? "spool-full" : "spool-failed");
      throw error;
    }
    if (!this.#isSpilling) {
      this.#options.log.warn("no collector takes spans: they go to the spool");
      this.#isSpilling = true;
    }
    this.#drain?.wakeUp();
  }

  /** Books what became of the parcel, unless it is left. */
  async #deliver(parcel: Parcel, patience: Patience, stop: AbortSignal): Promise<DeliveryOutcome> {
    const { collectors } = this.#options;
    const { length: bytes } = parcel.payload;
    let avoid: string | undefined;
    let silences = 0;
    let deliveredBefore = 0;
    for (let attempt = 0; attempt < patience.attempts && !stop.aborted; attempt++) {
      const taken =
        collectors.tryTake(bytes, avoid) ?? (await this.#wait(bytes, patience.waitMs, stop, avoid));
      if (taken === undefined) break;
      const failure = await this.#call(taken, parcel);
      if (failure === undefined) return { is: "delivered" };
      if (failure instanceof Refusal) return { is: "refused", refusal: failure };
      avoid = taken.address;
      if (!failure.isUnanswered || this.#cut.signal.aborted) continue;
      if (silences++ === 0) deliveredBefore = this.#books.delivered.parcels;
      if (silences >= SILENCES_MAX && this.#maySuspect(deliveredBefore)) {
        return { is: "suspect", deliveredBefore };
      }
    }
    return { is: "left" };
  }

  /** One suspect at a time: of those that fell silent together, only one may be the reason. */
  #deliverAlone(parcel: Parcel): Promise<DeliveryOutcome> {
    const deliver = () => this.#deliver(parcel, ENDLESS, this.#stop.signal);
    const delivering = this.#alone.then(deliver, deliver);
    this.#alone = delivering;
    return delivering;
  }

  /** Without a spool nothing else may be tried instead: others have to have arrived. */
  #maySuspect(deliveredBefore: number): boolean {
    return this.#options.spool !== undefined || this.#books.delivered.parcels > deliveredBefore;
  }

  async #wait(
    bytes: number,
    waitMs: number,
    stop: AbortSignal,
    avoid: string | undefined,
  ): Promise<TakenLane | undefined> {
    const { wake, collectors } = this.#options;
    if (waitMs === Infinity) return collectors.take(bytes, stop, avoid);
    const late = new AbortController();
    const end = (): void => late.abort();
    const cancel = wake(waitMs, end);
    stop.addEventListener("abort", end, { once: true });
    try {
      return await collectors.take(bytes, late.signal, avoid);
    } finally {
      stop.removeEventListener("abort", end);
      cancel();
    }
  }

  /** @returns undefined: delivered. */
  async #call(
    taken: TakenLane,
    { payload, spans }: Parcel,
  ): Promise<Refusal | Setback | undefined> {
    try {
      const leftOut = await taken.lane.send(payload, this.#cut.signal);
      taken.done("good");
      const left = Math.min(spans, leftOut.spans);
      ForwardBooks.add(this.#books.delivered, spans - left);
      if (left > 0) this.#refuse("partial", left, 0, leftOut.reason);
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) {
        taken.done("refused");
        this.#refuse(error.reason, spans, 1, error.message);
        return error;
      }
      if (!(error instanceof Setback)) {
        taken.done("cancelled");
        throw error;
      }
      taken.done(this.#cut.signal.aborted ? "cancelled" : error);
      this.#books.setbacks++;
      this.#options.log.debug("a collector did not take spans", { error: error.message });
      return error;
    }
  }

  #refuse(reason: RefusalReason, spans: number, parcels: number, error: string): void {
    ForwardBooks.add(this.#books.refused[reason], spans, parcels);
    this.#options.log.warn("a collector refused spans for good", { reason, spans, error });
  }

  #drop(parcel: Parcel, reason: ForwardDroppedReason): SpoorError {
    ForwardBooks.add(this.#books.dropped[reason], parcel.spans);
    if (reason === "memory-full") {
      return new SpoorError("overloaded", "too many spans wait for a collector");
    }
    return reason === "undeliverable"
      ? new SpoorError("bad-input", "collectors fall silent when they are sent these spans")
      : new SpoorError("unavailable", "no collector takes spans, and the agent ends");
  }
}

async function ask(
  taken: TakenLane,
  service: string,
  signal: AbortSignal,
): Promise<StrategyAnswer> {
  try {
    const answer = await taken.lane.askStrategy(service, signal);
    taken.done("good");
    return answer;
  } catch (error) {
    // A lane that answers no questions may still take spans.
    taken.done("cancelled");
    if (!(error instanceof Setback) && !(error instanceof Refusal)) throw error;
    throw new SpoorError("unavailable", `the collector does not say: ${error.message}`, {}, error);
  }
}

function asSpoorError({ reason, message }: Refusal): SpoorError {
  const code = reason === "unsupported" || reason === "forbidden" ? "unsupported" : "bad-input";
  return new SpoorError(code, `the collector refused spans: ${message}`);
}
