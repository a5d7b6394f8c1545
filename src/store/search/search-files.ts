// Finds the newest traces in files that meet a query.
//
//   blocks, latest start first ─▶ pages ─▶ matching rows ─▶ trace -> its newest matching start
//   stop when `limit` traces are known whose start is later than any start in the blocks to come
//
// What the answer has so far raises the start that a row needs: older rows are passed over unseen.
// Pauses between pages of rows. Not here: which rows match (store/head/match.ts, store/block).

import type { TraceQuery } from "../../model/trace-query.ts";
import type { FileBlock } from "../block/block-reader.ts";
import { PAGE_ROWS } from "../block/layout.ts";
import type { Plan } from "../head/match.ts";
import type { Pause } from "../head/pause.ts";
import type { Hits } from "../part.ts";
import type { BlockView, HeldBlock } from "./block-set.ts";
import { BlockHits, NewestTraces } from "./newest-traces.ts";

/** As `Part.search`. */
export async function searchBlocks(
  view: BlockView,
  query: TraceQuery,
  pause: Pause,
  only?: readonly Uint8Array[],
): Promise<Hits> {
  const newest = new NewestTraces(query.limit);
  const wanted = only === undefined ? undefined : await findTraces(view, only, pause);
  for (const held of view.newestFirst) {
    if (held.startUsMax < Math.max(query.startUsMin, newest.threshold)) break;
    if (held.startUsMin > query.startUsMax) continue;
    const traces = wanted?.get(held);
    if (wanted !== undefined && traces === undefined) continue;
    await searchBlock(view, held, query, newest, pause, traces);
    await pause();
  }
  return newest.hits();
}

/** @param traces search in these alone. */
async function searchBlock(
  view: BlockView,
  held: HeldBlock,
  query: TraceQuery,
  newest: NewestTraces,
  pause: Pause,
  traces: ReadonlySet<number> | undefined,
): Promise<void> {
  const first = view.use(held, (block) => {
    const plan = block.plan(newerThan(query, newest.threshold));
    if (plan === undefined) return undefined;
    return { plan, block, pages: traces === undefined ? undefined : pagesOf(block, traces) };
  });
  if (first === undefined) return;
  const { block, pages } = first;
  const hits = new BlockHits(query.limit, newest.threshold);
  const rows = new RowHits(block, hits, traces);
  let { plan } = first;
  for (let index = 0; index < block.rowPages; index++) {
    if (pages !== undefined && !pages.has(index)) continue;
    // What is damaged fails page by page: rows that were found are still right.
    view.use(held, () => block.matchPage(plan, index, rows.found));
    if (hits.threshold > plan.query.startUsMin) plan = planNewer(plan, hits.threshold);
    await pause();
  }
  view.use(held, () => {
    rows.finish();
    newest.add(hits, (trace) => block.traceId(trace));
  });
}

function newerThan(query: TraceQuery, startUs: number): TraceQuery {
  return startUs <= query.startUsMin ? query : { ...query, startUsMin: startUs };
}

function planNewer(plan: Plan, startUs: number): Plan {
  return { ...plan, query: newerThan(plan.query, startUs) };
}

/** Pages with rows of some traces. */
function pagesOf(block: FileBlock, traces: ReadonlySet<number>): ReadonlySet<number> {
  const pages = new Set<number>();
  for (const trace of traces) {
    const { from, end } = block.rowsOfTrace(trace);
    const last = Math.floor((end - 1) / PAGE_ROWS);
    for (let page = Math.floor(from / PAGE_ROWS); page <= last; page++) pages.add(page);
  }
  return pages;
}

/** Makes traces of the rows that are found in a block, in rising order. */
class RowHits {
  readonly found: (row: number, startUs: number) => void;
  readonly #block: FileBlock;
  readonly #hits: BlockHits;
  readonly #wanted: ReadonlySet<number> | undefined;
  #trace = -1;
  #traceEnd = 0;
  #startUs = -Infinity;

  constructor(block: FileBlock, hits: BlockHits, wanted: ReadonlySet<number> | undefined) {
    this.#block = block;
    this.#hits = hits;
    this.#wanted = wanted;
    this.found = (row, startUs) => {
      if (row >= this.#traceEnd) this.#next(row);
      if (startUs > this.#startUs) this.#startUs = startUs;
    };
  }

  finish(): void {
    const trace = this.#trace;
    this.#trace = -1;
    if (trace < 0 || this.#wanted?.has(trace) === false) return;
    this.#hits.add(trace, this.#startUs);
  }

  #next(row: number): void {
    this.finish();
    this.#trace = this.#block.traceOfRow(row);
    this.#traceEnd = this.#block.rowsOfTrace(this.#trace).end;
    this.#startUs = -Infinity;
  }
}

/** Numbers of the traces in each block that has one of them. */
async function findTraces(
  view: BlockView,
  ids: readonly Uint8Array[],
  pause: Pause,
): Promise<Map<HeldBlock, Set<number>>> {
  const found = new Map<HeldBlock, Set<number>>();
  for (const id of ids) {
    for (const held of view.blocksOfTrace(id)) {
      const trace = view.use(held, (block) => block.findTrace(id)) ?? -1;
      if (trace < 0) continue;
      const known = found.get(held);
      if (known === undefined) found.set(held, new Set([trace]));
      else known.add(trace);
    }
    await pause();
  }
  return found;
}
