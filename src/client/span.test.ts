// One span: what users of jaeger-client read of it, what is ignored, what is bounded.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InMemoryReporter } from "./reporters/in-memory-reporter.ts";
import { ConstSampler } from "./samplers/const-sampler.ts";
import { LOGS_MAX, type Span, TAGS_MAX } from "./span.ts";
import { Tracer } from "./tracer.ts";

function makeSpan(isSampled = true): { span: Span; tracer: Tracer; spans: Span[] } {
  const reporter = new InMemoryReporter();
  const tracer = new Tracer("shop", reporter, new ConstSampler(isSampled));
  const span = tracer.startSpan("work", { startTime: 1_000 });
  span._tags = [];
  return { span, tracer, spans: reporter.spans };
}

test("a span has the fields that users of jaeger-client read", () => {
  const { span, spans } = makeSpan();
  span.setTag("a", 1).addTags({ b: "x", c: null }).log({ event: "e", n: 1 }, 1_500.5);
  span.setOperationName("other").finish(2_000.25);
  assert.equal(spans[0], span);
  assert.equal(span._operationName, "other");
  assert.equal(span.operationName, "other");
  assert.equal(span.serviceName, "shop");
  assert.equal(span._startTime, 1_000);
  assert.equal(span._duration, 1_000.25);
  assert.deepEqual(span._references, []);
  assert.deepEqual(span._tags, [
    { key: "a", value: 1 },
    { key: "b", value: "x" },
    { key: "c", value: null },
  ]);
  assert.deepEqual(span._logs, [
    {
      timestamp: 1_500.5,
      fields: [
        { key: "event", value: "e" },
        { key: "n", value: 1 },
      ],
    },
  ]);
});

test("a span that is not sampled keeps nothing and is not reported", () => {
  const { span, spans } = makeSpan(false);
  span.setTag("a", 1).addTags({ b: 2 }).log({ event: "e" });
  span.finish();
  span.finish();
  assert.deepEqual([span._tags, span._logs, spans], [[], [], []]);
  assert.equal(span.tracer().misuse.finishedTwice, 1);
});

test("finish() takes the time of the clock, never backwards", () => {
  const { tracer } = makeSpan();
  const span = tracer.startSpan("now");
  span.log({ event: "e" });
  span.finish();
  assert.ok(span._duration !== undefined && span._duration >= 0 && span._duration < 10_000);
  assert.ok(span._logs[0]!.timestamp >= span._startTime);
});

test("what comes after finish() is ignored and counted", () => {
  const { span, tracer, spans } = makeSpan();
  span.setTag("a", 1).finish(3_000);
  span.setTag("b", 2).addTags({ c: 3 }).log({ event: "e" }).setOperationName("late");
  span.setTag("sampling.priority", 0).finish(9_000);
  assert.equal(spans.length, 1);
  assert.deepEqual(span._tags, [{ key: "a", value: 1 }]);
  assert.deepEqual([span._logs, span._operationName, span._duration], [[], "work", 2_000]);
  assert.equal(span.context().flags, 1);
  assert.ok(tracer.misuse.afterFinish >= 4);
  assert.equal(tracer.misuse.finishedTwice, 1);
});

test("sampling.priority makes a debug trace of one that was not sampled", () => {
  const { span, tracer, spans } = makeSpan(false);
  const child = tracer.startSpan("child", { childOf: span });
  child.setTag("early", 1).setTag("sampling.priority", 1).setTag("late", 1);
  child.setTag("sampling.priority", 1);
  child.finish();
  span.finish();
  assert.deepEqual(
    spans.map((one) => one.context().flags),
    [3, 3],
  );
  assert.deepEqual(child._tags, [
    { key: "sampling.priority", value: 1 },
    { key: "late", value: 1 },
  ]);
});

test("sampling.priority 0 ends the recording", () => {
  const { span, spans } = makeSpan();
  span.addTags({ a: 1, "sampling.priority": 0, b: 2 });
  span.finish();
  assert.equal(span.context().flags, 0);
  assert.deepEqual(span._tags, []);
  assert.deepEqual(spans, []);
});

test("baggage is spelt as headers spell it, logged, and reaches children only of later", () => {
  const { span, tracer } = makeSpan();
  const before = tracer.startSpan("before", { childOf: span });
  span.setBaggageItem("User_ID", "7").setBaggageItem("user-id", "8");
  const after = tracer.startSpan("after", { childOf: span });
  assert.deepEqual(
    [before, span, after].map((one) => one.getBaggageItem("USER-id")),
    [undefined, "8", "8"],
  );
  assert.deepEqual(
    span._logs.map(({ fields }) =>
      Object.fromEntries(fields.map(({ key, value }) => [key, value])),
    ),
    [
      { event: "baggage", key: "user-id", value: "7" },
      { event: "baggage", key: "user-id", value: "8", override: "true" },
    ],
  );
});

test("a span has bounds for everything, and counts what is beyond them", () => {
  const { span, tracer } = makeSpan();
  for (let at = 0; at < TAGS_MAX + 10; at++) span.setTag(`k${at}`, at);
  for (let at = 0; at < LOGS_MAX + 10; at++) span.log({ at });
  assert.deepEqual([span._tags.length, span._droppedTags], [TAGS_MAX, 10]);
  assert.deepEqual([span._logs.length, span._droppedLogs], [LOGS_MAX, 10]);
  assert.equal(tracer.misuse.dropped, 20);
});

test("a text of 10 MB is cut where it is set", () => {
  const { span, tracer } = makeSpan();
  const text = "x".repeat(10_000_000);
  span.setTag("a", text).log({ text });
  assert.equal(tracer.misuse.cut, 2);
  assert.match(String(span._tags[0]?.value), /^x{60000,66000}…\[cut\]$/);
  assert.ok(String(span._logs[0]?.fields[0]?.value).length < 66_000);
});

test("JSON.stringify() of a span ends", () => {
  const { span } = makeSpan();
  const ring: Record<string, unknown> = { big: 1n };
  ring["ring"] = ring;
  span.setTag("ring", ring).log({ ring });
  assert.match(JSON.stringify({ span }), /circular/);
});

test("no method throws, whatever it is given", () => {
  // Behind a function: fast-check would ask them to print themselves.
  const hostile: readonly (() => unknown)[] = [
    () => Symbol("s"),
    () => new Proxy({}, { ownKeys: () => assert.fail(), get: () => assert.fail() }),
    () => Object.defineProperty({}, "a", { enumerable: true, get: () => assert.fail() }),
    () => ({ toJSON: () => assert.fail(), toString: () => assert.fail() }),
  ];
  const anything = fc.oneof(
    fc.constantFrom(...hostile),
    fc
      .anything({ withBigInt: true, withNullPrototype: true, withMap: true })
      .map((one) => () => one),
  );
  const methods = [
    "setTag",
    "addTags",
    "log",
    "logEvent",
    "setOperationName",
    "setBaggageItem",
    "getBaggageItem",
    "finish",
  ] as const;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...methods), anything, anything), { maxLength: 8 }),
      (calls) => {
        const { span } = makeSpan();
        for (const [method, one, two] of calls) {
          (span[method] as (...args: unknown[]) => unknown).call(span, one(), two());
        }
        assert.equal(typeof span._operationName, "string");
        JSON.stringify(span);
      },
    ),
  );
});
