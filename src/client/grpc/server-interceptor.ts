// Traces the calls that a grpc-js server answers, one span a call, whatever its kind.
//
//   new Server({ interceptors: [openTracingServerInterceptor({ tracer })] })
//
//   metadata received ─▶ span, child of the caller's ─▶ the handler, its span active
//   status sent (by the handler, or by grpc-js itself) ─▶ end of the span
//   call gone without a status ─▶ end of the span with CANCELLED, or DEADLINE_EXCEEDED if it was time
//
// The interceptor gives back the call it was given, with methods of its own over three of it: so it
// needs nothing of grpc-js but types, and sees a status that grpc-js sends by itself (deadline, request
// that cannot be read, response that cannot be written) if it is the first in the list of interceptors.
// grpc-js reports a cancel after every end, also a good one; only the first end counts.
//
// Everything that comes in (request, messages of a stream, its end, the cancel) reaches the handler
// with the span active, so what it calls later, and its event handlers, find it.
// Not here: tags and logs (call-span.ts). Methods that no handler serves: grpc-js answers them before
// any interceptor.

import { AsyncResource } from "node:async_hooks";
import type { Metadata, ServerInterceptingCallInterface, ServerInterceptor } from "@grpc/grpc-js";
import { type Clock, systemClock } from "../../base/clock.ts";
import { runWithSpan } from "../active-span.ts";
import type { Span } from "../span.ts";
import { type CallSpan, attempt, startCallSpan } from "./call-span.ts";
import { type InterceptorOptions, checkOptions, tracerOf } from "./interceptor-options.ts";
import { extractContext } from "./metadata-carrier.ts";

type Call = ServerInterceptingCallInterface;
type Listener = Parameters<Call["start"]>[0];

const NO_PEER = "unknown";
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
/**
 * A client that gives up at its deadline is heard just before ours, which began when the request
 * arrived: a cancel this near the deadline is the deadline.
 */
const DEADLINE_SLACK_MS = 25;

/** @throws SpoorError `bad-input` if the tracer is none. The interceptor itself never throws. */
export function openTracingServerInterceptor(
  options: InterceptorOptions = {},
  clock: Clock = systemClock,
): ServerInterceptor {
  checkOptions(options);
  return (descriptor, call) => {
    watchCall(options, clock, descriptor.path, call);
    return call as ReturnType<ServerInterceptor>;
  };
}

function watchCall(options: InterceptorOptions, clock: Clock, method: string, call: Call): void {
  const start = call.start.bind(call);
  const watched = new WatchedCall(options, clock, method, call);
  call.start = (listener) => {
    watched.listener = listener;
    start(watched);
  };
  const sendStatus = call.sendStatus.bind(call);
  call.sendStatus = (status) => {
    watched.end(status.code, status.details);
    sendStatus(status);
  };
  if (!options.logMessages && options.tagResponse === undefined) return;
  const sendMessage = call.sendMessage.bind(call);
  call.sendMessage = (message: unknown, callback) => {
    watched.trace?.sent(message);
    sendMessage(message, callback);
  };
}

/** What the call tells of itself, told on to `listener` with the span active. */
class WatchedCall implements Listener {
  listener: Listener | undefined;
  trace: CallSpan | undefined;
  /** What is active in the call; to enter it again costs a twentieth of `runWithSpan`. */
  #scope: AsyncResource | undefined;
  readonly #options: InterceptorOptions;
  readonly #clock: Clock;
  readonly #method: string;
  readonly #call: Call;

  constructor(options: InterceptorOptions, clock: Clock, method: string, call: Call) {
    this.#options = options;
    this.#clock = clock;
    this.#method = method;
    this.#call = call;
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.trace = this.#start(metadata);
    const listener = this.listener;
    if (listener === undefined) return;
    if (this.trace === undefined) {
      listener.onReceiveMetadata(metadata);
      return;
    }
    // Of whichever tracer was given: it is only carried here, and given back as it is.
    runWithSpan(this.trace.span as Span, () => {
      this.#scope = new AsyncResource("spoor.grpc");
      listener.onReceiveMetadata(metadata);
    });
  }

  onReceiveMessage(message: unknown): void {
    this.trace?.received(message);
    this.#tell("onReceiveMessage", message);
  }

  onReceiveHalfClose(): void {
    this.#tell("onReceiveHalfClose");
  }

  onCancel(): void {
    this.#endCancelled();
    this.#tell("onCancel");
  }

  #tell(what: "onReceiveMessage" | "onReceiveHalfClose" | "onCancel", message?: unknown): void {
    const { listener } = this;
    if (listener === undefined) return;
    if (this.#scope === undefined) listener[what](message);
    else this.#scope.runInAsyncScope(listener[what], listener, message);
  }

  end(code: number, details: string): void {
    const { trace } = this;
    if (trace !== undefined && !trace.hasEnded) trace.end(code, details, this.#readPeer());
  }

  #start(metadata: Metadata): CallSpan | undefined {
    return startCallSpan(this.#options, {
      kind: "server",
      method: this.#method,
      metadata,
      deadline: this.#readDeadline(),
      findParent: () =>
        attempt(this.#options, () => extractContext(tracerOf(this.#options), metadata)),
    });
  }

  #endCancelled(): void {
    const { trace } = this;
    if (trace === undefined || trace.hasEnded) return;
    const deadlineMs = Number(this.#readDeadline() ?? Infinity);
    if (this.#clock.nowUs() / 1_000 >= deadlineMs - DEADLINE_SLACK_MS) {
      this.end(DEADLINE_EXCEEDED, "no status before the deadline");
      return;
    }
    const details = "cancelled by the client, or its connection is lost";
    trace.cancelled(details);
    this.end(CANCELLED, details);
  }

  #readPeer(): string | undefined {
    const peer = attempt(this.#options, () => this.#call.getPeer());
    return peer === NO_PEER ? undefined : peer;
  }

  #readDeadline(): Date | number | undefined {
    return attempt(this.#options, () => this.#call.getDeadline());
  }
}
