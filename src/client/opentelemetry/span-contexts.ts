// The client's span contexts as OpenTelemetry's, and back.
//
//   ids of 64 bits are filled up to 128 with zeros; flags: only `sampled`, as it is at that moment
//
// What OpenTelemetry's form has no room for (baggage, debug flag) is found again by the object itself.

import {
  type SpanContext as ApiSpanContext,
  TraceFlags,
  type TraceState,
  createTraceState,
  isSpanContextValid,
} from "@opentelemetry/api";
import { SpanContext } from "../span-context.ts";

const FLAG_SAMPLED = 1;
const TRACE_ID_DIGITS = 32;

/** With fields of its own, as it may be copied by them; the copy is a context without an origin. */
class ClientContext implements ApiSpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote: boolean;
  declare readonly traceState?: TraceState;
  readonly #client: SpanContext;

  constructor(client: SpanContext) {
    this.traceId = client.traceIdStr.padStart(TRACE_ID_DIGITS, "0");
    this.spanId = client.spanIdStr;
    this.traceFlags = client.isSampled() ? TraceFlags.SAMPLED : TraceFlags.NONE;
    this.isRemote = client.isRemote;
    if (client.traceState !== undefined) this.traceState = createTraceState(client.traceState);
    this.#client = client;
  }

  static originOf(context: ApiSpanContext): SpanContext | undefined {
    return #client in context ? context.#client : undefined;
  }
}

export function makeApiContext(client: SpanContext): ApiSpanContext {
  return new ClientContext(client);
}

/** @returns undefined for a context that names no span. */
export function clientContextOf(context: ApiSpanContext): SpanContext | undefined {
  const known = ClientContext.originOf(context);
  if (known !== undefined) return known;
  if (!isSpanContextValid(context)) return undefined;
  const { traceId, spanId, traceFlags, traceState, isRemote } = context;
  const made = SpanContext.withStringIds(traceId, spanId, null, traceFlags & FLAG_SAMPLED);
  made.traceState = traceState?.serialize();
  made.isRemote = isRemote === true;
  return made;
}
