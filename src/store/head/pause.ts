// Gives other work its turn during a long query, and notices that nobody waits for the answer any more.

import { SpoorError } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";

/** Longest time that a query runs without a pause; ingest waits at most this long for it. */
const SLICE_MS = 4;

/** Called between pieces of work. @throws SpoorError `unavailable` if the query was aborted. */
export type Pause = () => void | Promise<void>;

export function makePause(clock: Clock, signal: AbortSignal): Pause {
  let began = clock.monotonicMs();
  return () => {
    if (signal.aborted) throw new SpoorError("unavailable", "the query was cancelled");
    if (clock.monotonicMs() - began < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        began = clock.monotonicMs();
        resolve();
      });
    });
  };
}
