// What reports through OpenTelemetry's API reports through the client: the parts of a span, its parent from
// either side, headers; with the real instrumentation of http and gRPC at the end.
//
//   API, instrumentation ─▶ registerOpenTelemetry({ tracer }) ─▶ InMemoryReporter.spans

import assert from "node:assert/strict";
import { once } from "node:events";
import type * as Http from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type * as Grpc from "@grpc/grpc-js";
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  createContextKey,
  trace,
} from "@opentelemetry/api";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { GrpcInstrumentation } from "@opentelemetry/instrumentation-grpc";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { activeSpan, runWithSpan } from "./active-span.ts";
import { initTracer } from "./init-tracer.ts";
import { type OpenTelemetryBridge, registerOpenTelemetry } from "./opentelemetry.ts";
import { registerOpenTelemetry as registerLater } from "./load-opentelemetry.ts";
import { InMemoryReporter } from "./reporters/in-memory-reporter.ts";
import type { Span } from "./span.ts";
import type { Tracer } from "./tracer.ts";
import { runUntraced } from "./untraced.ts";

/** Instrumentation takes hold of what is loaded by `require`. */
const require = createRequire(import.meta.url);

/** One for all tests: a module is given to be wrapped only the first time that it is required. */
const instrumentation = new HttpInstrumentation({ enabled: false });

let reporter: InMemoryReporter;
let tracer: Tracer;
let bridge: OpenTelemetryBridge;

beforeEach(() => {
  reporter = new InMemoryReporter();
  const sampler = { type: "const", param: 1 };
  tracer = initTracer({ serviceName: "bridged", sampler, traceId128bit: true }, { reporter });
  bridge = registerOpenTelemetry({ tracer });
});

afterEach(() => {
  bridge.unregister();
  void tracer.close();
});

const otel = (version?: string): ReturnType<typeof trace.getTracer> =>
  trace.getTracer("library", version);

function only(): Span {
  assert.equal(reporter.spans.length, 1);
  return reporter.spans[0]!;
}

function tagsOf(span: Span): Record<string, unknown> {
  return Object.fromEntries(span._tags.map(({ key, value }) => [key, value]));
}

/** Tags of the span alone: not those of the sampler and of the scope. */
function ownTags(span: Span): Record<string, unknown> {
  const all = Object.entries(tagsOf(span));
  return Object.fromEntries(all.filter(([key]) => !/^(?:sampler|otel\.scope)\./.test(key)));
}

test("startSpan() makes a span of the client: name, kind, scope, attributes, times", () => {
  const attributes = { "http.method": "GET", size: 7, ratio: 0.5, ok: true, list: ["a", "b"] };
  const options = { kind: SpanKind.SERVER, attributes };
  const span = otel("1.2").startSpan("first", { ...options, startTime: [1_700_000_000, 5e8] });
  span.setAttribute("size", 8).setAttributes({ late: "x", none: undefined });
  span.updateName("second");
  span.end(1_700_000_001_000);
  const made = only();
  assert.equal(made._operationName, "second");
  assert.equal(made._startTime, 1_700_000_000_500);
  assert.equal(made._duration, 500);
  const { list, ...tags } = tagsOf(made);
  assert.deepEqual(list, ["a", "b"]);
  assert.equal(made._tags.filter(({ key }) => key === "size").length, 1, "replaced, not added");
  assert.deepEqual(
    { ...tags, "sampler.type": 0, "sampler.param": 0 },
    {
      "span.kind": "server",
      "otel.scope.name": "library",
      "otel.scope.version": "1.2",
      "http.method": "GET",
      size: 8,
      ratio: 0.5,
      ok: true,
      late: "x",
      "sampler.type": 0,
      "sampler.param": 0,
    },
  );
  const { traceId, spanId, traceFlags } = span.spanContext();
  assert.equal(traceId, made.context().traceIdStr.padStart(32, "0"));
  assert.equal(spanId, made.context().spanIdStr);
  assert.equal(traceFlags, 1);
});

test("addEvent() and recordException() become logs", () => {
  const span = otel().startSpan("logs");
  span.addEvent("plain", 1_700_000_000_000);
  span.addEvent("rich", { a: 1 }, new Date(1_700_000_000_001));
  span.recordException(new TypeError("broken"), 1_700_000_000_002);
  span.recordException("text");
  span.end();
  const logs = only()._logs.map(({ timestamp, fields }) => ({
    timestamp,
    ...Object.fromEntries(fields.map(({ key, value }) => [key, value])),
  }));
  const { "exception.stacktrace": stack, ...third } = logs[2] as Record<string, unknown>;
  assert.match(String(stack), /^TypeError: broken\n/);
  assert.deepEqual(
    [logs[0], logs[1], third],
    [
      { timestamp: 1_700_000_000_000, event: "plain" },
      { timestamp: 1_700_000_000_001, event: "rich", a: 1 },
      {
        timestamp: 1_700_000_000_002,
        event: "exception",
        "exception.type": "TypeError",
        "exception.message": "broken",
      },
    ],
  );
  assert.equal((logs[3] as Record<string, unknown>)["exception.message"], "text");
});

