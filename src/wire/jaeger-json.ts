// The JSON of one trace as Jaeger's UI and API have it: `data[i]` of /api/traces.
//
//   {"traceID":"…","spans":[span, …],"processes":{"p1":process, …},"warnings":null}
//   span      {"traceID","spanID","flags"?,"operationName","references":[…],"startTime":µs,
//              "duration":µs,"tags":[tag, …],"logs":[…],"processID":"p1","warnings":null|[…]}
//   reference {"refType":"CHILD_OF"|"FOLLOWS_FROM","traceID","spanID"}
//   tag       {"key","type":"string"|"bool"|"int64"|"float64"|"binary","value"}
//   log       {"timestamp":µs,"fields":[tag, …]}
//   process   {"serviceName","tags":[tag, …]}
//
// Written as it is visited, as bytes: no object and no string per span or tag.
// Ids are lower-case hex with all zeros, trace ids of 16 digits when the high half is zero. An int64
// that a JavaScript number cannot hold is a string, bytes are base64, a float64 that JSON has no
// number for is a string. Processes are numbered in order of first use; equal ones share a number.
//
// Source: Jaeger v1.76 internal/uimodel (model.go, converter/v1/json/from_domain.go).
// Trust: strings may be anything: what is not UTF-8 becomes U+FFFD.
// Not here: the envelope around it, the order of spans and the adjusting (query/).

import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  MAP,
  STRING,
} from "../model/attribute-table.ts";
import { hashBytes } from "../model/dictionary.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { printAnyValues, printDouble, printInt64 } from "./any-value-text.ts";
import { printBase64 } from "./base64-text.ts";
import {
  COLUMN_KEYS,
  CONSTANT_TAGS,
  type ConstantTag,
  isZero,
  type JaegerReferenceVisitor,
  type JaegerTagVisitor,
  JaegerView,
  NO_SERVICE_NAME,
} from "./jaeger-view.ts";
import { JsonBytes, makePiece } from "./json-bytes.ts";
import { JsonIndenter, indentJson } from "./json-indent.ts";

export interface JaegerTraceOptions {
  /** On lines, four spaces a level. */
  readonly prettyPrint?: boolean;
  /** By row, shown after the warnings that the span has as an attribute. */
  readonly warnings?: ReadonlyMap<number, readonly string[]>;
  /** Warnings of the trace as a whole. */
  readonly traceWarnings?: readonly string[];
}

/** Text after which a piece ends: under a millisecond of writing, few pieces an answer. */
const PIECE_BYTES = 1 << 17;

/**
 * Writes all rows of `batch`, in their order, as one trace; its id is that of the first row.
 *
 * @throws SpoorError `unsupported` if the text would be longer than JSON_BYTES_MAX.
 * Cost: about 2 µs a span with 15 tags.
 */
export function writeJaegerTrace(batch: SpanBatch, options: JaegerTraceOptions = {}): string {
  const out = new JsonBytes();
  new TraceWriter(batch, out, new JsonBytes()).write(options, Infinity).next();
  const text = out.text();
  return options.prettyPrint === true ? indentJson(text) : text;
}

/**
 * As `writeJaegerTrace`, as UTF-8 in pieces of some hundred kB, each whole spans: a big trace is
 * never held as text, and between two pieces others may have their turn.
 *
 * @throws SpoorError `unsupported` if one span is longer than JSON_BYTES_MAX.
 */
export function* writeJaegerTracePieces(
  batch: SpanBatch,
  options: JaegerTraceOptions = {},
): Generator<Uint8Array, void, undefined> {
  const writer = new JaegerTraceWriter();
  const indenter = options.prettyPrint === true ? new JsonIndenter() : undefined;
  for (const piece of writer.write(batch, options)) yield indenter?.indent(piece) ?? piece;
  const rest = writer.take();
  yield indenter?.indent(rest) ?? rest;
}

/** Writes traces one after the other, and text between them, into pieces of one size. */
export class JaegerTraceWriter {
  readonly #out = new JsonBytes();
  readonly #processes = new JsonBytes();

  /** Text without a character above U+007F, as it is. */
  ascii(text: string): void {
    this.#out.ascii(text);
  }

