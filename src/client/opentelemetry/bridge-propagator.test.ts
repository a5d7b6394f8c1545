// Headers of the client through OpenTelemetry's propagation, with what its form of a context cannot hold.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ROOT_CONTEXT,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  trace,
} from "@opentelemetry/api";
import { initTracer } from "../init-tracer.ts";
import { InMemoryReporter } from "../reporters/in-memory-reporter.ts";
import { BridgePropagator } from "./bridge-propagator.ts";
import type { BridgeSpan } from "./bridge-span.ts";
import { BridgeTracer } from "./bridge-tracer.ts";

const reporter = new InMemoryReporter();
const tracer = initTracer(
  {
    serviceName: "bridged",
    sampler: { type: "const", param: 1 },
    propagation: ["jaeger", "w3c"],
  },
  { reporter, flushAtExit: false },
);
const propagator = new BridgePropagator(() => tracer);
const otel = new BridgeTracer(() => tracer, { name: "library", version: undefined });

const extract = (carrier: object): ReturnType<typeof propagator.extract> =>
  propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);

test("headers are the client's, with baggage of either side", () => {
  const span = otel.startSpan("caller") as BridgeSpan;
  const { traceId, spanId } = span.spanContext();
  const baggage = propagation.createBaggage({ tenant: { value: "north" } });
  const inside = propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, span), baggage);
  span.client.setBaggageItem("zone", "b"); // after its context has been read
  const headers: Record<string, string> = {};
  propagator.inject(inside, headers, defaultTextMapSetter);
  assert.equal(headers["uberctx-zone"], "b");
  assert.equal(headers["traceparent"], `00-${traceId}-${spanId}-01`);
  assert.match(headers["uber-trace-id"] ?? "", new RegExp(`:${spanId}:0:1$`));
  assert.equal(headers["uberctx-tenant"], "north");
  for (const name of ["uber-trace-id", "traceparent"]) assert(propagator.fields().includes(name));

  const found = extract(headers);
  assert.equal(propagation.getBaggage(found)?.getEntry("tenant")?.value, "north");
  assert.equal(trace.getSpanContext(found)?.isRemote, true);
  otel.startSpan("callee", {}, found).end();
  const [child] = reporter.spans.splice(0);
  assert.equal(child?.context().parentIdStr, spanId);
  assert.equal(child?.getBaggageItem("tenant"), "north");
});

test("tracestate goes through, also in several headers", () => {
  const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
  const found = extract({ traceparent, tracestate: ["a=1", "b=2"] });
  assert.equal(trace.getSpanContext(found)?.traceState?.serialize(), "a=1,b=2");
  const headers: Record<string, string> = {};
  propagator.inject(found, headers, defaultTextMapSetter);
  assert.equal(headers["traceparent"], traceparent);
  assert.equal(headers["tracestate"], "a=1,b=2");
});

test("headers without a span: garbage changes nothing, a debug id starts a debug trace", () => {
  assert.equal(extract({ "uber-trace-id": "x:y", traceparent: "00-0" }), ROOT_CONTEXT);
  const found = extract({ "jaeger-debug-id": "help" });
  assert.equal(trace.getSpanContext(found), undefined);
  otel.startSpan("debugged", {}, found).end();
  const [span] = reporter.spans.splice(0);
  assert.equal(span?.context().isDebug(), true);
  assert(span._tags.some(({ key, value }) => key === "jaeger-debug-id" && value === "help"));
});

test("headers with baggage alone leave the decision to the sampler", () => {
  const found = extract({ "uberctx-tenant": "north", baggage: "zone=b" });
  otel.startSpan("callee", {}, found).end();
  const [span] = reporter.spans.splice(0);
  assert.equal(span?.context().isSampled(), true);
  assert.equal(span?.getBaggageItem("tenant"), "north");
});

test("inject() writes nothing for a context without a span", () => {
  const headers: Record<string, string> = {};
  propagator.inject(ROOT_CONTEXT, headers, defaultTextMapSetter);
  assert.deepEqual(headers, {});
});
