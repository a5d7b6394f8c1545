// What an HTTP door does for peers that behave, with real clients.

import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as zlib from "node:zlib";
import { until, untilStill } from "../../test/until.ts";
import { SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { makeByteBudget } from "./byte-budget.ts";
import type { HttpAnswer, HttpRequest, HttpRoute } from "./http-route.ts";
import { type HttpServer, type HttpServerOptions, openHttpServer } from "./http-server.ts";

const host = "127.0.0.1";
const golden = (name: string) => join(import.meta.dirname, "../../test/golden/tls", name);

const get = (path: string, handle: HttpRoute["handle"]): HttpRoute => ({
  method: "GET",
  path,
  handle,
});
const post = (path: string, handle: HttpRoute["handle"]): HttpRoute => ({
  method: "POST",
  path,
  handle,
});
const echo = post("/echo", ({ body }) => ({ status: 200, body }));

/** A door for one test; a bug fails the test unless it is expected. */
async function open(
  t: TestContext,
  routes: readonly HttpRoute[],
  more: Partial<HttpServerOptions> = {},
): Promise<HttpServer & { url: string }> {
  const options = { name: "test", hostPort: { host, port: 0 }, routes, log: silentLog };
  const onBug = (error: unknown) => assert.fail(`a bug: ${String(error)}`);
  const server = await openHttpServer({ ...options, onBug, ...more });
  t.after(() => server.close(0));
  return { ...server, url: `http://${host}:${server.port}` };
}

test("openHttpServer() hands method, path, parameters, query, headers and peer to the handler", async (t) => {
  const seen: unknown[] = [];
  const handle = (request: HttpRequest): HttpAnswer => {
    const { method, path, params, rawQuery, headers, remoteAddress } = request;
    seen.push([method, path, { ...params }, rawQuery, request.query.getAll("tag")]);
    seen.push([headers["x-token"], remoteAddress, request.body.length]);
    return { status: 202, headers: { "X-Answer": "yes" } };
  };
  const { url } = await open(t, [get("/api/traces/:id", handle)]);
  const answer = await fetch(`${url}/api/traces/1f%2F2?tag=a:b&tag=c%20d`, {
    headers: { "x-token": "t" },
  });
  assert.equal(answer.status, 202);
  assert.equal(answer.headers.get("x-answer"), "yes");
  assert.equal(answer.headers.get("content-length"), "0");
  assert.deepEqual(seen, [
    ["GET", "/api/traces/1f%2F2", { id: "1f/2" }, "tag=a:b&tag=c%20d", ["a:b", "c d"]],
    ["t", host, 0],
  ]);
});

for (const bytes of [0, 1, 65_536, 250_000, 3_000_000]) {
  test(`openHttpServer() hands on a body of ${bytes} bytes, with and without a length`, async (t) => {
    const { url } = await open(t, [echo]);
    const body = Buffer.alloc(bytes, "spoor");
    for (const sent of [body, ReadableStream.from([body.subarray(0, 9), body.subarray(9)])]) {
      const answer = await fetch(`${url}/echo`, { method: "POST", body: sent, duplex: "half" });
      assert.ok(body.equals(Buffer.from(await answer.arrayBuffer())));
    }
  });
}

const encodings: readonly (readonly [name: string, pack: (plain: Buffer) => Buffer])[] = [
  ["identity", (plain) => plain],
  ["gzip", (plain) => zlib.gzipSync(plain)],
  ["GZIP", (plain) => zlib.gzipSync(plain)],
  ["deflate", (plain) => zlib.deflateSync(plain)],
  ["zstd", (plain) => zlib.zstdCompressSync(plain)],
];

for (const [encoding, pack] of encodings) {
  test(`openHttpServer() unpacks a body with content-encoding ${encoding}`, async (t) => {
    const budget = makeByteBudget(10_000_000);
    const { url } = await open(t, [echo], { budget });
    const plain = Buffer.from("some text, ".repeat(10_000));
    const headers = { "content-encoding": encoding };
    const answer = await fetch(`${url}/echo`, { method: "POST", body: pack(plain), headers });
    assert.ok(plain.equals(Buffer.from(await answer.arrayBuffer())));
    await until(() => budget.heldBytes === 0);
  });
}

test("openHttpServer() lends one piece of memory to bodies that follow each other", async (t) => {
  const memory = new Set<unknown>();
  const handle = ({ body }: HttpRequest) => {
    memory.add(body.buffer);
    return { status: 200 };
  };
  const { url } = await open(t, [post("/", handle)]);
  for (let turn = 0; turn < 10; turn++) {
    const answer = await fetch(url, { method: "POST", body: Buffer.alloc(100_000) });
    await answer.text();
  }
  assert.ok(memory.size <= 2, `${memory.size} buffers`);
});

test("openHttpServer() keeps a connection for the next request, after failures too", async (t) => {
  const { port } = await open(t, [echo, get("/a", ok("a"))]);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (const [method, path] of [
    ["GET", "/a"],
    ["POST", "/echo"],
    ["GET", "/none"],
    ["DELETE", "/echo"],
    ["HEAD", "/a"],
  ] as const) {
    const request = http.request({ host, port, method, path, agent });
    request.end(method === "POST" ? "body" : undefined);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    ports.add(response.socket.localPort);
    response.resume();
    await once(response, "end");
  }
  agent.destroy();
  assert.equal(ports.size, 1);
});

test("openHttpServer() ends each connection with its answer, if it is told to", async (t) => {
  const { url } = await open(t, [get("/a", ok("a"))], { keepAlive: false });
  assert.equal((await fetch(`${url}/a`)).headers.get("connection"), "close");
});

test("openHttpServer() opens with any order and absence of timeouts", async (t) => {
  for (const [headersTimeoutMs, requestTimeoutMs] of [
    [0, 0],
    [0, 100],
    [100, 0],
    [2_000, 100],
  ] as const) {
    const limits = { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs: 0 };
    const { url } = await open(t, [get("/a", ok("a"))], { limits });
    assert.equal(await (await fetch(`${url}/a`)).text(), "a");
  }
});

test("openHttpServer() keeps the body as it is until an asynchronous answer is out", async (t) => {
  const gate = Promise.withResolvers<void>();
  const late = post("/late", async ({ body }) => {
    await gate.promise;
    return { status: 200, body };
  });
  const { url } = await open(t, [late, echo]);
  const first = fetch(`${url}/late`, { method: "POST", body: "a".repeat(50_000) });
  for (let turn = 0; turn < 5; turn++) {
    const other = await fetch(`${url}/echo`, { method: "POST", body: "b".repeat(50_000) });
    assert.equal(await other.text(), "b".repeat(50_000));
  }
  gate.resolve();
  assert.equal(await (await first).text(), "a".repeat(50_000));
});

const failures: readonly (readonly [code: SpoorError["code"], status: number])[] = [
  ["bad-input", 400],
  ["overloaded", 429],
  ["unavailable", 503],
  ["unsupported", 501],
];

for (const [code, status] of failures) {
  test(`openHttpServer() answers ${code} with ${status}, thrown now or later`, async (t) => {
    const error = new SpoorError(code, "what it was", { offset: 12 });
    const { url } = await open(t, [
      get("/now", () => {
        throw error;
      }),
      get("/later", () => Promise.reject(error)),
      get("/stream", () => ({ status: 200, body: failing([], error) })),
    ]);
    for (const path of ["/now", "/later", "/stream"]) {
      const answer = await fetch(url + path);
      assert.equal(answer.status, status);
      assert.equal(await answer.text(), "what it was (offset 12)\n");
      assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
      assert.equal(
        answer.headers.get("retry-after"),
        status === 429 || status === 503 ? "1" : null,
      );
    }
  });
}

test("openHttpServer() answers a bug with 500, reports it, and goes on", async (t) => {
  const bugs: unknown[] = [];
  const bug = new TypeError("secret detail");
  const onBug = (error: unknown) => void bugs.push(error);
  const routes = [get("/bug", () => Promise.reject(bug)), echo];
  const { url } = await open(t, routes, { onBug });
  const answer = await fetch(`${url}/bug`);
  assert.equal(answer.status, 500);
  assert.equal(await answer.text(), "internal error\n");
  assert.deepEqual(bugs, [bug]);
  assert.equal((await fetch(`${url}/echo`, { method: "POST", body: "on" })).status, 200);
});

test("openHttpServer() answers 404 and 405, or lets the owner do it", async (t) => {
  const plain = await open(t, [echo]);
  const missing = await fetch(`${plain.url}/none`);
  assert.deepEqual([missing.status, await missing.text()], [404, "no such path\n"]);
  const wrong = await fetch(`${plain.url}/echo`);
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "POST"]);
  assert.equal(await wrong.text(), "method not allowed, expected POST\n");

  const owned = await open(t, [echo], {
    answerFailure: ({ status, message }, { path }) => ({
      status,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path, message }),
    }),
  });
  const answer = await fetch(`${owned.url}/none`);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.deepEqual(await answer.json(), { path: "/none", message: "no such path" });
});

