// Traces the calls that a grpc-js client makes, one span a call, whatever its kind and its retries.
//
//   new Client(address, credentials, { interceptors: [openTracingClientInterceptor({ tracer })] })
//
//   start(metadata) ─▶ span, child of the active one ─▶ start(copy of metadata with its context)
//   status received ─▶ end of the span ─▶ the application's listener
//
// The interceptor gives back the call it was given, with methods of its own over three of it: so it
// needs nothing of grpc-js but types, and works with whichever copy of it the application has loaded.
// grpc-js calls listeners from where the bytes arrive, which may be the context of another call; here
// they run with the span that was active when the call was made.
//
// A call ends with its status, and grpc-js gives exactly one to each that was started: success, error,
// deadline, cancel, connection lost.
// Not here: tags and logs (call-span.ts).

import type { InterceptingListener, Interceptor, Metadata, NextCall } from "@grpc/grpc-js";
import { activeSpan, runWithSpan } from "../active-span.ts";
import type { Span } from "../span.ts";
import { type CallSpan, attempt, startCallSpan } from "./call-span.ts";
import { type InterceptorOptions, checkOptions, tracerOf } from "./interceptor-options.ts";
import { injectSpan } from "./metadata-carrier.ts";

type Call = ReturnType<NextCall>;
type Listener = Partial<InterceptingListener>;
type Status = Parameters<InterceptingListener["onReceiveStatus"]>[0];

/** Sent by nobody: grpc-js says so while it does not know yet. */
const NO_PEER = "unknown";
const UNKNOWN = 2;

/** @throws SpoorError `bad-input` if the tracer is none. The interceptor itself never throws. */
export function openTracingClientInterceptor(options: InterceptorOptions = {}): Interceptor {
  checkOptions(options);
  return (callOptions, nextCall) => {
    const call = nextCall(callOptions);
    const { path } = callOptions.method_definition;
    watchCall(options, call, path, callOptions.deadline);
    return call as ReturnType<Interceptor>;
  };
}

function watchCall(
  options: InterceptorOptions,
  call: Call,
  method: string,
  deadline: Date | number | undefined,
): void {
  const parent = activeSpan();
  const start = call.start.bind(call);
  call.start = (metadata: Metadata, listener?: Listener): void => {
    const findParent = (): Span | undefined => parent;
    const trace = startCallSpan(options, {
      kind: "client",
      method,
      metadata,
      deadline,
      findParent,
    });
    if (trace === undefined) {
      start(metadata, listener);
      return;
    }
    watchRequests(options, call, trace);
    const carried =
      attempt(options, () => injectSpan(tracerOf(options), trace.span, metadata)) ?? metadata;
    try {
      start(carried, new TracedListener(call, trace, parent, listener ?? {}));
    } catch (error) {
      trace.end(UNKNOWN, String(error), undefined);
      throw error;
    }
  };
}

function watchRequests(options: InterceptorOptions, call: Call, trace: CallSpan): void {
  const cancel = call.cancelWithStatus.bind(call);
  call.cancelWithStatus = (code, details) => {
    trace.cancelled(details);
    cancel(code, details);
  };
  if (!options.logMessages && options.tagRequest === undefined) return;
  const send = call.sendMessageWithContext.bind(call);
  call.sendMessageWithContext = (context, message) => {
    trace.sent(message);
    send(context, message);
  };
}

class TracedListener implements InterceptingListener {
  readonly #call: Call;
  readonly #trace: CallSpan;
  readonly #parent: Span | undefined;
  readonly #listener: Listener;

  constructor(call: Call, trace: CallSpan, parent: Span | undefined, listener: Listener) {
    this.#call = call;
    this.#trace = trace;
    this.#parent = parent;
    this.#listener = listener;
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#run(() => this.#listener.onReceiveMetadata?.(metadata));
  }

  onReceiveMessage(message: unknown): void {
    // Without a response grpc-js says null where one was due.
    if (message !== null) this.#trace.received(message);
    this.#run(() => this.#listener.onReceiveMessage?.(message));
  }

  onReceiveStatus(status: Status): void {
    this.#trace.end(status.code, status.details, this.#readPeer());
    this.#run(() => this.#listener.onReceiveStatus?.(status));
  }

  #run(tell: () => void): void {
    // To find out costs a tenth of entering it once more.
    if (activeSpan() === this.#parent) tell();
    else runWithSpan(this.#parent, tell);
  }

  #readPeer(): string | undefined {
    try {
      const peer = this.#call.getPeer();
      return peer === NO_PEER ? undefined : peer;
    } catch {
      return undefined; // another interceptor's call that has none
    }
  }
}
