// The contract of every engine, and what an engine says of itself.
//
//   collector ──write──▶ TraceStore ◀──find, read── query
//
// One conformance suite (conformance.ts) runs against every engine. What an engine does not declare in
// its capabilities it must refuse as `unsupported`, never answer with an empty list.

import type { SpanBatch } from "../model/span-batch.ts";
import type {
  Dependency,
  KeyQuery,
  Operation,
  Series,
  SeriesQuery,
  TimeRange,
  TraceQuery,
  ValueQuery,
} from "../model/trace-query.ts";
import type { Hits } from "./part.ts";
import type { Received } from "./received.ts";

export interface Capabilities {
  /** Searches without a service name. */
  readonly searchWithoutService: boolean;
  /** Keeps traces apart that were archived. */
  readonly archive: boolean;
  /** Computes call, error and latency series. */
  readonly series: boolean;
}

/** Where a span's way ended; `received = stored + Σ refused + Σ dropped + in flight` holds always. */
export interface StoreFigures {
  readonly traces: number;
  readonly spans: number;
  /** Bytes of memory or disk that the engine holds for spans and indexes. */
  readonly bytes: number;
  /** Spans that made room for newer ones since the start. */
  readonly evictedSpans: number;
  readonly evictedTraces: number;
  /** Spans that an earlier process had stored and this one found again at its start. */
  readonly recoveredSpans: number;
  /** Stretches and records of the log that this process could not read at its start. */
  readonly lostRecords: number;
}

/** A copy of what is stored. */
export interface BackupFigures {
  /** Folder of the copy. */
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  /** In files; those of the log are not counted. */
  readonly spans: number;
}

export interface TraceStore {
  readonly capabilities: Capabilities;

  /**
   * Stores every row of `batch`; resolves when the engine's durability is reached. The batch is read
   * before the call returns and belongs to the caller again then: a caller may reuse it at once.
   *
   * @param received what the batch was read from: an engine with a log keeps these bytes.
   * @throws SpoorError `overloaded` or `unavailable`: nothing of the batch is stored; retry later.
   * Cost (memory engine): about 1 µs a span of 12 attributes.
   */
  write(batch: SpanBatch, received?: Received): Promise<void>;

  /**
   * Ids of the newest traces in which one span meets every condition, and where each stands: the last
   * one is the cursor of the next page. @throws as `findTraces`.
   */
  search(query: TraceQuery, signal: AbortSignal): Promise<Hits>;

  /**
   * Finds the newest traces in which one span meets every condition of `query`.
   *
   * @param signal aborts the search; what has been read so far is dropped.
   * @returns one batch a trace, whole as far as it is stored, rows ordered by start; the trace with the
   *   newest matching span first, ties by trace id. Never more than `limit`; fewer means there are
   *   no more.
   * @throws SpoorError `unsupported` if this engine cannot serve the combination; `unavailable` if it
   *   cannot answer now and a retry may help.
   */
  findTraces(query: TraceQuery, signal: AbortSignal): Promise<SpanBatch[]>;

  /**
   * As `findTraces`, but each trace is read when it is asked for: an answer that is written one trace
   * after the other holds one at a time. A trace that is evicted meanwhile is left out.
   */
  findEach(query: TraceQuery, signal: AbortSignal): AsyncIterable<SpanBatch>;

  /**
   * Reads traces by id (16 bytes each).
   * @returns one batch for each id that is known, in the order asked; rows ordered by start.
   */
  readTraces(ids: readonly Uint8Array[], signal: AbortSignal): Promise<SpanBatch[]>;

  /** Names of the services with stored spans, sorted by code units. */
  services(signal: AbortSignal): Promise<string[]>;

  /**
   * Distinct span names and kinds, of one service or of all, sorted by name, then by kind.
   * @param kind only this KIND_….
   */
  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<Operation[]>;

  /** Keys of attributes of every level that begin with a prefix, sorted by code units. */
  attributeKeys(query: KeyQuery, signal: AbortSignal): Promise<readonly string[]>;

  /** Values of a key, as texts, that begin with a prefix; sorted by code units. */
  attributeValues(query: ValueQuery, signal: AbortSignal): Promise<readonly string[]>;

  /** Calls between services, computed from the spans that start within `range`; sorted by names. */
  dependencies(range: TimeRange, signal: AbortSignal): Promise<Dependency[]>;

  /** Calls, errors and durations over time. */
  series(query: SeriesQuery, signal: AbortSignal): Promise<Series[]>;

  /** Keeps a copy of the trace apart from what is evicted. @returns false if the trace is unknown. */
  archive(id: Uint8Array, signal: AbortSignal): Promise<boolean>;

  /**
   * Copies all that is acknowledged when this is called, while others go on. Left out: the engine has
   * nothing to copy.
   * @param name of the copy. @throws SpoorError `bad-input` if it is not one, or is taken.
   */
  backup?(name: string): Promise<BackupFigures>;

  /** Resolves if the engine can take and answer; rejects with `unavailable` and the reason. */
  ready(): Promise<void>;

  figures(): StoreFigures;

  close(): Promise<void>;
}
