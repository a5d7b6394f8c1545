// The HTTP client against our own door and peers that misbehave.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { silentLog } from "../base/log.ts";
import { readClientTls } from "./client-tls.ts";
import { type HttpClient, type HttpClientOptions, openHttpClient } from "./http-client.ts";
import type { HttpRoute } from "./http-route.ts";
import { type HttpServerOptions, openHttpServer } from "./http-server.ts";

const host = "127.0.0.1";
const golden = (name: string) => join(import.meta.dirname, "../../test/golden/tls", name);

async function serve(
  t: TestContext,
  handle: HttpRoute["handle"],
  more: Partial<HttpServerOptions> = {},
): Promise<number> {
  const server = await openHttpServer({
    name: "test",
    hostPort: { host, port: 0 },
    routes: [
      { method: "POST", path: "/echo", handle },
      { method: "GET", path: "/echo", handle },
    ],
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
    ...more,
  });
  t.after(() => server.close(0));
  return server.port;
}

function connect(t: TestContext, port: number, more: Partial<HttpClientOptions> = {}): HttpClient {
  const address = { host, port };
  const client = openHttpClient({
    address,
    hostName: "localhost",
    connectTimeoutMs: 2_000,
    ...more,
  });
  t.after(() => client.close());
  return client;
}

const post = { method: "POST", path: "/echo", timeoutMs: 5_000 } as const;

test("HttpClient.request() gives status, headers and body, over connections that are kept", async (t) => {
  const port = await serve(t, ({ body, headers }) => ({
    status: 201,
    headers: { "x-host": headers["host"] as string },
    body: body.slice(),
  }));
  const client = connect(t, port);
  for (const size of [0, 10, 100_000]) {
    const answer = await client.request({ ...post, body: Buffer.alloc(size, "x") });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers["x-host"], `localhost:${port}`);
    assert.equal(answer.body.length, size);
  }
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => client.request({ ...post, body: Buffer.from("a") })),
  );
  assert.ok(answers.every(({ status }) => status === 201));
});

test("HttpClient.request() gives failures of the peer as they are", async (t) => {
  const port = await serve(t, () => ({ status: 503, headers: { "retry-after": "7" } }));
  const answer = await connect(t, port).request({ ...post, method: "GET" });
  assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "7"]);
});

test("HttpClient.request() speaks TLS with who proves its name, and with nobody else", async (t) => {
  const tls = {
    enabled: true,
    cert: golden("server.pem"),
    key: golden("server.key"),
    clientCa: "",
    minVersion: "",
    maxVersion: "",
    cipherSuites: [],
    reloadIntervalMs: 0,
  };
  const port = await serve(t, () => ({ status: 200 }), { tls });
  const noFiles = { ca: "", cert: "", key: "", serverName: "", skipHostVerify: false };
  const trusted = readClientTls({ ...noFiles, ca: golden("ca.pem") });
  assert.equal((await connect(t, port, { tls: trusted }).request(post)).status, 200);
  const stranger = connect(t, port, { tls: readClientTls(noFiles) });
  await assert.rejects(stranger.request(post), { code: "unavailable" });
});

async function listenRaw(t: TestContext, act: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => act(socket));
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server.listen(0, host), "listening");
  return (server.address() as AddressInfo).port;
}

test("HttpClient.request() fails in time with peers that hang, cut, lie or talk too much", async (t) => {
  const head = "HTTP/1.1 200 OK\r\n";
  const acts: readonly ((socket: Socket) => void)[] = [
    () => undefined,
    (socket) => socket.destroy(),
    (socket) => socket.write(`${head}content-length: 10\r\n\r\n123`),
    (socket) => socket.end(`${head}content-length: 10\r\n\r\n123`),
    (socket) => socket.end("220 mail.example.com ESMTP\r\n"),
    (socket) => {
      socket.write(`${head}content-length: 9000000\r\n\r\n`);
      socket.write(Buffer.alloc(9_000_000));
    },
  ];
  for (const act of acts) {
    const client = connect(t, await listenRaw(t, act));
    await assert.rejects(client.request({ ...post, timeoutMs: 200 }), { code: "unavailable" });
  }
});

test("HttpClient.request() ends by its signal", async (t) => {
  const abort = new AbortController();
  const client = connect(t, await listenRaw(t, () => abort.abort()));
  const options = { ...post, signal: abort.signal };
  await assert.rejects(client.request(options), { code: "unavailable" });
  await assert.rejects(client.request(options), { code: "unavailable" });
});
