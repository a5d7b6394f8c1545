// jaeger.thrift out: rows of a batch as `Batch` structs, one for each resource that has rows.
//
//   writeSubmitBatches   { 1: list<Batch> }              arguments of Collector::submitBatches
//   writeJaegerBatches   Batch, Batch, …                 bodies of POST /api/traces
//   writeEmitBatches     message emitBatch(1: Batch), …  datagrams for 6831 (compact) and 6832 (binary)
//
// Fields are in jaeger-thrift.ts. What is shown as a tag or a reference is decided by jaeger-view.ts;
// here in addition
//   parent      is parentSpanId alone if it is a plain CHILD_OF, which is what the field means
//   warnings    one string tag `@jaeger@warnings` each, for thrift has no field for them
//   format      not said of spans that came in thrift: they come so again
//
// Lost: the ns of times below one µs, all counts of what was dropped, attributes of links and scopes.
//
// Source: jaeger-idl v0.14 thrift/jaeger.thrift, agent.thrift. Strings are written as they are stored.
// Not here: reading (jaeger-thrift.ts), how large a datagram may be (who sends it).

import {
  type AttributeTable,
  BOOL as BOOL_VALUE,
  BYTES,
  DOUBLE as DOUBLE_VALUE,
  EMPTY,
  INT,
  MAP,
  STRING,
} from "../model/attribute-table.ts";
import { ORIGIN_JAEGER_THRIFT, type SpanBatch } from "../model/span-batch.ts";
import { printAnyValues } from "./any-value-text.ts";
import type { JaegerSender } from "./jaeger-thrift.ts";
import {
  COLUMN_KEYS,
  CONSTANT_TAGS,
  type ConstantTag,
  type JaegerReferenceVisitor,
  type JaegerTagVisitor,
  JaegerView,
  NO_SERVICE_NAME,
} from "./jaeger-view.ts";
import { ThriftBinaryWriter } from "./thrift-binary-writer.ts";
import { ThriftCompactWriter } from "./thrift-compact-writer.ts";
import { ONEWAY } from "./thrift-message.ts";
import { BINARY, DOUBLE, I32, I64, LIST, STRUCT } from "./thrift-reader.ts";
import type { ThriftWriter } from "./thrift-writer.ts";

// TagType; not in the order of api_v2's ValueType.
const TYPE_STRING = 0;
const TYPE_DOUBLE = 1;
const TYPE_BOOL = 2;
const TYPE_LONG = 3;
const TYPE_BINARY = 4;

/** By the type of an attribute; what is not here is shown as text. */
const TAG_TYPES: (number | undefined)[] = Array.from({ length: MAP + 1 });
for (const [type, tagType] of [
  [DOUBLE_VALUE, TYPE_DOUBLE],
  [BOOL_VALUE, TYPE_BOOL],
  [INT, TYPE_LONG],
  [BYTES, TYPE_BINARY],
] as const) {
  TAG_TYPES[type] = tagType;
}

const CHILD_OF = 0;
const FOLLOWS_FROM = 1;

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);
const COLUMNS = COLUMN_KEYS.map((key) => encoder.encode(key));
const CONSTANTS = CONSTANT_TAGS.map(({ key, value }) => ({
  key: encoder.encode(key),
  text: value === true ? undefined : encoder.encode(value),
}));
const FORMAT_KEY = "@jaeger@format";
const WARNINGS_KEY = encoder.encode("@jaeger@warnings");

// What writes many messages a second writes them into the same memory; nothing here waits in between.
const compactWriter = new ThriftCompactWriter();
const binaryWriter = new ThriftBinaryWriter();

/** What a client says of itself beside the spans. */
export type JaegerSenderOptions = Partial<JaegerSender>;

export interface EmitOptions extends JaegerSenderOptions {
  readonly protocol: "binary" | "compact";
}

/** The arguments of `submitBatches`: all rows, as one struct. */
export function writeSubmitBatches(batch: SpanBatch, sender: JaegerSenderOptions = {}): Uint8Array {
  const thrift = new ThriftBinaryWriter();
  const outer = thrift.beginStruct();
  thrift.field(1, LIST);
  const mark = thrift.beginList(STRUCT);
  const writer = new JaegerThriftWriter(batch, thrift, sender);
  let count = 0;
  for (const rows of rowsByResource(batch)) {
    writer.batch(rows);
    count++;
  }
  thrift.endList(mark, count);
  thrift.endStruct(outer);
  return thrift.take();
}

/** Each resource's rows as a bare `Batch` struct in the binary protocol. */
export function writeJaegerBatches(
  batch: SpanBatch,
  sender: JaegerSenderOptions = {},
): Uint8Array[] {
  const thrift = binaryWriter;
  const writer = new JaegerThriftWriter(batch, thrift, sender);
  return rowsByResource(batch).map((rows) => {
    thrift.reset();
    writer.batch(rows);
    return thrift.take();
  });
}

