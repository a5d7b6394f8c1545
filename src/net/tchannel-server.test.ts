// What the server says to peers that speak TChannel, to those that nearly do, and to those that stop.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Peer,
  INIT,
  callOf,
  checkServes,
  framesOf,
  nextBody,
  nextError,
  openPeer,
  openReadyPeer,
  openTestServer,
} from "../../test/tchannel-peer.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { type ErrorCode, SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import type { TChannelFailure, TChannelHandler } from "./tchannel-connection.ts";
import { openTChannelClient } from "./tchannel-client.ts";
import {
  CALL_ANSWER,
  ERROR,
  INIT_REQUEST,
  NO_ID,
  PING_ANSWER,
  PING_REQUEST,
  PayloadReader,
  makeFrame,
  readError,
  writeCancel,
  writeEmpty,
  writeInit,
} from "./tchannel-frame.ts";
import { openTChannelServer } from "./tchannel-server.ts";

const host = "127.0.0.1";

test("the server answers init, pings, and calls by their numbers, in any order", async () => {
  const waiting: (() => void)[] = [];
  const late: TChannelHandler = async ({ body }) => {
    const own = body.slice();
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
    return own;
  };
  await using server = await openTestServer({ "Test::late": late });
  using peer = await openReadyPeer(server.port);
  const info = new PayloadReader(peer.frames[0]![2]);
  assert.equal(info.u16(), 2);
  const headers = info.headers(info.u16(), 2);
  assert.deepEqual(
    [headers.get("host_port"), headers.get("process_name")],
    [`${host}:${server.port}`, "test"],
  );
  peer.write(...framesOf(7, { method: "Test::late", body: Uint8Array.of(9) }), ...framesOf(8));
  assert.deepEqual([...(await nextBody(peer, 8))], [1, 2]);
  peer.write(writeEmpty(PING_REQUEST, 99));
  assert.deepEqual((await peer.next()).slice(0, 2), [PING_ANSWER, 99]);
  waiting[0]!();
  assert.deepEqual([...(await nextBody(peer, 7))], [9]);
});

test("a handler sees who calls what, and its body whole over many frames", async () => {
  const seen: unknown[] = [];
  const look: TChannelHandler = ({ service, method, caller, headers, body, signal }) => {
    seen.push([service, method, caller, headers.size, body.length, signal.aborted]);
    return Promise.resolve(new Uint8Array(0));
  };
  await using server = await openTestServer({ "Test::look": look });
  using peer = await openReadyPeer(server.port);
  peer.write(...framesOf(2, { method: "Test::look", body: new Uint8Array(300_000) }));
  await nextBody(peer, 2);
  assert.deepEqual(seen, [["svc", "Test::look", "", 0, 300_000, false]]);
});

const thrown: readonly (readonly [ErrorCode, number])[] = [
  ["overloaded", 3],
  ["unavailable", 4],
  ["bad-input", 6],
  ["unsupported", 6],
];

for (const [code, expected] of thrown) {
  test(`a handler that is ${code} answers with error ${expected}`, async () => {
    const fail: TChannelHandler = () =>
      Promise.reject(new SpoorError(code, "not now", { offset: 4 }));
    await using server = await openTestServer({ "Test::fail": fail });
    using peer = await openReadyPeer(server.port);
    peer.write(...framesOf(2, { method: "Test::fail" }));
    assert.deepEqual(await nextError(peer), [2, expected, "not now (offset 4)"]);
    assert.deepEqual(server.failures, []);
    await checkServes(server);
  });
}

test("a bug of a handler is reported, and its caller told nothing of it", async () => {
  const bug: TChannelHandler = () => Promise.reject(new Error("secret"));
  await using server = await openTestServer({ "Test::bug": bug });
  using peer = await openReadyPeer(server.port);
  peer.write(...framesOf(2, { method: "Test::bug" }));
  assert.deepEqual(await nextError(peer), [2, 5, "internal error"]);
  assert.equal(server.bugs.length, 1);
});

/** A call frame with `change` made to it. */
function changed(change: (frame: Buffer) => void): Uint8Array {
  const frame = Buffer.from(framesOf(2)[0]!);
  change(frame);
  return frame;
}

const badCalls: readonly (readonly [
  what: string,
  frames: readonly Uint8Array[],
  error: readonly [code: number, message: RegExp],
  reason: TChannelFailure["reason"],
])[] = [
  ["an unknown method", framesOf(2, { method: "Test::no" }), [6, /no handler for/], "wrong-type"],
  ["another scheme", framesOf(2, { as: "json" }), [6, /expected thrift/], "wrong-type"],
  ["a ttl of 0", framesOf(2, { ttlMs: 0 }), [6, /ttl of 0/], "bad-input"],
  ["a flipped bit", [changed((f) => (f[f.length - 1]! ^= 1))], [6, /checksum/], "bad-input"],
  ["farmhash", [changed((f) => (f[16 + 45] = 2))], [6, /farmhash/], "wrong-type"],
  [
    "a body above the bound",
    framesOf(2, { body: new Uint8Array(70_000) }),
    [6, /at most 6/],
    "too-large",
  ],
  [
    "half a head",
    [changed((f) => f.writeUInt16BE(40)).subarray(0, 40)],
    [6, /frame ends/],
    "bad-input",
  ],
];

