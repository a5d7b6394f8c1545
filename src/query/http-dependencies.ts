// Which service calls which.
//
//   GET /api/dependencies?endTs=&lookback=&service=    [{"parent","child","callCount"}], from the spans
//   GET /api/deep-dependencies?service=                {"dependencies":[]}
//   GET /api/quality-metrics                           no scores
//
// The last two answer made-up samples in Jaeger, for pages that need a service of one's own behind
// them. We have nothing measured to show, and say so in the same shape.
// Source: Jaeger's http_handler.go (v1.76), internal/qualitymetrics/data_types.go.

import type { Dependency } from "../model/trace-query.ts";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { answerData, answerJson } from "./http-answers.ts";
import { parseDependencies } from "./parse-query.ts";
import type { QueryParts } from "./query-parts.ts";

export function makeDependencyRoutes(parts: QueryParts): readonly HttpRoute[] {
  return [
    { method: "GET", path: "/api/dependencies", handle: (request) => dependencies(parts, request) },
    {
      method: "GET",
      path: "/api/deep-dependencies",
      handle: (request) => answerJson(request, { dependencies: [] }),
    },
    {
      method: "GET",
      path: "/api/quality-metrics",
      handle: (request) => answerJson(request, NO_QUALITY),
    },
  ];
}

const NO_QUALITY = {
  traceQualityDocumentationLink: "",
  bannerText: { value: "The quality of traces is not measured here." },
  scores: [],
  metrics: [],
  clients: [],
};

async function dependencies(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const { range, service } = parseDependencies(request.query, parts.clock.nowUs());
  const links = await parts.store.dependencies(range, request.signal);
  const touches = ({ parent, child }: Dependency): boolean =>
    service === "" || parent === service || child === service;
  return answerData(
    request,
    links.filter(touches).map(({ parent, child, callCount }) => ({ parent, child, callCount })),
  );
}
