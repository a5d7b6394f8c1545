// Traces by id and by search, and keeping one for later.
//
//   GET  /api/traces/{id}?raw=&start=&end=             one trace; 404 if it is not there
//   GET  /api/traces?service=…                         a search; the newest first
//   GET  /api/traces?filter=…&cursor=…                 a search as Jaeger has none, page by page
//   GET  /api/traces?traceID=…&traceID=…               certain traces; what is missing is told beside
//   POST /api/archive/{id}                             keeps a copy apart from what is evicted
//
// `start` and `end` of a read by id are checked and not needed: stores find a trace by its id.
// Source: Jaeger's http_handler.go (v1.76).

import { Buffer } from "node:buffer";
import type { SpanBatch } from "../model/span-batch.ts";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { printCursor } from "./cursor-text.ts";
import { findPage } from "./find-page.ts";
import { type DataError, answerError, answerJson, answerTraces } from "./http-answers.ts";
import { parseTraceParams, parseTraceSearch } from "./parse-query.ts";
import { parseTraceId } from "./parse-trace-id.ts";
import type { QueryParts } from "./query-parts.ts";
import { type TraceView, eachTrace } from "./read-traces.ts";

const NOT_FOUND = "trace not found";

export function makeTraceRoutes(parts: QueryParts): readonly HttpRoute[] {
  return [
    { method: "GET", path: "/api/traces", handle: (request) => search(parts, request) },
    { method: "GET", path: "/api/traces/:traceId", handle: (request) => readOne(parts, request) },
    { method: "POST", path: "/api/archive/:traceId", handle: (request) => archive(parts, request) },
  ];
}

async function readOne(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const id = parseTraceId(request.params["traceId"] ?? "");
  const { raw } = parseTraceParams(request.query);
  const traces = await parts.store.readTraces([id], request.signal);
  if (traces.length === 0) return answerError(404, NOT_FOUND);
  return answerTraces(request, eachTrace(traces, { adjust: parts.adjust, raw }), () => []);
}

async function search(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const { query, ids, isPaged, raw } = parseTraceSearch(request.query, parts.clock.nowUs());
  const view = { adjust: parts.adjust, raw };
  if (ids.length > 0) {
    const missing: DataError[] = [];
    return answerTraces(request, readEach(parts, request, ids, view, missing), () => missing);
  }
  if (isPaged) {
    const { traces, next } = await findPage(parts.store, query, request.signal);
    return answerTraces(request, eachTrace(traces, view), () => [], next && printCursor(next));
  }
  const traces = parts.store.findEach(query, request.signal);
  return answerTraces(request, eachTrace(traces, view), () => []);
}

async function archive(parts: QueryParts, request: HttpRequest): Promise<HttpAnswer> {
  const id = parseTraceId(request.params["traceId"] ?? "");
  parseTraceParams(request.query);
  if (!parts.store.capabilities.archive) {
    return answerError(500, "archive span storage was not configured");
  }
  if (!(await parts.store.archive(id, request.signal))) return answerError(404, NOT_FOUND);
  return answerJson(request, { data: [], total: 0, limit: 0, offset: 0, errors: [] });
}

/** One trace after the other is read; ids without a trace go to `missing`. */
async function* readEach(
  parts: QueryParts,
  request: HttpRequest,
  ids: readonly Uint8Array[],
  view: TraceView,
  missing: DataError[],
): AsyncGenerator<SpanBatch> {
  for (const id of ids) {
    const traces = await parts.store.readTraces([id], request.signal);
    if (traces.length === 0) missing.push({ msg: NOT_FOUND, traceID: printTraceId(id) });
    yield* eachTrace(traces, view);
  }
}

/** 16 digits if the high half is zero, as in the traces themselves. */
function printTraceId(id: Uint8Array): string {
  return Buffer.from(id)
    .toString("hex")
    .replace(/^0{16}/, "");
}
