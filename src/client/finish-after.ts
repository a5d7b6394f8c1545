// The end of a span that belongs to one call of a function.
//
//   fn returns a value ──▶ finish      throws ──────────▶ error=true, log, finish, thrown again
//   fn returns a promise ─ fulfilled ──▶ finish    ─ rejected ──▶ error=true, log, finish
//
// A span that the function finished itself is left alone.
// Source: OpenTracing's conventions for `error` and the fields of its log.

import type { Span } from "./span.ts";

/** Returns and throws what `run` does; the promise is the same one, not a copy. */
export function finishAfter<T>(span: Span, run: () => T): T {
  let result: T;
  try {
    result = run();
  } catch (error) {
    finishFailed(span, error);
    throw error;
  }
  if (!isThenable(result)) {
    finishOnce(span);
    return result;
  }
  result.then(
    () => finishOnce(span),
    (error: unknown) => finishFailed(span, error),
  );
  return result;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

function finishFailed(span: Span, error: unknown): void {
  if (span.isFinished) return;
  span.setTag("error", true);
  span.log({ event: "error", "error.object": error, message: messageOf(error) });
  span.finish();
}

function messageOf(error: unknown): unknown {
  return error instanceof Error ? error.message : error;
}

function finishOnce(span: Span): void {
  if (!span.isFinished) span.finish();
}
