// Requests of the query services: bytes of another writer (protobufjs, by the .proto files), every
// prefix, every changed byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { SpoorError } from "../base/errors.ts";
import {
  readEmpty,
  readFindTraces,
  readGetDependencies,
  readGetMetrics,
  readGetOperations,
  readGetTrace,
} from "./query-proto.ts";

const folder = fileURLToPath(new URL("proto/", import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => (target.startsWith("google/") ? target : folder + target);
root.loadSync(
  [
    "jaeger/api_v2/query.proto",
    "jaeger/api_v2/metrics/metrics_query.proto",
    "jaeger/api_v3/query_service.proto",
  ],
  { keepCase: true },
);

function encode(type: string, message: object): Uint8Array {
  const found = root.lookupType(type);
  return found.encode(found.fromObject(message)).finish();
}

const time = (seconds: number, nanos = 0): object => ({ seconds, nanos });
const nothing = {
  service: "",
  operation: "",
  attributes: [],
  startUsMin: undefined,
  startUsMax: undefined,
  durationNsMin: 0,
  durationNsMax: 0,
  depth: 0,
  raw: false,
  hasFilter: false,
};
const everything = {
  service_name: "shop",
  operation_name: "GET /",
  start_time_min: time(1_700_000_000, 1_999),
  start_time_max: time(-1, 500_000_000),
  duration_min: time(1, 5),
  duration_max: time(3_600),
  search_depth: 20,
  raw_traces: true,
};
const everythingRead = {
  ...nothing,
  service: "shop",
  operation: "GET /",
  startUsMin: 1_700_000_000_000_001,
  startUsMax: -500_000,
  durationNsMin: 1_000_000_005,
  durationNsMax: 3_600_000_000_000,
  depth: 20,
  raw: true,
};
const attributes = [
  { key: "a", value: "1" },
  { key: "", value: "2" },
  { key: "b", value: "" },
];
const attributeMap = { a: "1", "": "2", b: "" };
const base = {
  service_names: ["a", "b"],
  groupByOperation: true,
  end_time: time(5),
  lookback: time(3_600),
  step: time(5),
  ratePer: time(0, 1_000_000),
  spanKinds: ["SPAN_KIND_SERVER", "SPAN_KIND_CLIENT"],
};

type Read = (payload: Uint8Array) => unknown;
const cases: readonly (readonly [type: string, message: object, read: Read, expected: unknown])[] =
  [
    ["jaeger.api_v2.GetTraceRequest", {}, readGetTrace, { traceId: new Uint8Array(0), raw: false }],
    [
      "jaeger.api_v2.GetTraceRequest",
      { trace_id: Uint8Array.of(1, 2), start_time: time(1), end_time: time(2), raw_traces: true },
      readGetTrace,
      { traceId: Uint8Array.of(1, 2), raw: true },
    ],
    [
      "jaeger.api_v3.GetTraceRequest",
      { trace_id: "1f" },
      readGetTrace,
      { traceId: Uint8Array.of(0x31, 0x66), raw: false },
    ],
    ["jaeger.api_v2.FindTracesRequest", {}, readFindTraces, undefined],
    ["jaeger.api_v2.FindTracesRequest", { query: {} }, readFindTraces, nothing],
    [
      "jaeger.api_v2.FindTracesRequest",
      { query: { ...everything, tags: attributeMap } },
      readFindTraces,
      { ...everythingRead, attributes },
    ],
    [
      "jaeger.api_v3.FindTraceSummariesRequest",
      { query: { ...everything, attributes: attributeMap } },
      readFindTraces,
      { ...everythingRead, attributes },
    ],
    [
      "jaeger.api_v2.FindTracesRequest",
      { query: { search_depth: -1 } },
      readFindTraces,
      { ...nothing, depth: -1 },
    ],
    [
      "jaeger.api_v2.GetOperationsRequest",
      { service: "a", span_kind: "b" },
      readGetOperations,
      { service: "a", kind: "b" },
    ],
    [
      "jaeger.api_v3.GetDependenciesRequest",
      {},
      readGetDependencies,
      { startUs: undefined, endUs: undefined },
    ],
    [
      "jaeger.api_v3.GetDependenciesRequest",
      { start_time: {}, end_time: time(2, 3_000) },
      readGetDependencies,
      { startUs: 0, endUs: 2_000_003 },
    ],
    [
      "jaeger.api_v2.metrics.GetLatenciesRequest",
      { baseRequest: base, quantile: 0.95 },
      readGetMetrics,
      {
        services: ["a", "b"],
        byOperation: true,
        endUs: 5e6,
        lookbackUs: 3_600e6,
        stepUs: 5e6,
        windowUs: 1e3,
        kinds: [2, 3],
        quantile: 0.95,
      },
    ],
    [
      "jaeger.api_v2.metrics.GetCallRatesRequest",
      {},
      readGetMetrics,
      {
        services: [],
        byOperation: false,
        endUs: undefined,
        lookbackUs: undefined,
        stepUs: undefined,
        windowUs: undefined,
        kinds: [],
        quantile: 0,
      },
    ],
    ["jaeger.api_v2.GetServicesRequest", {}, readEmpty, undefined],
  ];
for (const [type, message, read, expected] of cases) {
  const payload = encode(type, message);
  test(`${read.name}() reads ${type} of ${payload.length} bytes`, () => {
    assert.deepEqual(read(payload), expected);
  });

  test(`${read.name}() reads or refuses every prefix and change of ${type}`, () => {
    const changed = [...payload.keys()].flatMap((at) =>
      [0, 1, 0x7f, 0x80, 0xff].map((byte) => payload.with(at, byte)),
    );
    const prefixes = [...payload.keys()].map((end) => payload.subarray(0, end));
    for (const bytes of [...changed, ...prefixes]) {
      try {
        read(bytes);
      } catch (error) {
        assert.ok(error instanceof SpoorError && error.code === "bad-input");
      }
    }
  });
}

test("readFindTraces() sees a structured filter without reading it", () => {
  const query = readFindTraces(Uint8Array.of(0x0a, 4, 0x52, 2, 0x0a, 0));
  assert.equal(query?.hasFilter, true);
});

test("readGetMetrics() takes kinds one by one too", () => {
  assert.deepEqual(readGetMetrics(Uint8Array.of(0x0a, 4, 0x38, 2, 0x38, 3)).kinds, [2, 3]);
});

test("readers refuse a field of another type, and skip fields that they do not know", () => {
  assert.throws(() => readGetOperations(Uint8Array.of(0x08, 1)), { code: "bad-input" });
  assert.deepEqual(readGetOperations(Uint8Array.of(0x7a, 1, 0x41)), { service: "", kind: "" });
});
