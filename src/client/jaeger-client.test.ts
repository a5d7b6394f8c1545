// The same application code with jaeger-client and with this tracer: what users can see is the same.
//
//   scenario(tracer) ──▶ reported spans, carriers ──▶ one text, ids named in their order ──▶ equal
//
// Differences that are meant: ids are padded with zeros; a trace that a debug id starts is not
// also put to the sampler; logEvent() without a payload has no field `payload`; a finished span is
// closed to tags (jaeger-client goes on to change what has been reported); garbage in a carrier is no
// context (there it is an empty one).

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import * as opentracing from "opentracing";
import { initTracer } from "./init-tracer.ts";
import { InMemoryReporter } from "./reporters/in-memory-reporter.ts";
import type { Codec } from "./propagation/codec.ts";
import type { LogRecord, Tag } from "./span.ts";
import { TextMapCodec, ZipkinB3TextMapCodec } from "./text-map-codecs.ts";

// The package has no types; this is the part that the test uses.
interface SeenSpan extends opentracing.Span {
  readonly _operationName: string;
  readonly _startTime: number;
  readonly _duration: number;
  readonly _tags: readonly Tag[];
  readonly _logs: readonly LogRecord[];
  readonly _references: readonly opentracing.Reference[];
}
interface SeenContext {
  toString(): string;
}
interface SeenTracer extends Omit<opentracing.Tracer, "startSpan"> {
  startSpan(name: string, options?: object): SeenSpan;
}
interface JaegerClient {
  initTracer(config: object, options: object): SeenTracer;
  readonly ZipkinB3TextMapCodec: CodecClass;
  readonly TextMapCodec: CodecClass;
  readonly InMemoryReporter: new () => { readonly spans: readonly SeenSpan[] };
}

interface CodecClass {
  new (options: object): Pick<Codec, "inject" | "extract">;
}

const theirs = createRequire(import.meta.url)("jaeger-client") as JaegerClient;

type Scenario = (tracer: SeenTracer) => unknown;

const HTTP = opentracing.FORMAT_HTTP_HEADERS;
const TEXT = opentracing.FORMAT_TEXT_MAP;

function injected(tracer: SeenTracer, span: SeenSpan, format: string): object {
  const carrier = {};
  tracer.inject(span, format, carrier);
  return carrier;
}

function extractAndStart(tracer: SeenTracer, format: string, carrier: object): unknown {
  const context = tracer.extract(format, carrier);
  const tags = { "span.kind": "server" };
  const span = tracer.startSpan("server", { childOf: context, tags });
  span.log({ baggage: span.getBaggageItem("k1") ?? "none" }, 5).finish(10);
  return injected(tracer, span, format);
}

const scenarios: Readonly<Record<string, Scenario>> = {
  "a root with tags and logs": (tracer) => {
    const span = tracer.startSpan("a", { tags: { t: 1, u: "x" }, startTime: 1_000.5 });
    span.setTag("v", true).addTags({ w: null, x: [1] });
    span.log({ event: "e", n: 1 }, 1_001.25);
    span.logEvent("named", { p: 1 });
    span.setOperationName("b").finish(1_002);
  },
  "children and references": (tracer) => {
    const root = tracer.startSpan("root");
    const other = tracer.startSpan("other");
    const child = tracer.startSpan("child", { childOf: root });
    tracer.startSpan("by context", { childOf: child.context() }).finish();
    tracer
      .startSpan("follows", {
        references: [opentracing.followsFrom(other.context()), opentracing.childOf(root.context())],
      })
      .finish();
    tracer.startSpan("both", { childOf: other, references: [opentracing.childOf(root.context())] });
    tracer
      .startSpan("only follows", { references: [opentracing.followsFrom(child.context())] })
      .finish();
    child.finish();
    root.finish();
    other.finish();
  },
  "sampling.priority below its parent": (tracer) => {
    const root = tracer.startSpan("root");
    const child = tracer.startSpan("child", { childOf: root });
    child.setTag("sampling.priority", 1).setTag("sampling.priority", 1).setTag("a", 1);
    child.finish();
    root.finish();
    return [root, child].map((span) => injected(tracer, span, TEXT));
  },
  "sampling.priority among tags": (tracer) => {
    const one = tracer.startSpan("a", { tags: { x: 1, "sampling.priority": 1 } });
    one.finish();
    const two = tracer.startSpan("b", { tags: { "sampling.priority": 1 } });
    two.addTags({ y: 1, "sampling.priority": 0, z: 1 });
    two.finish();
    return injected(tracer, two, TEXT);
  },
  baggage: (tracer) => {
    const root = tracer.startSpan("root");
    root.setBaggageItem("Some_Key", "a b,c=d").setBaggageItem("some-key", "é");
    const child = tracer.startSpan("child", { childOf: root });
    child.setBaggageItem("k2", "v".repeat(3_000));
    child.finish();
    root.finish();
    return [
      child.getBaggageItem("SOME-KEY"),
      injected(tracer, root, HTTP),
      injected(tracer, root, TEXT),
    ];
  },
  "a context by headers": (tracer) =>
    extractAndStart(tracer, HTTP, {
      "uber-trace-id": "00000000000000aa:00000000000000bb:0:1",
      "uberctx-k1": "v%201",
    }),
  "a context by headers, URL-encoded": (tracer) =>
    extractAndStart(tracer, HTTP, { "Uber-Trace-Id": "aa%3Abb%3Acc%3A1" }),
  "a context that is not sampled": (tracer) =>
    extractAndStart(tracer, TEXT, { "uber-trace-id": "aa:bb:0:0" }),
  "a debug context": (tracer) => extractAndStart(tracer, TEXT, { "uber-trace-id": "aa:bb:0:3" }),
  garbage: (tracer) => extractAndStart(tracer, TEXT, { "uber-trace-id": "garbage" }),
  "baggage by hand": (tracer) =>
    extractAndStart(tracer, HTTP, { "jaeger-baggage": "k1=v1, k2=v2" }),
};

