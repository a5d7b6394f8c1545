// The interceptors beside those of Go: one trace through a caller here, a service in Go with
// go-grpc-middleware and jaeger-client-go, and a service here, baggage and errors with it.
//
//   root ─ client ──▶ Go: server ─ client ──▶ server ─ activeSpan()
//
// Skipped, with a line, where Go is missing or its modules cannot be had.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
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
import { runProgram, whyMissing } from "./run-program.ts";

const folder = join(import.meta.dirname, "go-grpc-middleware");

const DOWNLOAD_MS_MAX = 120_000;
const BUILD_MS_MAX = 240_000;

const BAGGAGE = "Zoë, 1 & 2";

/** What the peer says of a span of its own; the parent of none is 0. */
interface GoSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly baggage: string;
}

let scratch = "";
let missing: string | undefined;

before(async () => {
  missing = await whyMissing("go", "version");
  if (missing !== undefined) return;
  try {
    await runProgram("go", ["mod", "download"], { cwd: folder, msMax: DOWNLOAD_MS_MAX });
  } catch (error) {
    const [line = ""] = String((error as { stderr?: unknown }).stderr).split("\n");
    missing = `its modules cannot be downloaded (${line.slice(0, 200)})`;
    return;
  }
  scratch = await mkdtemp(join(tmpdir(), "spoor-go-grpc-"));
  const target = join(scratch, "peer");
  await runProgram("go", ["build", "-o", target, "."], { cwd: folder, msMax: BUILD_MS_MAX });
});

after(async () => {
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

/** Go leaves leading zeros out of some ids. */
function pad(id: string): string {
  return id.padStart(id.length > 16 ? 32 : 16, "0");
}

for (const say of ["ok", "fail"] as const) {
  test(`Go, go-grpc-middleware in the middle, "${say}": one trace for every kind of call`, async (t) => {
    if (missing !== undefined) {
      t.skip(`needs Go: ${missing}`);
      return;
    }
    const recorded = recordSpans(makeClientTracer("node"));
    const { tracer } = recorded;
    const heard: unknown[] = [];
    const echo = await openEcho(
      { interceptors: [openTracingServerInterceptor({ tracer })] },
      (_kind, place) => {
        if (place === "later") heard.push(activeSpan()?.getBaggageItem("user"));
      },
    );
    t.after(() => echo.close());
    const peer = await startLinePeer(t, join(scratch, "peer"), [`--to=127.0.0.1:${echo.port}`]);
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
    const { spans: goSpans } = (await peer.end()) as { spans: readonly GoSpan[] };

    assert.equal(goSpans.length, 2 * KINDS.length);
    assert.deepEqual(
      heard,
      Array.from(KINDS, () => BAGGAGE),
    );
    const ours = recorded.spans();
    const rootId = ours[0]?.spanId;
    for (const kind of KINDS) {
      const [caller, callee] = ours.filter((span) => span.name === pathOf(kind));
      const chain = goSpans.filter((span) => span.name === pathOf(kind));
      const goServer = chain.find((span) => span.tags["span.kind"] === "server");
      const goClient = chain.find((span) => span.tags["span.kind"] === "client");
      assert.ok(caller && callee && goServer && goClient, kind);
      assert.equal(caller.parentId, rootId);
      assert.equal(pad(goServer.parentId), caller.spanId);
      assert.equal(pad(goClient.parentId), pad(goServer.spanId));
      assert.equal(callee.parentId, pad(goClient.spanId));
      for (const span of [goServer, goClient]) {
        assert.equal(pad(span.traceId), ours[0]?.traceId);
        assert.equal(span.baggage, BAGGAGE);
        // The tags that both libraries have are the same.
        assert.equal(span.tags["component"], callee.tags["component"]);
      }
      for (const span of [caller, callee]) {
        assert.equal(span.traceId, ours[0]?.traceId);
        assert.equal(span.tags["grpc.code"], code);
        assert.equal(span.tags["error"], say === "ok" ? undefined : true);
      }
      assert.equal(goServer.tags["error"], callee.tags["error"]);
    }
  });
}