  /**
   * Writes a trace as `writeJaegerTrace` does.
   *
   * @returns pieces that are full, each the caller's to keep; what is left waits for more.
   * @throws SpoorError `unsupported` if one span is longer than JSON_BYTES_MAX.
   */
  write(
    batch: SpanBatch,
    options: JaegerTraceOptions = {},
  ): Generator<Uint8Array, void, undefined> {
    return new TraceWriter(batch, this.#out, this.#processes).write(options, PIECE_BYTES);
  }

  /** What was written and is in no piece yet. */
  take(): Uint8Array {
    return this.#out.take();
  }
}

/** JSON's name of an attribute's type. */
const TYPE_NAMES: readonly string[] = [];
setTypeName(EMPTY, "string");
setTypeName(STRING, "string");
setTypeName(BOOL, "bool");
setTypeName(INT, "int64");
setTypeName(DOUBLE, "float64");
setTypeName(BYTES, "binary");
setTypeName(ARRAY, "string");
setTypeName(MAP, "string");

function setTypeName(type: number, name: string): void {
  (TYPE_NAMES as string[])[type] = name;
}

const COLUMNS = COLUMN_KEYS.map((key) =>
  makePiece(`{"key":${JSON.stringify(key)},"type":"string","value":`),
);
const CONSTANTS = CONSTANT_TAGS.map(({ key, value }) => {
  const type = value === true ? "bool" : "string";
  return makePiece(`${JSON.stringify({ key, type, value })},`);
});
/** By type: what stands between a tag's key and its value. */
const TYPES = TYPE_NAMES.map((name) => makePiece(`,"type":"${name}","value":`));

const TAG = makePiece('{"key":');
const TAG_END = makePiece("},");
const SPAN = makePiece('{"traceID":"');
const SPAN_ID = makePiece('","spanID":"');
const FLAGS = makePiece('","flags":');
const FLAGS_NAME = makePiece(',"operationName":');
const NAME = makePiece('","operationName":');
const REFERENCES = makePiece(',"references":[');
const CHILD_OF = makePiece('{"refType":"CHILD_OF","traceID":"');
const FOLLOWS_FROM = makePiece('{"refType":"FOLLOWS_FROM","traceID":"');
const REFERENCE_END = makePiece('"},');
const START = makePiece('],"startTime":');
const DURATION = makePiece(',"duration":');
const TAGS = makePiece(',"tags":[');
const LOGS = makePiece('],"logs":[');
const LOG = makePiece('{"timestamp":');
const FIELDS = makePiece(',"fields":[');
const LIST_END = makePiece("]},");
const PROCESS_ID = makePiece('],"processID":"p');
const WARNINGS = makePiece('","warnings":');
const NULL = makePiece("null");

const encoder = new TextEncoder();

/** Each item of a list is written with a comma behind it; the last one's is taken back. */
class TraceWriter implements JaegerTagVisitor, JaegerReferenceVisitor {
  readonly #batch: SpanBatch;
  readonly #view: JaegerView;
  readonly #out: JsonBytes;
  /** By resource: the number of its process, 0 = not written yet. */
  readonly #processOf: Uint32Array;
  /** `"p1":{…},"p2":{…},` */
  readonly #processes: JsonBytes;
  /** By number of the process: where its object lies in `#processes`. */
  readonly #processStart: number[] = [0];
  readonly #processEnd: number[] = [0];
  /** Hash of an object's bytes to the processes that have it. */
  readonly #processesByHash = new Map<number, number[]>();

  /** @param processes a buffer for them, until the spans are written. */
  constructor(batch: SpanBatch, out: JsonBytes, processes: JsonBytes) {
    this.#batch = batch;
    this.#view = new JaegerView(batch);
    this.#out = out;
    this.#processOf = new Uint32Array(batch.resources);
    this.#processes = processes;
    processes.cut(0);
    out.begin(batch.dictionary);
  }

  /** @returns whole spans, at least `pieceBytes` with what was there before; the rest stays. */
  *write(options: JaegerTraceOptions, pieceBytes: number): Generator<Uint8Array, void, undefined> {
    const { traceWarnings = NONE, warnings } = options;
    const batch = this.#batch;
    const out = this.#out;
    out.raw(SPAN);
    if (batch.rows > 0) this.#traceId(batch.traceId, 0);
    out.ascii('","spans":[');
    for (let row = 0; row < batch.rows; row++) {
      if (row > 0) out.ascii(",");
      this.#span(row, warnings?.get(row) ?? NONE);
      if (out.length >= pieceBytes) yield out.take();
    }
    out.ascii('],"processes":{');
    const processes = this.#processes.bytes();
    out.append(processes.subarray(0, Math.max(0, processes.length - 1)));
    out.ascii('},"warnings":');
    this.#warnings(traceWarnings, NONE);
    out.ascii("}");
  }

  attribute(table: AttributeTable, at: number): void {
    const out = this.#out;
    const type = table.type[at]!;
    out.raw(TAG);
    out.entry(table.key[at]!);
    out.raw(TYPES[type]!);
    if (type === STRING) out.entry(table.words[2 * at]!);
    else this.#value(table, at);
    out.raw(TAG_END);
  }

  column(column: number, value: number): void {
    this.#out.raw(COLUMNS[column]!);
    this.#out.entry(value);
    this.#out.raw(TAG_END);
  }

  constant(tag: ConstantTag): void {
    this.#out.raw(CONSTANTS[tag.index]!);
  }

  reference(
    traceIds: Uint8Array,
    traceAt: number,
    spanIds: Uint8Array,
    spanAt: number,
    isFollowsFrom: boolean,
  ): void {
    const out = this.#out;
    out.raw(isFollowsFrom ? FOLLOWS_FROM : CHILD_OF);
    this.#traceId(traceIds, traceAt);
    out.raw(SPAN_ID);
    out.hex(spanIds, spanAt, 8);
    out.raw(REFERENCE_END);
  }

