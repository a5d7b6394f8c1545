// OpenTelemetry's propagation over the client's codecs: the headers are those of the client's settings.
//
//   inject    span and baggage of the context ─▶ tracer.inject ─▶ setter
//   extract   getter ─▶ tracer.extract ─▶ remote span and baggage of the context
//
// Trust: headers are the peer's; the codecs bound and refuse them.

import {
  type Baggage,
  type Context,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  propagation,
  trace,
} from "@opentelemetry/api";
import { FORMAT_HTTP_HEADERS } from "opentracing";
import { SpanContext } from "../span-context.ts";
import { type ClientTracer, ORPHAN_CONTEXT, addBaggage, findContext } from "./bridge-tracer.ts";
import { makeApiContext } from "./span-contexts.ts";

/** Headers that may come several times and mean all of them. */
const LISTS: ReadonlySet<string> = new Set(["tracestate", "baggage"]);

export class BridgePropagator implements TextMapPropagator {
  readonly #findTracer: () => ClientTracer;

  constructor(findTracer: () => ClientTracer) {
    this.#findTracer = findTracer;
  }

  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const client = findContext(context);
    if (client === undefined) return;
    const headers = Object.create(null) as Record<string, string>;
    this.#findTracer().inject(addBaggage(client, context), FORMAT_HTTP_HEADERS, headers);
    for (const key of Object.keys(headers)) setter.set(carrier, key, headers[key] ?? "");
  }

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const headers = Object.create(null) as Record<string, string>;
    for (const key of getter.keys(carrier)) {
      const value = getter.get(carrier, key);
      const one = Array.isArray(value) ? joinValues(key, value) : value;
      if (typeof one === "string") headers[key] = one;
    }
    const client = this.#findTracer().extract(FORMAT_HTTP_HEADERS, headers);
    if (client === null) return context;
    const found = client.isValid
      ? trace.setSpanContext(context, makeApiContext(client))
      : context.setValue(ORPHAN_CONTEXT, client);
    const baggage = readBaggage(client);
    return baggage === undefined ? found : propagation.setBaggage(found, baggage);
  }

  /** The headers that a span without baggage is written into. */
  fields(): string[] {
    const headers = Object.create(null) as Record<string, string>;
    const some = SpanContext.withStringIds("1", "1", null, 1);
    this.#findTracer().inject(some, FORMAT_HTTP_HEADERS, headers);
    return Object.keys(headers);
  }
}

function joinValues(key: string, values: readonly string[]): string | undefined {
  return LISTS.has(key.toLowerCase()) ? values.join(",") : values[0];
}

function readBaggage({ baggage }: SpanContext): Baggage | undefined {
  if (baggage === undefined) return undefined;
  const entries = Object.entries(baggage).map(([key, value]) => [key, { value }] as const);
  return propagation.createBaggage(Object.fromEntries(entries));
}
