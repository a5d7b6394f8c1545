// jaeger.thrift `Batch`: what Jaeger clients send, in the binary or the compact protocol.
//
//   arguments  1 Batch, of emitBatch   1 list<Batch>, of submitBatches
//   Batch    1 process   2 spans      3 seqNo i64   4 stats
//   Process  1 serviceName            2 tags
//   Span     1 traceIdLow 2 traceIdHigh 3 spanId 4 parentSpanId i64   5 operationName
//            6 references   7 flags i32   8 startTime, 9 duration i64 µs   10 tags   11 logs
//   SpanRef  1 refType (0 child of, 1 follows from)   2 traceIdLow 3 traceIdHigh 4 spanId
//   Tag      1 key   2 vType   3 vStr   4 vDouble   5 vBool   6 vLong   7 vBinary
//   Log      1 timestamp i64 µs   2 fields
//   Stats    1 fullQueueDroppedSpans 2 tooLargeDroppedSpans 3 failedToEmitSpans i64
//
// Straight into columns: no object, BigInt or string per span or tag. Tags that are columns of a
// SpanBatch are moved there by jaeger-tags.ts.
//
// Source: jaeger-idl v0.14 thrift/jaeger.thrift, agent.thrift. Trust: thrift-reader.ts; a struct
// without what makes it one (the ids and start of a span, the key of a tag) is refused, as Jaeger
// does, which also bounds the columns that a payload can fill. Other fields may be missing.
// Not here: Zipkin's spans in Thrift (zipkin-thrift.ts).

import {
  type AttributeTable,
  BOOL as BOOL_VALUE,
  BYTES,
  STRING,
} from "../model/attribute-table.ts";
import { ORIGIN_JAEGER_THRIFT, type SpanBatch } from "../model/span-batch.ts";
import { AttributeInterner } from "./attribute-interner.ts";
import { JaegerTags } from "./jaeger-tags.ts";
import { ThriftBinaryReader } from "./thrift-binary.ts";
import {
  BINARY,
  BOOL,
  DOUBLE,
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

const ARGUMENT_BATCH = fieldKey(1, STRUCT);
const ARGUMENT_BATCHES = fieldKey(1, LIST);

const BATCH_PROCESS = fieldKey(1, STRUCT);
const BATCH_SPANS = fieldKey(2, LIST);
const BATCH_SEQUENCE = fieldKey(3, I64);
const BATCH_STATS = fieldKey(4, STRUCT);

const STATS_QUEUE_FULL = fieldKey(1, I64);
const STATS_TOO_LARGE = fieldKey(2, I64);
const STATS_FAILED = fieldKey(3, I64);

const PROCESS_SERVICE = fieldKey(1, BINARY);
const PROCESS_TAGS = fieldKey(2, LIST);

const SPAN_TRACE_LOW = fieldKey(1, I64);
const SPAN_TRACE_HIGH = fieldKey(2, I64);
const SPAN_ID = fieldKey(3, I64);
const SPAN_PARENT = fieldKey(4, I64);
const SPAN_NAME = fieldKey(5, BINARY);
const SPAN_REFERENCES = fieldKey(6, LIST);
const SPAN_FLAGS = fieldKey(7, I32);
const SPAN_START = fieldKey(8, I64);
const SPAN_DURATION = fieldKey(9, I64);
const SPAN_TAGS = fieldKey(10, LIST);
const SPAN_LOGS = fieldKey(11, LIST);

const REFERENCE_TYPE = fieldKey(1, I32);
const REFERENCE_TRACE_LOW = fieldKey(2, I64);
const REFERENCE_TRACE_HIGH = fieldKey(3, I64);
const REFERENCE_SPAN = fieldKey(4, I64);

const TAG_KEY = fieldKey(1, BINARY);
const TAG_TYPE = fieldKey(2, I32);
const TAG_STRING = fieldKey(3, BINARY);
const TAG_DOUBLE = fieldKey(4, DOUBLE);
const TAG_BOOL = fieldKey(5, BOOL);
const TAG_LONG = fieldKey(6, I64);
const TAG_BINARY = fieldKey(7, BINARY);

const LOG_TIME = fieldKey(1, I64);
const LOG_FIELDS = fieldKey(2, LIST);

// TagType; not in the order of api_v2's ValueType.
const TYPE_STRING = 0;
const TYPE_DOUBLE = 1;
const TYPE_BOOL = 2;
const TYPE_LONG = 3;
const TYPE_BINARY = 4;

const FOLLOWS_FROM = 1;

const interner = new AttributeInterner();

/** What a batch says of its sender beside the spans. */
export interface JaegerSender {
  /** Grows by one a batch, so that gaps show what was lost on the way; undefined if not told. */
  readonly sequence: number | undefined;
  readonly stats: JaegerClientStats | undefined;
}

/** Spans that the client lost since it started. */
export interface JaegerClientStats {
  readonly queueFull: number;
  readonly tooLarge: number;
  readonly failedToSend: number;
}

/**
 * Appends the spans of a bare `Batch` struct in the binary protocol, the body of
 * `POST /api/traces`. Bytes after the struct are ignored, as by Jaeger.
 *
 * @throws SpoorError `bad-input` with the offset; the batch then holds half of it.
 */
export function readJaegerBatch(payload: Uint8Array, batch: SpanBatch): JaegerSender {
  return readBatch(new ThriftBinaryReader(payload, 0), new JaegerTags(batch));
}

/**
 * Appends the spans of the arguments of `submitBatches(1: list<Batch>)`, a struct in the binary
 * protocol: what a TChannel call carries. Bytes after the struct are ignored.
 *
 * @returns the number of batches.
 * @throws SpoorError `bad-input` with the offset; the batch then holds a part of it.
 */
export function readSubmitBatches(payload: Uint8Array, batch: SpanBatch): number {
  const thrift = new ThriftBinaryReader(payload, 0);
  const tags = new JaegerTags(batch);
  let count = -1;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === ARGUMENT_BATCHES && count < 0) {
      count = readListOf(thrift, STRUCT);
      for (let i = 0; i < count; i++) readBatch(thrift, tags);
    } else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  if (count < 0) refuseThrift(payload, thrift.at, "arguments without a list of batches");
  return count;
}

