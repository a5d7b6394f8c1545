// A head as a part of a store: what its spans answer.
//
//   question ─▶ pin ─▶ search.ts, statistics.ts, calls.ts, completions.ts, head.readTrace ─▶ unpin
//
// Each answer is of the blocks that the head had when it was asked, works in slices and ends when its
// caller has gone (pause.ts). A reader with several questions that have to be of one moment, as whoever
// joins a head with files, opens the part: `HeadPart.open`.

import type { Clock } from "../../base/clock.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type {
  KeyQuery,
  Operation,
  SeriesQuery,
  TimeRange,
  TraceQuery,
  ValueQuery,
} from "../../model/trace-query.ts";
import { refuseCancelled } from "../cancelled.ts";
import type { Calls, Hits, Part, SpanNames, SpanServices } from "../part.ts";
import type { SeriesLine } from "../series-counter.ts";
import { callsOf, spanServicesOf } from "./calls.ts";
import { keysOf, valuesOf } from "./head-completions.ts";
import type { Head, HeadView } from "./head.ts";
import { makePause, type Pause } from "./pause.ts";
import { hitsOf, searchHead, searchTraces } from "./search.ts";
import { countSeries, operationsOf, servicesOf } from "./statistics.ts";
import { NONE } from "./trace-table.ts";

/** A head as it was at one moment, until `done` is called. */
export interface OpenHead {
  readonly part: HeadPart;
  /** Id of the oldest block that the part looks at: older ones are in files. */
  readonly boundary: number;
  readonly done: () => void;
}

export class HeadPart implements Part {
  readonly #head: Head;
  readonly #clock: Clock;
  readonly #from: number | undefined;

  /** @param from id of the oldest block to look at, which is pinned; left out: what the head has. */
  constructor(head: Head, clock: Clock, from?: number) {
    this.#head = head;
    this.#clock = clock;
    this.#from = from;
  }

  /** What the head holds now, as a part that goes on holding it while blocks are released. */
  static open(head: Head, clock: Clock): OpenHead {
    const boundary = head.blocks[0]!.id;
    return { part: new HeadPart(head, clock, boundary), boundary, done: head.pin() };
  }

  search(query: TraceQuery, signal: AbortSignal, only?: readonly Uint8Array[]): Promise<Hits> {
    return this.#read(signal, async (view, pause) => {
      const found =
        only === undefined
          ? await searchHead(view, query, pause)
          : await searchTraces(view, query, only, pause);
      return hitsOf(this.#head, found);
    });
  }

  /** Reads all at once, before it returns. */
  readTraces(
    ids: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<readonly (SpanBatch | undefined)[]> {
    return this.#read(signal, () => Promise.resolve(ids.map((id) => this.readTrace(id))));
  }

  /** As `readTraces`, of one trace. */
  readTrace(id: Uint8Array): SpanBatch | undefined {
    const ordinal = this.#head.findTrace(id);
    if (ordinal === NONE) return undefined;
    const trace = this.#head.readTrace(ordinal, this.#from);
    return trace.rows === 0 ? undefined : trace;
  }

  services(signal: AbortSignal): Promise<readonly string[]> {
    return this.#read(signal, (view) => Promise.resolve(servicesOf(view)));
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<readonly Operation[]> {
    return this.#read(signal, (view, pause) => operationsOf(view, service, kind, pause));
  }

  calls(range: TimeRange, signal: AbortSignal): Promise<Calls> {
    return this.#read(signal, (view, pause) => callsOf(view, range, pause));
  }

  spanServices(spans: SpanNames, signal: AbortSignal): Promise<SpanServices> {
    return this.#read(signal, (view, pause) => spanServicesOf(view, spans, pause));
  }

  series(query: SeriesQuery, signal: AbortSignal): Promise<readonly SeriesLine[]> {
    return this.#read(signal, async (view, pause) =>
      (await countSeries(view, query, pause)).lines(),
    );
  }

  attributeKeys(query: KeyQuery, signal: AbortSignal): Promise<readonly string[]> {
    return this.#read(signal, (view, pause) => keysOf(view, query, pause));
  }

  attributeValues(query: ValueQuery, signal: AbortSignal): Promise<readonly string[]> {
    return this.#read(signal, (view, pause) => valuesOf(view, query, pause));
  }

  /** Runs a question up to its first pause before it returns: that part is of this very moment. */
  async #read<Answer>(
    signal: AbortSignal,
    body: (view: HeadView, pause: Pause) => Promise<Answer>,
  ): Promise<Answer> {
    refuseCancelled(signal);
    const unpin = this.#head.pin();
    try {
      return await body(this.#head.view(this.#from), makePause(this.#clock, signal));
    } finally {
      unpin();
    }
  }
}
