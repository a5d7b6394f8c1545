// Jaeger's old and new spellings through the real tables, and what is refused or warned of.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Environment, parseSettings } from "../base/parse-settings.ts";
import { allInOneSettings } from "./roles.ts";
import { commonSettings } from "./settings.ts";

type Given = readonly string[] | Environment;

function parse(given: Given): ReturnType<typeof parseSettings<typeof allInOneSettings>> {
  const isArgv = Array.isArray(given);
  const argv = isArgv ? (given as readonly string[]) : [];
  return parseSettings({
    table: allInOneSettings,
    argv,
    env: isArgv ? {} : (given as Environment),
  });
}

const at = (port: number, host = "127.0.0.1"): object => ({ host, port });
const MIB = 1_048_576;

// Old spellings and other ways to say the same.
const understood: readonly (readonly [given: Given, name: string, value: unknown])[] = [
  [[], "collector.otlp.grpc.host-port", at(4317)],
  [[], "collector.otlp.http.host-port", at(4318)],
  [[], "collector.grpc-server.host-port", at(14_250)],
  [[], "collector.http-server.host-port", at(14_268)],
  [[], "collector.zipkin.host-port", at(9411)],
  [[], "admin.http.host-port", at(14_269)],
  [[], "query.http-server.host-port", at(16_686)],
  [[], "query.grpc-server.host-port", at(16_685)],
  [[], "memory.max-traces", 0],
  [[], "memory.max-bytes", 512 * MIB],
  [[], "collector.max-inflight-bytes", 64 * MIB],
  [["--collector.http-port=1"], "collector.http-server.host-port", at(1)],
  [["--collector.grpc-port=1"], "collector.grpc-server.host-port", at(1)],
  [["--collector.zipkin.http-port=1"], "collector.zipkin.host-port", at(1)],
  [["--collector.zipkin.http-port=0"], "collector.zipkin.host-port", at(9411)],
  [["--collector.zipkin.host-port="], "collector.zipkin.host-port", undefined],
  [["--query.port=1"], "query.http-server.host-port", at(1)],
  [["--query.host-port=h:1"], "query.http-server.host-port", at(1, "h")],
  [["--admin-http-port=1"], "admin.http.host-port", at(1)],
  [["--health-check-http-port=1"], "admin.http.host-port", at(1)],
  [["--collector.grpc.tls"], "collector.grpc.tls.enabled", true],
  [["--collector.grpc.tls=false"], "collector.grpc.tls.enabled", false],
  [["--collector.grpc.tls.client.ca=f"], "collector.grpc.tls.client-ca", "f"],
  [["--collector.zipkin.allowed-origins=*"], "collector.zipkin.cors.allowed-origins", ["*"]],
  [["--collector.zipkin.allowed-headers=a"], "collector.zipkin.cors.allowed-headers", ["a"]],
  [["--collector.queue-size-memory=128"], "collector.max-inflight-bytes", 128 * MIB],
  [["--collector.otlp.enabled=false"], "collector.otlp.grpc.host-port", undefined],
  [["--collector.otlp.enabled=false"], "collector.otlp.http.host-port", undefined],
  [["--memory.max-bytes=1GB"], "memory.max-bytes", 1e9],
  [["--log-level=WARN"], "log-level", "warn"],
  [["--multi_tenancy.enabled=false"], "multi-tenancy.enabled", false],
  [["--query.base-path=/jaeger"], "query.base-path", "/jaeger"],
  [{ COLLECTOR_ZIPKIN_HTTP_PORT: "9" }, "collector.zipkin.host-port", at(9)],
  [{ COLLECTOR_OTLP_HTTP_HOST_PORT: "" }, "collector.otlp.http.host-port", undefined],
  [{ LISTEN_HOST: "0.0.0.0" }, "query.http-server.host-port", at(16_686, "0.0.0.0")],
  [{ SPAN_STORAGE_TYPE: "memory" }, "span-storage.type", "memory"],
  [{ SPAN_STORAGE_TYPE: "segment" }, "span-storage.type", "segment"],
  [{ SPAN_STORAGE_TYPE: "" }, "span-storage.type", "segment"],
  [{ QUERY_PORT: "tcp://10.0.0.1:80" }, "query.http-server.host-port", at(16_686)],
  [{ COLLECTOR_PORT_14250_TCP: "x", QUERY_SERVICE_HOST: "y" }, "query.base-path", "/"],
];
for (const [given, name, value] of understood) {
  test(`settings: ${JSON.stringify(given)} gives ${name}`, () => {
    assert.deepEqual((parse(given).config as Record<string, unknown>)[name], value);
  });
}

const refused: readonly (readonly [given: Given, line: string])[] = [
  [
    { SPAN_STORAGE_TYPE: "cassandra" },
    'bad value "cassandra" of span-storage.type (environment variable SPAN_STORAGE_TYPE): expected one of: segment, memory',
  ],
  [
    ["--multi-tenancy.enabled"],
    'bad value "true" of multi-tenancy.enabled (flag --multi-tenancy.enabled): expected false, because tenants are not kept apart yet',
  ],
  [
    ["--query.base-path=/jaeger/"],
    'bad value "/jaeger/" of query.base-path (flag --query.base-path): expected a path that starts with "/" and does not end with one',
  ],
  [
    ["--listen.host="],
    'bad value "" of listen.host (flag --listen.host): expected a host name or an IP address',
  ],
  [
    ["--metrics-http-route=metrics"],
    'bad value "metrics" of metrics-http-route (flag --metrics-http-route): expected a path that starts with "/"',
  ],
  [
    ["--metrics-backend=expvar"],
    'bad value "expvar" of metrics-backend (flag --metrics-backend): expected one of: prometheus, none',
  ],
  [["--es.server-urls=x"], "unknown flag --es.server-urls; --help lists all"],
  [
    ["--memory.max-trace=1"],
    "unknown flag --memory.max-trace; the nearest known is --memory.max-traces; --help lists all",
  ],
];
for (const [given, message] of refused) {
  test(`settings: ${JSON.stringify(given)} ends the start`, () => {
    assert.throws(() => parse(given), { code: "bad-input", message });
  });
}

const warned: readonly (readonly [given: Given, line: string])[] = [
  [
    ["--collector.queue-size=5"],
    "flag --collector.queue-size has no effect: what waits is bounded by collector.max-inflight-bytes",
  ],
  [
    ["--collector.port=5"],
    "flag --collector.port is an old name; use collector.tchan-server.host-port",
  ],
  [["--feature-gates=-x,y"], "flag --feature-gates has no effect: there are none"],
  [
    { METRICS_STORAGE_TYPE: "prometheus" },
    "environment variable METRICS_STORAGE_TYPE has no effect: rates and latencies are computed from stored spans",
  ],
  [
    ["--query.enable-tracing"],
    "flag --query.enable-tracing has no effect: the query service does not trace itself",
  ],
];
for (const [given, line] of warned) {
  test(`settings: ${JSON.stringify(given)} is worth a warning`, () => {
    assert.deepEqual(parse(given).warnings, [line]);
  });
}

test("commonSettings() has the admin port of the role", () => {
  const { config } = parseSettings({ table: commonSettings(":16687"), argv: [], env: {} });
  assert.deepEqual(config["admin.http.host-port"], at(16_687));
});