/** Appends the spans of the arguments of `emitBatch(1: Batch)`, before which `thrift` stands. */
export function readEmitBatch(thrift: ThriftReader, batch: SpanBatch): JaegerSender {
  let sender: JaegerSender | undefined;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === ARGUMENT_BATCH && sender === undefined) {
      sender = readBatch(thrift, new JaegerTags(batch));
    } else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  return sender ?? refuseThrift(thrift.bytes, thrift.at, "arguments without a batch");
}

function readBatch(thrift: ThriftReader, tags: JaegerTags): JaegerSender {
  const resource = tags.batch.openResource();
  let sequence: number | undefined;
  let stats: JaegerClientStats | undefined;
  let hasProcess = false;
  let hasSpans = false;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    switch (field) {
      case BATCH_PROCESS:
        readProcess(thrift, tags, resource);
        hasProcess = true;
        break;
      case BATCH_SPANS: {
        const count = readListOf(thrift, STRUCT);
        for (let i = 0; i < count; i++) readSpan(thrift, tags, resource);
        hasSpans = true;
        break;
      }
      case BATCH_SEQUENCE:
        sequence = thrift.readLong();
        break;
      case BATCH_STATS:
        stats = readStats(thrift);
        break;
      default:
        skipField(thrift, field);
    }
  }
  thrift.endStruct(outer);
  if (!hasProcess) refuseThrift(thrift.bytes, thrift.at, "batch without a process");
  if (!hasSpans) refuseThrift(thrift.bytes, thrift.at, "batch without a list of spans");
  return { sequence, stats };
}

