// A trace with everything that OpenTelemetry's API can say, made by its SDK and sent by any exporter.
//
//   SPECS ─▶ SDK: NodeTracerProvider ─ BatchSpanProcessor ─▶ exporter ─▶ the program under test
//     └────▶ SentSpan[]: the spec with the ids and times of this run ─▶ each test's ExpectedSpan
//
// Not here: what each exporter makes of it (otlp-clients.test.ts and its neighbours).

import assert from "node:assert/strict";
import {
  type AttributeValue,
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  createTraceState,
  trace,
} from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import type { Attributes, Kind, Value } from "./expected-span.ts";

/**
 * A value as the API takes it, and what each format makes of it: Jaeger's exporter has one kind of
 * number and prints lists, Zipkin's prints everything.
 */
export interface SentValue {
  readonly sent: AttributeValue;
  readonly otlp: Value;
  readonly jaeger: Value;
  readonly zipkin: string;
}

export type SentAttributes = Readonly<Record<string, SentValue>>;

interface EventSpec {
  readonly name: string;
  /** After the start of the first span, as all times here. */
  readonly afterNs: bigint;
  readonly attributes: SentAttributes;
  readonly dropped: number;
}

interface LinkSpec {
  /** An index in SPECS, or a span of another trace. */
  readonly to: number | { readonly traceId: string; readonly spanId: string };
  readonly traceState: string;
  readonly isRemote: boolean;
  readonly attributes: SentAttributes;
  readonly dropped: number;
}

interface SpanSpec {
  readonly name: string;
  readonly kind: Exclude<Kind, "">;
  /** An index in SPECS, or the remote parent. */
  readonly parent: number | "remote";
  readonly afterNs: bigint;
  readonly durationNs: bigint;
  readonly status: "" | "OK" | "ERROR";
  readonly statusText: string;
  readonly scope: number;
  readonly attributes: SentAttributes;
  /** Attributes that the span makes more of than its limit. */
  readonly surplus: number;
  readonly events: readonly EventSpec[];
  readonly droppedEvents: number;
  readonly links: readonly LinkSpec[];
  readonly droppedLinks: number;
}

export interface SentLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly isRemote: boolean;
  readonly attributes: SentAttributes;
  readonly dropped: number;
}

export interface SentEvent extends EventSpec {
  readonly timeNs: bigint;
}

export interface SentSpan extends Omit<SpanSpec, "events" | "links" | "parent"> {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly isParentRemote: boolean;
  readonly startNs: bigint;
  readonly traceState: string;
  readonly service: string;
  readonly resource: SentAttributes;
  readonly scopeNames: { readonly name: string; readonly version: string; readonly schema: string };
  readonly events: readonly SentEvent[];
  readonly links: readonly SentLink[];
}

const same = (text: string): SentValue => ({ sent: text, otlp: text, jaeger: text, zipkin: text });
const flag = (value: boolean): SentValue => ({
  sent: value,
  otlp: value,
  jaeger: value,
  zipkin: String(value),
});
const whole = (value: number): SentValue => ({
  sent: value,
  otlp: BigInt(value),
  jaeger: value,
  zipkin: String(value),
});
const real = (value: number): SentValue => ({
  sent: value,
  otlp: value,
  jaeger: value,
  zipkin: String(value),
});
const many = (sent: AttributeValue, otlp: Value): SentValue => ({
  sent,
  otlp,
  jaeger: String(sent),
  zipkin: String(sent),
});

/** As numbers of JavaScript are written: JSON has these digits, protobuf the number itself. */
export const BIG = 2 ** 60;

const VALUES: SentAttributes = {
  text: same("plain"),
  "text.empty": same(""),
  "text.unicode": same('naïve 日本語 🦀 \u0000 " \\ </script>'),
  "text.long": same("x".repeat(20_000)),
  "bool.true": flag(true),
  "bool.false": flag(false),
  "int.zero": whole(0),
  "int.negative": whole(-7),
  "int.safe": whole(Number.MAX_SAFE_INTEGER),
  "int.big": whole(BIG),
  "double.half": real(0.5),
  "double.tiny": real(-1e-300),
  "double.least": real(Number.MIN_VALUE),
  "list.text": many(["a", "ü", ""], ["a", "ü", ""]),
  "list.int": many([1, -2, 3], [1n, -2n, 3n]),
  "list.double": many([0.5, 2.25], [0.5, 2.25]),
  "list.bool": many([true, false], [true, false]),
  "list.gap": many(["a", null, "b"], ["a", null, "b"]),
  "list.empty": many([], []),
  constructor: same("is a name like others"),
  toString: same("is one too"),
  "ключ.с.точками": same("значение"),
};

