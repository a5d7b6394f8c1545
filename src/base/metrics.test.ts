// Series, their bounds, and what the types refuse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricsRegistry, SECONDS_BUCKETS, counter, gauge, histogram } from "./metrics.ts";

const help = "";
const table = {
  received: counter({
    name: "received_total",
    labels: ["door", "svc"],
    help,
    seriesMax: 3,
    other: { svc: "other-services" },
  }),
  depth: gauge({ name: "depth", help }),
  latency: histogram({ name: "latency", labels: ["op"], help, buckets: [0.1, 1] }),
};

test("with() gives one series per set of values, the same each time", () => {
  const { received } = new MetricsRegistry().register(table);
  const a = received.with({ door: "grpc", svc: "a" });
  a.add(2);
  received.with({ svc: "a", door: "grpc" }).add(3);
  received.with({ door: "http", svc: "a" }).add(7);
  assert.equal(a, received.with({ door: "grpc", svc: "a" }));
  assert.equal(a.value, 5);
});

test("with() does not take two values for another pair", () => {
  const { received } = new MetricsRegistry().register(table);
  assert.notEqual(received.with({ door: "1:a", svc: "" }), received.with({ door: "", svc: "1:a" }));
});

test("with() counts what comes after seriesMax together, by its closed labels", () => {
  const { received } = new MetricsRegistry().register(table);
  for (let index = 0; index < 100; index++)
    received.with({ door: "grpc", svc: `s${index}` }).add(1);
  received.with({ door: "http", svc: "late" }).add(1);
  const shown = [...received.series()].map(
    ([values, series]) => `${values.join(" ")} ${series.value}`,
  );
  assert.deepEqual(shown, [
    "grpc s0 1",
    "grpc s1 1",
    "grpc s2 1",
    "grpc other-services 97",
    "http other-services 1",
  ]);
});

test("with() stays bounded when a label that was thought closed is not", () => {
  const { received } = new MetricsRegistry().register(table);
  for (let index = 0; index < 5_000; index++) received.with({ door: `d${index}`, svc: "s" }).add(1);
  const all = [...received.series()];
  assert.equal(all.length, 3 + 1_000 + 1);
  assert.equal(
    all.reduce((sum, [, series]) => sum + series.value, 0),
    5_000,
  );
  assert.deepEqual(all.at(-1)?.[0], ["other", "other"]);
});

test("with() cuts a long label value", () => {
  const { received } = new MetricsRegistry().register(table);
  const long = received.with({ door: "x".repeat(10_000), svc: "" });
  assert.equal(long, received.with({ door: "x".repeat(200), svc: "" }));
});

test("a gauge is set, moved, or read from a callback", () => {
  const { depth } = new MetricsRegistry().register(table);
  depth.with().set(4);
  depth.with().add(-1);
  assert.equal(depth.with().value, 3);
  depth.with().readFrom(() => 42);
  assert.equal(depth.with().value, 42);
});

test("observe() puts a value into the first bucket that holds it", () => {
  const { latency } = new MetricsRegistry().register(table);
  const series = latency.with({ op: "find" });
  for (const value of [0, 0.1, 0.100001, 1, 1.5, Number.NaN]) series.observe(value);
  assert.deepEqual([...series.bucketCounts], [3, 2, 1]);
  assert.equal(series.count, 6);
  assert.ok(Number.isNaN(series.sum));
});

test("register() gives the same metrics for the same table, and refuses a name twice", () => {
  const registry = new MetricsRegistry();
  assert.equal(registry.register(table), registry.register(table));
  assert.throws(() => registry.register({ x: gauge({ name: "depth", help }) }), /depth/);
  const twice = gauge({ name: "y", alsoNamed: ["depth"], help });
  assert.throws(() => registry.register({ twice }), /depth/);
});

test("a declaration with a bad name, label or bucket is a bug", () => {
  assert.throws(() => counter({ name: "a-b", help }));
  assert.throws(() => counter({ name: "a", alsoNamed: ["1"], help }));
  assert.throws(() => counter({ name: "a", labels: ["b.c"], help }));
  assert.throws(() => histogram({ name: "a", help, buckets: [1, 1] }));
  assert.equal(histogram({ name: "a", help }).buckets, SECONDS_BUCKETS);
});

test("a misspelt or missing label does not compile", () => {
  const { received, depth } = new MetricsRegistry().register(table);
  // @ts-expect-error: svc is missing
  received.with({ door: "a" });
  // @ts-expect-error: no such label
  received.with({ door: "a", svc: "b", format: "c" });
  // @ts-expect-error: there are no labels
  depth.with({ door: "a" });
});
