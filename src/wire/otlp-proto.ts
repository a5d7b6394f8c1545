// OTLP traces in protobuf: ExportTraceServiceRequest and TracesData, which have the same bytes.
//
//   TracesData    { 1 ResourceSpans* }
//   ResourceSpans { 1 Resource · 2 ScopeSpans* · 3 schema_url }
//   Resource      { 1 KeyValue* · 2 dropped_attributes_count · 3 entity_refs, not kept }
//   ScopeSpans    { 1 InstrumentationScope · 2 Span* · 3 schema_url }
//   InstrumentationScope { 1 name · 2 version · 3 KeyValue* · 4 dropped_attributes_count }
//   Span          { 1 trace_id · 2 span_id · 3 trace_state · 4 parent_span_id · 5 name · 6 kind
//                   7 start, 8 end: fixed64 ns · 9 KeyValue* · 10 dropped · 11 Event* · 12 dropped
//                   13 Link* · 14 dropped · 15 Status · 16 flags: fixed32 }
//   Event         { 1 time: fixed64 ns · 2 name · 3 KeyValue* · 4 dropped }
//   Link          { 1 trace_id · 2 span_id · 3 trace_state · 4 KeyValue* · 5 dropped · 6 flags }
//   Status        { 2 message · 3 code }
//
// This is the function that every span goes through: no object, BigInt, closure or string is made
// per span or attribute. The `case` labels are tags (field << 3 | wireType) as literals, because only
// those become a jump table.
//
// Source: opentelemetry-proto 1.x, trace/v1/trace.proto, resource.proto, common.proto.
// Trust: as protobuf-reader.ts. Ids of a wrong length refuse the payload; a span without trace id or
// span id is left out and counted, since OTLP answers that with a partial success.
// Not here: attribute values (otlp-key-value.ts), writing (write-otlp-proto.ts), gzip, doors.

import type { SpanBatch } from "../model/span-batch.ts";
import { readKeyValue, readText } from "./otlp-key-value.ts";
import { closeSpan, type Rejected, rejectedSpans, restNsOf, usOf } from "./otlp-span.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

export type { Rejected } from "./otlp-span.ts";

// Bit n: the message has field n.
const TRACES_FIELDS = 0b10;
const RESOURCE_SPANS_FIELDS = 0b1110;
const RESOURCE_FIELDS = 0b1110;
const SCOPE_FIELDS = 0b1_1110;
const SPAN_FIELDS = 0b1_1111_1111_1111_1110;
const EVENT_FIELDS = 0b1_1110;
const LINK_FIELDS = 0b111_1110;
const STATUS_FIELDS = 0b1100;

const reader = new ProtobufReader();

/**
 * Appends the spans of an OTLP protobuf payload to `batch`.
 *
 * @returns how many spans were left out because their trace id or span id is missing or zero.
 * @throws SpoorError `bad-input` with the offset; the batch then holds a part of the payload.
 *
 * Cost: about 1 µs a span of 500 bytes with 12 attributes.
 */
export function readOtlpTraces(payload: Uint8Array, batch: SpanBatch): Rejected {
  reader.begin(payload);
  try {
    return rejectedSpans(readTraces(batch));
  } finally {
    reader.release();
  }
}

function readTraces(batch: SpanBatch): number {
  let rejected = 0;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) rejected += readResourceSpans(batch);
    else reader.skipUnknown(tag, TRACES_FIELDS);
  }
  return rejected;
}

function readResourceSpans(batch: SpanBatch): number {
  let rejected = 0;
  const resource = batch.openResource();
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        readResource(batch, resource);
        break;
      case 0x12:
        rejected += readScopeSpans(batch, resource);
        break;
      case 0x1a:
        batch.resourceSchemaUrl[resource] = readText(reader, batch.dictionary);
        break;
      default:
        reader.skipUnknown(tag, RESOURCE_SPANS_FIELDS);
    }
  }
  reader.leave(outer);
  return rejected;
}

function readResource(batch: SpanBatch, resource: number): void {
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        readKeyValue(reader, batch.resourceAttributes, batch.dictionary);
        break;
      case 0x10:
        batch.resourceDropped[resource] = reader.readUint32();
        break;
      case 0x1a:
        reader.skip(tag);
        break;
      default:
        reader.skipUnknown(tag, RESOURCE_FIELDS);
    }
  }
  reader.leave(outer);
  batch.closeResource(resource);
}

function readScopeSpans(batch: SpanBatch, resource: number): number {
  let rejected = 0;
  const scope = batch.openScope();
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        readScope(batch, scope);
        break;
      case 0x12:
        rejected += readSpan(batch, resource, scope);
        break;
      case 0x1a:
        batch.scopeSchemaUrl[scope] = readText(reader, batch.dictionary);
        break;
      default:
        reader.skipUnknown(tag, RESOURCE_SPANS_FIELDS);
    }
  }
  reader.leave(outer);
  return rejected;
}

function readScope(batch: SpanBatch, scope: number): void {
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        batch.scopeName[scope] = readText(reader, batch.dictionary);
        break;
      case 0x12:
        batch.scopeVersion[scope] = readText(reader, batch.dictionary);
        break;
      case 0x1a:
        readKeyValue(reader, batch.scopeAttributes, batch.dictionary);
        break;
      case 0x20:
        batch.scopeDropped[scope] = reader.readUint32();
        break;
      default:
        reader.skipUnknown(tag, SCOPE_FIELDS);
    }
  }
  reader.leave(outer);
  batch.closeScope(scope);
}

