// The routes of /api/v3: what today's pages of Jaeger search and draw by.
//
//   GET /api/v3/traces/{id}?startTime=&endTime=&rawTraces=    OTLP
//   GET /api/v3/traces?query.…                                OTLP, all traces in one document
//   GET /api/v3/trace-summaries?query.…                       {"summaries":[…]}
//   GET /api/v3/services                                      {"services":[…]}
//   GET /api/v3/operations?service=&spanKind=                 {"operations":[{"name","spanKind"}]}
//   GET /api/v3/dependencies?startTime=&endTime=              {"dependencies":[…]}
//   GET /api/v3/capabilities                                  {"search":{…}}
//
// Both searches also take `filter` and `cursor` (docs/search.md); `nextCursor` is beside what they answer.
// Source: Jaeger's apiv3 gateway (v1.76 to v2.20), api_v3/query_service.proto, capabilities.proto;
// JSON of protobuf: 64-bit numbers are strings.

import { Buffer } from "node:buffer";
import type { SpanBatch } from "../model/span-batch.ts";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import type { Instant, TraceSummary } from "../wire/write-query-proto.ts";
import { printCursor } from "./cursor-text.ts";
import { findPage } from "./find-page.ts";
import { answerErrorV3, answerJsonV3, answerTracesV3 } from "./http-answers-v3.ts";
import { findOperations } from "./http-services.ts";
import {
  parseDependenciesV3,
  parseOperationsV3,
  parseTraceSearchV3,
  parseTraceV3,
} from "./parse-query-v3.ts";
import type { QueryParts } from "./query-parts.ts";
import { type TraceView, eachTrace, startItems } from "./read-traces.ts";
import { printKind } from "./span-kinds.ts";
import { summarizeTrace } from "./trace-summary.ts";

const NOT_FOUND = "No traces found";

export function makeApiV3Routes(parts: QueryParts): readonly HttpRoute[] {
  const get = (
    path: string,
    handle: (parts: QueryParts, request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>,
  ): HttpRoute => ({ method: "GET", path, handle: (request) => handle(parts, request) });
  return [
    get("/api/v3/traces/:traceId", readOne),
    get("/api/v3/traces", search),
    get("/api/v3/trace-summaries", summarize),
    get("/api/v3/services", services),
    get("/api/v3/operations", operations),
    get("/api/v3/dependencies", dependencies),
    get("/api/v3/capabilities", capabilities),
  ];
}

async function readOne(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const { id, raw } = parseTraceV3(request.params["traceId"] ?? "", request.query);
  const traces = await parts.store.readTraces([id], request.signal);
  if (traces.length === 0) return answerErrorV3(404, NOT_FOUND);
  return answerTracesV3(eachTrace(traces, { adjust: parts.adjust, raw }));
}

async function search(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const { traces, nextCursor, view } = await find(parts, request);
  const started = await startItems(traces);
  if (started === undefined) return answerErrorV3(404, NOT_FOUND);
  return answerTracesV3(eachTrace(started, view), nextCursor);
}

async function summarize(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const { traces, nextCursor, view } = await find(parts, request);
  const summaries: object[] = [];
  for await (const trace of eachTrace(traces, view)) summaries.push(toJson(summarizeTrace(trace)));
  return answerJsonV3({ summaries, nextCursor });
}

interface Found {
  readonly traces: AsyncIterable<SpanBatch>;
  readonly nextCursor: string | undefined;
  readonly view: TraceView;
}

/** What a search finds: all of it, or a page. */
async function find(parts: QueryParts, request: HttpRequest): Promise<Found> {
  const { query, isPaged, raw } = parseTraceSearchV3(request.query);
  const view = { adjust: parts.adjust, raw };
  if (!isPaged) {
    const traces = parts.store.findEach(query, request.signal);
    return { traces, nextCursor: undefined, view };
  }
  const { traces, next } = await findPage(parts.store, query, request.signal);
  return { traces, nextCursor: next && printCursor(next), view };
}

function toJson(summary: TraceSummary): object {
  return {
    traceId: Buffer.from(summary.traceId).toString("hex"),
    rootServiceName: summary.rootService,
    rootOperationName: summary.rootOperation,
    minStartTimeUnixNano: printUnixNano(summary.start),
    maxEndTimeUnixNano: printUnixNano(summary.end),
    spanCount: summary.spans,
    errorSpanCount: summary.errors,
    orphanSpanCount: summary.orphans,
    services: summary.services.map(({ name, spans, errors }) => ({
      name,
      spanCount: spans,
      errorSpanCount: errors,
    })),
  };
}

/** Nanoseconds of 64 bits without a sign: times before the epoch are 0. */
function printUnixNano({ us, restNs }: Instant): string {
  return us < 0 ? "0" : String(BigInt(us) * 1_000n + BigInt(restNs));
}

async function services(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  return answerJsonV3({ services: await parts.store.services(request.signal) });
}

async function operations(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const { service, kind } = parseOperationsV3(request.query);
  const found = await findOperations(parts, service, kind, request.signal);
  return answerJsonV3({
    operations: found.map((operation) => ({
      name: operation.name,
      spanKind: printKind(operation.kind) || "internal",
    })),
  });
}

async function dependencies(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const range = parseDependenciesV3(request.query);
  const links = await parts.store.dependencies(range, request.signal);
  return answerJsonV3({
    dependencies: links.map(({ parent, child, callCount }) => ({
      parent,
      child,
      callCount: String(callCount),
    })),
  });
}

function capabilities({ store }: QueryParts): HttpAnswer {
  return answerJsonV3({
    search: {
      withoutServiceName: store.capabilities.searchWithoutService,
      sameSpanConjunction: true,
    },
  });
}
