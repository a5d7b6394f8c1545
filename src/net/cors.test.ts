// CORS as rs/cors with credentials, which Jaeger's doors use, answers it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCorsRules } from "./cors.ts";

const rules = (origins: string[], headers: string[] = []) => {
  const made = makeCorsRules({ allowedOrigins: origins, allowedHeaders: headers });
  assert.ok(made);
  return made;
};

const origins: readonly (readonly [allowed: string, origin: string, answer: string | undefined])[] =
  [
    ["*", "https://any.example", "*"],
    ["https://a.example", "https://a.example", "https://a.example"],
    ["https://a.example", "https://A.example", "https://A.example"],
    ["https://a.example", "https://b.example", undefined],
    ["https://a.example", "https://a.example.evil", undefined],
    ["https://*.example", "https://x.y.example", "https://x.y.example"],
    ["https://*.example", "https://.example", "https://.example"],
    ["https://*.example", "http://x.example", undefined],
    ["https://a*a", "https://a", undefined],
  ];

for (const [allowed, origin, answer] of origins) {
  test(`answerHeaders() with ${allowed} allowed says ${String(answer)} to ${origin}`, () => {
    const headers = rules([allowed]).answerHeaders(origin);
    assert.equal(headers["Access-Control-Allow-Origin"], answer);
    assert.equal(headers["Vary"], "Origin");
    const credentials = answer === undefined ? undefined : "true";
    assert.equal(headers["Access-Control-Allow-Credentials"], credentials);
  });
}

test("makeCorsRules() without an origin is off", () => {
  assert.equal(makeCorsRules(undefined), undefined);
  assert.equal(makeCorsRules({ allowedOrigins: [], allowedHeaders: ["*"] }), undefined);
});

test("answerHeaders() allows nothing to a request without an origin", () => {
  assert.deepEqual(rules(["*"]).answerHeaders(undefined), { Vary: "Origin" });
});

const ask = (method: string, headers?: string) => ({
  origin: "https://a.example",
  "access-control-request-method": method,
  ...(headers === undefined ? {} : { "access-control-request-headers": headers }),
});

test("preflightHeaders() allows what was asked for", () => {
  const got = rules(["https://a.example"], ["x-token"]).preflightHeaders(ask("POST", "X-Token"));
  assert.deepEqual(got, {
    Vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    "Access-Control-Allow-Origin": "https://a.example",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "X-Token",
  });
});

const preflights: readonly (readonly [
  headers: string[],
  asked: ReturnType<typeof ask>,
  isAllowed: boolean,
])[] = [
  [[], ask("POST"), true],
  [[], ask("POST", "content-type, accept"), true],
  [[], ask("POST", "x-token"), false],
  [["*"], ask("POST", "x-token,x-other"), true],
  [["x-token"], ask("POST", "x-token, x-other"), false],
  [[], ask("DELETE"), false],
  [[], { ...ask("POST"), origin: "https://b.example" }, false],
];

for (const [headers, asked, isAllowed] of preflights) {
  const line = Object.values(asked).join(" ");
  test(`preflightHeaders() with [${headers.join()}] ${isAllowed ? "allows" : "refuses"} ${line}`, () => {
    const got = rules(["https://a.example"], headers).preflightHeaders(asked);
    assert.equal("Access-Control-Allow-Origin" in got, isAllowed);
    assert.match(got["Vary"] ?? "", /Access-Control-Request-Headers/);
  });
}
