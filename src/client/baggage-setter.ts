// Puts an item into the baggage of a span, as far as it may, and writes that into the span's log.
//
//   key forbidden, or too many items ─▶ log {event:"baggage", key, value, invalid:"true"}; nothing set
//   value too long ─▶ cut             ─▶ log {…, truncated:"true"}
//   key set before                    ─▶ log {…, override:"true"}
//
// Baggage goes with every call that is made on behalf of the trace, so its size is bounded here, too.
//
// Source: jaeger-client 3.19, baggage_setter.js.

import type { BaggageRestrictions } from "./baggage-restrictions.ts";
import type { ClientMetrics } from "./client-metrics.ts";
import type { SpanContext } from "./span-context.ts";

/** Of a trace; W3C's baggage guarantees 64. */
const ITEMS_MAX = 128;
const KEY_CHARS_MAX = 256;

/** What is used of a span. */
export interface BaggageSpan {
  readonly serviceName: string;
  context(): SpanContext;
  log(fields: Readonly<Record<string, unknown>>): unknown;
}

export class BaggageSetter {
  readonly #restrictions: BaggageRestrictions;
  readonly #metrics: ClientMetrics;

  constructor(restrictions: BaggageRestrictions, metrics: ClientMetrics) {
    this.#restrictions = restrictions;
    this.#metrics = metrics;
  }

  /** @returns the context that the span has from now on: with the item, or the same as before. */
  setBaggage(span: BaggageSpan, key: string, value: string): SpanContext {
    const context = span.context();
    const { baggage } = context;
    const before = baggage?.[key];
    const { keyAllowed, maxValueLength } = this.#restrictions.getRestriction(span.serviceName, key);
    if (!keyAllowed || (before === undefined && !hasRoom(baggage, key))) {
      this.#metrics.baggageUpdateFailure.increment();
      log(span, { key, value, invalid: "true" });
      return context;
    }
    const isTooLong = value.length > maxValueLength;
    const kept = isTooLong ? cut(value, maxValueLength) : value;
    if (isTooLong) this.#metrics.baggageTruncate.increment();
    this.#metrics.baggageUpdateSuccess.increment();
    log(span, {
      key,
      value: kept,
      ...(before ? { override: "true" } : {}),
      ...(isTooLong ? { truncated: "true" } : {}),
    });
    return context.withBaggageItem(key, kept);
  }
}

function log(span: BaggageSpan, fields: Readonly<Record<string, string>>): void {
  if (span.context().isSampled()) span.log({ event: "baggage", ...fields });
}

function hasRoom(baggage: Readonly<Record<string, string>> | undefined, key: string): boolean {
  if (key.length > KEY_CHARS_MAX) return false;
  return baggage === undefined || Object.keys(baggage).length < ITEMS_MAX;
}

/** Without half a character at its end, which no header could carry. */
function cut(value: string, length: number): string {
  const isSplit = /[\uD800-\uDBFF]/.test(value.charAt(length - 1));
  return value.slice(0, isSplit ? length - 1 : length);
}
