// What the interceptors can be told, and that nothing of it, nor of a tracer, can fail a call.
//
// Not here: how spans begin and end (index.test.ts).

import assert from "node:assert/strict";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { type Span as OpenTracingSpan, Tracer, initGlobalTracer } from "opentracing";
import {
  KINDS,
  type Message,
  REFUSAL,
  callEcho,
  openEcho,
  pathOf,
} from "../../../test/echo-grpc.ts";
import { type SeenSpan, makeJaegerTracer, recordSpans } from "../../../test/recording-tracer.ts";
import { checkSpans, makeRequests, openRig } from "../../../test/traced-echo.ts";
import { until } from "../../../test/until.ts";
import {
  type InterceptorOptions,
  openTracingClientInterceptor,
  openTracingServerInterceptor,
} from "./index.ts";

test("filter() leaves calls out, at each side for itself", async (t) => {
  const asked: unknown[] = [];
  const filter = (method: string, metadata: grpc.Metadata): boolean => {
    asked.push([method, metadata.get("x-probe")]);
    return method !== pathOf("unary");
  };
  const metadata = new grpc.Metadata();
  metadata.set("x-probe", "1");
  const rig = await openRig(t, { client: { filter }, server: { filter } });
  assert.equal((await rig.call("unary", "ok", { metadata }).done).code, grpc.status.OK);
  assert.equal((await rig.call("unary", "fail", { metadata }).done).details, REFUSAL);
  assert.equal((await rig.call("bidi", "ok").done).code, grpc.status.OK);
  await until(() => rig.recorded.running() === 0);
  const names = rig.recorded.spans().map((span) => span.name);
  assert.deepEqual(names, ["root", "root", "root", pathOf("bidi"), pathOf("bidi")]);
  assert.deepEqual(asked[0], [pathOf("unary"), ["1"]]);
  assert.equal(asked.length, 6);
});

test("operationName(), tags, tagRequest() and tagResponse() say what a span shows", async (t) => {
  const own: InterceptorOptions = {
    operationName: (method) => method.replace("/test.Echo/", "echo "),
    tags: { "peer.service": "echo", component: "net" },
    tagRequest: (request: Message, call) => ({ asked: `${request.text} of ${call.kind}` }),
    tagResponse: (response: Message, call) => {
      call.span.setTag("answered", `${response.text} at ${call.method}`);
    },
  };
  for (const kind of KINDS) {
    const rig = await openRig(t, { client: own, server: own });
    await rig.call(kind, "ok").done;
    const { client, servers } = await rig.ended();
    for (const span of [client, ...servers]) {
      assert.equal(span.name, `echo ${kind}`);
      const { component, asked, answered, "peer.service": peer } = span.tags;
      const side = span === client ? "client" : "server";
      const last = kind === "unary" || kind === "serverStream" ? "1" : "2";
      assert.deepEqual([component, peer], ["net", "echo"]);
      assert.deepEqual([asked, answered], [`1 of ${side}`, `${last} at ${pathOf(kind)}`]);
    }
  }
});

test("logMessages is a record a message, of a stream no more than 100", async (t) => {
  const logged = (span: SeenSpan): unknown[] =>
    span.logs.map((log) => `${String(log["message.type"])} ${String(log["message.id"])}`);
  const rig = await openRig(t, { client: { logMessages: true }, server: { logMessages: true } });
  await rig.call("serverStream", "ok").done;
  const { client, servers } = await rig.ended();
  const received = [1, 2, 3].map((number) => `received ${number}`);
  const sent = [1, 2, 3].map((number) => `sent ${number}`);
  assert.deepEqual(logged(client), ["sent 1", ...received]);
  assert.deepEqual(logged(servers[0]!), ["received 1", ...sent]);
  assert.equal(client.tags["grpc.messages.sent"], undefined);

  const logMessages = (message: Message) => ({ text: message.text });
  const long = await openRig(t, { client: { logMessages } });
  const requests = Array.from({ length: 150 }, (_, at) => ({ say: "ok", text: `${at}` }) as const);
  await long.call("clientStream", "ok", { requests }).done;
  const streamed = (await long.ended()).client;
  assert.equal(streamed.logs.length, 100);
  assert.equal(streamed.logs[99]?.["text"], "99");
  assert.equal(streamed.tags["grpc.messages.sent"], 150);
  assert.equal(streamed.tags["grpc.messages.received"], 1);
});

