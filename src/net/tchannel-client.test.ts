// The client against our server, and against peers that do not do what they should.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Server, type Socket, createServer } from "node:net";
import { test } from "node:test";
import { openTestServer } from "../../test/tchannel-peer.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import type { TChannelLimits } from "./limits.ts";
import { writeAnswerHead, writeCall } from "./tchannel-call.ts";
import { type TChannelClient, openTChannelClient } from "./tchannel-client.ts";
import type { TChannelHandler } from "./tchannel-connection.ts";
import {
  CALL_ANSWER,
  CALL_ANSWER_MORE,
  CALL_REQUEST,
  CANCEL,
  ERROR,
  FrameReader,
  INIT_ANSWER,
  INIT_REQUEST,
  NO_ID,
  PING_ANSWER,
  PING_REQUEST,
  makeFrame,
  writeEmpty,
  writeError,
  writeInit,
} from "./tchannel-frame.ts";

const host = "127.0.0.1";
const TTL = { ttlMs: 10_000 };
const BODY = Uint8Array.of(1, 2, 3);

function openClient(
  port: number,
  more: { readonly limits?: Partial<TChannelLimits>; readonly connectTimeoutMs?: number } = {},
): TChannelClient & Disposable {
  const client = openTChannelClient({
    hostPort: { host, port },
    processName: "jaeger-agent",
    log: silentLog,
    clock: systemClock,
    random: () => 0,
    ...more,
  });
  const close = (): void => client.close();
  return Object.defineProperty(client, Symbol.dispose, { value: close }) as TChannelClient &
    Disposable;
}

interface FakeServer extends AsyncDisposable {
  readonly port: number;
  readonly sockets: Socket[];
  /** Type and id of every frame that came. */
  readonly frames: (readonly [type: number, id: number])[];
  /** To the connection that came last. */
  write(...frames: readonly Uint8Array[]): void;
}

const INIT = writeInit(
  INIT_ANSWER,
  1,
  new Map([
    ["host_port", "x"],
    ["process_name", "fake"],
  ]),
);