test("setStatus() becomes tags, and OK is the last word", () => {
  const { ERROR, OK, UNSET } = SpanStatusCode;
  const cases = [
    [[{ code: UNSET }], {}],
    [
      [{ code: ERROR, message: "why" }, { code: UNSET }],
      { error: true, "otel.status_code": "ERROR", "otel.status_description": "why" },
    ],
    [
      [{ code: OK }, { code: ERROR, message: "too late" }],
      { error: false, "otel.status_code": "OK" },
    ],
  ] as const;
  for (const [statuses, expected] of cases) {
    reporter.clear();
    const span = otel().startSpan("status");
    for (const status of statuses) span.setStatus(status);
    span.end();
    assert.deepEqual(ownTags(only()), { "span.kind": "internal", ...expected });
  }
});

test("links become references and never the parent", () => {
  const [one, two] = [otel().startSpan("one"), otel().startSpan("two")];
  const attributes = { "opentracing.ref_type": "child_of" };
  const links = [{ context: one.spanContext() }];
  const span = otel().startSpan("linked", { links });
  span.addLink({ context: two.spanContext(), attributes });
  span.addLinks([{ context: { traceId: "0", spanId: "0", traceFlags: 0 } }]);
  span.end();
  const made = only();
  assert.equal(made.context().parentIdStr, null);
  assert.deepEqual(
    made._references.map((one) => [one.type(), one.referencedContext().toSpanId()]),
    [
      ["follows_from", one.spanContext().spanId],
      ["child_of", two.spanContext().spanId],
    ],
  );
});

test("a span of the client is the parent of OpenTelemetry's, and the other way round", async () => {
  const outer = tracer.startSpan("outer");
  await runWithSpan(outer, () =>
    otel().startActiveSpan("middle", async (middle) => {
      assert.equal(activeSpan()?.context().spanIdStr, middle.spanContext().spanId);
      await setImmediate();
      const inner = tracer.startSpan("inner", { childOf: activeSpan() });
      runWithSpan(inner, () => {
        const last = otel().startSpan("last");
        assert.equal(trace.getActiveSpan()?.spanContext().spanId, inner.context().spanIdStr);
        last.end();
        otel().startSpan("alone", { root: true }).end();
        context.with(ROOT_CONTEXT, () => assert.equal(activeSpan(), undefined));
      });
      inner.finish();
      middle.end();
    }),
  );
  outer.finish();
  const parents = new Map(
    reporter.spans.map((span) => [span._operationName, span.context().parentIdStr]),
  );
  const idOf = (name: string): string =>
    reporter.spans.find((span) => span._operationName === name)!.context().spanIdStr;
  assert.deepEqual(Object.fromEntries(parents), {
    outer: null,
    middle: idOf("outer"),
    inner: idOf("middle"),
    last: idOf("inner"),
    alone: null,
  });
});

test("values of OpenTelemetry's context stay while the client's span changes", () => {
  const key = createContextKey("mine");
  context.with(ROOT_CONTEXT.setValue(key, 7), () => {
    const span = tracer.startSpan("inside");
    runWithSpan(span, () => {
      assert.equal(context.active().getValue(key), 7);
      assert.equal(trace.getActiveSpan()?.spanContext().spanId, span.context().spanIdStr);
    });
    assert.equal(trace.getActiveSpan(), undefined);
  });
});

test("a context of somebody else's making is a parent too; an unsampled one is not reported", () => {
  const remote = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 0 };
  const inside = trace.setSpanContext(ROOT_CONTEXT, remote);
  const span = otel().startSpan("unsampled", {}, inside);
  assert.equal(span.isRecording(), false);
  assert.equal(span.spanContext().traceId, remote.traceId);
  span.end();
  assert.equal(reporter.spans.length, 0);
});

test("what the tracer itself asks of the network, and what says so, starts no span", () => {
  const suppressed = ROOT_CONTEXT.setValue(
    createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING"),
    true,
  );
  assert.equal(otel().startSpan("suppressed", {}, suppressed).isRecording(), false);
  runUntraced(() => assert.equal(otel().startSpan("untraced").isRecording(), false));
});

test("a span that has ended takes no more", () => {
  const span = otel().startSpan("ended");
  assert.equal(span.isRecording(), true);
  span.end();
  span.setAttribute("late", 1).addEvent("late").setStatus({ code: SpanStatusCode.ERROR });
  span.end();
  assert.deepEqual(ownTags(only()), { "span.kind": "internal" });
  assert.equal(only()._logs.length, 0);
});

test("registerOpenTelemetry() refuses to be the second, and can be undone", () => {
  assert.throws(() => registerOpenTelemetry({ tracer }), /tracer provider already/);
  bridge.unregister();
  bridge = registerOpenTelemetry({ tracer });
});

