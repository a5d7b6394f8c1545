// One connection to a TChannel door: what comes in which order, and what is answered.
//
//   init req ─▶ init res                                first of all, within a time
//   call req (+ continue)* ─▶ handler ─▶ call res (+ continue)*  ·  or error
//   ping req ─▶ ping res        cancel ─▶ error "cancelled"        claim: ignored
//
// What is wrong with a call costs that call an error; what is wrong with the frames, or their order,
// costs the connection: an error of no call, then the end. Frames of calls that are over already are
// ignored, for they may have been under way.
//
// Source: the TChannel protocol, version 2; answers as tchannel-go gives them.
// Trust: hostile; every bound is in limits.ts. A call ends with its ttl, whoever does not send the
// rest of it.
// Not here: bytes (tchannel-frame.ts, tchannel-call.ts), the socket (tchannel-link.ts), the listener
// (tchannel-server.ts).

import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { type ErrorCode, SpoorError, printError } from "../base/errors.ts";
import { printHostPort } from "../base/host-port.ts";
import { BodyError } from "./body-error.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { TChannelLimits } from "./limits.ts";
import {
  CallArguments,
  type RequestHead,
  readContinueHead,
  readRequestHead,
  writeAnswerHead,
  writeCall,
} from "./tchannel-call.ts";
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
  ERROR_CANCELLED,
  ERROR_DECLINED,
  ERROR_TIMEOUT,
  ERROR_UNEXPECTED,
  INIT_ANSWER,
  INIT_REQUEST,
  NO_ID,
  PING_ANSWER,
  PING_REQUEST,
  PayloadReader,
  readInit,
  writeEmpty,
  writeError,
  writeInit,
} from "./tchannel-frame.ts";
import { TChannelLink } from "./tchannel-link.ts";

/** One call as its handler sees it. */
export interface TChannelCall {
  /** Whom the caller means: "jaeger-collector". */
  readonly service: string;
  /** "Collector::submitBatches" */
  readonly method: string;
  /** The caller's name, from the header `cn`; "" if it does not say. */
  readonly caller: string;
  /** The application's headers. */
  readonly headers: ReadonlyMap<string, string>;
  /** The struct of arguments, in TBinary; stays as it is until the handler's promise settles. */
  readonly body: Uint8Array;
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Answers with the struct of the result, in TBinary. What it throws becomes an error: `overloaded`
 * busy, `unavailable` declined, `bad-input` and `unsupported` bad request.
 */
export type TChannelHandler = (call: TChannelCall) => Promise<Uint8Array>;

/** By method: "Collector::submitBatches". */
export type TChannelServices = ReadonlyMap<string, TChannelHandler>;

/** A call that came to no handler. */
export interface TChannelFailure {
  /** "" if it was refused before that was known. */
  readonly method: string;
  readonly reason: "bad-input" | "wrong-type" | "too-large" | "overloaded" | "cut-off";
}

/** What all connections of a door share. */
export interface TChannelDoor {
  /** Told to peers as the name of the process. */
  readonly processName: string;
  readonly services: TChannelServices;
  readonly limits: TChannelLimits;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  readonly connections: Set<TChannelConnection>;
  readonly onBug: (error: unknown) => void;
  readonly onFailure: (failure: TChannelFailure) => void;
  isClosing: boolean;
}

const TIMER_MS_MAX = 2 ** 31 - 1;
const AS_THRIFT: ReadonlyMap<string, string> = new Map([["as", "thrift"]]);

const CODES: Readonly<Record<ErrorCode, number>> = {
  "bad-input": ERROR_BAD_REQUEST,
  unsupported: ERROR_BAD_REQUEST,
  unavailable: ERROR_DECLINED,
  overloaded: ERROR_BUSY,
};

/** A call from its first frame to its answer. */
class OpenCall implements TChannelCall {
  readonly id: number;
  readonly head: RequestHead;
  readonly arguments: CallArguments;
  /** A handler has the body in hand: it must stay. */
  isHandled = false;
  timer: NodeJS.Timeout | undefined;
  #abort: AbortController | undefined;
  #isOver = false;

  constructor(id: number, head: RequestHead, args: CallArguments) {
    this.id = id;
    this.head = head;
    this.arguments = args;
  }

  get service(): string {
    return this.head.service;
  }

  get method(): string {
    return this.arguments.method;
  }

  get caller(): string {
    return this.head.headers.get("cn") ?? "";
  }

  get headers(): ReadonlyMap<string, string> {
    return this.arguments.headers;
  }