/** A peer that answers each init with `answer`, and nothing else. */
async function openFake(answer: Uint8Array = INIT): Promise<FakeServer> {
  const sockets: Socket[] = [];
  const frames: (readonly [number, number])[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    const reader = new FrameReader((type, id) => {
      frames.push([type, id]);
      if (type === INIT_REQUEST) socket.write(answer);
    });
    socket.on("data", (chunk: Uint8Array) => reader.add(chunk));
    socket.on("error", () => {});
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    sockets,
    frames,
    write: (...bytes) => void sockets.at(-1)!.write(Buffer.concat(bytes)),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The number of the call that came last. */
const callId = (fake: FakeServer): number => fake.frames.findLast(([t]) => t === CALL_REQUEST)![1];
const calls = (fake: FakeServer): number => fake.frames.filter(([t]) => t === CALL_REQUEST).length;

function answerOf(id: number, body: Uint8Array): Uint8Array[] {
  return writeCall({
    type: CALL_ANSWER,
    moreType: CALL_ANSWER_MORE,
    id,
    head: writeAnswerHead(new Uint8Array(25), new Map()),
    checksumType: 3,
    method: "",
    body,
  });
}

test("call() waits for the connection, tells who calls, and gets its answer", async () => {
  const seen: string[] = [];
  const look: TChannelHandler = ({ caller, service, body }) => {
    seen.push(`${caller} ${service}`);
    return Promise.resolve(body.slice());
  };
  await using server = await openTestServer({ "Test::look": look });
  using client = openClient(server.port);
  assert.equal(client.isConnected, false);
  for (const size of [0, 3, 65_000, 300_000]) {
    const body = Uint8Array.from({ length: size }, (_byte, i) => i);
    const answer = await client.call("svc", "Test::look", body, TTL);
    assert.ok(Buffer.from(answer).equals(body));
  }
  assert.equal(client.isConnected, true);
  assert.equal(seen[0], "jaeger-agent svc");
  await client.ping();
});

for (const [code, name] of [
  [3, "overloaded"],
  [6, "bad-input"],
  [1, "unavailable"],
  [4, "unavailable"],
  [5, "unavailable"],
] as const) {
  test(`call() is ${name} when the peer answers with error ${code}`, async () => {
    await using fake = await openFake();
    using client = openClient(fake.port);
    const call = client.call("svc", "A::b", BODY, TTL);
    await until(() => calls(fake) === 1);
    fake.write(writeError(callId(fake), code, "no"));
    await assert.rejects(call, { code: name, message: /: no$/ });
    assert.equal(client.isConnected, true);
  });
}

test("call() is bad-input when the peer answers with an exception", async () => {
  await using fake = await openFake();
  using client = openClient(fake.port);
  const call = client.call("svc", "A::b", BODY, TTL);
  await until(() => calls(fake) === 1);
  const [frame] = answerOf(callId(fake), BODY);
  frame![17] = 1;
  fake.write(frame!);
  await assert.rejects(call, { code: "bad-input", message: /exception/ });
});

test("call() ends with its ttl, and an answer that comes later is ignored", async () => {
  await using fake = await openFake();
  using client = openClient(fake.port);
  await assert.rejects(client.call("svc", "A::b", BODY, { ttlMs: 30 }), {
    code: "unavailable",
    message: /no answer within 30 ms/,
  });
  const late = callId(fake);
  const next = client.call("svc", "A::b", BODY, TTL);
  await until(() => calls(fake) === 2);
  fake.write(...answerOf(late, BODY), ...answerOf(callId(fake), Uint8Array.of(9)));
  assert.deepEqual([...(await next)], [9]);
});

test("call() ends with its signal, and the peer is told", async () => {
  await using fake = await openFake();
  using client = openClient(fake.port);
  const abort = new AbortController();
  const call = client.call("svc", "A::b", BODY, { ...TTL, signal: abort.signal });
  await until(() => calls(fake) === 1);
  abort.abort();
  await assert.rejects(call, { name: "AbortError" });
  await until(() => fake.frames.some(([type, id]) => type === CANCEL && id === callId(fake)));
  const again = client.call("svc", "A::b", BODY, { ...TTL, signal: abort.signal });
  await assert.rejects(again, { name: "AbortError" });
  assert.equal(calls(fake), 1);
});

test("call() fails at once while the client waits to try again, and works when the peer is back", async () => {
  const first = await openTestServer();
  const { port } = first;
  using client = openClient(port);
  await client.ping();
  const sent = client.call("svc", "Test::echo", BODY, TTL);
  await sent;
  await first.close(0);
  await until(() => !client.isConnected);
  await assert.rejects(client.call("svc", "Test::echo", BODY, TTL), { code: "unavailable" });
  await using second = await openTestServer({}, {}, port);
  await until(() => client.isConnected);
  assert.deepEqual([...(await client.call("svc", "Test::echo", BODY, TTL))], [1, 2, 3]);
  assert.deepEqual(second.bugs, []);
});

test("calls under way fail when the connection is lost", async () => {
  await using fake = await openFake();
  using client = openClient(fake.port);
  const lost = [client.call("svc", "A::b", BODY, TTL), client.call("svc", "A::b", BODY, TTL)];
  await until(() => calls(fake) === 2);
  fake.sockets[0]!.destroy();
  for (const call of lost) await assert.rejects(call, { code: "unavailable" });
  await until(() => fake.sockets.length === 2 && client.isConnected);
});

const badPeers: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ["says no init", makeFrame(PING_REQUEST, 1, 16)],
  ["says what is no TChannel", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  [
    "has an older version",
    Buffer.concat([INIT.subarray(0, 17), Uint8Array.of(1), INIT.subarray(18)]),
  ],
  ["refuses the init", writeError(NO_ID, 0xff, "not you")],
  ["sends a frame below its header", Uint8Array.of(0, 3, 2)],
];

for (const [what, bytes] of badPeers) {
  test(`a peer that ${what} is no peer; the client tries again`, async () => {
    await using fake = await openFake(bytes);
    using client = openClient(fake.port, { limits: { lingerMs: 20 }, connectTimeoutMs: 100 });
    await assert.rejects(client.call("svc", "A::b", BODY, TTL), { code: "unavailable" });
    assert.equal(client.isConnected, false);
    await until(() => fake.sockets.length === 2);
  });
}

test("a peer that does not answer the init is given up in time", async () => {
  await using fake = await openFake(new Uint8Array(0));
  using client = openClient(fake.port, { connectTimeoutMs: 30 });
  await assert.rejects(client.call("svc", "A::b", BODY, TTL), { message: /no init within 30 ms/ });
});

test("a peer that is silent is pinged, and given up if it stays so", async () => {
  await using fake = await openFake();
  using client = openClient(fake.port, { limits: { keepaliveMs: 40, keepaliveTimeoutMs: 40 } });
  await until(() => fake.frames.some(([type]) => type === PING_REQUEST));
  await until(() => fake.sockets.length === 2);
  await until(() => client.isConnected);
});

test("the client answers pings, declines calls, and ignores answers to nothing", async () => {
  await using fake = await openFake();
  using client = openClient(fake.port);
  await until(() => client.isConnected);
  fake.write(
    writeEmpty(PING_REQUEST, 7),
    makeFrame(CALL_REQUEST, 8, 100),
    ...answerOf(1_234, BODY),
    writeEmpty(PING_ANSWER, 77),
    writeError(99, 3, "busy"),
  );
  await until(() => fake.frames.some(([type, id]) => type === ERROR && id === 8));
  assert.ok(fake.frames.some(([type, id]) => type === PING_ANSWER && id === 7));
  assert.equal(client.isConnected, true);
});

test("an answer that cannot be read, or is too large, fails its call alone", async () => {
  await using fake = await openFake();
  using client = openClient(fake.port, { limits: { bodyBytesMax: 66_000 } });
  const bad = client.call("svc", "A::b", BODY, TTL);
  await until(() => calls(fake) === 1);
  const [frame] = answerOf(callId(fake), BODY);
  frame![frame!.length - 1]! ^= 1;
  fake.write(frame!);
  await assert.rejects(bad, { code: "unavailable", message: /checksum/ });
  const large = client.call("svc", "A::b", BODY, TTL);
  await until(() => calls(fake) === 2);
  fake.write(...answerOf(callId(fake), new Uint8Array(70_000)));
  await assert.rejects(large, { code: "unavailable", message: /at most 66000/ });
  assert.equal(client.isConnected, true);
});

test("calls have a bound; what is above it is overloaded", async () => {
  await using fake = await openFake();
  const client = openClient(fake.port, { limits: { callsPerConnectionMax: 2 } });
  const open = [1, 2].map(() => client.call("svc", "A::b", BODY, TTL));
  await assert.rejects(client.call("svc", "A::b", BODY, TTL), { code: "overloaded" });
  const ends = open.map((call) => assert.rejects(call, { message: /the client was closed/ }));
  client.close();
  client.close();
  await Promise.all(ends);
  await assert.rejects(client.ping(), { code: "unavailable" });
});
