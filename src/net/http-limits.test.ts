// What an HTTP door does to peers that do not behave: each is answered or cut off, and the next
// one is served as if nothing had happened.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import * as zlib from "node:zlib";
import { openRawPeer } from "../../test/raw-peer.ts";
import { until } from "../../test/until.ts";
import { silentLog } from "../base/log.ts";
import { type ByteBudget, makeByteBudget } from "./byte-budget.ts";
import type { HttpRoute } from "./http-route.ts";
import { openHttpServer } from "./http-server.ts";
import type { HttpLimits } from "./limits.ts";

const host = "127.0.0.1";
const KIB = 1024;

const sink: HttpRoute = {
  method: "POST",
  path: "/sink",
  handle: ({ body }) => ({ status: 200, body: `took ${body.length}` }),
};

interface Door {
  readonly port: number;
  readonly url: string;
  readonly budget: ByteBudget;
  close(graceMs: number): Promise<void>;
}

/** A door with small limits; after the test it must still serve, and hold nothing. */
async function open(
  t: TestContext,
  limits: Partial<HttpLimits> = {},
  routes: readonly HttpRoute[] = [],
): Promise<Door> {
  const budget = makeByteBudget(limits.inFlightBytesMax ?? 1_000 * KIB);
  const server = await openHttpServer({
    name: "test",
    hostPort: { host, port: 0 },
    routes: [sink, ...routes],
    limits: { bodyBytesMax: 100 * KIB, plainBytesMax: 200 * KIB, lingerMs: 50, ...limits },
    budget,
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  const url = `http://${host}:${server.port}`;
  // What a socket's event throws belongs to no test: without this it would go unseen.
  const thrown: Error[] = [];
  const onThrown = (error: Error) => void thrown.push(error);
  process.on("uncaughtException", onThrown);
  t.after(async () => {
    try {
      await until(() => budget.heldBytes === 0);
      const answer = await fetch(`${url}/sink`, { method: "POST", body: "still here" });
      assert.equal(await answer.text(), "took 10");
    } finally {
      await server.close(0);
      process.off("uncaughtException", onThrown);
    }
    assert.deepEqual(thrown, []);
  });
  return { ...server, url, budget };
}

const head = (more: string) => `POST /sink HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

const refused: readonly (readonly [what: string, bytes: string | Uint8Array, answer: RegExp])[] = [
  ["a TLS hello", Buffer.from("16030100a5010000a10303", "hex"), /^HTTP\/1\.1 400 /],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /^HTTP\/1\.1 (400|505) /],
  ["random bytes", randomBytes(4 * KIB).fill(1, 0, 1), /^HTTP\/1\.1 400 /],
  ["thrift", Buffer.from("820100000b656d697442617463681c", "hex"), /^HTTP\/1\.1 400 /],
  ["no host", "GET / HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
  ["headers over the bound", head(`X: ${"x".repeat(200 * KIB)}\r\n`), /^HTTP\/1\.1 431 /],
  ["a URL over the bound", `GET /${"x".repeat(2_048 * KIB)} HTTP/1.1\r\n`, /^HTTP\/1\.1 431 /],
  ["a length that is none", head("Content-Length: many\r\n"), /^HTTP\/1\.1 400 /],
  ["a negative length", head("Content-Length: -1\r\n"), /^HTTP\/1\.1 400 /],
  ["two lengths", head("Content-Length: 1\r\nContent-Length: 2\r\n"), /^HTTP\/1\.1 400 /],
  [
    "a length and chunks",
    head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
    /^HTTP\/1\.1 400 /,
  ],
  ["a chunk of no size", head("Transfer-Encoding: chunked\r\n") + "zz\r\n", /^HTTP\/1\.1 400 /],
  ["a chunk of 2^63", head("Transfer-Encoding: chunked\r\n") + "7fffffffffffffff\r\n", /./],
  [
    "a promise of 2^31 bytes",
    head("Content-Length: 2147483648\r\n"),
    /^HTTP\/1\.1 413 [^]*body of 2147483648 bytes or more, at most 102400 are taken/,
  ],
  [
    "a promise of 2^53 bytes, asking first",
    head("Content-Length: 9007199254740993\r\nExpect: 100-continue\r\n"),
    /^HTTP\/1\.1 413 /,
  ],
  [
    "an encoding that nobody knows",
    head("Content-Encoding: br\r\nContent-Length: 2\r\n") + "xx",
    /^HTTP\/1\.1 415 [^]*unknown content-encoding, expected gzip, deflate, zstd or identity/,
  ],
  [
    "gzip that is none",
    head("Content-Encoding: gzip\r\nContent-Length: 2\r\nConnection: close\r\n") + "xx",
    /^HTTP\/1\.1 400 [^]*body is not gzip/,
  ],
];

for (const [what, bytes, answer] of refused) {
  test(`openHttpServer() refuses ${what}`, async (t) => {
    const { port } = await open(t, { requestTimeoutMs: 200, headersTimeoutMs: 100 });
    const peer = await openRawPeer(port);
    peer.write(bytes);
    const got = await peer.untilClosed();
    assert.match(got, answer);
    assert.equal(got.match(/HTTP\/1\.1/g)?.length, 1, "one answer");
  });
}

test("openHttpServer() answers 413 to a body that is too large while it comes", async (t) => {
  const { port, budget } = await open(t);
  const peer = await openRawPeer(port);
  peer.write(head("Transfer-Encoding: chunked\r\n"));
  const chunk = Buffer.alloc(64 * KIB, "x");
  for (let at = 0; at < 4; at++) {
    peer.write(`${chunk.length.toString(16)}\r\n`);
    peer.write(chunk);
    peer.write("\r\n");
  }
  // The answer comes although the peer goes on sending; nothing more is kept.
  assert.match(await peer.until("\r\n\r\n"), /^HTTP\/1\.1 413 /);
  assert.ok(budget.heldBytes <= 100 * KIB);
  peer.write("0\r\n\r\n");
  assert.match(await peer.untilClosed(), /at most 102400 are taken\n$/);
});

for (const [encoding, pack] of [
  ["gzip", zlib.gzipSync],
  ["deflate", zlib.deflateSync],
  ["zstd", zlib.zstdCompressSync],
] as const) {
  test(`openHttpServer() answers 413 to a ${encoding} bomb, in bounded memory`, async (t) => {
    const { url, budget } = await open(t);
    const bomb = pack(Buffer.alloc(64 * 1_024 * KIB));
    assert.ok(bomb.length < 100 * KIB);
    const before = process.memoryUsage.rss();
    const answer = await fetch(`${url}/sink`, {
      method: "POST",
      body: bomb,
      headers: { "content-encoding": encoding },
    });
    assert.equal(answer.status, 413);
    assert.equal(await answer.text(), "decompressed body is over 204800 bytes\n");
    assert.ok(process.memoryUsage.rss() - before < 32 * 1_024 * KIB);
    await until(() => budget.heldBytes === 0);
  });
}

test("openHttpServer() cuts off who does not finish the headers", async (t) => {
  const { port } = await open(t, { headersTimeoutMs: 50, requestTimeoutMs: 5_000 });
  const silent = await openRawPeer(port);
  const slow = await openRawPeer(port);
  slow.write("POST /sink HTTP/1.1\r\nHost: x\r\nX-A");
  assert.equal(await silent.untilClosed(), "", "nothing that could pass for an answer");
  assert.match(await slow.untilClosed(), /^HTTP\/1\.1 408 Request Timeout/);
});

test("openHttpServer() cuts off who sends headers without an end", async (t) => {
  const { port } = await open(t, { headersTimeoutMs: 50 });
  const peer = await openRawPeer(port);
  peer.write("POST /sink HTTP/1.1\r\n");
  const timer = setInterval(() => peer.write("X-More: yes\r\n"), 5);
  const got = await peer.untilClosed();
  clearInterval(timer);
  assert.match(got, /^HTTP\/1\.1 (408|431) /);
});

test("openHttpServer() cuts off who does not finish the body, and keeps nothing of it", async (t) => {
  const { port, budget } = await open(t, { headersTimeoutMs: 50, requestTimeoutMs: 100 });
  const peer = await openRawPeer(port);
  peer.write(head("Content-Length: 50000\r\n"));
  peer.write(Buffer.alloc(20_000));
  await until(() => budget.heldBytes === 20_000);
  assert.match(await peer.untilClosed(), /^HTTP\/1\.1 408 Request Timeout/);
  await until(() => budget.heldBytes === 0);
});

test("openHttpServer() cuts off who keeps a connection without using it", async (t) => {
  const { port } = await open(t, { idleTimeoutMs: 50 });
  const peer = await openRawPeer(port);
  peer.write(head("Content-Length: 2\r\n") + "ab");
  assert.match(await peer.until("took"), /^HTTP\/1\.1 200 OK[^]*took 2$/);
  await peer.untilClosed();
});

test("openHttpServer() cuts off who does not read its answer", async (t) => {
  let ended = false;
  let closedCount = 0;
  async function* endless() {
    try {
      for (;;) yield Buffer.alloc(64 * KIB);
    } finally {
      ended = true;
    }
  }
  const whole = Buffer.alloc(32 * 1_024 * KIB);
  const routes: HttpRoute[] = [
    { method: "GET", path: "/endless", handle: () => ({ status: 200, body: endless() }) },
    {
      method: "GET",
      path: "/whole",
      handle: ({ signal }) => {
        signal.addEventListener("abort", () => closedCount++);
        return { status: 200, body: whole };
      },
    },
  ];
  const { port } = await open(t, { answerTimeoutMs: 100 }, routes);
  for (const path of ["/endless", "/whole"]) {
    const peer = await openRawPeer(port);
    peer.socket.pause();
    peer.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    // A peer that does not read does not see the end either: it reads again when it is cut.
    if (path === "/endless") await until(() => ended);
    else await until(() => closedCount > 0);
    peer.socket.resume();
    const got = await peer.untilClosed();
    assert.ok(got.length < whole.length, `${path} ended after ${got.length} bytes`);
  }
});

test("openHttpServer() forgets a peer that goes away in the middle of its body", async (t) => {
  const { port, budget } = await open(t);
  for (const leave of ["end", "resetAndDestroy"] as const) {
    const peer = await openRawPeer(port);
    peer.write(head("Content-Length: 50000\r\n"));
    peer.write(Buffer.alloc(30_000));
    await until(() => budget.heldBytes === 30_000);
    peer.socket[leave]();
    await until(() => budget.heldBytes === 0);
  }
});

test("openHttpServer() answers 429 when all bodies together are too much", async (t) => {
  const { port, url, budget } = await open(t, { inFlightBytesMax: 100 * KIB });
  const holder = await openRawPeer(port);
  holder.write(head("Content-Length: 80000\r\n"));
  holder.write(Buffer.alloc(79_999));
  await until(() => budget.heldBytes === 79_999);
  const answer = await fetch(`${url}/sink`, { method: "POST", body: Buffer.alloc(50_000) });
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get("retry-after"), "1");
  assert.match(await answer.text(), /^too many bytes in flight: \d+ of 102400, try again later\n$/);
  holder.write("x");
  assert.match(await holder.until("took"), /took 80000/);
  holder.socket.destroy();
});

test("openHttpServer() answers 429 when there are too many requests at once", async (t) => {
  const gate = Promise.withResolvers<void>();
  const wait: HttpRoute = {
    method: "GET",
    path: "/wait",
    handle: () => gate.promise.then(() => ({ status: 200, body: "waited" })),
  };
  const { port } = await open(t, { requestsMax: 5 }, [wait]);
  const peer = await openRawPeer(port);
  peer.write("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n".repeat(8));
  gate.resolve();
  const got = await peer.until("429 Too Many Requests\r\n".repeat(1));
  assert.equal(got.match(/200 OK/g)?.length, 5);
  peer.socket.destroy();
});

test("openHttpServer() serves while 200 connections are idle, and closes at once", async (t) => {
  const door = await open(t);
  const peers = await Promise.all(Array.from({ length: 200 }, () => openRawPeer(door.port)));
  for (const peer of peers.slice(0, 100)) peer.write("POST /sink HTTP/1.1\r\n");
  const answer = await fetch(`${door.url}/sink`, { method: "POST", body: "x" });
  assert.equal(await answer.text(), "took 1");
  const other = await open(t); // for the checks after the test
  assert.ok(other.port > 0);
  for (const peer of peers) peer.socket.destroy();
});

test("close() does not wait for peers that say nothing", async () => {
  const server = await openHttpServer({
    name: "test",
    hostPort: { host, port: 0 },
    routes: [sink],
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  const peers = await Promise.all(Array.from({ length: 20 }, () => openRawPeer(server.port)));
  for (const peer of peers.slice(0, 10)) peer.write("POST /sink HTTP/1.1\r\nHos");
  peers[19]?.write(head("Content-Length: 1\r\n") + "x");
  await peers[19]?.until("took 1");
  const closed = server.close(60_000);
  await Promise.all(peers.map((peer) => peer.untilClosed()));
  for (const peer of peers) peer.socket.destroy();
  await closed;
});

test("openHttpServer() takes no more connections than it may", async (t) => {
  const { port } = await open(t, { connectionsMax: 3 });
  const peers = await Promise.all(Array.from({ length: 3 }, () => openRawPeer(port)));
  const fourth = await openRawPeer(port);
  assert.equal(await fourth.untilClosed(), "");
  peers[0]?.write(head("Content-Length: 1\r\nConnection: close\r\n") + "x");
  assert.match((await peers[0]?.untilClosed()) ?? "", /took 1$/);
  for (const peer of [...peers, fourth]) peer.socket.destroy();
});

test("openHttpServer() takes one byte at a time", async (t) => {
  const { port } = await open(t);
  const peer = await openRawPeer(port);
  const packed = zlib.gzipSync("hello, hello, hello");
  const bytes = Buffer.concat([
    Buffer.from(head(`Content-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n`)),
    packed,
  ]);
  for (const byte of bytes) {
    peer.write(Uint8Array.of(byte));
    await setImmediate();
  }
  assert.match(await peer.until("took"), /took 19$/);
  peer.socket.destroy();
});
