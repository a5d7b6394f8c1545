// Jaeger's api_v2 out: rows of a batch as the chunk of a stream of spans, or as what a collector takes.
//
//   SpansResponseChunk { 1 Span* }         each span with its process, for the chunks of one trace
//                                          stand alone; fields of a Span: jaeger-proto.ts
//   PostSpansRequest { 1 Batch { 1 Span*, 2 Process } }     a span's own process goes before the
//                                          batch's; the tag @jaeger@format is a reader's to add
//
// What is shown as a tag, a reference or a warning is decided by jaeger-view.ts, as for the UI JSON.
//
// Source: jaeger-idl v0.14 proto/api_v2 query.proto, model.proto.
// Trust: stored strings and times may be anything, but peers refuse a whole message for one string
// that is not UTF-8 or a time they cannot hold: such bytes become U+FFFD, such times the nearest one.
// Not here: how many spans a chunk has (query/), reading (jaeger-proto.ts).

import {
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  STRING,
} from "../model/attribute-table.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { printAnyValues } from "./any-value-text.ts";
import {
  COLUMN_KEYS,
  CONSTANT_TAGS,
  type ConstantTag,
  type JaegerReferenceVisitor,
  type JaegerTagVisitor,
  JaegerView,
  NO_SERVICE_NAME,
} from "./jaeger-view.ts";
import { LENGTH, FIXED64, VARINT, fieldTag } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

const CHUNK_SPAN = fieldTag(1, LENGTH);

const REQUEST_BATCH = fieldTag(1, LENGTH);
const BATCH_SPAN = fieldTag(1, LENGTH);
const BATCH_PROCESS = fieldTag(2, LENGTH);

const SPAN_TRACE_ID = fieldTag(1, LENGTH);
const SPAN_ID = fieldTag(2, LENGTH);
const SPAN_NAME = fieldTag(3, LENGTH);
const SPAN_REFERENCE = fieldTag(4, LENGTH);
const SPAN_FLAGS = fieldTag(5, VARINT);
const SPAN_START = fieldTag(6, LENGTH);
const SPAN_DURATION = fieldTag(7, LENGTH);
const SPAN_TAG = fieldTag(8, LENGTH);
const SPAN_LOG = fieldTag(9, LENGTH);
const SPAN_PROCESS = fieldTag(10, LENGTH);
const SPAN_WARNING = fieldTag(12, LENGTH);

const REFERENCE_TRACE_ID = fieldTag(1, LENGTH);
const REFERENCE_SPAN_ID = fieldTag(2, LENGTH);
const REFERENCE_TYPE = fieldTag(3, VARINT);

const LOG_TIME = fieldTag(1, LENGTH);
const LOG_FIELD = fieldTag(2, LENGTH);

const PROCESS_SERVICE = fieldTag(1, LENGTH);
const PROCESS_TAG = fieldTag(2, LENGTH);

const TAG_KEY = fieldTag(1, LENGTH);
const TAG_TYPE = fieldTag(2, VARINT);
const TAG_STRING = fieldTag(3, LENGTH);
const TAG_BOOL = fieldTag(4, VARINT);
const TAG_INT = fieldTag(5, VARINT);
const TAG_DOUBLE = fieldTag(6, FIXED64);
const TAG_BINARY = fieldTag(7, LENGTH);

const TYPE_BOOL = 1;
const TYPE_INT = 2;
const TYPE_DOUBLE = 3;
const TYPE_BINARY = 4;

const FOLLOWS_FROM = 1;

const FORMAT_KEY = "@jaeger@format";

const SECONDS = fieldTag(1, VARINT);
const NANOS = fieldTag(2, VARINT);

/** The years 1 to 9999, which is all that a Timestamp may say. */
const TIME_SECONDS_MIN = -62_135_596_800;
const TIME_SECONDS_MAX = 253_402_300_799;
/** Go holds a Duration in 64 bits of ns. */
const DURATION_SECONDS_MAX = 9_223_372_035;

const CONSTANTS = CONSTANT_TAGS.map(encodeConstant);
const COLUMNS = COLUMN_KEYS.map((key) => new TextEncoder().encode(key));

