// Every route of /api/*, and every mistake that it tells, as a row: over a socket, on a real store.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { START_US, TRACE_ID, makeTrace } from "../../test/make-trace.ts";
import { NOW_US, type TestAnswer, openTestQuery, withMethods } from "../../test/open-query.ts";
import {
  KIND_CLIENT,
  KIND_INTERNAL,
  KIND_SERVER,
  STATUS_ERROR,
  type SpanBatch,
} from "../model/span-batch.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { makeHttpRoutes } from "./http-api.ts";
import { MIN_STEP_MS } from "./http-metrics.ts";

const MS = 1_000_000;
const SMALL_ID = "00000000000000000000000000000abc";

/** A call from shop to stock, and a trace of one span whose id has 64 bits. */
const call = (): SpanBatch =>
  makeTrace(
    { id: 1, service: "shop", name: "GET /", kind: KIND_SERVER, durationNs: 10 * MS },
    {
      id: 2,
      parent: 1,
      service: "shop",
      name: "pick",
      kind: KIND_CLIENT,
      startUs: START_US + 1_000,
      durationNs: 5 * MS,
    },
    {
      id: 3,
      parent: 2,
      service: "stock",
      resource: { zone: "z1" },
      name: "Pick",
      kind: KIND_SERVER,
      startUs: START_US + 2_000,
      durationNs: 2 * MS,
      status: STATUS_ERROR,
      attributes: { "http.status_code": 503n },
      events: [{ us: START_US + 2_500, name: "retry", attributes: { attempt: 1n } }],
    },
  );
const single = (): SpanBatch =>
  makeTrace({
    traceId: SMALL_ID,
    id: 0xabc,
    service: "cron",
    name: "tick",
    kind: KIND_INTERNAL,
    startUs: START_US + 60e6,
    durationNs: 3 * MS,
  });

const query = await openTestQuery([], [call(), single()]);
after(() => query[Symbol.asyncDispose]());

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain; charset=utf-8";

const ids = (answer: TestAnswer): unknown =>
  (answer.json() as { data: { traceID: string }[] }).data.map(({ traceID }) => traceID);

const window = `start=${START_US}&end=${NOW_US}`;
const searches: readonly (readonly [string, readonly string[]])[] = [
  ["service=shop", [TRACE_ID]],
  ["service=cron", ["0000000000000abc"]],
  ["service=none", []],
  ["service=shop&operation=pick", [TRACE_ID]],
  ["service=shop&operation=Pick", []],
  [`service=cron&${window}`, ["0000000000000abc"]],
  [`service=cron&start=${START_US + 60e6}&end=${START_US + 60e6}`, ["0000000000000abc"]],
  [`service=cron&start=${START_US + 60e6 + 1}`, []],
  [`service=cron&start=${NOW_US}&end=${START_US}`, []],
  ["service=cron&lookback=1h", ["0000000000000abc"]],
  ["service=shop&limit=0", [TRACE_ID]],
  ["service=shop&limit=-1", [TRACE_ID]],
  ["service=shop&limit=%2B5", [TRACE_ID]],
  ["service=stock&tag=otel.status_code:ERROR", [TRACE_ID]],
  ["service=stock&tag=http.status_code:503", [TRACE_ID]],
  ["service=stock&tag=http.status_code:50", []],
  ['service=stock&tags={"http.status_code":"503","error":"true"}', [TRACE_ID]],
  ["service=stock&tag=attempt:1", [TRACE_ID]],
  ["service=stock&tag=error:true&tag=span.kind:server", [TRACE_ID]],
  ["service=stock&tag=event:retry", [TRACE_ID]],
  ["service=stock&tag=zone:z1&tag=http.status_code:503", [TRACE_ID]],
  ["service=stock&tag=zone:Z1", []],
  ["service=shop&tag=http.status_code:503", []],
  ["service=stock&minDuration=2ms&maxDuration=2ms", [TRACE_ID]],
  ["service=stock&minDuration=2.1ms", []],
  ["service=stock&maxDuration=1999us", []],
];
for (const [params, expected] of searches) {
  test(`GET /api/traces?${params} finds ${expected.length}`, async () => {
    const answer = await query.get(`/api/traces?${params}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.type, JSON_TYPE);
    assert.deepEqual(ids(answer), expected);
    const { total, limit, offset, errors } = answer.json() as Record<string, unknown>;
    assert.deepEqual(
      { total, limit, offset, errors },
      { total: 0, limit: 0, offset: 0, errors: null },
    );
  });
}

test("GET /api/traces finds the newest first", async () => {
  await using both = await openTestQuery(
    [],
    [single(), makeTrace({ id: 7, service: "cron", startUs: START_US + 50e6 })],
  );
  assert.deepEqual(ids(await both.get("/api/traces?service=cron")), ["0000000000000abc", TRACE_ID]);
  assert.deepEqual(ids(await both.get("/api/traces?service=cron&limit=1")), ["0000000000000abc"]);
});

test("GET /api/traces?traceID= reads those, and tells beside which are not there", async () => {
  const answer = await query.get(
    `/api/traces?traceID=${TRACE_ID}&traceID=fff&traceID=ABC&traceID=${"1".repeat(32)}`,
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(ids(answer), [TRACE_ID, "0000000000000abc"]);
  assert.deepEqual((answer.json() as Record<string, unknown>)["errors"], [
    { msg: "trace not found", traceID: "0000000000000fff" },
    { msg: "trace not found", traceID: "1".repeat(32) },
  ]);
  const none = await query.get("/api/traces?traceID=fff");
  assert.deepEqual(none.json(), {
    data: [],
    total: 0,
    limit: 0,
    offset: 0,
    errors: [{ msg: "trace not found", traceID: "0000000000000fff" }],
  });
});

for (const id of [
  TRACE_ID,
  TRACE_ID.toUpperCase(),
  TRACE_ID.replace(/^0/, ""),
  "AQIDBAUGBwgJCgsMDQ4PEA==",
]) {
  test(`GET /api/traces/${id} reads the trace`, async () => {
    const answer = await query.get(`/api/traces/${encodeURIComponent(id)}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.type, JSON_TYPE);
    assert.deepEqual(ids(answer), [TRACE_ID]);
    const { total, errors } = answer.json() as Record<string, unknown>;
    assert.deepEqual([total, errors], [0, null]);
  });
}

