// The span of one call, the same for both sides: its tags, its logs, and one end.
//
//   start   <full method>  component=gRPC span.kind grpc.method [grpc.request.deadline]
//   message [tags of the first request and response] [log event=message]
//   cancel  log event=cancelled
//   end     grpc.code [peer.address], if it is not 0: error=true, log event=error
//
// Names are those of go-grpc-middleware where it has one. `grpc.code` is a number, as in grpc-js, so
// that it can be compared (`grpc.code >= 13`); the name is in the log's `error.kind`.
//
// Trust: tracer, span and the application's functions may throw; nothing leaves this file.
// Not here: when a call has ended (client-interceptor.ts, server-interceptor.ts).

import type { Metadata } from "@grpc/grpc-js";
import type { Span, SpanContext } from "opentracing";
import { type InterceptorOptions, type TracedCall, tracerOf } from "./interceptor-options.ts";

/** A stream may run for days: this many of its messages are logged, then they are only counted. */
const LOGGED_MESSAGES_MAX = 100;

const OK = 0;

/** Names of the status codes, by number. Source: grpc/grpc doc/statuscodes.md. */
const CODE_NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export interface CallStart {
  readonly kind: TracedCall["kind"];
  readonly method: string;
  readonly metadata: Metadata;
  /** As grpc-js has it: ms since the Unix epoch or a Date; Infinity and undefined: none. */
  readonly deadline: Date | number | undefined;
  /** Asked if the call is traced. */
  findParent(): Span | SpanContext | null | undefined;
}

/** @returns undefined if the filter leaves the call out, or there is no span to be had. */
export function startCallSpan(options: InterceptorOptions, start: CallStart): CallSpan | undefined {
  const { kind, method, metadata } = start;
  try {
    if (options.filter !== undefined) {
      const isWanted = attempt(options, () => options.filter?.(method, metadata));
      if (isWanted === false) return undefined;
    }
    let name: string | undefined;
    if (options.operationName !== undefined) {
      name = attempt(options, () => options.operationName?.(method, metadata));
    }
    const tags: Record<string, unknown> = {
      component: "gRPC",
      "span.kind": kind,
      "grpc.method": method,
    };
    if (options.tags !== undefined) Object.assign(tags, options.tags);
    const { deadline } = start;
    if (deadline !== undefined && deadline !== Infinity) {
      const text = attempt(options, () => printDeadline(deadline));
      if (text !== undefined) tags["grpc.request.deadline"] = text;
    }
    const parent = start.findParent();
    const span = tracerOf(options).startSpan(
      name ?? method,
      parent ? { childOf: parent, tags } : { tags },
    );
    return new CallSpan(options, { kind, method, metadata, span });
  } catch (error) {
    tellError(options, error);
    return undefined;
  }
}

export class CallSpan {
  readonly span: Span;
  readonly #options: InterceptorOptions;
  readonly #call: TracedCall;
  #sent = 0;
  #received = 0;
  #ended = false;

  constructor(options: InterceptorOptions, call: TracedCall) {
    this.#options = options;
    this.#call = call;
    this.span = call.span;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  sent(message: unknown): void {
    const number = ++this.#sent;
    this.#seen(message, "sent", number, this.#call.kind === "client");
  }

  received(message: unknown): void {
    const number = ++this.#received;
    this.#seen(message, "received", number, this.#call.kind === "server");
  }

  #seen(message: unknown, direction: string, number: number, isRequest: boolean): void {
    const options = this.#options;
    if (this.#ended) return;
    if (number === 1) {
      const tags = attempt(options, () =>
        isRequest
          ? options.tagRequest?.(message, this.#call)
          : options.tagResponse?.(message, this.#call),
      );
      if (tags) attempt(options, () => this.span.addTags(tags));
    }
    const { logMessages } = options;
    if (!logMessages || this.#sent + this.#received > LOGGED_MESSAGES_MAX) return;
    const more =
      logMessages === true ? undefined : attempt(options, () => logMessages(message, this.#call));
    const record = { event: "message", "message.type": direction, "message.id": number, ...more };
    attempt(options, () => this.span.log(record));
  }

  cancelled(details: string): void {
    if (this.#ended) return;
    attempt(this.#options, () => this.span.log({ event: "cancelled", message: details }));
  }

  /** The first call ends the span, every other one does nothing. */
  end(code: number, details: string, peer: string | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.#tagEnd(code, details, peer);
    } catch (error) {
      tellError(this.#options, error);
    }
    try {
      this.span.finish();
    } catch (error) {
      tellError(this.#options, error);
    }
  }

  #tagEnd(code: number, details: string, peer: string | undefined): void {
    const { span } = this;
    span.setTag("grpc.code", code);
    if (peer !== undefined) span.setTag("peer.address", peer);
    if (this.#options.logMessages && this.#sent + this.#received > LOGGED_MESSAGES_MAX) {
      span.setTag("grpc.messages.sent", this.#sent);
      span.setTag("grpc.messages.received", this.#received);
    }
    if (code === OK) return;
    const kind = CODE_NAMES[code] ?? `CODE_${code}`;
    span.setTag("error", true);
    span.log({ event: "error", "error.kind": kind, message: `${code} ${kind}: ${details}` });
  }
}

/** @returns undefined if `run` throws, which is told to `onError` and to nobody else. */
export function attempt<T>(options: InterceptorOptions, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    tellError(options, error);
    return undefined;
  }
}

export function tellError(options: InterceptorOptions, error: unknown): void {
  try {
    options.onError?.(error);
  } catch {
    // Who is told of errors has thrown one: there is nobody left to tell.
  }
}

/** ISO 8601 in UTC. @throws for what is no time. */
function printDeadline(deadline: Date | number): string {
  return new Date(deadline).toISOString();
}
