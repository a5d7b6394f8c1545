// The admin port: health, metrics, version, and the log level at run time.
//
//   GET /  /health  /ready    200 or 503, Jaeger's JSON
//   GET /metrics              Prometheus text; the path is a setting
//   GET /version              {"gitCommit","gitVersion","buildDate"}
//   GET PUT /log-level        {"level":"info"}
//
// Source: Jaeger's admin server from 1.12 on (ports 14269, 16687).
// Trust: whoever reaches the port; it changes nothing but the log level. Bodies are small.
// Not here: sockets and their limits (net/http-server.ts).

import { SpoorError } from "../base/errors.ts";
import { METRICS_CONTENT_TYPE, printMetrics } from "../base/metrics-text.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import type { Health } from "./health.ts";
import { LOG_LEVELS, type OpenLog, isLogLevel } from "./log.ts";
import type { Version } from "./version.ts";

export interface AdminParts {
  readonly health: Health;
  readonly registry: MetricsRegistry;
  readonly log: OpenLog;
  readonly version: Version;
  /** Path of the metrics; undefined: they are not served. */
  readonly metricsRoute: string | undefined;
}

/** Bytes of a PUT /log-level. */
const BODY_BYTES_MAX = 1_024;

export function makeAdminRoutes(parts: AdminParts): readonly HttpRoute[] {
  const { health, registry, log, version, metricsRoute } = parts;
  const shown = json({
    gitCommit: version.commit,
    gitVersion: `v${version.version}`,
    buildDate: version.buildDate,
  });
  const healthPaths = ["/", "/health", "/ready"].filter((path) => path !== metricsRoute);
  const routes: HttpRoute[] = [
    ...healthPaths.map((path) => get(path, () => health.answer())),
    get("/version", () => shown),
    get("/log-level", () => json({ level: log.level() })),
    { method: "PUT", path: "/log-level", handle: (request) => putLogLevel(request, log) },
  ];
  if (metricsRoute !== undefined) {
    const headers = { "content-type": METRICS_CONTENT_TYPE };
    routes.push(get(metricsRoute, () => ({ status: 200, headers, body: printMetrics(registry) })));
  }
  return routes;
}

function get(path: string, handle: () => HttpAnswer | Promise<HttpAnswer>): HttpRoute {
  return { method: "GET", path, handle };
}

function json(value: unknown): HttpAnswer {
  const headers = { "content-type": "application/json" };
  return { status: 200, headers, body: JSON.stringify(value) };
}

function putLogLevel(request: HttpRequest, log: OpenLog): HttpAnswer {
  const level = readLevel(request.body);
  if (!isLogLevel(level)) {
    throw new SpoorError("bad-input", `expected {"level": one of ${LOG_LEVELS.join(", ")}}`);
  }
  log.setLevel(level);
  log.info("log level changed", { level });
  return json({ level });
}

function readLevel(body: Uint8Array): string {
  if (body.byteLength > BODY_BYTES_MAX) return "";
  try {
    const value = JSON.parse(new TextDecoder().decode(body)) as { level?: unknown } | null;
    return typeof value?.level === "string" ? value.level : "";
  } catch {
    return ""; // not JSON, and so no level
  }
}
