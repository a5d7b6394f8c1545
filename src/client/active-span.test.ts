// The active span across promises, timers and callbacks, and the end of a span that belongs to a function.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { activeSpan, runWithSpan } from "./active-span.ts";
import { InMemoryReporter } from "./reporters/in-memory-reporter.ts";
import { ConstSampler } from "./samplers/const-sampler.ts";
import type { Span } from "./span.ts";
import { Tracer } from "./tracer.ts";

function makeTracer(): { tracer: Tracer; spans: Span[] } {
  const reporter = new InMemoryReporter();
  return { tracer: new Tracer("s", reporter, new ConstSampler(true)), spans: reporter.spans };
}

function logOf(span: Span | undefined): Record<string, unknown> {
  return Object.fromEntries(span?._logs[0]?.fields.map(({ key, value }) => [key, value]) ?? []);
}

test("runWithSpan() makes a span active in all that it starts, and in nothing else", async () => {
  const { tracer } = makeTracer();
  const [one, two] = [tracer.startSpan("1"), tracer.startSpan("2")];
  const seen: unknown[] = [];
  const work = (): Promise<void> =>
    new Promise((resolve) => {
      process.nextTick(() => seen.push(activeSpan()));
      setImmediate().then(
        () => {
          seen.push(activeSpan());
          resolve();
        },
        () => {},
      );
    });
  await Promise.all([runWithSpan(one, work), runWithSpan(two, work)]);
  assert.deepEqual(seen, [one, two, one, two]);
  assert.equal(activeSpan(), undefined);
  runWithSpan(one, () => runWithSpan(null, () => assert.equal(activeSpan(), undefined)));
});

test("activeSpan() is the same in another copy of this library", async () => {
  const url = new URL("active-span.ts?copy", import.meta.url).href;
  const copy = (await import(url)) as { activeSpan: typeof activeSpan };
  assert.notEqual(copy.activeSpan, activeSpan);
  const span = makeTracer().tracer.startSpan("a");
  runWithSpan(span, () => assert.equal(copy.activeSpan(), span));
});

test("startActiveSpan() makes a child of the active span and finishes it", () => {
  const { tracer, spans } = makeTracer();
  const result = tracer.startActiveSpan("outer", (outer) =>
    tracer.startActiveSpan("inner", { tags: { a: 1 } }, (inner) => {
      assert.equal(tracer.activeSpan(), inner);
      assert.equal(inner.context().parentIdStr, outer.context().spanIdStr);
      return 7;
    }),
  );
  assert.equal(result, 7);
  assert.deepEqual(
    spans.map((span) => span._operationName),
    ["inner", "outer"],
  );
});

test("startActiveSpan() starts a trace of its own, or a child of another, on request", () => {
  const { tracer } = makeTracer();
  const other = tracer.startSpan("other");
  tracer.startActiveSpan("outer", () => {
    tracer.startActiveSpan("x", { ignoreActiveSpan: true }, (span) =>
      assert.equal(span.context().parentIdStr, null),
    );
    tracer.startActiveSpan("x", { childOf: other }, (span) =>
      assert.equal(span.context().parentIdStr, other.context().spanIdStr),
    );
    assert.equal(tracer.startSpan("x").context().parentIdStr, null, "startSpan() takes no parent");
  });
});

test("startActiveSpan() finishes with the promise, and gives the same one back", async () => {
  const { tracer, spans } = makeTracer();
  const promise = setTimeout(1, "done");
  const result = tracer.startActiveSpan("a", () => promise);
  assert.equal(result, promise);
  assert.equal(spans.length, 0);
  assert.equal(await result, "done");
  assert.equal(spans.length, 1);
});

test("startActiveSpan() records what was thrown, and throws it", async () => {
  const { tracer, spans } = makeTracer();
  const error = new TypeError("no");
  assert.throws(
    () =>
      tracer.startActiveSpan("a", () => {
        throw error;
      }),
    error,
  );
  await assert.rejects(
    tracer.startActiveSpan("b", () => Promise.reject(error)),
    error,
  );
  for (const span of spans) {
    assert.deepEqual(span._tags.at(-1), { key: "error", value: true });
    assert.deepEqual(logOf(span), { event: "error", "error.object": error, message: "no" });
  }
  assert.equal(spans.length, 2);
});

test("startActiveSpan() leaves a span alone that is finished, or that is not its own to finish", () => {
  const { tracer, spans } = makeTracer();
  tracer.startActiveSpan("a", (span) => span.finish());
  const open = tracer.startActiveSpan("b", { finishOnClose: false }, (span) => span);
  assert.equal(open.isFinished, false);
  assert.deepEqual([spans.length, tracer.misuse.finishedTwice], [1, 0]);
});