test("openHttpServer() refuses percent-encoding that does not decode with 400", async (t) => {
  const read = ({ query }: HttpRequest) => ({ status: 200, body: query.get("q") ?? "" });
  const { port } = await open(t, [get("/q", read), get("/p/:id", () => ({ status: 200 }))]);
  for (const [path, status] of [
    ["/q?q=%zz", 400],
    ["/q?q=%4", 400],
    ["/p/%zz", 400],
    ["/q?q=%41", 200],
  ] as const) {
    const request = http.get({ host, port, path });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, status, path);
  }
});

test("openHttpServer() serves below a base path only", async (t) => {
  const { url } = await open(t, [get("/", () => ({ status: 200 })), get("/a", ok("a"))], {
    basePath: "/jaeger",
  });
  for (const [path, status] of [
    ["/jaeger", 200],
    ["/jaeger/", 200],
    ["/jaeger/a", 200],
    ["/jaegera", 404],
    ["/a", 404],
  ] as const) {
    assert.equal((await fetch(url + path)).status, status, path);
  }
});

test("openHttpServer() writes what an iterable gives, at the pace of the reader", async (t) => {
  let given = 0;
  async function* pieces() {
    for (; given < 400; given++) yield Buffer.alloc(100_000, given);
  }
  const { port } = await open(t, [get("/big", () => ({ status: 200, body: pieces() }))]);
  const request = http.get({ host, port, path: "/big" });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  await untilStill(() => given);
  assert.ok(given > 0 && given < 200, `${given} pieces without a reader`);
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  assert.equal(bytes, 40_000_000);
});

