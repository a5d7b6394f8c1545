// What a role sees of gRPC: services of methods, raw message bytes in and out.
//
//   connection ─ grpc-server ─▶ bytes of one message ─▶ method.handle ─▶ bytes ─▶ connection
//
// Trust: the bytes are the peer's; their size was checked, nothing else was.
// Not here: HTTP/2 (grpc-server.ts), what the bytes mean (wire).

import { GRPC_STATUS } from "./status.ts";

/** Header fields of a call, names in lower case; `-bin` values are bytes. */
export interface GrpcMetadata {
  /** The first value, or undefined. */
  get(name: string): string | undefined;
  /** All values. */
  getAll(name: string): readonly string[];
  /** The first value of a `-bin` field, base64-decoded. */
  getBytes(name: string): Uint8Array | undefined;
}

export interface GrpcContext {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: GrpcMetadata;
  /** `host:port` of the peer. */
  readonly peer: string;
  /** Fires when the call is cancelled, its deadline passes, or the connection is lost. */
  readonly signal: AbortSignal;
}

/**
 * One message in, one out. The message is lent: its memory is used again for another call once the
 * handler has answered, so what is kept longer must be copied (`message.slice()`). The answer is
 * the server's from then on.
 */
export interface GrpcUnaryMethod {
  readonly kind: "unary";
  handle(message: Uint8Array, context: GrpcContext): Uint8Array | Promise<Uint8Array>;
}

/** One message in, many out; the next is asked for when the peer has room for it. */
export interface GrpcStreamMethod {
  readonly kind: "server-stream";
  /** Calls last until the peer has enough: a door that closes ends them at once. */
  readonly isEndless?: true;
  handle(message: Uint8Array, context: GrpcContext): AsyncIterable<Uint8Array>;
}

/** Messages in and out, each side in its own time. The server asks for no more than is taken. */
export interface GrpcDuplexMethod {
  readonly kind: "duplex";
  /** Calls last until the peer has enough: a door that closes ends them at once. */
  readonly isEndless?: true;
  handle(messages: AsyncIterable<Uint8Array>, context: GrpcContext): AsyncIterable<Uint8Array>;
}

export type GrpcMethod = GrpcUnaryMethod | GrpcStreamMethod | GrpcDuplexMethod;

export interface GrpcService {
  /** `jaeger.api_v2.CollectorService`. */
  readonly name: string;
  readonly methods: Readonly<Record<string, GrpcMethod>>;
}

/**
 * An exact gRPC status, where the four codes of SpoorError do not say enough (`NOT_FOUND` …).
 * Thrown by a handler. `details` goes out as `grpc-status-details-bin` (a google.rpc.Status).
 */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly status: number;
  readonly details: Uint8Array | undefined;
  /** A client's: whether the peer said so; false: there was no answer, or none in time. */
  readonly isAnswer: boolean;

  constructor(
    status: keyof typeof GRPC_STATUS,
    message: string,
    details?: Uint8Array,
    isAnswer = true,
  ) {
    super(message);
    this.isAnswer = isAnswer;
    this.status = GRPC_STATUS[status];
    this.details = details;
  }
}
