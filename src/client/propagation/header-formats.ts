// The formats of headers that a tracer can be told to speak, each as one row.
//
//   jaeger      uber-trace-id                      baggage uberctx-<key>
//   w3c         traceparent, tracestate            baggage baggage
//   b3          x-b3-traceid … (reads b3 as well)  baggage uberctx-<key>, as in jaeger-client
//   b3-single   b3 (reads x-b3-* as well)          likewise
//
// Not here: the texts themselves (jaeger-headers, trace-context, b3-headers).

import type { SpanContext } from "../span-context.ts";
import {
  hasB3Multi,
  parseB3Multi,
  parseB3Single,
  printB3Multi,
  printB3Single,
} from "./b3-headers.ts";
import type { FoundHeaders, HeaderField } from "./found-headers.ts";
import { parseUberTraceId } from "./jaeger-headers.ts";
import { parseTraceParent, parseTraceState, printTraceParent } from "./trace-context.ts";

/** `b3` writes x-b3-* as jaeger-client does, `b3-single` writes `b3`; both read either. */
export type Propagation = "jaeger" | "w3c" | "b3" | "b3-single";

export type Put = (name: string, value: string) => void;
type OnGarbage = (header: string) => void;

export interface HeaderFormat {
  /** In lower case, with the field each fills. */
  readonly names: readonly (readonly [string, HeaderField])[];
  readonly baggage: "prefixed" | "w3c";
  /** @returns undefined if it is not there, or garbage, which is said to `onGarbage` */
  read(found: FoundHeaders, onGarbage: OnGarbage): SpanContext | undefined;
  /** Of a valid context. */
  write(context: SpanContext, put: Put): void;
}

/** @param encoded whether `uber-trace-id` may be URL-encoded */
export function makeHeaderFormat(
  propagation: Propagation,
  contextKey: string,
  encoded: boolean,
): HeaderFormat {
  return propagation === "jaeger" ? makeJaegerFormat(contextKey, encoded) : FIXED[propagation];
}

function makeJaegerFormat(contextKey: string, encoded: boolean): HeaderFormat {
  return {
    names: [[contextKey, "uberTraceId"]],
    baggage: "prefixed",
    read({ uberTraceId }, onGarbage) {
      if (uberTraceId === undefined) return undefined;
      const context = parseUberTraceId(uberTraceId, encoded);
      if (context === undefined) onGarbage(contextKey);
      return context;
    },
    write: (context, put) => put(contextKey, context.toString()),
  };
}

const W3C: HeaderFormat = {
  names: [
    ["traceparent", "traceparent"],
    ["tracestate", "tracestate"],
    ["baggage", "baggage"],
  ],
  baggage: "w3c",
  read({ traceparent, tracestate }, onGarbage) {
    if (traceparent === undefined) return undefined;
    const context = parseTraceParent(traceparent);
    if (context === undefined) onGarbage("traceparent");
    else if (tracestate !== undefined) {
      context.traceState = parseTraceState(tracestate);
      if (context.traceState === undefined) onGarbage("tracestate");
    }
    return context;
  },
  write(context, put) {
    put("traceparent", printTraceParent(context));
    if (context.traceState !== undefined) put("tracestate", context.traceState);
  },
};

const B3: Omit<HeaderFormat, "write"> = {
  names: [
    ["b3", "b3"],
    ["x-b3-traceid", "b3TraceId"],
    ["x-b3-spanid", "b3SpanId"],
    ["x-b3-parentspanid", "b3ParentSpanId"],
    ["x-b3-sampled", "b3Sampled"],
    ["x-b3-flags", "b3Flags"],
  ],
  baggage: "prefixed",
  read(found, onGarbage) {
    if (found.b3 !== undefined) {
      const context = parseB3Single(found.b3);
      if (context !== undefined) return context;
      onGarbage("b3");
    }
    if (!hasB3Multi(found)) return undefined;
    const context = parseB3Multi(found);
    if (context === undefined) onGarbage("x-b3");
    return context;
  },
};

const FIXED: Readonly<Record<Exclude<Propagation, "jaeger">, HeaderFormat>> = {
  w3c: W3C,
  b3: {
    ...B3,
    write(context, put) {
      for (const [name, value] of printB3Multi(context)) put(name, value);
    },
  },
  "b3-single": { ...B3, write: (context, put) => put("b3", printB3Single(context)) },
};

/** Whether both are contexts of one trace. */
export function isSameTrace(one: SpanContext, other: SpanContext): boolean {
  return (
    one.traceLowLow === other.traceLowLow &&
    one.traceLowHigh === other.traceLowHigh &&
    one.traceHighLow === other.traceHighLow &&
    one.traceHighHigh === other.traceHighHigh
  );
}
