// The client's own metrics: names beside jaeger-client's, and the real prom-client.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as promClient from "prom-client";
import { makeCountedMetrics } from "../../test/counted-metrics.ts";
import { JaegerMetrics } from "../../test/jaeger-samplers.ts";
import {
  type ClientMetrics,
  type MetricTags,
  type MetricsFactory,
  makeClientMetrics,
  noopMetricsFactory,
} from "./client-metrics.ts";
import { PrometheusMetricsFactory } from "./prometheus-metrics.ts";
import { RpcMetricsObserver } from "./rpc-metrics.ts";

/** Names and tags of all that is made, by the field that it is made for. */
function listFields(make: (factory: MetricsFactory) => object): Record<string, string> {
  const created = (name: string, tags?: MetricTags) => ({
    increment: () => {},
    update: () => {},
    what: `${name} ${JSON.stringify(tags ?? {})}`,
  });
  const whats: string[] = [];
  const factory = {
    createCounter(name: string, tags?: MetricTags) {
      const one = created(name, tags);
      whats.push(one.what);
      return one;
    },
    createGauge: created,
  };
  const fields = Object.keys(make(factory)).filter((field) => !field.startsWith("_"));
  return Object.fromEntries(
    fields
      .filter((field) => field !== "reporterQueueLength")
      .map((field, at) => [field, whats[at]!]),
  );
}

test("makeClientMetrics() has all of jaeger-client's fields, with its names and tags", () => {
  const theirs = listFields((factory) => new JaegerMetrics(factory));
  const ours = listFields(makeClientMetrics);
  assert.ok(Object.keys(theirs).length > 20);
  for (const [field, what] of Object.entries(theirs)) assert.equal(ours[field], what, field);
  assert.deepEqual(
    Object.keys(ours).filter((field) => !(field in theirs)),
    ["baggageRestrictionsUpdateSuccess", "baggageRestrictionsUpdateFailure"],
  );
});

function touchAll(metrics: ClientMetrics): void {
  const { reporterQueueLength, ...counters } = metrics;
  for (const counter of Object.values(counters)) {
    counter.increment();
    counter.increment(2);
  }
  reporterQueueLength.update(7);
}

test("makeClientMetrics() counts in the user's library, and nothing without one", () => {
  const { factory, figures } = makeCountedMetrics();
  touchAll(makeClientMetrics(factory));
  assert.equal(figures["jaeger:traces{state=joined,sampled=n}"], 3);
  assert.equal(figures["jaeger:reporter_queue_length"], 7);
  assert.equal(Object.keys(figures).length, 24);
  touchAll(makeClientMetrics());
  touchAll(makeClientMetrics(noopMetricsFactory));
});

const fail = (): never => {
  throw new Error("registry is closed");
};

test("ClientMetrics never throw, whatever the user's library does", () => {
  const factory = {
    createCounter: () => ({ increment: fail }),
    createGauge: () => ({ update: fail }),
    createTimer: () => ({ record: fail }),
  };
  touchAll(makeClientMetrics(factory));
  callOnce(new RpcMetricsObserver(factory));
  callOnce(new RpcMetricsObserver({ createCounter: fail, createGauge: fail, createTimer: fail }));
  const { factory: whole } = makeCountedMetrics();
  const { createCounter, createGauge } = whole;
  callOnce(new RpcMetricsObserver({ createCounter, createGauge })); // no timers: as jaeger-client's
});

function callOnce(observer: RpcMetricsObserver): void {
  const tags = { "span.kind": "server", "http.status_code": 200 };
  observer.startSpan("op", tags).finish(1);
}

test("PrometheusMetricsFactory shows the figures in prom-client's text", async () => {
  promClient.register.clear();
  touchAll(makeClientMetrics(new PrometheusMetricsFactory(promClient, "shop")));
  const text = await promClient.register.metrics();
  for (const line of [
    'shop_jaeger:traces{state="started",sampled="y"} 3',
    "shop_jaeger:finished_spans 3",
    'shop_jaeger:reporter_spans{result="dropped"} 3',
    "shop_jaeger:reporter_queue_length 7",
    "# HELP shop_jaeger:started_spans jaeger:started_spans",
  ]) {
    assert.ok(text.includes(line), line);
  }
});

test("PrometheusMetricsFactory takes what the registry has already", async () => {
  promClient.register.clear();
  for (let tracer = 0; tracer < 3; tracer++) {
    touchAll(makeClientMetrics(new PrometheusMetricsFactory(promClient)));
  }
  const text = await promClient.register.metrics();
  assert.ok(text.includes("jaeger:finished_spans 9"));
});