test("without a tracer the global one is taken, at the time of the call", async (t) => {
  const echo = await openEcho({ interceptors: [openTracingServerInterceptor()] });
  const client = new grpc.Client(`127.0.0.1:${echo.port}`, grpc.credentials.createInsecure(), {
    interceptors: [openTracingClientInterceptor()],
  });
  t.after(() => {
    client.close();
    echo.close();
    initGlobalTracer(new Tracer());
  });
  const call = { requests: makeRequests("ok") };
  assert.equal((await callEcho(client, "unary", call).done).code, grpc.status.OK);
  const recorded = recordSpans(makeJaegerTracer("global"));
  initGlobalTracer(recorded.tracer);
  await callEcho(client, "unary", call).done;
  await until(() => recorded.running() === 0);
  assert.equal(recorded.spans().length, 2);
});

test("what is no tracer is refused when an interceptor is made", () => {
  for (const tracer of [null, {}, { startSpan: () => {} }]) {
    const options = { tracer } as unknown as InterceptorOptions;
    assert.throws(() => openTracingClientInterceptor(options), { code: "bad-input" });
    assert.throws(() => openTracingServerInterceptor(options), { code: "bad-input" });
  }
});

/** Each throws at another moment of a call. */
const BROKEN_TRACERS: readonly (() => Tracer)[] = [
  () => breakTracer((tracer) => (tracer.startSpan = throwing)),
  () => breakTracer((tracer) => (tracer.inject = throwing)),
  () => breakTracer((tracer) => (tracer.extract = throwing)),
  () => breakSpan((span) => (span.setTag = throwing)),
  () => breakSpan((span) => (span.log = throwing)),
  () => breakSpan((span) => (span.addTags = throwing)),
  () => breakSpan((span) => (span.finish = throwing)),
];

function throwing(): never {
  throw new Error("tracing is broken");
}

function breakTracer(breakIt: (tracer: Tracer) => void): Tracer {
  const tracer = makeJaegerTracer("broken");
  breakIt(tracer);
  return tracer;
}

function breakSpan(breakIt: (span: OpenTracingSpan) => void): Tracer {
  return breakTracer((tracer) => {
    const start = tracer.startSpan.bind(tracer);
    tracer.startSpan = (name, options) => {
      const span = start(name, options);
      breakIt(span);
      return span;
    };
  });
}

for (const kind of KINDS) {
  test(`${kind}: a tracer that throws everywhere fails no call`, async (t) => {
    const thrown: unknown[] = [];
    const onError = (error: unknown): void => {
      thrown.push(error);
      throw error;
    };
    for (const broken of BROKEN_TRACERS) {
      const rig = await openRig(t, {
        client: { tracer: broken(), onError },
        server: { tracer: broken(), onError },
      });
      const calling = callEcho(rig.client, kind, { requests: makeRequests("ok") });
      assert.equal((await calling.done).code, grpc.status.OK);
      const refused = callEcho(rig.client, kind, { requests: makeRequests("fail") });
      assert.equal((await refused.done).details, REFUSAL);
    }
    assert.ok(thrown.length >= BROKEN_TRACERS.length);
  });

  test(`${kind}: functions of the application that throw fail no call and cost no span`, async (t) => {
    const fail = (): never => {
      throw new Error("not today");
    };
    const broken: InterceptorOptions = {
      filter: fail,
      operationName: fail,
      tagRequest: fail,
      tagResponse: fail,
      logMessages: fail,
    };
    const rig = await openRig(t, { client: broken, server: broken });
    assert.equal((await rig.call(kind, "ok").done).code, grpc.status.OK);
    checkSpans(kind, await rig.ended());
  });
}
