// What a gRPC door does to peers that do not behave: each call or connection is refused or cut
// off, and the next one is served as if nothing had happened.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as http2 from "node:http2";
import { test, type TestContext } from "node:test";
import * as zlib from "node:zlib";
import { openRawPeer } from "../../test/raw-peer.ts";
import { until } from "../../test/until.ts";
import { silentLog } from "../base/log.ts";
import { type ByteBudget, makeByteBudget } from "./byte-budget.ts";
import { openGrpcServer } from "./grpc-server.ts";
import type { GrpcMethod } from "./grpc-service.ts";
import type { GrpcLimits } from "./limits.ts";
import { GRPC_STATUS } from "./status.ts";

const host = "127.0.0.1";
const KIB = 1024;

interface Door {
  readonly port: number;
  readonly budget: ByteBudget;
  close(graceMs: number): Promise<void>;
}

const sink: GrpcMethod = { kind: "unary", handle: ({ length }) => Buffer.from(`took ${length}`) };

/** A door with small limits; after the test it must still serve, and hold nothing. */
async function open(
  t: TestContext,
  limits: Partial<GrpcLimits> = {},
  methods: Record<string, GrpcMethod> = {},
): Promise<Door> {
  const budget = makeByteBudget(limits.inFlightBytesMax ?? 1_000 * KIB);
  const server = await openGrpcServer({
    name: "test",
    hostPort: { host, port: 0 },
    services: [{ name: "test.Service", methods: { Sink: sink, ...methods } }],
    limits: { messageBytesMax: 100 * KIB, ...limits },
    budget,
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  // What a socket's event throws belongs to no test: without this it would go unseen.
  const thrown: Error[] = [];
  const onThrown = (error: Error) => void thrown.push(error);
  process.on("uncaughtException", onThrown);
  t.after(async () => {
    try {
      await until(() => budget.heldBytes === 0);
      const answer = await ask(connect(server.port), { body: framed("still here") });
      assert.equal(answer.message, "took 10");
    } finally {
      await server.close(0);
      process.off("uncaughtException", onThrown);
    }
    assert.deepEqual(thrown, []);
  });
  return { ...server, budget };
}

function connect(port: number, settings: http2.Settings = {}): http2.ClientHttp2Session {
  const session = http2.connect(`http://${host}:${port}`, { settings });
  session.on("error", () => {});
  return session;
}

function framed(message: string | Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(Buffer.byteLength(message), 1);
  return Buffer.concat([prefix, Buffer.from(message)]);
}

interface Answer {
  readonly httpStatus: number;
  readonly status: number;
  readonly text: string;
  readonly message: string;
  readonly rstCode: number;
  readonly trailers: http2.IncomingHttpHeaders;
}

interface Ask {
  readonly headers?: http2.OutgoingHttpHeaders;
  /** Sent at once; the stream is ended unless `isOpen`. */
  readonly body?: Uint8Array;
  readonly isOpen?: boolean;
}

/** One call in plain HTTP/2, on a connection of its own, which is closed afterwards. */
async function ask(session: http2.ClientHttp2Session, more: Ask = {}): Promise<Answer> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/test.Service/Sink",
    "content-type": "application/grpc",
    te: "trailers",
    ...more.headers,
  });
  const chunks: Buffer[] = [];
  let headers: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders | undefined;
  stream.on("response", (of) => (headers = of));
  stream.on("trailers", (of) => (trailers = of));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  if (more.body !== undefined) stream.write(more.body);
  if (more.isOpen !== true) stream.end();
  await closed(stream);
  session.destroy();
  trailers ??= headers;
  return {
    httpStatus: Number(headers[":status"]),
    status: Number(trailers["grpc-status"] ?? -1),
    text: decodeURIComponent(String(trailers["grpc-message"] ?? "")),
    message: Buffer.concat(chunks).subarray(5).toString(),
    rstCode: stream.rstCode,
    trailers,
  };
}

/** Also after an error, which once() of node:events would make a rejection. */
function closed(stream: http2.ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    stream.once("close", resolve);
  });
}

function roundTrip(session: http2.ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    session.ping(() => resolve());
  });
}

const bomb = zlib.gzipSync(Buffer.alloc(50_000 * KIB));
const gzip = { "grpc-encoding": "gzip" };
const { RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, DEADLINE_EXCEEDED } = GRPC_STATUS;

