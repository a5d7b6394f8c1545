// One HTTP door.

import type { Log } from "../base/log.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { HostPort } from "./host-port.ts";
import type { HttpAnswer, HttpFailure, HttpRequest, HttpRoute } from "./http-route.ts";
import type { HttpLimits } from "./limits.ts";
import type { TlsSettings } from "./tls.ts";

export interface HttpCors {
  /** `*`, `https://app.example`, `https://*.example`; empty = CORS is off. */
  readonly allowedOrigins: readonly string[];
  /** Empty = accept, content-type, x-requested-with; `*` = whatever is asked for. */
  readonly allowedHeaders: readonly string[];
}

export interface HttpServerOptions {
  /** Names the door in logs and errors: "otlp-http". */
  readonly name: string;
  readonly hostPort: HostPort;
  readonly routes: readonly HttpRoute[];
  readonly log: Log;
  /** Called once with an error that is a bug of ours, after the peer got its 500. */
  readonly onBug: (error: unknown) => void;
  readonly tls?: TlsSettings;
  readonly limits?: Partial<HttpLimits>;
  /** Shared with other doors; without it the door has its own of `inFlightBytesMax`. */
  readonly budget?: ByteBudget;
  /** "/jaeger": taken off the path before routes are looked up; "" or "/" = none. */
  readonly basePath?: string;
  readonly cors?: HttpCors;
  /** Added to every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Compress answers of over 1 KiB for peers that accept gzip. */
  readonly gzip?: boolean;
  /** How a failure is told; default: one line of plain text. */
  readonly answerFailure?: (failure: HttpFailure, request: HttpRequest) => HttpAnswer;
}

export interface HttpServer {
  readonly address: string;
  readonly port: number;
  /** Stops accepting, lets requests finish for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** @throws SpoorError `unavailable` if the address is taken, `bad-input` for bad TLS files. */
export async function openHttpServer(_options: HttpServerOptions): Promise<HttpServer> {
  throw new Error("bug: not written yet");
}