function readStats(thrift: ThriftReader): JaegerClientStats {
  let queueFull = 0;
  let tooLarge = 0;
  let failedToSend = 0;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === STATS_QUEUE_FULL) queueFull = thrift.readLong();
    else if (field === STATS_TOO_LARGE) tooLarge = thrift.readLong();
    else if (field === STATS_FAILED) failedToSend = thrift.readLong();
    else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  return { queueFull, tooLarge, failedToSend };
}

function readProcess(thrift: ThriftReader, tags: JaegerTags, resource: number): void {
  const batch = tags.batch;
  const table = batch.resourceAttributes;
  // The first attribute is kept for the service name, whatever the order of the fields.
  table.count = batch.resourceAttributeStart[resource]!;
  table.add(tags.serviceKey, STRING, 0);
  let service = 0;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === PROCESS_SERVICE) service = intern(thrift, batch);
    else if (field === PROCESS_TAGS) readTags(thrift, batch, table);
    else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  table.replace(batch.resourceAttributeStart[resource]!, STRING, service);
  batch.closeResource(resource);
}

/** What a span must have: low half of the trace id, span id, start. */
const SPAN_NEEDS = 0b111;

function readSpan(thrift: ThriftReader, tags: JaegerTags, resource: number): void {
  const batch = tags.batch;
  const offset = thrift.at;
  const row = batch.openRow(resource, tags.noScope);
  batch.origin[row] = ORIGIN_JAEGER_THRIFT;
  let has = 0;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    switch (field) {
      case SPAN_TRACE_LOW:
        thrift.copyI64(batch.traceId, 16 * row + 8);
        has |= 0b001;
        break;
      case SPAN_TRACE_HIGH:
        thrift.copyI64(batch.traceId, 16 * row);
        break;
      case SPAN_ID:
        thrift.copyI64(batch.spanId, 8 * row);
        has |= 0b010;
        break;
      case SPAN_PARENT:
        thrift.copyI64(batch.parentSpanId, 8 * row);
        break;
      case SPAN_NAME:
        batch.name[row] = intern(thrift, batch);
        break;
      case SPAN_REFERENCES: {
        const count = readListOf(thrift, STRUCT);
        for (let i = 0; i < count; i++) readReference(thrift, tags, row);
        break;
      }
      case SPAN_FLAGS:
        batch.flags[row] = thrift.readI32();
        break;
      case SPAN_START:
        batch.startUs[row] = thrift.readLong();
        has |= 0b100;
        break;
      case SPAN_DURATION:
        batch.durationNs[row] = thrift.readLong() * 1000;
        break;
      case SPAN_TAGS:
        readTags(thrift, batch, batch.spanAttributes);
        break;
      case SPAN_LOGS: {
        const count = readListOf(thrift, STRUCT);
        for (let i = 0; i < count; i++) readLog(thrift, tags);
        break;
      }
      default:
        skipField(thrift, field);
    }
  }
  thrift.endStruct(outer);
  if (has !== SPAN_NEEDS) {
    refuseThrift(thrift.bytes, offset, "span without trace id, span id or start");
  }
  tags.settleSpan(row);
  batch.closeRow();
}

function readReference(thrift: ThriftReader, tags: JaegerTags, row: number): void {
  const batch = tags.batch;
  const offset = thrift.at;
  const link = batch.openLink();
  let type = 0;
  let has = 0;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    switch (field) {
      case REFERENCE_TYPE:
        type = thrift.readI32();
        break;
      case REFERENCE_TRACE_LOW:
        thrift.copyI64(batch.linkTraceId, 16 * link + 8);
        has |= 0b01;
        break;
      case REFERENCE_TRACE_HIGH:
        thrift.copyI64(batch.linkTraceId, 16 * link);
        break;
      case REFERENCE_SPAN:
        thrift.copyI64(batch.linkSpanId, 8 * link);
        has |= 0b10;
        break;
      default:
        skipField(thrift, field);
    }
  }
  thrift.endStruct(outer);
  if (has !== 0b11) refuseThrift(thrift.bytes, offset, "reference without trace id or span id");
  tags.closeReference(row, type === FOLLOWS_FROM);
}