  get body(): Uint8Array {
    return this.arguments.body;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isOver) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Answered, or given up. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.timer);
    if (this.isHandled) this.#abort?.abort();
    else this.arguments.release();
  }
}

export class TChannelConnection {
  readonly #door: TChannelDoor;
  readonly #link: TChannelLink;
  readonly #calls: Map<number, OpenCall> = new Map();
  readonly #local: string;
  readonly #sinceMs: number;
  #isInitialized = false;
  /** Of the last call: an agent's calls are alike. */
  #bodyBytes = 0;

  constructor(socket: Socket, door: TChannelDoor) {
    const { limits, clock } = door;
    this.#door = door;
    this.#sinceMs = clock.monotonicMs();
    this.#local = printHostPort({ host: socket.localAddress ?? "", port: socket.localPort ?? 0 });
    this.#link = new TChannelLink(socket, {
      limits,
      clock,
      onFrame: (type, id, payload) => this.#take(type, id, payload),
      onClose: () => this.#close(),
      readsWait: true,
    });
  }

  look(): void {
    const { clock, limits } = this.#door;
    const isLate = clock.monotonicMs() - this.#sinceMs > limits.handshakeTimeoutMs;
    if (!this.#isInitialized && isLate) this.#link.fail("no init in time");
    this.#link.look();
  }

  endIfIdle(): void {
    if (this.#door.isClosing && this.#calls.size === 0) this.#link.end();
  }

  destroy(): void {
    this.#link.destroy();
  }

  #close(): void {
    this.#door.connections.delete(this);
    for (const call of this.#calls.values()) {
      if (!call.isHandled) this.#tellFailure(call.method, "cut-off");
      call.end();
    }
    this.#calls.clear();
  }

  #take(type: number, id: number, payload: Uint8Array): void {
    if (!this.#isInitialized) {
      this.#initialize(type, id, payload);
      return;
    }
    switch (type) {
      case CALL_REQUEST:
        this.#begin(id, payload);
        return;
      case CALL_REQUEST_MORE:
        this.#continue(id, payload);
        return;
      case CANCEL:
        this.#cancel(id);
        return;
      case PING_REQUEST:
        this.#link.write(writeEmpty(PING_ANSWER, id));
        break;
      case PING_ANSWER:
      case CLAIM:
      case ERROR:
        break;
      default:
        this.#link.fail(`frame of type ${type}, expected a call`);
    }
  }

  #initialize(type: number, id: number, payload: Uint8Array): void {
    if (type !== INIT_REQUEST) {
      this.#link.fail(`frame of type ${type}, expected an init request`);
      return;
    }
    readInit(payload); // throws: the link says why
    this.#isInitialized = true;
    const headers = new Map([
      ["host_port", this.#local],
      ["process_name", this.#door.processName],
      ["tchannel_language", "node"],
      ["tchannel_language_version", process.versions.node],
      ["tchannel_version", "2"],
    ]);
    this.#link.write(writeInit(INIT_ANSWER, id, headers));
  }

  #begin(id: number, payload: Uint8Array): void {
    const { limits, budget, isClosing } = this.#door;
    if (id === NO_ID || this.#calls.has(id)) {
      this.#link.fail(`call with id ${id}, which is taken`);
      return;
    }
    const reader = new PayloadReader(payload);
    let head: RequestHead;
    try {
      head = readRequestHead(reader);
    } catch (error) {
      this.#refuseHead(id, error);
      return;
    }
    if (isClosing) {
      this.#link.write(writeError(id, ERROR_DECLINED, "shutting down", head.tracing));
      return;
    }
    const call = new OpenCall(
      id,
      head,
      new CallArguments(limits.bodyBytesMax, budget, this.#bodyBytes),
    );
    if (this.#calls.size >= limits.callsPerConnectionMax) {
      this.#refuse(call, new SpoorError("overloaded", "too many calls at once"), "overloaded");
      return;
    }
    this.#calls.set(id, call);
    this.#add(call, reader, head.isLast);
    if (!this.#calls.has(id) || call.isHandled) return;
    this.#arm(call, Math.min(head.ttlMs, limits.requestTimeoutMs));
  }

  #continue(id: number, payload: Uint8Array): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    if (call.isHandled) {
      this.#link.fail(`call ${id} goes on after its last frame`);
      return;
    }
    const reader = new PayloadReader(payload);
    this.#add(call, reader, readContinueHead(reader));
  }

  #cancel(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    if (!call.isHandled) this.#tellFailure(call.method, "cut-off");
    this.#answerError(call, ERROR_CANCELLED, "cancelled by the peer");
  }

  /** Takes the arguments of a frame, and hands the call on when it is whole. */
  #add(call: OpenCall, reader: PayloadReader, isLast: boolean): void {
    try {
      call.arguments.add(reader, isLast);
    } catch (error) {
      this.#refuse(call, error);
      return;
    }
    if (isLast) this.#handle(call);
  }

  #handle(call: OpenCall): void {
    const { service, method, head } = call;
    const scheme = head.headers.get("as") ?? "";
    if (scheme !== "thrift") {
      const error = new SpoorError("unsupported", `scheme "${scheme}", expected thrift`);
      this.#refuse(call, error, "wrong-type");
      return;
    }
    const handler = this.#door.services.get(method);
    if (handler === undefined) {
      const message = `no handler for service "${service}" and method "${method}"`;
      this.#refuse(call, new SpoorError("unsupported", message), "wrong-type");
      return;
    }
    call.isHandled = true;
    this.#bodyBytes = call.body.length;
    this.#arm(call, Math.min(head.ttlMs, TIMER_MS_MAX));
    void this.#run(call, handler);
  }

  async #run(call: OpenCall, handler: TChannelHandler): Promise<void> {
    try {
      const body = await handler(call);
      if (this.#calls.get(call.id) === call) this.#answer(call, body);
    } catch (error) {
      this.#fail(call, error);
    } finally {
      call.arguments.release();
    }
  }

  #answer(call: OpenCall, body: Uint8Array): void {
    const { id, head } = call;
    const frames = writeCall({
      type: CALL_ANSWER,
      moreType: CALL_ANSWER_MORE,
      id,
      head: writeAnswerHead(head.tracing, AS_THRIFT),
      checksumType: call.arguments.checksumType,
      method: "",
      body,
    });
    for (const frame of frames) this.#link.write(frame);
    this.#end(call);
  }

  /** A handler threw. */
  #fail(call: OpenCall, error: unknown): void {
    if (error instanceof SpoorError) {
      this.#answerError(call, CODES[error.code], printError(error));
      return;
    }
    // Whoever is gone does not mind that a handler gave up.
    if (this.#calls.get(call.id) !== call && error === call.signal.reason) return;
    this.#answerError(call, ERROR_UNEXPECTED, "internal error");
    this.#door.onBug(error);
  }

  /** @throws what is no fault of the peer's. */
  #refuseHead(id: number, error: unknown): void {
    if (!(error instanceof SpoorError)) throw error;
    this.#tellFailure("", reasonOf(error));
    this.#link.write(writeError(id, CODES[error.code], printError(error)));
  }

  /** Ends a call that came to no handler. @throws what is no fault of the peer's. */
  #refuse(call: OpenCall, error: unknown, reason?: TChannelFailure["reason"]): void {
    if (error instanceof SpoorError) {
      this.#tellFailure(call.method, reason ?? reasonOf(error));
      this.#answerError(call, CODES[error.code], printError(error));
    } else if (error instanceof BodyError) {
      const isForNow = error.reason === "over-budget";
      this.#tellFailure(call.method, isForNow ? "overloaded" : "too-large");
      this.#answerError(call, isForNow ? ERROR_BUSY : ERROR_BAD_REQUEST, error.message);
    } else {
      throw error;
    }
  }

  #arm(call: OpenCall, ms: number): void {
    clearTimeout(call.timer);
    call.timer = setTimeout(() => {
      if (!call.isHandled) this.#tellFailure(call.method, "cut-off");
      this.#answerError(call, ERROR_TIMEOUT, "timeout");
    }, ms);
  }

  /** Nothing is said of a call that is over. */
  #answerError(call: OpenCall, code: number, message: string): void {
    const known = this.#calls.get(call.id);
    if (known !== undefined && known !== call) return;
    if (known === undefined && call.isHandled) return;
    this.#link.write(writeError(call.id, code, message, call.head.tracing));
    this.#end(call);
  }

  #end(call: OpenCall): void {
    this.#calls.delete(call.id);
    call.end();
    this.endIfIdle();
  }

  #tellFailure(method: string, reason: TChannelFailure["reason"]): void {
    this.#door.onFailure({ method, reason });
  }
}

function reasonOf({ code }: SpoorError): TChannelFailure["reason"] {
  return code === "unsupported" ? "wrong-type" : "bad-input";
}
