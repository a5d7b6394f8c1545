// Whose token a store sees, also when several requests are under way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { callWithToken, currentToken, iterateWithToken } from "./bearer-token.ts";

test("currentToken() says the token of its own request, also after waiting", async () => {
  const ask = async (): Promise<string | undefined> => {
    await setImmediate();
    return currentToken();
  };
  const answers = [callWithToken("a", ask), callWithToken("b", ask), ask()];
  assert.deepEqual(await Promise.all(answers), ["a", "b", undefined]);
  assert.equal(currentToken(), undefined);
});

test("iterateWithToken() has its token at every step, and ends what it iterates", async () => {
  let ended = false;
  async function* ask(): AsyncGenerator<string | undefined> {
    try {
      for (;;) {
        yield currentToken();
        await setImmediate();
      }
    } finally {
      ended = true;
    }
  }
  const seen: (string | undefined)[] = [];
  for await (const token of iterateWithToken("a", ask())) if (seen.push(token) === 3) break;
  assert.deepEqual(seen, ["a", "a", "a"]);
  assert.ok(ended);
});
