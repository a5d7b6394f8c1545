// Which web pages may read a door's answers: the CORS protocol, as Jaeger's doors speak it.
//
//   OPTIONS + access-control-request-method ─▶ preflight: 204, allowed or without a word
//   any other request with origin           ─▶ its answer, with two more headers if allowed
//
// Source: fetch.spec.whatwg.org §3.2; go's rs/cors with credentials allowed and the methods GET,
// POST and HEAD, which is how the OpenTelemetry receivers inside Jaeger set it up.
// Trust: origins and header names are the peer's; they are compared, and echoed only when allowed.

import type { IncomingHttpHeaders } from "node:http";

export interface HttpCors {
  /** `*`, `https://app.example`, `https://*.example`; empty = CORS is off. */
  readonly allowedOrigins: readonly string[];
  /** Empty = accept, content-type, x-requested-with; `*` = whatever is asked for. */
  readonly allowedHeaders: readonly string[];
}

export interface CorsRules {
  /** Headers to be added to an answer. */
  answerHeaders(origin: string | undefined): Readonly<Record<string, string>>;
  /** Headers of the answer to a preflight. */
  preflightHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>>;
}

const METHODS = ["GET", "POST", "HEAD"];
const DEFAULT_HEADERS = ["accept", "content-type", "x-requested-with"];
const PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/** @returns undefined when no origin is allowed: then no answer says anything about CORS. */
export function makeCorsRules(cors: HttpCors | undefined): CorsRules | undefined {
  if (cors === undefined || cors.allowedOrigins.length === 0) return undefined;
  const isAllowedOrigin = matcherOf(cors.allowedOrigins);
  const names = cors.allowedHeaders.length === 0 ? DEFAULT_HEADERS : cors.allowedHeaders;
  const isAllowedHeader = matcherOf([...names, "origin"]);
  const allOrigins = cors.allowedOrigins.includes("*");
  const allow = (origin: string) => ({
    "Access-Control-Allow-Origin": allOrigins ? "*" : origin,
    "Access-Control-Allow-Credentials": "true",
  });

  return {
    answerHeaders(origin) {
      if (origin === undefined || !isAllowedOrigin(origin)) return { Vary: "Origin" };
      return { Vary: "Origin", ...allow(origin) };
    },
    preflightHeaders(headers) {
      const refused = { Vary: PREFLIGHT_VARY };
      const { origin } = headers;
      const method = headers["access-control-request-method"] ?? "";
      const asked = headers["access-control-request-headers"];
      if (origin === undefined || !isAllowedOrigin(origin)) return refused;
      if (!METHODS.includes(method.toUpperCase())) return refused;
      const askedNames = (asked ?? "").split(",").map((name) => name.trim());
      if (!askedNames.every((name) => name === "" || isAllowedHeader(name))) return refused;
      return {
        ...refused,
        ...allow(origin),
        "Access-Control-Allow-Methods": method.toUpperCase(),
        ...(asked === undefined || asked === "" ? {} : { "Access-Control-Allow-Headers": asked }),
      };
    },
  };
}

/** Exact but for case; one `*` in a pattern stands for any text. */
function matcherOf(patterns: readonly string[]): (text: string) => boolean {
  const rules = patterns.map((pattern) => {
    const [head = "", ...rest] = pattern.toLowerCase().split("*");
    return { head, tail: rest.length === 0 ? undefined : rest.join("*") };
  });
  return (text) => {
    const lower = text.toLowerCase();
    return rules.some(({ head, tail }) =>
      tail === undefined
        ? lower === head
        : lower.length >= head.length + tail.length &&
          lower.startsWith(head) &&
          lower.endsWith(tail),
    );
  };
}
