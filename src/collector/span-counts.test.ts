// Spans and root spans by service, as the scraped text shows them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type SpanRecord, makeTrace } from "../../test/make-trace.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { ORIGIN_JAEGER_PROTO, ORIGIN_OTLP, type SpanBatch } from "../model/span-batch.ts";
import { SERVICES_MAX, collectorMetrics } from "./metrics.ts";
import {
  type BatchCounts,
  ServiceNames,
  SpanCounter,
  makeCountSpans,
  normalizeName,
} from "./span-counts.ts";

interface Setup {
  readonly counter: SpanCounter;
  /** Counts a batch as received. */
  readonly receive: (batch: SpanBatch) => BatchCounts;
  readonly lines: () => string[];
}

function setUp(names = new ServiceNames()): Setup {
  const registry = new MetricsRegistry();
  const metrics = registry.register(collectorMetrics);
  const labels = { format: "proto", transport: "grpc" };
  const counter = new SpanCounter(metrics, names, labels);
  const count = makeCountSpans();
  return {
    counter,
    receive: (batch) => counter.receive(count(batch)),
    lines: () =>
      printMetrics(registry)
        .split("\n")
        .filter((line) => /_total\{svc/.test(line))
        .map((line) => line.replace("jaeger_collector_", "").replace(',format="proto"', ""))
        .map((line) => line.replace(',transport="grpc"', "").replace("_total", "")),
  };
}

test("receive() counts spans and roots of each service, debug and sampler apart", () => {
  const { receive, lines } = setUp();
  const root = (sampler: string): SpanRecord => ({
    id: 1,
    service: "a",
    attributes: { "sampler.type": sampler },
  });
  const origin = ORIGIN_JAEGER_PROTO;
  receive(
    makeTrace(
      root("const"),
      root("ratelimiting"),
      root("somebody's own"),
      { id: 2, parent: 1, service: "a", attributes: { "sampler.type": "const" } },
      { id: 3, service: "a", origin, flags: 3, attributes: { "sampler.type": "lowerbound" } },
      { id: 4, parent: 1, service: "b", origin, flags: 2 },
      { id: 5, parent: 1, service: "b", origin: ORIGIN_OTLP, flags: 2 },
    ),
  );
  assert.deepEqual(lines(), [
    'spans_received{svc="a",debug="false"} 4',
    'spans_received{svc="a",debug="true"} 1',
    'spans_received{svc="b",debug="false"} 1',
    'spans_received{svc="b",debug="true"} 1',
    'traces_received{svc="a",debug="false",sampler_type="unknown"} 1',
    'traces_received{svc="a",debug="false",sampler_type="const"} 1',
    'traces_received{svc="a",debug="false",sampler_type="ratelimiting"} 1',
    'traces_received{svc="a",debug="true",sampler_type="lowerbound"} 1',
  ]);
});

test("save(), fail() and reject() count again what came in", () => {
  const { counter, receive, lines } = setUp();
  const counts = receive(makeTrace({ id: 1, service: "a" }, { id: 2, parent: 1 }));
  receive(makeTrace({ id: 1, service: "later" }));
  counter.save(counts);
  counter.fail(counts);
  counter.fail(counts);
  counter.reject(counts);
  assert.deepEqual(
    lines().filter((line) => /"a"/.test(line) && line.startsWith("spans")),
    [
      'spans_received{svc="a",debug="false"} 1',
      'spans_rejected{svc="a",debug="false"} 1',
      'spans_saved_by_svc{svc="a",debug="false",result="ok"} 1',
      'spans_saved_by_svc{svc="a",debug="false",result="err"} 2',
    ],
  );
  assert.deepEqual(
    lines().filter((line) => line.startsWith("traces_saved")),
    [
      'traces_saved_by_svc{svc="a",debug="false",result="ok",sampler_type="unknown"} 1',
      'traces_saved_by_svc{svc="a",debug="false",result="err",sampler_type="unknown"} 2',
    ],
  );
});

test("receive() adds resources of one service together, and forgets those of the last batch", () => {
  const { receive, lines } = setUp();
  const pods = [1, 2, 3].map((id) => ({
    id,
    parent: 9,
    service: "a",
    resource: { pod: `p${id}` },
  }));
  receive(makeTrace(...pods));
  receive(makeTrace(...pods));
  assert.deepEqual(lines(), ['spans_received{svc="a",debug="false"} 6']);
});

test("receive() counts batches of more resources than it keeps room for", () => {
  const { receive, lines } = setUp();
  const spans = Array.from({ length: 3_000 }, (_, id) => ({
    id,
    parent: 1,
    service: `s${id % 2}`,
    resource: { pod: `p${id}` },
  }));
  receive(makeTrace(...spans));
  assert.deepEqual(lines(), [
    'spans_received{svc="s0",debug="false"} 1500',
    'spans_received{svc="s1",debug="false"} 1500',
  ]);
});

test("receive() leaves out resources without a span", () => {
  const { receive, lines } = setUp();
  const batch = makeTrace({ id: 1, parent: 1, service: "used" });
  batch.closeResource(batch.openResource());
  assert.equal(receive(batch).services.length, 1);
  assert.equal(lines().length, 1);
});

const names: readonly (readonly [name: string, label: string])[] = [
  ["Shop.Cart-2", "shop.cart-2"],
  ["my service/1", "my_service_1"],
  ["__proto__", "__proto__"],
  ['é\n"', "___"],
];

for (const [name, label] of names) {
  test(`normalizeName() makes ${label} of ${JSON.stringify(name)}`, () => {
    assert.equal(normalizeName(name), label);
  });
}

test("receive() counts services beyond the bound as other-services", () => {
  const services = new ServiceNames();
  const { receive, lines } = setUp(services);
  for (let i = 0; i < SERVICES_MAX + 5; i++) {
    receive(makeTrace({ id: 1, parent: 1, service: `s${i}` }));
  }
  receive(makeTrace({ id: 1, parent: 1, service: "s1" }));
  assert.equal(services.count, SERVICES_MAX);
  assert.equal(lines().length, SERVICES_MAX + 1);
  assert.deepEqual(
    lines().filter((line) => !line.endsWith(" 1")),
    [
      'spans_received{svc="s1",debug="false"} 2',
      'spans_received{svc="other-services",debug="false"} 5',
    ],
  );
});

test("receive() keeps the beginning of a name of a megabyte", () => {
  const { receive, lines } = setUp();
  for (const end of ["x", "y"]) {
    receive(makeTrace({ id: 1, parent: 1, service: "n".repeat(1e6) + end }));
  }
  assert.deepEqual(lines(), [`spans_received{svc="${"n".repeat(200)}",debug="false"} 2`]);
});