test("GET /api/traces/{id} shows a span as Jaeger does", async () => {
  const { data } = (await query.get("/api/traces/abc")).json() as { data: unknown[] };
  assert.deepEqual(data, [
    {
      traceID: "0000000000000abc",
      spans: [
        {
          traceID: "0000000000000abc",
          spanID: "0000000000000abc",
          operationName: "tick",
          references: [],
          startTime: START_US + 60e6,
          duration: 3_000,
          tags: [{ key: "span.kind", type: "string", value: "internal" }],
          logs: [],
          processID: "p1",
          warnings: null,
        },
      ],
      processes: { p1: { serviceName: "cron", tags: [] } },
      warnings: null,
    },
  ]);
});

test("GET /api/traces/{id} adjusts, unless raw is asked for", async () => {
  await using odd = await openTestQuery(
    ["--query.max-clock-skew-adjustment=1s"],
    [makeTrace({ id: 1, durationNs: 10 * MS }, { id: 2, parent: 1, startUs: START_US - 5_000 })],
  );
  const second = async (params: string): Promise<unknown> => {
    const answer = await odd.get(`/api/traces/${TRACE_ID}${params}`);
    const [trace] = (answer.json() as { data: { spans: { spanID: string }[] }[] }).data;
    const span = trace?.spans.find(({ spanID }) => spanID.endsWith("2")) as Record<string, unknown>;
    return [span["startTime"], span["warnings"]];
  };
  const moved = [START_US + 4_500, ["This span's timestamps were adjusted by 9.5ms"]];
  assert.deepEqual(await second(""), moved);
  assert.deepEqual(await second("?raw=false"), moved);
  assert.deepEqual(await second("?raw=true&start=1&end=2"), [START_US - 5_000, null]);
});

test("GET /api/traces/{id} shows a parent that is not there, with a warning", async () => {
  await using orphan = await openTestQuery([], [makeTrace({ id: 2, parent: 0xabc })]);
  const answer = await orphan.get(`/api/traces/${TRACE_ID}`);
  const [trace] = (answer.json() as { data: { spans: Record<string, unknown>[] }[] }).data;
  const { references, warnings } = trace?.spans[0] ?? {};
  assert.deepEqual(references, [
    { refType: "CHILD_OF", traceID: TRACE_ID, spanID: "0000000000000abc" },
  ]);
  const id = "0000000000000abc";
  assert.deepEqual(warnings, [`invalid parent span IDs=${id}; skipping clock skew adjustment`]);
});

