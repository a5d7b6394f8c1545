// One connection to a gRPC server, for unary calls.
//
//   openGrpcClient ─ socket, HTTP/2 preface and settings of the peer ─▶ GrpcClient
//   call ─ HEADERS DATA ─▶ … ─▶ HEADERS DATA trailers ─▶ the answer, or a GrpcError with a status
//
// A connection that is lost fails its calls with UNAVAILABLE and stays lost: who wants another opens one.
// When the peer says that it goes away (GOAWAY), calls under way may finish and `onLost` tells that no
// new ones should come.
//
// Source: grpc/doc/PROTOCOL-HTTP2.md, http-grpc-status-mapping.md.
// Trust: the peer is bounded: an answer's bytes, the time of every step, no compressed answers.
// Not here: who is asked (the caller's), retries, streams.

import * as http2 from "node:http2";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import { SpoorError } from "../base/errors.ts";
import { type ClientTls, connectSocket } from "./client-tls.ts";
import { writeGrpcMessage } from "./grpc-message.ts";
import { GrpcError } from "./grpc-service.ts";
import { GRPC_STATUS } from "./status.ts";

export interface GrpcClientOptions {
  readonly address: HostPort;
  /** What the peer is called: `:authority`, and the name of its certificate. */
  readonly hostName: string;
  readonly tls?: ClientTls | undefined;
  readonly connectTimeoutMs: number;
  /** Called once: the connection takes no new calls any more. */
  readonly onLost: () => void;
}

export interface GrpcCallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface GrpcClient {
  /** False once the connection is lost, or the peer goes away. */
  readonly isOpen: boolean;
  /**
   * One call. The message must stay as it is until the promise settles.
   *
   * @throws GrpcError with the peer's status and details; UNAVAILABLE when the connection was lost,
   *   DEADLINE_EXCEEDED after `timeoutMs`, CANCELLED by the signal.
   */
  call(path: string, message: Uint8Array, options: GrpcCallOptions): Promise<Uint8Array>;
  /** Ends the connection and fails what is under way. */
  close(): void;
}

type StatusName = keyof typeof GRPC_STATUS;

/** Answers are empty, or a service's sampling strategy with thousands of operations. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const PREFIX_BYTES = 5;
/** Messages that wait for the peer's window: some of the largest. */
const SESSION_MEMORY_MB = 64;
/** What setTimeout takes, and what eight digits of grpc-timeout hold. */
const TIMEOUT_MS_MAX = 99_999_999;

const STATUS_NAMES = Object.entries(GRPC_STATUS) as readonly (readonly [StatusName, number])[];

/** @throws SpoorError `unavailable` if no HTTP/2 peer answers in time. */
export async function openGrpcClient(options: GrpcClientOptions): Promise<GrpcClient> {
  const { address, hostName, connectTimeoutMs, onLost } = options;
  const socket = await connectSocket({
    address,
    hostName,
    tls: options.tls,
    protocols: ["h2"],
    timeoutMs: connectTimeoutMs,
  });
  const scheme = options.tls === undefined ? "http" : "https";
  const authority = printHostPort({ host: hostName, port: address.port });
  const session = http2.connect(`${scheme}://${authority}`, {
    createConnection: () => socket,
    maxSessionMemory: SESSION_MEMORY_MB,
    settings: { enablePush: false },
  });
  // An alert of TLS is told to the socket alone, and leaves it open.
  socket.on("error", () => socket.destroy());
  let isOpen = true;
  const lose = (): void => {
    if (!isOpen) return;
    isOpen = false;
    onLost();
  };
  session.on("error", lose);
  session.on("goaway", lose);
  session.on("close", lose);
  await settled(session, address, connectTimeoutMs);
  return {
    get isOpen() {
      return isOpen;
    },
    call: (path, message, callOptions) => call(session, path, message, callOptions),
    close() {
      isOpen = false;
      session.destroy();
    },
  };
}

