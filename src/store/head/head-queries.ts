// What a head answers: the reading half of a TraceStore, for the engines that stand on one.
//
//   engine.findTraces ─▶ HeadQueries.findTraces ─▶ search.ts, statistics.ts, head.readTrace
//
// Every answer works in slices and ends when its caller has gone (pause.ts).

import type { Clock } from "../../base/clock.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type {
  Dependency,
  Operation,
  Series,
  SeriesQuery,
  TimeRange,
  TraceQuery,
} from "../../model/trace-query.ts";
import type { Head } from "./head.ts";
import { makePause } from "./pause.ts";
import { searchHead } from "./search.ts";
import { dependenciesOf, operationsOf, seriesOf, servicesOf } from "./statistics.ts";
import { NONE } from "./trace-table.ts";

export class HeadQueries {
  readonly #head: Head;
  readonly #clock: Clock;

  constructor(head: Head, clock: Clock) {
    this.#head = head;
    this.#clock = clock;
  }

  async findTraces(query: TraceQuery, signal: AbortSignal): Promise<SpanBatch[]> {
    const found: SpanBatch[] = [];
    for await (const trace of this.findEach(query, signal)) found.push(trace);
    return found;
  }

  async *findEach(query: TraceQuery, signal: AbortSignal): AsyncGenerator<SpanBatch> {
    const pause = makePause(this.#clock, signal);
    for (const ordinal of await searchHead(this.#head, query, pause)) {
      if (this.#head.traces.isHeld(ordinal)) yield this.#head.readTrace(ordinal);
      await pause();
    }
  }

  /** @param otherwise where else a trace may be that the head does not hold. */
  async readTraces(
    ids: readonly Uint8Array[],
    signal: AbortSignal,
    otherwise?: (id: Uint8Array) => SpanBatch | undefined,
  ): Promise<SpanBatch[]> {
    const pause = makePause(this.#clock, signal);
    const found: SpanBatch[] = [];
    for (const id of ids) {
      const trace = this.readTrace(id) ?? otherwise?.(id);
      if (trace !== undefined) found.push(trace);
      await pause();
    }
    return found;
  }

  readTrace(id: Uint8Array): SpanBatch | undefined {
    const ordinal = this.#head.findTrace(id);
    return ordinal === NONE ? undefined : this.#head.readTrace(ordinal);
  }

  services(): Promise<string[]> {
    return Promise.resolve(servicesOf(this.#head));
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<Operation[]> {
    return operationsOf(this.#head, service, kind, makePause(this.#clock, signal));
  }

  dependencies(range: TimeRange, signal: AbortSignal): Promise<Dependency[]> {
    return dependenciesOf(this.#head, range, makePause(this.#clock, signal));
  }

  series(query: SeriesQuery, signal: AbortSignal): Promise<Series[]> {
    return seriesOf(this.#head, query, makePause(this.#clock, signal));
  }
}
