// The gRPC services of api_v2, and what all of them share: called by another implementation.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { callGrpc } from "../../test/call-grpc.ts";
import { START_US, TRACE_ID, addSpans, makeTrace } from "../../test/make-trace.ts";
import { NOW_US, openTestQuery, withMethods, withTokens } from "../../test/open-query.ts";
import { callQuery, spanIdsV2, spanIdsV3, timestamp } from "../../test/query-client.ts";
import { KIND_CLIENT, KIND_SERVER, STATUS_ERROR, SpanBatch } from "../model/span-batch.ts";
import { makeGrpcServices } from "./grpc-api.ts";

const MS = 1_000_000;
const V2 = "jaeger.api_v2.QueryService";
const V3 = "jaeger.api_v3.QueryService";
const METRICS = "jaeger.api_v2.metrics.MetricsQueryService";

const shopCall = (): SpanBatch =>
  makeTrace(
    { id: 1, name: "GET /", kind: KIND_SERVER, durationNs: 10 * MS },
    { id: 2, parent: 1, name: "pick", kind: KIND_CLIENT, startUs: START_US + 1_000 },
    {
      id: 3,
      parent: 2,
      service: "stock",
      name: "Pick",
      kind: KIND_SERVER,
      startUs: START_US + 1_100,
      startRestNs: 5,
      durationNs: MS / 2,
      status: STATUS_ERROR,
      attributes: { "http.status_code": 503n },
      events: [{ us: START_US + 1_200, name: "retry" }],
    },
  );
const wide = (): SpanBatch =>
  addSpans(
    new SpanBatch(),
    Array.from({ length: 25 }, (_, index) => ({
      traceId: "0a".repeat(16),
      id: index + 1,
      service: "wide",
      startUs: START_US + index,
    })),
  );

const query = await openTestQuery([], [shopCall(), wide()]);
after(() => query[Symbol.asyncDispose]());

const traceId = Buffer.from(TRACE_ID, "hex");
const [from, to] = [timestamp(START_US), timestamp(NOW_US)];

test("api_v2 GetTrace streams the spans of a trace", async () => {
  const answer = await callQuery(query, V2, "GetTrace", { trace_id: traceId });
  assert.equal(answer.status, 0);
  const [{ spans = [] } = {}] = answer.messages as { spans?: unknown[] }[];
  const tag = (key: string, value: object): object => ({
    key,
    v_type: "STRING",
    v_str: "",
    v_bool: false,
    v_int64: "0",
    v_float64: 0,
    v_binary: Buffer.alloc(0),
    ...value,
  });
  assert.deepEqual(spans[2], {
    trace_id: traceId,
    span_id: Buffer.from("0000000000000003", "hex"),
    operation_name: "Pick",
    references: [
      {
        trace_id: traceId,
        span_id: Buffer.from("0000000000000002", "hex"),
        ref_type: "CHILD_OF",
      },
    ],
    flags: 0,
    start_time: { seconds: "1700000000", nanos: 1_100_005 },
    duration: { seconds: "0", nanos: 500_000 },
    tags: [
      tag("http.status_code", { v_type: "INT64", v_int64: "503" }),
      tag("span.kind", { v_str: "server" }),
      tag("otel.status_code", { v_str: "ERROR" }),
      tag("error", { v_type: "BOOL", v_bool: true }),
    ],
    logs: [
      {
        timestamp: { seconds: "1700000000", nanos: 1_200_000 },
        fields: [tag("event", { v_str: "retry" })],
      },
    ],
    process: { service_name: "stock", tags: [] },
    process_id: "",
    warnings: [],
  });
});

test("api_v2 sends at most ten spans a message", async () => {
  const answer = await callQuery(query, V2, "GetTrace", { trace_id: Buffer.alloc(16, 0x0a) });
  assert.deepEqual(
    answer.messages.map(({ spans }) => (spans as unknown[]).length),
    [10, 10, 5],
  );
  assert.deepEqual(
    spanIdsV2(answer),
    Array.from({ length: 25 }, (_, index) => index + 1),
  );
});

const finds: readonly (readonly [string, object, readonly number[]])[] = [
  ["a service", { service_name: "shop" }, [1, 2, 3]],
  ["an operation", { service_name: "stock", operation_name: "Pick" }, [1, 2, 3]],
  ["tags", { service_name: "stock", tags: { "http.status_code": "503" } }, [1, 2, 3]],
  [
    "durations",
    { service_name: "shop", duration_min: { nanos: 10 * MS }, duration_max: { nanos: 10 * MS } },
    [1, 2, 3],
  ],
  ["times", { service_name: "shop", start_time_min: from, start_time_max: to }, [1, 2, 3]],
  ["nothing of that service", { service_name: "none" }, []],
  ["nothing so late", { service_name: "shop", start_time_min: to }, []],
  ["nothing with that tag", { service_name: "shop", tags: { a: "b" } }, []],
];
for (const [what, parameters, expected] of finds) {
  test(`api_v2 FindTraces finds ${what}`, async () => {
    const answer = await callQuery(query, V2, "FindTraces", { query: parameters });
    assert.equal(answer.status, 0, answer.details);
    assert.deepEqual(spanIdsV2(answer), expected);
  });
}

