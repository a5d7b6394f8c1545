// Which ids, flags and tags a new span gets, with parents of every kind and with none.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as opentracing from "opentracing";
import { type Counter, makeClientMetrics } from "./client-metrics.ts";
import type { Reporter } from "./reporter.ts";
import { InMemoryReporter } from "./reporters/in-memory-reporter.ts";
import type { ObservedSpan } from "./rpc-metrics.ts";
import type { Sampler } from "./sampler.ts";
import { ConstSampler } from "./samplers/const-sampler.ts";
import { PerOperationSampler } from "./samplers/per-operation-sampler.ts";
import { SpanContext, makeSpanContext } from "./span-context.ts";
import type { Span } from "./span.ts";
import { Tracer, type TracerOptions } from "./tracer.ts";

function makeTracer(
  options: TracerOptions = {},
  sampler: Sampler = new ConstSampler(true),
): { tracer: Tracer; spans: Span[]; counts: Record<string, number>; said: string[] } {
  const reporter = new InMemoryReporter();
  const counts: Record<string, number> = {};
  const said: string[] = [];
  const createCounter = (name: string, tags: object = {}): Counter => ({
    increment(delta = 1) {
      const key = [name.replace("jaeger:", ""), ...Object.values(tags)].join(" ");
      counts[key] = (counts[key] ?? 0) + delta;
    },
  });
  const metrics = makeClientMetrics({ createCounter, createGauge: () => ({ update() {} }) });
  const logger = { info() {}, error: (message: string) => void said.push(message) };
  const tracer = new Tracer("shop", reporter, sampler, { metrics, logger, ...options });
  return { tracer, spans: reporter.spans, counts, said };
}

function tagsOf(span: Span): Record<string, unknown> {
  return Object.fromEntries(span._tags.map(({ key, value }) => [key, value]));
}

test("startSpan() makes classes of opentracing", () => {
  const { tracer } = makeTracer();
  const span = tracer.startSpan("a");
  assert.ok(tracer instanceof opentracing.Tracer);
  assert.ok(span instanceof opentracing.Span);
  assert.ok(span.context() instanceof opentracing.SpanContext);
  assert.equal(span.tracer(), tracer);
});

test("startSpan() begins a trace whose id ends in the id of its root", () => {
  const { tracer, spans, counts } = makeTracer();
  tracer.startSpan("a").finish();
  const context = spans[0]!.context();
  assert.match(context.traceIdStr, /^[0-9a-f]{16}$/);
  assert.equal(context.spanIdStr, context.traceIdStr);
  assert.equal(context.parentIdStr, null);
  assert.deepEqual(tagsOf(spans[0]!), { "sampler.type": "const", "sampler.param": true });
  assert.deepEqual(counts, { "traces started y": 1, "started_spans y": 1, finished_spans: 1 });
});

test("startSpan() makes 128-bit ids on request", () => {
  const { tracer } = makeTracer({ traceId128bit: true });
  const context = tracer.startSpan("a").context();
  assert.match(context.traceIdStr, /^[0-9a-f]{32}$/);
  assert.equal(context.traceIdStr.slice(16), context.spanIdStr);
});

test("startSpan() never takes an id of zero", () => {
  const words = [0, 0, 0, 7];
  const { tracer } = makeTracer({ random: { next: () => words.shift() ?? 1 } });
  assert.equal(tracer.startSpan("a").context().toString(), "0000000000000007:0000000000000007:0:1");
});

test("startSpan() takes the trace and the decision of its parent, and no tags of the sampler", () => {
  const { tracer, counts } = makeTracer();
  const root = tracer.startSpan("root", { tags: { "sampling.priority": 0 } });
  const child = tracer.startSpan("child", { childOf: root, tags: { a: 1 } });
  assert.equal(child.context().traceIdStr, root.context().traceIdStr);
  assert.equal(child.context().parentIdStr, root.context().spanIdStr);
  assert.notEqual(child.context().spanIdStr, root.context().spanIdStr);
  assert.deepEqual(child._tags, []);
  child.finish();
  assert.deepEqual(counts, { "traces started n": 1, "started_spans n": 2 });
});

test("startSpan() prefers childOf, then CHILD_OF, then FOLLOWS_FROM", () => {
  const { tracer } = makeTracer();
  const [one, two, three] = ["1", "2", "3"].map((name) => tracer.startSpan(name)) as [
    Span,
    Span,
    Span,
  ];
  const references = [opentracing.followsFrom(two), opentracing.childOf(three)];
  const parentOf = (options: object): string | null =>
    tracer.startSpan("x", options).context().parentIdStr;
  assert.equal(parentOf({ childOf: one, references }), one.context().spanIdStr);
  assert.equal(parentOf({ references }), three.context().spanIdStr);
  assert.equal(parentOf({ references: [references[0]] }), two.context().spanIdStr);
  assert.equal(tracer.startSpan("x", { references })._references, references);
});

