// What there is to search for: services and their operations.
//
//   GET /api/services                         names
//   GET /api/operations?service=&spanKind=    [{"name","spanKind"}]
//   GET /api/services/{service}/operations    names alone: what Jaeger's first pages asked for
//
// Source: Jaeger's http_handler.go (v1.76); the last route says `null` where there is nothing.

import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import type { Operation } from "../model/trace-query.ts";
import { answerData } from "./http-answers.ts";
import { refuse } from "./parse-query.ts";
import type { QueryParts } from "./query-parts.ts";
import { parseKind, printKind } from "./span-kinds.ts";

export function makeServiceRoutes(parts: QueryParts): readonly HttpRoute[] {
  return [
    {
      method: "GET",
      path: "/api/services",
      handle: async (request) => {
        const names = await parts.store.services(request.signal);
        return answerData(request, names, names.length);
      },
    },
    { method: "GET", path: "/api/operations", handle: (request) => operations(parts, request) },
    {
      method: "GET",
      path: "/api/services/:service/operations",
      handle: async (request) => {
        const service = request.params["service"] ?? "";
        const found = await findOperations(parts, service, "", request.signal);
        const names = [...new Set(found.map(({ name }) => name))];
        return answerData(request, names.length === 0 ? null : names, names.length);
      },
    },
  ];
}

async function operations(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const service = request.query.get("service") ?? "";
  if (service === "") throw refuse("parameter 'service' is required");
  const kind = request.query.get("spanKind") ?? "";
  const found = await findOperations(parts, service, kind, request.signal);
  const data = found.map((operation) => ({
    name: operation.name,
    spanKind: printKind(operation.kind),
  }));
  return answerData(request, data, data.length);
}

/**
 * Operations of a service, of one kind if `kindName` is not empty. A kind that nobody knows has none,
 * and neither has a service without a name.
 */
export async function findOperations(
  parts: QueryParts,
  service: string,
  kindName: string,
  signal: AbortSignal,
): Promise<readonly Operation[]> {
  const kind = parseKind(kindName);
  if (service === "" || (kindName !== "" && kind === undefined)) return [];
  return await parts.store.operations(service, kind, signal);
}
