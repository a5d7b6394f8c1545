// Span batches for tests, written as records: what is left out gets a plain default.
//
//   makeTrace({ id: 1, service: "shop", name: "GET /" }, { id: 2, parent: 1, … }) ─▶ SpanBatch
//
// Equal service and resource make one resource, as formats with a batch per process do.
// Not here: random batches (any-spans.ts).

import { type AttributeTable, BOOL, BYTES, STRING } from "../src/model/attribute-table.ts";
import { SpanBatch } from "../src/model/span-batch.ts";

/** A bigint is an int64, a number a double, bytes are bytes. */
export type Value = string | boolean | number | bigint | Uint8Array;
export type Values = Readonly<Record<string, Value>>;

export interface EventRecord {
  readonly us: number;
  readonly name?: string;
  readonly attributes?: Values;
}

export interface LinkRecord {
  /** Hex; default all zero. */
  readonly traceId?: string;
  readonly spanId?: string;
  readonly attributes?: Values;
}

export interface SpanRecord {
  /** Hex, 32 digits; default TRACE_ID. */
  readonly traceId?: string;
  readonly id: number;
  readonly parent?: number;
  readonly service?: string;
  readonly resource?: Values;
  readonly name?: string;
  readonly scope?: string;
  /** Default 1_700_000_000_000_000. */
  readonly startUs?: number;
  readonly startRestNs?: number;
  /** Default 1_000_000. */
  readonly durationNs?: number;
  readonly kind?: number;
  readonly status?: number;
  readonly origin?: number;
  readonly flags?: number;
  readonly attributes?: Values;
  readonly events?: readonly EventRecord[];
  readonly links?: readonly LinkRecord[];
}

export const TRACE_ID = "0102030405060708090a0b0c0d0e0f10";
export const START_US = 1_700_000_000_000_000;

/** The spans in the order given. */
export function makeTrace(...spans: readonly SpanRecord[]): SpanBatch {
  return addSpans(new SpanBatch(), spans);
}

/** Appends the spans to `batch`. */
export function addSpans(batch: SpanBatch, spans: readonly SpanRecord[]): SpanBatch {
  const resources = new Map<string, number>();
  const scopes = new Map<string, number>();
  for (const span of spans) addSpan(batch, span, resources, scopes);
  return batch;
}

function addSpan(
  batch: SpanBatch,
  span: SpanRecord,
  resources: Map<string, number>,
  scopes: Map<string, number>,
): void {
  const { dictionary } = batch;
  const process: Values = { "service.name": span.service ?? "shop", ...span.resource };
  const resource = once(resources, printKey(process), () => {
    const own = batch.openResource();
    addValues(batch, batch.resourceAttributes, process);
    batch.closeResource(own);
    return own;
  });
  const scope = once(scopes, span.scope ?? "", () => {
    const own = batch.openScope();
    batch.scopeName[own] = dictionary.internText(span.scope ?? "");
    return own;
  });
  const row = batch.openRow(resource, scope);
  batch.traceId.set(Buffer.from(span.traceId ?? TRACE_ID, "hex"), 16 * row);
  batch.spanId.set(idBytes(span.id), 8 * row);
  batch.parentSpanId.set(idBytes(span.parent ?? 0), 8 * row);
  batch.name[row] = dictionary.internText(span.name ?? "GET /");
  batch.startUs[row] = span.startUs ?? START_US;
  batch.startRestNs[row] = span.startRestNs ?? 0;
  batch.durationNs[row] = span.durationNs ?? 1_000_000;
  batch.kind[row] = span.kind ?? 0;
  batch.statusCode[row] = span.status ?? 0;
  batch.origin[row] = span.origin ?? 0;
  batch.flags[row] = span.flags ?? 0;
  addValues(batch, batch.spanAttributes, span.attributes ?? {});
  for (const event of span.events ?? []) {
    const at = batch.openEvent();
    batch.eventUs[at] = event.us;
    batch.eventName[at] = dictionary.internText(event.name ?? "");
    addValues(batch, batch.eventAttributes, event.attributes ?? {});
    batch.closeEvent();
  }
  for (const link of span.links ?? []) {
    const at = batch.openLink();
    batch.linkTraceId.set(Buffer.from(link.traceId ?? "", "hex"), 16 * at);
    batch.linkSpanId.set(Buffer.from(link.spanId ?? "", "hex"), 8 * at);
    addValues(batch, batch.linkAttributes, link.attributes ?? {});
    batch.closeLink();
  }
  batch.closeRow();
}

function once(known: Map<string, number>, key: string, make: () => number): number {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}

function printKey(values: Values): string {
  return JSON.stringify(Object.entries(values).map(([key, value]) => [key, String(value)]));
}

/** Big endian, as ids are on the wire. */
export function idBytes(id: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(id));
  return bytes;
}

function addValues(batch: SpanBatch, table: AttributeTable, values: Values): void {
  const { dictionary } = batch;
  for (const [name, value] of Object.entries(values)) {
    const key = dictionary.internText(name);
    if (typeof value === "string") table.add(key, STRING, dictionary.internText(value));
    else if (typeof value === "boolean") table.add(key, BOOL, value ? 1 : 0);
    else if (typeof value === "number") table.addDouble(key, value);
    else if (typeof value === "bigint") {
      const bits = BigInt.asUintN(64, value);
      table.addInt(key, Number(bits & 0xffff_ffffn), Number(bits >> 32n));
    } else table.add(key, BYTES, dictionary.intern(value, 0, value.length));
  }
}