test("registerOpenTelemetry() of spoor/client does the same with the global tracer, when it is loaded", async () => {
  bridge.unregister();
  const sampler = { type: "const", param: 1 };
  const global = initTracer({ serviceName: "global", sampler }, { reporter, global: true });
  const proxy = trace.getTracer("early");
  const loaded = await registerLater();
  proxy.startSpan("first").end();
  assert.equal(only().serviceName, "global");
  loaded.unregister();
  await global.close();
});

test("instrumentation-http reports through the client, one trace over the wire", async () => {
  const disable = registerInstrumentations({ instrumentations: [instrumentation] });
  const http = require("node:http") as typeof Http;
  const server = http.createServer((request, response) => {
    tracer.startSpan("work", { childOf: activeSpan() }).finish();
    response.end(request.headers["uber-trace-id"]);
  });
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const span = tracer.startSpan("outside");
    const response = await runWithSpan(span, async () => {
      const [answer] = (await once(http.get({ port, path: "/x" }), "response")) as [
        Http.IncomingMessage,
      ];
      answer.setEncoding("utf8");
      return (await answer.toArray()).join("");
    });
    span.finish();
    checkChain(["outside", "client", "server", "work"]);
    assert.equal(response, findSpan("client").context().toString());
    assert.equal(
      tagsOf(findSpan("server"))["otel.scope.name"],
      "@opentelemetry/instrumentation-http",
    );
  } finally {
    disable();
    instrumentation.disable();
    server.close();
  }
});

test("reports to a collector are not traced, though http is", async () => {
  const disable = registerInstrumentations({ instrumentations: [instrumentation] });
  const http = require("node:http") as typeof Http;
  syncBuiltinESMExports(); // the reporter has imported it
  const paths: unknown[] = [];
  const collector = http.createServer((request, response) => {
    paths.push(request.url);
    response.end();
  });
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  const { port } = collector.address() as AddressInfo;
  const collectorEndpoint = `http://127.0.0.1:${port}/api/traces`;
  const sampler = { type: "const", param: 1 };
  const reporting = initTracer({ serviceName: "r", sampler, reporter: { collectorEndpoint } });
  try {
    reporting.startSpan("one").finish();
    await reporting.close();
    assert.equal(paths.length, 1);
    const kinds = reporter.spans.map((span) => tagsOf(span)["span.kind"]);
    assert.deepEqual(kinds, ["server"], "the collector's, which is instrumented, too");
  } finally {
    collector.close();
    disable();
    instrumentation.disable();
    syncBuiltinESMExports();
  }
});

test("instrumentation-grpc reports through the client, errors included", async () => {
  const wrapping = new GrpcInstrumentation();
  const disable = registerInstrumentations({ instrumentations: [wrapping] });
  const grpc = require("@grpc/grpc-js") as typeof Grpc;
  const method = {
    path: "/shop.Catalog/Get",
    requestStream: false,
    responseStream: false,
    requestSerialize: (text: string) => Buffer.from(text),
    requestDeserialize: (bytes: Buffer) => bytes.toString(),
    responseSerialize: (text: string) => Buffer.from(text),
    responseDeserialize: (bytes: Buffer) => bytes.toString(),
  };
  const Client = grpc.makeGenericClientConstructor({ Get: method }, "shop.Catalog");
  const server = new grpc.Server();
  server.addService(Client.service, {
    Get(_call: unknown, done: Grpc.sendUnaryData<string>) {
      tracer.startSpan("work", { childOf: activeSpan() }).finish();
      done({ code: grpc.status.NOT_FOUND, details: "none" });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, at) => {
      if (error === null) resolve(at);
      else reject(error);
    });
  });
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  try {
    const span = tracer.startSpan("outside");
    await runWithSpan(
      span,
      () =>
        new Promise<void>((resolve) => {
          (client["Get"] as (...args: unknown[]) => void)("x", () => resolve());
        }),
    );
    span.finish();
    checkChain(["outside", "client", "server", "work"]);
    assert.equal(tagsOf(findSpan("client"))["error"], true);
    assert.equal(tagsOf(findSpan("server"))["rpc.grpc.status_code"], grpc.status.NOT_FOUND);
  } finally {
    client.close();
    server.forceShutdown();
    disable();
    wrapping.disable();
  }
});

/** By its kind or, for those that have none, by its name. */
function findSpan(what: string): Span {
  const found = reporter.spans.filter(
    (span) => tagsOf(span)["span.kind"] === what || span._operationName === what,
  );
  assert.equal(found.length, 1, `${what}: ${found.length} spans`);
  return found[0]!;
}

function checkChain(whats: readonly string[]): void {
  const spans = whats.map(findSpan);
  assert.equal(reporter.spans.length, spans.length);
  for (const [at, span] of spans.entries()) {
    const parent = spans[at - 1]?.context().spanIdStr ?? null;
    assert.equal(span.context().parentIdStr, parent, whats[at]);
    assert.equal(span.context().traceIdStr, spans[0]!.context().traceIdStr, whats[at]);
  }
}
