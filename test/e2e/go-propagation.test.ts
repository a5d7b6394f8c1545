// Contexts cross to Go and back, with each format: ids, the decision to sample, tracestate, baggage.
//
//   codec ─ inject ─▶ HTTP or gRPC ─▶ go-propagation: jaeger-client-go or OpenTelemetry's SDK
//   codec ◀─ extract ─ HTTP or gRPC ◀─ with the context of the span that it started
//
// Skipped, with a line, where Go is missing or its modules cannot be had.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { type Codec, makeCodecs } from "../../src/client/propagation/codec.ts";
import type { Propagation } from "../../src/client/propagation/header-formats.ts";
import { SpanContext } from "../../src/client/span-context.ts";
import { runProgram, whyMissing } from "./run-program.ts";

const folder = join(import.meta.dirname, "go-propagation");

const DOWNLOAD_MS_MAX = 120_000;
const BUILD_MS_MAX = 240_000;
const CALL_MS_MAX = 10_000;

const TRACE = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN = "e457b5a2e4d86bd1";
const STATE = "vendor=1,other@vendor=2";
const ADDED = { go: "by-go" };

interface Ids {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** What the peer says of the context that it was given, and of its own. */
interface Answer {
  readonly seen: Ids;
  readonly child: Ids;
  readonly traceState: string;
  readonly debug: boolean;
  readonly baggage: Readonly<Record<string, string>>;
}

/** What the peer sent when it called back. */
interface Caught {
  readonly carrier: unknown;
  readonly body: Buffer;
}

interface Library {
  readonly name: string;
  readonly propagation: readonly Propagation[];
  readonly baggage: Readonly<Record<string, string>>;
  /** Ids and flags only, by HTTP. */
  readonly isBinary?: boolean;
  readonly hasDebug?: boolean;
  readonly hasState?: boolean;
}

const ANY = { user: "Amélie +1 %41", "tenant.id": "a,b;c=d" };

const LIBRARIES: readonly Library[] = [
  { name: "jaeger-client", propagation: ["jaeger"], baggage: ANY, hasDebug: true },
  // It neither writes nor reads baggage URL-encoded in this format.
  { name: "jaeger-client-b3", propagation: ["b3"], baggage: { user: "plain" } },
  { name: "jaeger-client-binary", propagation: [], baggage: ANY, hasDebug: true, isBinary: true },
  { name: "otel-w3c", propagation: ["w3c"], baggage: ANY, hasState: true },
  { name: "otel-b3", propagation: ["b3", "w3c"], baggage: ANY },
  { name: "otel-b3-single", propagation: ["b3-single", "w3c"], baggage: ANY },
  { name: "otel-jaeger", propagation: ["jaeger", "w3c"], baggage: ANY },
];

const METHOD: grpc.MethodDefinition<Buffer, Buffer> = {
  path: "/peer.Peer/Pass",
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
};

let scratch = "";
let missing: string | undefined;
let peer: ChildProcess | undefined;
let places = { http: "", grpc: "" };
let web: Server;
let rpc: grpc.Server;
let rpcPort = 0;
let caught: Caught | undefined;

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
  scratch = await mkdtemp(join(tmpdir(), "spoor-go-propagation-"));
  const program = join(scratch, "peer");
  await runProgram("go", ["build", "-o", program, "."], { cwd: folder, msMax: BUILD_MS_MAX });
  peer = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  assert.ok(peer.stdout);
  const [line] = (await once(createInterface(peer.stdout), "line")) as [string];
  places = JSON.parse(line);
  await openCatchers();
});

after(async () => {
  if (peer !== undefined) {
    const gone = once(peer, "exit");
    peer.stdin?.end();
    await gone;
    web.close();
    rpc.forceShutdown();
  }
  if (scratch !== "") await rm(scratch, { recursive: true, force: true });
});