const RESOURCE: SentAttributes = {
  "service.version": same("1.2.3"),
  "deployment.environment": same("tést"),
  "process.pid": whole(4711),
  "host.name": same("host-1"),
  "shard.share": real(0.25),
  "is.canary": flag(true),
};

/** The remote parent is in no trace that is sent: readers of traces are warned of it. */
export const REMOTE_PARENT = "00f067aa0ba902b7";
export const TRACE_STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
const OTHER_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
export const SCHEMA = "https://opentelemetry.io/schemas/1.21.0";

const SCOPES = [
  { name: "e2e.http", version: "0.1.0", schema: SCHEMA },
  { name: "e2e.store", version: "2.0.0-rc.1", schema: "" },
] as const;

const MAX_ATTRIBUTES = 32;
const MAX_EVENTS = 3;
const MAX_LINKS = 3;
const MAX_PER_EVENT = 2;

const NOTHING = {
  status: "",
  statusText: "",
  scope: 1,
  attributes: {},
  surplus: 0,
  events: [],
  droppedEvents: 0,
  links: [],
  droppedLinks: 0,
} as const satisfies Partial<SpanSpec>;

const MS = 1_000_000n;

const SPECS: readonly SpanSpec[] = [
  {
    ...NOTHING,
    name: "GET /κόσμε/{id}",
    kind: "server",
    parent: "remote",
    afterNs: 0n,
    durationNs: 250n * MS,
    status: "OK",
    scope: 0,
    attributes: VALUES,
    events: [
      {
        name: "request.read",
        afterNs: 2n * MS,
        attributes: { bytes: whole(512), "is.last": flag(false) },
        dropped: 0,
      },
      { name: "", afterNs: 3n * MS, attributes: {}, dropped: 0 },
      { name: "ответ", afterNs: 249n * MS, attributes: { note: same("ünï") }, dropped: 0 },
    ],
  },
  { ...NOTHING, name: "parse", kind: "internal", parent: 0, afterNs: 5n * MS, durationNs: 0n },
  {
    ...NOTHING,
    name: "SELECT orders",
    kind: "client",
    parent: 0,
    afterNs: 10n * MS,
    durationNs: 1_234_567n,
    status: "ERROR",
    statusText: "deadlock détecté",
    attributes: { "db.system": same("postgresql"), "db.rows": whole(0) },
    events: [
      {
        name: "exception",
        afterNs: 11n * MS,
        attributes: { "exception.type": same("Deadlock"), "exception.message": same("40P01") },
        dropped: 0,
      },
    ],
  },
  {
    ...NOTHING,
    name: "orders publish",
    kind: "producer",
    parent: 0,
    afterNs: 20n * MS,
    durationNs: 3n * MS,
    links: [
      {
        to: { traceId: OTHER_TRACE, spanId: "53995c3f42cd8ad8" },
        traceState: "a=b",
        isRemote: true,
        attributes: { "link.reason": same("batch"), "link.index": whole(3) },
        dropped: 0,
      },
      { to: 1, traceState: "", isRemote: false, attributes: {}, dropped: 0 },
    ],
  },
  {
    ...NOTHING,
    name: "orders process",
    kind: "consumer",
    parent: 3,
    afterNs: 21n * MS,
    durationNs: 1n * MS,
    status: "ERROR",
  },
  {
    ...NOTHING,
    name: "too much of everything",
    kind: "internal",
    parent: 4,
    afterNs: 21_500_000n,
    durationNs: 400_000n,
    surplus: 4,
    droppedEvents: 2,
    droppedLinks: 1,
    attributes: Object.fromEntries(
      Array.from({ length: MAX_ATTRIBUTES }, (_, at) => [`k${at}`, whole(at)]),
    ),
    events: [0, 1, 2].map((at) => ({
      name: `event ${at}`,
      afterNs: 21_500_000n + BigInt(at) * 100_000n,
      attributes: { a: whole(at), b: whole(at) },
      dropped: at,
    })),
    links: [5, 6, 7].map((at) => ({
      to: { traceId: OTHER_TRACE, spanId: `53995c3f42cd8ad${at}` },
      traceState: "",
      isRemote: false,
      attributes: {},
      dropped: 0,
    })),
  },
];

const SPAN_KINDS: Readonly<Record<Exclude<Kind, "">, SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

let runs = 0;

/** A start that no other run has, some seconds ago, in whole µs, plus `restNs`. */
export function uniqueStartNs(restNs: bigint): bigint {
  runs++;
  return BigInt(Date.now()) * MS - 10_000n * MS + BigInt(runs) * 1_007_000n + restNs;
}

/**
 * Sends all of SPECS through `exporter`.
 *
 * @param startNs of the first span; exporters whose formats have µs need whole ones.
 * @throws AssertionError unless the exporter reports success for every batch.
 */
