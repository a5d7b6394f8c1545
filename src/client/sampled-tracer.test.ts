// Samplers, throttler, baggage restrictions and metrics of calls inside the tracer that asks them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeCountedMetrics } from "../../test/counted-metrics.ts";
import { type PolledServer, openPolledServer } from "../../test/polled-server.ts";
import { RemoteBaggageRestrictions } from "./baggage-restrictions.ts";
import { makeClientMetrics } from "./client-metrics.ts";
import { InMemoryReporter } from "./reporters/in-memory-reporter.ts";
import { RpcMetricsObserver } from "./rpc-metrics.ts";
import type { Sampler } from "./sampler.ts";
import { ConstSampler } from "./samplers/const-sampler.ts";
import { ProbabilisticSampler } from "./samplers/probabilistic-sampler.ts";
import { RemoteSampler } from "./samplers/remote-sampler.ts";
import { RemoteThrottler } from "./throttler.ts";
import { Tracer, type TracerOptions } from "./tracer.ts";

let server: PolledServer;
before(async () => {
  server = await openPolledServer();
});
after(() => server.close());

function openTracer(sampler: Sampler, options: TracerOptions = {}) {
  const reporter = new InMemoryReporter();
  return { reporter, tracer: new Tracer("shop", reporter, sampler, options) };
}

test("a trace is sampled by two services alike, since its id is the lot", () => {
  const { tracer } = openTracer(new ProbabilisticSampler(0.3));
  const other = new ProbabilisticSampler(0.3);
  let sampled = 0;
  for (let trace = 0; trace < 1_000; trace++) {
    const context = tracer.startSpan("op").context();
    assert.equal(context.isSampled(), other.isSampled("another", {}, context));
    if (context.isSampled()) sampled++;
  }
  assert.ok(sampled > 200 && sampled < 400, `${sampled} of 1,000`); // seven standard deviations
});

test("a span is signed by the remote sampler, and sampled by the name it gets at last", async () => {
  server.answer =
    '{"operationSampling":{"defaultSamplingProbability":0,"perOperationStrategies":[' +
    '{"operation":"GET /order","probabilisticSampling":{"samplingRate":1}}]}}';
  const remote = new RemoteSampler("shop", { hostPort: server.hostPort, refreshInterval: 0 });
  await remote.refresh();
  const { reporter, tracer } = openTracer(remote);
  tracer.startSpan("GET").finish();
  tracer.startSpan("GET").setOperationName("GET /order").finish();
  tracer.startSpan("GET /order").setOperationName("GET").finish();
  assert.deepEqual(
    reporter.spans.map((span) => [span._operationName, ...span._tags]),
    ["GET /order", "GET"].map((name) => [
      name,
      { key: "sampler.type", value: "probabilistic" },
      { key: "sampler.param", value: 1 },
    ]),
  );
  await tracer.close();
});

test("a debug span needs credit, and a baggage item a key that is allowed", async () => {
  const { factory, figures } = makeCountedMetrics();
  const metrics = makeClientMetrics(factory);
  const place = { hostPort: server.hostPort, metrics };
  const debugThrottler = new RemoteThrottler("shop", { ...place, refreshIntervalMs: 0 });
  const baggageRestrictions = new RemoteBaggageRestrictions("shop", {
    ...place,
    refreshInterval: 0,
  });
  const options = { metrics, debugThrottler, baggageRestrictions };
  const { tracer } = openTracer(new ConstSampler(false), options);
  const isDebug = (): boolean =>
    tracer.startSpan("op").setTag("sampling.priority", 1).context().isDebug();
  assert.equal(isDebug(), false);
  server.answer = '{"balances":[{"operation":"op","balance":1}]}';
  await debugThrottler.refresh();
  assert.match(server.paths.at(-1) ?? "", /uuid=[0-9a-f-]{36}&operations=op$/);
  assert.deepEqual([isDebug(), isDebug()], [true, false]);

  server.answer = '[{"baggageKey":"User_Id","maxValueLength":3}]';
  await baggageRestrictions.refresh();
  const span = tracer.startSpan("op").setBaggageItem("User_Id", "12345").setBaggageItem("x", "y");
  assert.deepEqual({ ...span.context().baggage }, { "user-id": "123" });
  assert.equal(figures["jaeger:baggage_updates{result=err}"], 1);
  assert.equal(figures["jaeger:throttled_debug_spans"], 2);
  await tracer.close();
});

test("calls are counted whether their spans are sampled or not", () => {
  for (const isSampled of [false, true]) {
    const { factory, figures, durations } = makeCountedMetrics();
    const observer = new RpcMetricsObserver(factory);
    const { tracer } = openTracer(new ConstSampler(isSampled), { observer });
    const startTime = 1_700_000_000_000;
    const span = tracer.startSpan("GET", { startTime, tags: { "span.kind": "server" } });
    span.setOperationName("/order").addTags({ "http.status_code": 503, error: true });
    span.finish(startTime + 2.5);
    span.finish(startTime + 3);
    tracer.startSpan("query", { childOf: span }).finish();
    const labels = "component=jaeger,endpoint=/order";
    assert.deepEqual(figures, {
      [`jaeger_rpc_requests_total{${labels},error=true}`]: 1,
      [`jaeger_rpc_http_requests_total{${labels},status_code=5xx}`]: 1,
    });
    assert.deepEqual(durations, {
      [`jaeger_rpc_request_latency{${labels},error=true}`]: [2.5],
    });
  }
});
