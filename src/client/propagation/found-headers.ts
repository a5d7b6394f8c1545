// The headers of a carrier that mean something to us, in one pass over it.
//
//   carrier ─ name in lower case ─▶ a field of FoundHeaders, or baggage under its prefix
//
// A header that is there twice is joined with a comma, as HTTP does: lists go on, a `traceparent`
// with a comma is garbage, as its specification wants.
//
// Trust: names and values are a peer's; longer ones than HEADER_CHARS_MAX count as garbage.
// Not here: carriers (carrier.ts), what the values mean (one file per format).

import { BaggageItems, type BaggageMaxima } from "./baggage-items.ts";
import { HEADER_CHARS_MAX } from "./bounds.ts";
import { readCarrier } from "./carrier.ts";
import { decodeFormValue } from "./percent-encoding.ts";

export interface FoundHeaders {
  uberTraceId: string | undefined;
  debugId: string | undefined;
  jaegerBaggage: string | undefined;
  traceparent: string | undefined;
  tracestate: string | undefined;
  baggage: string | undefined;
  b3: string | undefined;
  b3TraceId: string | undefined;
  b3SpanId: string | undefined;
  b3ParentSpanId: string | undefined;
  b3Sampled: string | undefined;
  b3Flags: string | undefined;
  /** Of `uberctx-<key>`, already decoded. */
  readonly prefixed: BaggageItems;
}

/** A field that one header fills. */
export type HeaderField = Exclude<keyof FoundHeaders, "prefixed">;

export interface HeaderReader {
  /** Names in lower case, each with its field. */
  readonly names: ReadonlyMap<string, HeaderField>;
  /** In lower case; undefined if no format has such baggage. */
  readonly baggagePrefix: string | undefined;
  /** Values of prefixed baggage are URL-encoded. */
  readonly encoded: boolean;
  readonly maxima: BaggageMaxima;
  readonly onGarbage: (reason: string) => void;
}

/** @throws what the carrier throws; undefined if it is none. */
export function findHeaders(carrier: unknown, reader: HeaderReader): FoundHeaders | undefined {
  const found = makeFoundHeaders(reader.maxima);
  const isCarrier = readCarrier(carrier, reader.names.keys(), (name, value) => {
    if (name.length <= HEADER_CHARS_MAX) takeHeader(found, reader, name, value);
  });
  return isCarrier ? found : undefined;
}

function takeHeader(found: FoundHeaders, reader: HeaderReader, name: string, value: string): void {
  const lower = name.toLowerCase();
  const field = reader.names.get(lower);
  if (field === undefined) {
    const prefix = reader.baggagePrefix;
    if (prefix === undefined || !lower.startsWith(prefix)) return;
    takeBaggage(found, reader, name.slice(prefix.length), value);
    return;
  }
  const before = found[field];
  const joined = before === undefined || before === value ? value : `${before},${value}`;
  if (joined.length > HEADER_CHARS_MAX) reader.onGarbage(lower);
  else if (joined !== "") found[field] = joined;
}

function takeBaggage(found: FoundHeaders, reader: HeaderReader, key: string, value: string): void {
  const chars = key.length + value.length;
  const fits = chars <= reader.maxima.chars;
  const decoded = fits && reader.encoded ? decodeFormValue(value) : value;
  if (!fits || !found.prefixed.add(key, decoded, chars)) reader.onGarbage("baggage");
}

function makeFoundHeaders(maxima: BaggageMaxima): FoundHeaders {
  return {
    uberTraceId: undefined,
    debugId: undefined,
    jaegerBaggage: undefined,
    traceparent: undefined,
    tracestate: undefined,
    baggage: undefined,
    b3: undefined,
    b3TraceId: undefined,
    b3SpanId: undefined,
    b3ParentSpanId: undefined,
    b3Sampled: undefined,
    b3Flags: undefined,
    prefixed: new BaggageItems(maxima),
  };
}