const refused: readonly (readonly [what: string, Ask, status: number, text: RegExp])[] = [
  ["no message", {}, UNIMPLEMENTED, /no whole message/],
  ["half a prefix", { body: Buffer.alloc(3) }, UNIMPLEMENTED, /no whole message/],
  ["half a message", { body: framed("hello").subarray(0, 8) }, UNIMPLEMENTED, /no whole message/],
  [
    "two messages",
    { body: Buffer.concat([framed("a"), framed("b")]) },
    UNIMPLEMENTED,
    /too many messages, the method takes one/,
  ],
  [
    "a message over the bound",
    { body: framed(Buffer.alloc(100 * KIB + 1)) },
    RESOURCE_EXHAUSTED,
    /body of 102401 bytes or more, at most 102400 are taken/,
  ],
  [
    "a promise of 2^32-1 bytes, and nothing after it",
    { body: Buffer.from("00ffffffff", "hex"), isOpen: true },
    RESOURCE_EXHAUSTED,
    /body of 4294967295 bytes/,
  ],
  ["a bomb", { body: framed(bomb, 1), headers: gzip }, RESOURCE_EXHAUSTED, /over 102400 bytes/],
  ["gzip that is none", { body: framed("x", 1), headers: gzip }, INTERNAL, /body is not gzip/],
  ["a flag of 7", { body: framed("x", 7) }, INTERNAL, /compressed flag is 7, expected 0 or 1/],
  ["a flag alone", { body: framed("x", 1) }, INTERNAL, /grpc-encoding names none/],
  [
    "an encoding that nobody knows",
    { body: framed("x"), headers: { "grpc-encoding": "snappy" } },
    UNIMPLEMENTED,
    /unknown grpc-encoding, expected gzip, deflate or identity/,
  ],
  [
    "a timeout that is none",
    { body: framed("x"), headers: { "grpc-timeout": "soon" } },
    INTERNAL,
    /malformed grpc-timeout/,
  ],
  [
    "a message that does not come in time",
    { body: framed("hello").subarray(0, 8), isOpen: true },
    DEADLINE_EXCEEDED,
    /message did not come within 100 ms/,
  ],
  [
    "a message that does not come within its deadline",
    { isOpen: true, headers: { "grpc-timeout": "20m" } },
    DEADLINE_EXCEEDED,
    /deadline exceeded/,
  ],
];

for (const [what, more, status, text] of refused) {
  test(`openGrpcServer() refuses ${what}`, async (t) => {
    const { port } = await open(t, { requestTimeoutMs: 100 });
    const answer = await ask(connect(port), more);
    assert.equal(answer.httpStatus, 200);
    assert.match(answer.text, text);
    assert.equal(answer.status, status);
  });
}

const others: readonly (readonly [string, http2.OutgoingHttpHeaders, number])[] = [
  ["another method", { ":method": "PUT" }, 405],
  ["another content", { "content-type": "application/json" }, 415],
  ["grpc-web", { "content-type": "application/grpc-web+proto" }, 415],
  ["no content-type", { "content-type": undefined }, 415],
];

for (const [what, headers, httpStatus] of others) {
  test(`openGrpcServer() answers ${httpStatus} to ${what}`, async (t) => {
    const { port } = await open(t);
    const answer = await ask(connect(port), { headers, body: framed("x") });
    assert.equal(answer.httpStatus, httpStatus);
  });
}

test("openGrpcServer() takes application/grpc+proto", async (t) => {
  const { port } = await open(t);
  const headers = { "content-type": "application/grpc+proto" };
  assert.equal((await ask(connect(port), { headers, body: framed("x") })).message, "took 1");
});

test("openGrpcServer() tells senders to repeat when all messages together are too much", async (t) => {
  const { port, budget } = await open(t, { inFlightBytesMax: 100 * KIB });
  const holder = connect(port);
  const held = ask(holder, {
    body: framed(Buffer.alloc(80_000)).subarray(0, 80_000),
    isOpen: true,
  });
  await until(() => budget.heldBytes === 79_995);
  const answer = await ask(connect(port), { body: framed(Buffer.alloc(50_000)) });
  assert.equal(answer.status, RESOURCE_EXHAUSTED);
  assert.match(answer.text, /too many bytes in flight: \d+ of 102400/);
  const details = Buffer.from(String(answer.trailers["grpc-status-details-bin"]), "base64");
  assert.match(details.toString("latin1"), /RetryInfo/);
  holder.destroy();
  await held;
});

