// The calling end of TChannel: one connection to one peer, calls by number, in the scheme thrift.
//
//   connect ─ init req ─ init res ─▶ connected ─ lost ─▶ waits, longer each time ─▶ connect …
//   call() ─ call req (+ continue)* ─▶ … ◀─ call res (+ continue)* · error ─▶ settles by its ttl
//
// Calls are not repeated: who calls knows whether they may be. A call while the connection is being
// made waits for that; while the client waits to try again it fails at once. Pings of the peer are
// answered, calls of the peer are declined.
//
// Source: the TChannel protocol, version 2; arguments as tchannel-go and Jaeger's agent send them.
// Trust: answers are the peer's: their sizes, number and time are bounded (limits.ts).
// Not here: several peers, and which one to call.

import { type Socket, connect } from "node:net";
import type { Clock } from "../base/clock.ts";
import { type ErrorCode, SpoorError, printError } from "../base/errors.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import { BodyError } from "./body-error.ts";
import { type ByteBudget, makeByteBudget } from "./byte-budget.ts";
import { type TChannelLimits, tchannelLimits } from "./limits.ts";
import {
  CallArguments,
  readAnswerHead,
  readContinueHead,
  writeCall,
  writeRequestHead,
} from "./tchannel-call.ts";
import { CHECKSUM_CRC32 } from "./tchannel-checksum.ts";
import {
  CALL_ANSWER,
  CALL_ANSWER_MORE,
  CALL_REQUEST,
  CALL_REQUEST_MORE,
  CANCEL,
  CLAIM,
  ERROR,
  ERROR_BAD_REQUEST,
  ERROR_BUSY,
  ERROR_DECLINED,
  INIT_ANSWER,
  INIT_REQUEST,
  NO_ID,
  PING_ANSWER,
  PING_REQUEST,
  PayloadReader,
  readError,
  readInit,
  writeCancel,
  writeEmpty,
  writeError,
  writeInit,
} from "./tchannel-frame.ts";
import { TChannelLink, lookMsOf } from "./tchannel-link.ts";

export interface TChannelClientOptions {
  readonly hostPort: HostPort;
  /** Told to the peer, as the process and as the caller: "jaeger-agent". */
  readonly processName: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<TChannelLimits>;
  /** From the connect to the end of the peer's init frame. */
  readonly connectTimeoutMs?: number;
  /** 0 ≤ x < 1; spreads what clients do that lost their peer together. */
  readonly random?: () => number;
  /** Of requests, a CHECKSUM_… ; left out: CRC-32. */
  readonly checksumType?: number;
}

export interface CallOptions {
  /** 1..2^31-1; the peer is told, too. */
  readonly ttlMs: number;
  readonly signal?: AbortSignal;
}

