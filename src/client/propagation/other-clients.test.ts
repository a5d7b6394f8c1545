// Contexts cross to and from other people's libraries in this process, baggage included.
//
//   npm jaeger-client 3.19   uber-trace-id + uberctx-*, x-b3-*   text_map and http_headers
//   OpenTelemetry JS         traceparent, tracestate, baggage    as its SDK registers itself
//
// Not here: Go (test/e2e/go-propagation.test.ts).

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import { ROOT_CONTEXT, createTraceState, propagation, trace } from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { SpanContext } from "../span-context.ts";
import { type Codecs, makeCodecs } from "./codec.ts";
import type { Propagation } from "./header-formats.ts";

// The part of jaeger-client that is used here: it has no types of its own.
interface JaegerContext {
  readonly traceIdStr: string;
  readonly spanIdStr: string;
  readonly baggage: Readonly<Record<string, string>>;
  isSampled(): boolean;
  isDebug(): boolean;
  isDebugIDContainerOnly(): boolean;
}
interface JaegerSpan {
  context(): JaegerContext & { readonly parentIdStr: string };
  setBaggageItem(key: string, value: string): JaegerSpan;
  finish(): void;
}
type Carrier = Record<string, string>;
interface JaegerTracer {
  startSpan(name: string, options: { childOf?: JaegerContext; tags?: object }): JaegerSpan;
  inject(context: JaegerContext, format: string, carrier: Carrier): void;
  extract(format: string, carrier: Carrier): JaegerContext;
  registerInjector(format: string, codec: object): void;
  registerExtractor(format: string, codec: object): void;
  close(): void;
}
type Made<T> = new (...args: readonly unknown[]) => T;
interface JaegerClient {
  readonly Tracer: Made<JaegerTracer>;
  readonly ConstSampler: Made<object>;
  readonly InMemoryReporter: Made<object>;
  readonly ZipkinB3TextMapCodec: Made<object>;
}

const jaeger = createRequire(import.meta.url)("jaeger-client") as JaegerClient;

const TRACE = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN = "e457b5a2e4d86bd1";
const BAGGAGE = { user: "Amélie +1 %41", "tenant.id": "a,b;c=d" };

const tracers: JaegerTracer[] = [];

after(() => {
  for (const tracer of tracers) tracer.close();
});

function openTracer(format: "jaeger" | "b3", isSampled: boolean, isLong: boolean): JaegerTracer {
  const { Tracer, InMemoryReporter, ConstSampler, ZipkinB3TextMapCodec } = jaeger;
  const options = { traceId128bit: isLong };
  const sampler = new ConstSampler(isSampled);
  const tracer = new Tracer("other", new InMemoryReporter(), sampler, options);
  tracers.push(tracer);
  if (format === "b3") {
    for (const [name, urlEncoding] of [
      ["text_map", false],
      ["http_headers", true],
    ] as const) {
      const codec = new ZipkinB3TextMapCodec({ urlEncoding });
      tracer.registerInjector(name, codec);
      tracer.registerExtractor(name, codec);
    }
  }
  return tracer;
}

function openCodecs(...formats: Propagation[]): Codecs {
  const onGarbage = (reason: string): void => assert.fail(`garbage: ${reason}`);
  return makeCodecs({ propagation: formats, onGarbage });
}

function makeContext(traceId: string, flags: number): SpanContext {
  let context = SpanContext.withStringIds(traceId, SPAN, null, flags);
  for (const [key, value] of Object.entries(BAGGAGE)) context = context.withBaggageItem(key, value);
  return context;
}

/** jaeger-client writes ids without the zeros in front. */
const pad = (id: string): string => id.padStart(id.length > 16 ? 32 : 16, "0");

