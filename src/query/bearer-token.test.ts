// Where a token may stand, and what is none.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBearerToken } from "./bearer-token.ts";

const cases: readonly (readonly [Record<string, string>, string | undefined])[] = [
  [{}, undefined],
  [{ authorization: "Bearer abc" }, "abc"],
  [{ authorization: "bearer  abc" }, "abc"],
  [{ authorization: "abc" }, "abc"],
  [{ authorization: "Basic abc" }, undefined],
  [{ authorization: "Bearer a b" }, undefined],
  [{ "x-forwarded-access-token": "abc" }, "abc"],
  [{ authorization: "Bearer a", "x-forwarded-access-token": "b" }, "a"],
];
for (const [headers, expected] of cases) {
  test(`parseBearerToken() finds ${expected} in ${JSON.stringify(headers)}`, () => {
    assert.equal(
      parseBearerToken((name) => headers[name]),
      expected,
    );
  });
}