test("openHttpServer() cuts the connection when an iterable fails half way", async (t) => {
  const bugs: unknown[] = [];
  const error = new SpoorError("unavailable", "store went away");
  const bug = new Error("bug");
  const { url } = await open(
    t,
    [
      get("/cut", () => ({ status: 200, body: failing(["half"], error) })),
      get("/bug", () => ({ status: 200, body: failing(["half"], bug) })),
    ],
    { onBug: (error) => void bugs.push(error) },
  );
  for (const path of ["/cut", "/bug"]) {
    await assert.rejects(async () => (await fetch(url + path)).text());
  }
  assert.deepEqual(bugs, [bug]);
});

test("openHttpServer() packs answers for peers that accept gzip, if the owner wants it", async (t) => {
  const long = "answer ".repeat(1_000);
  async function* pieces() {
    for (let at = 0; at < 100; at++) yield long;
  }
  const routes = [
    get("/long", ok(long)),
    get("/short", ok("short")),
    get("/pieces", () => ({ status: 200, body: pieces(), headers: { Vary: "Origin" } })),
  ];
  const { url } = await open(t, routes, { gzip: true });
  const ask = async (path: string, accepted: string) => {
    const answer = await fetch(url + path, { headers: { "accept-encoding": accepted } });
    const { length } = await answer.text(); // fetch unpacks
    return [answer.headers.get("content-encoding"), answer.headers.get("vary"), length];
  };
  assert.deepEqual(await ask("/long", "br, gzip;q=0.5"), ["gzip", "Accept-Encoding", 7_000]);
  assert.deepEqual(await ask("/pieces", "gzip"), ["gzip", "Origin, Accept-Encoding", 700_000]);
  assert.deepEqual(await ask("/long", "gzip;q=0"), [null, "Accept-Encoding", 7_000]);
  assert.deepEqual(await ask("/long", "br"), [null, "Accept-Encoding", 7_000]);
  assert.deepEqual(await ask("/short", "gzip"), [null, "Accept-Encoding", 5]);
  const plain = await open(t, routes);
  const answer = await fetch(`${plain.url}/long`, { headers: { "accept-encoding": "gzip" } });
  assert.equal(answer.headers.get("content-encoding"), null);
});

