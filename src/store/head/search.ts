// Finds the newest traces of a head that meet a query.
//
//   blocks, latest start first ─▶ matching rows ─▶ trace -> its newest matching start
//   stop when `limit` traces are known whose start is later than any start in the blocks to come
//
// Works in slices: after a few milliseconds other work gets its turn. Meanwhile traces may go, and blocks
// of the view may not: who searches has pinned them.

import type { TraceQuery } from "../../model/trace-query.ts";
import type { Hits } from "../part.ts";
import type { Block } from "./block.ts";
import type { Head, HeadView } from "./head.ts";
import { makePlan, matchSteps, meets, type Plan } from "./match.ts";
import type { Pause } from "./pause.ts";
import { NONE } from "./trace-table.ts";

/** Traces between two looks at the clock. */
const TRACES_BETWEEN_PAUSES = 64;

/** A trace that was found: its ordinal, and the start of its newest matching span. */
export interface Found {
  readonly ordinal: number;
  readonly startUs: number;
}

/** At most `query.limit` held traces, the one with the newest matching span first, ties by rising id. */
export async function searchHead(
  view: HeadView,
  query: TraceQuery,
  pause: Pause,
): Promise<Found[]> {
  const { head } = view;
  const newest = new Map<number, number>();
  let threshold = -Infinity;
  const blocks = [...view.blocks].sort((one, two) => two.startUsMax - one.startUsMax);
  for (const block of blocks) {
    if (newest.size >= query.limit && block.startUsMax < threshold) break;
    const steps = matchSteps(
      block,
      query,
      (row) => head.isLive(block, row),
      (row) => keepNewer(newest, block.trace[row]!, block.startUs[row]!),
    );
    for (const _ of steps) await pause();
    if (newest.size >= query.limit) threshold = keepNewest(newest, query.limit);
    await pause();
  }
  return sorted(head, newest, query.limit);
}

/** As `searchHead`, but only in some traces. Cost: their rows. */
export async function searchTraces(
  view: HeadView,
  query: TraceQuery,
  ids: readonly Uint8Array[],
  pause: Pause,
): Promise<Found[]> {
  const { head } = view;
  const newest = new Map<number, number>();
  const plans = new Map<Block, Plan | undefined>();
  for (const [at, id] of ids.entries()) {
    if (at % TRACES_BETWEEN_PAUSES === 0) {
      await pause();
      forgetOpen(plans);
    }
    const ordinal = head.findTrace(id);
    if (ordinal === NONE) continue;
    const look = (block: Block, row: number): void => {
      if (!plans.has(block)) plans.set(block, makePlan(block, query));
      const plan = plans.get(block);
      if (plan === undefined || !meets(block, plan, row)) return;
      keepNewer(newest, ordinal, block.startUs[row]!);
    };
    head.forEachRow(ordinal, look, view.from);
  }
  return sorted(head, newest, query.limit);
}

/** The plan of the newest block is of what the block held: more may have come since. */
function forgetOpen(plans: Map<Block, Plan | undefined>): void {
  let newest: Block | undefined;
  for (const block of plans.keys())
    if (newest === undefined || block.id > newest.id) newest = block;
  if (newest !== undefined) plans.delete(newest);
}

export function hitsOf(head: Head, found: readonly Found[]): Hits {
  const ids = new Uint8Array(16 * found.length);
  const startUs = new Float64Array(found.length);
  found.forEach((trace, at) => {
    ids.set(head.traces.id(trace.ordinal), 16 * at);
    startUs[at] = trace.startUs;
  });
  return { ids, startUs };
}

function keepNewer(newest: Map<number, number>, trace: number, startUs: number): void {
  const known = newest.get(trace);
  if (known === undefined || startUs > known) newest.set(trace, startUs);
}

function sorted(head: Head, newest: ReadonlyMap<number, number>, limit: number): Found[] {
  const found: Found[] = [];
  for (const [ordinal, startUs] of newest) {
    if (head.traces.has(ordinal)) found.push({ ordinal, startUs });
  }
  found.sort((one, two) => two.startUs - one.startUs || compareIds(head, one.ordinal, two.ordinal));
  return found.slice(0, limit);
}

/** Forgets traces that are too old for the answer. @returns the oldest start that is in it. */
function keepNewest(newest: Map<number, number>, limit: number): number {
  const starts = Float64Array.from(newest.values()).sort();
  const threshold = starts[starts.length - limit]!;
  // Equal starts stay: ties are broken by trace id at the end.
  for (const [trace, startUs] of newest) if (startUs < threshold) newest.delete(trace);
  return threshold;
}

function compareIds(head: Head, one: number, two: number): number {
  const left = head.traces.id(one);
  const right = head.traces.id(two);
  for (let i = 0; i < 16; i++) {
    const difference = left[i]! - right[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
