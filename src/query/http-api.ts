// All HTTP routes of the query service, and how their failures are told.
//
//   /api/v3/* (http-api-v3.ts)
//   /api/* (http-traces, -services, -attributes, -dependencies, -metrics, -transform)
//   everything else: the page (http-pages.ts)
//
//   SpoorError ─▶ status: bad-input 400 · unsupported 501 · overloaded 429 · unavailable 500
//              ─▶ body: the envelope below /api, {"error":…} below /api/v3, else a line of text
//
// Source: Jaeger's statuses: what its storage fails with is 500.

import type { Log } from "../base/log.ts";
import type { HttpAnswer, HttpFailure, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { callWithToken, iterateWithToken } from "../store/bearer-token.ts";
import { parseBearerToken } from "./bearer-token.ts";
import { PLAIN_HEADERS, answerError } from "./http-answers.ts";
import { answerErrorV3 } from "./http-answers-v3.ts";
import { makeApiV3Routes } from "./http-api-v3.ts";
import { makeAttributeRoutes } from "./http-attributes.ts";
import { makeDependencyRoutes } from "./http-dependencies.ts";
import { makeMetricRoutes } from "./http-metrics.ts";
import { makePageRoutes } from "./http-pages.ts";
import { makeServiceRoutes } from "./http-services.ts";
import { makeTraceRoutes } from "./http-traces.ts";
import { makeTransformRoute } from "./http-transform.ts";
import type { QueryParts } from "./query-parts.ts";

export interface HttpApiOptions {
  readonly basePath: string;
  /** Passes the bearer token of a request on to the store. */
  readonly passesToken: boolean;
}

export function makeHttpRoutes(parts: QueryParts, options: HttpApiOptions): readonly HttpRoute[] {
  const routes = [
    ...makeTraceRoutes(parts),
    makeTransformRoute(),
    ...makeServiceRoutes(parts),
    ...makeAttributeRoutes(parts),
    ...makeDependencyRoutes(parts),
    ...makeMetricRoutes(parts),
    ...makeApiV3Routes(parts),
    ...makePageRoutes(parts, options.basePath),
  ];
  return options.passesToken ? routes.map(passToken) : routes;
}

function passToken(route: HttpRoute): HttpRoute {
  return {
    ...route,
    async handle(request) {
      const token = parseBearerToken((name) => {
        const header = request.headers[name];
        return typeof header === "string" ? header : header?.[0];
      });
      if (token === undefined) return route.handle(request);
      const answer = await callWithToken(token, () => route.handle(request));
      const { body } = answer;
      if (body === undefined || typeof body === "string" || body instanceof Uint8Array)
        return answer;
      return { ...answer, body: iterateWithToken(token, body) };
    },
  };
}

/** How the door tells what went wrong. */
export function makeFailureAnswer(
  log: Log,
): (failure: HttpFailure, request: HttpRequest) => HttpAnswer {
  return (failure, request) => {
    const { path } = request;
    const status = failure.error?.code === "unavailable" ? 500 : failure.status;
    if (status >= 500) log.error("query failed", { path, status, error: failure.message });
    if (status === 405) return { status };
    if (path.startsWith("/api/v3/")) return answerErrorV3(status, failure.message);
    if (path.startsWith("/api/")) return answerError(status, failure.message);
    return { status, headers: PLAIN_HEADERS, body: `${failure.message}\n` };
  };
}
