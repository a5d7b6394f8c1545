// Rows of a batch as zipkincore.thrift in the compact protocol: datagrams for 5775.
//
//   message emitZipkinBatch(1: list<Span>)        fields of a Span: zipkin-thrift.ts
//
// The kind is told by annotations: cs and cr, sr and ss, ms, mr. The service is the host of these, of
// every other annotation, and of every binary annotation but those that would then name a peer.
//
// What becomes a binary annotation or an annotation is decided by zipkin-view.ts. Their values have
// types: bool, i64, double, string, bytes.
//
// Lost: the ns of times below one µs, what was of the resource and not of the span, attributes of
// scopes, what was dropped of a span.
//
// Source: jaeger-idl v0.14 thrift/zipkincore.thrift, agent.thrift.
// Not here: reading (zipkin-thrift.ts), how large a datagram may be (who sends it).

import {
  type AttributeTable,
  BOOL as BOOL_VALUE,
  BYTES,
  DOUBLE,
  INT,
  STRING,
} from "../model/attribute-table.ts";
import {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_PRODUCER,
  KIND_SERVER,
  type SpanBatch,
} from "../model/span-batch.ts";
import { isZero } from "./jaeger-view.ts";
import { ThriftCompactWriter } from "./thrift-compact-writer.ts";
import { ONEWAY } from "./thrift-message.ts";
import { BINARY, I32, I64, LIST, STRUCT } from "./thrift-reader.ts";
import { type ZipkinTagVisitor, ZipkinView, printTagValue } from "./zipkin-view.ts";

// AnnotationType.
const TYPE_BOOL = 0;
const TYPE_BYTES = 1;
const TYPE_I64 = 4;
const TYPE_DOUBLE = 5;
const TYPE_STRING = 6;

/** By kind: the annotations at its start and at its end. */
const CORE: Readonly<Record<number, readonly [start: string, end: string]>> = {
  [KIND_CLIENT]: ["cs", "cr"],
  [KIND_SERVER]: ["sr", "ss"],
  [KIND_PRODUCER]: ["ms", ""],
  [KIND_CONSUMER]: ["mr", ""],
};
/** With a host these are addresses of a peer. */
const ADDRESSES: ReadonlySet<string> = new Set(["sa", "ca", "ma"]);
/** Names the component; here it carries the host of a span that has nothing else to carry it. */
const LOCAL_COMPONENT = "lc";

const encoder = new TextEncoder();
/** The memory of all messages: they are written one after the other. */
const out = new ThriftCompactWriter();

/** All rows as one message, of whatever size that takes. */
export function writeEmitZipkinBatch(batch: SpanBatch): Uint8Array {
  out.reset();
  out.beginMessage("emitZipkinBatch", ONEWAY, 0);
  const outer = out.beginStruct();
  out.field(1, LIST);
  const mark = out.beginList(STRUCT);
  const writer = new ZipkinThriftWriter(batch);
  for (let row = 0; row < batch.rows; row++) writer.span(row);
  out.endList(mark, batch.rows);
  out.endStruct(outer);
  return out.take();
}

class ZipkinThriftWriter implements ZipkinTagVisitor {
  readonly #batch: SpanBatch;
  readonly #view: ZipkinView;
  readonly #value = new DataView(new ArrayBuffer(8));
  /** Elements of the list that is being written. */
  #count = 0;
  /** Entry of the service of the row; 0: it has none. */
  #service = 0;

  constructor(batch: SpanBatch) {
    this.#batch = batch;
    this.#view = new ZipkinView(batch);
  }

