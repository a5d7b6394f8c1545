// Jaeger's api_v2 in protobuf: what agents and clients post to gRPC port 14250.
//
//   PostSpansRequest { 1 Batch }        Batch { 1 Span* · 2 Process }
//   Process  { 1 service_name · 2 KeyValue* }
//   Span     { 1 trace_id: 16 or 8 bytes · 2 span_id · 3 operation_name · 4 SpanRef* · 5 flags
//              6 start_time: Timestamp · 7 duration: Duration · 8 tags: KeyValue* · 9 Log*
//              10 Process · 11 process_id, not kept · 12 warnings* }
//   SpanRef  { 1 trace_id · 2 span_id · 3 ref_type: 0 child of, 1 follows from }
//   Log      { 1 Timestamp · 2 fields: KeyValue* }
//   Timestamp, Duration { 1 seconds: int64 · 2 nanos: int32 }
//
// A span without a process has the batch's, which comes after the spans; equal processes of spans
// are one resource. Nothing is made per span or tag; tags that are columns are moved there by
// jaeger-tags.ts. `case` labels are literals (field << 3 | wire type), for a jump table.
//
// Source: jaeger-idl v0.14 proto/api_v2 model.proto, collector.proto. Trust: protobuf-reader.ts; ids
// of other lengths, and a span without trace id or span id, refuse the payload.
// Not here: tags (jaeger-proto-tag.ts), writing (write-jaeger-proto.ts), the gRPC service.

import { ARRAY, STRING } from "../model/attribute-table.ts";
import { Dictionary } from "../model/dictionary.ts";
import { ORIGIN_JAEGER_PROTO, type SpanBatch } from "../model/span-batch.ts";
import { readJaegerTag } from "./jaeger-proto-tag.ts";
import { isSameTrace } from "./jaeger-references.ts";
import { JaegerTags } from "./jaeger-tags.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

// Bit n: the message has field n.
const REQUEST_FIELDS = 0b10;
const TWO_FIELDS = 0b110;
const SPAN_FIELDS = 0b1_1111_1111_1110;
const REFERENCE_FIELDS = 0b1110;

const FOLLOWS_FROM = 1;

const WARNINGS_KEY = "@jaeger@warnings";

const reader = new ProtobufReader();
/** The processes of the spans of one payload, by their bytes, and the resource of each. */
const processes = new Dictionary();
const resourceOfProcess: number[] = [];
/** The warnings of one span as an ArrayValue. */
const warnings = new ProtobufWriter();

/**
 * Appends the spans of a `PostSpansRequest`.
 *
 * @throws SpoorError `bad-input` with the offset; the batch then holds a part of the payload.
 */
export function readPostSpans(payload: Uint8Array, batch: SpanBatch): void {
  reader.begin(payload);
  try {
    const tags = new JaegerTags(batch);
    for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
      if (tag === 0x0a) readBatch(tags);
      else reader.skipUnknown(tag, REQUEST_FIELDS);
    }
  } finally {
    end();
  }
}

/**
 * Appends one `Span` that carries its process, as in Kafka.
 *
 * @throws SpoorError `bad-input` with the offset; the batch is then as it was, but for owners.
 */
export function readApiV2Span(payload: Uint8Array, batch: SpanBatch): void {
  reader.begin(payload);
  try {
    const tags = new JaegerTags(batch);
    readSpanFields(tags, batch.openResource());
  } finally {
    end();
  }
}

function end(): void {
  reader.release();
  processes.reset();
  resourceOfProcess.length = 0;
}

function readBatch(tags: JaegerTags): void {
  const resource = tags.batch.openResource();
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) {
      const outerOfSpan = reader.enter();
      readSpanFields(tags, resource);
      reader.leave(outerOfSpan);
    } else if (tag === 0x12) {
      const outerOfProcess = reader.enter();
      readProcessFields(tags, resource);
      reader.leave(outerOfProcess);
    } else {
      reader.skipUnknown(tag, TWO_FIELDS);
    }
  }
  reader.leave(outer);
}

