// Jaeger's own headers, and what may come with any format.
//
//   uber-trace-id: 463ac35c9f6413ad48485a3953bb6124:a2fb4a1d1a96d312:0:1
//                  trace, 1..32 hex digits          : span : parent or 0 : flags
//   uberctx-<key>: <value>               baggage, an item a header (found-headers.ts)
//   jaeger-baggage: k1=v1, k2=v2         baggage of people without a trace
//   jaeger-debug-id: <any>               a new trace, sampled, with this as tag
//
// Source: jaegertracing.io "Client library features", npm jaeger-client 3.19, jaeger-client-go 2.30.
// Flags: both write hex digits; Node reads hex, Go decimal. The two differ only above 9.
// Trust: a peer's text. Garbage gives undefined.
// Not here: the parts of `uber-trace-id` (SpanContext.fromString, toString).

import { SpanContext } from "../span-context.ts";
import type { BaggageItems } from "./baggage-items.ts";
import { TRACE_ID_CHARS_MAX } from "./bounds.ts";
import { decodeFormValue } from "./percent-encoding.ts";

export const CONTEXT_HEADER = "uber-trace-id";
export const BAGGAGE_PREFIX = "uberctx-";
export const DEBUG_HEADER = "jaeger-debug-id";
export const BAGGAGE_HEADER = "jaeger-baggage";

export function parseUberTraceId(header: string, encoded: boolean): SpanContext | undefined {
  if (header.length > TRACE_ID_CHARS_MAX) return undefined;
  const text = encoded ? decodeFormValue(header) : header;
  const context = SpanContext.fromString(text.trim());
  if (context === null) return undefined;
  context.isRemote = true;
  return context;
}

/** @returns false if something of it was left out */
export function parseJaegerBaggage(header: string, encoded: boolean, to: BaggageItems): boolean {
  const text = encoded ? decodeFormValue(header) : header;
  let complete = true;
  for (let at = 0; at <= text.length;) {
    const comma = text.indexOf(",", at);
    const end = comma < 0 ? text.length : comma;
    const member = text.slice(at, end).trim();
    const equals = member.indexOf("=");
    const isPair = equals > 0 && !member.includes("=", equals + 1);
    if (!isPair || !to.add(member.slice(0, equals), member.slice(equals + 1), member.length)) {
      complete = false;
    }
    at = end + 1;
  }
  return complete;
}
