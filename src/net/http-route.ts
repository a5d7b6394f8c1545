// What a role sees of HTTP: a request, an answer, a route. No library's types leak through.
//
//   socket ─ http-server ─▶ HttpRequest ─▶ route.handle ─▶ HttpAnswer ─ http-server ─▶ socket
//
// Trust: the request is the peer's; sizes were checked by the server, contents were not.
// Not here: sockets, limits, decompression (http-server.ts, http-body.ts).

import type { SpoorError } from "../base/errors.ts";

export interface HttpRequest {
  /** Upper case: `GET`. */
  readonly method: string;
  /** The path as it was sent, without base path and query: not percent-decoded. */
  readonly path: string;
  /** The `:name` parts of the route's path, percent-decoded; `*` is the rest. No prototype. */
  readonly params: Readonly<Record<string, string>>;
  /** What follows `?`, as it was sent, or "". */
  readonly rawQuery: string;
  /** `rawQuery`, parsed when first asked for. */
  readonly query: URLSearchParams;
  /** Names in lower case; repeated fields joined as node:http does. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /**
   * The whole body, decompressed; empty if none came. Lent: its memory is used again for another
   * request once the answer is out, so what is kept longer must be copied (`body.slice()`).
   */
  readonly body: Uint8Array;
  /** IP address of the peer, or "" when it has gone already. */
  readonly remoteAddress: string;
  /** Fires when the peer goes away before its answer is written. Made when first asked for. */
  readonly signal: AbortSignal;
}

/** Strings are sent as UTF-8; an iterable is written piece by piece, waiting for a slow reader. */
export type HttpBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface HttpAnswer {
  readonly status: number;
  /** Names in any case. `content-length` and `content-encoding` are the server's business. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: HttpBody;
}

export interface HttpRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS";
  /** `/api/traces/:traceId`, `/static/*`, or `*` for everything that no other route takes. */
  readonly path: string;
  /** A SpoorError becomes its status; any other error is a bug of ours. */
  handle(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
}

/** A request that got no answer of a handler's own, for who keeps the books. */
export interface FailedRequest {
  readonly path: string;
  /** What the peer is told: as HttpFailure, or 408; 0 when it has gone and is told nothing. */
  readonly status: number;
  /** A handler got the request: it knows of the failure, or will end in its own way. */
  readonly wasHandled: boolean;
}

export type OnHttpFailure = (failure: FailedRequest) => void;

/** A request that got no answer of a handler's own: what the peer will be told. */
export interface HttpFailure {
  /** 400, 404, 405, 413, 415, 429, 500, 501, 503. */
  readonly status: number;
  /** One line, lower case, for the peer. */
  readonly message: string;
  /** What a handler threw, if it was one of ours. */
  readonly error?: SpoorError;
}
