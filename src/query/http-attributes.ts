// What attributes there are, for completion while somebody types a condition.
//
//   GET /api/attributes/keys?prefix=&service=&start=&end=&limit=           names, sorted
//   GET /api/attributes/values?key=&prefix=&service=&start=&end=&limit=    texts, sorted
//
// Both are the first that begin with `prefix`, by code units; times are µs, as those of a search.

import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { answerData } from "./http-answers.ts";
import { parseKeyQuery, parseValueQuery } from "./parse-query.ts";
import type { QueryParts } from "./query-parts.ts";

export function makeAttributeRoutes(parts: QueryParts): readonly HttpRoute[] {
  return [
    { method: "GET", path: "/api/attributes/keys", handle: (request) => keys(parts, request) },
    { method: "GET", path: "/api/attributes/values", handle: (request) => values(parts, request) },
  ];
}

async function keys(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const query = parseKeyQuery(request.query, parts.clock.nowUs());
  const found = await parts.store.attributeKeys(query, request.signal);
  return answerData(request, found, found.length);
}

async function values(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const query = parseValueQuery(request.query, parts.clock.nowUs());
  const found = await parts.store.attributeValues(query, request.signal);
  return answerData(request, found, found.length);
}
