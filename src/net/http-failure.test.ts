// What an HTTP door tells its owner of requests that no handler answered: each once, none of the
// others.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { openRawPeer } from "../../test/raw-peer.ts";
import { until } from "../../test/until.ts";
import { SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import type { FailedRequest, HttpRoute } from "./http-route.ts";
import { openHttpServer } from "./http-server.ts";
import type { HttpLimits } from "./limits.ts";

const host = "127.0.0.1";

const sink: HttpRoute = {
  method: "POST",
  path: "/sink",
  handle({ body }) {
    if (body.length === 3) throw new SpoorError("bad-input", "three bytes, expected any other");
    return { status: 200, body: `took ${body.length}` };
  },
};

async function open(
  t: TestContext,
  limits: Partial<HttpLimits> = {},
): Promise<{ port: number; told: FailedRequest[] }> {
  const told: FailedRequest[] = [];
  const server = await openHttpServer({
    name: "test",
    hostPort: { host, port: 0 },
    routes: [sink],
    limits: { bodyBytesMax: 1_000, plainBytesMax: 2_000, lingerMs: 20, ...limits },
    log: silentLog,
    onBug: (error) => assert.fail(String(error)),
    onFailure: (failure) => void told.push(failure),
  });
  t.after(() => server.close(0));
  return { port: server.port, told };
}

const head = (more: string): string => `POST /sink HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const bomb = gzipSync(Buffer.alloc(100_000));

const refused: readonly (readonly [
  what: string,
  bytes: string | Uint8Array,
  status: number,
  limits?: Partial<HttpLimits>,
])[] = [
  ["a body that is declared too large", head("Content-Length: 1001\r\n"), 413],
  [
    "a body that grows too large",
    `${head("Transfer-Encoding: chunked\r\n")}7d0\r\n${"x".repeat(2_000)}\r\n`,
    413,
  ],
  [
    "a bomb",
    Buffer.concat([
      Buffer.from(head(`Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n`)),
      bomb,
    ]),
    413,
  ],
  ["an unknown encoding", `${head("Content-Encoding: br\r\nContent-Length: 2\r\n")}xx`, 415],
  ["gzip that is none", `${head("Content-Encoding: gzip\r\nContent-Length: 2\r\n")}xx`, 400],
  ["a chunk of no size", `${head("Transfer-Encoding: chunked\r\n")}zz\r\n`, 400],
  [
    "a body over the budget",
    `${head("Content-Length: 20\r\n")}${"x".repeat(20)}`,
    429,
    { inFlightBytesMax: 10 },
  ],
  ["one request too many", `${head("Content-Length: 2\r\n")}xx`, 429, { requestsMax: 0 }],
  ["a body that is too slow", `${head("Content-Length: 9\r\n")}xx`, 408, { requestTimeoutMs: 60 }],
];

for (const [what, bytes, status, limits] of refused) {
  test(`openHttpServer() tells of ${what}`, async (t) => {
    const { port, told } = await open(t, limits);
    const peer = await openRawPeer(port);
    peer.write(bytes);
    assert.match(await peer.until("\r\n\r\n"), new RegExp(`^HTTP/1.1 ${status} `));
    peer.socket.destroy();
    await until(() => told.length > 0);
    assert.deepEqual(told, [{ path: "/sink", status, wasHandled: false }]);
  });
}

for (const end of ["end", "destroy", "resetAndDestroy"] as const) {
  test(`openHttpServer() tells of a peer that goes in the middle of a body: ${end}`, async (t) => {
    const { port, told } = await open(t);
    const peer = await openRawPeer(port);
    peer.write(`${head("Content-Length: 9\r\nExpect: 100-continue\r\n")}xx`);
    await peer.until("100 Continue");
    peer.socket[end]();
    await until(() => told.length > 0);
    assert.deepEqual(told, [{ path: "/sink", status: 0, wasHandled: false }]);
  });
}

test("openHttpServer() tells of what a handler threw, and says that it was asked", async (t) => {
  const { port, told } = await open(t);
  const answer = await fetch(`http://${host}:${port}/sink`, { method: "POST", body: "abc" });
  assert.equal(answer.status, 400);
  assert.deepEqual(told, [{ path: "/sink", status: 400, wasHandled: true }]);
});

test("openHttpServer() tells nothing of answered requests, nor of what was no request", async (t) => {
  const { port, told } = await open(t, { headersTimeoutMs: 60, requestTimeoutMs: 100 });
  const good = await fetch(`http://${host}:${port}/sink`, { method: "POST", body: "ab" });
  assert.equal(await good.text(), "took 2");
  const late = await openRawPeer(port);
  late.write("POST /sink HTTP/1.1\r\nHost: x\r\n");
  assert.match(await late.untilClosed(), /^HTTP\/1.1 408 /);
  const noHttp = await openRawPeer(port);
  noHttp.write("\0\0\0\0");
  assert.match(await noHttp.untilClosed(), /^HTTP\/1.1 400 /);
  assert.deepEqual(told, []);
});
