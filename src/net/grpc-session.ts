// One HTTP/2 connection of a gRPC door: its calls, its age, and whether the peer is still there.
//
//   connect ─ SETTINGS ─▶ calls … ─ age or close ─▶ GOAWAY ─ end of calls ─▶ end
//      └ silent: cut off     └ silent: PING, nothing comes: cut off
//
// One GOAWAY, not two with a PING between: once there is no open stream, node:http2 stops reading
// after the first, would never see the PONG, and would keep the connection for good.
//
// Source: RFC 9113 §6.8; grpc/doc/keepalive.md; grpc-go's MaxConnectionAge (±10 %).
// Trust: a peer's silence costs one connection, for a bounded time.

import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { GrpcDispatch, OpenCall } from "./grpc-dispatch.ts";
import type { GrpcLimits } from "./limits.ts";
import { GRPC_STATUS } from "./status.ts";

export interface GrpcSessionSettings {
  readonly limits: GrpcLimits;
  readonly dispatch: GrpcDispatch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly windowBytes: number;
  readonly log: Log;
}

const AGE_SPREAD = 0.1;

export class GrpcSession {
  readonly #session: ServerHttp2Session;
  readonly #settings: GrpcSessionSettings;
  readonly #calls = new Set<OpenCall>();
  readonly #openedMs: number;
  readonly #ageMaxMs: number;
  /** The peer has sent its SETTINGS: it speaks HTTP/2. */
  #isSettled = false;
  #isLeaving = false;
  #bytesRead = 0;
  #heardMs: number;
  #busyMs: number;
  #pingedMs: number | undefined;
  #cutMs = Infinity;

  constructor(session: ServerHttp2Session, settings: GrpcSessionSettings) {
    this.#session = session;
    this.#settings = settings;
    const { limits, clock, random } = settings;
    this.#openedMs = clock.monotonicMs();
    this.#heardMs = this.#openedMs;
    this.#busyMs = this.#openedMs;
    const spread = 1 + AGE_SPREAD * (2 * random() - 1);
    this.#ageMaxMs = limits.connectionAgeMaxMs > 0 ? limits.connectionAgeMaxMs * spread : Infinity;
    this.#listen(`${session.socket.remoteAddress ?? ""}:${session.socket.remotePort ?? 0}`);
  }

  /** Takes no new calls; open ones may finish for `graceMs` (Infinity = as long as they need). */
  leave(graceMs: number): void {
    const session = this.#session;
    this.#cutMs = Math.min(this.#cutMs, this.#settings.clock.monotonicMs() + graceMs);
    if (this.#isLeaving || session.destroyed) return;
    this.#isLeaving = true;
    for (const { call, isEndless } of this.#calls) {
      if (isEndless) call.refuse(GRPC_STATUS.UNAVAILABLE, "the connection is closing");
    }
    if (!this.#isSettled) {
      session.destroy();
      return;
    }
    // GOAWAY with the last stream that was taken; a call above it is sent again by its client.
    session.close();
  }

  /** Compares the connection's times with its limits; called again and again. */
  look(): void {
    if (this.#session.destroyed) return;
    const nowMs = this.#settings.clock.monotonicMs();
    this.#hear(nowMs);
    if (this.#isDead(nowMs)) this.#session.destroy();
    else if (this.#isSettled && !this.#isLeaving) this.#lookAtPeer(nowMs);
  }

  #lookAtPeer(nowMs: number): void {
    const { limits, clock } = this.#settings;
    if (nowMs - this.#openedMs >= this.#ageMaxMs) {
      this.leave(limits.connectionAgeGraceMs || Infinity);
    } else if (this.#isIdle(nowMs)) {
      this.leave(limits.keepaliveTimeoutMs);
    } else if (this.#pingedMs === undefined && nowMs - this.#heardMs >= limits.keepaliveMs) {
      if (this.#session.ping(() => this.#hear(clock.monotonicMs()))) this.#pingedMs = nowMs;
    }
  }

  #listen(peer: string): void {
    const session = this.#session;
    const { dispatch, clock, log, windowBytes } = this.#settings;
    session.setLocalWindowSize(windowBytes);
    session.once("remoteSettings", () => {
      this.#isSettled = true;
    });
    session.on("error", (error: Error) => {
      log.debug("grpc connection failed", { peer, error: error.message });
    });
    session.on("stream", (stream: ServerHttp2Stream, headers, _flags, raw: readonly string[]) => {
      stream.on("error", () => {}); // "close" follows, and the call sees it
      const open = dispatch(stream, headers, raw, peer);
      if (open === undefined) return;
      this.#calls.add(open);
      stream.on("close", () => {
        this.#calls.delete(open);
        this.#busyMs = clock.monotonicMs();
      });
    });
  }

  /** Whatever comes is a sign of life, an answer to a ping too. */
  #hear(nowMs: number): void {
    const bytesRead = this.#session.socket?.bytesRead ?? 0;
    if (bytesRead === this.#bytesRead) return;
    this.#bytesRead = bytesRead;
    this.#heardMs = nowMs;
    this.#pingedMs = undefined;
  }

  #isDead(nowMs: number): boolean {
    const { handshakeTimeoutMs, keepaliveTimeoutMs } = this.#settings.limits;
    if (nowMs >= this.#cutMs) return true;
    if (!this.#isSettled) return nowMs - this.#openedMs >= handshakeTimeoutMs;
    return this.#pingedMs !== undefined && nowMs - this.#pingedMs >= keepaliveTimeoutMs;
  }

  #isIdle(nowMs: number): boolean {
    const { idleTimeoutMs } = this.#settings.limits;
    return idleTimeoutMs > 0 && this.#calls.size === 0 && nowMs - this.#busyMs >= idleTimeoutMs;
  }
}
