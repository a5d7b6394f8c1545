// What a browser asks for: every path outside the API is the page.
//
//   GET /   /search   /trace/{id}       ─▶  200, the page
//   GET /static/*                       ─▶  404: there are no files
//   any method, /api/no-such-route      ─▶  404: a program that asks there cannot read a page
//
// Source: Jaeger's static handler, which serves its one page under every path; since v2 not below
// /api (v1 did there too).

import type { HttpAnswer, HttpRoute } from "../net/http-route.ts";
import { PLAIN_HEADERS } from "./http-answers.ts";
import { PAGE_HEADERS, printIndexPage } from "./index-page.ts";
import type { QueryParts } from "./query-parts.ts";

export function makePageRoutes(parts: QueryParts, basePath: string): readonly HttpRoute[] {
  return [
    {
      method: "GET",
      path: "*",
      handle: async (request): Promise<HttpAnswer> => {
        const services = await parts.store.services(request.signal);
        return { status: 200, headers: PAGE_HEADERS, body: printIndexPage({ services, basePath }) };
      },
    },
    { method: "GET", path: "/static/*", handle: answerNotFound },
    ...METHODS.map((method): HttpRoute => ({ method, path: "/api/*", handle: answerNotFound })),
  ];
}

const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] as const;

/** In the words of Go's http.NotFound. */
function answerNotFound(): HttpAnswer {
  return { status: 404, headers: PLAIN_HEADERS, body: "404 page not found\n" };
}
