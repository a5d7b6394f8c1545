// OpenTelemetry's Tracer over the client's.
//
//   startSpan(name, { kind, attributes, links, startTime, root }, context)
//     parent      the span of the context; with baggage of the context
//     kind        tag span.kind          attributes   tags
//     links       references             scope        tags otel.scope.name, otel.scope.version
//
// Source: @opentelemetry/api 1.9, Tracer. What is done under "suppressed tracing" starts no span.

import {
  INVALID_SPAN_CONTEXT,
  SpanKind,
  context as apiContext,
  createContextKey,
  propagation,
  trace,
} from "@opentelemetry/api";
import type {
  Context,
  Span as ApiSpan,
  SpanOptions,
  Tracer as ApiTracer,
} from "@opentelemetry/api";
import type { Span as OpenTracingSpan } from "opentracing";
import type { Span } from "../span.ts";
import type { SpanContext } from "../span-context.ts";
import type { Tracer } from "../tracer.ts";
import { isUntraced } from "../untraced.ts";
import { BridgeSpan, toEpochMs } from "./bridge-span.ts";
import { addReferences } from "./links.ts";
import { clientContextOf } from "./span-contexts.ts";

export type ClientTracer = Tracer;

export interface Scope {
  readonly name: string;
  readonly version: string | undefined;
}

/** A context without a span that came by headers: a debug id, baggage. */
export const ORPHAN_CONTEXT = createContextKey("spoor client: context without a span");

/** As @opentelemetry/core names it, which exporters and instrumentations set around their own work. */
const SUPPRESS_TRACING = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

const KIND_TAGS: Readonly<Record<SpanKind, string>> = {
  [SpanKind.INTERNAL]: "internal",
  [SpanKind.SERVER]: "server",
  [SpanKind.CLIENT]: "client",
  [SpanKind.PRODUCER]: "producer",
  [SpanKind.CONSUMER]: "consumer",
};

export class BridgeTracer implements ApiTracer {
  readonly #findTracer: () => ClientTracer;
  readonly #scope: Scope;

  constructor(findTracer: () => ClientTracer, scope: Scope) {
    this.#findTracer = findTracer;
    this.#scope = scope;
  }

  startSpan(name: string, options: SpanOptions = {}, context = apiContext.active()): ApiSpan {
    if (isUntraced() || context.getValue(SUPPRESS_TRACING) === true) {
      return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    }
    const parent = options.root === true ? undefined : findParent(context);
    const startMs = toEpochMs(options.startTime);
    const span: OpenTracingSpan = this.#findTracer().startSpan(name, {
      tags: this.#makeTags(options),
      ...(startMs === undefined ? undefined : { startTime: startMs }),
      ...(parent === undefined ? undefined : { childOf: parent }),
    });
    // No tracer has been made yet: the global one does nothing.
    if (!isClientSpan(span)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    if (options.links !== undefined) addReferences(span, options.links);
    return new BridgeSpan(span);
  }

  #makeTags({ kind = SpanKind.INTERNAL, attributes }: SpanOptions): Record<string, unknown> {
    const { name, version } = this.#scope;
    const tags: Record<string, unknown> = { "span.kind": KIND_TAGS[kind] };
    if (name !== "") tags["otel.scope.name"] = name;
    if (version !== undefined) tags["otel.scope.version"] = version;
    for (const key in attributes) {
      if (attributes[key] !== undefined && attributes[key] !== null) tags[key] = attributes[key];
    }
    return tags;
  }

  startActiveSpan<F extends (span: ApiSpan) => unknown>(name: string, run: F): ReturnType<F>;
  startActiveSpan<F extends (span: ApiSpan) => unknown>(
    name: string,
    options: SpanOptions,
    run: F,
  ): ReturnType<F>;
  startActiveSpan<F extends (span: ApiSpan) => unknown>(
    name: string,
    options: SpanOptions,
    context: Context,
    run: F,
  ): ReturnType<F>;
  startActiveSpan<F extends (span: ApiSpan) => unknown>(
    name: string,
    ...rest: readonly [F] | readonly [SpanOptions, F] | readonly [SpanOptions, Context, F]
  ): ReturnType<F> {
    const run = rest.at(-1) as F;
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : {};
    const parent = rest.length > 2 ? (rest[1] as Context) : apiContext.active();
    const span = this.startSpan(name, options, parent);
    return apiContext.with(
      trace.setSpan(parent, span),
      run as (span: ApiSpan) => ReturnType<F>,
      undefined,
      span,
    );
  }
}

/** Told by its shape: an application may have loaded the client twice, by `import` and `require`. */
function isClientSpan(span: OpenTracingSpan): span is Span {
  return typeof (span.context() as Partial<SpanContext>).traceIdStr === "string";
}

/** Of the span of `context`. */
export function findContext(context: Context): SpanContext | undefined {
  const span = trace.getSpan(context);
  if (span instanceof BridgeSpan) return span.client.context();
  return span === undefined ? undefined : clientContextOf(span.spanContext());
}

function findParent(context: Context): SpanContext | undefined {
  const parent =
    findContext(context) ?? (context.getValue(ORPHAN_CONTEXT) as SpanContext | undefined);
  return parent === undefined ? undefined : addBaggage(parent, context);
}

/** Baggage that OpenTelemetry's API has set in the context goes on with the spans under it. */
export function addBaggage(to: SpanContext, context: Context): SpanContext {
  let client = to;
  for (const [key, { value }] of propagation.getBaggage(context)?.getAllEntries() ?? []) {
    if (client.baggage?.[key] !== value) client = client.withBaggageItem(key, value);
  }
  return client;
}