  #span(row: number, more: readonly string[]): void {
    const batch = this.#batch;
    const view = this.#view;
    const out = this.#out;
    const resource = batch.resource[row]!;
    const process = this.#processOf[resource]! || this.#addProcess(resource);
    out.raw(SPAN);
    this.#traceId(batch.traceId, 16 * row);
    out.raw(SPAN_ID);
    out.hex(batch.spanId, 8 * row, 8);
    const flags = view.flags(row);
    if (flags === 0) {
      out.raw(NAME);
    } else {
      out.raw(FLAGS);
      out.int(flags);
      out.raw(FLAGS_NAME);
    }
    out.entry(batch.name[row]!);
    out.raw(REFERENCES);
    let mark = out.length;
    view.visitReferences(row, this);
    this.#endList(mark);
    out.raw(START);
    out.int(batch.startUs[row]!);
    out.raw(DURATION);
    out.int(Math.trunc(batch.durationNs[row]! / 1000));
    out.raw(TAGS);
    mark = out.length;
    view.visitTags(row, this);
    this.#endList(mark);
    out.raw(LOGS);
    mark = out.length;
    this.#logs(row);
    this.#endList(mark);
    out.raw(PROCESS_ID);
    out.int(process);
    out.raw(WARNINGS);
    this.#warnings(view.warnings(row), more);
    out.ascii("}");
  }

  #logs(row: number): void {
    const batch = this.#batch;
    const out = this.#out;
    const end = batch.eventStart[row + 1]!;
    for (let event = batch.eventStart[row]!; event < end; event++) {
      out.raw(LOG);
      out.int(batch.eventUs[event]!);
      out.raw(FIELDS);
      const mark = out.length;
      this.#view.visitLogFields(event, this);
      this.#endList(mark);
      out.raw(LIST_END);
    }
  }

  /** Writes the process of a resource, unless there is an equal one. @returns its number. */
  #addProcess(resource: number): number {
    const out = this.#out;
    const start = out.length;
    const service = this.#view.serviceName(resource);
    out.ascii('{"serviceName":');
    if (service < 0) out.quote(NO_SERVICE_NAME);
    else out.entry(service);
    out.raw(TAGS);
    const mark = out.length;
    this.#view.visitProcessTags(resource, this);
    this.#endList(mark);
    out.ascii("]}");
    const number = this.#findProcess(out.bytes(start));
    out.cut(start);
    this.#processOf[resource] = number;
    return number;
  }

  #findProcess(object: Uint8Array): number {
    const hash = hashBytes(object, 0, object.length);
    const alike = this.#processesByHash.get(hash) ?? [];
    for (const number of alike) if (this.#isProcess(number, object)) return number;
    const number = this.#processStart.length;
    const processes = this.#processes;
    processes.ascii(`"p${number}":`);
    this.#processStart.push(processes.length);
    processes.append(object);
    this.#processEnd.push(processes.length);
    processes.ascii(",");
    this.#processesByHash.set(hash, [...alike, number]);
    return number;
  }

  #isProcess(number: number, object: Uint8Array): boolean {
    const start = this.#processStart[number]!;
    if (this.#processEnd[number]! - start !== object.length) return false;
    const known = this.#processes.bytes(start);
    for (let at = 0; at < object.length; at++) if (known[at] !== object[at]) return false;
    return true;
  }

  /** Takes the comma behind the last item back, if there is an item. */
  #endList(mark: number): void {
    const end = this.#out.length;
    if (end > mark) this.#out.cut(end - 1);
  }

  #value(table: AttributeTable, at: number): void {
    const out = this.#out;
    const type = table.type[at]!;
    const low = table.words[2 * at]!;
    switch (type) {
      case BOOL:
        out.ascii(low === 0 ? "false" : "true");
        break;
      case INT:
        this.#int(low, table.words[2 * at + 1]!);
        break;
      case DOUBLE:
        out.ascii(printDouble(table.doubles[at]!));
        break;
      case BYTES:
        out.ascii(`"${printBase64(this.#batch.dictionary.bytes(low))}"`);
        break;
      case ARRAY:
      case MAP:
        out.quote(printAnyValues(type, this.#batch.dictionary.bytes(low)));
        break;
      default:
        out.ascii('""');
    }
  }

  /** A number, or a string if a JavaScript number would round it. */
  #int(low: number, high: number): void {
    const value = (high | 0) * 0x1_0000_0000 + low;
    if (Number.isSafeInteger(value)) this.#out.int(value);
    else this.#out.ascii(`"${printInt64(low, high)}"`);
  }

  /** 16 digits when the high half is zero, else 32. */
  #traceId(bytes: Uint8Array, at: number): void {
    if (isZero(bytes, at, 8)) this.#out.hex(bytes, at + 8, 8);
    else this.#out.hex(bytes, at, 16);
  }

  #warnings(own: readonly string[], more: readonly string[]): void {
    if (own.length + more.length === 0) this.#out.raw(NULL);
    else this.#out.append(encoder.encode(JSON.stringify([...own, ...more])));
  }
}

const NONE: readonly string[] = [];
