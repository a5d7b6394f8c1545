// One payload by HTTP, and what the answer means for it.
//
//   2xx ─▶ taken (how many were left out: the format reads it of the answer's body)
//   408 429 5xx, no connection, no answer in time, no HTTP ─▶ again, Retry-After is obeyed
//   others, redirects too ─▶ never
//
// Connections are kept, but keep no process alive: sockets are unref'd while requests are under way too;
// whoever waits for them (flush) holds a timer.
//
// Source: OTLP 1.x §"OTLP/HTTP Response"; RFC 9110 §10.2.3 (Retry-After).
// Trust: the answer is a peer's: of its body ANSWER_BYTES_MAX are read, and a request has one
// deadline for all of it, however slowly the bytes come.

import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { gzip } from "node:zlib";
import { systemClock } from "../../base/clock.ts";
import { runUntraced } from "../untraced.ts";
import type { Verdict } from "./sending-queue.ts";

export interface HttpTls {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

export interface HttpSenderOptions {
  readonly url: URL;
  readonly contentType: string;
  /** Basic authentication, if `token` is not given; those of the URL count as these. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Bearer. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly gzip?: boolean | undefined;
  /** Of a request from its start to the end of its answer. */
  readonly timeoutMs?: number | undefined;
  readonly tls?: HttpTls | undefined;
  /** Spans that the collector did not take though its status is 2xx. May throw: then none. */
  readonly readRejected?: ((answer: Uint8Array) => number) | undefined;
}

export interface HttpSender {
  /** Never rejects. */
  send(bytes: Uint8Array, signal: AbortSignal): Promise<Verdict>;
  close(): void;
}

const TIMEOUT_MS = 5_000;
/** Far more than an answer with a reason has. */
const ANSWER_BYTES_MAX = 64 * 1024;
const SOCKETS_MAX = 8;
/** Below this gzip makes little smaller. */
const GZIP_BYTES_MIN = 1_024;
const AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Uint8Array;
}

/** @throws Error if a header or the credentials cannot be sent at all. */
export function openHttpSender(options: HttpSenderOptions): HttpSender {
  const { url, readRejected } = options;
  const isTls = url.protocol === "https:";
  const keep = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const agent = isTls ? new HttpsAgent({ ...keep, ...options.tls }) : new HttpAgent(keep);
  const headers = makeHeaders(options);
  const target = new URL(url);
  target.username = "";
  target.password = "";
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;

  const exchange = (body: Uint8Array, extra: object, signal: AbortSignal): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const options = {
        method: "POST",
        agent,
        headers: { ...headers, ...extra, "content-length": body.length },
        signal,
      };
      const request = runUntraced(() => (isTls ? httpsRequest : httpRequest)(target, options));
      const late = setTimeout(() => request.destroy(new Error("no answer in time")), timeoutMs);
      late.unref();
      request.on("socket", (socket) => socket.unref());
      let hasAnswer = false;
      request.on("error", (error) => {
        // Once the status is there it counts, whatever becomes of the rest.
        if (!hasAnswer) reject(error);
      });
      request.on("close", () => clearTimeout(late));
      request.on("response", (response) => {
        hasAnswer = true;
        readAnswer(response, resolve);
      });
      request.end(body);
    });

  return {
    async send(bytes, signal) {
      try {
        const isZipped = options.gzip === true && bytes.length >= GZIP_BYTES_MIN;
        const body = isZipped ? await zip(bytes) : bytes;
        const extra = isZipped ? { "content-encoding": "gzip" } : {};
        return verdictOf(await exchange(body, extra, signal), readRejected);
      } catch (error) {
        return { kind: "again", afterMs: 0, why: reasonOf(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

/**
 * @param what names the setting in the error.
 * @param path is used if the URL has none.
 * @throws Error if the text is no URL of HTTP.
 */
export function parseEndpoint(text: string, what: string, path: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // Told below: the text may hold a password, and so might the error.
  }
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new Error(`${what} is no URL that begins with http:// or https://`);
  }
  if (url.pathname === "/") url.pathname = path;
  return url;
}

/** Whatever of it comes; the status counts, and a body that never ends costs its limit. */
function readAnswer(response: IncomingMessage, done: (answer: Answer) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const end = (): void =>
    done({
      status: response.statusCode ?? 0,
      retryAfter: response.headers["retry-after"],
      body: Buffer.concat(chunks),
    });
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) response.destroy();
    else chunks.push(chunk);
  });
  response.on("error", () => {
    // The status has come; "close" follows.
  });
  response.on("close", end);
}

function verdictOf(answer: Answer, readRejected: HttpSenderOptions["readRejected"]): Verdict {
  const { status } = answer;
  if (status >= 200 && status < 300) {
    return { kind: "taken", rejectedSpans: rejectedOf(answer.body, readRejected) };
  }
  const why = `the collector answered ${status}`;
  if (status < 500 && !AGAIN.has(status)) return { kind: "never", why };
  return { kind: "again", afterMs: parseRetryAfter(answer.retryAfter), why };
}

function rejectedOf(body: Uint8Array, read: HttpSenderOptions["readRejected"]): number {
  if (read === undefined || body.length === 0) return 0;
  try {
    return read(body);
  } catch {
    // The status said that it was taken; sending it again would double it.
    return 0;
  }
}

/** Seconds or a date; ms, 0 if it is neither. */
function parseRetryAfter(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) return 0;
  return Math.max(0, atMs - systemClock.nowUs() / 1_000);
}

function makeHeaders(options: HttpSenderOptions): Record<string, string> {
  const { url, contentType, token } = options;
  const headers: Record<string, string> = { "content-type": contentType };
  const username = options.username ?? decodeURIComponent(url.username);
  const password = options.password ?? decodeURIComponent(url.password);
  if (token !== undefined && token !== "") {
    headers["authorization"] = `Bearer ${token}`;
  } else if (username !== "") {
    const basic = Buffer.from(`${username}:${password}`).toString("base64");
    headers["authorization"] = `Basic ${basic}`;
  }
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function zip(bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(bytes, (error, zipped) => {
      if (error === null) resolve(zipped);
      else reject(error);
    });
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "the request failed";
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.message;
}
