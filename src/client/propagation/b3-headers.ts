// B3, the headers of Zipkin.
//
//   b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1-05e3ac9a4f6e3b90
//       trace - span [- 0 | 1 | d [- parent]]        or the decision alone: 0, 1, d
//   x-b3-traceid, x-b3-spanid, x-b3-parentspanid, x-b3-sampled: 0 | 1, x-b3-flags: 1 (debug)
//
// `b3` goes before the others where both are there. A decision alone gives a context without ids.
// Ids of any length up to 32 and 16 digits are read: npm jaeger-client and Go do not pad them.
//
// Source: openzipkin/b3-propagation README.
// Trust: a peer's text. Garbage gives undefined; a bad parent id counts as none.

import { FLAG_DEBUG, FLAG_SAMPLED, SpanContext, makeSpanContext } from "../span-context.ts";

const FLAGS_DEBUG = FLAG_SAMPLED | FLAG_DEBUG; // debug implies sampled

/** `d` and `1` as in either form; `true` was written by early Zipkin libraries. */
function parseDecision(text: string): number | undefined {
  switch (text) {
    case "0":
    case "false":
      return 0;
    case "1":
    case "true":
      return FLAG_SAMPLED;
    case "d":
      return FLAGS_DEBUG;
    default:
      return undefined;
  }
}

function makeDecision(flags: number | undefined): SpanContext | undefined {
  if (flags === undefined) return undefined;
  const context = makeSpanContext();
  context.flags = flags;
  context.isRemote = true;
  return context;
}

export function parseB3Single(header: string): SpanContext | undefined {
  const [trace = "", span, decision, parent, more] = header.trim().split("-", 5);
  if (span === undefined) return makeDecision(parseDecision(trace));
  const flags = decision === undefined ? 0 : parseDecision(decision);
  if (flags === undefined || more !== undefined) return undefined;
  return parseIds(trace, span, parent, flags);
}

export interface B3Multi {
  readonly b3TraceId: string | undefined;
  readonly b3SpanId: string | undefined;
  readonly b3ParentSpanId: string | undefined;
  readonly b3Sampled: string | undefined;
  readonly b3Flags: string | undefined;
}

export function hasB3Multi(found: B3Multi): boolean {
  return (
    found.b3TraceId !== undefined ||
    found.b3SpanId !== undefined ||
    found.b3Sampled !== undefined ||
    found.b3Flags === "1"
  );
}

export function parseB3Multi(found: B3Multi): SpanContext | undefined {
  const flags = parseMultiDecision(found);
  if (found.b3TraceId === undefined && found.b3SpanId === undefined) return makeDecision(flags);
  const { b3TraceId = "", b3SpanId = "", b3ParentSpanId } = found;
  return parseIds(b3TraceId.trim(), b3SpanId.trim(), b3ParentSpanId?.trim(), flags ?? 0);
}

function parseMultiDecision(found: B3Multi): number | undefined {
  if (found.b3Flags === "1") return FLAGS_DEBUG;
  return found.b3Sampled === undefined
    ? undefined
    : parseDecision(found.b3Sampled.trim().toLowerCase());
}

function parseIds(
  trace: string,
  span: string,
  parent: string | undefined,
  flags: number,
): SpanContext | undefined {
  const context = SpanContext.withStringIds(trace, span, parent, flags);
  if (!context.isValid) return undefined;
  context.isRemote = true;
  return context;
}

export function printB3Single(context: SpanContext): string {
  const decision = context.isDebug() ? "d" : context.isSampled() ? "1" : "0";
  const ids = `${context.traceIdStr}-${context.spanIdStr}-${decision}`;
  return context.parentIdStr === null ? ids : `${ids}-${context.parentIdStr}`;
}

/** The headers in the order in which jaeger-client writes them. */
export function printB3Multi(context: SpanContext): readonly (readonly [string, string])[] {
  const headers: [string, string][] = [["x-b3-traceid", context.traceIdStr]];
  if (context.parentIdStr !== null) headers.push(["x-b3-parentspanid", context.parentIdStr]);
  headers.push(["x-b3-spanid", context.spanIdStr]);
  if (context.isDebug()) headers.push(["x-b3-flags", "1"]);
  else headers.push(["x-b3-sampled", context.isSampled() ? "1" : "0"]);
  return headers;
}
