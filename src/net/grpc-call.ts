// One gRPC call: an HTTP/2 stream from its headers to its trailers.
//
//   unary          HEADERS DATA* end ─▶ one message ─▶ handle ─▶ HEADERS DATA trailers
//   server-stream                        one message ─▶ handle ─▶ HEADERS DATA* trailers
//   duplex         HEADERS DATA*   ─▶ messages as they come ─▶ handle ─▶ HEADERS DATA* trailers
//   failure        HEADERS with grpc-status, and the stream is reset if the peer still sends
//
// Source: grpc/doc/PROTOCOL-HTTP2.md, statuscodes.md (which status for which breach).
// Trust: hostile; sizes are checked by grpc-message.ts, times by the timer here.
// Not here: connections (grpc-server.ts), which method a path names (grpc-dispatch.ts).

import { constants, type ServerHttp2Stream } from "node:http2";
import { printError, SpoorError } from "../base/errors.ts";
import { BodyError } from "./body-error.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { Encoding } from "./decompress.ts";
import { type GrpcFrame, GrpcMessageReader, writeGrpcMessage } from "./grpc-message.ts";
import { drained } from "./drained.ts";
import { isAbort } from "./abort.ts";
import {
  type GrpcContext,
  type GrpcDuplexMethod,
  GrpcError,
  type GrpcMetadata,
  type GrpcMethod,
} from "./grpc-service.ts";
import { makeMetadata, printGrpcMessage, writeRetryDetails } from "./grpc-text.ts";
import type { GrpcLimits } from "./limits.ts";
import { GRPC_STATUS, grpcStatusOf, grpcStatusOfBody } from "./status.ts";

/** A call that ended without success. */
export interface GrpcFailure {
  readonly path: string;
  /** A gRPC status code; CANCELLED when the peer went away. */
  readonly status: number;
  readonly message: string;
  /** The method got the message: it knows of the failure, or will end in its own way. */
  readonly wasHandled: boolean;
  /** The peer was told to try again later. */
  readonly isForNow: boolean;
}

export type OnGrpcFailure = (failure: GrpcFailure) => void;

/** What all calls of a door share. */
export interface GrpcCallSettings {
  readonly limits: GrpcLimits;
  readonly budget: ByteBudget;
  readonly onBug: (error: unknown) => void;
  readonly onFailure: OnGrpcFailure;
}

/** What the headers said. */
export interface GrpcCallStart {
  readonly path: string;
  readonly peer: string;
  readonly rawHeaders: readonly string[];
  readonly encoding: Encoding | undefined;
  /** From the headers on; undefined = none. */
  readonly timeoutMs: number | undefined;
}