test("startSpan() shares the span id with the client's span where that is wanted", () => {
  const { tracer, counts } = makeTracer({ shareRpcSpan: true });
  const client = tracer.startSpan("c", { childOf: tracer.startSpan("root") }).context();
  const server = tracer.startSpan("s", { childOf: client, tags: { "span.kind": "server" } });
  const inner = tracer.startSpan("i", { childOf: client });
  assert.equal(server.context().toString(), client.toString());
  assert.notEqual(inner.context().spanIdStr, client.spanIdStr);
  assert.equal(counts["traces joined y"], 1);
});

test("startSpan() starts a debug trace for a debug id, if the throttler lets it", () => {
  for (const isAllowed of [true, false]) {
    const throttler = { isAllowed: () => isAllowed, setProcess() {}, close() {} };
    const { tracer } = makeTracer({ debugThrottler: throttler }, new ConstSampler(false));
    const parent = makeSpanContext();
    parent.debugId = "ticket 7";
    parent.baggage = { user: "u" };
    const span = tracer.startSpan("a", { childOf: parent, tags: { b: 1 } });
    assert.equal(span.context().flags, isAllowed ? 3 : 0);
    assert.deepEqual(tagsOf(span), isAllowed ? { b: 1, "jaeger-debug-id": "ticket 7" } : {});
    assert.equal(span.getBaggageItem("user"), "u");
    assert.equal(span.context().parentIdStr, null);
  }
});

test("startSpan() obeys a decision that came without ids", () => {
  const { tracer } = makeTracer();
  const parent = makeSpanContext();
  parent.isRemote = true;
  assert.equal(tracer.startSpan("a", { childOf: parent }).context().flags, 0);
});

test("startSpan() takes contexts and spans of another copy of this library", async () => {
  const url = new URL("span-context.ts?copy", import.meta.url).href;
  const copy = (await import(url)) as { makeSpanContext: typeof makeSpanContext };
  const parent = copy.makeSpanContext();
  assert.equal((parent as object) instanceof SpanContext, false);
  parent.traceLowLow = 1;
  parent.spanLow = 2;
  parent.flags = 1;
  const { tracer } = makeTracer({}, new ConstSampler(false));
  for (const childOf of [parent, { context: () => parent }]) {
    const context = tracer.startSpan("a", { childOf: childOf as never }).context();
    assert.deepEqual([context.traceLowLow, context.parentLow, context.flags], [1, 2, 1]);
  }
});

test("startSpan() takes any argument", () => {
  const { tracer } = makeTracer();
  const start = tracer.startSpan.bind(tracer) as (...args: unknown[]) => Span;
  const hostile = new Proxy({}, { get: () => assert.fail("not asked") });
  const cases: unknown[][] = [
    [],
    [undefined, null],
    [7, { childOf: "x", references: "y", tags: "z", startTime: "now" }],
    [Symbol("s"), { childOf: {}, references: [null], tags: null }],
    ["a", { references: [{ type: () => "child_of", referencedContext: () => 1 }] }],
    ["a", { childOf: hostile, startTime: Number.NaN }],
    ["a", { childOf: new opentracing.Span(), tags: hostile }],
    ["x".repeat(10_000_000), { startTime: -1 }],
  ];
  for (const args of cases) {
    const span = start(...args);
    assert.equal(span.context().parentIdStr, null);
    assert.equal(typeof span._operationName, "string");
    assert.ok(span._operationName.length < 100_000);
    assert.ok(Number.isFinite(span._startTime) && span._startTime > 0);
    span.finish();
  }
});

test("setOperationName() asks a sampler of operations once more", () => {
  const told = { defaultSamplingRate: 0, lowerBound: 0, rates: new Map([["GET /", 1]]) };
  const { tracer, spans } = makeTracer({}, new PerOperationSampler(told));
  const span = tracer.startSpan("request", { tags: { early: 1 } });
  const child = tracer.startSpan("inner", { childOf: span });
  assert.equal(span.context().isSampled(), false);
  child.setOperationName("GET /"); // not the first span of its trace
  assert.equal(span.context().isSampled(), false);
  span.setOperationName("GET /");
  assert.equal(span.context().isSampled(), true);
  child.finish();
  span.finish();
  assert.equal(spans.length, 2);
  assert.equal(tagsOf(span)["early"], 1);
  assert.equal(tagsOf(span)["sampler.type"], "probabilistic");
});

