// zipkincore.thrift: Zipkin's first span model in Thrift, as old reporters and agents send it.
//
//   Span             1 trace_id 3 name 4 id 5 parent_id 6 annotations 8 binary_annotations
//                    9 debug 10 timestamp 11 duration 12 trace_id_high         (2, 7: never used)
//   Annotation       1 timestamp i64 µs   2 value   3 host
//   BinaryAnnotation 1 key   2 value   3 annotation_type   4 host
//   Endpoint         1 ipv4 i32   2 port i16, unsigned   3 service_name   4 ipv6 binary
//
// Not the way most spans come, so a span is a small record on its way to zipkin-v1.ts, which knows
// what annotations mean.
//
// Source: jaeger-idl v0.14 thrift/zipkincore.thrift, agent.thrift. Trust: thrift-reader.ts; a span
// without trace id or id is refused. Numbers of a wrong length are kept as bytes.
// Not here: JSON and protobuf of Zipkin, jaeger.thrift.

import { BOOL as BOOL_VALUE, BYTES, DOUBLE, INT, STRING } from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { printIp } from "./ip-text.ts";
import { ThriftBinaryReader } from "./thrift-binary.ts";
import {
  BINARY,
  BOOL,
  I16,
  I32,
  I64,
  LIST,
  STOP,
  STRUCT,
  type ThriftReader,
  fieldKey,
  readListOf,
  refuseThrift,
  skipField,
} from "./thrift-reader.ts";
import { ZipkinOwners } from "./zipkin-owners.ts";
import {
  type ZipkinV1Annotation,
  type ZipkinV1BinaryAnnotation,
  type ZipkinV1Endpoint,
  appendZipkinV1Span,
} from "./zipkin-v1.ts";

const ARGUMENT_SPANS = fieldKey(1, LIST);

const SPAN_TRACE_ID = fieldKey(1, I64);
const SPAN_NAME = fieldKey(3, BINARY);
const SPAN_ID = fieldKey(4, I64);
const SPAN_PARENT_ID = fieldKey(5, I64);
const SPAN_ANNOTATIONS = fieldKey(6, LIST);
const SPAN_BINARY_ANNOTATIONS = fieldKey(8, LIST);
const SPAN_DEBUG = fieldKey(9, BOOL);
const SPAN_TIME = fieldKey(10, I64);
const SPAN_DURATION = fieldKey(11, I64);
const SPAN_TRACE_ID_HIGH = fieldKey(12, I64);

const ANNOTATION_TIME = fieldKey(1, I64);
const ANNOTATION_VALUE = fieldKey(2, BINARY);
const ANNOTATION_HOST = fieldKey(3, STRUCT);

const BINARY_KEY = fieldKey(1, BINARY);
const BINARY_VALUE = fieldKey(2, BINARY);
const BINARY_TYPE = fieldKey(3, I32);
const BINARY_HOST = fieldKey(4, STRUCT);

const HOST_IPV4 = fieldKey(1, I32);
const HOST_PORT = fieldKey(2, I16);
const HOST_SERVICE = fieldKey(3, BINARY);
const HOST_IPV6 = fieldKey(4, BINARY);

// AnnotationType.
const TYPE_BOOL = 0;
const TYPE_I16 = 2;
const TYPE_I32 = 3;
const TYPE_I64 = 4;
const TYPE_DOUBLE = 5;
const TYPE_STRING = 6;

/** Annotations of one span, of each sort; they are held as objects, and real spans have a dozen. */
const ANNOTATIONS_MAX = 1 << 16;

/**
 * Appends the spans of a bare `list<Span>` in the binary protocol, the body of
 * `POST /api/v1/spans`. Bytes after the list are ignored, as by Jaeger.
 *
 * @throws SpoorError `bad-input` with the offset; the batch then holds a part of it.
 */
export function readZipkinThrift(payload: Uint8Array, batch: SpanBatch): void {
  readSpans(new ThriftBinaryReader(payload, 0), batch);
}

/** Appends the spans of the arguments of `emitZipkinBatch` or `submitZipkinBatch`. */
export function readEmitZipkinBatch(thrift: ThriftReader, batch: SpanBatch): void {
  let hasSpans = false;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === ARGUMENT_SPANS) {
      readSpans(thrift, batch);
      hasSpans = true;
    } else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  if (!hasSpans) refuseThrift(thrift.bytes, thrift.at, "arguments without a list of spans");
}

function readSpans(thrift: ThriftReader, batch: SpanBatch): void {
  const owners = new ZipkinOwners(batch);
  const count = readListOf(thrift, STRUCT);
  for (let i = 0; i < count; i++) readSpan(thrift, batch, owners);
}

