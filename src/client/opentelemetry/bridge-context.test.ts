// The client's active span and OpenTelemetry's context, where functions and emitters keep them.
// Not here: the same through OpenTelemetry's API (../opentelemetry.test.ts).

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { ROOT_CONTEXT, createContextKey, trace } from "@opentelemetry/api";
import { activeSpan, runWithSpan } from "../active-span.ts";
import { Tracer } from "../tracer.ts";
import { BridgeContextManager } from "./bridge-context.ts";
import { BridgeSpan } from "./bridge-span.ts";

const tracer = new Tracer("bridged");
const manager = new BridgeContextManager();

const activeId = (): string | undefined => activeSpan()?.context().spanIdStr;

test("bind() keeps the context for a function and for an emitter's listeners", () => {
  const span = new BridgeSpan(tracer.startSpan("bound"));
  const { spanId } = span.spanContext();
  const inside = trace.setSpan(ROOT_CONTEXT, span);
  const bound = manager.bind(inside, function find(this: { id: number }, more: number) {
    return [this.id + more, activeId()];
  });
  assert.deepEqual(bound.call({ id: 1 }, 2), [3, spanId]);
  assert.equal(bound.length, 1);
  assert.equal(manager.bind(inside, 7), 7);

  const emitter = new EventEmitter();
  const seen: unknown[] = [];
  emitter.on("x", (value) => seen.push(value, activeId()));
  assert.equal(manager.bind(inside, emitter), emitter);
  manager.bind(ROOT_CONTEXT, emitter);
  emitter.emit("x", 1);
  assert.deepEqual(seen, [1, spanId]);
});

test("active() is what was entered last, on either side", () => {
  const key = createContextKey("mine");
  const [one, two] = [tracer.startSpan("one"), tracer.startSpan("two")];
  const inside = trace.setSpan(ROOT_CONTEXT.setValue(key, 7), new BridgeSpan(one));
  assert.equal(manager.active(), ROOT_CONTEXT);
  manager.with(inside, () => {
    assert.equal(manager.active(), inside);
    assert.equal(activeSpan(), one);
    runWithSpan(two, () => {
      assert.equal(manager.active().getValue(key), 7);
      const span = trace.getSpan(manager.active());
      assert.equal(span?.spanContext().spanId, two.context().spanIdStr);
      manager.with(ROOT_CONTEXT, () => assert.equal(activeSpan(), undefined));
    });
    runWithSpan(undefined, () => assert.equal(trace.getSpan(manager.active()), undefined));
  });
  assert.equal(manager.active(), ROOT_CONTEXT);
});
