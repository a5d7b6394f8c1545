// What the OpenTelemetry collector writes into Zipkin's texts, because Zipkin has no place for it.
//
//   annotation     name|{"key":"value"}|droppedCount
//   otlp.link.N    traceId|spanId|traceState|{"key":"value"}|droppedCount
//
// Text that only looks so, since `|` may stand in any annotation, is left as it is.
//
// Source: opentelemetry-collector-contrib pkg/translator/zipkin/zipkinv2 from_translator.go.
// Trust: the JSON is a peer's; values that are no string, number or truth value are kept as their text.

import { type AttributeTable, BOOL, STRING } from "../model/attribute-table.ts";
import type { SpanBatch } from "../model/span-batch.ts";

/** More attributes than an SDK lets an event or a link have (its default is 128). */
const ATTRIBUTES_MAX = 1_000;
const COUNT_MAX = 0xffff_ffff;

type Attributes = readonly (readonly [key: string, value: unknown])[];

/** Takes the text of the open event apart, if it is written so; otherwise leaves the event alone. */
export function addEmbeddedEvent(batch: SpanBatch, event: number, text: string): void {
  const first = text.indexOf("|");
  const last = text.lastIndexOf("|");
  if (first === last) return;
  const dropped = parseCount(text.slice(last + 1));
  const attributes = parseAttributes(text.slice(first + 1, last));
  if (dropped === undefined || attributes === undefined) return;
  batch.eventName[event] = batch.dictionary.internText(text.slice(0, first));
  batch.eventDropped[event] = dropped;
  addAttributes(batch, batch.eventAttributes, attributes);
}

/** Adds the link that `text` describes to the open row. @returns false if it describes none. */
export function addEmbeddedLink(batch: SpanBatch, text: string): boolean {
  const parts = text.split("|", 3);
  const [traceId = "", spanId = "", traceState = ""] = parts;
  const last = text.lastIndexOf("|");
  const first = traceId.length + spanId.length + traceState.length + 3;
  if (first > last || !/^[0-9a-f]{32}$/i.test(traceId) || !/^[0-9a-f]{16}$/i.test(spanId)) {
    return false;
  }
  const dropped = parseCount(text.slice(last + 1));
  const attributes = parseAttributes(text.slice(first, last));
  if (dropped === undefined || attributes === undefined) return false;
  const link = batch.openLink();
  putHex(batch.linkTraceId, 16 * link, traceId);
  putHex(batch.linkSpanId, 8 * link, spanId);
  batch.linkTraceState[link] = batch.dictionary.internText(traceState);
  batch.linkDropped[link] = dropped;
  addAttributes(batch, batch.linkAttributes, attributes);
  batch.closeLink();
  return true;
}

function parseCount(text: string): number | undefined {
  const count = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN;
  return count <= COUNT_MAX ? count : undefined;
}

function parseAttributes(json: string): Attributes | undefined {
  if (!json.startsWith("{")) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return undefined;
  }
  const attributes = Object.entries(parsed as object);
  return attributes.length > ATTRIBUTES_MAX ? undefined : attributes;
}

function addAttributes(batch: SpanBatch, table: AttributeTable, attributes: Attributes): void {
  const { dictionary } = batch;
  for (const [name, value] of attributes) {
    const key = dictionary.internText(name);
    if (typeof value === "boolean") table.add(key, BOOL, value ? 1 : 0);
    else if (Number.isSafeInteger(value)) table.addSafeInt(key, value as number);
    else if (typeof value === "number") table.addDouble(key, value);
    else {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      table.add(key, STRING, dictionary.internText(text));
    }
  }
}

function putHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let i = 0; i < hex.length; i += 2) {
    bytes[at + i / 2] = Number.parseInt(hex.slice(i, i + 2), 16);
  }
}
