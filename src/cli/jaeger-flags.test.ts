// Every flag of Jaeger's agent (1.13 to 1.62), collector and query service (to 1.76), with its last default: each must
// be understood, and what we do when it is not given must be what Jaeger does, but for OURS.
//
// Source: the per-version lists of command-line flags in Jaeger's documentation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "../base/parse-settings.ts";
import type { Settings } from "../base/settings.ts";
import { type RoleName, roles } from "./roles.ts";

const EVERYWHERE = `
  admin-http-port 0
  config-file
  downsampling.hashsalt
  downsampling.ratio 1
  feature-gates
  health-check-http-port 0
  log-encoding json
  log-level info
  metrics-backend prometheus
  metrics-http-route /metrics
  multi-tenancy.enabled false
  multi-tenancy.header x-tenant
  multi-tenancy.tenants
  span-storage.type
  memory.max-traces 0
`;
const COLLECTOR = `
  admin.http.host-port :14269
  multi_tenancy.enabled false
  multi_tenancy.header x-tenant
  multi_tenancy.tenants
  collector.enable-span-size-metrics false
  collector.grpc-port 0
  collector.grpc-server.host-port :14250
  collector.grpc-server.max-connection-age 0s
  collector.grpc-server.max-connection-age-grace 0s
  collector.grpc-server.max-message-size 4194304
  collector.grpc.tls false
  collector.grpc.tls.client.ca
  collector.http-port 0
  collector.http-server.host-port :14268
  collector.http-server.idle-timeout 0s
  collector.http-server.read-header-timeout 2s
  collector.http-server.read-timeout 0s
  collector.num-workers 50
  collector.otlp.enabled true
  collector.otlp.grpc.host-port :4317
  collector.otlp.grpc.max-connection-age 0s
  collector.otlp.grpc.max-connection-age-grace 0s
  collector.otlp.grpc.max-message-size 4194304
  collector.otlp.http.cors.allowed-headers
  collector.otlp.http.cors.allowed-origins
  collector.otlp.http.host-port :4318
  collector.otlp.http.idle-timeout 0s
  collector.otlp.http.read-header-timeout 2s
  collector.otlp.http.read-timeout 0s
  collector.port 14267
  collector.queue-size 2000
  collector.queue-size-memory 0
  collector.tags
  collector.zipkin.allowed-headers content-type
  collector.zipkin.allowed-origins *
  collector.zipkin.cors.allowed-headers
  collector.zipkin.cors.allowed-origins
  collector.zipkin.host-port
  collector.zipkin.http-port 0
  collector.zipkin.keep-alive true
  sampling.default-sampling-probability 0.001
  sampling.strategies-file
  sampling.strategies-reload-interval 0s
  sampling.strategies.bugfix-5270 true
  sampling.aggregation-buckets 10
  sampling.buckets-for-calculation 1
  sampling.calculation-interval 1m0s
  sampling.delay 2m0s
  sampling.delta-tolerance 0.3
  sampling.follower-lease-refresh-interval 1m0s
  sampling.initial-sampling-probability 0.001
  sampling.leader-lease-refresh-interval 5s
  sampling.min-samples-per-second 0.016666666666666666
  sampling.min-sampling-probability 1e-05
  sampling.target-samples-per-second 1
`;
const QUERY = `
  admin.http.host-port :16687
  query.additional-headers
  query.base-path /
  query.bearer-token-propagation false
  query.enable-tracing false
  query.grpc-server.host-port :16685
  query.host-port :16686
  query.http-server.host-port :16686
  query.log-static-assets-access false
  query.max-clock-skew-adjustment 0s
  query.port 0
  query.static-files
  query.ui-config
`;
const AGENT = `
  admin-http-port 0
  admin.http.host-port :14271
  agent.tags
  collector.host-port
  config-file
  discovery.conn-check-timeout 250ms
  discovery.min-peers 3
  health-check-http-port 0
  http-server.host-port :5778
  jaeger.tags
  log-encoding json
  log-level info
  metrics-backend prometheus
  metrics-http-route /metrics
  processor.jaeger-binary.server-host-port :6832
  processor.jaeger-binary.server-max-packet-size 65000
  processor.jaeger-binary.server-queue-size 1000
  processor.jaeger-binary.server-socket-buffer-size 0
  processor.jaeger-binary.workers 10
  processor.jaeger-compact.server-host-port :6831
  processor.jaeger-compact.server-max-packet-size 65000
  processor.jaeger-compact.server-queue-size 1000
  processor.jaeger-compact.server-socket-buffer-size 0
  processor.jaeger-compact.workers 10
  processor.zipkin-compact.server-host-port :5775
  processor.zipkin-compact.server-max-packet-size 65000
  processor.zipkin-compact.server-queue-size 1000
  processor.zipkin-compact.server-socket-buffer-size 0
  processor.zipkin-compact.workers 10
  reporter.grpc.discovery.min-peers 3
  reporter.grpc.host-port
  reporter.grpc.retry.max 3
  reporter.grpc.tls false
  reporter.grpc.tls.ca
  reporter.grpc.tls.cert
  reporter.grpc.tls.enabled false
  reporter.grpc.tls.key
  reporter.grpc.tls.server-name
  reporter.grpc.tls.skip-host-verify false
  reporter.tchannel.discovery.conn-check-timeout 250ms
  reporter.tchannel.discovery.min-peers 3
  reporter.tchannel.host-port
  reporter.tchannel.report-timeout 1s
  reporter.type grpc
`;
const ADMIN_TLS = `
  admin.http.tls.cert
  admin.http.tls.cipher-suites
  admin.http.tls.client-ca
  admin.http.tls.enabled false
  admin.http.tls.key
  admin.http.tls.max-version
  admin.http.tls.min-version
`;
const TLS = `
  enabled false
  cert
  key
  client-ca
  min-version
  max-version
  cipher-suites
  reload-interval 0s
`;
const COLLECTOR_TLS = ["grpc", "http", "zipkin", "otlp.grpc", "otlp.http"].map(
  (n) => `collector.${n}`,
);
const QUERY_TLS = ["query.http", "query.grpc"];