for (const [what, frames, [code, message], reason] of badCalls) {
  test(`a call with ${what} costs that call alone`, async () => {
    await using server = await openTestServer({}, { bodyBytesMax: 66_000 });
    using peer = await openReadyPeer(server.port);
    peer.write(...frames, ...framesOf(4));
    const [id, found, text] = await nextError(peer);
    assert.deepEqual([id, found], [2, code]);
    assert.match(text, message);
    assert.deepEqual([...(await nextBody(peer, 4))], [1, 2]);
    assert.deepEqual(
      server.failures.map((failure) => failure.reason),
      [reason],
    );
  });
}

const badConnections: readonly (readonly [what: string, frames: readonly Uint8Array[], RegExp])[] =
  [
    ["a call before init", framesOf(2), /expected an init request/],
    ["a ping before init", [writeEmpty(PING_REQUEST, 2)], /expected an init request/],
    [
      "no TChannel at all",
      [Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000))],
      /expected an init/,
    ],
    [
      "an init without a name",
      [writeInit(INIT_REQUEST, 1, new Map([["host_port", ""]]))],
      /process_name/,
    ],
    ["a second init", [INIT, INIT], /expected a call/],
    ["an answer to no call", [INIT, makeFrame(CALL_ANSWER, 2, 50)], /expected a call/],
    ["an unknown type", [INIT, makeFrame(0x42, 2, 50)], /type 66, expected a call/],
    ["a frame below its header", [INIT, Uint8Array.of(0, 15, 3)], /at least 16/],
    ["a number twice", [INIT, callOf(2, 1), callOf(2, 0)], /id 2, which is taken/],
    ["the number of no call", [INIT, ...framesOf(NO_ID)], /which is taken/],
  ];

for (const [what, frames, message] of badConnections) {
  test(`${what} costs the connection, and no other`, async () => {
    await using server = await openTestServer();
    using peer = await openPeer(server.port);
    peer.write(...frames);
    await until(() => peer.isClosed);
    const [type, id, payload] = peer.frames.at(-1)!;
    assert.deepEqual([type, id, readError(payload).code], [ERROR, NO_ID, 0xff]);
    assert.match(readError(payload).message, message);
    await checkServes(server);
  });
}

test("frames of a call that is over are ignored", async () => {
  await using server = await openTestServer({}, { bodyBytesMax: 66_000 });
  using peer = await openReadyPeer(server.port);
  const [first, ...others] = framesOf(2, { body: new Uint8Array(200_000) });
  peer.write(first!, ...others, ...others);
  assert.equal((await nextError(peer))[0], 2);
  peer.write(...framesOf(4));
  await nextBody(peer, 4);
});

test("a call that does not go on ends with its ttl, or with the bound of the door", async () => {
  await using server = await openTestServer({}, { requestTimeoutMs: 60 });
  using peer = await openReadyPeer(server.port);
  peer.write(framesOf(2, { body: new Uint8Array(90_000), ttlMs: 30 })[0]!);
  peer.write(framesOf(3, { body: new Uint8Array(90_000), ttlMs: 100_000 })[0]!);
  assert.deepEqual(await nextError(peer), [2, 1, "timeout"]);
  assert.deepEqual(await nextError(peer), [3, 1, "timeout"]);
  assert.deepEqual(
    server.failures.map(({ reason }) => reason),
    ["cut-off", "cut-off"],
  );
  await checkServes(server);
});

test("a handler that is too slow is told so, and its caller, too", async () => {
  let signal: AbortSignal | undefined;
  const slow: TChannelHandler = (call) => {
    signal = call.signal;
    return new Promise((_resolve, reject) => {
      call.signal.addEventListener("abort", () => reject(call.signal.reason as Error));
    });
  };
  await using server = await openTestServer({ "Test::slow": slow });
  using peer = await openReadyPeer(server.port);
  peer.write(...framesOf(2, { method: "Test::slow", ttlMs: 20 }));
  assert.deepEqual(await nextError(peer), [2, 1, "timeout"]);
  assert.equal(signal?.aborted, true);
  peer.write(...framesOf(3, { method: "Test::slow" }));
  peer.write(writeCancel(3, "enough"), writeCancel(77, "who"));
  assert.deepEqual(await nextError(peer), [3, 2, "cancelled by the peer"]);
  peer.write(...framesOf(4, { method: "Test::slow" }));
  await until(() => signal?.aborted === false);
  peer.socket.destroy();
  await until(() => signal?.aborted === true);
  await checkServes(server);
});

