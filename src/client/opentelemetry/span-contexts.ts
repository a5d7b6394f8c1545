// The client's span contexts as OpenTelemetry's, and back.
//
//   ids of 64 bits are filled up to 128 with zeros; flags: only `sampled`
//
// What OpenTelemetry's form has no room for (baggage, debug flag) is found again by the object itself.

import { TraceFlags, createTraceState, isSpanContextValid } from "@opentelemetry/api";
import type { SpanContext as ApiSpanContext } from "@opentelemetry/api";
import { SpanContext } from "../span-context.ts";

const FLAG_SAMPLED = 1;
const TRACE_ID_DIGITS = 32;

const origins = new WeakMap<ApiSpanContext, SpanContext>();

export function makeApiContext(client: SpanContext): ApiSpanContext {
  const made: ApiSpanContext = {
    traceId: client.traceIdStr.padStart(TRACE_ID_DIGITS, "0"),
    spanId: client.spanIdStr,
    traceFlags: client.isSampled() ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: client.isRemote,
    ...(client.traceState === undefined
      ? undefined
      : { traceState: createTraceState(client.traceState) }),
  };
  origins.set(made, client);
  return made;
}

/** @returns undefined for a context that names no span. */
export function clientContextOf(context: ApiSpanContext): SpanContext | undefined {
  const known = origins.get(context);
  if (known !== undefined) return known;
  if (!isSpanContextValid(context)) return undefined;
  const { traceId, spanId, traceFlags, traceState, isRemote } = context;
  const made = SpanContext.withStringIds(traceId, spanId, null, traceFlags & FLAG_SAMPLED);
  made.traceState = traceState?.serialize();
  made.isRemote = isRemote === true;
  return made;
}
