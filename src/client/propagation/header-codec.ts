// A context in headers: all formats that are configured.
//
//   inject    context ─▶ every format                       uber-trace-id + traceparent + x-b3-* …
//   extract   carrier ─ one pass ─▶ the first format, in the configured order, that is there: ids
//                              └──▶ the first format that has any: baggage
//
// A format that is there but garbage is counted, and the next one is asked. `jaeger-debug-id` and
// `jaeger-baggage` are read whatever the formats are. `tracestate` is kept also where another format
// than W3C gave the ids, if its `traceparent` is of the same trace.
//
// Trust: carriers are a peer's, and may throw. Neither direction ever does.
// Not here: what a format looks like (header-formats.ts), kinds of carrier (carrier.ts).

import { type SpanContext, makeSpanContext } from "../span-context.ts";
import { type Baggage, BaggageItems, type BaggageMaxima, BaggageRoom } from "./baggage-items.ts";
import { DEBUG_ID_CHARS_MAX } from "./bounds.ts";
import { writeHeader } from "./carrier.ts";
import { type FoundHeaders, type HeaderReader, findHeaders } from "./found-headers.ts";
import {
  type HeaderFormat,
  type Propagation,
  type Put,
  isSameTrace,
  makeHeaderFormat,
} from "./header-formats.ts";
import { BAGGAGE_HEADER, DEBUG_HEADER, parseJaegerBaggage } from "./jaeger-headers.ts";
import { decodeFormValue, encodeValue } from "./percent-encoding.ts";
import { parseBaggage, printBaggage } from "./w3c-baggage.ts";

/** RFC 9110 §5.6.2: what a header's name consists of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

interface HeaderSetting {
  readonly propagation: readonly Propagation[];
  /** In lower case, as `baggagePrefix`. */
  readonly contextKey: string;
  readonly baggagePrefix: string;
  /** For HTTP: values of prefixed baggage are URL-encoded, and keys must be tokens. */
  readonly encoded: boolean;
  readonly maxima: BaggageMaxima;
  readonly onGarbage: (reason: string) => void;
}

export class HeaderCodec {
  readonly #formats: readonly HeaderFormat[];
  readonly #reader: HeaderReader;
  readonly #setting: HeaderSetting;

  constructor(setting: HeaderSetting) {
    this.#setting = setting;
    this.#formats = Array.from(new Set(setting.propagation), (one) =>
      makeHeaderFormat(one, setting.contextKey, setting.encoded),
    );
    this.#reader = {
      names: new Map([
        [DEBUG_HEADER, "debugId"],
        [BAGGAGE_HEADER, "jaegerBaggage"],
        ...this.#formats.flatMap((format) => format.names),
      ]),
      baggagePrefix: this.#has("prefixed") ? setting.baggagePrefix : undefined,
      encoded: setting.encoded,
      maxima: setting.maxima,
      onGarbage: setting.onGarbage,
    };
  }

  #has(baggage: HeaderFormat["baggage"]): boolean {
    return this.#formats.some((format) => format.baggage === baggage);
  }

  inject(context: SpanContext, carrier: unknown): void {
    try {
      const put: Put = (name, value) => writeHeader(carrier, name, value);
      if (context.isValid) {
        for (const format of this.#formats) format.write(context, put);
      } else if (context.debugId !== undefined) {
        put(DEBUG_HEADER, this.#encode(context.debugId));
      }
      if (context.baggage === undefined) return;
      if (this.#has("w3c")) this.#injectW3CBaggage(context.baggage, put);
      if (this.#has("prefixed")) this.#injectPrefixedBaggage(context.baggage, put);
    } catch {
      this.#setting.onGarbage("carrier");
    }
  }

  #encode(value: string): string {
    return this.#setting.encoded ? encodeValue(value) : value;
  }

  #injectW3CBaggage(baggage: Baggage, put: Put): void {
    const { maxima, onGarbage } = this.#setting;
    const header = printBaggage(baggage, maxima, () => onGarbage("baggage"));
    if (header !== "") put("baggage", header);
  }

  #injectPrefixedBaggage(baggage: Baggage, put: Put): void {
    const { baggagePrefix, encoded, maxima, onGarbage } = this.#setting;
    const room = new BaggageRoom(maxima);
    for (const key in baggage) {
      const value = this.#encode(baggage[key] ?? "");
      const isName = encoded ? TOKEN.test(key) : key !== "";
      if (!isName || !room.take(key.length + value.length)) onGarbage("baggage");
      else this.#putItem(put, baggagePrefix + key, value);
    }
  }

  /** One item that the carrier refuses (Metadata has its own rules for names) loses no other. */
  #putItem(put: Put, name: string, value: string): void {
    try {
      put(name, value);
    } catch {
      this.#setting.onGarbage("baggage");
    }
  }

  extract(carrier: unknown): SpanContext | null {
    try {
      const found = findHeaders(carrier, this.#reader);
      if (found !== undefined) return this.#read(found);
    } catch {
      // Getters of the carrier threw: it is as good as none.
    }
    this.#setting.onGarbage("carrier");
    return null;
  }

  #read(found: FoundHeaders): SpanContext | null {
    const ids = this.#readIds(found);
    const baggage = this.#readBaggage(found);
    const debugId = ids?.isValid === true ? undefined : this.#readDebugId(found);
    if (ids === undefined && baggage === undefined && debugId === undefined) return null;
    const context = ids ?? makeSpanContext();
    context.baggage = baggage;
    context.debugId = debugId;
    return context;
  }

  /** Of a valid context, or else of one that has but a decision. */
  #readIds(found: FoundHeaders): SpanContext | undefined {
    const { onGarbage } = this.#setting;
    let decision: SpanContext | undefined;
    for (const format of this.#formats) {
      const context = format.read(found, onGarbage);
      if (context === undefined) continue;
      if (context.isValid) {
        if (format.baggage !== "w3c") this.#addTraceState(found, context);
        return context;
      }
      decision ??= context;
    }
    return decision;
  }

  #addTraceState(found: FoundHeaders, context: SpanContext): void {
    if (found.tracestate === undefined) return;
    const w3c = this.#formats.find((format) => format.baggage === "w3c");
    const other = w3c?.read(found, this.#setting.onGarbage);
    if (other !== undefined && isSameTrace(context, other)) context.traceState = other.traceState;
  }

  #readBaggage(found: FoundHeaders): Baggage | undefined {
    const { encoded, maxima, onGarbage } = this.#setting;
    let items: BaggageItems | undefined;
    for (const format of this.#formats) {
      if (items?.record !== undefined) break;
      if (format.baggage === "prefixed") {
        items = found.prefixed;
      } else if (found.baggage !== undefined) {
        items = new BaggageItems(maxima);
        if (!parseBaggage(found.baggage, items)) onGarbage("baggage");
      }
    }
    if (found.jaegerBaggage !== undefined) {
      items ??= new BaggageItems(maxima);
      if (!parseJaegerBaggage(found.jaegerBaggage, encoded, items)) onGarbage(BAGGAGE_HEADER);
    }
    return items?.record;
  }

  #readDebugId(found: FoundHeaders): string | undefined {
    if (found.debugId === undefined) return undefined;
    if (found.debugId.length > DEBUG_ID_CHARS_MAX) {
      this.#setting.onGarbage(DEBUG_HEADER);
      return undefined;
    }
    return this.#setting.encoded ? decodeFormValue(found.debugId) : found.debugId;
  }
}
