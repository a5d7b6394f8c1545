// Made-up traces are what real ones are: whole, nested in time, connected across processes.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../base/clock.ts";
import { printSpans } from "../model/print-spans.ts";
import {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_INTERNAL,
  KIND_PRODUCER,
  KIND_SERVER,
  ORIGIN_OTLP,
  STATUS_ERROR,
} from "../model/span-batch.ts";
import { makeTrace, type TraceOptions } from "./make-trace.ts";
import { type Random, type Step, planTrace } from "./plan-trace.ts";
import { ProcessSpans } from "./process-spans.ts";

/** Numbers from a seed, always the same. */
function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const anyPlan = fc.record({
  services: fc.integer({ min: 1, max: 12 }),
  childSpans: fc.integer({ min: 0, max: 200 }),
  seed: fc.nat(),
});

const endUs = (step: Step): number => step.startUs + step.durationUs;

test("planTrace() makes one tree of as many spans as asked for, nested in time", () => {
  fc.assert(
    fc.property(anyPlan, ({ services, childSpans, seed }) => {
      const { steps, durationUs } = planTrace(services, childSpans, seeded(seed));
      assert.equal(steps.length, childSpans + 1);
      assert.equal(durationUs, Math.max(...steps.map(endUs)));
      for (const [index, step] of steps.entries()) {
        assert.ok(step.service < services && step.durationUs > 0);
        if (index === 0) {
          assert.deepEqual([step.parent, step.startUs], [-1, 0]);
          continue;
        }
        const parent = steps[step.parent]!;
        assert.ok(step.parent < index);
        const isServed = /-server$|^consume$/.test(step.flavor);
        // A call has a span on either side, in two processes; all else stays in its own.
        assert.equal(isServed, /-client$|^publish$/.test(parent.flavor));
        if (isServed) assert.ok(step.service > parent.service);
        else assert.equal(step.service, parent.service);
        if (step.flavor === "consume") assert.ok(step.startUs > endUs(parent));
        else assert.ok(step.startUs >= parent.startUs && endUs(step) <= endUs(parent));
        if (step.isError && step.flavor !== "consume") assert.ok(parent.isError);
      }
    }),
    { numRuns: 200 },
  );
});

test("planTrace() calls others, fails at times, and uses all that there is to do", () => {
  const random = seeded(7);
  const plans = Array.from({ length: 400 }, () => planTrace(5, 9, random).steps);
  const steps = plans.flat();
  assert.equal(new Set(steps.map(({ flavor }) => flavor)).size, 9);
  assert.equal(new Set(steps.map(({ service }) => service)).size, 5);
  const failed = plans.filter((plan) => plan.some(({ isError }) => isError)).length;
  assert.ok(failed > 5 && failed < 60, `${failed} of 400 failed`);
});

function makeProcesses(count: number): readonly ProcessSpans[] {
  return Array.from({ length: count }, (_, index) => {
    return new ProcessSpans({ service: `shop-${index}`, index });
  });
}

const options: TraceOptions = {
  childSpans: 9,
  attributes: 0,
  attributeKeys: 10,
  attributeValues: 10,
  origin: ORIGIN_OTLP,
  flags: 1,
  random: seeded(1),
  clock: systemClock,
};

const idOf = (ids: Uint8Array, length: number, row: number): string =>
  Buffer.from(ids.subarray(length * row, length * row + length)).toString("hex");

test("makeTrace() gives every span an id of its own, and a parent in its trace", () => {
  const processes = makeProcesses(4);
  const nowUs = systemClock.nowUs();
  for (let count = 0; count < 50; count++) makeTrace(processes, options);
  const spans = processes.flatMap(({ batch }) =>
    Array.from({ length: batch.rows }, (_, row) => ({
      trace: idOf(batch.traceId, 16, row),
      span: idOf(batch.spanId, 8, row),
      parent: idOf(batch.parentSpanId, 8, row),
      startUs: batch.startUs[row]!,
      durationUs: batch.durationNs[row]! / 1_000,
    })),
  );
  assert.equal(spans.length, 500);
  const byId = new Map(spans.map((span) => [span.span, span]));
  assert.equal(byId.size, 500);
  assert.equal(new Set(spans.map(({ trace }) => trace)).size, 50);
  const roots = spans.filter(({ parent }) => parent === "0".repeat(16));
  assert.equal(roots.length, 50);
  for (const { trace, parent, startUs, durationUs } of spans) {
    if (parent !== "0".repeat(16)) assert.equal(byId.get(parent)?.trace, trace);
    // It has just ended, after it had begun a while ago.
    assert.ok(startUs + durationUs <= systemClock.nowUs());
    assert.ok(startUs > nowUs - 60e6 && Number.isInteger(startUs));
  }
});

test("makeTrace() says what each span is: process, kind, attributes, events, status", () => {
  const processes = makeProcesses(3);
  const random = seeded(3);
  for (let count = 0; count < 200; count++) makeTrace(processes, { ...options, random });
  const text = processes.map(({ batch }) => printSpans(batch)).join("\n");
  for (const part of [
    'service.name="shop-0"',
    'host.name="host-2"',
    "process.pid=1001",
    'scope 0 name="spoor-tracegen"',
    '"GET /api/orders/{id}" start=',
    "http.response.status_code=200",
    "http.response.status_code=503",
    "rpc.grpc.status_code=0",
    "rpc.grpc.status_code=14",
    'db.query.text="SELECT',
    "cache.hit=true",
    "cache.hit=false",
    '"cache miss"',
    'exception.type="TimeoutError"',
    "messaging.message.body.size=",
    'statusMessage="no answer',
  ]) {
    assert.ok(text.includes(part), part);
  }
  const { batch } = processes[1]!;
  const kinds = new Set(batch.kind.subarray(0, batch.rows));
  for (const kind of [KIND_SERVER, KIND_CLIENT, KIND_INTERNAL, KIND_PRODUCER, KIND_CONSUMER]) {
    assert.ok(kinds.has(kind), String(kind));
  }
  assert.ok(batch.statusCode.subarray(0, batch.rows).includes(STATUS_ERROR));
});

test("makeTrace() adds as many attributes as asked for, of different keys", () => {
  const [bare] = makeProcesses(1);
  makeTrace([bare!], { ...options, random: seeded(9) });
  const [more] = makeProcesses(1);
  const attributes = { attributes: 20, attributeKeys: 7, attributeValues: 2 };
  makeTrace([more!], { ...options, ...attributes, random: seeded(9) });
  const keys = [...printSpans(more!.batch).matchAll(/ {2}(attr_\d)="value_[01]"/g)];
  assert.equal(keys.length, 70, "no more than there are keys");
  assert.equal(new Set(keys.map(([, key]) => key)).size, 7);
  assert.ok(!printSpans(bare!.batch).includes("attr_"));
});

test("ProcessSpans is used again after it was sent", () => {
  const [process] = makeProcesses(1);
  makeTrace([process!], { ...options, random: seeded(2) });
  const first = process!.batch.rows;
  process!.reset();
  assert.deepEqual([process!.batch.rows, process!.oldestMs], [0, undefined]);
  makeTrace([process!], { ...options, random: seeded(2) });
  assert.equal(process!.batch.rows, first);
  assert.equal(process!.batch.resources, 1);
  assert.ok(process!.oldestMs !== undefined);
});