function readProcessFields(tags: JaegerTags, resource: number): void {
  const batch = tags.batch;
  const table = batch.resourceAttributes;
  const first = table.count;
  // Other resources may have been filled since this one was opened.
  batch.resourceAttributeStart[resource] = first;
  table.add(tags.serviceKey, STRING, 0);
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) table.replace(first, STRING, readText(batch.dictionary));
    else if (tag === 0x12) readJaegerTag(reader, table, batch.dictionary);
    else reader.skipUnknown(tag, TWO_FIELDS);
  }
  batch.closeResource(resource);
}

/** The resource of the process that follows: the same one for the same bytes. */
function readProcess(tags: JaegerTags): number {
  const outer = reader.enter();
  const entry = processes.intern(reader.bytes, reader.at, reader.end);
  let resource = resourceOfProcess[entry];
  if (resource === undefined) {
    resource = tags.batch.openResource();
    resourceOfProcess[entry] = resource;
    readProcessFields(tags, resource);
  } else {
    reader.at = reader.end;
  }
  reader.leave(outer);
  return resource;
}

function readSpanFields(tags: JaegerTags, resource: number): void {
  const batch = tags.batch;
  const start = reader.at;
  const row = batch.openRow(resource, tags.noScope);
  batch.origin[row] = ORIGIN_JAEGER_PROTO;
  let hasTrace = false;
  let hasSpan = false;
  warnings.reset();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        readOwnTraceId(batch, row);
        hasTrace = true;
        break;
      case 0x12:
        readOwnSpanId(batch, row);
        hasSpan = true;
        break;
      case 0x1a:
        batch.name[row] = readText(batch.dictionary);
        break;
      case 0x22:
        readReference(tags, row);
        break;
      case 0x28:
        batch.flags[row] = reader.readUint32();
        break;
      case 0x32:
        readTime();
        batch.startUs[row] = wholeUs();
        batch.startRestNs[row] = restNs();
        break;
      case 0x3a:
        readTime();
        batch.durationNs[row] = 1e9 * seconds + nanos;
        break;
      case 0x42:
        readJaegerTag(reader, batch.spanAttributes, batch.dictionary);
        break;
      case 0x4a:
        readLog(tags);
        break;
      case 0x52:
        batch.resource[row] = readProcess(tags);
        break;
      case 0x5a:
        reader.skip(tag);
        break;
      case 0x62:
        readWarning();
        break;
      default:
        reader.skipUnknown(tag, SPAN_FIELDS);
    }
  }
  if (!hasTrace || !hasSpan) throw reader.fail("span without trace id or span id", start);
  tags.settleSpan(row);
  if (warnings.at > 0) {
    const key = batch.dictionary.internText(WARNINGS_KEY);
    const entry = batch.dictionary.intern(warnings.bytes, 0, warnings.at);
    batch.spanAttributes.add(key, ARRAY, entry);
  }
  batch.closeRow();
}

function readReference(tags: JaegerTags, row: number): void {
  const batch = tags.batch;
  const link = batch.openLink();
  let type = 0;
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        readTraceId(batch.linkTraceId, 16 * link);
        break;
      case 0x12:
        readSpanId(batch.linkSpanId, 8 * link);
        break;
      case 0x18:
        type = reader.readUint32();
        break;
      default:
        reader.skipUnknown(tag, REFERENCE_FIELDS);
    }
  }
  reader.leave(outer);
  const isFollowsFrom = type === FOLLOWS_FROM;
  const isFirst = batch.links === batch.linkStart[row] && hasNoParent(batch, row);
  if (isFirst && !isFollowsFrom && isSameTrace(batch, row, link)) {
    for (let i = 0; i < 8; i++) batch.parentSpanId[8 * row + i] = batch.linkSpanId[8 * link + i]!;
  }
  tags.closeReference(row, isFollowsFrom);
}

