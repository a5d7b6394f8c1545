// Both interceptors on real grpc-js servers and clients: every kind of call × every way to end.
//
//   root ─▶ client span (one a call) ─▶ server span (one an attempt)
//
// Not here: single parts (call-span.test.ts, metadata-carrier.test.ts), other tracers (test/e2e).

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import {
  type CallArguments,
  type Called,
  type Calling,
  type Echo,
  type Kind,
  KINDS,
  type Message,
  REFUSAL,
  type Say,
  callEcho,
  openEcho,
  pathOf,
} from "../../../test/echo-grpc.ts";
import {
  type RecordingTracer,
  type SeenSpan,
  makeJaegerTracer,
  recordSpans,
} from "../../../test/recording-tracer.ts";
import { until, untilStill } from "../../../test/until.ts";
import { activeSpan, runWithSpan } from "../active-span.ts";
import type { Span } from "../span.ts";
import {
  type InterceptorOptions,
  openTracingClientInterceptor,
  openTracingServerInterceptor,
} from "./index.ts";

/** What the application saw of tracing: which span was active where. */
type Sight = readonly [place: string, spanId: string | undefined];

interface Rig {
  readonly echo: Echo;
  readonly recorded: RecordingTracer;
  readonly client: grpc.Client;
  readonly sights: Sight[];
  /** Calls as the child of a root span, which is finished when the call has come to its end. */
  call(kind: Kind, say: Say, more?: Partial<CallArguments>): Calling;
  /** When no span is running any more: those of one call, told apart. */
  ended(): Promise<{ root: SeenSpan; client: SeenSpan; servers: SeenSpan[] }>;
}

interface RigOptions {
  readonly client?: InterceptorOptions;
  readonly server?: InterceptorOptions;
  readonly channel?: grpc.ClientOptions;
}

async function openRig(t: TestContext, options: RigOptions = {}): Promise<Rig> {
  const recorded = recordSpans(makeJaegerTracer("echo"));
  const { tracer } = recorded;
  const sights: Sight[] = [];
  const see = (place: string): void => {
    sights.push([place, activeSpan()?.context().toSpanId()]);
  };
  const echo = await openEcho(
    { interceptors: [openTracingServerInterceptor({ tracer, ...options.server })] },
    (_kind, place) => see(place),
  );
  const client = new grpc.Client(`127.0.0.1:${echo.port}`, grpc.credentials.createInsecure(), {
    "grpc.initial_reconnect_backoff_ms": 10,
    ...options.channel,
    interceptors: [openTracingClientInterceptor({ tracer, ...options.client })],
  });
  t.after(() => {
    client.close();
    echo.close();
  });
  return {
    echo,
    recorded,
    client,
    sights,
    call: (kind, say, more = {}) => {
      const root = tracer.startSpan("root") as unknown as Span;
      const requests = makeRequests(say);
      const heard = (): void => see("heard");
      const calling = runWithSpan(root, () => callEcho(client, kind, { requests, heard, ...more }));
      return { ...calling, done: calling.done.finally(() => root.finish()) };
    },
    ended: async () => {
      await until(() => recorded.running() === 0);
      await untilStill(() => recorded.spans().length);
      const spans = recorded.spans();
      for (const span of spans) assert.equal(span.finishes, 1, `ends of ${span.name}`);
      const of = (kind: string): SeenSpan[] => spans.filter((s) => s.tags["span.kind"] === kind);
      const [root, second] = spans.filter((span) => span.name === "root");
      const [call, more] = of("client");
      assert.ok(root !== undefined && second === undefined);
      assert.ok(call !== undefined && more === undefined);
      return { root, client: call, servers: of("server") };
    },
  };
}

function makeRequests(say: Say): Message[] {
  return [
    { say: "ok", text: "1" },
    { say, text: "2" },
  ].slice(say === "ok" ? 0 : 1) as Message[];
}

/** Parents, the tags that every span has, and that the trace is one. */
function checkSpans(
  kind: Kind,
  { root, client, servers }: { root: SeenSpan; client: SeenSpan; servers: SeenSpan[] },
  attempts = 1,
): void {
  assert.equal(servers.length, attempts);
  assert.equal(client.parentId, root.spanId);
  for (const server of servers) assert.equal(server.parentId, client.spanId);
  for (const span of [client, ...servers]) {
    assert.equal(span.name, pathOf(kind));
    assert.equal(span.traceId, root.traceId);
    assert.equal(span.tags["component"], "gRPC");
    assert.equal(span.tags["grpc.method"], pathOf(kind));
  }
}

function checkSuccess(span: SeenSpan): void {
  assert.equal(span.tags["grpc.code"], grpc.status.OK);
  assert.equal(span.tags["error"], undefined);
  assert.deepEqual(span.logs, []);
}

function checkError(span: SeenSpan, code: grpc.status, details?: string): void {
  assert.equal(span.tags["grpc.code"], code);
  assert.equal(span.tags["error"], true);
  const { event, message, "error.kind": kind } = span.logs.at(-1) ?? {};
  assert.deepEqual([event, kind], ["error", grpc.status[code]]);
  if (details === undefined) assert.match(String(message), new RegExp(`^${code} [A-Z_]+: `));
  else assert.equal(message, `${code} ${grpc.status[code]}: ${details}`);
}

async function settle(calling: Calling): Promise<Called> {
  const called = await calling.done;
  return called;
}

for (const kind of KINDS) {
  test(`${kind}: success is one span at each side, with what is known of the call`, async (t) => {
    const rig = await openRig(t);
    assert.equal((await settle(rig.call(kind, "ok"))).code, grpc.status.OK);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    for (const span of [spans.client, ...spans.servers]) checkSuccess(span);
    assert.equal(spans.client.tags["peer.address"], `127.0.0.1:${rig.echo.port}`);
    assert.match(String(spans.servers[0]?.tags["peer.address"]), /^127\.0\.0\.1:\d+$/);
  });

  test(`${kind}: a refusal is an error at both sides, in the caller's words`, async (t) => {
    const rig = await openRig(t);
    const called = await settle(rig.call(kind, "fail"));
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
    const called = await settle(rig.call(kind, "hang", { options: { deadline } }));
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
    assert.equal((await settle(calling)).code, grpc.status.CANCELLED);
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
    assert.equal((await settle(calling)).code, grpc.status.UNAVAILABLE);
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
    const { code } = await settle(calling);
    assert.notEqual(code, grpc.status.OK);
    const spans = await rig.ended();
    checkSpans(kind, spans);
    checkError(spans.client, code);
    checkError(spans.servers[0]!, grpc.status.CANCELLED);
  });
}
