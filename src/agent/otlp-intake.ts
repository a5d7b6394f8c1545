// The way of a request by OTLP: read into the batch that others are joined in, answered when that has arrived.
//
//   take ─ room? ─▶ read ─▶ joiner ─ full or old ─▶ parcels ─▶ ParcelSender ─▶ the answers of all of them
//            │ no     │ bad
//            ▼        ▼
//        overloaded bad-input
//
// A sender by OTLP can keep its spans and come again, so it is told that they are taken when a collector
// or the spool has them, and without a spool only while a collector is connected at all. Those whose
// requests were joined have one answer: if a part of them has not arrived, they send again what has.
//
// Not here: sockets and answers (otlp-doors.ts), joining (span-joiner.ts).

import { SpoorError } from "../base/errors.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import type { TakeOtlp } from "../otlp/otlp-service.ts";
import type { Rejected } from "../wire/otlp-proto.ts";
import type { AgentLedger, DoorBooks } from "./ledger.ts";
import type { ParcelFormat } from "./parcel.ts";
import type { ParcelSender } from "./parcel-sender.ts";
import { SpanJoiner } from "./span-joiner.ts";

/** A reader of OTLP: leaves spans without an id out. */
export type ReadOtlp = (payload: Uint8Array, batch: SpanBatch) => Rejected;

export interface OtlpIntakeOptions {
  /** Of the doors, by their index. */
  readonly books: readonly DoorBooks[];
  readonly ledger: AgentLedger;
  readonly sender: ParcelSender;
  /** Whether somebody would have the spans, now or after a while. */
  readonly hasTaker: () => boolean;
  readonly format: ParcelFormat;
  readonly tags: ReadonlyMap<string, string>;
  readonly inFlightBytesMax: number;
  readonly batchBytesMax: number;
  readonly batchAgeMs: number;
  readonly onBug: (error: unknown) => void;
}

interface Request {
  readonly bytes: Uint8Array;
  readonly read: ReadOtlp;
}

export class OtlpIntake {
  readonly #options: OtlpIntakeOptions;
  readonly #joiner: SpanJoiner<Request>;
  /** What the reader left out of the request that was read last. */
  #rejected: Rejected = { spans: 0, message: "" };
  /** Of the batch that is being joined. */
  #answer: PromiseWithResolvers<void> | undefined;
  #ageTimer: NodeJS.Timeout | undefined;
  #isFinished = false;

  constructor(options: OtlpIntakeOptions) {
    this.#options = options;
    const { format, tags, books } = options;
    this.#joiner = new SpanJoiner({
      family: "otlp",
      format,
      tags,
      doors: books.length,
      append: ({ bytes, read }, batch) => {
        this.#rejected = read(bytes, batch);
        return undefined;
      },
    });
  }

  /** The way in for the door with this index. */
  open(door: number, read: ReadOtlp): TakeOtlp {
    return (payload) => this.#take(door, { bytes: payload, read });
  }

  /** Sends what was joined, and takes no more. */
  finish(): void {
    this.#isFinished = true;
    this.#flush();
  }

  async #take(door: number, request: Request): Promise<Rejected> {
    const { packets } = this.#options.books[door]!;
    packets.received++;
    packets.bytes += request.bytes.length;
    try {
      this.#checkRoom();
    } catch (error) {
      packets.dropped["queue-full"]++;
      throw error;
    }
    const { spans, rejected } = this.#read(door, request);
    if (spans > 0) await this.#joined();
    if (spans > 0 || rejected.spans === 0) return rejected;
    throw new SpoorError("bad-input", "no span has both a trace id and a span id", {
      spans: rejected.spans,
    });
  }

  /** @throws SpoorError: come again later. */
  #checkRoom(): void {
    const { sender, inFlightBytesMax, hasTaker } = this.#options;
    if (this.#isFinished) throw new SpoorError("unavailable", "the agent ends");
    if (!hasTaker()) throw new SpoorError("unavailable", "no collector is connected");
    const waiting = sender.inFlightBytes + this.#joiner.packetBytes;
    if (waiting < inFlightBytesMax) return;
    const where = { waiting, allowed: inFlightBytesMax };
    throw new SpoorError("overloaded", "too many spans wait for a collector", where);
  }

  /** @throws SpoorError `bad-input`. */
  #read(door: number, request: Request): { spans: number; rejected: Rejected } {
    const { books, ledger } = this.#options;
    const { packets, spans: tally } = books[door]!;
    try {
      const { spans, services } = this.#joiner.read(request, door);
      const rejected = this.#rejected;
      packets.read++;
      tally.receive(spans + rejected.spans);
      tally.end(rejected.spans, "bad-input");
      for (const [service, count] of services) ledger.service(service).received += count;
      return { spans, rejected };
    } catch (error) {
      packets.dropped["bad-packet"]++;
      throw error;
    }
  }

  /** Until the batch has arrived. @throws SpoorError: it has not. */
  #joined(): Promise<void> {
    const { batchBytesMax, batchAgeMs, onBug } = this.#options;
    this.#answer ??= Promise.withResolvers();
    const { promise } = this.#answer;
    if (this.#joiner.packetBytes >= batchBytesMax || this.#joiner.isFull) {
      this.#flush();
      return promise;
    }
    this.#ageTimer ??= setTimeout(() => {
      try {
        this.#flush();
      } catch (error) {
        onBug(error);
      }
    }, batchAgeMs);
    return promise;
  }

  #flush(): void {
    clearTimeout(this.#ageTimer);
    this.#ageTimer = undefined;
    const answer = this.#answer;
    if (answer === undefined) return;
    this.#answer = undefined;
    const { sender, books, onBug } = this.#options;
    const parcels = this.#joiner.flush();
    Promise.all(parcels.map((sorted) => sender.send(books, "otlp", sorted))).then((failures) => {
      const failure = failures.find((one) => one !== undefined);
      if (failure === undefined) answer.resolve();
      else answer.reject(failure);
    }, onBug);
  }
}