function encodeConstant({ key, value }: ConstantTag): Uint8Array {
  const writer = new ProtobufWriter();
  writer.writeText(TAG_KEY, key);
  if (value === true) {
    writer.writeVarint(TAG_TYPE);
    writer.writeVarint(TYPE_BOOL);
    writer.writeVarint(TAG_BOOL);
    writer.writeVarint(1);
  } else {
    writer.writeText(TAG_STRING, value);
  }
  return writer.take();
}

/** Rows `[fromRow, toRow)` of `batch` as one `SpansResponseChunk`. */
export function writeApiV2Spans(batch: SpanBatch, fromRow: number, toRow: number): Uint8Array {
  return new ChunkWriter(batch).write(fromRow, toRow);
}

/** Of all PostSpansRequests: their memory is used again. */
const requestOut = new ProtobufWriter();

/**
 * The given rows of `batch` as one `PostSpansRequest`.
 *
 * @param process the resource of all of them, written once; -1: each span has its own.
 */
export function writePostSpans(
  batch: SpanBatch,
  rows: readonly number[],
  process: number,
): Uint8Array {
  requestOut.reset();
  return new ChunkWriter(batch, requestOut, false).writeRequest(rows, process);
}

class ChunkWriter implements JaegerTagVisitor, JaegerReferenceVisitor {
  readonly #batch: SpanBatch;
  readonly #view: JaegerView;
  readonly #out: ProtobufWriter;
  readonly #showsFormat: boolean;
  /** The field that the tags being visited belong to. */
  #tagField = SPAN_TAG;
  /** By resource: its process as it was written first. */
  readonly #processes: Map<number, Uint8Array> = new Map();

  constructor(batch: SpanBatch, out = new ProtobufWriter(), showsFormat = true) {
    this.#batch = batch;
    this.#view = new JaegerView(batch);
    this.#out = out;
    this.#showsFormat = showsFormat;
  }

  write(fromRow: number, toRow: number): Uint8Array {
    for (let row = fromRow; row < toRow; row++) this.#span(CHUNK_SPAN, row, true);
    return this.#out.take();
  }

  writeRequest(rows: readonly number[], process: number): Uint8Array {
    const mark = this.#out.open(REQUEST_BATCH);
    for (const row of rows) this.#span(BATCH_SPAN, row, process < 0);
    if (process >= 0) this.#process(BATCH_PROCESS, process);
    this.#out.close(mark);
    return this.#out.take();
  }

