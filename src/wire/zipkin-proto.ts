// Zipkin v2 in protobuf: what reporters POST to /api/v2/spans as application/x-protobuf.
//
//   ListOfSpans { 1 Span* }
//   Span        { 1 trace_id: 8 or 16 bytes · 2 parent_id · 3 id: 8 bytes · 4 kind · 5 name
//                 6 timestamp: fixed64 µs · 7 duration: uint64 µs · 8 local, 9 remote: Endpoint
//                 10 Annotation* · 11 tags: { 1 key · 2 value }* · 12 debug · 13 shared }
//   Endpoint    { 1 service_name · 2 ipv4: 4 bytes · 3 ipv6: 16 bytes · 4 port: int32 }
//   Annotation  { 1 timestamp: fixed64 µs · 2 value }
//
// Source: zipkin-api zipkin.proto. Trust: protobuf-reader.ts; ids and addresses of other lengths, a
// span without trace id or id, and times that a column would round refuse the payload. Jaeger takes
// trace ids of 16 bytes only; reporters in Java and Python send 8.
// Not here: what the fields mean (zipkin-rows.ts), gRPC.

import { SpoorError } from "../base/errors.ts";
import type { Dictionary } from "../model/dictionary.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { AttributeInterner } from "./attribute-interner.ts";
import { printIp } from "./ip-text.ts";
import { isZero } from "./jaeger-view.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { type ZipkinEndpoint, ZipkinRows } from "./zipkin-rows.ts";

// Bit n: the message has field n.
const LIST_FIELDS = 0b10;
const SPAN_FIELDS = 0b11_1111_1111_1110;
const ENDPOINT_FIELDS = 0b1_1110;
const TWO_FIELDS = 0b110;

const US_MAX = Number.MAX_SAFE_INTEGER;
const PORT_MAX = 0xffff;
/** Names of Span.Kind; 0 is none. */
const KINDS = ["", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"];

const reader = new ProtobufReader();
const interner = new AttributeInterner();
/** IPv4 addresses by their number: their text. Forgotten with each payload. */
const ipv4Texts = new Map<number, number>();

/**
 * Appends the spans of a `ListOfSpans` to `batch`.
 *
 * @throws SpoorError `bad-input` with span and offset; the batch then holds a part of the payload.
 */
export function readZipkinProto(payload: Uint8Array, batch: SpanBatch): void {
  const rows = new ZipkinRows(batch);
  let span = 0;
  reader.begin(payload);
  try {
    for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
      if (tag === 0x0a) {
        readSpan(rows);
        span++;
      } else {
        reader.skipUnknown(tag, LIST_FIELDS);
      }
    }
  } catch (error) {
    throw error instanceof SpoorError ? error.within({ span }) : error;
  } finally {
    reader.release();
    ipv4Texts.clear();
  }
}

function readSpan(rows: ZipkinRows): void {
  const start = reader.at;
  const batch = rows.batch;
  const { dictionary } = batch;
  const row = rows.open();
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        readTraceId(batch, row);
        break;
      case 0x12:
        readSpanId(batch.parentSpanId, 8 * row);
        break;
      case 0x1a:
        readSpanId(batch.spanId, 8 * row);
        break;
      case 0x20:
        rows.kind = readKind(dictionary);
        break;
      case 0x2a:
        batch.name[row] = readText(dictionary);
        break;
      case 0x31:
        rows.startUs = readFixedUs("timestamp");
        break;
      case 0x38:
        batch.durationNs[row] = 1000 * checkUs(reader.readUint64(), "duration");
        break;
      case 0x42:
        readEndpoint(rows.local, dictionary);
        break;
      case 0x4a:
        readEndpoint(rows.remote, dictionary);
        break;
      case 0x52:
        readAnnotation(rows);
        break;
      case 0x5a:
        readTag(rows);
        break;
      case 0x60:
        rows.isDebug = reader.readBool();
        break;
      case 0x68:
        rows.isShared = reader.readBool();
        break;
      default:
        reader.skipUnknown(tag, SPAN_FIELDS);
    }
  }
  reader.leave(outer);
  if (isZero(batch.traceId, 16 * row, 16)) throw fail("no trace id, or one that is zero", start);
  if (isZero(batch.spanId, 8 * row, 8)) throw fail("no span id, or one that is zero", start);
  rows.close();
}