/** Each resource's rows as a message `emitBatch`, of whatever size that takes. */
export function writeEmitBatches(batch: SpanBatch, options: EmitOptions): Uint8Array[] {
  const thrift = options.protocol === "compact" ? compactWriter : binaryWriter;
  const writer = new JaegerThriftWriter(batch, thrift, options);
  return rowsByResource(batch).map((rows) => {
    thrift.reset();
    thrift.beginMessage("emitBatch", ONEWAY, 0);
    const outer = thrift.beginStruct();
    thrift.field(1, STRUCT);
    writer.batch(rows);
    thrift.endStruct(outer);
    return thrift.take();
  });
}

/** The rows of each resource that has some: resources in the order of their first rows. */
function rowsByResource(batch: SpanBatch): readonly Int32Array[] {
  const { rows, resource: resources } = batch;
  const counts = new Int32Array(batch.resources);
  const order: number[] = [];
  for (let row = 0; row < rows; row++) {
    const resource = resources[row]!;
    if (counts[resource] === 0) order.push(resource);
    counts[resource]!++;
  }
  const found = new Map(order.map((resource) => [resource, new Int32Array(counts[resource]!)]));
  counts.fill(0);
  let last = -1;
  let lastRows: Int32Array | undefined;
  for (let row = 0; row < rows; row++) {
    const resource = resources[row]!;
    if (resource !== last) lastRows = found.get(resource);
    last = resource;
    lastRows![counts[resource]!++] = row;
  }
  return [...found.values()];
}

class JaegerThriftWriter implements JaegerTagVisitor, JaegerReferenceVisitor {
  readonly #batch: SpanBatch;
  readonly #view: JaegerView;
  readonly #out: ThriftWriter;
  readonly #sender: JaegerSenderOptions;
  /** Elements of the list that is being written. */
  #count = 0;
  /** The row whose references or tags are visited. */
  #row = 0;

  constructor(batch: SpanBatch, out: ThriftWriter, sender: JaegerSenderOptions) {
    this.#batch = batch;
    this.#view = new JaegerView(batch);
    this.#out = out;
    this.#sender = sender;
  }

  /** A `Batch` of `rows`, which are at least one and all of one resource. */
  batch(rows: Int32Array): void {
    const out = this.#out;
    const { sequence, stats } = this.#sender;
    const outer = out.beginStruct();
    out.field(1, STRUCT);
    this.#process(this.#batch.resource[rows[0]!]!);
    out.field(2, LIST);
    const mark = out.beginList(STRUCT);
    for (const row of rows) this.#span(row);
    out.endList(mark, rows.length);
    if (sequence !== undefined) this.#long(3, sequence);
    if (stats !== undefined) {
      out.field(4, STRUCT);
      const inner = out.beginStruct();
      this.#long(1, stats.queueFull);
      this.#long(2, stats.tooLarge);
      this.#long(3, stats.failedToSend);
      out.endStruct(inner);
    }
    out.endStruct(outer);
  }

  attribute(table: AttributeTable, at: number): void {
    const out = this.#out;
    const word = table.words[2 * at]!;
    const { dictionary } = this.#batch;
    if (table.type[at] === STRING) {
      this.#textTag(table.key[at]!, word);
      return;
    }
    const outer = this.#beginTag();
    this.#tagHead(table, at);
    switch (table.type[at]) {
      case EMPTY:
        this.#bytes(3, NOTHING);
        break;
      case DOUBLE_VALUE:
        out.field(4, DOUBLE);
        out.writeDouble(table.doubles[at]!);
        break;
      case BOOL_VALUE:
        out.boolField(5, word !== 0);
        break;
      case INT:
        out.field(6, I64);
        out.writeI64(word, table.words[2 * at + 1]!);
        break;
      case BYTES:
        this.#entry(7, word);
        break;
      default:
        this.#bytes(3, encoder.encode(printAnyValues(table.type[at]!, dictionary.bytes(word))));
    }
    out.endStruct(outer);
  }

  column(column: number, value: number): void {
    const outer = this.#beginTag();
    this.#bytes(1, COLUMNS[column]!);
    this.#type(TYPE_STRING);
    this.#entry(3, value);
    this.#out.endStruct(outer);
  }

