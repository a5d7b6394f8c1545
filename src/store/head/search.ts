// Finds the newest traces of a head that meet a query.
//
//   blocks, latest start first ─▶ matching rows ─▶ trace -> its newest matching start
//   stop when `limit` traces are known whose start is later than any start in the blocks to come
//
// Works in slices: after a few milliseconds other work gets its turn.

import type { TraceQuery } from "../../model/trace-query.ts";
import type { Head } from "./head.ts";
import { matchRows } from "./match.ts";
import type { Pause } from "./pause.ts";

/** Ordinals of at most `query.limit` held traces, the one with the newest matching span first. */
export async function searchHead(head: Head, query: TraceQuery, pause: Pause): Promise<number[]> {
  const newest = new Map<number, number>();
  let threshold = -Infinity;
  const blocks = [...head.blocks].sort((one, two) => two.startUsMax - one.startUsMax);
  for (const block of blocks) {
    if (newest.size >= query.limit && block.startUsMax < threshold) break;
    matchRows(
      block,
      query,
      (row) => head.isLive(block, row),
      (row) => {
        const startUs = block.startUs[row]!;
        const trace = block.trace[row]!;
        const known = newest.get(trace);
        if (known === undefined || startUs > known) newest.set(trace, startUs);
      },
    );
    if (newest.size >= query.limit) threshold = keepNewest(newest, query.limit);
    await pause();
  }
  const found = [...newest].filter(([trace]) => head.traces.isHeld(trace));
  found.sort((one, two) => two[1] - one[1] || compareIds(head, one[0], two[0]));
  return found.slice(0, query.limit).map(([trace]) => trace);
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
