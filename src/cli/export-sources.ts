// Where `spoor export` takes traces from: a data directory, or a Spoor that runs.
//
//   directory   SegmentStore ─ search, page by page ─▶ ids ─ readTraces ─▶ one batch a trace
//   URL         GET /api/v3/traces?cursor=… ─ objects of its list, one by one ─▶ one batch a trace
//
// Newest first. Memory: one trace, and the ids of a page.
// Trust: a server's answers are checked as any payload is.
// Not here: what becomes of the traces (export.ts).

import { SpoorError } from "../base/errors.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { type Cursor, LIMIT_MAX, type TimeRange, type TraceQuery } from "../model/trace-query.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { readOtlpJson } from "../wire/otlp-json.ts";
import { splitJson } from "./trace-formats.ts";

export interface ExportQuery extends TimeRange {
  readonly service: string;
}

/** Traces that are read together. */
const READ_TOGETHER = 16;
/** Traces of one answer of a server: it finds them all before it sends the first. */
const SERVER_PAGE = 200;

/** Every trace that has a span of the service that starts within the range. */
export async function* exportStore(
  store: Pick<TraceStore, "search" | "readTraces">,
  { service, ...range }: ExportQuery,
  signal: AbortSignal,
): AsyncGenerator<SpanBatch> {
  const conditions = service === "" ? { attributes: [] } : { attributes: [], service };
  let after: Cursor | undefined;
  for (;;) {
    const base: TraceQuery = { ...range, ...conditions, limit: LIMIT_MAX };
    const query = after === undefined ? base : { ...base, after };
    const { ids, startUs } = await store.search(query, signal);
    const idOf = (at: number): Uint8Array => ids.slice(16 * at, 16 * at + 16);
    for (let at = 0; at < startUs.length; at += READ_TOGETHER) {
      const count = Math.min(READ_TOGETHER, startUs.length - at);
      const together = Array.from({ length: count }, (_, i) => idOf(at + i));
      yield* await store.readTraces(together, signal);
    }
    if (startUs.length < LIMIT_MAX) return;
    const last = startUs.length - 1;
    after = { startUs: startUs[last]!, traceId: idOf(last) };
  }
}

/**
 * As `exportStore`, from the query API at `url`.
 *
 * @param onUnpaged the server gave as much as was asked and says nothing of a next page.
 * @throws SpoorError `unavailable` if it does not answer, or not with traces.
 */
export async function* exportServer(
  url: string,
  query: ExportQuery,
  signal: AbortSignal,
  onUnpaged: () => void,
): AsyncGenerator<SpanBatch> {
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    const answer = await ask(pageUrl(url, query, cursor), signal);
    if (answer === undefined) return;
    let next: string | undefined;
    let traces = 0;
    const onEnd = (around: string): void => void (next = findCursor(around));
    for await (const trace of joinTraces(splitJson(answer, 3, onEnd))) {
      traces++;
      yield trace;
    }
    if (next === undefined && traces >= SERVER_PAGE) onUnpaged();
    cursor = next;
  }
}

function pageUrl(
  url: string,
  { service, startUsMin, startUsMax }: ExportQuery,
  cursor: string,
): URL {
  const page = new URL(`${url.replace(/\/+$/, "")}/api/v3/traces`);
  const params = {
    "query.startTimeMin": printTime(startUsMin),
    "query.startTimeMax": printTime(startUsMax),
    "query.searchDepth": String(SERVER_PAGE),
    "query.rawTraces": "true",
    ...(service === "" ? {} : { "query.serviceName": service }),
    cursor,
  };
  for (const [name, value] of Object.entries(params)) page.searchParams.set(name, value);
  return page;
}

/** With its µs: a Date has ms. */
function printTime(us: number): string {
  const text = new Date(Math.floor(us / 1e3)).toISOString();
  return text.replace("Z", `${String(us % 1_000).padStart(3, "0")}Z`);
}

/** The body of the answer; undefined: there is nothing more. */
async function ask(page: URL, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
  let answer: Response;
  try {
    answer = await fetch(page, { signal });
  } catch (error) {
    const message = `${page.origin} does not answer: ${causeOf(error)}`;
    throw new SpoorError("unavailable", message, {}, error);
  }
  if (answer.status === 404) {
    const text = await answer.text();
    // So it says that it found none; anything else has no such API.
    if (text.includes("No traces found")) return undefined;
  }
  if (answer.status !== 200 || answer.body === null) {
    const message = `${page.origin} answered ${answer.status} to a search for traces`;
    throw new SpoorError("unavailable", message);
  }
  return answer.body;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function findCursor(around: string): string | undefined {
  return /"nextCursor":"([^"\\]+)"/.exec(around)?.[1];
}

const BEFORE = new TextEncoder().encode('{"resourceSpans":[');
const AFTER = new TextEncoder().encode("]}");

/** One batch a trace, of objects of which those of one trace follow one another. */
async function* joinTraces(objects: AsyncIterable<Uint8Array>): AsyncGenerator<SpanBatch> {
  const piece = new SpanBatch();
  let trace: Uint8Array[] = [];
  let id = "";
  const take = (): SpanBatch => {
    const whole = new SpanBatch();
    for (const payload of trace) readOtlpJson(payload, whole);
    trace = [];
    return whole;
  };
  for await (const object of objects) {
    const payload = Buffer.concat([BEFORE, object, AFTER]);
    piece.reset();
    readOtlpJson(payload, piece);
    if (piece.rows === 0) continue;
    const own = Buffer.from(piece.traceId.subarray(0, 16)).toString("hex");
    if (own !== id && trace.length > 0) yield take();
    id = own;
    trace.push(payload);
  }
  if (trace.length > 0) yield take();
}