function readSpan(thrift: ThriftReader, batch: SpanBatch, owners: ZipkinOwners): void {
  const { dictionary } = batch;
  const offset = thrift.at;
  const traceId = new Uint8Array(16);
  const id = new Uint8Array(8);
  const parentId = new Uint8Array(8);
  let has = 0;
  let name = 0;
  let debug = false;
  let us: number | undefined;
  let durationUs: number | undefined;
  let annotations: ZipkinV1Annotation[] = [];
  let binaryAnnotations: ZipkinV1BinaryAnnotation[] = [];
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    switch (field) {
      case SPAN_TRACE_ID:
        thrift.copyI64(traceId, 8);
        has |= 0b01;
        break;
      case SPAN_TRACE_ID_HIGH:
        thrift.copyI64(traceId, 0);
        break;
      case SPAN_NAME:
        name = intern(thrift, dictionary);
        break;
      case SPAN_ID:
        thrift.copyI64(id, 0);
        has |= 0b10;
        break;
      case SPAN_PARENT_ID:
        thrift.copyI64(parentId, 0);
        break;
      case SPAN_ANNOTATIONS:
        annotations = readRecords(thrift, dictionary, readAnnotation);
        break;
      case SPAN_BINARY_ANNOTATIONS:
        binaryAnnotations = readRecords(thrift, dictionary, readBinaryAnnotation);
        break;
      case SPAN_DEBUG:
        debug = thrift.readBool();
        break;
      case SPAN_TIME:
        us = thrift.readLong();
        break;
      case SPAN_DURATION:
        durationUs = thrift.readLong();
        break;
      default:
        skipField(thrift, field);
    }
  }
  thrift.endStruct(outer);
  if (has !== 0b11) refuseThrift(thrift.bytes, offset, "span without trace id or id");
  appendZipkinV1Span(
    { traceId, id, parentId, name, debug, us, durationUs, annotations, binaryAnnotations },
    batch,
    owners,
  );
}

function readRecords<T>(
  thrift: ThriftReader,
  dictionary: Dictionary,
  readRecord: (thrift: ThriftReader, dictionary: Dictionary) => T,
): T[] {
  const offset = thrift.at;
  const count = readListOf(thrift, STRUCT);
  if (count > ANNOTATIONS_MAX) {
    refuseThrift(
      thrift.bytes,
      offset,
      `${count} annotations in one span, expected at most ${ANNOTATIONS_MAX}`,
    );
  }
  const records: T[] = [];
  for (let i = 0; i < count; i++) records.push(readRecord(thrift, dictionary));
  return records;
}

function readAnnotation(thrift: ThriftReader, dictionary: Dictionary): ZipkinV1Annotation {
  let us = 0;
  let value = 0;
  let host: ZipkinV1Endpoint | undefined;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === ANNOTATION_TIME) us = thrift.readLong();
    else if (field === ANNOTATION_VALUE) value = intern(thrift, dictionary);
    else if (field === ANNOTATION_HOST) host = readEndpoint(thrift, dictionary);
    else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  return { us, value, host };
}

function readBinaryAnnotation(
  thrift: ThriftReader,
  dictionary: Dictionary,
): ZipkinV1BinaryAnnotation {
  let key = 0;
  let value: Uint8Array = new Uint8Array(0);
  let type = TYPE_BOOL;
  let host: ZipkinV1Endpoint | undefined;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === BINARY_KEY) key = intern(thrift, dictionary);
    else if (field === BINARY_VALUE) {
      thrift.readBinary();
      value = thrift.bytes.subarray(thrift.start, thrift.end);
    } else if (field === BINARY_TYPE) type = thrift.readI32();
    else if (field === BINARY_HOST) host = readEndpoint(thrift, dictionary);
    else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  return { key, host, ...readValue(type, value, dictionary) };
}

/** The value by its type, numbers big endian as in the binary protocol. */
function readValue(
  type: number,
  bytes: Uint8Array,
  dictionary: Dictionary,
): Pick<ZipkinV1BinaryAnnotation, "type" | "low" | "high" | "double"> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const int = (low: number, high: number) => ({
    type: INT,
    low: low >>> 0,
    high: high >>> 0,
    double: 0,
  });
  if (type === TYPE_BOOL) {
    const isTrue = bytes.length === 1 && bytes[0] === 1;
    return { type: BOOL_VALUE, low: isTrue ? 1 : 0, high: 0, double: 0 };
  }
  if (type === TYPE_I16 && bytes.length === 2) {
    return int(view.getInt16(0), view.getInt16(0) >> 31);
  }
  if (type === TYPE_I32 && bytes.length === 4) {
    return int(view.getInt32(0), view.getInt32(0) >> 31);
  }
  if (type === TYPE_I64 && bytes.length === 8) return int(view.getInt32(4), view.getInt32(0));
  if (type === TYPE_DOUBLE && bytes.length === 8) {
    return { type: DOUBLE, low: 0, high: 0, double: view.getFloat64(0) };
  }
  const low = dictionary.intern(bytes, 0, bytes.length);
  return { type: type === TYPE_STRING ? STRING : BYTES, low, high: 0, double: 0 };
}

function readEndpoint(thrift: ThriftReader, dictionary: Dictionary): ZipkinV1Endpoint {
  let ipv4 = 0;
  let port = 0;
  let service = 0;
  let ipv6 = 0;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === HOST_IPV4) ipv4 = internIpv4(thrift.readI32(), dictionary);
    else if (field === HOST_PORT) port = thrift.readI16() & 0xffff;
    else if (field === HOST_SERVICE) service = intern(thrift, dictionary);
    else if (field === HOST_IPV6) {
      thrift.readBinary();
      const text = printIp(thrift.bytes.subarray(thrift.start, thrift.end));
      ipv6 = text === undefined ? 0 : dictionary.internText(text);
    } else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  return { service, ipv4, ipv6, port };
}

/** 0 is no address. */
function internIpv4(ip: number, dictionary: Dictionary): number {
  if (ip === 0) return 0;
  const text = `${ip >>> 24}.${(ip >> 16) & 0xff}.${(ip >> 8) & 0xff}.${ip & 0xff}`;
  return dictionary.internText(text);
}

function intern(thrift: ThriftReader, dictionary: Dictionary): number {
  thrift.readBinary();
  return dictionary.intern(thrift.bytes, thrift.start, thrift.end);
}