const strangers: readonly (readonly [what: string, bytes: string | Uint8Array])[] = [
  ["HTTP/1", "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"],
  ["a TLS hello", Buffer.from("16030100a5010000a10303" + "00".repeat(160), "hex")],
  ["random bytes", randomBytes(8 * KIB)],
  ["the preface and garbage", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"\u0001".repeat(500)}`],
  ["nothing", ""],
  ["half a preface", "PRI * HTTP/2.0\r\n"],
  ["the preface and silence", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
];

for (const [what, bytes] of strangers) {
  test(`openGrpcServer() cuts off who sends ${what}`, async (t) => {
    const { port } = await open(t, { handshakeTimeoutMs: 50 });
    const peer = await openRawPeer(port);
    peer.write(bytes);
    await peer.untilClosed();
    peer.socket.destroy();
  });
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** length u24 · type u8 · flags u8 · stream u32 · payload: RFC 9113 §4.1. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const SETTINGS = frame(4, 0, 0, Buffer.alloc(0));
const EMPTY = Buffer.alloc(0);
/** `:method POST`, `:scheme http`, `:path /`: indexes of the static table of HPACK. */
const REQUEST = Buffer.from("838684", "hex");

const floods: readonly (readonly [what: string, frames: (stream: number) => Buffer])[] = [
  ["resets", (stream) => Buffer.concat([frame(1, 4, stream, REQUEST), reset(stream)])],
  ["pings", () => frame(6, 0, 0, Buffer.alloc(8))],
  ["settings", () => SETTINGS],
  ["empty data", (stream) => (stream === 1 ? frame(1, 4, 1, REQUEST) : frame(0, 0, 1, EMPTY))],
  [
    "headers without an end",
    (stream) => frame(stream === 1 ? 1 : 9, 0, 1, Buffer.alloc(KIB, 0x83)),
  ],
];

function reset(stream: number): Buffer {
  return frame(3, 0, stream, Buffer.from("00000008", "hex"));
}

for (const [what, frames] of floods) {
  test(`openGrpcServer() stands a flood of ${what}`, async (t) => {
    const { port } = await open(t, { requestTimeoutMs: 200 });
    const before = process.memoryUsage.rss();
    const peer = await openRawPeer(port);
    peer.socket.resume();
    peer.write(PREFACE);
    peer.write(SETTINGS);
    const all = Array.from({ length: 20_000 }, (_, at) => frames(2 * at + 1));
    peer.write(Buffer.concat(all));
    // While it lasts, another peer is served.
    const answer = await ask(connect(port), { body: framed("x") });
    assert.equal(answer.message, "took 1");
    peer.socket.destroy();
    assert.ok(process.memoryUsage.rss() - before < 200_000 * KIB);
  });
}

test("openGrpcServer() refuses headers over the bound", async (t) => {
  const { port } = await open(t, { headerBytesMax: 8 * KIB });
  const session = connect(port);
  await once(session, "remoteSettings"); // the bound counts from when the peer knows it
  await roundTrip(session);
  const large = await ask(session, {
    headers: { "x-large": "x".repeat(10 * KIB) },
    body: framed("x"),
  });
  assert.equal(large.rstCode, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`x-${at}`, "1"]));
  const answer = await ask(connect(port), { headers: many, body: framed("x") });
  assert.equal(answer.rstCode, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
});

test("openGrpcServer() cuts off a peer that does not answer pings", async (t) => {
  const { port } = await open(t, { keepaliveMs: 40, keepaliveTimeoutMs: 40 });
  const dead = await openRawPeer(port);
  dead.write(PREFACE);
  dead.write(SETTINGS);
  const alive = connect(port);
  await dead.untilClosed();
  dead.socket.destroy();
  assert.equal(alive.destroyed, false); // a real client answers by itself
  assert.equal((await ask(alive, { body: framed("x") })).message, "took 1");
});

test("openGrpcServer() cuts off peers that say goodbye and stay", async (t) => {
  const { port } = await open(t, { connectionsMax: 2, keepaliveTimeoutMs: 30 });
  const guests = await Promise.all([openRawPeer(port), openRawPeer(port)]);
  const goaway = frame(7, 0, 0, Buffer.alloc(8));
  for (const guest of guests) guest.write(Buffer.concat([Buffer.from(PREFACE), SETTINGS, goaway]));
  await Promise.all(guests.map((guest) => guest.untilClosed()));
  // Their places are free although they have not closed their side.
  let served = "";
  for (let turn = 0; turn < 1_000 && served === ""; turn++) {
    served = (await ask(connect(port), { body: framed("x") })).message;
  }
  assert.equal(served, "took 1");
  for (const guest of guests) guest.socket.destroy();
});

test("openGrpcServer() sends an idle connection away, if it is told to", async (t) => {
  const { port } = await open(t, { idleTimeoutMs: 40 });
  const session = connect(port);
  await once(session, "close");
});

test("openGrpcServer() cuts off who does not take the answer", async (t) => {
  let isEnded = false;
  async function* endless() {
    try {
      for (;;) yield Buffer.alloc(64 * KIB);
    } finally {
      isEnded = true;
    }
  }
  const methods: Record<string, GrpcMethod> = {
    Endless: { kind: "server-stream", handle: endless },
    Whole: { kind: "unary", handle: () => Promise.resolve(Buffer.alloc(50 * KIB)) },
  };
  const { port } = await open(t, { answerTimeoutMs: 50 }, methods);
  for (const name of ["Endless", "Whole"]) {
    const headers = { ":path": `/test.Service/${name}` };
    const answer = await ask(connect(port, { initialWindowSize: 0 }), {
      headers,
      body: framed("x"),
    });
    assert.equal(answer.message, "");
    assert.notEqual(answer.rstCode, 0);
  }
  await until(() => isEnded);
});

test("openGrpcServer() forgets calls of a connection that is lost", async (t) => {
  const { port, budget } = await open(t);
  for (let turn = 0; turn < 2; turn++) {
    const session = connect(port);
    const body = framed(Buffer.alloc(50_000)).subarray(0, 40_000);
    const lost = [1, 2, 3].map(() => ask(session, { body, isOpen: true }));
    await until(() => budget.heldBytes === 3 * 39_995);
    session.destroy();
    await Promise.all(lost);
    await until(() => budget.heldBytes === 0);
  }
});

test("openGrpcServer() forgets calls that are reset, at any moment", async (t) => {
  const { port, budget } = await open(t);
  const session = connect(port);
  const body = framed(Buffer.alloc(50_000));
  for (const bytes of [0, 3, 40_000, body.length]) {
    const stream = session.request({
      ":method": "POST",
      ":path": "/test.Service/Sink",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    stream.write(body.subarray(0, bytes));
    await until(() => budget.heldBytes === Math.max(0, bytes - 5));
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await closed(stream);
    await until(() => budget.heldBytes === 0);
    await roundTrip(session);
  }
  session.destroy();
});

test("openGrpcServer() lets a peer open no more calls than it may", async (t) => {
  const { port } = await open(t, { streamsPerConnectionMax: 3 });
  const session = connect(port);
  await once(session, "remoteSettings");
  assert.equal(session.remoteSettings.maxConcurrentStreams, 3);
  const opened = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(async () => {
      const stream = session.request({ ":method": "POST", ":path": "/test.Service/Sink" });
      stream.on("error", () => {});
      stream.end();
      await closed(stream);
      return stream.rstCode;
    }),
  );
  assert.equal(opened.length, 6);
  session.destroy();
});

test("openGrpcServer() serves while 200 connections are idle, and closes without waiting for them", async (t) => {
  const door = await open(t, { handshakeTimeoutMs: 60_000 });
  const idle = await openGrpcServer({
    name: "test",
    hostPort: { host, port: 0 },
    services: [{ name: "test.Service", methods: { Sink: sink } }],
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  const peers = await Promise.all(Array.from({ length: 200 }, () => openRawPeer(idle.port)));
  for (const peer of peers.slice(0, 100)) {
    peer.write(PREFACE);
    peer.write(SETTINGS);
  }
  assert.equal((await ask(connect(idle.port), { body: framed("x") })).message, "took 1");
  const closed = idle.close(60_000);
  await Promise.all(peers.map((peer) => peer.untilClosed()));
  for (const peer of peers) peer.socket.end();
  await closed;
  assert.ok(door.port > 0);
});