const HEADERS = {
  ":status": 200,
  "content-type": "application/grpc",
  "grpc-accept-encoding": "identity,gzip,deflate",
};
const OK_TRAILERS = { "grpc-status": "0" };
/** What setTimeout takes; a deadline beyond three weeks is none. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function sendOkTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(OK_TRAILERS);
}

export class GrpcCall implements GrpcContext {
  readonly stream: ServerHttp2Stream;
  readonly #settings: GrpcCallSettings;
  readonly #start: GrpcCallStart;
  /** A handler, or the thread pool, has the message in hand: it must stay. */
  #isHandling = false;
  #wasHandled = false;
  /** The status is decided: what still comes in is of no interest. */
  #isAnswered = false;
  #isGone = false;
  #reader: GrpcMessageReader | undefined;
  #frame: GrpcFrame | undefined;
  #abort: AbortController | undefined;
  #metadata: GrpcMetadata | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #deadlineMs: number;

  constructor(settings: GrpcCallSettings, stream: ServerHttp2Stream, start: GrpcCallStart) {
    this.#settings = settings;
    this.#start = start;
    this.stream = stream;
    this.#deadlineMs = start.timeoutMs ?? Infinity;
  }

  get path(): string {
    return this.#start.path;
  }

  get peer(): string {
    return this.#start.peer;
  }

  get metadata(): GrpcMetadata {
    this.#metadata ??= makeMetadata(this.#start.rawHeaders);
    return this.#metadata;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isGone) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Receives what `method` needs and lets it answer. */
  run(method: GrpcMethod): void {
    const { limits, budget } = this.#settings;
    const { encoding } = this.#start;
    if (method.kind === "duplex") {
      this.#armTimer(this.#deadlineMs, "deadline exceeded");
      const messages = readMessages(this.stream, encoding, limits.messageBytesMax, budget);
      this.#handle(() => this.#writeAll(method.handle(messages, this)));
      return;
    }
    this.#armReceiveTimer();
    this.#reader = new GrpcMessageReader(encoding, limits.messageBytesMax, budget, (frame) =>
      this.#keepFrame(frame),
    );
    this.stream.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    this.stream.on("end", () => this.#finishMessage(method));
  }

  /** The stream is over: answered, reset by the peer, or lost with its connection. */
  close(): void {
    this.#isGone = true;
    clearTimeout(this.#timer);
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#abort?.abort();
      this.#tellFailure(GRPC_STATUS.CANCELLED, "cancelled by the peer", false);
    }
    if (!this.#isHandling) this.#release();
  }

  /** Ends the call with the status of `error`; anything but our own errors is a bug. */
  fail(error: unknown): void {
    if (error instanceof GrpcError) {
      this.refuse(error.status, error.message, error.details);
    } else if (error instanceof SpoorError) {
      this.#refuse(grpcStatusOf[error.code], printError(error), error.code === "overloaded");
    } else if (error instanceof BodyError) {
      const isForNow = error.reason === "over-budget";
      this.#refuse(grpcStatusOfBody[error.reason], error.message, isForNow);
    } else if (!isAbort(error, this.#abort?.signal)) {
      this.refuse(GRPC_STATUS.INTERNAL, "internal error");
      this.#settings.onBug(error);
    }
  }

  /** Ends the call with `status`, unless it has ended already. */
  refuse(status: number, message: string, details?: Uint8Array): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#tellFailure(status, message, details !== undefined);
    this.#abort?.abort();
    const { stream } = this;
    if (isOver(stream)) return;
    const trailers: Record<string, string> = {
      "grpc-status": String(status),
      "grpc-message": printGrpcMessage(message),
    };
    if (details !== undefined) {
      trailers["grpc-status-details-bin"] = Buffer.from(details).toString("base64");
    }
    if (stream.headersSent) {
      stream.once("wantTrailers", () => stream.sendTrailers(trailers));
      stream.end();
    } else {
      stream.respond({ ...HEADERS, ...trailers }, { endStream: true });
    }
    // The peer need not send the rest; NO_ERROR says that the answer is whole all the same.
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    this.#armTimer(this.#settings.limits.answerTimeoutMs, "");
  }

  #tellFailure(status: number, message: string, isForNow: boolean): void {
    const { path } = this;
    this.#settings.onFailure({ path, status, message, wasHandled: this.#wasHandled, isForNow });
  }

  #refuse(status: number, message: string, isRetried: boolean): void {
    this.refuse(status, message, isRetried ? writeRetryDetails(status, message) : undefined);
  }

  #armReceiveTimer(): void {
    const { requestTimeoutMs } = this.#settings.limits;
    if (this.#deadlineMs <= requestTimeoutMs) {
      this.#armTimer(this.#deadlineMs, "deadline exceeded");
    } else {
      this.#armTimer(requestTimeoutMs, `message did not come within ${requestTimeoutMs} ms`);
    }
  }

  #armTimer(ms: number, message: string): void {
    clearTimeout(this.#timer);
    if (ms > TIMER_MS_MAX || this.#isGone) return;
    this.#timer = setTimeout(() => {
      // Answered, and the peer did not take it: nothing more can be said.
      if (this.#isAnswered) this.stream.close(constants.NGHTTP2_CANCEL);
      else this.refuse(GRPC_STATUS.DEADLINE_EXCEEDED, message);
    }, ms);
  }

  #receive(chunk: Uint8Array): void {
    if (this.#isAnswered) return;
    try {
      this.#reader?.add(chunk);
    } catch (error) {
      this.fail(error);
    }
  }

  #keepFrame(frame: GrpcFrame): void {
    if (this.#frame === undefined) {
      this.#frame = frame;
      return;
    }
    frame.release();
    throw new GrpcError("UNIMPLEMENTED", "too many messages, the method takes one");
  }

  #finishMessage(method: Exclude<GrpcMethod, GrpcDuplexMethod>): void {
    if (this.#isAnswered) return;
    const frame = this.#frame;
    if (frame === undefined || this.#reader?.isBetween === false) {
      this.refuse(GRPC_STATUS.UNIMPLEMENTED, "no whole message, the method takes one");
      return;
    }
    this.#handle(() => {
      const message = frame.read();
      if (message instanceof Promise) {
        return message.then((plain) => this.#callMethod(method, plain));
      }
      return this.#callMethod(method, message);
    });
  }

  /** Runs what has the message in hand; the timer of the message becomes that of the call. */
  #handle(run: () => void | Promise<void>): void {
    this.#isHandling = true;
    try {
      const running = run();
      if (running === undefined) {
        this.#settle();
        return;
      }
      if (!this.#isAnswered) this.#armTimer(this.#deadlineMs, "deadline exceeded");
      running.then(
        () => this.#settle(),
        (error: unknown) => this.#settle(error),
      );
    } catch (error) {
      this.#settle(error);
    }
  }

  #settle(error?: unknown): void {
    this.#isHandling = false;
    if (error !== undefined) this.fail(error);
    if (this.#isGone) this.#release();
  }

  #callMethod(
    method: Exclude<GrpcMethod, GrpcDuplexMethod>,
    message: Uint8Array,
  ): void | Promise<void> {
    this.#wasHandled = true;
    if (method.kind === "server-stream") return this.#writeAll(method.handle(message, this));
    const answer = method.handle(message, this);
    if (answer instanceof Promise) return answer.then((bytes) => this.#answer(bytes, true));
    return this.#answer(answer, false);
  }

  #answer(message: Uint8Array, isLate: boolean): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    const { stream } = this;
    if (isOver(stream)) return;
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.on("wantTrailers", sendOkTrailers);
    const pieces = writeGrpcMessage(message);
    for (const piece of pieces.slice(0, -1)) stream.write(piece);
    stream.end(pieces.at(-1));
    if (isLate) this.#armTimer(this.#settings.limits.answerTimeoutMs, "");
  }

  async #writeAll(messages: AsyncIterable<Uint8Array>): Promise<void> {
    const { stream } = this;
    const { answerTimeoutMs } = this.#settings.limits;
    const cut = () => stream.close(constants.NGHTTP2_CANCEL);
    for await (const message of messages) {
      if (this.#isAnswered || isOver(stream)) return;
      if (!stream.headersSent) stream.respond(HEADERS, { waitForTrailers: true });
      let hasRoom = true;
      for (const piece of writeGrpcMessage(message)) hasRoom = stream.write(piece);
      if (!hasRoom && !(await drained(stream, answerTimeoutMs, cut))) return;
    }
    if (this.#isAnswered || isOver(stream)) return;
    this.#isAnswered = true;
    if (!stream.headersSent) stream.respond(HEADERS, { waitForTrailers: true });
    stream.on("wantTrailers", sendOkTrailers);
    stream.end();
    this.#armTimer(answerTimeoutMs, "");
  }

  #release(): void {
    this.#reader?.release();
    this.#frame?.release();
    this.#reader = undefined;
    this.#frame = undefined;
  }
}

/** Nothing more can be sent: the peer has reset the stream, or its connection is lost. */
export function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

/** Messages of a duplex call, one at a time; each is valid until the next is asked for. */
async function* readMessages(
  stream: ServerHttp2Stream,
  encoding: Encoding | undefined,
  bytesMax: number,
  budget: ByteBudget,
): AsyncGenerator<Uint8Array> {
  const frames: GrpcFrame[] = [];
  const reader = new GrpcMessageReader(encoding, bytesMax, budget, (frame) => frames.push(frame));
  try {
    for await (const chunk of chunksOf(stream)) {
      reader.add(chunk);
      for (let frame = frames.shift(); frame !== undefined; frame = frames.shift()) {
        try {
          yield await frame.read();
        } finally {
          frame.release();
        }
      }
    }
    if (!reader.isBetween) throw new GrpcError("INTERNAL", "the last message is cut off");
  } finally {
    reader.release();
    for (const frame of frames) frame.release();
  }
}

async function* chunksOf(stream: ServerHttp2Stream): AsyncGenerator<Uint8Array> {
  try {
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!isOver(stream)) throw error; // else the peer has gone: no more messages
  }
}
