// A small HTTP client for one server: connections that are kept, bounded answers, a time for each request.
//
//   openHttpClient ─▶ request ─▶ { status, headers, body } or a SpoorError `unavailable`
//
// Source: RFC 9110, RFC 9112. Trust: the peer is bounded: an answer's bytes and its time; redirects are
// answers like any other.
// Not here: which status means what (the caller's), HTTP/2 (grpc-client.ts).

import * as http from "node:http";
import type { Socket } from "node:net";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import { SpoorError } from "../base/errors.ts";
import { type ClientTls, connectSocket } from "./client-tls.ts";

export interface HttpClientOptions {
  readonly address: HostPort;
  /** What the peer is called: `Host`, and the name of its certificate. */
  readonly hostName: string;
  readonly tls?: ClientTls | undefined;
  readonly connectTimeoutMs: number;
}

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Stays as it is until the promise settles. */
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpClientAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export interface HttpClient {
  /** @throws SpoorError `unavailable`: no answer, and the peer may have acted on it or not. */
  request(request: HttpRequest): Promise<HttpClientAnswer>;
  /** Ends all connections and fails what is under way. */
  close(): void;
}

/** As for gRPC: an answer is empty, or a sampling strategy. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Requests beyond wait; the callers bound theirs far below. */
const CONNECTIONS_MAX = 32;
/** A connection that was idle as long as that may be half closed: servers keep theirs 60 s and more. */
const IDLE_MS_MAX = 30_000;

export function openHttpClient(options: HttpClientOptions): HttpClient {
  const { address, hostName, connectTimeoutMs } = options;
  const kept = {
    keepAlive: true,
    maxSockets: CONNECTIONS_MAX,
    timeout: IDLE_MS_MAX,
    scheduling: "lifo",
  } as const;
  const agent = new http.Agent(kept);
  const open = { address, hostName, tls: options.tls, timeoutMs: connectTimeoutMs };
  agent.createConnection = (_, done) => {
    connectSocket({ ...open, protocols: ["http/1.1"] }).then(
      (socket) => done?.(null, socket),
      (error: unknown) => done?.(error as Error, undefined as unknown as Socket),
    );
    return undefined;
  };
  const host = printHostPort({ host: hostName, port: address.port });
  return {
    request: (request) => send(agent, host, request),
    close: () => agent.destroy(),
  };
}

function send(agent: http.Agent, host: string, request: HttpRequest): Promise<HttpClientAnswer> {
  const { method, path, timeoutMs, body = new Uint8Array() } = request;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener("abort", onAbort);
      reject(new SpoorError("unavailable", `${host} does not answer: ${error.message}`, {}, error));
    };
    const length = method === "GET" ? {} : { "content-length": String(body.length) };
    const sent = http.request({
      agent,
      method,
      path,
      headers: { host, ...request.headers, ...length },
    });
    const timer = setTimeout(() => sent.destroy(new Error("no answer in time")), timeoutMs);
    const onAbort = () => sent.destroy(new Error("cancelled"));
    request.signal?.addEventListener("abort", onAbort, { once: true });
    if (request.signal?.aborted === true) onAbort();
    sent.on("error", fail);
    sent.on("response", (answer) => {
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Uint8Array) => {
        bytes += chunk.length;
        if (bytes <= ANSWER_BYTES_MAX) chunks.push(chunk);
        else sent.destroy(new Error(`the answer has over ${ANSWER_BYTES_MAX} bytes`));
      });
      answer.on("error", fail);
      answer.on("end", () => {
        clearTimeout(timer);
        request.signal?.removeEventListener("abort", onAbort);
        const { statusCode = 0, headers } = answer;
        resolve({ status: statusCode, headers, body: Buffer.concat(chunks) });
      });
    });
    sent.end(body);
  });
}
