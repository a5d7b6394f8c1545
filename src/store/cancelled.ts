// How a question ends whose caller has gone, and one that is made of several questions.

import { SpoorError } from "../base/errors.ts";

export function cancelled(): SpoorError {
  return new SpoorError("unavailable", "the query was cancelled");
}

/** @throws SpoorError `unavailable` if nobody waits for the answer any more. */
export function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled();
}

/** Stops the questions that a question is made of: when its caller goes, or when one of them fails. */
export interface Stop {
  readonly signal: AbortSignal;
  abort(): void;
  /** Lets go of the caller's signal; to be called in the end. */
  release(): void;
}

export function makeStop(caller: AbortSignal): Stop {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (caller.aborted) abort();
  else caller.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    abort,
    release: () => caller.removeEventListener("abort", abort),
  };
}
