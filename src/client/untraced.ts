// What the tracer itself asks of the network is not traced: a report of spans that made a span would
// never come to an end.
//
//   runUntraced(() => request(…)) ─▶ isUntraced() in all that it calls and starts
//
// Whoever instruments http or gRPC through this tracer asks (opentelemetry/bridge-tracer.ts).

import { AsyncLocalStorage } from "node:async_hooks";

const PLACE = Symbol.for("spoor.untraced");

type Storage = AsyncLocalStorage<true>;

/** One for the process, as the active span's. */
const storage: Storage = ((globalThis as { [PLACE]?: Storage })[PLACE] ??= new AsyncLocalStorage());

export function runUntraced<T>(run: () => T): T {
  return storage.run(true, run);
}

export function isUntraced(): boolean {
  return storage.getStore() === true;
}
