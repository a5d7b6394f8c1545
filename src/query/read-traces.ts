// Traces out of the store, adjusted one at a time as they are written.
//
//   store ─▶ trace ─▶ adjust ─▶ write ─▶ the next trace …      one at a time is held
//
// Between traces everything else of the process gets its turn: a long answer is a row of short
// pieces of work.
// Not here: adjusting (adjust/), the formats (wire).

import { setImmediate } from "node:timers/promises";
import type { SpanBatch } from "../model/span-batch.ts";
import { type AdjustOptions, adjustInSteps, adjustTrace } from "./adjust/adjust-trace.ts";

/** Rows after which others get their turn: some 10 ms of adjusting and writing. */
const ROWS_A_TURN = 1_000;

/** How the traces of an answer are treated. */
export interface TraceView {
  readonly adjust: AdjustOptions;
  /** Shows traces as they are stored. */
  readonly raw: boolean;
}

/** Each of `traces` after the other. */
export async function* eachTrace(
  traces: Iterable<SpanBatch> | AsyncIterable<SpanBatch>,
  view: TraceView,
): AsyncGenerator<SpanBatch, void, undefined> {
  let rows = 0;
  for await (const trace of traces) {
    const shown = view.raw ? trace : await adjust(trace, view.adjust);
    rows += trace.rows;
    if (rows > ROWS_A_TURN) {
      rows = 0;
      await setImmediate();
    }
    yield shown;
  }
}

/** A large trace is adjusted with pauses. */
async function adjust(trace: SpanBatch, options: AdjustOptions): Promise<SpanBatch> {
  if (trace.rows <= ROWS_A_TURN) return adjustTrace(trace, options);
  const steps = adjustInSteps(trace, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}

/** The same items, after the first of them was asked for; undefined if there is none. */
export async function startItems<T>(
  items: AsyncIterable<T>,
): Promise<AsyncIterable<T> | undefined> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return undefined;
  return (async function* () {
    try {
      yield first.value;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  })();
}
