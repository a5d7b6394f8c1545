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
import { JsonBytes } from "./json-bytes.ts";
import { JsonIndenter, indentJson } from "./json-indent.ts";

export interface JaegerTraceOptions {
  /** On lines, four spaces a level. */
  readonly prettyPrint?: boolean;
  /** By row, shown after the warnings that the span has as an attribute. */
  readonly warnings?: ReadonlyMap<number, readonly string[]>;
  /** Warnings of the trace as a whole. */
  readonly traceWarnings?: readonly string[];
}

/** Text after which a piece ends: some 2 ms of writing. */
const PIECE_BYTES = 1 << 18;

/**
 * Writes all rows of `batch`, in their order, as one trace; its id is that of the first row.
 *
 * @throws SpoorError `unsupported` if the text would be longer than JSON_BYTES_MAX.
 * Cost: about 3 µs a span with 15 tags.
 */
export function writeJaegerTrace(batch: SpanBatch, options: JaegerTraceOptions = {}): string {
  const out = new JsonBytes(batch.dictionary);
  new TraceWriter(batch, out).write(options, Infinity).next();
  const text = out.text();
  return options.prettyPrint === true ? indentJson(text) : text;
}

/**
 * As `writeJaegerTrace`, as UTF-8 in pieces of a few hundred kB, each whole spans: a big trace is
 * never held as text, and between two pieces others may have their turn.
 *
 * @throws SpoorError `unsupported` if one span is longer than JSON_BYTES_MAX.
 */
