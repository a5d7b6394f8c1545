// One gRPC door: a listener for HTTP/2, its limits, and the services behind it.
//
//   connection ─ node:http2 (frames, HPACK, flow control) ─▶ dispatch ─▶ GrpcCall ─▶ handler
//
// Directly on node:http2: docs/adr/002-grpc-transport.md says what a library costs here.
//
// Source: RFC 9113, grpc/doc/PROTOCOL-HTTP2.md, grpc/doc/keepalive.md.
// Trust: peers are hostile: sizes, times and counts are bounded (limits.ts), floods of frames by
// node:http2 itself (resets, pings, settings, continuations).
// Not here: connections one by one (grpc-session.ts), one call (grpc-call.ts).

import * as http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { makeByteBudget, type ByteBudget } from "./byte-budget.ts";
import type { OnGrpcFailure } from "./grpc-call.ts";
import { makeGrpcDispatch } from "./grpc-dispatch.ts";
import type { GrpcService } from "./grpc-service.ts";
import { GrpcSession } from "./grpc-session.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import { type GrpcLimits, grpcLimits } from "./limits.ts";
import { listen } from "./listen.ts";
import { readTls, type TlsSettings, watchTls } from "./tls.ts";

export interface GrpcServerOptions {
  /** Names the door in logs and errors: "otlp-grpc". */
  readonly name: string;
  readonly hostPort: HostPort;
  readonly services: readonly GrpcService[];
  readonly log: Log;
  /** Called with an error that is a bug of ours, after the peer got INTERNAL. */
  readonly onBug: (error: unknown) => void;
  readonly tls?: TlsSettings;
  readonly limits?: Partial<GrpcLimits>;
  /** Shared with other doors; without it the door has its own of `inFlightBytesMax`. */
  readonly budget?: ByteBudget;
  /** Called for each call that ends without success, for the ledger. */
  readonly onFailure?: OnGrpcFailure;
  readonly clock?: Clock;
  /** 0 ≤ x < 1; spreads the ends of connections that began together. */
  readonly random?: () => number;
}

export interface GrpcServer {
  readonly address: string;
  readonly port: number;
  /** Says GOAWAY, lets calls finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** Frames of peers that care (grpc-c, python); Go and Node send 16 KiB whatever we say. */
const FRAME_BYTES_MAX = 1024 * 1024;
/** Window beyond one message, so that it comes without waiting for us. */
const WINDOW_SLACK_BYTES = 64 * 1024;
const WINDOW_BYTES_MAX = 64 * 1024 * 1024;
/** Header tables and answers waiting for a slow peer, per connection. */
const SESSION_MEMORY_MB = 32;
/** How often connections are looked at: a quarter of the shortest time, within these. */
const LOOK_MS_MIN = 20;
const LOOK_MS_MAX = 1_000;

/** @throws SpoorError `unavailable` if the address is taken, `bad-input` for bad TLS files. */
export async function openGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { log } = options;
  const limits = { ...grpcLimits, ...options.limits };
  const sessions = new Set<GrpcSession>();
  const dispatch = makeGrpcDispatch(options.services, {
    limits,
    budget: options.budget ?? makeByteBudget(limits.inFlightBytesMax),
    onBug: options.onBug,
    onFailure: options.onFailure ?? (() => {}),
  });
  const server = makeServer(options, limits);
  const sockets = watchSockets(server, limits);
  server.on("session", (http2Session: http2.ServerHttp2Session) => {
    const session = new GrpcSession(http2Session, {
      limits,
      dispatch,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      windowBytes: windowBytesOf(limits),
      log,
    });
    sessions.add(session);
    http2Session.on("close", () => sessions.delete(session));
  });
  const looking = setInterval(() => {
    for (const session of sessions) session.look();
  }, lookMsOf(limits)).unref();
  const unwatch = options.tls?.enabled
    ? watchTls(options.tls, log, (tls) => (server as http2.Http2SecureServer).setSecureContext(tls))
    : () => {};
  try {
    await listen(server, options.hostPort, options.name);
  } catch (error) {
    clearInterval(looking);
    unwatch();
    throw error;
  }
  const { address, port } = server.address() as AddressInfo;
  log.debug("door open", { door: options.name, address: printHostPort({ host: address, port }) });

  return {
    address,
    port,
    async close(graceMs) {
      unwatch();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const session of sessions) session.leave(graceMs);
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
      clearInterval(looking);
    },
  };
}

function makeServer(
  options: GrpcServerOptions,
  limits: GrpcLimits,
): http2.Http2Server | http2.Http2SecureServer {
  const settings: http2.ServerOptions = {
    settings: {
      enablePush: false,
      initialWindowSize: windowBytesOf(limits),
      maxFrameSize: FRAME_BYTES_MAX,
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      maxHeaderListSize: limits.headerBytesMax,
    },
    maxSessionMemory: SESSION_MEMORY_MB,
  };
  const server = options.tls?.enabled
    ? http2.createSecureServer({
        ...settings,
        ...readTls(options.tls),
        handshakeTimeout: limits.handshakeTimeoutMs,
        allowHTTP1: false,
      })
    : http2.createServer(settings);
  server.maxConnections = limits.connectionsMax;
  return server;
}

/** Every open connection, and what speaks TLS on it. */
function watchSockets(
  server: http2.Http2Server | http2.Http2SecureServer,
  { keepaliveTimeoutMs }: GrpcLimits,
): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const add = (socket: Socket) => {
    sockets.add(socket);
    let timer: NodeJS.Timeout | undefined;
    // We have ended, and the peer does not: nothing would ever be heard of it again.
    socket.on("finish", () => {
      timer = setTimeout(() => socket.destroy(), keepaliveTimeoutMs).unref();
    });
    socket.on("close", () => {
      clearTimeout(timer);
      sockets.delete(socket);
    });
    socket.on("error", () => {}); // "close" follows
  };
  server.on("connection", add);
  server.on("secureConnection", add);
  return sockets;
}

function windowBytesOf({ messageBytesMax }: GrpcLimits): number {
  return Math.min(messageBytesMax + WINDOW_SLACK_BYTES, WINDOW_BYTES_MAX);
}

function lookMsOf(limits: GrpcLimits): number {
  const times = [
    limits.handshakeTimeoutMs,
    limits.idleTimeoutMs,
    limits.keepaliveMs,
    limits.keepaliveTimeoutMs,
    limits.connectionAgeMaxMs,
    limits.connectionAgeGraceMs,
  ].filter((ms) => ms > 0);
  return Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, ...times.map((ms) => ms / 4)));
}
