// The span that is active in the current flow of calls, carried along by AsyncLocalStorage.
//
//   runWithSpan(span, fn) ──▶ fn, its promises, timers and callbacks ──▶ activeSpan() === span
//
// The storage belongs to the process, not to this module: an application may have loaded the library
// twice, as a module and as CommonJS, and both are to see the same span.
// Not here: spans that are made and finished around a function (tracer.ts).

import { AsyncLocalStorage } from "node:async_hooks";
import type { Span } from "./span.ts";

const PLACE = Symbol.for("spoor.active-span");

type Storage = AsyncLocalStorage<Span | undefined>;

const storage: Storage = ((globalThis as { [PLACE]?: Storage })[PLACE] ??= new AsyncLocalStorage());

/** The span that the current code works for; undefined outside of any. */
export function activeSpan(): Span | undefined {
  return storage.getStore();
}

/** Calls `fn` with `span` active in all that it calls and starts; with none for undefined. */
export function runWithSpan<T>(span: Span | null | undefined, fn: () => T): T {
  return storage.run(span ?? undefined, fn);
}