for (const format of ["jaeger", "b3"] as const) {
  for (const carrierFormat of ["text_map", "http_headers"] as const) {
    for (const isSampled of [true, false]) {
      const what = `${format}, ${carrierFormat}, ${isSampled ? "sampled" : "not sampled"}`;

      test(`jaeger-client, ${what}: its context comes to us`, () => {
        for (const isLong of [true, false]) {
          const tracer = openTracer(format, isSampled, isLong);
          const span = tracer.startSpan("parent", {});
          for (const [key, value] of Object.entries(BAGGAGE)) span.setBaggageItem(key, value);
          const carrier: Carrier = {};
          tracer.inject(span.context(), carrierFormat, carrier);
          const context = openCodecs(format)[carrierFormat].extract(carrier);
          assert.equal(context?.traceIdStr, pad(span.context().traceIdStr));
          assert.equal(context.spanIdStr, pad(span.context().spanIdStr));
          assert.equal(context.isSampled(), isSampled);
          assert.deepEqual({ ...context.baggage }, BAGGAGE);
        }
      });

      test(`jaeger-client, ${what}: our context comes to it`, () => {
        for (const traceId of [TRACE, SPAN]) {
          const carrier: Carrier = {};
          const context = makeContext(traceId, isSampled ? 1 : 0);
          openCodecs(format)[carrierFormat].inject(context, carrier);
          const tracer = openTracer(format, !isSampled, true);
          const extracted = tracer.extract(carrierFormat, carrier);
          const child = tracer.startSpan("child", { childOf: extracted }).context();
          assert.equal(pad(child.traceIdStr), traceId);
          assert.equal(child.parentIdStr, SPAN);
          assert.equal(child.isSampled(), isSampled);
          assert.deepEqual(child.baggage, BAGGAGE);
        }
      });
    }
  }

  test(`jaeger-client, ${format}: debug crosses both ways`, () => {
    const tracer = openTracer(format, false, true);
    const tags = { "sampling.priority": 1 };
    const span = tracer.startSpan("debug", { tags });
    const there: Carrier = {};
    tracer.inject(span.context(), "http_headers", there);
    const codec = openCodecs(format).http_headers;
    assert.equal(codec.extract(there)?.flags, 3);
    const back: Carrier = {};
    codec.inject(makeContext(TRACE, 3), back);
    assert.equal(tracer.extract("http_headers", back).isDebug(), true);
  });
}

test("jaeger-client reads a debug id that we pass on, and our baggage without a trace", () => {
  const codec = openCodecs("jaeger").http_headers;
  const context = codec.extract({ "jaeger-debug-id": "why%20slow", "jaeger-baggage": "a=1" });
  assert.ok(context);
  const carrier: Carrier = {};
  codec.inject(context, carrier);
  const extracted = openTracer("jaeger", false, false).extract("http_headers", carrier);
  assert.equal(extracted.isDebugIDContainerOnly(), true);
  assert.deepEqual(extracted.baggage, { a: "1" });
});

test("OpenTelemetry JS: contexts cross both ways, with tracestate and baggage", async () => {
  const provider = new NodeTracerProvider();
  provider.register(); // traceparent, tracestate, baggage
  try {
    const codec = openCodecs("w3c").http_headers;
    for (const isSampled of [true, false]) {
      const flags = isSampled ? 1 : 0;
      const state = "vendor=1,other@vendor=2";
      const traceState = createTraceState(state);
      const spanContext = { traceId: TRACE, spanId: SPAN, traceFlags: flags, traceState };
      const items = Object.entries(BAGGAGE).map(([key, value]) => [key, { value }] as const);
      const baggage = propagation.createBaggage(Object.fromEntries(items));
      const theirs = propagation.setBaggage(
        trace.setSpanContext(ROOT_CONTEXT, spanContext),
        baggage,
      );
      const there: Carrier = {};
      propagation.inject(theirs, there);
      const ours = codec.extract(there);
      assert.equal(ours?.toString(), `${TRACE}:${SPAN}:0:${flags}`);
      assert.equal(ours.traceState, state);
      assert.deepEqual({ ...ours.baggage }, BAGGAGE);

      const back: Carrier = {};
      codec.inject(ours, back);
      assert.deepEqual(back, there); // to the letter
      const found = propagation.extract(ROOT_CONTEXT, back);
      const { traceState: foundState, ...ids } = trace.getSpanContext(found) ?? {};
      assert.deepEqual(ids, { traceId: TRACE, spanId: SPAN, traceFlags: flags, isRemote: true });
      assert.equal(foundState?.serialize(), state);
      const entries = propagation.getBaggage(found)?.getAllEntries() ?? [];
      const read = Object.fromEntries(entries.map(([key, { value }]) => [key, value]));
      assert.deepEqual(read, BAGGAGE);
    }
  } finally {
    trace.disable();
    propagation.disable();
    await provider.shutdown();
  }
});