  constant(tag: ConstantTag): void {
    const { key, text } = CONSTANTS[tag.index]!;
    if (tag.key === FORMAT_KEY && this.#batch.origin[this.#row] === ORIGIN_JAEGER_THRIFT) return;
    const outer = this.#beginTag();
    this.#bytes(1, key);
    if (text === undefined) {
      this.#type(TYPE_BOOL);
      this.#out.boolField(5, true);
    } else {
      this.#text(text);
    }
    this.#out.endStruct(outer);
  }

  reference(
    traceIds: Uint8Array,
    traceAt: number,
    spanIds: Uint8Array,
    spanAt: number,
    isFollowsFrom: boolean,
  ): void {
    // The parent comes from its own column: parentSpanId says a plain one.
    if (spanIds === this.#batch.parentSpanId && !isFollowsFrom) return;
    const out = this.#out;
    this.#count++;
    const outer = out.beginStruct();
    out.field(1, I32);
    out.writeI32(isFollowsFrom ? FOLLOWS_FROM : CHILD_OF);
    this.#id(2, traceIds, traceAt + 8);
    this.#id(3, traceIds, traceAt);
    this.#id(4, spanIds, spanAt);
    out.endStruct(outer);
  }

  #process(resource: number): void {
    const out = this.#out;
    const outer = out.beginStruct();
    const service = this.#view.serviceName(resource);
    if (service < 0) this.#bytes(1, encoder.encode(NO_SERVICE_NAME));
    else this.#entry(1, service);
    out.field(2, LIST);
    const mark = out.beginList(STRUCT);
    this.#count = 0;
    this.#view.visitProcessTags(resource, this);
    out.endList(mark, this.#count);
    out.endStruct(outer);
  }

  #span(row: number): void {
    const batch = this.#batch;
    const out = this.#out;
    this.#row = row;
    const outer = out.beginStruct();
    this.#id(1, batch.traceId, 16 * row + 8);
    this.#id(2, batch.traceId, 16 * row);
    this.#id(3, batch.spanId, 8 * row);
    this.#id(4, batch.parentSpanId, 8 * row);
    this.#entry(5, batch.name[row]!);
    if (batch.linkStart[row + 1]! > batch.linkStart[row]!) {
      out.field(6, LIST);
      const mark = out.beginList(STRUCT);
      this.#count = 0;
      this.#view.visitReferences(row, this);
      out.endList(mark, this.#count);
    }
    out.field(7, I32);
    out.writeI32(this.#view.flags(row) | 0);
    this.#long(8, batch.startUs[row]!);
    this.#long(9, Math.floor(batch.durationNs[row]! / 1000));
    this.#tags(row);
    const eventStart = batch.eventStart[row]!;
    const eventEnd = batch.eventStart[row + 1]!;
    if (eventEnd > eventStart) {
      out.field(11, LIST);
      const mark = out.beginList(STRUCT);
      for (let event = eventStart; event < eventEnd; event++) this.#log(event);
      out.endList(mark, eventEnd - eventStart);
    }
    out.endStruct(outer);
  }

  #tags(row: number): void {
    const out = this.#out;
    out.field(10, LIST);
    const mark = out.beginList(STRUCT);
    this.#count = 0;
    this.#view.visitTags(row, this);
    for (const warning of this.#view.warnings(row)) {
      const outer = this.#beginTag();
      this.#bytes(1, WARNINGS_KEY);
      this.#text(encoder.encode(warning));
      out.endStruct(outer);
    }
    out.endList(mark, this.#count);
  }

  #log(event: number): void {
    const out = this.#out;
    const outer = out.beginStruct();
    this.#long(1, this.#batch.eventUs[event]!);
    out.field(2, LIST);
    const mark = out.beginList(STRUCT);
    this.#count = 0;
    this.#view.visitLogFields(event, this);
    out.endList(mark, this.#count);
    out.endStruct(outer);
  }

  /** A string tag of two entries of the dictionary. */
  #textTag(key: number, text: number): void {
    this.#count++;
    const { arena, ends } = this.#batch.dictionary;
    const keyStart = key === 0 ? 0 : ends[key - 1]!;
    const textStart = text === 0 ? 0 : ends[text - 1]!;
    this.#out.writeTextTag(arena, keyStart, ends[key]!, textStart, ends[text]!);
  }

  /** Key and type of the tag that was begun, for any value but a string. */
  #tagHead(table: AttributeTable, at: number): void {
    const { arena, ends } = this.#batch.dictionary;
    const key = table.key[at]!;
    const type = TAG_TYPES[table.type[at]!] ?? TYPE_STRING;
    this.#out.writeTagHead(arena, key === 0 ? 0 : ends[key - 1]!, ends[key]!, type);
  }

  #beginTag(): number {
    this.#count++;
    return this.#out.beginStruct();
  }

  #type(type: number): void {
    this.#out.field(2, I32);
    this.#out.writeI32(type);
  }

  /** Type and value of a string tag. */
  #text(text: Uint8Array): void {
    this.#type(TYPE_STRING);
    this.#bytes(3, text);
  }

  #bytes(id: number, bytes: Uint8Array): void {
    this.#out.field(id, BINARY);
    this.#out.writeBinary(bytes, 0, bytes.length);
  }

  /** A string field: an entry of the dictionary. */
  #entry(id: number, entry: number): void {
    const { dictionary } = this.#batch;
    const start = dictionary.start(entry);
    this.#out.field(id, BINARY);
    this.#out.writeBinary(dictionary.arena, start, start + dictionary.length(entry));
  }

  #id(id: number, ids: Uint8Array, at: number): void {
    this.#out.field(id, I64);
    this.#out.copyI64(ids, at);
  }

  #long(id: number, value: number): void {
    this.#out.field(id, I64);
    this.#out.writeLong(value);
  }
}
