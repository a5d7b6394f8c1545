// Which route takes which path.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRoute } from "./http-route.ts";
import { makeRouter } from "./http-router.ts";

const route = (method: HttpRoute["method"], path: string): HttpRoute => ({
  method,
  path,
  handle: () => ({ status: 200 }),
});

const router = makeRouter([
  route("GET", "/api/traces"),
  route("GET", "/api/traces/:traceId"),
  route("POST", "/api/archive/:traceId"),
  route("GET", "/api/services/:service/operations"),
  route("GET", "/api/services/all/operations"),
  route("GET", "/static/*"),
  route("GET", "/static/deep/*"),
  route("GET", "*"),
]);

const cases: readonly (readonly [line: string, printed: string])[] = [
  ["GET /api/traces", "GET /api/traces {}"],
  ["HEAD /api/traces", "GET /api/traces {}"],
  ["POST /api/traces", "only GET"],
  ["GET /api/traces/", 'GET * {"*":"/api/traces/"}'],
  ["GET /api/traces/1f2e", 'GET /api/traces/:traceId {"traceId":"1f2e"}'],
  ["DELETE /api/traces/1f2e", "only GET"],
  ["GET /api/archive/1", "only POST"],
  [
    "GET /api/services/a%2Fb%20c/operations",
    'GET /api/services/:service/operations {"service":"a/b c"}',
  ],
  ["GET /api/services/all/operations", "GET /api/services/all/operations {}"],
  [
    "GET /api/services/__proto__/operations",
    'GET /api/services/:service/operations {"service":"__proto__"}',
  ],
  ["GET /static/", 'GET /static/* {"*":""}'],
  ["GET /static/a/b%20c.js", 'GET /static/* {"*":"a/b c.js"}'],
  ["GET /static/deep/x", 'GET /static/deep/* {"*":"x"}'],
  ["GET /static", 'GET * {"*":"/static"}'],
  ["GET /", 'GET * {"*":"/"}'],
  [`GET /${"x/".repeat(100)}y`, `GET * {"*":"/${"x/".repeat(100)}y"}`],
];

for (const [line, printed] of cases) {
  test(`the router takes ${line.slice(0, 50)}`, () => {
    const [method = "", path = ""] = line.split(" ");
    const match = router(method, path);
    const got =
      match.route === undefined
        ? `only ${match.allow.join()}`
        : `${match.route.method} ${match.route.path} ${JSON.stringify(match.params)}`;
    assert.equal(got, printed);
  });
}

test("the router knows nothing else when there is no open route", () => {
  const small = makeRouter([route("GET", "/a")]);
  assert.deepEqual(small("GET", "/b"), { route: undefined, allow: [] });
});

test("the router refuses parameters that do not decode", () => {
  for (const path of ["/api/traces/%zz", "/api/traces/%", "/api/traces/%ff%fe", "/static/%c3"]) {
    assert.throws(() => router("GET", path), { code: "bad-input" }, path);
  }
});
