// The routes of the admin port, without the port (open-role.test.ts has it).

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { MetricsRegistry, gauge } from "../base/metrics.ts";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { makeAdminRoutes } from "./admin.ts";
import { makeHealth } from "./health.ts";
import { type OpenLog, makeLog } from "./log.ts";

const log: OpenLog = makeLog({
  level: "info",
  encoding: "json",
  clock: systemClock,
  write: () => {},
});

function routesWith(metricsRoute: string | undefined): readonly HttpRoute[] {
  const registry = new MetricsRegistry();
  registry.register({ depth: gauge({ name: "depth", help: "d" }) });
  const version = { version: "1.2.3", commit: "abc", buildDate: "2026-01-01" };
  return makeAdminRoutes({ health: makeHealth(systemClock), registry, log, version, metricsRoute });
}

async function ask(
  routes: readonly HttpRoute[],
  method: string,
  path: string,
  body = "",
): Promise<HttpAnswer> {
  const route = routes.find((one) => one.method === method && one.path === path);
  assert.ok(route !== undefined, `no route for ${method} ${path}`);
  // The handlers look at nothing but the body.
  return await route.handle({ body: new TextEncoder().encode(body) } as unknown as HttpRequest);
}

test("makeAdminRoutes() serves health on three paths", async () => {
  for (const path of ["/", "/health", "/ready"]) {
    assert.equal((await ask(routesWith("/metrics"), "GET", path)).status, 503);
  }
});

test("makeAdminRoutes() serves metrics where it is told to, or not at all", async () => {
  const answer = await ask(routesWith("/prom"), "GET", "/prom");
  assert.deepEqual(answer.headers, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  assert.equal(answer.body, "# HELP depth d\n# TYPE depth gauge\ndepth 0\n");
  assert.ok(!routesWith(undefined).some(({ path }) => path === "/metrics"));
  const paths = routesWith("/health").map(({ method, path }) => `${method} ${path}`);
  assert.equal(new Set(paths).size, paths.length);
});

test("makeAdminRoutes() serves the version with Jaeger's keys", async () => {
  const { body } = await ask(routesWith(undefined), "GET", "/version");
  assert.equal(body, '{"gitCommit":"abc","gitVersion":"v1.2.3","buildDate":"2026-01-01"}');
});

test("PUT /log-level changes the level of the running log", async () => {
  const routes = routesWith(undefined);
  assert.equal((await ask(routes, "GET", "/log-level")).body, '{"level":"info"}');
  assert.equal(
    (await ask(routes, "PUT", "/log-level", '{"level":"debug"}')).body,
    '{"level":"debug"}',
  );
  assert.equal(log.level(), "debug");
  assert.equal((await ask(routes, "GET", "/log-level")).body, '{"level":"debug"}');
});

for (const body of [
  "",
  "{",
  "null",
  '"debug"',
  '{"level":5}',
  '{"level":"trace"}',
  `${" ".repeat(1_024)}{"level":"info"}`,
]) {
  test(`PUT /log-level refuses ${JSON.stringify(body).slice(0, 30)}`, async () => {
    log.setLevel("warn");
    const message = 'expected {"level": one of debug, info, warn, error, dpanic, panic, fatal}';
    await assert.rejects(ask(routesWith(undefined), "PUT", "/log-level", body), {
      code: "bad-input",
      message,
    });
    assert.equal(log.level(), "warn");
  });
}