export interface TChannelClient {
  readonly isConnected: boolean;
  /**
   * Calls a method with its struct of arguments, in TBinary; resolves to the struct of the result.
   *
   * @throws SpoorError `overloaded` the peer is busy, `bad-input` the peer refuses the call,
   *   `unavailable` anything else: not connected, no answer in time, lost; the reason of `signal`.
   */
  call(
    service: string,
    method: string,
    body: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array>;
  /** Resolves when the peer has answered. @throws SpoorError `unavailable`. */
  ping(): Promise<void>;
  /** Ends the connection; calls that are not answered fail. */
  close(): void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const BACKOFF_MS_MIN = 100;
/** A collector that comes back is used again after this at the latest. */
const BACKOFF_MS_MAX = 5_000;

/** Starts to connect, and goes on doing so until it is closed. */
export function openTChannelClient(options: TChannelClientOptions): TChannelClient {
  return new Client(options);
}

/** Something sent that is to be answered: a call or a ping. */
interface Pending {
  /** Undefined for a ping. */
  readonly answer: CallArguments | undefined;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  isOk: boolean;
}

class Client implements TChannelClient {
  readonly #options: TChannelClientOptions;
  readonly #limits: TChannelLimits;
  readonly #budget: ByteBudget;
  readonly #peer: string;
  readonly #looking: NodeJS.Timeout;
  readonly #pending: Map<number, Pending> = new Map();
  #link: TChannelLink | undefined;
  #isInitialized = false;
  #isClosed = false;
  /** Settles when this attempt to connect does; undefined between attempts. */
  #connecting: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #nextId = 1;

  constructor(options: TChannelClientOptions) {
    this.#options = options;
    this.#limits = { ...tchannelLimits, ...options.limits };
    this.#budget = makeByteBudget(this.#limits.inFlightBytesMax);
    this.#peer = printHostPort(options.hostPort);
    this.#looking = setInterval(() => this.#link?.look(), lookMsOf(this.#limits)).unref();
    this.#connect();
  }

  get isConnected(): boolean {
    return this.#isInitialized;
  }

  async call(
    service: string,
    method: string,
    body: Uint8Array,
    { ttlMs, signal }: CallOptions,
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const name = this.#options.processName;
    const answer = new CallArguments(this.#limits.bodyBytesMax, this.#budget);
    const send = (id: number): void => {
      const frames = writeCall({
        type: CALL_REQUEST,
        moreType: CALL_REQUEST_MORE,
        id,
        head: writeRequestHead(
          ttlMs,
          service,
          new Map([
            ["as", "thrift"],
            ["cn", name],
          ]),
        ),
        // Every server knows it, and both ends have it in native code: CRC-32C costs ten times as much.
        checksumType: this.#options.checksumType ?? CHECKSUM_CRC32,
        method,
        body,
      });
      for (const frame of frames) this.#link?.write(frame);
    };
    try {
      return await this.#ask(send, answer, ttlMs, signal);
    } finally {
      answer.release();
    }
  }

  async ping(): Promise<void> {
    const send = (id: number): void => this.#link?.write(writeEmpty(PING_REQUEST, id));
    await this.#ask(send, undefined, this.#limits.keepaliveTimeoutMs);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#looking);
    clearTimeout(this.#timer);
    if (this.#isInitialized) this.#link?.end();
    else this.#link?.destroy();
    this.#failAll("the client was closed");
  }

  /** Sends something when there is a connection, and waits for its answer. */
  #ask(
    send: (id: number) => void,
    answer: CallArguments | undefined,
    ttlMs: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    if (!this.#isInitialized && this.#connecting === undefined) {
      return Promise.reject(this.#unavailable("not connected"));
    }
    if (this.#pending.size >= this.#limits.callsPerConnectionMax) {
      const message = `too many calls to ${this.#peer} at once`;
      return Promise.reject(new SpoorError("overloaded", message));
    }
    const id = this.#takeId();
    return new Promise((resolve, reject) => {
      const settle = (settleNow: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#pending.delete(id);
        settleNow();
      };
      const pending: Pending = {
        answer,
        resolve: (body) => settle(() => resolve(body)),
        reject: (error) => settle(() => reject(error)),
        isOk: true,
      };
      const abort = (): void => {
        if (this.#isInitialized) this.#link?.write(writeCancel(id, "aborted"));
        const reason: unknown = signal?.reason;
        pending.reject(reason instanceof Error ? reason : new Error("aborted"));
      };
      const timer = setTimeout(() => {
        pending.reject(this.#unavailable(`no answer within ${ttlMs} ms`));
      }, ttlMs);
      signal?.addEventListener("abort", abort, { once: true });
      this.#pending.set(id, pending);
      if (this.#isInitialized) send(id);
      else {
        this.#connecting?.promise.then(
          () => {
            if (this.#pending.get(id) === pending) send(id);
          },
          () => {}, // `#lose` says so to all
        );
      }
    });
  }

  #takeId(): number {
    let id = this.#nextId;
    while (this.#pending.has(id)) id = id + 1 < NO_ID ? id + 1 : 1;
    this.#nextId = id + 1 < NO_ID ? id + 1 : 1;
    return id;
  }

  #connect(): void {
    const { hostPort, processName, clock, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    const { host, port } = hostPort;
    this.#connecting = Promise.withResolvers<void>();
    this.#connecting.promise.catch(() => {}); // nobody may be waiting
    const socket: Socket = connect({ host, port });
    let why = "the connection was closed";
    socket.on("error", (error: NodeJS.ErrnoException) => (why = error.code ?? error.message));
    const timer = setTimeout(() => {
      why = `no init within ${connectTimeoutMs} ms`;
      socket.destroy();
    }, connectTimeoutMs);
    this.#link = new TChannelLink(socket, {
      limits: this.#limits,
      clock,
      onFrame: (type, id, payload) => {
        if (this.#isInitialized) this.#take(type, id, payload);
        else if (this.#initialize(type, payload)) clearTimeout(timer);
      },
      onClose: () => {
        clearTimeout(timer);
        this.#lose(why);
      },
      // Both ends would wait for each other, if neither read.
      readsWait: false,
    });
    const headers = new Map([
      ["host_port", "0.0.0.0:0"], // nobody calls us
      ["process_name", processName],
      ["tchannel_language", "node"],
      ["tchannel_language_version", process.versions.node],
      ["tchannel_version", "2"],
    ]);
    this.#link.write(writeInit(INIT_REQUEST, this.#takeId(), headers));
  }

  /** @returns true if the peer is ready for calls. */
  #initialize(type: number, payload: Uint8Array): boolean {
    if (type === ERROR) {
      this.#tellError(payload);
      this.#link?.end();
      return false;
    }
    if (type !== INIT_ANSWER) {
      this.#link?.fail(`frame of type ${type}, expected an init answer`);
      return false;
    }
    readInit(payload); // throws: the link says why
    this.#isInitialized = true;
    this.#failures = 0;
    this.#options.log.debug("tchannel connected", { peer: this.#peer });
    const connecting = this.#connecting;
    this.#connecting = undefined;
    connecting?.resolve();
    return true;
  }

  /** The connection is gone, or never came to be. */
  #lose(why: string): void {
    const wasConnected = this.#isInitialized;
    this.#isInitialized = false;
    this.#link = undefined;
    const connecting = this.#connecting;
    this.#connecting = undefined;
    connecting?.reject(this.#unavailable(why));
    this.#failAll(why);
    if (this.#isClosed) return;
    const { log, random = Math.random } = this.#options;
    const fullMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures);
    const waitMs = Math.round(fullMs * (0.5 + random() / 2));
    this.#failures++;
    const what = wasConnected ? "tchannel connection lost" : "tchannel cannot connect";
    log.debug(what, { peer: this.#peer, why, waitMs });
    this.#timer = setTimeout(() => this.#connect(), waitMs).unref();
  }

  #failAll(why: string): void {
    for (const { reject } of this.#pending.values()) reject(this.#unavailable(why));
  }

  #take(type: number, id: number, payload: Uint8Array): void {
    switch (type) {
      case CALL_ANSWER:
      case CALL_ANSWER_MORE:
        this.#takeAnswer(type === CALL_ANSWER, id, payload);
        return;
      case ERROR:
        this.#takeError(id, payload);
        return;
      case PING_REQUEST:
        this.#link?.write(writeEmpty(PING_ANSWER, id));
        return;
      case PING_ANSWER: {
        const pending = this.#pending.get(id);
        if (pending?.answer === undefined) pending?.resolve(new Uint8Array(0));
        return;
      }
      case CALL_REQUEST:
        this.#link?.write(writeError(id, ERROR_DECLINED, "no services here"));
        break;
      case CALL_REQUEST_MORE:
      case CANCEL:
      case CLAIM:
        break;
      default:
        this.#link?.fail(`frame of type ${type}, expected an answer`);
    }
  }

  #takeAnswer(isFirst: boolean, id: number, payload: Uint8Array): void {
    const pending = this.#pending.get(id);
    if (pending?.answer === undefined) return; // it is over already
    const reader = new PayloadReader(payload);
    try {
      let isLast: boolean;
      if (isFirst) ({ isLast, isOk: pending.isOk } = readAnswerHead(reader));
      else isLast = readContinueHead(reader);
      pending.answer.add(reader, isLast);
      if (!isLast) return;
    } catch (error) {
      if (!(error instanceof SpoorError || error instanceof BodyError)) throw error;
      pending.reject(this.#unavailable(`its answer cannot be read: ${error.message}`));
      return;
    }
    if (pending.isOk) pending.resolve(pending.answer.body.slice());
    else pending.reject(new SpoorError("bad-input", `${this.#peer} answered with an exception`));
  }

  #takeError(id: number, payload: Uint8Array): void {
    if (id === NO_ID) {
      this.#tellError(payload);
      this.#link?.end();
      return;
    }
    const { code, message } = readError(payload);
    this.#pending.get(id)?.reject(new SpoorError(codeOf(code), `${this.#peer}: ${message}`));
  }

  /** An error of the connection itself. */
  #tellError(payload: Uint8Array): void {
    try {
      const { code, message } = readError(payload);
      this.#options.log.warn("tchannel peer ends the connection", {
        peer: this.#peer,
        code,
        message,
      });
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      const message = printError(error);
      this.#options.log.warn("tchannel peer cannot be understood", { peer: this.#peer, message });
    }
  }

  #unavailable(why: string): SpoorError {
    return new SpoorError("unavailable", `${this.#peer}: ${why}`);
  }
}

function codeOf(code: number): ErrorCode {
  if (code === ERROR_BUSY) return "overloaded";
  return code === ERROR_BAD_REQUEST ? "bad-input" : "unavailable";
}
