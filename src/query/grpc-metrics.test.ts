// MetricsQueryService, called by another implementation.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { START_US, makeTrace } from "../../test/make-trace.ts";
import { openTestQuery } from "../../test/open-query.ts";
import { callQuery, timestamp } from "../../test/query-client.ts";
import { KIND_CLIENT, KIND_SERVER, STATUS_ERROR } from "../model/span-batch.ts";

const MS = 1_000_000;
const METRICS = "jaeger.api_v2.metrics.MetricsQueryService";

const query = await openTestQuery(
  [],
  [
    makeTrace(
      { id: 1, name: "GET /", kind: KIND_SERVER, durationNs: 10 * MS },
      { id: 2, parent: 1, name: "pick", kind: KIND_CLIENT, startUs: START_US + 1_000 },
      {
        id: 3,
        parent: 2,
        service: "stock",
        name: "Pick",
        kind: KIND_SERVER,
        durationNs: MS / 2,
        status: STATUS_ERROR,
      },
    ),
  ],
);
after(() => query[Symbol.asyncDispose]());

const at = {
  end_time: timestamp(START_US + 2e6),
  lookback: {},
  step: { seconds: 1 },
  ratePer: { seconds: 10 },
};
const measures: readonly (readonly [string, object, string, number])[] = [
  ["GetCallRates", {}, "service_call_rate", 0.1],
  ["GetErrorRates", {}, "service_error_rate", 1],
  ["GetLatencies", { quantile: 0.5 }, "service_latencies", 0.5],
];
for (const [method, more, name, value] of measures) {
  test(`${METRICS}/${method} computes from the spans`, async () => {
    const request = { baseRequest: { service_names: ["stock"], ...at }, ...more };
    const answer = await callQuery(query, METRICS, method, request);
    assert.equal(answer.status, 0, answer.details);
    const { metrics: family } = answer.messages[0] as { metrics: Record<string, unknown> };
    const [line] = family["metrics"] as { labels: unknown; metric_points: unknown }[];
    assert.deepEqual([family["name"], family["type"]], [name, "GAUGE"]);
    assert.deepEqual(line?.labels, [{ name: "service_name", value: "stock" }]);
    const [point] = line.metric_points as { gauge_value: { double_value: number } }[];
    assert.deepEqual(point, { ...point, timestamp: { seconds: "1700000002", nanos: 0 } });
    assert.equal(Number(point?.gauge_value.double_value.toPrecision(1)), value);
  });
}

test(`${METRICS} takes kinds as lists, groups by operation, and has defaults`, async () => {
  const base = { service_names: ["shop", "stock"], groupByOperation: true, ...at };
  const kinds = ["SPAN_KIND_CLIENT", "SPAN_KIND_SERVER"];
  const answer = await callQuery(query, METRICS, "GetCallRates", {
    baseRequest: { ...base, spanKinds: kinds },
  });
  const { metrics } = answer.messages[0] as {
    metrics: { metrics: { labels: { value: string }[] }[] };
  };
  assert.deepEqual(
    metrics.metrics.map(({ labels }) => labels.map(({ value }) => value)),
    [
      ["GET /", "shop"],
      ["pick", "shop"],
      ["Pick", "stock"],
    ],
  );
  const plain = await callQuery(query, METRICS, "GetCallRates", {
    baseRequest: { service_names: ["shop"] },
  });
  const family = (plain.messages[0] as { metrics: { metrics: { metric_points: unknown[] }[] } })
    .metrics;
  assert.equal(family.metrics[0]?.metric_points.length, 721);
});
