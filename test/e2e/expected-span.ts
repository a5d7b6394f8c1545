// What a span must look like when it is read back, whichever client sent it: one record, written down once
// per client, and its two forms.
//
//   ExpectedSpan ─┬▶ jaegerForm()   UI JSON, in µs; api_v2, in ns
//                 └▶ otlpForm()     api_v3: OTLP
//
// A form is plain data, lists in a fixed order, so that two are compared with deepEqual and every field
// counts. The rules are those of docs/span-mapping.md, stated here a second time and by other means.
// Not here: who fetches (read-back.ts), the program's own writers.

/** A bigint is an int64, a number a double; null is a value that is not set. */
export type Value =
  | string
  | boolean
  | bigint
  | number
  | null
  | Uint8Array
  | readonly Value[]
  | ReadonlyMap<string, Value>;

export type Attributes = readonly (readonly [key: string, value: Value])[];

export interface ExpectedEvent {
  readonly timeNs: bigint;
  readonly name: string;
  readonly attributes: Attributes;
  readonly dropped: number;
}

export interface ExpectedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly flags: number;
  readonly attributes: Attributes;
  readonly dropped: number;
}

export type Kind = "" | "internal" | "server" | "client" | "producer" | "consumer";

export interface ExpectedSpan {
  readonly service: string;
  /** Attributes of the process besides its name. */
  readonly resource: Attributes;
  readonly resourceSchema: string;
  readonly scope: { readonly name: string; readonly version: string; readonly schema: string };
  readonly scopeAttributes: Attributes;
  /** 32 and 16 hex digits; no parent is "". */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: Kind;
  readonly startNs: bigint;
  readonly durationNs: bigint;
  readonly status: "" | "OK" | "ERROR";
  readonly statusText: string;
  readonly traceState: string;
  /** As OTLP has them. */
  readonly flags: number;
  /** As Jaeger's formats have them; 0 for the others. */
  readonly jaegerFlags: number;
  /** The value of `@jaeger@format`, if the span came in a format of Jaeger's. */
  readonly format: "" | "jaeger" | "proto";
  readonly attributes: Attributes;
  readonly events: readonly ExpectedEvent[];
  readonly links: readonly ExpectedLink[];
  readonly dropped: {
    readonly attributes: number;
    readonly events: number;
    readonly links: number;
  };
  readonly warnings: readonly string[];
}

/** What most spans have: nothing. */
export const PLAIN = {
  resource: [],
  resourceSchema: "",
  scope: { name: "", version: "", schema: "" },
  scopeAttributes: [],
  parentSpanId: "",
  kind: "",
  status: "",
  statusText: "",
  traceState: "",
  flags: 0,
  jaegerFlags: 0,
  format: "",
  attributes: [],
  events: [],
  links: [],
  dropped: { attributes: 0, events: 0, links: 0 },
  warnings: [],
} as const satisfies Partial<ExpectedSpan>;

export const KINDS: readonly Kind[] = ["", "internal", "server", "client", "producer", "consumer"];
const STATUSES = ["", "OK", "ERROR"] as const;

/** The type of a tag, and its value as the UI JSON has it. */
export interface Tag {
  readonly key: string;
  readonly type: string;
  readonly value: unknown;
}

export interface JaegerForm {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly flags: number;
  readonly references: readonly {
    readonly refType: string;
    readonly traceID: string;
    readonly spanID: string;
  }[];
  readonly start: string;
  readonly duration: string;
  readonly tags: readonly Tag[];
  readonly logs: readonly { readonly timestamp: string; readonly fields: readonly Tag[] }[];
  readonly serviceName: string;
  readonly processTags: readonly Tag[];
  readonly warnings: readonly string[];
}

/** @param unitNs 1000n for the UI JSON, whose times are whole µs, 1n for api_v2. */
export function jaegerForm(span: ExpectedSpan, unitNs: bigint): JaegerForm {
  const { scope, status } = span;
  const tags: Tag[] = span.attributes.map(tagOf);
  const add = (key: string, value: string | true): void => {
    if (value !== "") tags.push(tagOf([key, value]));
  };
  add("otel.scope.name", scope.name);
  add("otel.scope.version", scope.version);
  add("span.kind", span.kind);
  add("otel.status_code", status);
  if (status === "ERROR") add("error", true);
  add("otel.status_description", span.statusText);
  add("w3c.tracestate", span.traceState);
  add("@jaeger@format", span.format);
  return {
    traceID: shortTraceId(span.traceId),
    spanID: span.spanId,
    operationName: span.name,
    flags: span.jaegerFlags,
    references: referencesOf(span),
    start: String(span.startNs / unitNs),
    duration: String(span.durationNs / unitNs),
    tags: sortTags(tags),
    logs: span.events.map(({ timeNs, name, attributes }) => ({
      timestamp: String(timeNs / unitNs),
      fields: sortTags([
        ...(name === "" ? [] : [tagOf(["event", name])]),
        ...attributes.map(tagOf),
      ]),
    })),
    serviceName: span.service,
    processTags: sortTags(span.resource.map(tagOf)),
    warnings: span.warnings,
  };
}

