// A part of a store that can be asked by itself: what is in memory, what is in files, a shard.
//
//   head ─┐
//   files ┼─ JoinedPart (also a Part) ─▶ PartQueries ─▶ the reading half of a TraceStore
//   shard ┘                     RemoteParts: any of them behind a message port
//
// A trace may lie in several parts: each answers for the rows it has, and answers are such that they can
// be joined: hits by trace id, counts by adding up, calls by asking the others for the parent.
//
// What a part answers is what it held when it was called: spans that come or go meanwhile are its
// business, never the caller's.

import type { SpanBatch } from "../model/span-batch.ts";
import type {
  Dependency,
  KeyQuery,
  Operation,
  SeriesQuery,
  TimeRange,
  TraceQuery,
  ValueQuery,
} from "../model/trace-query.ts";
import type { SeriesLine } from "./series-counter.ts";

/** Traces that were found: the one with the newest matching span first, ties by rising id. */
export interface Hits {
  /** 16 bytes each. */
  readonly ids: Uint8Array;
  /** Start of the newest matching span of each, µs. */
  readonly startUs: Float64Array;
}

/** Spans by name: the n-th is `spanIds[8n..]` of the trace `traceIds[16n..]`. */
export interface SpanNames {
  readonly traceIds: Uint8Array;
  readonly spanIds: Uint8Array;
}

/** Calls between services, as far as one part can tell. */
export interface Calls {
  readonly counts: readonly Dependency[];
  /** Parents that are not in this part: each is a call to `services[service[n]]` if another part has it. */
  readonly strangers: SpanNames & {
    readonly services: readonly string[];
    readonly service: Uint32Array;
  };
}

/** Services of spans that were asked for: `services[service[n]]`, or none if `service[n]` is NO_SERVICE. */
export interface SpanServices {
  readonly services: readonly string[];
  readonly service: Uint32Array;
}

export const NO_SERVICE = 0xffff_ffff;

/** The most strangers of one answer, 28 bytes each; beyond that the question is refused. */
export const STRANGERS_MAX = 2_000_000;

export interface Part {
  /**
   * The newest traces in which one span meets every condition; `query.after` is not looked at.
   * At most `query.limit`; fewer means there are no more.
   *
   * @param only search in these traces alone.
   */
  search(query: TraceQuery, signal: AbortSignal, only?: readonly Uint8Array[]): Promise<Hits>;

  /** Of each id the rows that are here, by start; undefined: none. The batches are the caller's. */
  readTraces(
    ids: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<readonly (SpanBatch | undefined)[]>;

  /** Sorted by code units. */
  services(signal: AbortSignal): Promise<readonly string[]>;

  /** Sorted by name, then by kind. */
  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<readonly Operation[]>;

  /** Calls made by spans that start within `range`. */
  calls(range: TimeRange, signal: AbortSignal): Promise<Calls>;

  spanServices(spans: SpanNames, signal: AbortSignal): Promise<SpanServices>;

  /** Counts that add up over parts. */
  series(query: SeriesQuery, signal: AbortSignal): Promise<readonly SeriesLine[]>;

  /** Sorted by code units; the first `limit` of them. Blocks that reach into the range count whole. */
  attributeKeys(query: KeyQuery, signal: AbortSignal): Promise<readonly string[]>;

  attributeValues(query: ValueQuery, signal: AbortSignal): Promise<readonly string[]>;
}