/** Where the peer calls back. */
async function openCatchers(): Promise<void> {
  web = createServer((request, response) => {
    void buffer(request).then((body) => {
      caught = { carrier: request.headers satisfies IncomingHttpHeaders, body };
      response.end();
    });
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  rpc = new grpc.Server();
  const pass: grpc.handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    caught = { carrier: call.metadata, body: call.request };
    callback(null, Buffer.alloc(0));
  };
  rpc.addService({ pass: METHOD }, { pass });
  rpcPort = await new Promise((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    rpc.bindAsync("127.0.0.1:0", credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

async function callByHttp(library: Library, context: SpanContext, codec: Codec): Promise<Answer> {
  const to = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
  const headers: Record<string, string> = { "peer-library": library.name, "peer-to": to };
  const binary: { buffer: Uint8Array<ArrayBuffer> } = { buffer: new Uint8Array() };
  codec.inject(context, library.isBinary === true ? binary : headers);
  const response = await fetch(`http://${places.http}/`, {
    method: "POST",
    headers,
    body: binary.buffer,
    signal: AbortSignal.timeout(CALL_MS_MAX),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as Answer;
}

async function callByGrpc(library: Library, context: SpanContext, codec: Codec): Promise<Answer> {
  const metadata = new grpc.Metadata();
  metadata.set("peer-library", library.name);
  metadata.set("peer-to", `127.0.0.1:${rpcPort}`);
  codec.inject(context, metadata);
  const client = new grpc.Client(places.grpc, grpc.credentials.createInsecure());
  try {
    const { path, requestSerialize, responseDeserialize } = METHOD;
    const bytes = await new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        Buffer.alloc(0),
        metadata,
        { deadline: new Date(Date.now() + CALL_MS_MAX) },
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      );
    });
    return JSON.parse(String(bytes)) as Answer;
  } finally {
    client.close();
  }
}

const WAYS = { HTTP: callByHttp, gRPC: callByGrpc };

function makeContext(traceId: string, flags: number, library: Library): SpanContext {
  let context = SpanContext.withStringIds(traceId, SPAN, null, flags);
  for (const [key, value] of Object.entries(library.baggage)) {
    context = context.withBaggageItem(key, value);
  }
  if (library.hasState === true) context.traceState = STATE;
  return context;
}

for (const library of LIBRARIES) {
  for (const [way, call] of Object.entries(WAYS)) {
    if (library.isBinary === true && way !== "HTTP") continue;
    test(`Go, ${library.name} by ${way}: a context comes there and back`, async (t) => {
      if (missing !== undefined) {
        t.skip(`needs Go: ${missing}`);
        return;
      }
      const onGarbage = (reason: string): void => assert.fail(`garbage: ${reason}`);
      const codecs = makeCodecs({ propagation: library.propagation, onGarbage });
      const codec = library.isBinary === true ? codecs.binary : codecs.http_headers;
      for (const traceId of [TRACE, SPAN]) {
        for (const flags of library.hasDebug === true ? [0, 1, 3] : [0, 1]) {
          const context = makeContext(traceId, flags, library);
          caught = undefined;
          const answer = await call(library, context, codec);
          const sampled = flags !== 0;
          const long = traceId.padStart(32, "0");
          assert.deepEqual(answer.seen, { traceId: long, spanId: SPAN, sampled });
          assert.deepEqual(answer.baggage, library.baggage);
          assert.equal(answer.debug, flags === 3);
          assert.equal(answer.traceState, library.hasState === true ? STATE : "");

          const { carrier, body } = findCaught();
          const back = codec.extract(library.isBinary === true ? body : carrier);
          assert.ok(back);
          assert.equal(back.traceIdStr, traceId);
          assert.equal(back.spanIdStr, answer.child.spanId);
          assert.notEqual(back.spanIdStr, SPAN);
          assert.equal(back.flags, flags);
          assert.equal(back.traceState, context.traceState);
          assert.deepEqual({ ...back.baggage }, { ...library.baggage, ...ADDED });
        }
      }
    });
  }
}

function findCaught(): Caught {
  assert.ok(caught, "the peer has called back");
  return caught;
}