test("setOperationName() asks no more when another service was told, and never twice", () => {
  const told = { defaultSamplingRate: 0, lowerBound: 0, rates: new Map([["GET /", 1]]) };
  const { tracer } = makeTracer({}, new PerOperationSampler(told));
  tracer.registerInjector("text_map", { inject() {} });
  const injected = tracer.startSpan("a");
  tracer.inject(injected, "text_map", {});
  injected.setOperationName("GET /");
  const renamed = tracer.startSpan("a");
  renamed.setOperationName("b").setOperationName("GET /");
  assert.deepEqual([injected.context().flags, renamed.context().flags], [0, 0]);
});

test("inject() and extract() leave unknown formats and other libraries' contexts alone", () => {
  const { tracer, said } = makeTracer();
  const span = tracer.startSpan("a");
  const carrier = {};
  tracer.inject(span, "no such", carrier);
  tracer.inject(new opentracing.SpanContext(), "text_map", carrier);
  tracer.inject(null as never, "text_map", carrier);
  assert.equal(tracer.extract("no such", carrier), null);
  assert.deepEqual(carrier, {});
  assert.equal(said.length, 2);
});

test("a codec, sampler, reporter, throttler or logger that throws harms nobody", async () => {
  const fail = (): never => assert.fail("thrown on purpose");
  const reporter: Reporter = {
    name: "bad",
    setProcess() {},
    report: fail,
    flush: () => Promise.reject(new Error("no")),
    close: fail,
  };
  const sampler: Sampler = { name: "bad", isSampled: fail, close: fail, equal: fail };
  const tracer = new Tracer("s", reporter, sampler, {
    codecs: { text_map: { inject: fail, extract: fail } },
    debugThrottler: { isAllowed: fail, setProcess() {}, close: fail },
    baggageRestrictions: { getRestriction: fail, close: fail },
    logger: { info: fail, error: fail },
  });
  const span = tracer.startSpan("a", { tags: { "sampling.priority": 1 } });
  span.setBaggageItem("a", "b");
  tracer.inject(span, "text_map", {});
  assert.equal(tracer.extract("text_map", {}), null);
  span.context().flags = 1;
  span.finish();
  await tracer.flush();
  await tracer.close();
  assert.ok(tracer.misuse.threw >= 6);
});

test("complaints end after ten", () => {
  const { tracer, said } = makeTracer();
  const span = tracer.startSpan("a");
  for (let turn = 0; turn < 30; turn++) span.finish();
  assert.equal(said.length, 10);
  assert.match(said[9] ?? "", /no more of this/);
  assert.equal(tracer.misuse.finishedTwice, 29);
});

test("a disabled tracer carries nothing", () => {
  const codec = { inject: () => assert.fail("asked"), extract: () => assert.fail("asked") };
  const { tracer } = makeTracer({ isDisabled: true, codecs: { text_map: codec } });
  tracer.inject(tracer.startSpan("a"), "text_map", {});
  assert.equal(tracer.extract("text_map", {}), null);
});

test("the process has the tags of the application and of the tracer", () => {
  const { tracer } = makeTracer({ tags: { hostname: "h", version: 3 } });
  const tags = Object.fromEntries(tracer._process.tags.map(({ key, value }) => [key, value]));
  assert.equal(tracer._process.serviceName, "shop");
  assert.equal(tags["hostname"], "h");
  assert.equal(tags["version"], 3);
  assert.match(String(tags["ip"]), /^\d+\.\d+\.\d+\.\d+$/);
  assert.match(String(tags["client-uuid"]), /^[0-9a-f-]{36}$/);
  assert.match(String(tags["spoor.version"]), /^\d+\.\d+\.\d+/);
});

test("close() flushes once, calls back and drops what comes later", async () => {
  const { tracer, spans } = makeTracer();
  const late = tracer.startSpan("late");
  let closed = 0;
  tracer._onClose(() => closed++);
  await tracer.close();
  await new Promise<void>((resolve) => {
    void tracer.close(resolve);
  });
  late.finish();
  assert.deepEqual([spans.length, closed, tracer.isClosed], [0, 1, true]);
});

test("an observer sees every span, sampled or not", () => {
  const seen: unknown[] = [];
  const observed: ObservedSpan = {
    setOperationName: (name) => seen.push(name),
    setTag: (key, value) => seen.push([key, value]),
    finish: (ms) => seen.push(ms >= 0),
  };
  const observer = {
    startSpan(name: string) {
      seen.push(name);
      return observed;
    },
  };
  const { tracer } = makeTracer({ observer }, new ConstSampler(false));
  const span = tracer.startSpan("a");
  span.setOperationName("b").setTag("c", 1).addTags({ d: 2 }).finish();
  span.setTag("late", 1).finish();
  assert.deepEqual(seen, ["a", "b", ["c", 1], ["d", 2], true]);
});