/** Trace ids of 64 bits have 16 digits in Jaeger's JSON. */
export function shortTraceId(id: string): string {
  return id.replace(/^0{16}/, "");
}

function referencesOf(span: ExpectedSpan): JaegerForm["references"] {
  const { traceId, parentSpanId } = span;
  const references = span.links.map((link) => ({
    refType: isChildOf(link) ? "CHILD_OF" : "FOLLOWS_FROM",
    traceID: shortTraceId(link.traceId),
    spanID: link.spanId,
  }));
  if (parentSpanId === "") return references;
  const isParent = (link: { traceID: string; spanID: string }): boolean =>
    link.traceID === shortTraceId(traceId) && link.spanID === parentSpanId;
  const refType = references.findLast(isParent)?.refType ?? "CHILD_OF";
  return [
    { refType, traceID: shortTraceId(traceId), spanID: parentSpanId },
    ...references.filter((link) => !isParent(link)),
  ];
}

function isChildOf({ attributes }: ExpectedLink): boolean {
  return attributes.some(([key, value]) => key === "opentracing.ref_type" && value === "child_of");
}

function tagOf([key, value]: readonly [string, Value]): Tag {
  if (typeof value === "boolean") return { key, type: "bool", value };
  if (typeof value === "bigint") {
    const isSafe = BigInt(Number(value)) === value && Number.isSafeInteger(Number(value));
    return { key, type: "int64", value: isSafe ? Number(value) : String(value) };
  }
  if (typeof value === "number") {
    return { key, type: "float64", value: Number.isFinite(value) ? value : String(value) };
  }
  if (value instanceof Uint8Array) {
    return { key, type: "binary", value: Buffer.from(value).toString("base64") };
  }
  if (typeof value === "string") return { key, type: "string", value };
  return { key, type: "string", value: value === null ? "" : textOf(value) };
}

/** Lists and maps are JSON text; bytes in them base64. */
function textOf(value: Value): string {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("base64"));
  if (Array.isArray(value)) return `[${(value as readonly Value[]).map(textOf).join(",")}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const fields = [...(value as ReadonlyMap<string, Value>)].map(
    ([key, one]) => `${JSON.stringify(key)}:${textOf(one)}`,
  );
  return `{${fields.sort().join(",")}}`;
}

/** Tags have no order that a reader may rely on: by key, then by value. */
export function sortTags(tags: readonly Tag[]): Tag[] {
  const text = (tag: Tag): string => JSON.stringify([tag.key, tag.type, tag.value]);
  return tags.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
}

/** OTLP's span with its resource and scope; an AnyValue is as in JSON, lists of attributes sorted. */
export type OtlpForm = Readonly<Record<string, unknown>>;

export function otlpForm(span: ExpectedSpan): OtlpForm {
  const marks: Attributes = [
    ...(span.format === "" ? [] : ([["@jaeger@format", span.format]] as const)),
    ...(span.warnings.length === 0 ? [] : ([["@jaeger@warnings", span.warnings]] as const)),
  ];
  return {
    resource: sortAttributes([["service.name", span.service], ...span.resource]),
    resourceSchema: span.resourceSchema,
    scope: span.scope,
    scopeAttributes: sortAttributes(span.scopeAttributes),
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: KINDS.indexOf(span.kind),
    start: String(span.startNs),
    end: String(span.startNs + span.durationNs),
    status: STATUSES.indexOf(span.status),
    statusText: span.statusText,
    traceState: span.traceState,
    flags: span.flags,
    attributes: sortAttributes([...span.attributes, ...marks]),
    events: span.events.map(({ timeNs, name, attributes, dropped }) => ({
      time: String(timeNs),
      name,
      attributes: sortAttributes(attributes),
      dropped,
    })),
    links: span.links.map((link) => ({ ...link, attributes: sortAttributes(link.attributes) })),
    dropped: span.dropped,
  };
}

function sortAttributes(attributes: Attributes): readonly [string, unknown][] {
  return sortPairs(attributes.map(([key, value]) => [key, anyValueOf(value)]));
}

export function sortPairs(pairs: readonly [string, unknown][]): readonly [string, unknown][] {
  return pairs.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function anyValueOf(value: Value): object {
  if (value === null) return {};
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "bigint") return { intValue: String(value) };
  if (typeof value === "number") {
    return { doubleValue: Number.isFinite(value) ? value : String(value) };
  }
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) {
    return { arrayValue: { values: (value as readonly Value[]).map(anyValueOf) } };
  }
  const fields = [...(value as ReadonlyMap<string, Value>)];
  return {
    kvlistValue: { values: fields.map(([key, one]) => ({ key, value: anyValueOf(one) })) },
  };
}
