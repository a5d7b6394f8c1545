// Every route of /api/v3/*, and every mistake that it tells, as a row: over a socket, on a real store.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { START_US, TRACE_ID, makeTrace } from "../../test/make-trace.ts";
import { openTestQuery } from "../../test/open-query.ts";
import { KIND_CLIENT, KIND_SERVER, STATUS_ERROR, type SpanBatch } from "../model/span-batch.ts";
import { makeApiV3Routes } from "./http-api-v3.ts";

const MS = 1_000_000;
const OTHER_ID = "00000000000000000000000000000abc";

const call = (): SpanBatch =>
  makeTrace(
    { id: 1, name: "GET /", kind: KIND_SERVER, durationNs: 10 * MS },
    {
      id: 2,
      parent: 1,
      name: "pick",
      kind: KIND_CLIENT,
      startUs: START_US + 1_000,
      startRestNs: 7,
    },
    {
      id: 3,
      parent: 2,
      service: "stock",
      name: "Pick",
      startUs: START_US + 1_200,
      durationNs: 0.5 * MS,
      status: STATUS_ERROR,
      attributes: { "http.status_code": 503n },
    },
  );
const orphan = (): SpanBatch =>
  makeTrace({ traceId: OTHER_ID, id: 9, parent: 8, service: "cron", startUs: START_US + 60e6 });

const query = await openTestQuery([], [call(), orphan()]);
after(() => query[Symbol.asyncDispose]());

const TEXT_TYPE = "text/plain; charset=utf-8";
const range = "query.startTimeMin=2023-11-14T22:13:20Z&query.startTimeMax=2023-11-14T23:00:00Z";

interface Document {
  readonly result: {
    readonly resourceSpans: {
      readonly scopeSpans: { readonly spans: { readonly traceId: string }[] }[];
    }[];
  };
}

/** Trace ids in the order in which they come. */
function idsOf(document: unknown): string[] {
  const spans = (document as Document).result.resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans);
  return [...new Set(spans.map(({ traceId }) => traceId))];
}

for (const id of [TRACE_ID, TRACE_ID.slice(1), "AQIDBAUGBwgJCgsMDQ4PEA"]) {
  test(`GET /api/v3/traces/${id} is one OTLP document`, async () => {
    const answer = await query.get(`/api/v3/traces/${id}?startTime=2023-11-14T22:13:20Z`);
    assert.deepEqual([answer.status, answer.type], [200, TEXT_TYPE]);
    assert.deepEqual(idsOf(answer.json()), [TRACE_ID]);
  });
}

test("GET /api/v3/traces/{id} is byte for byte protobuf's JSON", async () => {
  const answer = await query.get("/api/v3/traces/abc?rawTraces=true");
  assert.deepEqual(answer.json(), {
    result: {
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "cron" } }] },
          scopeSpans: [
            {
              scope: {},
              spans: [
                {
                  traceId: OTHER_ID,
                  spanId: "0000000000000009",
                  parentSpanId: "0000000000000008",
                  name: "GET /",
                  startTimeUnixNano: "1700000060000000000",
                  endTimeUnixNano: "1700000060001000000",
                  status: {},
                },
              ],
            },
          ],
        },
      ],
    },
  });
});

test("GET /api/v3/traces/{id} shows warnings as an attribute, unless raw is asked for", async () => {
  const warning = "invalid parent span IDs=0000000000000008; skipping clock skew adjustment";
  assert.ok((await query.get("/api/v3/traces/abc")).text.includes(warning));
  for (const raw of ["rawTraces=true", "raw_traces=true"]) {
    assert.ok(!(await query.get(`/api/v3/traces/abc?${raw}`)).text.includes("@jaeger@warnings"));
  }
});

const searches: readonly (readonly [string, readonly string[]])[] = [
  [range, [OTHER_ID, TRACE_ID]],
  [`${range}&query.searchDepth=1`, [OTHER_ID]],
  [`${range}&query.num_traces=1`, [OTHER_ID]],
  [`${range}&query.serviceName=stock`, [TRACE_ID]],
  [`${range}&query.service_name=shop&query.operation_name=pick`, [TRACE_ID]],
  [`${range}&query.attributes={"http.status_code":"503"}`, [TRACE_ID]],
  [`${range}&query.durationMin=10ms&query.duration_max=10ms`, [TRACE_ID]],
  [
    range.replaceAll("startTimeMin", "start_time_min").replace("startTimeMax", "start_time_max"),
    [OTHER_ID, TRACE_ID],
  ],
];
for (const [params, expected] of searches) {
  test(`GET /api/v3/traces?${params} finds ${expected.length}`, async () => {
    const answer = await query.get(`/api/v3/traces?${params}`);
    assert.deepEqual([answer.status, answer.type], [200, TEXT_TYPE]);
    assert.deepEqual(idsOf(answer.json()), expected);
  });
}

