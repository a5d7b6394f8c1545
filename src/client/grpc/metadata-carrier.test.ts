// A context goes into metadata and comes out of it, with the tracers and the headers that there are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { Span, SpanContext, Tracer } from "opentracing";
import { makeClientTracer, makeJaegerTracer } from "../../../test/recording-tracer.ts";
import { extractContext, injectSpan } from "./metadata-carrier.ts";

class CarrierTracer extends Tracer {
  readonly #headers: Record<string, unknown>;
  seen: unknown;

  constructor(headers: Record<string, unknown>) {
    super();
    this.#headers = headers;
  }

  override inject(_context: unknown, _format: string, carrier: object): void {
    Object.assign(carrier, this.#headers);
  }

  override extract(format: string, carrier: unknown): SpanContext {
    this.seen = [format, carrier];
    return new SpanContext();
  }
}

test("injectSpan() writes into a copy, over what was there", () => {
  const metadata = new Metadata({ waitForReady: true });
  metadata.set("x-mine", "1");
  metadata.set("uber-trace-id", "old");
  const copy = injectSpan(new CarrierTracer({ "Uber-Trace-Id": "new" }), new Span(), metadata);
  assert.deepEqual(copy.getMap(), { "x-mine": "1", "uber-trace-id": "new" });
  assert.deepEqual(copy.getOptions(), { waitForReady: true });
  assert.deepEqual(metadata.getMap(), { "x-mine": "1", "uber-trace-id": "old" });
});

test("injectSpan() leaves out what metadata cannot take, and only that", () => {
  const headers = { a: "1", "b c": "2", d: "Zoë", "e-bin": "text", f: 3, g: "line\nbreak", h: "4" };
  const copy = injectSpan(new CarrierTracer(headers), new Span(), new Metadata());
  assert.deepEqual(copy.getMap(), { a: "1", f: "3", h: "4" });
});

test("extractContext() shows every header once, several values joined by commas", () => {
  const metadata = new Metadata();
  metadata.add("baggage", "a=1");
  metadata.add("baggage", "b=2,c=3");
  metadata.set("traceparent", "00-1");
  metadata.set("raw-bin", Buffer.from([1, 2]));
  metadata.add("__proto__", "x");
  metadata.add("__proto__", "y");
  const tracer = new CarrierTracer({});
  extractContext(tracer, metadata);
  const [format, carrier] = tracer.seen as [string, Record<string, unknown>];
  assert.equal(format, "http_headers");
  assert.deepEqual(
    { ...carrier },
    { baggage: "a=1,b=2,c=3", traceparent: "00-1", "raw-bin": "AQI=" },
  );
});

const tracers: readonly (readonly [name: string, make: () => Tracer])[] = [
  ["ours, Jaeger's headers", () => makeClientTracer("a")],
  ["ours, W3C's headers", () => makeClientTracer("a", ["w3c"])],
  ["ours, B3 and Jaeger's headers", () => makeClientTracer("a", ["b3", "jaeger"])],
  ["jaeger-client", () => makeJaegerTracer("a")],
];

for (const [name, make] of tracers) {
  test(`injectSpan() and extractContext() carry a context and its baggage: ${name}`, () => {
    const tracer = make();
    const span = tracer.startSpan("a");
    span.setBaggageItem("user", "Zoë, 1 & 2");
    const context = extractContext(tracer, injectSpan(tracer, span, new Metadata()));
    assert.equal(context?.toTraceId(), span.context().toTraceId());
    assert.equal(context?.toSpanId(), span.context().toSpanId());
    const child = tracer.startSpan("b", { childOf: context });
    assert.equal(child.getBaggageItem("user"), "Zoë, 1 & 2");
  });

  test(`extractContext() of garbage is no context: ${name}`, () => {
    const metadata = new Metadata();
    for (const key of ["uber-trace-id", "traceparent", "b3", "x-b3-traceid"]) {
      metadata.set(key, "%%% not:a;context");
    }
    const tracer = make();
    const context = extractContext(tracer, metadata);
    const span = tracer.startSpan("a", context === null ? {} : { childOf: context });
    assert.match(span.context().toTraceId(), /^[0-9a-f]{1,32}$/);
  });
}
