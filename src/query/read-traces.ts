// Traces out of the store, adjusted one at a time as they are written.
//
//   store ─▶ [trace, trace, …] ─▶ adjust ─▶ write ─▶ next …      a written trace is let go of
//
// Between traces everything else of the process gets its turn: a long answer is a row of short
// pieces of work.
// Not here: adjusting (adjust/), the formats (wire).

import { setImmediate } from "node:timers/promises";
import type { SpanBatch } from "../model/span-batch.ts";
import { type AdjustOptions, adjustTrace } from "./adjust/adjust-trace.ts";

/** Rows after which others get their turn: some 10 ms of adjusting and writing. */
const ROWS_A_TURN = 1_000;

/** How the traces of an answer are treated. */
export interface TraceView {
  readonly adjust: AdjustOptions;
  /** Shows traces as they are stored. */
  readonly raw: boolean;
}

/** Each of `traces` after the other; takes them out of the list, so that they can be let go of. */
export async function* eachTrace(
  traces: SpanBatch[],
  view: TraceView,
): AsyncGenerator<SpanBatch, void, undefined> {
  let rows = 0;
  traces.reverse();
  for (let trace = traces.pop(); trace !== undefined; trace = traces.pop()) {
    const shown = view.raw ? trace : adjustTrace(trace, view.adjust);
    rows += trace.rows;
    if (rows > ROWS_A_TURN) {
      rows = 0;
      await setImmediate();
    }
    yield shown;
  }
}