function readTraceId(batch: SpanBatch, row: number): void {
  const at = reader.at;
  const end = reader.readEnd();
  const length = end - reader.at;
  if (length !== 16 && length !== 8) {
    throw fail(`trace id of ${length} bytes, expected 8 or 16`, at);
  }
  batch.traceId.fill(0, 16 * row, 16 * row + 8);
  batch.traceId.set(reader.bytes.subarray(reader.at, end), 16 * row + 16 - length);
  reader.at = end;
}

/** An id of 8 bytes; of none, as an absent parent may come. */
function readSpanId(column: Uint8Array, to: number): void {
  const at = reader.at;
  const end = reader.readEnd();
  const length = end - reader.at;
  if (length !== 8 && length !== 0) throw fail(`span id of ${length} bytes, expected 8`, at);
  if (length === 0) column.fill(0, to, to + 8);
  else column.set(reader.bytes.subarray(reader.at, end), to);
  reader.at = end;
}

function readKind(dictionary: Dictionary): number {
  const kind = reader.readUint32() | 0;
  return dictionary.internText(KINDS[kind] ?? String(kind));
}

function readText(dictionary: Dictionary): number {
  const end = reader.readEnd();
  const entry = dictionary.intern(reader.bytes, reader.at, end);
  reader.at = end;
  return entry;
}

function readFixedUs(name: string): number {
  reader.readFixed64();
  return checkUs(reader.high * 0x1_0000_0000 + reader.low, name);
}

function checkUs(us: number, name: string): number {
  if (us > US_MAX) throw fail(`${name} beyond 2^53 µs`, reader.at);
  return us;
}

function readEndpoint(endpoint: ZipkinEndpoint, dictionary: Dictionary): void {
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        endpoint.service = readText(dictionary);
        break;
      case 0x12:
        endpoint.ipv4 = readAddress(dictionary);
        break;
      case 0x1a:
        endpoint.ipv6 = readAddress(dictionary);
        break;
      case 0x20:
        endpoint.port = reader.readUint64();
        if (endpoint.port > PORT_MAX) throw fail("port beyond 65535", reader.at);
        break;
      default:
        reader.skipUnknown(tag, ENDPOINT_FIELDS);
    }
  }
  reader.leave(outer);
}

/** An address as text; no bytes are none. */
function readAddress(dictionary: Dictionary): number {
  const at = reader.at;
  const end = reader.readEnd();
  const bytes = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  if (bytes.length === 0) return 0;
  // Senders have one address in all their spans: most are found by their number.
  const number = bytes.length === 4 ? reader.view.getUint32(end - 4) : -1;
  let text = ipv4Texts.get(number);
  if (text !== undefined) return text;
  const printed = printIp(bytes);
  if (printed === undefined) throw fail(`address of ${bytes.length} bytes, expected 4 or 16`, at);
  text = dictionary.internText(printed);
  if (number >= 0) ipv4Texts.set(number, text);
  return text;
}

function readAnnotation(rows: ZipkinRows): void {
  let us = 0;
  let value = 0;
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x09) us = readFixedUs("annotation timestamp");
    else if (tag === 0x12) value = readText(rows.batch.dictionary);
    else reader.skipUnknown(tag, TWO_FIELDS);
  }
  reader.leave(outer);
  rows.annotation(us, value);
}

function readTag(rows: ZipkinRows): void {
  const { dictionary } = rows.batch;
  let key = 0;
  let value = 0;
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a || tag === 0x12) {
      const end = reader.readEnd();
      if (tag === 0x0a) key = interner.internKey(dictionary, reader.bytes, reader.at, end);
      else value = interner.internValue(dictionary, key, reader.bytes, reader.at, end);
      reader.at = end;
    } else {
      reader.skipUnknown(tag, TWO_FIELDS);
    }
  }
  reader.leave(outer);
  rows.tag(key, value);
}

function fail(found: string, offset: number): SpoorError {
  return reader.fail(found, offset);
}