  attribute(table: AttributeTable, at: number): void {
    const out = this.#out;
    const word = table.words[2 * at]!;
    const mark = out.open(this.#tagField);
    this.#entry(TAG_KEY, table.key[at]!);
    switch (table.type[at]) {
      case EMPTY:
        break;
      case STRING:
        this.#entry(TAG_STRING, word);
        break;
      case BOOL:
        this.#type(TYPE_BOOL);
        this.#number(TAG_BOOL, word);
        break;
      case INT:
        this.#type(TYPE_INT);
        out.writeVarint(TAG_INT);
        out.writeVarint64(word, table.words[2 * at + 1]!);
        break;
      case DOUBLE:
        this.#type(TYPE_DOUBLE);
        out.writeVarint(TAG_DOUBLE);
        out.writeDouble(table.doubles[at]!);
        break;
      case BYTES:
        this.#type(TYPE_BINARY);
        out.writeBytes(TAG_BINARY, this.#batch.dictionary.bytes(word));
        break;
      default: {
        const bytes = this.#batch.dictionary.bytes(word);
        out.writeText(TAG_STRING, printAnyValues(table.type[at]!, bytes));
      }
    }
    out.close(mark);
  }

  column(column: number, value: number): void {
    const mark = this.#out.open(this.#tagField);
    this.#out.writeBytes(TAG_KEY, COLUMNS[column]!);
    this.#entry(TAG_STRING, value);
    this.#out.close(mark);
  }

  constant(tag: ConstantTag): void {
    if (!this.#showsFormat && tag.key === FORMAT_KEY) return;
    this.#out.writeBytes(this.#tagField, CONSTANTS[tag.index]!);
  }

  reference(
    traceIds: Uint8Array,
    traceAt: number,
    spanIds: Uint8Array,
    spanAt: number,
    isFollowsFrom: boolean,
  ): void {
    const out = this.#out;
    const mark = out.open(SPAN_REFERENCE);
    out.writeBytes(REFERENCE_TRACE_ID, traceIds, traceAt, traceAt + 16);
    out.writeBytes(REFERENCE_SPAN_ID, spanIds, spanAt, spanAt + 8);
    if (isFollowsFrom) this.#number(REFERENCE_TYPE, FOLLOWS_FROM);
    out.close(mark);
  }

  #span(field: number, row: number, withProcess: boolean): void {
    const batch = this.#batch;
    const out = this.#out;
    const mark = out.open(field);
    out.writeBytes(SPAN_TRACE_ID, batch.traceId, 16 * row, 16 * row + 16);
    out.writeBytes(SPAN_ID, batch.spanId, 8 * row, 8 * row + 8);
    this.#entry(SPAN_NAME, batch.name[row]!);
    this.#view.visitReferences(row, this);
    this.#number(SPAN_FLAGS, this.#view.flags(row));
    this.#time(SPAN_START, batch.startUs[row]!, batch.startRestNs[row]!);
    this.#duration(batch.durationNs[row]!);
    this.#tagField = SPAN_TAG;
    this.#view.visitTags(row, this);
    this.#tagField = LOG_FIELD;
    const eventEnd = batch.eventStart[row + 1]!;
    for (let event = batch.eventStart[row]!; event < eventEnd; event++) this.#log(event);
    if (withProcess) this.#process(SPAN_PROCESS, batch.resource[row]!);
    for (const warning of this.#view.warnings(row)) out.writeText(SPAN_WARNING, warning);
    out.close(mark);
  }

  #log(event: number): void {
    const mark = this.#out.open(SPAN_LOG);
    this.#time(LOG_TIME, this.#batch.eventUs[event]!, this.#batch.eventRestNs[event]!);
    this.#view.visitLogFields(event, this);
    this.#out.close(mark);
  }

  #process(field: number, resource: number): void {
    const out = this.#out;
    const known = this.#processes.get(resource);
    if (known !== undefined) {
      out.writeBytes(field, known);
      return;
    }
    const mark = out.open(field);
    const service = this.#view.serviceName(resource);
    if (service < 0) out.writeText(PROCESS_SERVICE, NO_SERVICE_NAME);
    else this.#entry(PROCESS_SERVICE, service);
    this.#tagField = PROCESS_TAG;
    this.#view.visitProcessTags(resource, this);
    const length = out.at - mark - 1;
    out.close(mark);
    this.#processes.set(resource, out.bytes.slice(out.at - length, out.at));
  }

  /** A string field: an entry of the dictionary; nothing if it is empty. */
  #entry(tag: number, entry: number): void {
    if (entry === 0) return;
    const { dictionary } = this.#batch;
    if (dictionary.isUtf8(entry)) {
      const start = dictionary.start(entry);
      this.#out.writeBytes(tag, dictionary.arena, start, start + dictionary.length(entry));
    } else {
      this.#out.writeText(tag, dictionary.text(entry));
    }
  }

  #type(type: number): void {
    this.#number(TAG_TYPE, type);
  }

  /** A varint field; nothing if it is 0. */
  #number(tag: number, value: number): void {
    if (value === 0) return;
    this.#out.writeVarint(tag);
    this.#out.writeVarint(value);
  }

  #time(tag: number, us: number, restNs: number): void {
    const seconds = Math.floor(us / 1e6);
    if (seconds < TIME_SECONDS_MIN) this.#secondsNanos(tag, TIME_SECONDS_MIN, 0);
    else if (seconds > TIME_SECONDS_MAX) this.#secondsNanos(tag, TIME_SECONDS_MAX, 999_999_999);
    else this.#secondsNanos(tag, seconds, (us - seconds * 1e6) * 1000 + restNs);
  }

  /** Both parts of a Duration have its sign. */
  #duration(ns: number): void {
    const seconds = Math.trunc(ns / 1e9);
    if (Math.abs(seconds) > DURATION_SECONDS_MAX) {
      this.#secondsNanos(SPAN_DURATION, Math.sign(ns) * DURATION_SECONDS_MAX, 0);
    } else {
      this.#secondsNanos(SPAN_DURATION, seconds, ns - seconds * 1e9);
    }
  }

  #secondsNanos(tag: number, seconds: number, nanos: number): void {
    const out = this.#out;
    const mark = out.open(tag);
    if (seconds !== 0) {
      out.writeVarint(SECONDS);
      out.writeInt64(seconds);
    }
    if (nanos !== 0) {
      out.writeVarint(NANOS);
      out.writeInt64(nanos);
    }
    out.close(mark);
  }
}
