// One TChannel connection, from either end: frames in and out, and whether the peer is still there.
//
//   socket ─ chunks ─▶ FrameReader ─▶ onFrame          write(frame) ─▶ socket, several at once
//                                      look(): silence ─▶ ping ─▶ silence ─▶ cut off
//
// Trust: hostile. A frame has to come whole within a time, what is written has to be taken within a
// time, and a peer that says nothing has to answer pings.
// Not here: what frames mean (tchannel-server.ts, tchannel-client.ts).

import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { SpoorError, printError } from "../base/errors.ts";
import type { TChannelLimits } from "./limits.ts";
import {
  ERROR_FATAL,
  FrameReader,
  NO_ID,
  PING_REQUEST,
  type TakeFrame,
  writeEmpty,
  writeError,
} from "./tchannel-frame.ts";

export interface LinkOptions {
  readonly limits: TChannelLimits;
  readonly clock: Clock;
  readonly onFrame: TakeFrame;
  /** Called once, when nothing comes or goes any more. */
  readonly onClose: () => void;
  /** True: nothing is read while the peer does not read what it is sent. */
  readonly readsWait: boolean;
}

/** How often links are looked at: a quarter of the shortest time, within these. */
const LOOK_MS_MIN = 20;
const LOOK_MS_MAX = 1_000;

export function lookMsOf(limits: TChannelLimits): number {
  const { handshakeTimeoutMs, requestTimeoutMs, keepaliveMs, keepaliveTimeoutMs } = limits;
  const shortestMs = Math.min(
    handshakeTimeoutMs,
    requestTimeoutMs,
    keepaliveMs,
    keepaliveTimeoutMs,
  );
  return Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, shortestMs / 4));
}

export class TChannelLink {
  readonly #socket: Socket;
  readonly #options: LinkOptions;
  readonly #reader: FrameReader;
  /** Since when nothing whole has come. */
  #heardMs: number;
  /** Since when a frame comes, if one does. */
  #frameMs: number;
  #isPinged = false;
  #isEnding = false;
  #isCorked = false;
  #timer: NodeJS.Timeout | undefined;

  /** Of a socket that is connected. */
  constructor(socket: Socket, options: LinkOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#heardMs = options.clock.monotonicMs();
    this.#frameMs = this.#heardMs;
    this.#reader = new FrameReader((type, id, payload) => {
      this.#heardMs = this.#frameMs = options.clock.monotonicMs();
      this.#isPinged = false;
      options.onFrame(type, id, payload);
    });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("drain", () => this.#resume());
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => {
      clearTimeout(this.#timer);
      this.#reader.stop();
      options.onClose();
    });
  }

  /** False: whatever is written goes nowhere. */
  get isOpen(): boolean {
    return !this.#isEnding && this.#socket.writable;
  }

  write(frame: Uint8Array): void {
    if (!this.isOpen) return;
    // Answers come in groups, as the store syncs: one call to the system for all of them.
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
        this.#wait();
      });
    }
    this.#socket.write(frame);
  }

  /** Says what is wrong with the connection itself, and ends it. */
  fail(message: string): void {
    this.write(writeError(NO_ID, ERROR_FATAL, message));
    this.end();
  }

  /** Lets what was written go out, and hears nothing more. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#reader.stop();
    this.#socket.end();
    this.#socket.resume();
    this.#arm(this.#options.limits.lingerMs);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Pings a silent peer and cuts off a dead one; to be called again and again. */
  look(): void {
    if (this.#isEnding) return;
    const { limits, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const silentMs = nowMs - this.#heardMs;
    const isStuck = this.#reader.isInFrame && nowMs - this.#frameMs > limits.requestTimeoutMs;
    if (isStuck || silentMs > limits.keepaliveMs + limits.keepaliveTimeoutMs) {
      this.destroy();
    } else if (silentMs > limits.keepaliveMs && !this.#isPinged) {
      this.#isPinged = true;
      this.write(writeEmpty(PING_REQUEST, 0));
    }
    this.#reader.trim();
  }

  #receive(chunk: Uint8Array): void {
    if (!this.#reader.isInFrame) this.#frameMs = this.#options.clock.monotonicMs();
    try {
      this.#reader.add(chunk);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      this.fail(printError(error));
    }
  }

  /** After writing: is the peer too slow? */
  #wait(): void {
    if (this.#isEnding || !this.#socket.writableNeedDrain) return;
    if (this.#options.readsWait) this.#socket.pause();
    if (this.#timer === undefined) this.#arm(this.#options.limits.answerTimeoutMs);
  }

  #resume(): void {
    if (this.#isEnding) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket.resume();
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.destroy(), ms).unref();
  }
}