/** The same text for the same course of things, whatever the ids and times are. */
function print(spans: readonly SeenSpan[], result: unknown): string {
  const names = new Map<string, string>();
  const nameOf = (id: string): string => {
    const padded = id.padStart(16, "0");
    const known = names.get(padded) ?? `#${names.size}`;
    names.set(padded, known);
    return known;
  };
  const printContext = (context: object): string =>
    nameContext((context as SeenContext).toString());
  const nameContext = (text: string): string => {
    const [trace = "", span = "", parent = "", flags] = text.split(/:|%3A/);
    const parentName = /^0*$/.test(parent) ? "-" : nameOf(parent);
    return `${nameOf(trace)} ${nameOf(span)} ${parentName} ${flags}`;
  };
  const lines = spans.map((span) =>
    JSON.stringify([
      span._operationName,
      printContext(span.context()),
      span._startTime < 10_000 ? [span._startTime, span._duration] : "now",
      span._tags,
      span._logs.map(({ timestamp, fields }) => [timestamp < 10_000 ? timestamp : "now", fields]),
      span._references.map((one) => [one.type(), printContext(one.referencedContext())]),
    ]),
  );
  const text = JSON.stringify(result ?? null, (key, value: unknown) =>
    key === "uber-trace-id" ? nameContext(value as string) : value,
  );
  return [...lines, text].join("\n");
}

for (const [what, scenario] of Object.entries(scenarios)) {
  for (const [mode, param, options] of [
    ["sampled", 1, {}],
    ["not sampled", 0, {}],
    ["sharing span ids", 1, { shareRpcSpan: true }],
  ] as const) {
    test(`${what}, ${mode}: as with jaeger-client`, () => {
      const config = { serviceName: "s", sampler: { type: "const", param } };
      const reporter = new theirs.InMemoryReporter();
      const expected = scenario(theirs.initTracer(config, { ...options, reporter }));
      const ours = new InMemoryReporter();
      const tracer = initTracer(config, {
        ...options,
        reporter: ours,
        flushAtExit: false,
        global: false,
      });
      const result = scenario(tracer as unknown as SeenTracer);
      const seen = ours.spans as unknown as readonly SeenSpan[];
      assert.equal(print(seen, result), print(reporter.spans, expected));
    });
  }
}

const codecs: readonly (readonly [string, CodecClass, CodecClass, object])[] = [
  ["TextMapCodec", TextMapCodec, theirs.TextMapCodec, { contextKey: "x-trace" }],
  ["TextMapCodec", TextMapCodec, theirs.TextMapCodec, { urlEncoding: true, baggagePrefix: "b-" }],
  ["ZipkinB3TextMapCodec", ZipkinB3TextMapCodec, theirs.ZipkinB3TextMapCodec, {}],
];

for (const [name, Ours, Theirs, options] of codecs) {
  test(`${name} ${JSON.stringify(options)} writes what jaeger-client reads, and reads it`, () => {
    const config = { serviceName: "s", sampler: { type: "const", param: 1 } };
    const tracer = initTracer(config, { reporter: new InMemoryReporter(), flushAtExit: false });
    const span = tracer.startSpan("a").setBaggageItem("key", "a b");
    const carrier: Record<string, string> = {};
    new Ours(options).inject(span.context(), carrier);
    const read = new Theirs(options).extract(carrier);
    assert.ok(read !== null && span.context().traceIdStr.endsWith(read.toTraceId()));
    const back: Record<string, string> = {};
    new Theirs(options).inject(read, back);
    const again = new Ours(options).extract(back);
    assert.equal(again?.spanIdStr, span.context().spanIdStr);
    assert.deepEqual(again?.baggage?.["key"], "a b");
  });
}