function readLog(thrift: ThriftReader, tags: JaegerTags): void {
  const batch = tags.batch;
  const offset = thrift.at;
  const event = batch.openEvent();
  let hasTime = false;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === LOG_TIME) {
      batch.eventUs[event] = thrift.readLong();
      hasTime = true;
    } else if (field === LOG_FIELDS) {
      readTags(thrift, batch, batch.eventAttributes);
    } else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  if (!hasTime) refuseThrift(thrift.bytes, offset, "log without a timestamp");
  tags.settleEvent(event);
  batch.closeEvent();
}

function readTags(thrift: ThriftReader, batch: SpanBatch, table: AttributeTable): void {
  const count = readListOf(thrift, STRUCT);
  for (let i = 0; i < count; i++) {
    if (thrift.passUsualTag()) addUsualTag(thrift, batch, table);
    else readTag(thrift, batch, table);
  }
}

function addUsualTag(thrift: ThriftReader, batch: SpanBatch, table: AttributeTable): void {
  const { dictionary } = batch;
  const { bytes, tagType } = thrift;
  const key = interner.internKey(dictionary, bytes, thrift.keyStart, thrift.keyEnd);
  if (tagType === TYPE_STRING) {
    const value = interner.internValue(dictionary, key, bytes, thrift.start, thrift.end);
    table.add(key, STRING, value);
  } else if (tagType === TYPE_LONG) table.addInt(key, thrift.low, thrift.high);
  else table.add(key, BOOL_VALUE, thrift.low);
}

/** The value counts that the type names, wherever it stands; a missing one is zero or empty. */
function readTag(thrift: ThriftReader, batch: SpanBatch, table: AttributeTable): void {
  const dictionary = batch.dictionary;
  const offset = thrift.at;
  let key = -1;
  let type = TYPE_STRING;
  let start = 0;
  let end = 0;
  let binaryStart = 0;
  let binaryEnd = 0;
  let low = 0;
  let high = 0;
  let double = 0;
  let bool = false;
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    switch (field) {
      case TAG_KEY:
        thrift.readBinary();
        key = interner.internKey(dictionary, thrift.bytes, thrift.start, thrift.end);
        break;
      case TAG_TYPE:
        type = thrift.readI32();
        break;
      case TAG_STRING:
        thrift.readBinary();
        ({ start, end } = thrift);
        break;
      case TAG_DOUBLE:
        double = thrift.readDouble();
        break;
      case TAG_BOOL:
        bool = thrift.readBool();
        break;
      case TAG_LONG:
        thrift.readI64();
        ({ low, high } = thrift);
        break;
      case TAG_BINARY:
        thrift.readBinary();
        ({ start: binaryStart, end: binaryEnd } = thrift);
        break;
      default:
        skipField(thrift, field);
    }
  }
  thrift.endStruct(outer);
  if (key < 0) refuseThrift(thrift.bytes, offset, "tag without a key");
  switch (type) {
    case TYPE_STRING:
      table.add(key, STRING, interner.internValue(dictionary, key, thrift.bytes, start, end));
      return;
    case TYPE_DOUBLE:
      table.addDouble(key, double);
      return;
    case TYPE_BOOL:
      table.add(key, BOOL_VALUE, bool ? 1 : 0);
      return;
    case TYPE_LONG:
      table.addInt(key, low, high);
      return;
    case TYPE_BINARY:
      table.add(key, BYTES, dictionary.intern(thrift.bytes, binaryStart, binaryEnd));
      return;
    default:
      table.add(key, STRING, dictionary.internText(`<Unknown Jaeger TagType ${type}>`));
  }
}

function intern(thrift: ThriftReader, batch: SpanBatch): number {
  thrift.readBinary();
  return batch.dictionary.intern(thrift.bytes, thrift.start, thrift.end);
}
