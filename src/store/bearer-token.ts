// Whose question the store answers: the bearer token of the request that is being served.
//
//   query: callWithToken(token, () => store.findTraces(…))     an engine in front of a guarded store:
//                                                              currentToken() ─▶ its own requests
//
// The token follows the call through promises and callbacks, so that the contract of the stores does
// not carry it from method to method. Engines that guard nothing never ask.
// Trust: the token is a secret of the peer's: it is passed on, never logged, never stored.
// Not here: where it comes from (query/bearer-token.ts).

import { AsyncLocalStorage } from "node:async_hooks";

const tokens = new AsyncLocalStorage<string>();

/** Runs `call`; `currentToken` says `token` in it and in whatever it awaits. */
export function callWithToken<T>(token: string, call: () => T): T {
  return tokens.run(token, call);
}

/** `items`, each of them made in a `callWithToken`: who takes them is elsewhere by then. */
export function iterateWithToken<T>(token: string, items: AsyncIterable<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = items[Symbol.asyncIterator]();
      return {
        next: () => callWithToken(token, () => inner.next()),
        return: async () => (await inner.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}

/** The token of the request that is being served; undefined: it has none, or it is not passed on. */
export function currentToken(): string | undefined {
  return tokens.getStore();
}
