// Lines of a chart: names, help, labels, and the value of each measure.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeMetricFamily } from "./metric-family.ts";

const query = {
  services: ["a"],
  kinds: [],
  byOperation: false,
  endUs: 0,
  lookbackUs: 0,
  stepUs: 1,
  windowUs: 4e6,
  quantile: 0.95,
};
const points = [
  { atUs: 1, calls: 8, errors: 2, durationNs: 3e6 },
  { atUs: 2, calls: 0, errors: 0, durationNs: Number.NaN },
];

test("makeMetricFamily() gives rates per second, shares of errors, and ms", () => {
  const family = (measure: "latencies" | "calls" | "errors"): unknown => {
    const { name, help, metrics } = makeMetricFamily(measure, query, [{ service: "a", points }]);
    return [name, help, metrics[0]?.points.map(([, value]) => value)];
  };
  assert.deepEqual(family("calls"), ["service_call_rate", "calls/sec, grouped by service", [2, 0]]);
  assert.deepEqual(family("errors"), [
    "service_error_rate",
    "error rate, computed as a fraction of errors/sec over calls/sec, grouped by service",
    [0.25, Number.NaN],
  ]);
  assert.deepEqual(family("latencies"), [
    "service_latencies",
    "0.95th quantile latency, grouped by service",
    [3, Number.NaN],
  ]);
});

test("makeMetricFamily() labels lines by operation when they are grouped so", () => {
  const grouped = { ...query, byOperation: true };
  const series = [{ service: "a", operation: "GET /", points }];
  const { name, help, metrics } = makeMetricFamily("calls", grouped, series);
  assert.deepEqual(
    [name, help, metrics[0]?.labels],
    [
      "service_operation_call_rate",
      "calls/sec, grouped by service & operation",
      [
        ["operation", "GET /"],
        ["service_name", "a"],
      ],
    ],
  );
});