test("FindTraces without a service looks at all of them", async () => {
  const v2 = await callQuery(query, V2, "FindTraces", { query: { search_depth: 5 } });
  assert.equal(spanIdsV2(v2).length, 28);
  const one = await callQuery(query, V2, "FindTraces", { query: { search_depth: 1 } });
  assert.deepEqual(spanIdsV2(one), [1, 2, 3]);
});

const links = [{ parent: "shop", child: "stock", call_count: "1" }];
const shopOperations = [
  { name: "GET /", span_kind: "server" },
  { name: "pick", span_kind: "client" },
];
const answers: readonly (readonly [string, string, object, object])[] = [
  [V2, "GetServices", {}, { services: ["shop", "stock", "wide"] }],
  [V3, "GetServices", {}, { services: ["shop", "stock", "wide"] }],
  [
    V2,
    "GetOperations",
    { service: "shop" },
    { operationNames: ["GET /", "pick"], operations: shopOperations },
  ],
  [V3, "GetOperations", { service: "shop" }, { operations: shopOperations }],
  [
    V3,
    "GetOperations",
    { service: "shop", span_kind: "client" },
    { operations: [shopOperations[1]] },
  ],
  [V3, "GetOperations", { service: "shop", span_kind: "nonsense" }, { operations: [] }],
  [V3, "GetOperations", {}, { operations: [] }],
  [
    V2,
    "GetDependencies",
    { start_time: from, end_time: to },
    { dependencies: [{ ...links[0], source: "" }] },
  ],
  [
    V2,
    "GetDependencies",
    { start_time: timestamp(1), end_time: timestamp(2) },
    { dependencies: [] },
  ],
  [V3, "GetDependencies", { start_time: from, end_time: to }, { dependencies: links }],
  [V2, "ArchiveTrace", { trace_id: traceId }, {}],
  [METRICS, "GetMinStepDuration", {}, { minStep: { seconds: "0", nanos: MS } }],
  [
    "jaeger.api_v3.Capabilities",
    "GetCapabilities",
    {},
    { search: { without_service_name: true, same_span_conjunction: true } },
  ],
];
for (const [service, method, request, expected] of answers) {
  test(`${service}/${method} answers ${JSON.stringify(request).slice(0, 60)}`, async () => {
    const answer = await callQuery(query, service, method, request);
    assert.equal(answer.status, 0, answer.details);
    assert.deepEqual(answer.messages, [expected]);
  });
}

const { INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED } = grpc.status;
const refusals: readonly (readonly [string, string, object, number, string])[] = [
  [V2, "GetTrace", {}, INVALID_ARGUMENT, "uninitialized TraceID is not allowed"],
  [
    V2,
    "GetTrace",
    { trace_id: Buffer.alloc(16) },
    INVALID_ARGUMENT,
    "uninitialized TraceID is not allowed",
  ],
  [
    V2,
    "GetTrace",
    { trace_id: Buffer.of(1, 2, 3) },
    INVALID_ARGUMENT,
    "invalid length for TraceID: 3, expected 8 or 16",
  ],
  [
    V2,
    "GetTrace",
    { trace_id: Buffer.alloc(16, 1) },
    NOT_FOUND,
    "trace not found: trace not found",
  ],
  [V2, "GetTrace", { trace_id: Buffer.alloc(8, 1) }, NOT_FOUND, "trace not found: trace not found"],
  [V2, "ArchiveTrace", {}, INVALID_ARGUMENT, "uninitialized TraceID is not allowed"],
  [
    V2,
    "ArchiveTrace",
    { trace_id: Buffer.alloc(16, 1) },
    NOT_FOUND,
    "trace not found: trace not found",
  ],
  [V2, "FindTraces", {}, INVALID_ARGUMENT, "missing query"],
  [V2, "GetDependencies", {}, INVALID_ARGUMENT, "StartTime and EndTime must be initialized."],
  [
    V3,
    "GetTrace",
    { trace_id: "x" },
    INVALID_ARGUMENT,
    'malform trace ID: strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [V3, "FindTraces", {}, INVALID_ARGUMENT, "missing query"],
  [
    V3,
    "FindTraces",
    { query: {} },
    INVALID_ARGUMENT,
    "start time min and max are required parameters",
  ],
  [
    V3,
    "FindTraces",
    { query: { start_time_min: to, start_time_max: from } },
    INVALID_ARGUMENT,
    "start_time_min must be before start_time_max",
  ],
  [
    V3,
    "FindTraces",
    { query: { start_time_min: from, start_time_max: to, search_depth: -1 } },
    INVALID_ARGUMENT,
    "search depth must be greater than 0",
  ],
  [V3, "FindTraceSummaries", {}, INVALID_ARGUMENT, "missing query"],
  [V3, "GetDependencies", {}, INVALID_ARGUMENT, "startTime and endTime must be non-zero"],
  [
    V3,
    "GetDependencies",
    { start_time: to, end_time: from },
    INVALID_ARGUMENT,
    "startTime must be less than or equal to endTime",
  ],
  [METRICS, "GetCallRates", {}, INVALID_ARGUMENT, "please provide at least one service name"],
  [
    METRICS,
    "GetLatencies",
    { baseRequest: { service_names: ["a"] }, quantile: 2 },
    INVALID_ARGUMENT,
    "quantile should be within 0 and 1",
  ],
  [
    METRICS,
    "GetCallRates",
    { baseRequest: { service_names: ["a"], step: { nanos: 1_000 } } },
    INVALID_ARGUMENT,
    "'lookback' has 3600000001 steps, expected at most 11000",
  ],
];
for (const [service, method, request, status, details] of refusals) {
  test(`${service}/${method} refuses: ${details}`, async () => {
    const answer = await callQuery(query, service, method, request);
    assert.deepEqual([answer.status, answer.details], [status, details]);
  });
}

/** One request of server reflection, raw. @returns the answer's bytes as text. */
function reflect(request: Uint8Array): Promise<string> {
  const address = `127.0.0.1:${query.grpcPort}`;
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const identity = (bytes: Buffer): Buffer => bytes;
  const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  const stream = client.makeBidiStreamRequest(path, identity, identity);
  return new Promise((resolve, reject) => {
    stream.on("data", (answer: Buffer) => {
      resolve(answer.toString("latin1"));
      stream.cancel();
      client.close();
    });
    stream.on("error", reject);
    stream.write(Buffer.from(request));
  });
}

const parts = { store: query.store, clock: query.clock, adjust: { skewNsMax: 0 } };
const services = makeGrpcServices(parts, { passesToken: false })
  .map(({ name }) => name)
  .filter((name) => name.startsWith("jaeger."));

test("reflection lists the services and describes each of them", async () => {
  const list = await reflect(Buffer.of(0x3a, 1, 0x2a));
  for (const service of services) {
    assert.ok(list.includes(service), service);
    const symbol = Buffer.concat([Buffer.of(0x22, service.length), Buffer.from(service)]);
    assert.ok((await reflect(symbol)).includes(service.split(".").at(-1)!), service);
  }
});

test("health says that every service serves", async () => {
  for (const service of ["", ...services]) {
    const request = Buffer.concat([Buffer.of(0x0a, service.length), Buffer.from(service)]);
    const answer = await callGrpc(query.grpcPort, "/grpc.health.v1.Health/Check", request);
    assert.deepEqual([answer.status, [...answer.answer]], [0, [0x08, 1]]);
  }
});

test("what the store cannot do is told", async () => {
  await using less = await openTestQuery([], [], {
    wrap: (store) =>
      withMethods(store, {
        capabilities: { searchWithoutService: false, archive: false, series: false },
      }),
  });
  const archive = await callQuery(less, V2, "ArchiveTrace", { trace_id: traceId });
  assert.deepEqual(
    [archive.status, archive.details],
    [grpc.status.INTERNAL, "failed to archive trace: archive span storage was not configured"],
  );
  const base = { baseRequest: { service_names: ["a"] } };
  const rates = await callQuery(less, METRICS, "GetCallRates", base);
  assert.deepEqual(
    [rates.status, rates.details],
    [UNIMPLEMENTED, "metrics querying is currently disabled"],
  );
});

test("the bearer token of a call reaches the store, also in the middle of a stream", async () => {
  const seen: (string | undefined)[] = [];
  await using guarded = await openTestQuery(["--query.bearer-token-propagation=true"], [wide()], {
    wrap: (store) => withTokens(store, (token) => seen.push(token)),
  });
  const headers = { authorization: "Bearer secret" };
  await callQuery(guarded, V3, "GetServices", {}, headers);
  await callQuery(guarded, V2, "GetTrace", { trace_id: Buffer.alloc(16, 0x0a) }, headers);
  await callQuery(guarded, V3, "GetServices", {});
  assert.deepEqual(seen, ["secret", "secret", undefined]);
});

test("spans of a megabyte come one a message, in both versions", async () => {
  const big = "x".repeat(1_000_000);
  const spans = [1, 2, 3].map((id) => ({ id, attributes: { big: `${id}${big}` } }));
  await using large = await openTestQuery([], [addSpans(new SpanBatch(), spans)]);
  const v2 = await callQuery(large, V2, "GetTrace", { trace_id: traceId });
  assert.deepEqual([v2.status, v2.messages.length, spanIdsV2(v2)], [0, 3, [1, 2, 3]]);
  const v3 = await callQuery(large, V3, "GetTrace", { trace_id: TRACE_ID });
  assert.deepEqual([v3.status, v3.messages.length, spanIdsV3(v3)], [0, 3, [1, 2, 3]]);
});
