// OTLP over HTTP (4318): POST /v1/traces with protobuf.
//
//   200 ─▶ how many were left out     429 502 503 504 (Retry-After) ─▶ again     other ─▶ never
//
// Health: a request without spans, which any receiver takes. A strategy is asked on Jaeger's own HTTP
// port of the same host.
//
// Source: OTLP 1.x §"OTLP/HTTP"; RFC 9110 §10.2.3. Trust: answers are a peer's.

import { SpoorError } from "../../base/errors.ts";
import type { ClientTls } from "../../net/client-tls.ts";
import { type HttpClientAnswer, type HttpRequest, openHttpClient } from "../../net/http-client.ts";
import { readExportAnswer } from "../../wire/otlp-answer.ts";
import {
  type LeftOut,
  NOTHING_LEFT_OUT,
  Refusal,
  type RefusalReason,
  type Reporter,
  Setback,
} from "./reporter.ts";

export interface OtlpHttpReporterOptions {
  readonly tls?: ClientTls | undefined;
  readonly connectTimeoutMs: number;
  /** Of one request. */
  readonly timeoutMs: number;
  /** Where the collector answers questions for strategies. */
  readonly samplingPort: number;
}

const AGAIN = new Set([429, 502, 503, 504]);

const REASONS: ReadonlyMap<number, RefusalReason> = new Map([
  [400, "invalid"],
  [415, "invalid"],
  [413, "too-large"],
  [401, "forbidden"],
  [403, "forbidden"],
  [404, "unsupported"],
  [405, "unsupported"],
]);

export function makeOtlpHttpReporter(options: OtlpHttpReporterOptions): Reporter {
  const { timeoutMs, connectTimeoutMs, tls, samplingPort } = options;
  return {
    protocol: "otlp-http",
    format: "otlp-proto",
    async open({ address, hostName }) {
      const client = openHttpClient({ address, hostName, tls, connectTimeoutMs });
      const at = { ...address, port: samplingPort };
      const sampling = openHttpClient({ address: at, hostName, connectTimeoutMs });
      const headers = { "content-type": "application/x-protobuf" };
      const post = { method: "POST", path: "/v1/traces", headers } as const;
      const lane = {
        async send(payload: Uint8Array, signal: AbortSignal) {
          const answer = await ask(client, { ...post, body: payload, timeoutMs, signal });
          return readLeftOut(answer);
        },
        async check() {
          await ask(client, { ...post, timeoutMs: connectTimeoutMs });
        },
        async askStrategy(service: string, signal: AbortSignal) {
          const path = `/api/sampling?service=${encodeURIComponent(service)}`;
          const question = { method: "GET", path, timeoutMs, signal } as const;
          const { body } = await ask(sampling, question);
          return { format: "json" as const, payload: body };
        },
        close() {
          client.close();
          sampling.close();
        },
      };
      try {
        await lane.check();
      } catch (error) {
        lane.close();
        throw error;
      }
      return lane;
    },
  };
}

interface Asked {
  request(request: HttpRequest): Promise<HttpClientAnswer>;
}

async function ask(client: Asked, request: HttpRequest): Promise<HttpClientAnswer> {
  let answer: HttpClientAnswer;
  try {
    answer = await client.request(request);
  } catch (error) {
    // Who cannot be connected to was not sent anything.
    if (error instanceof SpoorError) {
      throw new Setback(error.message, 0, !(error.cause instanceof SpoorError));
    }
    throw error;
  }
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return answer;
  const text = `HTTP status ${status}`;
  if (!AGAIN.has(status)) throw new Refusal(REASONS.get(status) ?? "other", text);
  throw new Setback(text, retryAfterMs(headers["retry-after"]));
}

/** Seconds only: a date needs clocks that agree. */
function retryAfterMs(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : 0;
}

function readLeftOut({ headers, body }: HttpClientAnswer): LeftOut {
  if (headers["content-type"]?.startsWith("application/x-protobuf") !== true) {
    return NOTHING_LEFT_OUT;
  }
  try {
    const { spans, message } = readExportAnswer(body);
    return { spans: Math.max(0, spans), reason: message };
  } catch (error) {
    // The status said that the payload was taken; sending it again would double it.
    if (error instanceof SpoorError) return NOTHING_LEFT_OUT;
    throw error;
  }
}