test("?prettyPrint=true sets JSON out on lines", async () => {
  for (const path of [
    "/api/services?",
    `/api/traces/${TRACE_ID}?`,
    `/api/traces?traceID=${TRACE_ID}&traceID=abc&traceID=fff&`,
    "/api/traces?service=none&",
    "/api/dependencies?",
    "/api/metrics/calls?service=shop&lookback=1000&step=1000&",
  ]) {
    const pretty = await query.get(`${path}prettyPrint=true`);
    const plain = await query.get(`${path}prettyPrint=false`);
    assert.deepEqual(pretty.json(), plain.json());
    assert.equal(pretty.text, JSON.stringify(plain.json(), null, 4), path);
    assert.equal(plain.text, JSON.stringify(plain.json()), path);
  }
});

const data: readonly (readonly [string, unknown, number])[] = [
  ["/api/services", ["cron", "shop", "stock"], 3],
  [
    "/api/operations?service=shop",
    [
      { name: "GET /", spanKind: "server" },
      { name: "pick", spanKind: "client" },
    ],
    2,
  ],
  ["/api/operations?service=shop&spanKind=client", [{ name: "pick", spanKind: "client" }], 1],
  ["/api/operations?service=cron&spanKind=internal", [{ name: "tick", spanKind: "internal" }], 1],
  ["/api/operations?service=shop&spanKind=nonsense", [], 0],
  ["/api/operations?service=none", [], 0],
  ["/api/services/shop/operations", ["GET /", "pick"], 2],
  ["/api/services/none/operations", null, 0],
  ["/api/dependencies", [{ parent: "shop", child: "stock", callCount: 1 }], 0],
  [
    `/api/dependencies?endTs=${NOW_US / 1000}&lookback=7200000`,
    [{ parent: "shop", child: "stock", callCount: 1 }],
    0,
  ],
  ["/api/dependencies?service=stock", [{ parent: "shop", child: "stock", callCount: 1 }], 0],
  ["/api/dependencies?service=cron", [], 0],
  ["/api/dependencies?endTs=1&lookback=1", [], 0],
  ["/api/metrics/minstep", MIN_STEP_MS, 0],
];
for (const [path, expected, total] of data) {
  test(`GET ${path} answers in the envelope`, async () => {
    const answer = await query.get(path);
    assert.equal(answer.status, 200);
    assert.equal(answer.type, JSON_TYPE);
    assert.deepEqual(answer.json(), { data: expected, total, limit: 0, offset: 0, errors: null });
  });
}

const bare: readonly (readonly [string, unknown])[] = [
  ["/api/deep-dependencies?service=shop", { dependencies: [] }],
  [
    "/api/quality-metrics?service=shop",
    {
      traceQualityDocumentationLink: "",
      bannerText: { value: "The quality of traces is not measured here." },
      scores: [],
      metrics: [],
      clients: [],
    },
  ],
];
for (const [path, expected] of bare) {
  test(`GET ${path} answers honestly that there is nothing`, async () => {
    const answer = await query.get(path);
    assert.deepEqual([answer.status, answer.type, answer.json()], [200, JSON_TYPE, expected]);
  });
}

