// Requests that were good until somebody changed, cut or repeated some of their bytes: whatever
// comes back, the door goes on, holds nothing, and no error of it goes astray.

import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { connect, createServer, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import * as zlib from "node:zlib";
import { until } from "../../test/until.ts";
import { silentLog } from "../base/log.ts";
import { makeByteBudget } from "./byte-budget.ts";
import { openGrpcServer } from "./grpc-server.ts";
import type { GrpcMethod } from "./grpc-service.ts";
import { openHttpServer } from "./http-server.ts";

const host = "127.0.0.1";
const ROUNDS = 300;
const AT_ONCE = 20;

/** mulberry32: the same changes in every run. */
function makeRandom(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

function mutate(bytes: Buffer, random: (end: number) => number): Buffer {
  let changed = Buffer.from(bytes);
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(changed.length);
    switch (random(4)) {
      case 0:
        changed[at] = random(256);
        break;
      case 1:
        changed = changed.subarray(0, at + 1);
        break;
      case 2: {
        const again = changed.subarray(at, at + 1 + random(40));
        changed = Buffer.concat([changed.subarray(0, at), again, changed.subarray(at)]);
        break;
      }
      default:
        changed[at] = (changed[at] ?? 0) ^ (1 << random(8));
    }
  }
  return changed;
}

/** Sends the bytes and hangs up; resolves when the connection is over. */
function send(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.resume();
    socket.end(bytes);
  });
}

async function sendMutated(t: TestContext, port: number, good: Buffer): Promise<void> {
  const thrown: Error[] = [];
  const onThrown = (error: Error) => void thrown.push(error);
  process.on("uncaughtException", onThrown);
  t.after(() => process.off("uncaughtException", onThrown));
  const random = makeRandom(20_261_122);
  for (let round = 0; round < ROUNDS; round += AT_ONCE) {
    const sent = Array.from({ length: AT_ONCE }, () => send(port, mutate(good, random)));
    await Promise.all(sent);
  }
  assert.deepEqual(thrown, []);
}

test("openHttpServer() outlives requests with changed bytes", async (t) => {
  const budget = makeByteBudget(1_000_000);
  const server = await openHttpServer({
    name: "test",
    hostPort: { host, port: 0 },
    routes: [
      { method: "POST", path: "/a/:b", handle: ({ body }) => ({ status: 200, body }) },
      {
        method: "GET",
        path: "*",
        handle: ({ query }) => ({ status: 200, body: query.toString() }),
      },
    ],
    limits: { lingerMs: 20, headersTimeoutMs: 200, requestTimeoutMs: 200, bodyBytesMax: 50_000 },
    budget,
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  t.after(() => server.close(0));
  const packed = zlib.gzipSync("text ".repeat(2_000));
  const good = Buffer.concat([
    Buffer.from("GET /x?a=%20b HTTP/1.1\r\nHost: h\r\n\r\n"),
    Buffer.from(
      "POST /a/%41 HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\n",
    ),
    Buffer.from(`Content-Length: ${packed.length}\r\n\r\n`),
    packed,
    Buffer.from("POST /a/b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
    Buffer.from("5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n"),
  ]);
  await sendMutated(t, server.port, good);
  await until(() => budget.heldBytes === 0);
  assert.equal(await (await fetch(`http://${host}:${server.port}/x?a=1`)).text(), "a=1");
});

/** What a real client sends for a few calls, as bytes. */
async function recordCalls(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const recorder = createServer((socket) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => {});
    socket.write(Buffer.from("000000040000000000", "hex")); // SETTINGS
  });
  recorder.listen(0, host);
  await once(recorder, "listening");
  const session = http2.connect(`http://${host}:${(recorder.address() as AddressInfo).port}`);
  session.on("error", () => {});
  await once(session, "remoteSettings");
  for (const [path, encoding, message] of [
    ["Unary", "identity", Buffer.from("plain")],
    ["Unary", "gzip", zlib.gzipSync("text ".repeat(2_000))],
    ["Stream", "identity", Buffer.from("many")],
    ["Duplex", "identity", Buffer.from("both")],
  ] as const) {
    const stream = session.request({
      ":method": "POST",
      ":path": `/test.Service/${path}`,
      "content-type": "application/grpc",
      "grpc-encoding": encoding,
      "grpc-timeout": "100m",
    });
    stream.on("error", () => {});
    const prefix = Buffer.from([
      encoding === "gzip" ? 1 : 0,
      0,
      0,
      message.length >> 8,
      message.length,
    ]);
    stream.end(Buffer.concat([prefix, message]));
  }
  await until(() => Buffer.concat(chunks).includes("both"));
  session.destroy();
  recorder.close();
  return Buffer.concat(chunks);
}

test("openGrpcServer() outlives connections with changed bytes", async (t) => {
  const budget = makeByteBudget(1_000_000);
  let calls = 0;
  const methods: Record<string, GrpcMethod> = {
    Unary: {
      kind: "unary",
      handle: (message) => {
        calls++;
        return message;
      },
    },
    Stream: {
      kind: "server-stream",
      async *handle(message) {
        for (let at = 0; at < 10; at++) yield message;
      },
    },
    Duplex: {
      kind: "duplex",
      async *handle(messages) {
        for await (const message of messages) yield message.slice();
      },
    },
  };
  const server = await openGrpcServer({
    name: "test",
    hostPort: { host, port: 0 },
    services: [{ name: "test.Service", methods }],
    limits: { messageBytesMax: 50_000, handshakeTimeoutMs: 200, requestTimeoutMs: 200 },
    budget,
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  t.after(() => server.close(0));
  const good = await recordCalls();
  await send(server.port, good);
  await until(() => calls === 2);
  await sendMutated(t, server.port, good);
  await until(() => budget.heldBytes === 0);
  const before = calls;
  await send(server.port, good);
  await until(() => calls === before + 2);
});