  span(row: number): void {
    const batch = this.#batch;
    this.#service = batch.serviceOf(batch.resource[row]!);
    const outer = out.beginStruct();
    this.#id(1, batch.traceId, 16 * row + 8);
    this.#bytes(3, batch.dictionary.bytes(batch.name[row]!));
    this.#id(4, batch.spanId, 8 * row);
    if (!isZero(batch.parentSpanId, 8 * row, 8)) this.#id(5, batch.parentSpanId, 8 * row);
    const hasHost = this.#annotations(row);
    this.#binaryAnnotations(row, hasHost);
    if (this.#view.isDebug(row)) out.boolField(9, true);
    this.#long(10, batch.startUs[row]!);
    this.#long(11, Math.max(0, Math.floor(batch.durationNs[row]! / 1000)));
    this.#id(12, batch.traceId, 16 * row);
    out.endStruct(outer);
  }

  attribute(table: AttributeTable, at: number): void {
    const { dictionary } = this.#batch;
    const key = table.key[at]!;
    const low = table.words[2 * at]!;
    const value = this.#value;
    const hasHost = !ADDRESSES.has(dictionary.text(key));
    const put = (type: number, bytes: Uint8Array): void =>
      this.#binaryAnnotation(dictionary.bytes(key), type, bytes, hasHost);
    switch (table.type[at]) {
      case STRING:
        return put(TYPE_STRING, dictionary.bytes(low));
      case BOOL_VALUE:
        return put(TYPE_BOOL, Uint8Array.of(low));
      case INT:
        value.setUint32(0, table.words[2 * at + 1]!);
        value.setUint32(4, low);
        return put(TYPE_I64, new Uint8Array(value.buffer));
      case DOUBLE:
        value.setFloat64(0, table.doubles[at]!);
        return put(TYPE_DOUBLE, new Uint8Array(value.buffer));
      case BYTES:
        return put(TYPE_BYTES, dictionary.bytes(low));
      default:
        return put(TYPE_STRING, encoder.encode(printTagValue(table, at, dictionary)));
    }
  }

  text(key: string, value: string): void {
    const isTrue = key === "error" && value === "true";
    const bytes = isTrue ? Uint8Array.of(1) : encoder.encode(value);
    this.#binaryAnnotation(encoder.encode(key), isTrue ? TYPE_BOOL : TYPE_STRING, bytes, true);
  }

  /** @returns whether there is one. */
  #annotations(row: number): boolean {
    const batch = this.#batch;
    const [start = "", end = ""] = CORE[batch.kind[row]!] ?? [];
    const firstEvent = batch.eventStart[row]!;
    const eventEnd = batch.eventStart[row + 1]!;
    if (start === "" && firstEvent === eventEnd) return false;
    out.field(6, LIST);
    const mark = out.beginList(STRUCT);
    this.#count = 0;
    const startUs = batch.startUs[row]!;
    if (start !== "") this.#annotation(startUs, start);
    for (let event = firstEvent; event < eventEnd; event++) {
      this.#annotation(batch.eventUs[event]!, this.#view.annotation(event));
    }
    const durationUs = Math.floor(batch.durationNs[row]! / 1000);
    if (end !== "") this.#annotation(startUs + durationUs, end);
    out.endList(mark, this.#count);
    return true;
  }

  #annotation(us: number, value: string): void {
    this.#count++;
    const outer = out.beginStruct();
    this.#long(1, us);
    this.#bytes(2, encoder.encode(value));
    this.#host(3);
    out.endStruct(outer);
  }

  #binaryAnnotations(row: number, hasHost: boolean): void {
    out.field(8, LIST);
    const mark = out.beginList(STRUCT);
    this.#count = 0;
    this.#view.visitTags(row, this);
    if (this.#count === 0 && !hasHost) this.text(LOCAL_COMPONENT, "");
    out.endList(mark, this.#count);
  }

  #binaryAnnotation(key: Uint8Array, type: number, value: Uint8Array, hasHost: boolean): void {
    this.#count++;
    const outer = out.beginStruct();
    this.#bytes(1, key);
    this.#bytes(2, value);
    out.field(3, I32);
    out.writeI32(type);
    if (hasHost) this.#host(4);
    out.endStruct(outer);
  }

  #host(id: number): void {
    if (this.#service === 0) return;
    out.field(id, STRUCT);
    const outer = out.beginStruct();
    this.#bytes(3, this.#batch.dictionary.bytes(this.#service));
    out.endStruct(outer);
  }

  #bytes(id: number, bytes: Uint8Array): void {
    out.field(id, BINARY);
    out.writeBinary(bytes, 0, bytes.length);
  }

  #id(id: number, ids: Uint8Array, at: number): void {
    out.field(id, I64);
    out.copyI64(ids, at);
  }

  #long(id: number, value: number): void {
    out.field(id, I64);
    out.writeLong(value);
  }
}