/** Until the peer has said what it takes: then it is an HTTP/2 server, and alive. */
function settled(
  session: http2.ClientHttp2Session,
  address: HostPort,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      session.destroy();
      const message = `${printHostPort(address)} does not speak gRPC: ${why}`;
      reject(new SpoorError("unavailable", message));
    };
    const timer = setTimeout(fail, timeoutMs, "no answer in time");
    session.once("error", (error: Error) => fail(error.message));
    session.once("close", () => fail("the peer closed"));
    session.once("remoteSettings", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function call(
  session: http2.ClientHttp2Session,
  path: string,
  message: Uint8Array,
  { timeoutMs, signal }: GrpcCallOptions,
): Promise<Uint8Array> {
  if (signal?.aborted === true) throw new GrpcError("CANCELLED", "cancelled");
  if (session.closed || session.destroyed) {
    throw new GrpcError("UNAVAILABLE", "the connection is lost");
  }
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-timeout": `${Math.min(Math.ceil(timeoutMs), TIMEOUT_MS_MAX)}m`,
  });
  const answer = receive(stream, timeoutMs, signal);
  const pieces = writeGrpcMessage(message);
  for (const piece of pieces.slice(0, -1)) stream.write(piece);
  stream.end(pieces.at(-1));
  return answer;
}

function receive(
  stream: http2.ClientHttp2Stream,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let headers: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    let ownFailure: GrpcError | undefined;
    const cut = (status: StatusName, text: string) => {
      ownFailure ??= new GrpcError(status, text, undefined, false);
      stream.close(http2.constants.NGHTTP2_CANCEL);
    };
    const timer = setTimeout(cut, timeoutMs, "DEADLINE_EXCEEDED", "deadline exceeded");
    const onAbort = () => cut("CANCELLED", "cancelled");
    signal?.addEventListener("abort", onAbort, { once: true });
    stream.on("response", (received) => {
      headers = received;
    });
    stream.on("trailers", (received: http2.IncomingHttpHeaders) => {
      trailers = received;
    });
    stream.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes <= ANSWER_BYTES_MAX) chunks.push(chunk);
      else cut("RESOURCE_EXHAUSTED", `the answer has over ${ANSWER_BYTES_MAX} bytes`);
    });
    // What went wrong is told by what has come until the stream is closed.
    stream.on("error", () => undefined);
    stream.on("close", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      // Refused is an answer, too: come again.
      const isAnswer = stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM;
      const failure = ownFailure ?? failureOf(headers, trailers, isAnswer);
      if (failure !== undefined) reject(failure);
      else readAnswer(Buffer.concat(chunks), resolve, reject);
    });
  });
}

function readAnswer(
  body: Buffer,
  resolve: (answer: Uint8Array) => void,
  reject: (error: GrpcError) => void,
): void {
  const isWhole =
    body.length >= PREFIX_BYTES &&
    body[0] === 0 &&
    body.readUInt32BE(1) === body.length - PREFIX_BYTES;
  if (isWhole) resolve(body.subarray(PREFIX_BYTES));
  else reject(new GrpcError("INTERNAL", "the answer is no single plain message"));
}

/** @returns undefined for a call that succeeded. */
function failureOf(
  headers: http2.IncomingHttpHeaders,
  trailers: http2.IncomingHttpHeaders,
  isAnswer: boolean,
): GrpcError | undefined {
  const last = trailers["grpc-status"] === undefined ? headers : trailers;
  const status = last["grpc-status"];
  if (status === "0") return undefined;
  if (typeof status !== "string") {
    const httpStatus = Number(headers[":status"] ?? 0);
    if (httpStatus === 0 || httpStatus === 200) {
      const text = "the connection was lost during the call";
      return new GrpcError("UNAVAILABLE", text, undefined, isAnswer);
    }
    return new GrpcError(statusOfHttp(httpStatus), `answered with HTTP status ${httpStatus}`);
  }
  const found = STATUS_NAMES.find(([, code]) => String(code) === status);
  const details = last["grpc-status-details-bin"];
  return new GrpcError(
    found?.[0] ?? "UNKNOWN",
    printableMessage(last["grpc-message"]),
    typeof details === "string" ? Buffer.from(details, "base64") : undefined,
  );
}

/** What a proxy says that is no gRPC server. */
function statusOfHttp(status: number): StatusName {
  if (status === 400) return "INTERNAL";
  if (status === 401) return "UNAUTHENTICATED";
  if (status === 403) return "PERMISSION_DENIED";
  if (status === 404) return "UNIMPLEMENTED";
  return [429, 502, 503, 504].includes(status) ? "UNAVAILABLE" : "UNKNOWN";
}

const MESSAGE_CHARS_MAX = 200;

function printableMessage(text: string | string[] | undefined): string {
  if (typeof text !== "string") return "";
  const short = text.slice(0, MESSAGE_CHARS_MAX);
  try {
    return decodeURIComponent(short);
  } catch {
    return short;
  }
}
