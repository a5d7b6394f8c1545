// The echo service with both interceptors, its calls as children of a root span, and what their spans
// must be.
//
//   rig.call(kind, say) ─▶ await .done ─▶ await rig.ended() ─▶ { root, client, servers } ─▶ check…()

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { activeSpan, runWithSpan } from "../src/client/active-span.ts";
import {
  type InterceptorOptions,
  openTracingClientInterceptor,
  openTracingServerInterceptor,
} from "../src/client/grpc/index.ts";
import type { Span } from "../src/client/span.ts";
import {
  type CallArguments,
  type Calling,
  type Echo,
  type Kind,
  type Message,
  type Say,
  callEcho,
  openEcho,
  pathOf,
} from "./echo-grpc.ts";
import {
  type RecordingTracer,
  type SeenSpan,
  makeClientTracer,
  recordSpans,
} from "./recording-tracer.ts";
import { until, untilStill } from "./until.ts";

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

export async function openRig(t: TestContext, options: RigOptions = {}): Promise<Rig> {
  const recorded = recordSpans(makeClientTracer("echo"));
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

export function makeRequests(say: Say): Message[] {
  return [
    { say: "ok", text: "1" },
    { say, text: "2" },
  ].slice(say === "ok" ? 0 : 1) as Message[];
}

/** Parents, the tags that every span has, and that the trace is one. */
export function checkSpans(
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

export function checkSuccess(span: SeenSpan): void {
  assert.equal(span.tags["grpc.code"], grpc.status.OK);
  assert.equal(span.tags["error"], undefined);
  assert.deepEqual(span.logs, []);
}

export function checkError(span: SeenSpan, code: grpc.status, details?: string): void {
  assert.equal(span.tags["grpc.code"], code);
  assert.equal(span.tags["error"], true);
  const { event, message, "error.kind": kind } = span.logs.at(-1) ?? {};
  assert.deepEqual([event, kind], ["error", grpc.status[code]]);
  if (details === undefined) assert.match(String(message), new RegExp(`^${code} [A-Z_]+: `));
  else assert.equal(message, `${code} ${grpc.status[code]}: ${details}`);
}