const summary = {
  traceId: TRACE_ID,
  rootServiceName: "shop",
  rootOperationName: "GET /",
  minStartTimeUnixNano: "1700000000000000000",
  maxEndTimeUnixNano: "1700000000010000000",
  spanCount: 3,
  errorSpanCount: 1,
  orphanSpanCount: 0,
  services: [
    { name: "shop", spanCount: 2, errorSpanCount: 0 },
    { name: "stock", spanCount: 1, errorSpanCount: 1 },
  ],
};
const orphanSummary = {
  traceId: OTHER_ID,
  rootServiceName: "",
  rootOperationName: "",
  minStartTimeUnixNano: "1700000060000000000",
  maxEndTimeUnixNano: "1700000060001000000",
  spanCount: 1,
  errorSpanCount: 0,
  orphanSpanCount: 1,
  services: [{ name: "cron", spanCount: 1, errorSpanCount: 0 }],
};
const answers: readonly (readonly [string, unknown])[] = [
  [`trace-summaries?${range}`, { summaries: [orphanSummary, summary] }],
  [`trace-summaries?${range}&query.serviceName=none`, { summaries: [] }],
  ["services", { services: ["cron", "shop", "stock"] }],
  [
    "operations?service=shop",
    {
      operations: [
        { name: "GET /", spanKind: "server" },
        { name: "pick", spanKind: "client" },
      ],
    },
  ],
  [
    "operations?service=shop&span_kind=client",
    { operations: [{ name: "pick", spanKind: "client" }] },
  ],
  ["operations?service=stock", { operations: [{ name: "Pick", spanKind: "internal" }] }],
  ["operations?service=shop&spanKind=nonsense", { operations: [] }],
  ["operations", { operations: [] }],
  [
    "dependencies?startTime=2023-11-14T22:13:20Z&endTime=2023-11-14T23:00:00Z",
    { dependencies: [{ parent: "shop", child: "stock", callCount: "1" }] },
  ],
  ["capabilities", { search: { withoutServiceName: true, sameSpanConjunction: true } }],
];
for (const [path, expected] of answers) {
  test(`GET /api/v3/${path} answers`, async () => {
    const answer = await query.get(`/api/v3/${path}`);
    assert.deepEqual([answer.status, answer.type], [200, TEXT_TYPE]);
    assert.deepEqual(answer.json(), expected);
  });
}

test("GET /api/v3/services is a list when there is none", async () => {
  await using empty = await openTestQuery();
  assert.equal((await empty.get("/api/v3/services")).text, '{"services":[]}');
});

const required = "query.start_time_min and query.start_time_max are required";
const layout = '"2006-01-02T15:04:05.999999999Z07:00"';
const badTime = `parsing time "x" as ${layout}: cannot parse "x" as "2006"`;
const mistakes: readonly (readonly [string, number, string])[] = [
  ["traces/x", 400, 'malformed parameter trace_id: strconv.ParseUint: parsing "x": invalid syntax'],
  [
    `traces/${"1".repeat(33)}`,
    400,
    `malformed parameter trace_id: TraceID cannot be longer than 32 hex characters: ${"1".repeat(33)}`,
  ],
  ["traces/1", 404, "No traces found"],
  ["traces/1?startTime=x", 400, `malformed parameter startTime: ${badTime}`],
  ["traces/1?end_time=x", 400, `malformed parameter end_time: ${badTime}`],
  [
    "traces/1?rawTraces=x",
    400,
    'malformed parameter rawTraces: strconv.ParseBool: parsing "x": invalid syntax',
  ],
  ["traces", 400, required],
  [`traces?${range}&query.serviceName=none`, 404, "No traces found"],
  [
    `traces?${range}&query.searchDepth=x`,
    400,
    'malformed parameter query.searchDepth: strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [`traces?${range}&query.filter={}`, 501, "query.filter is not supported"],
  ["trace-summaries", 400, required],
  [
    "trace-summaries?query.startTimeMin=x&query.startTimeMax=y",
    400,
    `malformed parameter query.startTimeMin: ${badTime}`,
  ],
  ["dependencies", 400, "malformed parameter startTime: startTime is required"],
];
for (const [path, httpCode, message] of mistakes) {
  test(`GET /api/v3/${path.slice(0, 70)} is told ${httpCode}`, async () => {
    const answer = await query.get(`/api/v3/${path}`);
    assert.deepEqual([answer.status, answer.type], [httpCode, TEXT_TYPE]);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    assert.equal(answer.text, `${JSON.stringify({ error: { httpCode, message } })}\n`);
  });
}

test("POST /api/v3/traces is 405 without a word", async () => {
  const answer = await query.get("/api/v3/traces", { method: "POST" });
  assert.deepEqual([answer.status, answer.text], [405, ""]);
});

test("makeApiV3Routes() stays below /api/v3", () => {
  const parts = { store: query.store, clock: query.clock, adjust: { skewNsMax: 0 } };
  assert.ok(makeApiV3Routes(parts).every(({ path }) => path.startsWith("/api/v3/")));
});
