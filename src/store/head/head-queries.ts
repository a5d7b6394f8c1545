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
import { callsOf } from "./calls.ts";
import { searchHead } from "./search.ts";
import { countSeries, operationsOf, servicesOf } from "./statistics.ts";
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
    for (const { ordinal } of await searchHead(this.#head.view(), query, pause)) {
      if (this.#head.traces.has(ordinal)) yield this.#head.readTrace(ordinal);
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
    return Promise.resolve(servicesOf(this.#head.view()));
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<Operation[]> {
    return operationsOf(this.#head.view(), service, kind, makePause(this.#clock, signal));
  }

  async dependencies(range: TimeRange, signal: AbortSignal): Promise<Dependency[]> {
    const { counts } = await callsOf(this.#head.view(), range, makePause(this.#clock, signal));
    return [...counts];
  }

  async series(query: SeriesQuery, signal: AbortSignal): Promise<Series[]> {
    const pause = makePause(this.#clock, signal);
    return (await countSeries(this.#head.view(), query, pause)).finish();
  }
}
