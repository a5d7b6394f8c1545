// Both interceptors on real grpc-js servers and clients: every kind of call × every way to end.
//
//   root ─▶ client span (one a call) ─▶ server span (one an attempt)
//
// Not here: options and broken tracers (interceptor-options.test.ts), other tracers (test/e2e).

import assert from "node:assert/strict";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { KINDS, REFUSAL, callEcho } from "../../../test/echo-grpc.ts";
import { makeClientTracer, makeJaegerTracer, recordSpans } from "../../../test/recording-tracer.ts";
import {
  checkError,
  checkSpans,
  checkSuccess,
  makeRequests,
  openRig,
} from "../../../test/traced-echo.ts";
import { until } from "../../../test/until.ts";
import { activeSpan, runWithSpan } from "../active-span.ts";
import type { Span } from "../span.ts";
import type { TracedCall } from "./index.ts";

/** Tries a call up to three times while a server is not available. */
const RETRYING = JSON.stringify({
  methodConfig: [
    {
      name: [{ service: "test.Echo" }],
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: "0.01s",
        maxBackoff: "0.01s",
        backoffMultiplier: 1,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
});

for (const kind of KINDS) {
  test(`${kind}: success is one span at each side, with what is known of the call`, async (t) => {
    const rig = await openRig(t);
    assert.equal((await rig.call(kind, "ok").done).code, grpc.status.OK);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    for (const span of [spans.client, ...spans.servers]) checkSuccess(span);
    assert.equal(spans.client.tags["peer.address"], `127.0.0.1:${rig.echo.port}`);
    assert.match(String(spans.servers[0]?.tags["peer.address"]), /^127\.0\.0\.1:\d+$/);
  });

  test(`${kind}: a refusal is an error at both sides, in the caller's words`, async (t) => {
    const rig = await openRig(t);
    const called = await rig.call(kind, "fail").done;
    assert.equal(called.code, grpc.status.INVALID_ARGUMENT);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    for (const span of [spans.client, ...spans.servers]) {
      checkError(span, grpc.status.INVALID_ARGUMENT, REFUSAL);
    }
  });

  test(`${kind}: a deadline ends both spans with its code and names it in a tag`, async (t) => {
    const rig = await openRig(t);
    const deadline = Date.now() + 150;
    const called = await rig.call(kind, "hang", { options: { deadline } }).done;
    assert.equal(called.code, grpc.status.DEADLINE_EXCEEDED);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    const text = new Date(deadline).toISOString();
    assert.equal(spans.client.tags["grpc.request.deadline"], text);
    assert.match(String(spans.servers[0]?.tags["grpc.request.deadline"]), /^\d{4}-.*Z$/);
    for (const span of [spans.client, ...spans.servers]) {
      checkError(span, grpc.status.DEADLINE_EXCEEDED);
    }
  });

  test(`${kind}: a cancel is logged and ends both spans`, async (t) => {
    const rig = await openRig(t);
    const calling = rig.call(kind, "hang");
    await until(() => rig.sights.some(([place]) => place === "later" || place === "start"));
    calling.cancel();
    assert.equal((await calling.done).code, grpc.status.CANCELLED);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    for (const span of [spans.client, ...spans.servers]) {
      checkError(span, grpc.status.CANCELLED);
      assert.equal(span.logs[0]?.["event"], "cancelled");
    }
  });

  test(`${kind}: a lost connection ends both spans`, async (t) => {
    const rig = await openRig(t);
    const calling = rig.call(kind, "hang");
    await until(() => rig.sights.length > 0);
    rig.echo.cut();
    assert.equal((await calling.done).code, grpc.status.UNAVAILABLE);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    checkError(spans.client, grpc.status.UNAVAILABLE);
    checkError(spans.servers[0]!, grpc.status.CANCELLED);
  });

  test(`${kind}: a server that is stopped ends both spans`, async (t) => {
    const rig = await openRig(t);
    const calling = rig.call(kind, "hang");
    await until(() => rig.sights.length > 0);
    rig.echo.stop();
    const { code } = await calling.done;
    assert.notEqual(code, grpc.status.OK);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    checkError(spans.client, code);
    checkError(spans.servers[0]!, grpc.status.CANCELLED);
  });

  test(`${kind}: retries are one span at the client and one an attempt at the server`, async (t) => {
    const rig = await openRig(t, { channel: { "grpc.service_config": RETRYING } });
    assert.equal((await rig.call(kind, "flaky").done).code, grpc.status.OK);
    const spans = await rig.ended();
    checkSpans(kind, spans, 3);
    checkSuccess(spans.client);
    const [first, second, third] = spans.servers;
    for (const refused of [first, second]) checkError(refused!, grpc.status.UNAVAILABLE, "not yet");
    checkSuccess(third!);
  });

  test(`${kind}: the span is active in all of the handler, the caller's in what it hears`, async (t) => {
    const rig = await openRig(t);
    const calling = rig.call(kind, "ok");
    await calling.done;
    const { root, servers } = await rig.ended();
    const wanted = kind === "unary" || kind === "serverStream" ? [] : ["data", "end"];
    for (const place of ["start", "later", ...wanted, "heard"]) {
      const seen = rig.sights.filter(([where]) => where === place);
      const expected = place === "heard" ? root.spanId : servers[0]?.spanId;
      assert.ok(seen.length > 0, place);
      for (const [, spanId] of seen) assert.equal(spanId, expected, place);
    }
  });

  test(`${kind}: the span is active where a handler hears of a cancel`, async (t) => {
    const rig = await openRig(t);
    const calling = rig.call(kind, "hang");
    await until(() => rig.sights.some(([place]) => place === "later"));
    calling.cancel();
    await calling.done;
    const { servers } = await rig.ended();
    await until(() => rig.sights.some(([place]) => place === "cancelled"));
    const seen = rig.sights.find(([place]) => place === "cancelled");
    assert.equal(seen?.[1], servers[0]?.spanId);
  });

  test(`${kind}: calls at the same time, also while connecting, hear their own caller's span`, async (t) => {
    const rig = await openRig(t);
    const { tracer } = rig.recorded;
    const roots = Array.from({ length: 8 }, (_, at) => tracer.startSpan(`caller ${at}`));
    const heard: [wanted: string, active: string | undefined][] = [];
    const calls = roots.map((root) =>
      runWithSpan(root as unknown as Span, () => {
        const hear = (): void => {
          heard.push([root.context().toSpanId(), activeSpan()?.context().toSpanId()]);
        };
        return callEcho(rig.client, kind, { requests: makeRequests("ok"), heard: hear }).done;
      }),
    );
    await Promise.all(calls);
    for (const root of roots) root.finish();
    assert.ok(heard.length >= roots.length);
    for (const [wanted, active] of heard) assert.equal(active, wanted);
    await until(() => rig.recorded.running() === 0);
    const parents = rig.recorded.spans().filter((span) => span.tags["span.kind"] === "client");
    assert.deepEqual(
      parents.map((span) => span.parentId),
      roots.map((root) => root.context().toSpanId()),
    );
  });
}

test("a handler that throws is an error of both spans", async (t) => {
  for (const kind of ["unary", "serverStream"] as const) {
    const rig = await openRig(t);
    assert.equal((await rig.call(kind, "throw").done).code, grpc.status.UNKNOWN);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    for (const span of [spans.client, ...spans.servers]) checkError(span, grpc.status.UNKNOWN);
  }
});

for (const kind of KINDS) {
  test(`${kind}: a response that cannot be written is the error that the caller sees`, async (t) => {
    const rig = await openRig(t);
    const called = await rig.call(kind, "unwritable").done;
    assert.equal(called.code, grpc.status.INTERNAL);
    const spans = await rig.ended();
    for (const span of [spans.client, ...spans.servers]) {
      checkError(span, grpc.status.INTERNAL, called.details);
    }
  });
}

test("a server that cannot be reached ends the client's span", async (t) => {
  const rig = await openRig(t);
  rig.echo.close();
  assert.equal((await rig.call("unary", "ok").done).code, grpc.status.UNAVAILABLE);
  const { client, servers } = await rig.ended();
  checkError(client, grpc.status.UNAVAILABLE);
  assert.deepEqual(servers, []);
});

test("calls without an active span are roots, and hear of none", async (t) => {
  const rig = await openRig(t);
  const heard: unknown[] = [];
  const requests = makeRequests("ok");
  await callEcho(rig.client, "bidi", { requests, heard: () => heard.push(activeSpan()) }).done;
  await until(() => rig.recorded.running() === 0);
  const [client, server] = rig.recorded.spans();
  assert.equal(client?.parentId, undefined);
  assert.equal(server?.parentId, client?.spanId);
  assert.ok(heard.length > 0 && heard.every((span) => span === undefined));
});

test("a trace goes on with npm's jaeger-client at the other side, and its baggage with it", async (t) => {
  const pairs = [
    [makeClientTracer("caller"), makeJaegerTracer("callee")],
    [makeJaegerTracer("caller"), makeClientTracer("callee")],
  ] as const;
  for (const [caller, callee] of pairs) {
    const recorded = [recordSpans(caller), recordSpans(callee)] as const;
    const baggage: unknown[] = [];
    const tagRequest = (_request: unknown, call: TracedCall): void => {
      baggage.push(call.span.getBaggageItem("user"));
    };
    const rig = await openRig(t, {
      client: { tracer: caller },
      server: { tracer: callee, tagRequest },
    });
    const root = caller.startSpan("root");
    root.setBaggageItem("user", "Zoë, 1 & 2");
    for (const kind of KINDS) {
      const call = { requests: makeRequests("ok") };
      await runWithSpan(root as Span, () => callEcho(rig.client, kind, call).done);
    }
    root.finish();
    await until(() => recorded.every((one) => one.running() === 0));
    const clients = recorded[0].spans().slice(1);
    const servers = recorded[1].spans();
    assert.deepEqual(
      servers.map((span) => [span.traceId, span.parentId, span.name]),
      clients.map((span) => [span.traceId, span.spanId, span.name]),
    );
    assert.deepEqual(
      baggage,
      Array.from(KINDS, () => "Zoë, 1 & 2"),
    );
  }
});

test("the application's metadata is sent and left as it was", async (t) => {
  const rig = await openRig(t);
  const metadata = new grpc.Metadata();
  metadata.set("x-of-mine", "1");
  await rig.call("unary", "ok", { metadata }).done;
  assert.deepEqual(metadata.getMap(), { "x-of-mine": "1" });
  checkSpans("unary", await rig.ended());
});