const at = `endTs=${START_US / 1000 + 2_000}&lookback=0&step=1000&ratePer=10000`;
const point = (value: unknown): unknown => [
  { timestamp: "2023-11-14T22:13:22Z", gaugeValue: { doubleValue: value } },
];
const label = (name: string, value: string): unknown => ({ name, value });
const families: readonly (readonly [string, string, string, unknown])[] = [
  [
    `calls?service=shop&${at}`,
    "service_call_rate",
    "calls/sec, grouped by service",
    [{ labels: [label("service_name", "shop")], metricPoints: point(0.1) }],
  ],
  [
    `errors?service=stock&${at}`,
    "service_error_rate",
    "error rate, computed as a fraction of errors/sec over calls/sec, grouped by service",
    [{ labels: [label("service_name", "stock")], metricPoints: point(1) }],
  ],
  [
    `latencies?service=stock&quantile=0.5&groupByOperation=true&${at}`,
    "service_operation_latencies",
    "0.50th quantile latency, grouped by service & operation",
    [
      {
        labels: [label("operation", "Pick"), label("service_name", "stock")],
        metricPoints: point(2),
      },
    ],
  ],
  [
    `latencies?service=shop&quantile=0.95&spanKind=client&${at}`,
    "service_latencies",
    "0.95th quantile latency, grouped by service",
    [{ labels: [label("service_name", "shop")], metricPoints: point(5) }],
  ],
];
for (const [path, name, help, metrics] of families) {
  test(`GET /api/metrics/${path} computes from the spans`, async () => {
    const answer = await query.get(`/api/metrics/${path}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.type, JSON_TYPE);
    // Stores may sum durations up in buckets: a quantile is right within 5 %.
    const found = JSON.parse(answer.text, (key, value: unknown) =>
      key === "doubleValue" && typeof value === "number" ? Number(value.toPrecision(1)) : value,
    ) as unknown;
    assert.deepEqual(found, { name, type: "GAUGE", help, metrics });
  });
}

test("GET /api/metrics/latencies says NaN where nothing was called", async () => {
  const quiet = `endTs=${START_US / 1000 + 30_001}&lookback=30000&step=30000&ratePer=1000`;
  const answer = await query.get(`/api/metrics/latencies?service=shop&quantile=0.5&${quiet}`);
  const { metrics } = answer.json() as { metrics: { metricPoints: { gaugeValue: unknown }[] }[] };
  assert.deepEqual(metrics[0]?.metricPoints[1]?.gaugeValue, { doubleValue: "NaN" });
});

const x = 'strconv.ParseInt: parsing "x": invalid syntax';
const long = "1".repeat(33);
const mistakes: readonly (readonly [string, number, string, string?])[] = [
  ["/api/traces", 400, "parameter 'service' is required"],
  ["/api/traces?service=", 400, "parameter 'service' is required"],
  ["/api/traces?service=a&limit=abc", 400, 'strconv.ParseInt: parsing "abc": invalid syntax'],
  ["/api/traces?service=a&start=x", 400, `unable to parse param 'start': ${x}`],
  ["/api/traces?service=a&end=x", 400, `unable to parse param 'end': ${x}`],
  [
    "/api/traces?service=a&minDuration=5",
    400,
    "unable to parse param 'minDuration': time: missing unit in duration \"5\"",
  ],
  [
    "/api/traces?service=a&minDuration=2s&maxDuration=1s",
    400,
    "'maxDuration' should be greater than 'minDuration'",
  ],
  [
    "/api/traces?service=a&tag=x",
    400,
    "malformed 'tag' parameter, expecting key:value, received: x",
  ],
  [
    '/api/traces?service=a&tags={"a":1}',
    400,
    "malformed 'tags' parameter, cannot unmarshal JSON: json: cannot unmarshal number into Go value of type string",
  ],
  [
    "/api/traces?traceID=x",
    400,
    'cannot parse traceID param: strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [
    `/api/traces?traceID=${long}`,
    400,
    `cannot parse traceID param: TraceID cannot be longer than 32 hex characters: ${long}`,
  ],
  ["/api/traces/x", 400, 'strconv.ParseUint: parsing "x": invalid syntax'],
  [`/api/traces/${long}`, 400, `TraceID cannot be longer than 32 hex characters: ${long}`],
  ["/api/traces/1?start=x", 400, `unable to parse param 'start': ${x}`],
  ["/api/archive/1?start=x", 400, `unable to parse param 'start': ${x}`, "POST"],
  [
    "/api/traces?traceID=",
    400,
    'cannot parse traceID param: strconv.ParseUint: parsing "": invalid syntax',
  ],
  ["/api/traces?service=a&limit=1.5", 400, 'strconv.ParseInt: parsing "1.5": invalid syntax'],
  [
    '/api/traces?service=a&tags={"a":',
    400,
    "malformed 'tags' parameter, cannot unmarshal JSON: unexpected end of JSON input",
  ],
  ["/api/metrics/calls?service=a&ratePer=x", 400, `unable to parse param 'ratePer': ${x}`],
  ["/api/traces/1?end=x", 400, `unable to parse param 'end': ${x}`],
  [
    "/api/traces/1?raw=x",
    400,
    "unable to parse param 'raw': strconv.ParseBool: parsing \"x\": invalid syntax",
  ],
  ["/api/traces/1", 404, "trace not found"],
  ["/api/archive/1", 404, "trace not found", "POST"],
  ["/api/archive/x", 400, 'strconv.ParseUint: parsing "x": invalid syntax', "POST"],
  ["/api/operations", 400, "parameter 'service' is required"],
  ["/api/dependencies?endTs=x", 400, `unable to parse param 'endTs': ${x}`],
  ["/api/dependencies?lookback=x", 400, `unable to parse param 'lookback': ${x}`],
  [
    "/api/metrics/calls",
    400,
    "unable to parse param 'service': please provide at least one service name",
  ],
  [
    "/api/metrics/errors",
    400,
    "unable to parse param 'service': please provide at least one service name",
  ],
  [
    "/api/metrics/latencies?service=a",
    400,
    "unable to parse param 'quantile': strconv.ParseFloat: parsing \"\": invalid syntax",
  ],
  [
    "/api/metrics/calls?service=a&spanKind=x",
    400,
    "unable to parse param 'spanKind': unsupported span kind: 'x'",
  ],
  ["/api/metrics/calls?service=a&step=x", 400, `unable to parse param 'step': ${x}`],
  ["/api/services?a=%zz&prettyPrint=%zz", 400, "bad percent-encoding in the query"],
  ["/api/traces/%zz", 400, "bad percent-encoding in the path"],
];
for (const [path, code, msg, method = "GET"] of mistakes) {
  test(`${method} ${path.slice(0, 70)} is told ${code}`, async () => {
    const answer = await query.get(path, { method });
    assert.equal(answer.status, code);
    assert.equal(answer.type, TEXT_TYPE);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    const errors = [{ code, msg }];
    assert.deepEqual(answer.json(), { data: null, total: 0, limit: 0, offset: 0, errors });
    assert.ok(answer.text.endsWith("}\n"));
  });
}

test("a mistake with markup in it is escaped as Go's encoder does", async () => {
  const answer = await query.get("/api/traces?service=a&tag=<b>%26");
  assert.ok(answer.text.includes("received: \\u003cb\\u003e\\u0026"));
});

test("POST /api/archive/{id} keeps the trace when it is gone from the store", async () => {
  await using full = await openTestQuery([], [single()]);
  const answer = await full.get("/api/archive/abc", { method: "POST" });
  assert.deepEqual([answer.status, answer.type], [200, JSON_TYPE]);
  assert.deepEqual(answer.json(), { data: [], total: 0, limit: 0, offset: 0, errors: [] });
});

const unable = (store: TraceStore): TraceStore =>
  withMethods(store, {
    capabilities: { searchWithoutService: false, archive: false, series: false },
  });

test("what the store cannot do is told", async () => {
  await using less = await openTestQuery([], [], { wrap: unable });
  const archive = await less.get("/api/archive/1", { method: "POST" });
  assert.equal(archive.status, 500);
  assert.ok(archive.text.includes('"msg":"archive span storage was not configured"'));
  const series = await less.get("/api/metrics/calls?service=a");
  assert.equal(series.status, 501);
  assert.ok(series.text.includes('"msg":"metrics querying is currently disabled"'));
});

for (const [method, path] of [
  ["POST", "/api/traces"],
  ["DELETE", "/api/traces"],
  ["POST", "/api/services"],
  ["PUT", "/api/traces/1"],
  ["GET", "/api/archive/1"],
] as const) {
  test(`${method} ${path} is 405 without a word`, async () => {
    const answer = await query.get(path, { method });
    assert.deepEqual([answer.status, answer.text], [405, ""]);
  });
}

test("makeHttpRoutes() has no route twice", () => {
  const parts = { store: query.store, clock: query.clock, adjust: { skewNsMax: 0 } };
  const routes = makeHttpRoutes(parts, { basePath: "/", passesToken: false });
  const keys = routes.map(({ method, path }) => `${method} ${path}`);
  assert.equal(new Set(keys).size, keys.length);
});
