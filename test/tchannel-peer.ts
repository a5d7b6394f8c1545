// A peer that writes TChannel frames one by one, or what it calls so, and the server that it writes to.
//
//   await using server = await openTestServer({ "Test::slow": handler }, { requestTimeoutMs: 40 });
//   using peer = await openReadyPeer(server.port);
//   peer.write(...framesOf(2));  await nextBody(peer, 2);  await checkServes(server);
//
// Not here: the client of ours (src/net/tchannel-client.ts), peers of other makers (e2e/tchannel.test.ts).

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { silentLog } from "../src/base/log.ts";
import { makeByteBudget } from "../src/net/byte-budget.ts";
import type { TChannelLimits } from "../src/net/limits.ts";
import {
  CallArguments,
  readAnswerHead,
  writeCall,
  writeRequestHead,
} from "../src/net/tchannel-call.ts";
import type { TChannelFailure, TChannelHandler } from "../src/net/tchannel-connection.ts";
import {
  CALL_ANSWER,
  CALL_REQUEST,
  CALL_REQUEST_MORE,
  ERROR,
  FrameReader,
  INIT_ANSWER,
  INIT_REQUEST,
  PayloadReader,
  readError,
  writeInit,
} from "../src/net/tchannel-frame.ts";
import { openTChannelServer } from "../src/net/tchannel-server.ts";
import { until } from "./until.ts";

const host = "127.0.0.1";

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly bugs: unknown[];
  readonly failures: TChannelFailure[];
  close(graceMs: number): Promise<void>;
}

export async function openTestServer(
  handlers: Readonly<Record<string, TChannelHandler>> = {},
  limits: Partial<TChannelLimits> = {},
  atPort = 0,
): Promise<TestServer> {
  const bugs: unknown[] = [];
  const failures: TChannelFailure[] = [];
  const echo: TChannelHandler = ({ body }) => Promise.resolve(body.slice());
  const server = await openTChannelServer({
    name: "test",
    hostPort: { host, port: atPort },
    services: new Map(Object.entries({ "Test::echo": echo, ...handlers })),
    log: silentLog,
    onBug: (error) => void bugs.push(error),
    onFailure: (failure) => void failures.push(failure),
    limits,
  });
  const close = (graceMs: number): Promise<void> => server.close(graceMs);
  return { port: server.port, bugs, failures, close, [Symbol.asyncDispose]: () => close(0) };
}

type Frame = readonly [type: number, id: number, payload: Uint8Array];

/** A peer that writes frames, or what it calls so, and keeps what comes back. */
export interface Peer extends Disposable {
  readonly socket: Socket;
  readonly frames: Frame[];
  write(...frames: readonly Uint8Array[]): void;
  /** The next frame that nobody has waited for yet. */
  next(): Promise<Frame>;
  readonly isClosed: boolean;
}

export async function openPeer(port: number): Promise<Peer> {
  const socket = connect({ host, port });
  const frames: Frame[] = [];
  let taken = 0;
  let isClosed = false;
  const reader = new FrameReader((type, id, payload) => {
    frames.push([type, id, payload.slice()]);
  });
  socket.on("data", (chunk: Uint8Array) => reader.add(chunk));
  socket.on("error", () => {}); // a reset is an end, too
  socket.on("close", () => (isClosed = true));
  await once(socket, "connect");
  return {
    socket,
    frames,
    write: (...bytes) => void socket.write(Buffer.concat(bytes)),
    async next() {
      await until(() => frames.length > taken || isClosed);
      const frame = frames[taken++];
      assert.ok(frame !== undefined, "the connection ended");
      return frame;
    },
    get isClosed() {
      return isClosed;
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

export const INIT = writeInit(
  INIT_REQUEST,
  1,
  new Map([
    ["host_port", "0.0.0.0:0"],
    ["process_name", "peer"],
  ]),
);

/** A peer whose init was answered. */
export async function openReadyPeer(port: number): Promise<Peer> {
  const peer = await openPeer(port);
  peer.write(INIT);
  const [type, id] = await peer.next();
  assert.deepEqual([type, id], [INIT_ANSWER, 1]);
  return peer;
}

interface CallParts {
  readonly method?: string;
  readonly body?: Uint8Array;
  readonly ttlMs?: number;
  readonly as?: string;
}

export function framesOf(id: number, parts: CallParts = {}): Uint8Array[] {
  const {
    method = "Test::echo",
    body = Uint8Array.of(1, 2),
    ttlMs = 10_000,
    as = "thrift",
  } = parts;
  return writeCall({
    type: CALL_REQUEST,
    moreType: CALL_REQUEST_MORE,
    id,
    head: writeRequestHead(ttlMs, "svc", new Map([["as", as]])),
    checksumType: 3,
    method,
    body,
  });
}

export async function nextError(
  peer: Peer,
): Promise<readonly [id: number, code: number, message: string]> {
  const [type, id, payload] = await peer.next();
  assert.equal(type, ERROR);
  const { code, message } = readError(payload);
  return [id, code, message];
}

export async function nextBody(peer: Peer, expectedId: number): Promise<Uint8Array> {
  const [type, id, payload] = await peer.next();
  assert.deepEqual([type, id], [CALL_ANSWER, expectedId]);
  const reader = new PayloadReader(payload);
  const { isLast, isOk, headers } = readAnswerHead(reader);
  assert.deepEqual([isLast, isOk, headers.get("as")], [true, true, "thrift"]);
  const args = new CallArguments(65_536, makeByteBudget(65_536));
  args.add(reader, isLast);
  return args.body;
}

/** The next honest peer is served. */
export async function checkServes(server: TestServer): Promise<void> {
  using peer = await openReadyPeer(server.port);
  peer.write(...framesOf(3));
  assert.deepEqual([...(await nextBody(peer, 3))], [1, 2]);
  assert.deepEqual(server.bugs, []);
}

/** A call in one frame, with these flags. */
export const callOf = (id: number, flags: number): Uint8Array => {
  const frame = Buffer.from(framesOf(id)[0]!);
  frame[16] = flags;
  return frame;
};