test("PrometheusMetricsFactory shows latencies in seconds", async () => {
  promClient.register.clear();
  callOnce(new RpcMetricsObserver(new PrometheusMetricsFactory(promClient)));
  const text = await promClient.register.metrics();
  const labels = 'component="jaeger",endpoint="op"';
  for (const line of [
    `jaeger_rpc_requests_total{${labels},error="false"} 1`,
    `jaeger_rpc_request_latency_sum{${labels},error="false"} 0.001`,
    `jaeger_rpc_http_requests_total{${labels},status_code="2xx"} 1`,
  ]) {
    assert.ok(text.includes(line), line);
  }
});

test("PrometheusMetricsFactory refuses what is no prom-client, and a name that is taken", () => {
  for (const wrong of [undefined, null, {}, { Counter: promClient.Counter }]) {
    const make = () => new PrometheusMetricsFactory(wrong as unknown as typeof promClient);
    assert.throws(make, { code: "bad-input" });
  }
  promClient.register.clear();
  const factory = new PrometheusMetricsFactory(promClient);
  factory.createGauge("taken");
  assert.throws(() => factory.createCounter("taken"), { code: "bad-input" });
  const { Counter, Gauge } = promClient;
  const timer = new PrometheusMetricsFactory({ Counter, Gauge }).createTimer("latency");
  timer.record(1);
});

test("RpcMetricsObserver counts calls that the service serves, and nothing else", () => {
  const { factory, figures, durations } = makeCountedMetrics();
  const observer = new RpcMetricsObserver(factory);
  const inner = observer.startSpan("inner");
  inner.setTag("error", true);
  inner.finish(1);
  observer.startSpan("out", { "span.kind": "client", "http.status_code": 500 }).finish(1);
  observer.startSpan("", { "span.kind": "server" }).finish(1);
  assert.deepEqual(figures, {});

  const call = observer.startSpan("first name", { "span.kind": "server" });
  call.setOperationName("GET /order?id={id}");
  call.setTag("http.status_code", "404");
  call.setTag("error", "true");
  call.finish(2.5);
  observer.startSpan("GET /order?id={id}", { "span.kind": "server", error: false }).finish(3);
  const labels = "component=jaeger,endpoint=GET-/order-id--id-";
  assert.deepEqual(figures, {
    [`jaeger_rpc_requests_total{${labels},error=true}`]: 1,
    [`jaeger_rpc_requests_total{${labels},error=false}`]: 1,
    [`jaeger_rpc_http_requests_total{${labels},status_code=4xx}`]: 1,
  });
  assert.deepEqual(durations, {
    [`jaeger_rpc_request_latency{${labels},error=true}`]: [2.5],
    [`jaeger_rpc_request_latency{${labels},error=false}`]: [3],
  });
});

for (const status of [0, 100, 199, 600, -200, 1e9, "x", "", {}, null, undefined]) {
  test(`RpcMetricsObserver counts no HTTP call with the status ${JSON.stringify(status)}`, () => {
    const { factory, figures } = makeCountedMetrics();
    const call = new RpcMetricsObserver(factory).startSpan("op", { "span.kind": "server" });
    call.setTag("http.status_code", status);
    call.finish(1);
    assert.deepEqual(Object.values(figures), [1]);
  });
}

test("RpcMetricsObserver does not throw for tags that do, or are none", () => {
  const { factory, figures } = makeCountedMetrics();
  const observer = new RpcMetricsObserver(factory);
  const throwing = {
    get "span.kind"(): string {
      throw new Error("the application's mistake");
    },
  };
  for (const tags of [null, "server", throwing]) {
    const call = observer.startSpan("op", tags as unknown as Record<string, unknown>);
    call.setTag("span.kind", { toString: fail });
    call.setTag("error", Symbol("x"));
    call.finish(1);
  }
  assert.deepEqual(figures, {});
});

test("RpcMetricsObserver has a bounded number of endpoints", () => {
  const { factory, figures } = makeCountedMetrics();
  const observer = new RpcMetricsObserver(factory, 3);
  const names = ["a", "b", "c?", "c!", "d", "e", "x".repeat(1_000_000), "a"];
  for (const name of names) observer.startSpan(name, { "span.kind": "server" }).finish(1);
  const of = (endpoint: string): number | undefined =>
    figures[`jaeger_rpc_requests_total{component=jaeger,endpoint=${endpoint},error=false}`];
  assert.deepEqual(["a", "b", "c-", "d", "other"].map(of), [2, 1, 1, undefined, 4]);
});
