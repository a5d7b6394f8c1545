// The interceptors beside OpenTelemetry's instrumentation of gRPC, which speaks W3C's headers: one trace through a
// caller here, a service with their SDK, and a service here.
//
//   root ─ client ──▶ OpenTelemetry: server ─ client ──▶ server ─ activeSpan()

import assert from "node:assert/strict";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { activeSpan, runWithSpan } from "../../src/client/active-span.ts";
import {
  openTracingClientInterceptor,
  openTracingServerInterceptor,
} from "../../src/client/grpc/index.ts";
import type { Span } from "../../src/client/span.ts";
import { KINDS, callEcho, openEcho, pathOf } from "../echo-grpc.ts";
import { makeClientTracer, recordSpans } from "../recording-tracer.ts";
import { until } from "../until.ts";
import { startLinePeer } from "./line-peer.ts";

const peerProgram = new URL("./otel-grpc-peer.ts", import.meta.url).pathname;

const BAGGAGE = "Zoë, 1 & 2";
const SERVER = 1;
const CLIENT = 2;

interface OtelSaid {
  readonly spans: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly parentId: string;
    readonly name: string;
    readonly kind: number;
    readonly code: number;
  }[];
  readonly heard: readonly unknown[];
}

for (const say of ["ok", "fail"] as const) {
  test(`OpenTelemetry's gRPC in the middle, "${say}": one trace for every kind of call`, async (t) => {
    const recorded = recordSpans(makeClientTracer("node", ["w3c"]));
    const { tracer } = recorded;
    const heard: unknown[] = [];
    const echo = await openEcho(
      { interceptors: [openTracingServerInterceptor({ tracer })] },
      (_kind, place) => {
        if (place === "later") heard.push(activeSpan()?.getBaggageItem("user"));
      },
    );
    t.after(() => echo.close());
    const peer = await startLinePeer(t, process.execPath, [peerProgram, `127.0.0.1:${echo.port}`]);
    const client = new grpc.Client(`127.0.0.1:${peer.port}`, grpc.credentials.createInsecure(), {
      interceptors: [openTracingClientInterceptor({ tracer })],
    });
    t.after(() => client.close());

    const code = say === "ok" ? grpc.status.OK : grpc.status.INVALID_ARGUMENT;
    const root = tracer.startSpan("root");
    root.setBaggageItem("user", BAGGAGE);
    for (const kind of KINDS) {
      const call = { requests: [{ say, text: "1" }] };
      const called = await runWithSpan(root as Span, () => callEcho(client, kind, call).done);
      assert.equal(called.code, code, kind);
    }
    root.finish();
    await until(() => recorded.running() === 0);
    const said = (await peer.end()) as OtelSaid;

    assert.equal(said.spans.length, 2 * KINDS.length);
    const everywhere = Array.from(KINDS, () => BAGGAGE);
    assert.deepEqual([said.heard, heard], [everywhere, everywhere]);
    const ours = recorded.spans();
    const traceId = ours[0]?.traceId;
    for (const kind of KINDS) {
      const [caller, callee] = ours.filter((span) => span.name === pathOf(kind));
      const chain = said.spans.filter((span) => span.name.endsWith(pathOf(kind).slice(1)));
      const theirServer = chain.find((span) => span.kind === SERVER);
      const theirClient = chain.find((span) => span.kind === CLIENT);
      assert.ok(caller && callee && theirServer && theirClient, kind);
      assert.equal(caller.parentId, ours[0]?.spanId);
      assert.equal(theirServer.parentId, caller.spanId);
      assert.equal(theirClient.parentId, theirServer.spanId);
      assert.equal(callee.parentId, theirClient.spanId);
      for (const span of [caller, callee, theirServer, theirClient]) {
        assert.equal(span.traceId, traceId);
      }
      assert.equal(callee.tags["grpc.code"], code);
      assert.equal(theirClient.code, code);
    }
  });
}
