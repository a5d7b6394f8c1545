// Streams of api_v3, called by another implementation.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { START_US, TRACE_ID, makeTrace } from "../../test/make-trace.ts";
import { NOW_US, openTestQuery } from "../../test/open-query.ts";
import { callQuery, spanIdsV3, timestamp } from "../../test/query-client.ts";
import { KIND_SERVER, STATUS_ERROR } from "../model/span-batch.ts";

const MS = 1_000_000;
const V3 = "jaeger.api_v3.QueryService";

const query = await openTestQuery(
  [],
  [
    makeTrace(
      { id: 1, name: "GET /", kind: KIND_SERVER, durationNs: 10 * MS },
      { id: 2, parent: 1, startUs: START_US + 1_000 },
      {
        id: 3,
        parent: 2,
        service: "stock",
        startUs: START_US + 1_100,
        durationNs: MS / 2,
        status: STATUS_ERROR,
        attributes: { "http.status_code": 503n },
      },
    ),
  ],
);
after(() => query[Symbol.asyncDispose]());

const [from, to] = [timestamp(START_US), timestamp(NOW_US)];

test("api_v3 GetTrace and FindTraces stream OTLP", async () => {
  const one = await callQuery(query, V3, "GetTrace", { trace_id: TRACE_ID.slice(1) });
  assert.deepEqual([one.status, spanIdsV3(one)], [0, [1, 2, 3]]);
  const found = await callQuery(query, V3, "FindTraces", {
    query: {
      service_name: "stock",
      attributes: { "http.status_code": "503" },
      start_time_min: from,
      start_time_max: to,
      search_depth: 5,
    },
  });
  assert.deepEqual([found.status, spanIdsV3(found)], [0, [1, 2, 3]]);
});

test("api_v3 streams nothing where nothing is found", async () => {
  const one = await callQuery(query, V3, "GetTrace", { trace_id: "fff" });
  assert.deepEqual([one.status, one.messages], [0, []]);
  const range = { start_time_min: from, start_time_max: to, service_name: "none" };
  const found = await callQuery(query, V3, "FindTraces", { query: range });
  assert.deepEqual([found.status, found.messages], [0, []]);
});

test("api_v3 FindTraceSummaries says each trace in one line", async () => {
  const range = { start_time_min: from, start_time_max: to, service_name: "shop" };
  const answer = await callQuery(query, V3, "FindTraceSummaries", { query: range });
  assert.deepEqual(answer.messages, [
    {
      summaries: [
        {
          trace_id: TRACE_ID,
          root_service_name: "shop",
          root_operation_name: "GET /",
          min_start_time_unix_nano: "1700000000000000000",
          max_end_time_unix_nano: "1700000000010000000",
          span_count: 3,
          error_span_count: 1,
          orphan_span_count: 0,
          services: [
            { name: "shop", span_count: 2, error_span_count: 0 },
            { name: "stock", span_count: 1, error_span_count: 1 },
          ],
        },
      ],
    },
  ]);
});
