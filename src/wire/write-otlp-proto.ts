// Span batches as OTLP traces in protobuf: TracesData, which are also the bytes of
// ExportTraceServiceRequest (picture: otlp-proto.ts).
//
// Fields at their default are left out, as proto3 writers do, but for Resource, InstrumentationScope
// and a KeyValue's value, which stay when they are empty. Rows are grouped by resource and scope.
//
// Source: opentelemetry-proto 1.x, trace/v1/trace.proto.
// Not here: what of a row OTLP words otherwise (otlp-view.ts), streams and chunks (query/).

import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  INT,
  MAP,
  STRING,
} from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { groupRows, type ResourceRows, type ScopeRows } from "./otlp-groups.ts";
import {
  endRestNsOf,
  endUsOf,
  FORMAT_KEY,
  formatMarkOf,
  isId,
  LAST_US,
  otlpFlagsOf,
} from "./otlp-view.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

const TWO_32 = 0x1_0000_0000;

/** All rows of all batches in one message. Cost: about 2 µs a span. */
export function writeOtlpProto(batches: readonly SpanBatch[]): Uint8Array {
  const out = new ProtobufWriter();
  for (const batch of batches) {
    for (const group of groupRows(batch)) writeResourceSpans(out, batch, group);
  }
  return out.take();
}

function writeResourceSpans(out: ProtobufWriter, batch: SpanBatch, group: ResourceRows): void {
  const resource = group.resource;
  const mark = out.open(0x0a);
  const inner = out.open(0x0a);
  const start = batch.resourceAttributeStart[resource]!;
  const end = batch.resourceAttributeEnd[resource]!;
  writeAttributes(out, 0x0a, batch.resourceAttributes, batch.dictionary, [start, end]);
  writeCount(out, 0x10, batch.resourceDropped[resource]!);
  out.close(inner);
  for (const scope of group.scopes) writeScopeSpans(out, batch, scope);
  writeEntry(out, 0x1a, batch.dictionary, batch.resourceSchemaUrl[resource]!);
  out.close(mark);
}

function writeScopeSpans(out: ProtobufWriter, batch: SpanBatch, group: ScopeRows): void {
  const scope = group.scope;
  const mark = out.open(0x12);
  const inner = out.open(0x0a);
  writeEntry(out, 0x0a, batch.dictionary, batch.scopeName[scope]!);
  writeEntry(out, 0x12, batch.dictionary, batch.scopeVersion[scope]!);
  const start = batch.scopeAttributeStart[scope]!;
  const end = batch.scopeAttributeEnd[scope]!;
  writeAttributes(out, 0x1a, batch.scopeAttributes, batch.dictionary, [start, end]);
  writeCount(out, 0x20, batch.scopeDropped[scope]!);
  out.close(inner);
  for (const row of group.rows) writeSpan(out, batch, row);
  writeEntry(out, 0x1a, batch.dictionary, batch.scopeSchemaUrl[scope]!);
  out.close(mark);
}

function writeSpan(out: ProtobufWriter, batch: SpanBatch, row: number): void {
  const dictionary = batch.dictionary;
  const mark = out.open(0x12);
  out.writeBytes(0x0a, batch.traceId, 16 * row, 16 * row + 16);
  out.writeBytes(0x12, batch.spanId, 8 * row, 8 * row + 8);
  writeEntry(out, 0x1a, dictionary, batch.traceState[row]!);
  if (isId(batch.parentSpanId, 8 * row, 8)) {
    out.writeBytes(0x22, batch.parentSpanId, 8 * row, 8 * row + 8);
  }
  writeEntry(out, 0x2a, dictionary, batch.name[row]!);
  writeCount(out, 0x30, batch.kind[row]!);
  writeTime(out, 0x39, batch.startUs[row]!, batch.startRestNs[row]!);
  writeTime(out, 0x41, endUsOf(batch, row), endRestNsOf(batch, row));
  const start = batch.attributeStart[row]!;
  const end = batch.attributeStart[row + 1]!;
  writeAttributes(out, 0x4a, batch.spanAttributes, dictionary, [start, end]);
  writeFormatMark(out, formatMarkOf(batch, row));
  writeCount(out, 0x50, batch.droppedAttributes[row]!);
  const eventEnd = batch.eventStart[row + 1]!;
  for (let event = batch.eventStart[row]!; event < eventEnd; event++) writeEvent(out, batch, event);
  writeCount(out, 0x60, batch.droppedEvents[row]!);
  const linkEnd = batch.linkStart[row + 1]!;
  for (let link = batch.linkStart[row]!; link < linkEnd; link++) writeLink(out, batch, link);
  writeCount(out, 0x70, batch.droppedLinks[row]!);
  if (batch.statusCode[row] !== 0 || batch.statusMessage[row] !== 0) {
    const status = out.open(0x7a);
    writeEntry(out, 0x12, dictionary, batch.statusMessage[row]!);
    writeCount(out, 0x18, batch.statusCode[row]!);
    out.close(status);
  }
  writeFixed32(out, 0x85, otlpFlagsOf(batch, row));
  out.close(mark);
}

