// HTTP routes of remote sampling, the same at the agent, at 5778 and at the collector's 14268.
//
//   GET /sampling, /api/sampling ?service=X    200 JSON, the type as text
//   GET /?service=X                            200 JSON, the type as a number: clients of the first years
//   GET /baggageRestrictions, /api/…           500 "collector error: baggage not implemented"
//   service not given once                     400 "'service' parameter must be provided once"
//   the source cannot answer                   500 "collector error: …"
//
// All error texts are plain and end with a line break, as Go's http.Error writes them.
//
// Source: Jaeger v1.41 and v1.76, clientcfghttp/handler.go. Clients that need baggage restrictions fall
// back to what they were told to do without; nobody has served them since TChannel went.
// Trust: the query is the peer's.

import { SpoorError, printError } from "../base/errors.ts";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { printStrategyJson } from "./strategy-json.ts";
import type { SamplingSource } from "./strategies.ts";

/** As Jaeger's label `type` has it. */
export type SamplingEndpoint = "sampling" | "sampling-legacy" | "baggage";

export interface SamplingRoutesOptions {
  /** Which paths: `root` for agents and 5778, `api` (below /api) for a collector's door. */
  readonly below?: "root" | "api" | "both";
  /** Called once a request: what was asked, and how it ended. */
  readonly onRequest?: (endpoint: SamplingEndpoint, status: 200 | 400 | 500) => void;
}

export function makeSamplingRoutes(
  source: SamplingSource,
  { below = "both", onRequest = () => {} }: SamplingRoutesOptions = {},
): readonly HttpRoute[] {
  const answer = async (request: HttpRequest, endpoint: SamplingEndpoint): Promise<HttpAnswer> => {
    const service = serviceOf(request);
    if (service === undefined) {
      onRequest(endpoint, 400);
      return answerText(400, "'service' parameter must be provided once");
    }
    try {
      if (endpoint === "baggage") {
        throw new SpoorError("unsupported", "baggage not implemented");
      }
      const strategy = await source.strategyOf(service);
      const body = printStrategyJson(strategy, endpoint === "sampling-legacy");
      onRequest(endpoint, 200);
      return { status: 200, headers: { "content-type": "application/json" }, body };
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      onRequest(endpoint, 500);
      return answerText(500, `collector error: ${printError(error)}`);
    }
  };
  const get = (path: string, endpoint: SamplingEndpoint): HttpRoute => ({
    method: "GET",
    path,
    handle: (request) => answer(request, endpoint),
  });
  const root = [
    get("/sampling", "sampling"),
    get("/", "sampling-legacy"),
    get("/baggageRestrictions", "baggage"),
  ];
  const api = [get("/api/sampling", "sampling"), get("/api/baggageRestrictions", "baggage")];
  return below === "root" ? root : below === "api" ? api : [...root, ...api];
}

/** The one `service` of the query; undefined: there is none, or more than one. */
function serviceOf({ query }: HttpRequest): string | undefined {
  const services = query.getAll("service");
  return services.length === 1 ? services[0] : undefined;
}

function answerText(status: number, text: string): HttpAnswer {
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  };
  return { status, headers, body: `${text}\n` };
}
