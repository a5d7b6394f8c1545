// What the two interceptors can be told; they take the same options.
//
// Trust: the functions are the application's. What one throws is told to `onError`, and the call goes
// on as if it had not been given; nothing of tracing ever fails a call.
// Not here: what is done with them (call-span.ts).

import type { Metadata } from "@grpc/grpc-js";
import { type Span, type Tracer, globalTracer } from "opentracing";
import { SpoorError } from "../../base/errors.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** What the functions below are told of the call they look at. */
export interface TracedCall {
  readonly kind: "client" | "server";
  /** The full method, `/package.Service/Method`. */
  readonly method: string;
  /** As it was sent by the application (client) or received (server); not to be changed. */
  readonly metadata: Metadata;
  readonly span: Span;
}

// Written as methods, so that a function that takes a message of its own type can be given.
export interface InterceptorOptions {
  /** Without it: the global tracer of `opentracing` at the time of each call. */
  readonly tracer?: Tracer;
  /** True: the call is traced. Asked once a call, before its span starts. Without it all calls are. */
  filter?(method: string, metadata: Metadata): boolean;
  /** Name of the span; without it the full method. */
  operationName?(method: string, metadata: Metadata): string;
  /** Tags of every span beside those of the call: `{ "peer.service": "users" }`. */
  readonly tags?: Fields;
  /** Tags to be made of the request; of a stream of requests, of its first one. */
  tagRequest?(request: unknown, call: TracedCall): Fields | undefined | void;
  /** The same for the response. */
  tagResponse?(response: unknown, call: TracedCall): Fields | undefined | void;
  /**
   * True: one log record a message, with its direction and number. A function: the fields it answers
   * are added, the content of the message for example.
   */
  readonly logMessages?: boolean | MessageFields;
  /** Told of what the tracer, the span or one of these functions threw. Without it nobody is. */
  onError?(error: unknown): void;
}

/** Written with a method's rules too, for messages of a type of their own. */
export type MessageFields = {
  fields(message: unknown, call: TracedCall): Fields | undefined | void;
}["fields"];

/** @throws SpoorError `bad-input` if the tracer is none, at once and not at the first call. */
export function checkOptions(options: InterceptorOptions): void {
  if (options.tracer === undefined) return;
  const tracer = options.tracer as Partial<Tracer> | null;
  for (const method of ["startSpan", "inject", "extract"] as const) {
    if (typeof tracer?.[method] === "function") continue;
    throw new SpoorError("bad-input", `option tracer has no ${method}(), expected a tracer`);
  }
}

export function tracerOf(options: InterceptorOptions): Tracer {
  return options.tracer ?? globalTracer();
}