function writeEvent(out: ProtobufWriter, batch: SpanBatch, event: number): void {
  const mark = out.open(0x5a);
  writeTime(out, 0x09, batch.eventUs[event]!, batch.eventRestNs[event]!);
  writeEntry(out, 0x12, batch.dictionary, batch.eventName[event]!);
  const start = batch.eventAttributeStart[event]!;
  const end = batch.eventAttributeStart[event + 1]!;
  writeAttributes(out, 0x1a, batch.eventAttributes, batch.dictionary, [start, end]);
  writeCount(out, 0x20, batch.eventDropped[event]!);
  out.close(mark);
}

function writeLink(out: ProtobufWriter, batch: SpanBatch, link: number): void {
  const mark = out.open(0x6a);
  if (isId(batch.linkTraceId, 16 * link, 16)) {
    out.writeBytes(0x0a, batch.linkTraceId, 16 * link, 16 * link + 16);
  }
  if (isId(batch.linkSpanId, 8 * link, 8)) {
    out.writeBytes(0x12, batch.linkSpanId, 8 * link, 8 * link + 8);
  }
  writeEntry(out, 0x1a, batch.dictionary, batch.linkTraceState[link]!);
  const start = batch.linkAttributeStart[link]!;
  const end = batch.linkAttributeStart[link + 1]!;
  writeAttributes(out, 0x22, batch.linkAttributes, batch.dictionary, [start, end]);
  writeCount(out, 0x28, batch.linkDropped[link]!);
  writeFixed32(out, 0x35, batch.linkFlags[link]!);
  out.close(mark);
}

function writeAttributes(
  out: ProtobufWriter,
  tag: number,
  table: AttributeTable,
  dictionary: Dictionary,
  [start, end]: readonly [number, number],
): void {
  for (let at = start; at < end; at++) {
    const mark = out.open(tag);
    writeEntry(out, 0x0a, dictionary, table.key[at]!);
    const value = out.open(0x12);
    writeValue(out, table, at, dictionary);
    out.close(value);
    out.close(mark);
  }
}

/** The one field of an AnyValue, also if it is at its default; none for EMPTY. */
function writeValue(
  out: ProtobufWriter,
  table: AttributeTable,
  at: number,
  dictionary: Dictionary,
): void {
  const low = table.words[2 * at]!;
  const high = table.words[2 * at + 1]!;
  switch (table.type[at]) {
    case STRING:
      writeBytesOf(out, 0x0a, dictionary, low);
      break;
    case BOOL:
      out.writeVarint(0x10);
      out.writeVarint(low);
      break;
    case INT:
      out.writeVarint(0x18);
      out.writeVarint64(low, high);
      break;
    case DOUBLE:
      out.writeVarint(0x21);
      out.writeFixed64(low, high);
      break;
    case ARRAY:
      writeBytesOf(out, 0x2a, dictionary, low);
      break;
    case MAP:
      writeBytesOf(out, 0x32, dictionary, low);
      break;
    case BYTES:
      writeBytesOf(out, 0x3a, dictionary, low);
      break;
    default:
      break;
  }
}

function writeFormatMark(out: ProtobufWriter, format: string): void {
  if (format === "") return;
  const mark = out.open(0x4a);
  out.writeText(0x0a, FORMAT_KEY);
  const value = out.open(0x12);
  out.writeText(0x0a, format);
  out.close(value);
  out.close(mark);
}

function writeEntry(out: ProtobufWriter, tag: number, dictionary: Dictionary, entry: number): void {
  if (entry !== 0) writeBytesOf(out, tag, dictionary, entry);
}

function writeBytesOf(
  out: ProtobufWriter,
  tag: number,
  dictionary: Dictionary,
  entry: number,
): void {
  out.writeBytes(tag, dictionary.arena, dictionary.start(entry), dictionary.ends[entry]);
}

function writeCount(out: ProtobufWriter, tag: number, count: number): void {
  if (count === 0) return;
  out.writeVarint(tag);
  out.writeVarint(count);
}

function writeFixed32(out: ProtobufWriter, tag: number, value: number): void {
  if (value === 0) return;
  out.writeVarint(tag);
  out.writeFixed32(value);
}

/** Whole µs and ns as fixed64 ns. */
function writeTime(out: ProtobufWriter, tag: number, us: number, restNs: number): void {
  if (us < 0 || (us === 0 && restNs === 0)) return;
  out.writeVarint(tag);
  if (us > LAST_US) {
    out.writeFixed64(0xffff_ffff, 0xffff_ffff);
    return;
  }
  // In two parts of 32 bits each, so that no product leaves 2^53.
  const highUs = Math.floor(us / TWO_32);
  const lowNs = (us - highUs * TWO_32) * 1000 + restNs;
  const carry = Math.floor(lowNs / TWO_32);
  out.writeFixed64(lowNs - carry * TWO_32, highUs * 1000 + carry);
}