export async function sendTrace(
  exporter: SpanExporter,
  service: string,
  startNs: bigint,
): Promise<SentSpan[]> {
  const outcomes: unknown[] = [];
  const watched: SpanExporter = {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        outcomes.push(result.error?.message ?? result.code);
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes(
      { "service.name": service, ...sentValues(RESOURCE) },
      { schemaUrl: SCHEMA },
    ),
    spanLimits: {
      attributeCountLimit: MAX_ATTRIBUTES,
      eventCountLimit: MAX_EVENTS,
      linkCountLimit: MAX_LINKS,
      attributePerEventCountLimit: MAX_PER_EVENT,
    },
    spanProcessors: [new BatchSpanProcessor(watched)],
  });
  const sent = makeSpans(provider, service, startNs);
  await provider.forceFlush();
  await provider.shutdown();
  assert.deepEqual(outcomes, [0], "the exporter was told that all is well");
  return sent;
}

function makeSpans(provider: NodeTracerProvider, service: string, startNs: bigint): SentSpan[] {
  const tracers = SCOPES.map(({ name, version, schema }) =>
    provider.getTracer(name, version, schema === "" ? {} : { schemaUrl: schema }),
  );
  const traceId = randomHex(16);
  const spans: Span[] = [];
  const sent: SentSpan[] = [];
  for (const spec of SPECS) {
    const links = spec.links.map((link) => resolveLink(link, spans));
    const span = tracers[spec.scope]!.startSpan(
      spec.name,
      {
        kind: SPAN_KINDS[spec.kind],
        startTime: hrTimeOf(startNs + spec.afterNs),
        attributes: sentValues(spec.attributes),
        // The SDK keeps the last ones.
        links: [
          ...Array.from({ length: spec.droppedLinks }, () => apiLink(links[0]!)),
          ...links.map(apiLink),
        ],
      },
      contextOf(spec.parent, traceId, spans),
    );
    fillSpan(span, spec, startNs);
    spans.push(span);
    sent.push({
      ...spec,
      ...span.spanContext(),
      parentSpanId:
        spec.parent === "remote" ? REMOTE_PARENT : spans[spec.parent]!.spanContext().spanId,
      isParentRemote: spec.parent === "remote",
      startNs: startNs + spec.afterNs,
      traceState: TRACE_STATE,
      service,
      resource: RESOURCE,
      scopeNames: SCOPES[spec.scope]!,
      events: spec.events.map((event) => ({ ...event, timeNs: startNs + event.afterNs })),
      links,
    });
  }
  for (const [at, spec] of SPECS.entries()) {
    spans[at]!.end(hrTimeOf(startNs + spec.afterNs + spec.durationNs));
  }
  return sent;
}

function fillSpan(span: Span, spec: SpanSpec, startNs: bigint): void {
  for (let at = 0; at < spec.surplus; at++) span.setAttribute(`surplus${at}`, at);
  for (let at = 0; at < spec.droppedEvents; at++) span.addEvent("dropped");
  for (const { name, attributes, afterNs, dropped } of spec.events) {
    const more = Object.fromEntries(Array.from({ length: dropped }, (_, at) => [`more${at}`, at]));
    span.addEvent(name, { ...sentValues(attributes), ...more }, hrTimeOf(startNs + afterNs));
  }
  if (spec.status === "OK") span.setStatus({ code: SpanStatusCode.OK });
  if (spec.status === "ERROR") {
    const message = spec.statusText === "" ? {} : { message: spec.statusText };
    span.setStatus({ code: SpanStatusCode.ERROR, ...message });
  }
}

function contextOf(parent: number | "remote", traceId: string, spans: readonly Span[]): Context {
  if (parent !== "remote") return trace.setSpan(ROOT_CONTEXT, spans[parent]!);
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId: REMOTE_PARENT,
    traceFlags: TraceFlags.SAMPLED,
    traceState: createTraceState(TRACE_STATE),
    isRemote: true,
  });
}

function resolveLink({ to, ...rest }: LinkSpec, spans: readonly Span[]): SentLink {
  if (typeof to !== "number") return { ...rest, ...to };
  const { traceId, spanId } = spans[to]!.spanContext();
  return { ...rest, traceId, spanId };
}

function apiLink({ traceId, spanId, traceState, isRemote, attributes }: SentLink): Link {
  const state = traceState === "" ? {} : { traceState: createTraceState(traceState) };
  return {
    context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote, ...state },
    attributes: sentValues(attributes),
  };
}

export function sentValues(attributes: SentAttributes): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(attributes).map(([key, { sent }]) => [key, sent]));
}

/** What `format` makes of `attributes`. */
export function valuesIn(
  attributes: SentAttributes,
  format: "otlp" | "jaeger" | "zipkin",
): Attributes {
  return Object.entries(attributes).map(([key, value]) => [key, value[format]]);
}

function hrTimeOf(ns: bigint): [number, number] {
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
}

function randomHex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}