test("a connection has a bound of calls; a further one is told busy", async () => {
  const never: TChannelHandler = () => new Promise(() => {});
  await using server = await openTestServer({ "Test::never": never }, { callsPerConnectionMax: 2 });
  using peer = await openReadyPeer(server.port);
  for (const id of [2, 3, 4]) peer.write(...framesOf(id, { method: "Test::never" }));
  assert.deepEqual(await nextError(peer), [4, 3, "too many calls at once"]);
  assert.deepEqual(server.failures, [{ method: "", reason: "overloaded" }]);
  await checkServes(server);
});

test("bodies in flight have a bound; what is above it is told busy and holds nothing", async () => {
  await using server = await openTestServer({}, { inFlightBytesMax: 100_000 });
  using peer = await openReadyPeer(server.port);
  peer.write(...framesOf(2, { body: new Uint8Array(200_000) }));
  const [id, code] = await nextError(peer);
  assert.deepEqual([id, code], [2, 3]);
  peer.write(...framesOf(3, { body: new Uint8Array(60_000) }));
  assert.equal((await nextBody(peer, 3)).length, 60_000);
});

test("a peer that says nothing, or half a frame, is cut off in time", async () => {
  await using server = await openTestServer({}, { handshakeTimeoutMs: 40, requestTimeoutMs: 40 });
  using silent = await openPeer(server.port);
  using half = await openReadyPeer(server.port);
  half.write(Uint8Array.of(0, 100, 3));
  await until(() => silent.isClosed && half.isClosed);
  await checkServes(server);
});

test("a silent peer is pinged; one that does not answer is cut off", async () => {
  await using server = await openTestServer({}, { keepaliveMs: 40, keepaliveTimeoutMs: 40 });
  using peer = await openReadyPeer(server.port);
  for (let round = 0; round < 2; round++) {
    const [type, id] = await peer.next();
    assert.equal(type, PING_REQUEST);
    peer.write(writeEmpty(PING_ANSWER, id));
  }
  await until(() => peer.isClosed);
  assert.equal((await peer.next())[0], PING_REQUEST);
  await checkServes(server);
});

test("a peer that does not read its answers is cut off, and they do not pile up", async () => {
  const large = new Uint8Array(100_000);
  let calls = 0;
  const handler: TChannelHandler = () => {
    calls++;
    return Promise.resolve(large);
  };
  await using server = await openTestServer({ "Test::large": handler }, { answerTimeoutMs: 50 });
  using peer = await openReadyPeer(server.port);
  peer.socket.pause();
  for (let id = 2; id < 500; id++) peer.write(...framesOf(id, { method: "Test::large" }));
  await until(() => calls > 0);
  await until(() => server.failures.length > 0 || peer.socket.destroyed || isReset(peer));
  await checkServes(server);
});

/** Writing tells that the other side has gone, while nothing is read. */
function isReset({ socket }: Peer): boolean {
  socket.write(writeEmpty(PING_REQUEST, 1));
  return socket.destroyed;
}

test("close() lets calls finish that came in, and takes no more", async () => {
  let finish = (): void => {};
  const late: TChannelHandler = async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return Uint8Array.of(5);
  };
  const server = await openTestServer({ "Test::late": late });
  using idle = await openReadyPeer(server.port);
  using peer = await openReadyPeer(server.port);
  peer.write(...framesOf(2, { method: "Test::late" }));
  await until(() => finish.name !== "finish");
  const closed = server.close(5_000);
  await until(() => idle.isClosed);
  peer.write(...framesOf(3));
  assert.deepEqual(await nextError(peer), [3, 4, "shutting down"]);
  finish();
  assert.deepEqual([...(await nextBody(peer, 2))], [5]);
  await closed;
  await until(() => peer.isClosed);
});

test("close() cuts what does not finish in time", async () => {
  const server = await openTestServer({ "Test::never": () => new Promise(() => {}) });
  using peer = await openReadyPeer(server.port);
  peer.write(...framesOf(2, { method: "Test::never" }));
  await server.close(10);
  await until(() => peer.isClosed);
});

test("openTChannelServer() says which door cannot listen", async () => {
  await using server = await openTestServer();
  const again = openTChannelServer({
    name: "second",
    hostPort: { host, port: server.port },
    services: new Map(),
    log: silentLog,
    onBug: () => {},
  });
  await assert.rejects(again, { code: "unavailable", message: /^second cannot listen on/ });
});

test("a client of ours is served, 100 calls at once", async () => {
  await using server = await openTestServer();
  const client = openTChannelClient({
    hostPort: { host, port: server.port },
    processName: "p",
    log: silentLog,
    clock: systemClock,
  });
  const bodies = Array.from({ length: 100 }, (_, i) => new Uint8Array(1_000 * i).fill(i));
  const answers = await Promise.all(
    bodies.map((body) => client.call("svc", "Test::echo", body, { ttlMs: 10_000 })),
  );
  answers.forEach((answer, i) => assert.ok(Buffer.from(answer).equals(bodies[i]!)));
  client.close();
});
