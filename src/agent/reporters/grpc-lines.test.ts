// Several connections as one, against an HTTP/2 server that answers when it is told to.

import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { until } from "../../../test/until.ts";
import { openGrpcClient } from "../../net/grpc-client.ts";
import { type GrpcLines, openGrpcLines } from "./grpc-lines.ts";

const host = "127.0.0.1";

interface TestServer {
  readonly port: number;
  readonly sessions: Set<http2.ServerHttp2Session>;
  readonly streams: Set<http2.ServerHttp2Stream>;
  /** Takes connections, or cuts them off. */
  isOpen: boolean;
  refused: number;
}

async function serve(t: TestContext): Promise<TestServer> {
  const sessions = new Set<http2.ServerHttp2Session>();
  const streams = new Set<http2.ServerHttp2Stream>();
  const server = http2.createServer();
  const made = { port: 0, sessions, streams, isOpen: true, refused: 0 };
  server.on("connection", (socket) => {
    if (made.isOpen) return;
    made.refused++;
    socket.destroy();
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => undefined);
    session.on("close", () => void sessions.delete(session));
  });
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.resume();
    streams.add(stream);
  });
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  await once(server.listen(0, host), "listening");
  made.port = (server.address() as AddressInfo).port;
  return made;
}

/** Answers what has come so far. */
function answerAll({ streams }: TestServer): void {
  for (const stream of streams) {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.alloc(5));
    streams.delete(stream);
  }
}

async function connect(
  t: TestContext,
  { port }: TestServer,
): Promise<{ readonly lines: GrpcLines; readonly lost: () => number }> {
  let lost = 0;
  const open = (onLost: () => void) =>
    openGrpcClient({
      address: { host, port },
      hostName: host,
      connectTimeoutMs: 2_000,
      onLost,
    });
  const lines = await openGrpcLines(open, () => void lost++);
  t.after(() => lines.close());
  return { lines, lost: () => lost };
}

/** As many calls; each settles as whether it was answered. */
const callTimes = (lines: GrpcLines, count: number): Promise<boolean>[] =>
  Array.from({ length: count }, () =>
    lines.call("/test/Call", new Uint8Array(3), { timeoutMs: 5_000 }).then(
      () => true,
      () => false,
    ),
  );

test("openGrpcLines() has one connection until that is busy, and never more than four", async (t) => {
  const server = await serve(t);
  const { lines } = await connect(t, server);
  const answered = callTimes(lines, 8);
  await until(() => server.streams.size === 8);
  assert.equal(server.sessions.size, 1);
  for (let count = 9; count <= 60; count++) {
    answered.push(...callTimes(lines, 1));
    await until(() => server.streams.size === count);
  }
  await until(() => server.sessions.size === 4);
  answerAll(server);
  assert.ok((await Promise.all(answered)).every(Boolean));
});

test("GrpcLines.call() goes on with the lines that are left; onLost is called with the last", async (t) => {
  const server = await serve(t);
  const { lines, lost } = await connect(t, server);
  const cut = callTimes(lines, 9);
  await until(() => server.sessions.size === 2);
  const [first, second] = server.sessions;
  const isSecondUsed = () => [...server.streams].some(({ session }) => session === second);
  for (let count = 10; !isSecondUsed(); count++) {
    cut.push(...callTimes(lines, 1));
    await until(() => server.streams.size === count);
  }
  const kept = cut.pop()!;
  first!.destroy();
  assert.ok((await Promise.all(cut)).every((isAnswered) => !isAnswered));
  assert.equal(lost(), 0);
  for (const stream of server.streams) if (stream.destroyed) server.streams.delete(stream);
  answerAll(server);
  assert.equal(await kept, true);
  const again = callTimes(lines, 3);
  await until(() => server.streams.size === 3);
  answerAll(server);
  assert.deepEqual(await Promise.all(again), [true, true, true]);
  second!.destroy();
  await until(() => lost() === 1);
  assert.deepEqual(await Promise.all(callTimes(lines, 1)), [false]);
  lines.close();
  assert.equal(lost(), 1);
});

test("GrpcLines.call() asks a peer once that takes no second connection", async (t) => {
  const server = await serve(t);
  const { lines, lost } = await connect(t, server);
  server.isOpen = false;
  const answered = callTimes(lines, 9);
  await until(() => server.refused === 1 && server.streams.size === 9);
  answered.push(...callTimes(lines, 20));
  await until(() => server.streams.size === 29);
  answerAll(server);
  assert.ok((await Promise.all(answered)).every(Boolean));
  assert.equal(server.refused, 1);
  assert.equal(lost(), 0);
});
