// Answers of the query services, read by another implementation (protobufjs, by the .proto files).

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import {
  writeCapabilities,
  writeDependencies,
  writeMetrics,
  writeMinStep,
  writeOperationsV2,
  writeOperationsV3,
  writeServices,
  writeSummaries,
} from "./write-query-proto.ts";

const folder = fileURLToPath(new URL("proto/", import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => (target.startsWith("google/") ? target : folder + target);
root.loadSync(
  [
    "jaeger/api_v2/query.proto",
    "jaeger/api_v2/metrics/metrics_query.proto",
    "jaeger/api_v3/query_service.proto",
    "jaeger/api_v3/capabilities.proto",
  ],
  { keepCase: true },
);

function decode(type: string, bytes: Uint8Array): unknown {
  const found = root.lookupType(type);
  return found.toObject(found.decode(bytes), { longs: String, enums: String });
}

const operations = [
  { name: "GET /", kind: "server" },
  { name: "GET /", kind: "" },
];
const summary = {
  traceId: Uint8Array.from({ length: 16 }, (_, index) => index),
  rootService: "shop",
  rootOperation: "GET /",
  start: { us: 1_700_000_000_000_000, restNs: 123 },
  end: { us: 1_700_000_000_000_001, restNs: 999 },
  spans: 300,
  errors: 2,
  orphans: 1,
  services: [
    { name: "shop", spans: 299, errors: 2 },
    { name: "", spans: 1, errors: 0 },
  ],
};
const shownSummary = {
  trace_id: "000102030405060708090a0b0c0d0e0f",
  root_service_name: "shop",
  root_operation_name: "GET /",
  min_start_time_unix_nano: "1700000000000000123",
  max_end_time_unix_nano: "1700000000000001999",
  span_count: 300,
  error_span_count: 2,
  orphan_span_count: 1,
  services: [{ name: "shop", span_count: 299, error_span_count: 2 }, { span_count: 1 }],
};
const family = {
  name: "service_call_rate",
  help: "calls",
  metrics: [
    {
      labels: [["service_name", "shop"]] as const,
      points: [
        [1_700_000_000_500_000, 0],
        [0, Number.NaN],
      ] as const,
    },
  ],
};

const cases: readonly (readonly [type: string, bytes: Uint8Array, expected: unknown])[] = [
  ["jaeger.api_v2.GetServicesResponse", writeServices([]), {}],
  [
    "jaeger.api_v2.GetServicesResponse",
    writeServices(["a", "", "é"]),
    { services: ["a", "", "é"] },
  ],
  ["jaeger.api_v3.GetServicesResponse", writeServices(["a"]), { services: ["a"] }],
  [
    "jaeger.api_v2.GetOperationsResponse",
    writeOperationsV2(operations),
    {
      operationNames: ["GET /"],
      operations: [{ name: "GET /", span_kind: "server" }, { name: "GET /" }],
    },
  ],
  [
    "jaeger.api_v3.GetOperationsResponse",
    writeOperationsV3(operations),
    { operations: [{ name: "GET /", span_kind: "server" }, { name: "GET /" }] },
  ],
  [
    "jaeger.api_v2.GetDependenciesResponse",
    writeDependencies([{ parent: "a", child: "b", callCount: 2 ** 40 }]),
    { dependencies: [{ parent: "a", child: "b", call_count: "1099511627776" }] },
  ],
  [
    "jaeger.api_v3.DependenciesResponse",
    writeDependencies([{ parent: "a", child: "b", callCount: 1 }]),
    { dependencies: [{ parent: "a", child: "b", call_count: "1" }] },
  ],
  [
    "jaeger.api_v3.FindTraceSummariesResponse",
    writeSummaries([summary]),
    { summaries: [shownSummary] },
  ],
  [
    "jaeger.api_v3.FindTraceSummariesResponse",
    writeSummaries([
      { ...summary, start: { us: -5, restNs: 0 }, end: { us: 2 ** 54, restNs: 0 }, services: [] },
    ]),
    {
      summaries: [
        {
          trace_id: shownSummary.trace_id,
          root_service_name: "shop",
          root_operation_name: "GET /",
          max_end_time_unix_nano: "18014398509481984000",
          span_count: 300,
          error_span_count: 2,
          orphan_span_count: 1,
        },
      ],
    },
  ],
  [
    "jaeger.api_v3.GetCapabilitiesResponse",
    writeCapabilities({ withoutService: true, sameSpan: true }),
    { search: { without_service_name: true, same_span_conjunction: true } },
  ],
  [
    "jaeger.api_v3.GetCapabilitiesResponse",
    writeCapabilities({ withoutService: false, sameSpan: false }),
    { search: {} },
  ],
  [
    "jaeger.api_v2.metrics.GetMetricsResponse",
    writeMetrics(family),
    {
      metrics: {
        name: "service_call_rate",
        type: "GAUGE",
        help: "calls",
        metrics: [
          {
            labels: [{ name: "service_name", value: "shop" }],
            metric_points: [
              {
                gauge_value: { double_value: 0 },
                timestamp: { seconds: "1700000000", nanos: 500_000_000 },
              },
              { gauge_value: { double_value: Number.NaN }, timestamp: {} },
            ],
          },
        ],
      },
    },
  ],
  [
    "jaeger.api_v2.metrics.GetMinStepDurationResponse",
    writeMinStep(1_000),
    { minStep: { nanos: 1_000_000 } },
  ],
];
for (const [type, bytes, expected] of cases) {
  test(`${type} of ${bytes.length} bytes is read by protobufjs`, () => {
    assert.deepEqual(decode(type, bytes), expected);
  });
}
