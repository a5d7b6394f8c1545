// Reads spans back by every way there is and compares all their fields with what was expected.
//
//   /api/traces/{id} · /api/traces?service= · ?tags= · /api/v3/traces/{id} · /api/v3/traces?query.…
//   /api/services · /api/operations
//
// Asked once: a span is there as soon as its sender was told so.

import assert from "node:assert/strict";
import {
  type Attributes,
  type ExpectedSpan,
  type JaegerForm,
  type OtlpForm,
  type Value,
  jaegerForm,
  otlpForm,
  shortTraceId,
} from "./expected-span.ts";
import type { RunningSpoor } from "./running-spoor.ts";
import { readJaegerTrace, readOtlpTraces } from "./shown-traces.ts";

const US = 1_000n;

/** Compares the spans of one trace, all of them, with what the API shows. */
export async function checkReadBack(
  spoor: RunningSpoor,
  spans: readonly ExpectedSpan[],
): Promise<void> {
  assert(spans.length > 0);
  const [{ traceId }] = spans as [ExpectedSpan];
  const jaeger = spans.map((span) => jaegerForm(span, US));
  const otlp = spans.map(otlpForm);

  const one = await spoor.get("queryHttp", `/api/traces/${shortTraceId(traceId)}`);
  compareJaeger(readEnvelope(one), jaeger, "/api/traces/{id}");
  const oneV3 = await spoor.get("queryHttp", `/api/v3/traces/${traceId}`);
  compareOtlp(readV3(oneV3), otlp, "/api/v3/traces/{id}");

  for (const { service, name, kind } of spans) {
    const { body } = await spoor.get("queryHttp", "/api/services");
    assert((body as { data: string[] }).data.includes(service), `/api/services lacks ${service}`);
    const operations = await spoor.get("queryHttp", "/api/operations", { service });
    const found = (operations.body as { data: unknown[] }).data;
    const wanted = JSON.stringify({ name, spanKind: kind });
    assert(
      found.some((entry) => JSON.stringify(entry) === wanted),
      `no operation ${wanted}`,
    );
  }
  for (const [what, params] of searchesFor(spans)) {
    const path = what.startsWith("v3") ? "/api/v3/traces" : "/api/traces";
    const answer = await spoor.get("queryHttp", path, params);
    if (path === "/api/traces") compareJaeger(readEnvelope(answer), jaeger, what);
    else compareOtlp(readV3(answer), otlp, what);
  }
}

type Search = readonly [what: string, params: Record<string, string>];

/** By service alone and by every attribute of every span that has a text of its own. */
function searchesFor(spans: readonly ExpectedSpan[]): Search[] {
  const searches: Search[] = [];
  for (const span of spans) {
    const { service, startNs } = span;
    const startUs = startNs / US;
    const range = { start: String(startUs - 1n), end: String(startUs + 1n), limit: "1500" };
    const rangeV3 = {
      "query.startTimeMin": isoOf(startUs - 1n),
      "query.startTimeMax": isoOf(startUs + 2n),
      "query.searchDepth": "1500",
    };
    searches.push(["by service", { service, ...range }]);
    searches.push(["v3 by service", { "query.serviceName": service, ...rangeV3 }]);
    const inEvents = span.events.flatMap((event) => event.attributes);
    for (const [key, value] of [...span.attributes, ...span.resource, ...inEvents]) {
      const text = searchTextOf(value);
      if (text === undefined) continue;
      const tags = JSON.stringify({ [key]: text });
      searches.push([`by ${tags}`, { service, tags, ...range }]);
      searches.push([`v3 by ${tags}`, { "query.attributes": tags, ...rangeV3 }]);
    }
  }
  return searches;
}

/** What a URL can hold. */
const SEARCH_TEXT_MAX = 30_000;

function searchTextOf(value: Value): string | undefined {
  switch (typeof value) {
    case "string":
      return value.length > SEARCH_TEXT_MAX ? undefined : value;
    case "boolean":
    case "bigint":
      return String(value);
    default:
      return undefined; // how other values are worded is a test of the store
  }
}

function isoOf(us: bigint): string {
  const seconds = new Date(Number(us / 1_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(us % 1_000_000n).padStart(6, "0")}Z`;
}

function readEnvelope(answer: { status: number; body: unknown }): JaegerForm[] {
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { data, ...rest } = answer.body as { data: unknown[] };
  assert.deepEqual(rest, { total: 0, limit: 0, offset: 0, errors: null });
  assert.equal(data.length, 1, "one trace");
  return readJaegerTrace(data[0]);
}

function readV3(answer: { status: number; body: unknown }): OtlpForm[] {
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { result, ...rest } = answer.body as { result: { resourceSpans: unknown } };
  assert.deepEqual(rest, {});
  return readOtlpTraces(result.resourceSpans, "hex");
}

/** Spans in any order; two of the same id (Zipkin's shared ones) by kind. */
export function compareJaeger(
  found: readonly JaegerForm[],
  expected: readonly JaegerForm[],
  what: string,
): void {
  const sorted = (spans: readonly JaegerForm[]): JaegerForm[] =>
    spans.toSorted((a, b) => compareText(a.spanID + a.start, b.spanID + b.start));
  assert.deepEqual(sorted(found), sorted(expected), what);
}

export function compareOtlp(
  found: readonly OtlpForm[],
  expected: readonly OtlpForm[],
  what: string,
): void {
  const keyOf = (span: OtlpForm): string => `${String(span["spanId"])}${String(span["start"])}`;
  const sorted = (spans: readonly OtlpForm[]): OtlpForm[] =>
    spans.toSorted((a, b) => compareText(keyOf(a), keyOf(b)));
  assert.deepEqual(sorted(found), sorted(expected), what);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a === b ? 0 : 1;
}

/** Attributes by key, the later of two wins: what a table of changes makes of another. */
export function withAttributes(some: Attributes, more: Attributes): Attributes {
  return [...new Map<string, Value>([...some, ...more])];
}
