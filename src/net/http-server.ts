// One HTTP door: a listener, its limits, and the routes behind it.
//
//   connection ─ node:http (framing, header and time limits) ─▶ router ─▶ HttpCall ─▶ handler
//
// Directly on node:http: docs/adr/003-http-server.md says what a framework costs here.
//
// Source: RFC 9110, 9112; which failure gets which status: status.ts.
// Trust: peers are hostile: sizes, times and counts are bounded (limits.ts); what node:http cannot
// parse is answered 400 and cut off.
// Not here: one request (http-call.ts), bodies (http-body.ts), answers (http-answer.ts).

import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Log } from "../base/log.ts";
import { makeByteBudget, type ByteBudget } from "./byte-budget.ts";
import { type CorsRules, type HttpCors, makeCorsRules } from "./cors.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import { makeAnswerWriter } from "./http-answer.ts";
import { type CallSettings, HttpCall } from "./http-call.ts";
import type {
  HttpAnswer,
  HttpFailure,
  HttpRequest,
  HttpRoute,
  OnHttpFailure,
} from "./http-route.ts";
import { makeRouter, type Params, type Router } from "./http-router.ts";
import { type HttpLimits, httpLimits } from "./limits.ts";
import { listen } from "./listen.ts";
import { readTls, type TlsSettings, watchTls } from "./tls.ts";

export interface HttpServerOptions {
  /** Names the door in logs and errors: "otlp-http". */
  readonly name: string;
  readonly hostPort: HostPort;
  readonly routes: readonly HttpRoute[];
  readonly log: Log;
  /** Called with an error that is a bug of ours, after the peer got its 500. */
  readonly onBug: (error: unknown) => void;
  readonly tls?: TlsSettings;
  readonly limits?: Partial<HttpLimits>;
  /** Shared with other doors; without it the door has its own of `inFlightBytesMax`. */
  readonly budget?: ByteBudget;
  /** "/jaeger": taken off the path before routes are looked up; "" or "/" = none. */
  readonly basePath?: string;
  readonly cors?: HttpCors;
  /** False: every connection ends with its first answer; default true. */
  readonly keepAlive?: boolean;
  /** Added to every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Compress answers of 1 KiB and more for peers that accept gzip. */
  readonly gzip?: boolean;
  /** How a failure is told; default: one line of plain text. */
  readonly answerFailure?: (failure: HttpFailure, request: HttpRequest) => HttpAnswer;
  /**
   * Called once for every request that ends without an answer of a handler's own, also for those
   * that come only in part. What ends before its headers do is no request: nobody can say of what.
   */
  readonly onFailure?: OnHttpFailure;
}

export interface HttpServer {
  readonly address: string;
  readonly port: number;
  /** Stops accepting, lets requests finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** How often node:http looks for connections that are over their time: half of it, within these. */
const LOOK_MS_MIN = 20;
const LOOK_MS_MAX = 500;
const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
const NO_PARAMS = Object.freeze(Object.create(null) as Params);

/** @throws SpoorError `unavailable` if the address is taken, `bad-input` for bad TLS files. */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { log, hostPort } = options;
  const limits = { ...httpLimits, ...options.limits };
  const calls = new Set<HttpCall>();
  let isClosing = false;
  const cors = makeCorsRules(options.cors);
  const settings: CallSettings = {
    limits,
    budget: options.budget ?? makeByteBudget(limits.inFlightBytesMax),
    answerFailure: options.answerFailure ?? answerPlainly,
    onFailure: options.onFailure ?? (() => {}),
    onBug: options.onBug,
    writer: makeAnswerWriter({
      headers: options.headers ?? {},
      cors,
      gzip: options.gzip ?? false,
      answerTimeoutMs: limits.answerTimeoutMs,
      lingerMs: limits.lingerMs,
      log,
      onBug: options.onBug,
      isClosing: () => isClosing || options.keepAlive === false,
    }),
  };
  const dispatch = makeDispatch(options, settings, cors);
  const server = makeServer(options, limits, (request, response) => {
    const call = dispatch.open(request, response);
    calls.add(call);
    response.on("close", () => {
      calls.delete(call);
      call.close();
    });
    if (calls.size > limits.requestsMax) call.refuse(TOO_MANY);
    else dispatch.run(call);
  });
  const sockets = watchSockets(server);
  answerClientErrors(server, calls);
  const unwatch = options.tls?.enabled
    ? watchTls(options.tls, log, (tls) => (server as https.Server).setSecureContext(tls))
    : () => {};
  try {
    await listen(server, hostPort, options.name);
  } catch (error) {
    unwatch();
    throw error;
  }
  const { address, port } = server.address() as AddressInfo;
  log.debug("door open", { door: options.name, address: printHostPort({ host: address, port }) });

