// One page of a search: its traces, and where the next page begins.
//
//   search ─▶ hits, one more than asked ─▶ traces, each read when it is asked for
//                     └─ is there one? ─▶ cursor of the last trace on the page
//
// Not here: the cursor as text (cursor-text.ts), how a store goes on behind one.

import type { SpanBatch } from "../model/span-batch.ts";
import { type Cursor, LIMIT_MAX, type TraceQuery } from "../model/trace-query.ts";
import type { ReadStore } from "./measured-store.ts";

export interface Page {
  readonly traces: AsyncIterable<SpanBatch>;
  /** Undefined: there is nothing more. */
  readonly next: Cursor | undefined;
}

/** @throws as TraceStore.search. */
export async function findPage(
  store: ReadStore,
  query: TraceQuery,
  signal: AbortSignal,
): Promise<Page> {
  const limit = Math.min(query.limit + 1, LIMIT_MAX);
  const { ids, startUs } = await store.search({ ...query, limit }, signal);
  const count = Math.min(query.limit, startUs.length);
  const isMore = startUs.length > query.limit || startUs.length === LIMIT_MAX;
  const idOf = (at: number): Uint8Array => ids.slice(16 * at, 16 * at + 16);
  const found = Array.from({ length: count }, (_, at) => idOf(at));
  const next = isMore ? { startUs: startUs[count - 1]!, traceId: idOf(count - 1) } : undefined;
  return { traces: readEach(store, found, signal), next };
}

/** A trace that is gone meanwhile is left out. */
async function* readEach(
  store: ReadStore,
  ids: readonly Uint8Array[],
  signal: AbortSignal,
): AsyncGenerator<SpanBatch> {
  for (const id of ids) yield* await store.readTraces([id], signal);
}
