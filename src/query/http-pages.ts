// What a browser asks for: every path that is no route of the API is the page.
//
//   GET /   /search   /trace/{id}   /api/no-such-route   ─▶  200, the page
//   GET /static/*                                        ─▶  404: there are no files
//
// Source: Jaeger's v1 static handler, which serves its one page under every path.

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
    {
      method: "GET",
      path: "/static/*",
      handle: () => ({ status: 404, headers: PLAIN_HEADERS, body: "404 page not found\n" }),
    },
  ];
}
