// Answers of the query API, brought into the forms of expected-span.ts, and nothing added: a field that
// an answer lacks is its default there, a field that nobody expects fails the reading.

import assert from "node:assert/strict";
import { type JaegerForm, type OtlpForm, type Tag, sortPairs, sortTags } from "./expected-span.ts";

type Json = Readonly<Record<string, unknown>>;

/** A trace of `/api/traces`; µs are kept. */
export function readJaegerTrace(trace: unknown): JaegerForm[] {
  const { traceID, spans, processes, warnings, ...rest } = trace as {
    readonly traceID: string;
    readonly spans: readonly Json[];
    readonly processes: Readonly<Record<string, { serviceName: string; tags: readonly Tag[] }>>;
    readonly warnings: unknown;
  };
  assert.deepEqual(rest, {}, "a trace has four fields");
  assert.equal(warnings, null);
  const used = new Set(spans.map((span) => String(span["processID"])));
  assert.deepEqual(new Set(Object.keys(processes)), used, "processes in use");
  return spans.map((span) => {
    assert.equal(span["traceID"], traceID);
    const process = processes[String(span["processID"])];
    assert(process !== undefined, `no process ${String(span["processID"])}`);
    return readJaegerSpan(span, process);
  });
}

function readJaegerSpan(
  span: Json,
  process: { readonly serviceName: string; readonly tags: readonly Tag[] },
): JaegerForm {
  const { startTime, duration, tags, logs, processID, warnings, flags = 0, ...same } = span;
  assert.equal(typeof processID, "string");
  assert(Number.isSafeInteger(startTime) && Number.isSafeInteger(duration), "times are whole µs");
  return {
    ...(same as unknown as Pick<JaegerForm, "traceID" | "spanID" | "operationName" | "references">),
    flags: Number(flags),
    start: String(startTime),
    duration: String(duration),
    tags: sortTags(tags as Tag[]),
    logs: (logs as { timestamp: number; fields: Tag[] }[]).map(({ timestamp, fields, ...more }) => {
      assert.deepEqual(more, {});
      return { timestamp: String(timestamp), fields: sortTags(fields) };
    }),
    serviceName: process.serviceName,
    processTags: sortTags(process.tags),
    warnings: (warnings as string[] | null) ?? [],
  };
}

/** Ids in OTLP's own JSON are hex; protobuf's JSON of the same message has them in base64. */
export type IdText = "hex" | "base64";

/** Spans of `resourceSpans`, each with its resource and scope. */
export function readOtlpTraces(resourceSpans: unknown, ids: IdText): OtlpForm[] {
  return list(resourceSpans).flatMap((group) => {
    const { resource, scopeSpans, schemaUrl: resourceSchema = "", ...rest } = group;
    assert.deepEqual(rest, {});
    return list(scopeSpans).flatMap((scoped) => {
      const { scope, spans, schemaUrl: schema = "", ...more } = scoped;
      assert.deepEqual(more, {});
      const { name = "", version = "", attributes } = (scope ?? {}) as Json;
      const around = {
        resource: readAttributes(((resource ?? {}) as Json)["attributes"]),
        resourceSchema,
        scope: { name, version, schema },
        scopeAttributes: readAttributes(attributes),
      };
      return list(spans).map((span) => ({ ...around, ...readOtlpSpan(span, ids) }));
    });
  });
}

function readOtlpSpan(span: Json, ids: IdText): Json {
  const { traceId, spanId, parentSpanId, traceState = "", name = "", kind = 0, ...a } = span;
  const { startTimeUnixNano = "0", endTimeUnixNano = "0", attributes, events, links, ...b } = a;
  const { status, flags = 0, droppedAttributesCount = 0, droppedEventsCount = 0, ...c } = b;
  const { droppedLinksCount = 0, ...rest } = c;
  assert.deepEqual(rest, {}, "fields of a span that nobody expects");
  const { code = 0, message: statusText = "" } = (status ?? {}) as Json;
  return {
    traceId: readId(traceId, ids),
    spanId: readId(spanId, ids),
    parentSpanId: readId(parentSpanId, ids),
    name,
    kind,
    start: startTimeUnixNano,
    end: endTimeUnixNano,
    status: code,
    statusText,
    traceState,
    flags,
    attributes: readAttributes(attributes),
    events: list(events).map(readEvent),
    links: list(links).map((link) => readLink(link, ids)),
    dropped: {
      attributes: droppedAttributesCount,
      events: droppedEventsCount,
      links: droppedLinksCount,
    },
  };
}

function readEvent(event: Json): Json {
  const {
    timeUnixNano,
    name = "",
    attributes,
    droppedAttributesCount: dropped = 0,
    ...rest
  } = event;
  assert.deepEqual(rest, {});
  return { time: timeUnixNano, name, attributes: readAttributes(attributes), dropped };
}

function readLink(link: Json, ids: IdText): Json {
  const { traceId, spanId, traceState = "", flags = 0, attributes, ...some } = link;
  const { droppedAttributesCount: dropped = 0, ...rest } = some;
  assert.deepEqual(rest, {});
  return {
    traceId: readId(traceId, ids),
    spanId: readId(spanId, ids),
    traceState,
    flags,
    attributes: readAttributes(attributes),
    dropped,
  };
}

function readId(id: unknown, ids: IdText): string {
  return Buffer.from((id ?? "") as string, ids).toString("hex");
}

function readAttributes(attributes: unknown): readonly [string, unknown][] {
  return sortPairs(list(attributes).map(({ key = "", value }) => [String(key), readValue(value)]));
}

/** Defaults that protobuf's JSON leaves out are filled in; all else stays. */
function readValue(value: unknown): unknown {
  const one = (value ?? {}) as Json;
  if ("arrayValue" in one) {
    const { values } = one["arrayValue"] as Json;
    return { arrayValue: { values: list(values).map(readValue) } };
  }
  if ("kvlistValue" in one) {
    const { values } = one["kvlistValue"] as Json;
    const fields = list(values).map(({ key = "", value: inner }) => ({
      key,
      value: readValue(inner),
    }));
    return { kvlistValue: { values: fields } };
  }
  return one;
}

function list(value: unknown): readonly Json[] {
  return (value ?? []) as readonly Json[];
}
