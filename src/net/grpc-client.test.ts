// The gRPC client against our own door, another implementation's server, and peers that misbehave.

import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { until } from "../../test/until.ts";
import { SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { readClientTls } from "./client-tls.ts";
import { type GrpcClient, type GrpcClientOptions, openGrpcClient } from "./grpc-client.ts";
import { type GrpcServer, type GrpcServerOptions, openGrpcServer } from "./grpc-server.ts";
import type { GrpcUnaryMethod } from "./grpc-service.ts";
import { GRPC_STATUS } from "./status.ts";

const host = "127.0.0.1";
const golden = (name: string) => join(import.meta.dirname, "../../test/golden/tls", name);
const PATH = "/test.Service/Method";

async function serve(
  t: TestContext,
  handle: GrpcUnaryMethod["handle"],
  more: Partial<GrpcServerOptions> = {},
): Promise<GrpcServer> {
  const methods = { Method: { kind: "unary", handle } } as const;
  const server = await openGrpcServer({
    name: "test",
    hostPort: { host, port: 0 },
    services: [{ name: "test.Service", methods }],
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
    ...more,
  });
  t.after(() => server.close(0));
  return server;
}

async function connect(
  t: TestContext,
  port: number,
  more: Partial<GrpcClientOptions> = {},
): Promise<GrpcClient> {
  const client = await openGrpcClient({
    address: { host, port },
    hostName: "localhost",
    connectTimeoutMs: 2_000,
    onLost: () => undefined,
    ...more,
  });
  t.after(() => client.close());
  return client;
}

const call = (client: GrpcClient, text: string, timeoutMs = 5_000): Promise<Uint8Array> =>
  client.call(PATH, Buffer.from(text), { timeoutMs });

test("GrpcClient.call() gives what our door answers, many at a time and large ones", async (t) => {
  const server = await serve(t, (message) => message.slice());
  const client = await connect(t, server.port);
  const texts = Array.from({ length: 300 }, (_, index) => `${index} `.repeat(index));
  texts.push("x".repeat(3_000_000));
  const answers = await Promise.all(texts.map((text) => call(client, text)));
  assert.deepEqual(
    answers.map((answer) => Buffer.from(answer).toString()),
    texts,
  );
});

test("GrpcClient.call() gives what a server of grpc-js answers", async (t) => {
  const same = (bytes: Buffer): Buffer => bytes;
  const server = new grpc.Server();
  t.after(() => server.forceShutdown());
  const method = {
    path: PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  } as const;
  server.addService(
    { Method: method },
    {
      Method: (
        one: grpc.ServerUnaryCall<Buffer, Buffer>,
        done: grpc.sendUnaryData<Buffer>,
      ): void => {
        if (one.request.length > 0) done(null, one.request);
        else done({ code: grpc.status.NOT_FOUND, details: "nothing é" });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync(`${host}:0`, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const client = await connect(t, port);
  assert.equal(Buffer.from(await call(client, "hello")).toString(), "hello");
  await assert.rejects(call(client, ""), { status: GRPC_STATUS.NOT_FOUND, message: "nothing é" });
});

test("GrpcClient.call() tells status, message and details of a failure", async (t) => {
  const server = await serve(t, () => {
    throw new SpoorError("overloaded", "50 % of ünfug");
  });
  const client = await connect(t, server.port);
  await assert.rejects(call(client, "a"), (error: { status: number; message: string }) => {
    assert.equal(error.status, GRPC_STATUS.RESOURCE_EXHAUSTED);
    assert.equal(error.message, "50 % of ünfug");
    assert.ok("details" in error && error.details instanceof Uint8Array);
    return true;
  });
});

test("GrpcClient.call() ends by its deadline and by its signal, and the peer hears of it", async (t) => {
  let cancelled = 0;
  const server = await serve(t, async (_, { signal }) => {
    if (!signal.aborted) await once(signal, "abort");
    cancelled++;
    return new Uint8Array(0);
  });
  const client = await connect(t, server.port);
  await assert.rejects(call(client, "a", 30), { status: GRPC_STATUS.DEADLINE_EXCEEDED });
  const abort = new AbortController();
  const options = { timeoutMs: 5_000, signal: abort.signal };
  const one = client.call(PATH, Buffer.from("b"), options);
  const rejected = assert.rejects(one, { status: GRPC_STATUS.CANCELLED });
  abort.abort();
  await rejected;
  await assert.rejects(client.call(PATH, Buffer.from("c"), options), {
    status: GRPC_STATUS.CANCELLED,
  });
  await until(() => cancelled >= 1);
  assert.equal(client.isOpen, true);
});

test("GrpcClient lets calls finish when the peer goes away, and takes no new ones", async (t) => {
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const server = await serve(t, async (message) => {
    begun++;
    await gate.promise;
    return message.slice();
  });
  let lost = 0;
  const client = await connect(t, server.port, { onLost: () => void lost++ });
  const first = call(client, "first");
  await until(() => begun === 1);
  const closed = server.close(2_000);
  await until(() => lost === 1);
  assert.equal(client.isOpen, false);
  await assert.rejects(call(client, "second"), { status: GRPC_STATUS.UNAVAILABLE });
  gate.resolve();
  assert.equal(Buffer.from(await first).toString(), "first");
  await closed;
  assert.equal(lost, 1);
});

/** A TCP server for one test that treats each socket as `act` says. */
async function listenRaw(t: TestContext, act: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    act(socket);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server.listen(0, host), "listening");
  return (server.address() as AddressInfo).port;
}

test("openGrpcClient() fails in time with a peer that is silent, cuts, or is no HTTP/2", async (t) => {
  const silent = await listenRaw(t, () => undefined);
  const cutter = await listenRaw(t, (socket) => socket.destroy());
  const other = await listenRaw(t, (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  for (const port of [silent, cutter, other]) {
    await assert.rejects(connect(t, port, { connectTimeoutMs: 100 }), { code: "unavailable" });
  }
});

/** An HTTP/2 server that answers every call as `answer` says. */
async function serveHttp2(
  t: TestContext,
  answer: (stream: http2.ServerHttp2Stream) => void,
): Promise<number> {
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on("session", (session) => void sessions.add(session));
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    answer(stream);
  });
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  await once(server.listen(0, host), "listening");
  return (server.address() as AddressInfo).port;
}

const GRPC = { "content-type": "application/grpc" };
const message = (bytes: number, more = bytes, flag = 0): Buffer => {
  const out = Buffer.alloc(5 + more);
  out[0] = flag;
  out.writeUInt32BE(bytes, 1);
  return out;
};

test("GrpcClient.call() tells whether the peer has answered at all", async (t) => {
  const cases: readonly (readonly [(stream: http2.ServerHttp2Stream) => void, boolean])[] = [
    [(stream) => stream.respond({ ":status": 503 }, { endStream: true }), true],
    [(stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM), true],
    [(stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR), false],
    [(stream) => stream.session?.destroy(), false],
  ];
  let current = 0;
  const port = await serveHttp2(t, (stream) => cases[current]![0](stream));
  for (const [index, [, isAnswer]] of cases.entries()) {
    current = index;
    const client = await connect(t, port);
    await assert.rejects(call(client, "a"), { name: "GrpcError", isAnswer }, `case ${index}`);
    client.close();
  }
});

test("GrpcClient.call() refuses answers that are none", async (t) => {
  const trailers = (stream: http2.ServerHttp2Stream, body: Buffer): void => {
    stream.respond({ ":status": 200, ...GRPC }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(body);
  };
  const cases: readonly (readonly [(stream: http2.ServerHttp2Stream) => void, number])[] = [
    [(stream) => trailers(stream, message(10, 4)), GRPC_STATUS.INTERNAL],
    [(stream) => trailers(stream, message(4, 10)), GRPC_STATUS.INTERNAL],
    [(stream) => trailers(stream, message(4, 4, 1)), GRPC_STATUS.INTERNAL],
    [(stream) => trailers(stream, Buffer.alloc(3)), GRPC_STATUS.INTERNAL],
    [(stream) => trailers(stream, message(5_000_000)), GRPC_STATUS.RESOURCE_EXHAUSTED],
    [(stream) => stream.respond({ ":status": 503 }, { endStream: true }), GRPC_STATUS.UNAVAILABLE],
    [
      (stream) => stream.respond({ ":status": 404 }, { endStream: true }),
      GRPC_STATUS.UNIMPLEMENTED,
    ],
    [(stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM), GRPC_STATUS.UNAVAILABLE],
    [(stream) => stream.session?.destroy(), GRPC_STATUS.UNAVAILABLE],
    [
      (stream) => {
        stream.respond({ ":status": 200, "grpc-status": "99", "grpc-message": "%" });
        stream.end();
      },
      GRPC_STATUS.UNKNOWN,
    ],
  ];
  let current = 0;
  const port = await serveHttp2(t, (stream) => cases[current]![0](stream));
  for (const [index, [, status]] of cases.entries()) {
    current = index;
    const client = await connect(t, port);
    await assert.rejects(call(client, "a"), { name: "GrpcError", status }, `case ${index}`);
    client.close();
  }
});

const noFiles = { ca: "", cert: "", key: "", serverName: "", skipHostVerify: false };

test("openGrpcClient() speaks TLS with who proves its name, and with nobody else", async (t) => {
  const server = await serve(t, (bytes) => bytes.slice(), {
    tls: {
      enabled: true,
      cert: golden("server.pem"),
      key: golden("server.key"),
      clientCa: golden("ca.pem"),
      minVersion: "",
      maxVersion: "",
      cipherSuites: [],
      reloadIntervalMs: 0,
    },
  });
  const own = { cert: golden("client.pem"), key: golden("client.key") };
  const tls = readClientTls({ ...noFiles, ca: golden("ca.pem"), ...own });
  const client = await connect(t, server.port, { tls });
  assert.equal(Buffer.from(await call(client, "hello")).toString(), "hello");

  const byAddress = await connect(t, server.port, { tls, hostName: host });
  assert.equal(Buffer.from(await call(byAddress, "hello")).toString(), "hello");

  const lax = readClientTls({ ...noFiles, skipHostVerify: true, ...own });
  const trusting = await connect(t, server.port, { tls: lax, hostName: "elsewhere" });
  assert.equal(Buffer.from(await call(trusting, "hello")).toString(), "hello");

  const wrong = [
    { ...noFiles, ...own }, // the system does not know the authority
    { ...noFiles, ...own, ca: golden("other-ca.pem") },
    { ...noFiles, ...own, ca: golden("ca.pem"), serverName: "elsewhere" },
    { ...noFiles, ca: golden("ca.pem") }, // the server wants to know who we are
  ];
  for (const settings of wrong) {
    const refused = connect(t, server.port, { tls: readClientTls(settings) });
    await assert.rejects(refused, { code: "unavailable" });
  }
});

test("readClientTls() names the file that is wrong", () => {
  const ca = golden("ca.pem");
  assert.throws(() => readClientTls({ ...noFiles, ca: "/nowhere" }), /tls\.ca: cannot read/);
  assert.throws(() => readClientTls({ ...noFiles, ca: golden("make.sh") }), /no PEM block/);
  assert.throws(() => readClientTls({ ...noFiles, cert: ca }), /both/);
  assert.throws(() => readClientTls({ ...noFiles, cert: ca, key: ca }), { code: "bad-input" });
});