test("openHttpServer() adds the owner's headers and those of CORS, on failures too", async (t) => {
  const { url } = await open(t, [echo], {
    headers: { "X-Extra": "1" },
    cors: { allowedOrigins: ["https://a.example"], allowedHeaders: [] },
  });
  const origin = { origin: "https://a.example" };
  for (const path of ["/echo", "/none"]) {
    const answer = await fetch(url + path, { method: "POST", headers: origin });
    assert.equal(answer.headers.get("x-extra"), "1");
    assert.equal(answer.headers.get("access-control-allow-origin"), "https://a.example");
  }
  const headers = { ...origin, "access-control-request-method": "POST" };
  const preflight = await fetch(`${url}/echo`, { method: "OPTIONS", headers });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-methods"), "POST");
});

test("openHttpServer() tells the handler when its peer goes away", async (t) => {
  const began = Promise.withResolvers<AbortSignal>();
  const slow = post("/slow", async ({ signal }) => {
    began.resolve(signal);
    await once(signal, "abort");
    throw signal.reason; // no bug: the peer has gone
  });
  const budget = makeByteBudget(1_000_000);
  const { port } = await open(t, [slow], { budget });
  const request = http.request({ host, port, path: "/slow", method: "POST" });
  request.on("error", () => {});
  request.end(Buffer.alloc(100_000));
  const signal = await began.promise;
  assert.equal(signal.aborted, false);
  request.destroy();
  await until(() => signal.aborted && budget.heldBytes === 0);
});

test("openHttpServer() does not abort the signal of a request that got its answer", async (t) => {
  let kept: AbortSignal | undefined;
  const { url } = await open(t, [
    get("/", ({ signal }) => {
      kept = signal;
      return { status: 200 };
    }),
  ]);
  await (await fetch(url)).text();
  await (await fetch(url)).text();
  assert.equal(kept?.aborted, false);
});

test("openHttpServer() speaks TLS, and mutual TLS", async (t) => {
  const tls = {
    enabled: true,
    cert: golden("server.pem"),
    key: golden("server.key"),
    clientCa: golden("ca.pem"),
    minVersion: "",
    maxVersion: "",
    cipherSuites: [],
    reloadIntervalMs: 0,
  };
  const { port } = await open(t, [get("/", ok("private"))], { tls });
  const ca = readFileSync(golden("ca.pem"));
  const ask = async (more: https.RequestOptions) => {
    const request = https.get({ host: "localhost", port, ca, agent: false, ...more });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    return Buffer.concat(await response.toArray()).toString();
  };
  const pem = (name: string) => ({
    cert: readFileSync(golden(`${name}.pem`)),
    key: readFileSync(golden(`${name}.key`)),
  });
  assert.equal(await ask(pem("client")), "private");
  await assert.rejects(ask(pem("stranger")));
  await assert.rejects(ask({}));
});

test("openHttpServer() says which door cannot listen, and why", async (t) => {
  const { port } = await open(t, []);
  const again = open(t, [], { name: "zipkin", hostPort: { host, port } });
  const message = `zipkin cannot listen on ${host}:${port}: the port is taken`;
  await assert.rejects(again, { code: "unavailable", message });
});

test("close() lets a request finish, then closes its connection", async (t) => {
  const gate = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const slow = get("/slow", async () => {
    began.resolve();
    await gate.promise;
    return { status: 200, body: "done" };
  });
  const server = await open(t, [slow]);
  const agent = new http.Agent({ keepAlive: true });
  const request = http.get({ host, port: server.port, path: "/slow", agent });
  await began.promise;
  const closed = server.close(60_000);
  await assert.rejects(fetch(`${server.url}/slow`));
  gate.resolve();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  assert.equal(response.headers.connection, "close");
  assert.equal(Buffer.concat(await response.toArray()).toString(), "done");
  await closed;
  agent.destroy();
});

test("close() cuts what does not finish in time", async (t) => {
  const began = Promise.withResolvers<void>();
  const never = get("/never", () => {
    began.resolve();
    return new Promise(() => {});
  });
  const server = await open(t, [never]);
  const cut = assert.rejects(fetch(`${server.url}/never`));
  await began.promise;
  await server.close(20);
  await cut;
});

function ok(body: string): HttpRoute["handle"] {
  return () => ({ status: 200, body });
}

async function* failing(pieces: readonly string[], error: Error): AsyncGenerator<string> {
  yield* pieces;
  await Promise.resolve();
  throw error;
}