  return {
    address,
    port,
    async close(graceMs) {
      isClosing = true;
      unwatch();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      // Who is being answered may finish; the others have nothing to wait for.
      const busy = new Set([...calls].map(({ request }) => request.socket));
      for (const socket of sockets.speaking) if (!busy.has(socket)) socket.destroy();
      const timer = setTimeout(() => {
        for (const socket of sockets.open) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

const TOO_MANY: HttpFailure = {
  status: 429,
  message: "too many requests at once, try again later",
};

function makeServer(
  options: HttpServerOptions,
  limits: HttpLimits,
  onRequest: http.RequestListener,
): http.Server {
  const { requestTimeoutMs } = limits;
  // Headers are a part of the request: node:http refuses more time for the part than for the whole.
  const headersTimeoutMs = Math.min(limits.headersTimeoutMs, requestTimeoutMs || Infinity);
  const shortestMs = Math.min(headersTimeoutMs || Infinity, requestTimeoutMs || Infinity);
  const lookMs = Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, shortestMs / 2));
  const settings: http.ServerOptions = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: lookMs,
    noDelay: true,
    keepAlive: true,
  };
  const server = options.tls?.enabled
    ? https.createServer(
        {
          ...settings,
          ...readTls(options.tls),
          handshakeTimeout: headersTimeoutMs || TLS_HANDSHAKE_TIMEOUT_MS,
        },
        onRequest,
      )
    : http.createServer(settings, onRequest);
  server.maxConnections = limits.connectionsMax;
  // The default asks every peer with a body to go on; a body that is too large is refused first.
  server.on("checkContinue", onRequest);
  return server;
}

interface Dispatch {
  open(request: http.IncomingMessage, response: http.ServerResponse): HttpCall;
  run(call: HttpCall): void;
}

function makeDispatch(
  options: HttpServerOptions,
  settings: CallSettings,
  cors: CorsRules | undefined,
): Dispatch {
  const base = (options.basePath ?? "").replace(/\/+$/, "");
  const router: Router = makeRouter(options.routes);
  return {
    open(request, response) {
      const url = request.url ?? "";
      const query = url.indexOf("?");
      const path = query < 0 ? url : url.slice(0, query);
      const rawQuery = query < 0 ? "" : url.slice(query + 1);
      return new HttpCall(settings, request, response, { path, rawQuery, params: NO_PARAMS });
    },
    run(call) {
      const { headers, method } = call;
      if (cors !== undefined && method === "OPTIONS" && headers["access-control-request-method"]) {
        call.answer({ status: 204, headers: cors.preflightHeaders(headers) });
        return;
      }
      const path = belowBase(call.path, base);
      if (path === undefined) {
        call.refuse({ status: 404, message: "no such path" });
        return;
      }
      try {
        call.path = path;
        const match = router(method, path);
        if (match.route !== undefined) {
          call.params = match.params;
          call.run(match.route);
        } else if (match.allow.length > 0) {
          const message = `method not allowed, expected ${match.allow.join(" or ")}`;
          call.refuse({ status: 405, message }, { Allow: match.allow.join(", ") });
        } else {
          call.refuse({ status: 404, message: "no such path" });
        }
      } catch (error) {
        call.fail(error);
      }
    },
  };
}

function belowBase(path: string, base: string): string | undefined {
  if (base === "") return path;
  if (path === base) return "/";
  return path.startsWith(base) && path[base.length] === "/" ? path.slice(base.length) : undefined;
}

function answerPlainly({ status, message }: HttpFailure): HttpAnswer {
  const headers = {
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
  };
  return { status, headers, body: `${message}\n` };
}

interface Sockets {
  /** Every TCP connection. */
  readonly open: ReadonlySet<Socket>;
  /** The same, or what speaks TLS on them: those that requests come from. */
  readonly speaking: ReadonlySet<Socket>;
}

// node:http closes only connections that have sent something; silent ones would delay the end.
function watchSockets(server: http.Server): Sockets {
  const open = watch(server, "connection");
  const speaking = server instanceof https.Server ? watch(server, "secureConnection") : open;
  return { open, speaking };
}

function watch(server: http.Server, event: string): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on(event, (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return sockets;
}

// What node:http gave up on: bytes that are no HTTP, headers too large or too slow, bodies too slow.
const CLIENT_ERRORS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

function answerClientErrors(server: http.Server, calls: ReadonlySet<HttpCall>): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const ours = [...calls].filter(({ request }) => request.socket === socket);
    const isAnswering = ours.some(({ response }) => response.headersSent);
    // Only what came as HTTP gets an answer: no handshake means that none can be sent.
    const isHttp = /^(HPE_|ERR_HTTP_)/.test(error.code ?? "");
    // Pools open connections ahead: who has said nothing would take 408 for the answer to what comes next.
    const isSilent = socket.bytesRead === 0;
    if (isAnswering || isSilent || !isHttp || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = CLIENT_ERRORS[error.code ?? ""] ?? "400 Bad Request";
    const hasEnded = error.code === "HPE_INVALID_EOF_STATE"; // in the middle of a request
    for (const call of ours) call.lose(hasEnded ? 0 : Number(status.slice(0, 3)));
    const body = `${status.slice(4).toLowerCase()}\n`;
    const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\n`;
    const rest = `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    socket.end(head + rest, () => socket.destroy());
  });
}
