// What a store answers, made of what one part answers: pages, and traces read one after the other.
//
//   findEach ─▶ search ─▶ ids ─▶ a few traces are read while the caller is at those before
//
// A page begins behind a cursor (start, id). Traces that have a matching span there may have a newer one
// before the cursor as well: then they were on an earlier page.
//
//        newer ◀── earlier pages ──┤cursor├── this page ──▶ older
//   trace A        ×                            ×             not on this page
//   trace B                                     ×   ×         on this page, at its newest ×
//
//   1. search at and before the cursor's start    2. of these, search which have something newer
//   3. not enough left: both again, for more
//
// Not here: several parts (join-parts.ts).

import { SpoorError } from "../base/errors.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import type { Cursor, TraceQuery } from "../model/trace-query.ts";
import { makeStop, refuseCancelled } from "./cancelled.ts";
import { checkConditions } from "./head/value-test.ts";
import { CallCounts, type Hit, compareHits, hitsOf, idKey, makeHits } from "./join-lists.ts";
import type { Hits, Part } from "./part.ts";
import { SeriesCounter } from "./series-counter.ts";
import type { TraceStore } from "./trace-store.ts";

/** The reading half of a store. */
export type StoreReads = Pick<
  TraceStore,
  | "search"
  | "findTraces"
  | "findEach"
  | "readTraces"
  | "services"
  | "operations"
  | "attributeKeys"
  | "attributeValues"
  | "dependencies"
  | "series"
>;

/** Traces that are read at once: enough to hide a message to another thread and back. */
const CHUNK_TRACES_MAX = 8;
/** Bytes of them, as far as the size of the traces before tells. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Traces that may lie on both sides of a cursor, 24 bytes each and a search for each. */
const CANDIDATES_MAX = 200_000;
/** By how much more is searched if too little is left for a page. */
const MORE_CANDIDATES = 4;

/** The methods are fields, so that a store may take them over one by one. */
export class PartQueries implements StoreReads {
  readonly #part: Part;

  constructor(part: Part) {
    this.#part = part;
  }

  /**
   * @throws SpoorError `unsupported` if more than CANDIDATES_MAX traces lie on both sides of the cursor;
   *   `bad-input` if a condition has no regular expression where it needs one.
   */
  readonly search: TraceStore["search"] = async (query, signal) => {
    refuseCancelled(signal);
    checkConditions(query.attributes);
    const { after, ...rest } = query;
    if (after === undefined) return this.#part.search(query, signal);
    return this.#searchBehind(after, rest, signal);
  };

  readonly findTraces: TraceStore["findTraces"] = async (query, signal) => {
    const found: SpanBatch[] = [];
    for await (const trace of this.findEach(query, signal)) found.push(trace);
    return found;
  };

  readonly findEach: TraceStore["findEach"] = (query, signal) => this.#findEach(query, signal);

  /** @param otherwise where else a trace may be that the part does not have. */
  readonly readTraces = async (
    ids: readonly Uint8Array[],
    signal: AbortSignal,
    otherwise?: (id: Uint8Array) => SpanBatch | undefined | Promise<SpanBatch | undefined>,
  ): Promise<SpanBatch[]> => {
    const found: SpanBatch[] = [];
    let at = 0;
    for await (const known of this.#readEach(ids, signal)) {
      const trace = known ?? (await otherwise?.(ids[at]!));
      if (trace !== undefined) found.push(trace);
      at++;
    }
    return found;
  };