/** Where our default is another one, and on purpose. */
const OURS: ReadonlySet<string> = new Set([
  "collector.zipkin.host-port", // open from the start
  "log-encoding", // for people on a terminal
  "span-storage.type", // Jaeger's empty one means Cassandra
]);

const byRole: Readonly<Record<RoleName, string>> = {
  agent: AGENT + ADMIN_TLS,
  collector: EVERYWHERE + COLLECTOR + tlsFlags(["admin.http", ...COLLECTOR_TLS]),
  query: EVERYWHERE + QUERY + tlsFlags(["admin.http", ...QUERY_TLS]),
  // Its admin port is the collector's.
  "all-in-one":
    EVERYWHERE +
    QUERY.replace(":16687", ":14269") +
    COLLECTOR +
    tlsFlags(["admin.http", ...COLLECTOR_TLS, ...QUERY_TLS]),
};

function tlsFlags(prefixes: readonly string[]): string {
  return prefixes.map((prefix) => TLS.replaceAll(/^ {2}(?=\w)/gm, `  ${prefix}.tls.`)).join("");
}

for (const [role, { table }] of Object.entries(roles)) {
  test(`the table of ${role} understands each flag of Jaeger's with its default`, () => {
    const flags = byRole[role as RoleName].split("\n").filter((line) => line.trim() !== "");
    assert.ok(flags.length > 50);
    for (const line of flags) checkFlag(table, line);
  });
}

function checkFlag(table: Settings, line: string): void {
  const [name = "", value = ""] = line.trim().split(" ");
  if (OURS.has(name)) {
    assert.ok(name in table, name);
    return;
  }
  const argv = [`--${name}=${value}`];
  const given = parseSettings({ table, argv, env: {} });
  const row = table[name];
  if (row !== undefined && row.kind !== "ignored") {
    assert.deepEqual(given.config, parseSettings({ table, argv: [], env: {} }).config, line);
    return;
  }
  // An old name or one without effect: a warning tells so, or 0 and nothing is "not set".
  const isUnset = value === "0" || value === "";
  assert.ok(given.warnings.length === 1 || isUnset, line);
}