export function* writeJaegerTracePieces(
  batch: SpanBatch,
  options: JaegerTraceOptions = {},
): Generator<Uint8Array, void, undefined> {
  const writer = new TraceWriter(batch, new JsonBytes(batch.dictionary));
  const indenter = options.prettyPrint === true ? new JsonIndenter() : undefined;
  for (const piece of writer.write(options, PIECE_BYTES)) {
    yield indenter?.indent(piece) ?? piece.slice();
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

const encoder = new TextEncoder();
const CONSTANTS = CONSTANT_TAGS.map(({ key, value }) => {
  const type = value === true ? "bool" : "string";
  return encoder.encode(JSON.stringify({ key, type, value }));
});
const COLUMNS = COLUMN_KEYS.map((key) =>
  encoder.encode(`{"key":${JSON.stringify(key)},"type":"string","value":`),
);
const [COMMA, CLOSE, CLOSE_LIST] = [",", "}", "]}"].map((text) => encoder.encode(text)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

class TraceWriter implements JaegerTagVisitor, JaegerReferenceVisitor {
  readonly #batch: SpanBatch;
  readonly #view: JaegerView;
  readonly #out: JsonBytes;
  /** True if the next item is the first of its list. */
  #isFirst = true;
  /** By type, then by entry of the key: all of a tag up to its value. */
  readonly #heads: (Uint8Array | undefined)[][] = TYPE_NAMES.map(() => []);
  /** By resource: its `processID`. */
  readonly #processIds: (string | undefined)[] = [];
  /** Text of a process to its `processID`, in order of first use. */
  readonly #processes = new Map<string, string>();

  constructor(batch: SpanBatch, out: JsonBytes) {
    this.#batch = batch;
    this.#view = new JaegerView(batch);
    this.#out = out;
  }

  /** @returns views of whole spans, at least `pieceBytes` but for the last; valid until the next. */
  *write(options: JaegerTraceOptions, pieceBytes: number): Generator<Uint8Array, void, undefined> {
    const { traceWarnings = NONE, warnings } = options;
    const batch = this.#batch;
    const out = this.#out;
    out.ascii('{"traceID":"');
    if (batch.rows > 0) this.#traceId(batch.traceId, 0);
    out.ascii('","spans":[');
    for (let row = 0; row < batch.rows; row++) {
      if (row > 0) out.raw(COMMA);
      this.#span(row, warnings?.get(row) ?? NONE);
      if (out.length < pieceBytes) continue;
      yield out.bytes();
      out.cut(0);
    }
    out.ascii('],"processes":{');
    let before = '"';
    for (const [text, id] of this.#processes) {
      out.ascii(`${before}${id}":`);
      out.raw(encoder.encode(text));
      before = ',"';
    }
    out.ascii('},"warnings":');
    this.#warnings(traceWarnings, NONE);
    out.raw(CLOSE);
    yield out.bytes();
  }

  attribute(table: AttributeTable, at: number): void {
    this.#next();
    const type = table.type[at]!;
    const key = table.key[at]!;
    this.#out.raw(this.#heads[type]![key] ?? this.#addHead(type, key));
    this.#value(table, at);
    this.#out.raw(CLOSE);
  }

  column(column: number, value: number): void {
    this.#next();
    this.#out.raw(COLUMNS[column]!);
    this.#out.entry(value);
    this.#out.raw(CLOSE);
  }

  constant(tag: ConstantTag): void {
    this.#next();
    this.#out.raw(CONSTANTS[tag.index]!);
  }

  reference(
    traceIds: Uint8Array,
    traceAt: number,
    spanIds: Uint8Array,
    spanAt: number,
    isFollowsFrom: boolean,
  ): void {
    this.#next();
    const out = this.#out;
    out.ascii(
      isFollowsFrom ? '{"refType":"FOLLOWS_FROM","traceID":"' : '{"refType":"CHILD_OF","traceID":"',
    );
    this.#traceId(traceIds, traceAt);
    out.ascii('","spanID":"');
    out.hex(spanIds, spanAt, 8);
    out.ascii('"}');
  }

  #span(row: number, more: readonly string[]): void {
    const batch = this.#batch;
    const out = this.#out;
    const process = this.#processId(batch.resource[row]!);
    out.ascii('{"traceID":"');
    this.#traceId(batch.traceId, 16 * row);
    out.ascii('","spanID":"');
    out.hex(batch.spanId, 8 * row, 8);
    const flags = this.#view.flags(row);
    out.ascii(flags === 0 ? '","operationName":' : `","flags":${flags},"operationName":`);
    out.entry(batch.name[row]!);
    out.ascii(',"references":[');
    this.#isFirst = true;
    this.#view.visitReferences(row, this);
    const durationUs = Math.trunc(batch.durationNs[row]! / 1000);
    out.ascii(`],"startTime":${batch.startUs[row]!},"duration":${durationUs},"tags":[`);
    this.#isFirst = true;
    this.#view.visitTags(row, this);
    out.ascii('],"logs":[');
    this.#logs(row);
    out.ascii(`],"processID":"${process}","warnings":`);
    this.#warnings(this.#view.warnings(row), more);
    out.raw(CLOSE);
  }

  #logs(row: number): void {
    const batch = this.#batch;
    const first = batch.eventStart[row]!;
    const end = batch.eventStart[row + 1]!;
    for (let event = first; event < end; event++) {
      const before = event === first ? "{" : ",{";
      this.#out.ascii(`${before}"timestamp":${batch.eventUs[event]!},"fields":[`);
      this.#isFirst = true;
      this.#view.visitLogFields(event, this);
      this.#out.raw(CLOSE_LIST);
    }
  }

  /** The number of a process; a new one is written at the end, and taken back from there. */
  #processId(resource: number): string {
    const known = this.#processIds[resource];
    if (known !== undefined) return known;
    const out = this.#out;
    const start = out.length;
    const service = this.#view.serviceName(resource);
    out.ascii('{"serviceName":');
    if (service < 0) out.quote(NO_SERVICE_NAME);
    else out.entry(service);
    out.ascii(',"tags":[');
    this.#isFirst = true;
    this.#view.visitProcessTags(resource, this);
    out.raw(CLOSE_LIST);
    const text = out.text(start);
    out.cut(start);
    let id = this.#processes.get(text);
    if (id === undefined) {
      id = `p${this.#processes.size + 1}`;
      this.#processes.set(text, id);
    }
    this.#processIds[resource] = id;
    return id;
  }

  /** A comma, unless the item is the first one. */
  #next(): void {
    if (!this.#isFirst) this.#out.raw(COMMA);
    this.#isFirst = false;
  }

  #addHead(type: number, key: number): Uint8Array {
    const out = this.#out;
    const start = out.length;
    out.ascii('{"key":');
    out.entry(key);
    out.ascii(`,"type":"${TYPE_NAMES[type]!}","value":`);
    const head = out.bytes(start).slice();
    out.cut(start);
    this.#heads[type]![key] = head;
    return head;
  }

  #value(table: AttributeTable, at: number): void {
    const out = this.#out;
    const type = table.type[at]!;
    const low = table.words[2 * at]!;
    switch (type) {
      case STRING:
        out.entry(low);
        break;
      case BOOL:
        out.ascii(low === 0 ? "false" : "true");
        break;
      case INT:
        out.ascii(printSafeInt64(low, table.words[2 * at + 1]!));
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

  /** 16 digits when the high half is zero, else 32. */
  #traceId(bytes: Uint8Array, at: number): void {
    if (isZero(bytes, at, 8)) this.#out.hex(bytes, at + 8, 8);
    else this.#out.hex(bytes, at, 16);
  }

  #warnings(own: readonly string[], more: readonly string[]): void {
    if (own.length + more.length === 0) this.#out.ascii("null");
    else this.#out.raw(encoder.encode(JSON.stringify([...own, ...more])));
  }
}

const NONE: readonly string[] = [];

/** A number, or a string if a JavaScript number would round it. */
function printSafeInt64(low: number, high: number): string {
  const value = (high | 0) * 0x1_0000_0000 + low;
  return Number.isSafeInteger(value) ? String(value) : `"${printInt64(low, high)}"`;
}
