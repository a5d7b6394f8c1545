// The context of a span in gRPC metadata: what HTTP headers are to it, in both directions.
//
//   client   span ── inject ─▶ { "uber-trace-id": … } ─▶ a copy of the call's metadata
//   server   metadata ─▶ { "uber-trace-id": …, every other key } ── extract ─▶ span context
//
// The copy, because applications send one Metadata object with many calls, also at the same time.
// A key may have several values (`baggage`, `tracestate`): they are joined as HTTP says, by commas.
//
// Trust: received metadata comes from the network; the tracer's codecs judge it.
// Not here: which headers there are (the tracer's propagation).

import type { Metadata } from "@grpc/grpc-js";
import type { Span, SpanContext, Tracer } from "opentracing";

/** As in `opentracing`, which is not loaded for one word. */
const HTTP_HEADERS = "http_headers";

/** @returns a copy of `metadata` with the span's context. @throws what the tracer throws. */
export function injectSpan(tracer: Tracer, span: Span, metadata: Metadata): Metadata {
  const carrier: Record<string, unknown> = {};
  tracer.inject(span, HTTP_HEADERS, carrier);
  const copy = metadata.clone();
  for (const key of Object.keys(carrier)) setValue(copy, key, carrier[key]);
  return copy;
}

/** Metadata takes printable ASCII only: a value that it refuses does not cost the others. */
function setValue(metadata: Metadata, key: string, value: unknown): void {
  try {
    metadata.set(key, String(value));
  } catch {
    // Baggage of a codec that does not encode: this item stays here.
  }
}

/** @throws what the tracer throws. */
export function extractContext(tracer: Tracer, metadata: Metadata): SpanContext | null {
  const carrier = metadata.toHttp2Headers();
  for (const key of Object.keys(carrier)) {
    const value = carrier[key];
    if (Array.isArray(value)) carrier[key] = value.join(",");
  }
  return tracer.extract(HTTP_HEADERS, carrier);
}