/** @returns 1 if the span was left out. */
function readSpan(batch: SpanBatch, resource: number, scope: number): number {
  const row = batch.openRow(resource, scope);
  const dictionary = batch.dictionary;
  let endUs = 0;
  let endRestNs = 0;
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        readTraceId(batch.traceIdWords, row);
        break;
      case 0x12:
        readSpanId(batch.spanIdWords, row);
        break;
      case 0x1a:
        batch.traceState[row] = readText(reader, dictionary);
        break;
      case 0x22:
        readSpanId(batch.parentSpanIdWords, row);
        break;
      case 0x2a:
        batch.name[row] = readText(reader, dictionary);
        break;
      case 0x30:
        batch.kind[row] = readEnum();
        break;
      case 0x39:
        reader.readFixed64();
        batch.startUs[row] = usOf(reader.low, reader.high);
        batch.startRestNs[row] = restNsOf(reader.low, reader.high);
        break;
      case 0x41:
        reader.readFixed64();
        endUs = usOf(reader.low, reader.high);
        endRestNs = restNsOf(reader.low, reader.high);
        break;
      case 0x4a:
        readKeyValue(reader, batch.spanAttributes, dictionary);
        break;
      case 0x50:
        batch.droppedAttributes[row] = reader.readUint32();
        break;
      case 0x5a:
        readEvent(batch);
        break;
      case 0x60:
        batch.droppedEvents[row] = reader.readUint32();
        break;
      case 0x6a:
        readLink(batch);
        break;
      case 0x70:
        batch.droppedLinks[row] = reader.readUint32();
        break;
      case 0x7a:
        readStatus(batch, row);
        break;
      case 0x85:
        batch.flags[row] = reader.readFixed32();
        break;
      default:
        reader.skipUnknown(tag, SPAN_FIELDS);
    }
  }
  reader.leave(outer);
  return closeSpan(batch, row, endUs, endRestNs);
}

function readEvent(batch: SpanBatch): void {
  const event = batch.openEvent();
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x09:
        reader.readFixed64();
        batch.eventUs[event] = usOf(reader.low, reader.high);
        batch.eventRestNs[event] = restNsOf(reader.low, reader.high);
        break;
      case 0x12:
        batch.eventName[event] = readText(reader, batch.dictionary);
        break;
      case 0x1a:
        readKeyValue(reader, batch.eventAttributes, batch.dictionary);
        break;
      case 0x20:
        batch.eventDropped[event] = reader.readUint32();
        break;
      default:
        reader.skipUnknown(tag, EVENT_FIELDS);
    }
  }
  reader.leave(outer);
  batch.closeEvent();
}

function readLink(batch: SpanBatch): void {
  const link = batch.openLink();
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        copyId(batch.linkTraceId, 16 * link, 16);
        break;
      case 0x12:
        copyId(batch.linkSpanId, 8 * link, 8);
        break;
      case 0x1a:
        batch.linkTraceState[link] = readText(reader, batch.dictionary);
        break;
      case 0x22:
        readKeyValue(reader, batch.linkAttributes, batch.dictionary);
        break;
      case 0x28:
        batch.linkDropped[link] = reader.readUint32();
        break;
      case 0x35:
        batch.linkFlags[link] = reader.readFixed32();
        break;
      default:
        reader.skipUnknown(tag, LINK_FIELDS);
    }
  }
  reader.leave(outer);
  batch.closeLink();
}

function readStatus(batch: SpanBatch, row: number): void {
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x12:
        batch.statusMessage[row] = readText(reader, batch.dictionary);
        break;
      case 0x18:
        batch.statusCode[row] = readEnum();
        break;
      default:
        reader.skipUnknown(tag, STATUS_FIELDS);
    }
  }
  reader.leave(outer);
}

/** An enum that has a column of 8 bits; what does not fit counts as not set. */
function readEnum(): number {
  const value = reader.readUint32();
  return value > 0xff ? 0 : value;
}

/** Reads a trace id into row `row` of `to`; one of no bytes stays as it is. */
function readTraceId(to: Uint32Array, row: number): void {
  const at = readId(16);
  if (at < 0) return;
  const view = reader.view;
  to[4 * row] = view.getUint32(at, true);
  to[4 * row + 1] = view.getUint32(at + 4, true);
  to[4 * row + 2] = view.getUint32(at + 8, true);
  to[4 * row + 3] = view.getUint32(at + 12, true);
}

/** As `readTraceId`, for a span id. */
function readSpanId(to: Uint32Array, row: number): void {
  const at = readId(8);
  if (at < 0) return;
  to[2 * row] = reader.view.getUint32(at, true);
  to[2 * row + 1] = reader.view.getUint32(at + 4, true);
}

/** @returns where the `length` bytes of an id begin, or -1 if it has none. */
function readId(length: number): number {
  const end = reader.readEnd();
  const at = reader.at;
  if (end - at !== length) {
    if (end === at) return -1;
    throw reader.fail(`id of ${end - at} bytes, expected ${length}`, at);
  }
  reader.at = end;
  return at;
}

function copyId(to: Uint8Array, index: number, length: number): void {
  const at = readId(length);
  for (let i = 0; at >= 0 && i < length; i++) to[index + i] = reader.bytes[at + i]!;
}
