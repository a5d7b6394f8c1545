// The text that Prometheus scrapes, character for character.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricsRegistry, counter, gauge, histogram } from "./metrics.ts";
import { printMetrics } from "./metrics-text.ts";

test("printMetrics() prints nothing for an empty registry", () => {
  assert.equal(printMetrics(new MetricsRegistry()), "");
});

test("printMetrics() prints every kind as Prometheus reads it", () => {
  const registry = new MetricsRegistry();
  const metrics = registry.register({
    received: counter({
      name: "spans_received_total",
      alsoNamed: ["spans_received"],
      labels: ["svc", "transport"],
      help: "Spans, by \\ service\nand transport.",
    }),
    unused: counter({ name: "unused_total", labels: ["svc"], help: "Never counted." }),
    length: gauge({ name: "queue_length", help: "Batches waiting." }),
    latency: histogram({ name: "latency", labels: ["op"], help: "Seconds.", buckets: [0.1, 1] }),
    special: gauge({ name: "special", labels: ["of"], help: "" }),
  });
  metrics.received.with({ svc: 'a"b\\c\nd', transport: "grpc" }).add(1e21);
  metrics.received.with({ svc: "", transport: "http" }).add(3);
  const find = metrics.latency.with({ op: "find" });
  for (const seconds of [0.05, 0.5, 0.5, 5]) find.observe(seconds);
  metrics.special.with({ of: "plus" }).set(Number.POSITIVE_INFINITY);
  metrics.special.with({ of: "minus" }).set(Number.NEGATIVE_INFINITY);
  metrics.special.with({ of: "none" }).readFrom(() => Number.NaN);

  const received = (name: string): string => `# HELP ${name} Spans, by \\\\ service\\nand transport.
# TYPE ${name} counter
${name}{svc="a\\"b\\\\c\\nd",transport="grpc"} 1e+21
${name}{svc="",transport="http"} 3
`;
  assert.equal(
    printMetrics(registry),
    `${received("spans_received_total")}${received("spans_received")}# HELP queue_length Batches waiting.
# TYPE queue_length gauge
queue_length 0
# HELP latency Seconds.
# TYPE latency histogram
latency_bucket{op="find",le="0.1"} 1
latency_bucket{op="find",le="1"} 3
latency_bucket{op="find",le="+Inf"} 4
latency_sum{op="find"} 6.05
latency_count{op="find"} 4
# HELP special${" "}
# TYPE special gauge
special{of="plus"} +Inf
special{of="minus"} -Inf
special{of="none"} NaN
`,
  );
});