  readonly services: TraceStore["services"] = async (signal) => {
    refuseCancelled(signal);
    return [...(await this.#part.services(signal))];
  };

  readonly operations: TraceStore["operations"] = async (service, kind, signal) => {
    refuseCancelled(signal);
    return [...(await this.#part.operations(service, kind, signal))];
  };

  readonly attributeKeys: TraceStore["attributeKeys"] = async (query, signal) => {
    refuseCancelled(signal);
    return this.#part.attributeKeys(query, signal);
  };

  readonly attributeValues: TraceStore["attributeValues"] = async (query, signal) => {
    refuseCancelled(signal);
    return this.#part.attributeValues(query, signal);
  };

  /** Calls of parents that nobody has are left out. */
  readonly dependencies: TraceStore["dependencies"] = async (range, signal) => {
    refuseCancelled(signal);
    const { counts } = await this.#part.calls(range, signal);
    const calls = new CallCounts();
    for (const { parent, child, callCount } of counts) calls.add(parent, child, callCount);
    return calls.sorted();
  };

  readonly series: TraceStore["series"] = async (query, signal) => {
    refuseCancelled(signal);
    const counter = new SeriesCounter(query);
    counter.addLines(await this.#part.series(query, signal));
    return counter.finish();
  };

  async #searchBehind(
    after: Cursor,
    query: Omit<TraceQuery, "after">,
    signal: AbortSignal,
  ): Promise<Hits> {
    const startUsMax = Math.min(query.startUsMax, after.startUs);
    if (startUsMax < query.startUsMin) return makeHits([]);
    const cursor: Hit = { id: after.traceId, startUs: after.startUs };
    const earlier = new Map<string, boolean>();
    let limit = 2 * query.limit;
    for (;;) {
      const found = hitsOf(await this.#part.search({ ...query, startUsMax, limit }, signal));
      const behind = found.filter((hit) => compareHits(cursor, hit) < 0);
      const unknown = behind.filter((hit) => !earlier.has(idKey(hit.id)));
      await this.#findEarlier(after, query, unknown, { earlier, signal });
      const page = behind.filter((hit) => earlier.get(idKey(hit.id)) === false);
      if (page.length >= query.limit || found.length < limit) {
        return makeHits(page.slice(0, query.limit));
      }
      if (limit === CANDIDATES_MAX) {
        const message =
          "too many traces reach from earlier pages into this one: take another range";
        throw new SpoorError("unsupported", message, { found: found.length });
      }
      limit = Math.min(CANDIDATES_MAX, MORE_CANDIDATES * limit);
    }
  }

  /** Notes of each hit in `earlier` whether its trace was on a page before the cursor. */
  async #findEarlier(
    after: Cursor,
    query: Omit<TraceQuery, "after">,
    hits: readonly Hit[],
    { earlier, signal }: { earlier: Map<string, boolean>; signal: AbortSignal },
  ): Promise<void> {
    for (const hit of hits) earlier.set(idKey(hit.id), false);
    if (hits.length === 0 || query.startUsMax <= after.startUs) return;
    const startUsMin = Math.max(query.startUsMin, after.startUs);
    const asked = { ...query, startUsMin, limit: hits.length };
    const only = hits.map((hit) => hit.id);
    for (const hit of hitsOf(await this.#part.search(asked, signal, only))) {
      if (hit.startUs > after.startUs) earlier.set(idKey(hit.id), true);
    }
  }

  async *#findEach(query: TraceQuery, signal: AbortSignal): AsyncGenerator<SpanBatch> {
    const hits = hitsOf(await this.search(query, signal));
    const ids = hits.map((hit) => hit.id);
    for await (const trace of this.#readEach(ids, signal)) if (trace !== undefined) yield trace;
  }

  /** One answer an id, in their order; the next ones are read while the caller is at those before. */
  async *#readEach(
    ids: readonly Uint8Array[],
    signal: AbortSignal,
  ): AsyncGenerator<SpanBatch | undefined> {
    refuseCancelled(signal);
    const stop = makeStop(signal);
    let at = 0;
    const readNext = (size: number): ReturnType<Part["readTraces"]> | undefined => {
      if (at >= ids.length) return undefined;
      const chunk = ids.slice(at, at + size);
      at += chunk.length;
      const traces = this.#part.readTraces(chunk, stop.signal);
      traces.catch(() => undefined); // Thrown where it is awaited, if the caller comes so far.
      return traces;
    };
    try {
      let next = readNext(1);
      while (next !== undefined) {
        const traces = await next;
        next = readNext(chunkSizeAfter(traces));
        for (const trace of traces) {
          refuseCancelled(signal);
          yield trace;
        }
      }
    } finally {
      stop.abort();
      stop.release();
    }
  }
}

/** The reading half of a store that stands on `queries`: `{ ...readsOf(queries), write, … }`. */
export function readsOf(queries: PartQueries): StoreReads {
  const { search, findTraces, findEach, readTraces, services, operations } = queries;
  const { attributeKeys, attributeValues, dependencies, series } = queries;
  const traces = { search, findTraces, findEach, readTraces };
  const names = { services, operations, attributeKeys, attributeValues };
  return { ...traces, ...names, dependencies, series };
}

function chunkSizeAfter(traces: readonly (SpanBatch | undefined)[]): number {
  let bytes = 0;
  for (const trace of traces) bytes += trace?.memoryBytes() ?? 0;
  const size = Math.floor((CHUNK_BYTES * traces.length) / Math.max(1, bytes));
  return Math.max(1, Math.min(CHUNK_TRACES_MAX, size));
}