function hasNoParent(batch: SpanBatch, row: number): boolean {
  const words = batch.parentSpanIdWords;
  return (words[2 * row]! | words[2 * row + 1]!) === 0;
}

function readLog(tags: JaegerTags): void {
  const batch = tags.batch;
  const event = batch.openEvent();
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) {
      readTime();
      batch.eventUs[event] = wholeUs();
      batch.eventRestNs[event] = restNs();
    } else if (tag === 0x12) {
      readJaegerTag(reader, batch.eventAttributes, batch.dictionary);
    } else {
      reader.skipUnknown(tag, TWO_FIELDS);
    }
  }
  reader.leave(outer);
  tags.settleEvent(event);
  batch.closeEvent();
}

/** Adds the text as an AnyValue { 1 string } to the ArrayValue { 1 AnyValue* }. */
function readWarning(): void {
  const end = reader.readEnd();
  const mark = warnings.open(0x0a);
  warnings.writeBytes(0x0a, reader.bytes, reader.at, end);
  warnings.close(mark);
  reader.at = end;
}

// What `readTime` read.
let seconds = 0;
let nanos = 0;

/** A Timestamp or a Duration, both of which may be negative in either part. */
function readTime(): void {
  seconds = 0;
  nanos = 0;
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x08) seconds = reader.readInt64();
    else if (tag === 0x10) nanos = reader.readUint32() | 0;
    else reader.skipUnknown(tag, TWO_FIELDS);
  }
  reader.leave(outer);
}

function wholeUs(): number {
  return 1e6 * seconds + Math.floor(nanos / 1000);
}

function restNs(): number {
  return nanos - 1000 * Math.floor(nanos / 1000);
}

function readText(dictionary: Dictionary): number {
  const end = reader.readEnd();
  const entry = dictionary.intern(reader.bytes, reader.at, end);
  reader.at = end;
  return entry;
}

/** The trace id of the row, word by word if it has 16 bytes. */
function readOwnTraceId(batch: SpanBatch, row: number): void {
  const at = reader.at + 1;
  if (reader.bytes[reader.at] !== 16 || at + 16 > reader.end) {
    readTraceId(batch.traceId, 16 * row);
    return;
  }
  const { view } = reader;
  const words = batch.traceIdWords;
  words[4 * row] = view.getUint32(at, true);
  words[4 * row + 1] = view.getUint32(at + 4, true);
  words[4 * row + 2] = view.getUint32(at + 8, true);
  words[4 * row + 3] = view.getUint32(at + 12, true);
  reader.at = at + 16;
}

function readOwnSpanId(batch: SpanBatch, row: number): void {
  const at = reader.at + 1;
  if (reader.bytes[reader.at] !== 8 || at + 8 > reader.end) {
    readSpanId(batch.spanId, 8 * row);
    return;
  }
  const words = batch.spanIdWords;
  words[2 * row] = reader.view.getUint32(at, true);
  words[2 * row + 1] = reader.view.getUint32(at + 4, true);
  reader.at = at + 8;
}

/** A trace id of 16 bytes, or of 8 that are its lower half. */
function readTraceId(to: Uint8Array, at: number): void {
  const end = reader.readEnd();
  const length = end - reader.at;
  if (length !== 16 && length !== 8) {
    throw reader.fail(`trace id of ${length} bytes, expected 16 or 8`, reader.at);
  }
  copyBytes(to, at + 16 - length, end);
}

function readSpanId(to: Uint8Array, at: number): void {
  const end = reader.readEnd();
  const length = end - reader.at;
  if (length !== 8) throw reader.fail(`span id of ${length} bytes, expected 8`, reader.at);
  copyBytes(to, at, end);
}

function copyBytes(to: Uint8Array, at: number, end: number): void {
  const bytes = reader.bytes;
  for (let from = reader.at; from < end; from++, at++) to[at] = bytes[from]!;
  reader.at = end;
}
