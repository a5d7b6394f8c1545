// Span batches as OTLP/JSON: TracesData in protobuf's JSON mapping, as the collector prints it.
//
//   {"resourceSpans":[{"resource":{…},"scopeSpans":[{"scope":{…},"spans":[{"traceId":"0af7…", …
//
// Names are camelCase, ids lower-case hex, 64-bit integers strings, enums numbers, bytes base64; what
// is at its default is left out, but for `resource`, `scope`, `status` and `value`, which are always
// there. Fields come in the order of the .proto file. Each object is written with a comma behind every
// field; the last one is cut off.
//
// Source: OTLP 1.x, "JSON Protobuf Encoding"; the collector's own bytes in test/golden/otlp.
// Trust: the encoded lists and maps came through a reader; they are read as carefully again.
// Not here: white space, chunks and envelopes of an API (query/).

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
import { printDouble, printInt64 } from "./any-value-text.ts";
import { printBase64 } from "./base64-text.ts";
import { JsonBytes } from "./json-bytes.ts";
import { groupRows, type ResourceRows, type ScopeRows } from "./otlp-groups.ts";
import {
  endRestNsOf,
  endUsOf,
  FORMAT_KEY,
  formatMarkOf,
  isId,
  LAST_US,
  otlpFlagsOf,
} from "./otlp-view.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const reader = new ProtobufReader();

/**
 * All rows of all batches as one document without white space: `{"resourceSpans":[…]}`.
 *
 * @throws SpoorError `unsupported` if it does not fit a string. Cost: about 5 µs a span.
 */
export function writeOtlpJson(batches: readonly SpanBatch[]): string {
  const parts = batches.filter((batch) => batch.rows > 0).map(writeBatch);
  return `{"resourceSpans":[${parts.join(",")}]}`;
}

function writeBatch(batch: SpanBatch): string {
  const out = new JsonBytes();
  out.begin(batch.dictionary);
  for (const group of groupRows(batch)) writeResourceSpans(out, batch, group);
  out.cut(out.length - 1);
  return out.text();
}

function writeResourceSpans(out: JsonBytes, batch: SpanBatch, group: ResourceRows): void {
  const resource = group.resource;
  out.ascii('{"resource":{');
  const mark = out.length;
  const start = batch.resourceAttributeStart[resource]!;
  const end = batch.resourceAttributeEnd[resource]!;
  writeAttributes(out, batch, batch.resourceAttributes, [start, end], "");
  writeCount(out, "droppedAttributesCount", batch.resourceDropped[resource]!);
  closeObject(out, mark);
  out.ascii('"scopeSpans":[');
  for (const scope of group.scopes) writeScopeSpans(out, batch, scope);
  closeArray(out);
  writeEntry(out, "schemaUrl", batch.resourceSchemaUrl[resource]!);
  closeObject(out, 0);
}

function writeScopeSpans(out: JsonBytes, batch: SpanBatch, group: ScopeRows): void {
  const scope = group.scope;
  out.ascii('{"scope":{');
  const mark = out.length;
  writeEntry(out, "name", batch.scopeName[scope]!);
  writeEntry(out, "version", batch.scopeVersion[scope]!);
  const start = batch.scopeAttributeStart[scope]!;
  const end = batch.scopeAttributeEnd[scope]!;
  writeAttributes(out, batch, batch.scopeAttributes, [start, end], "");
  writeCount(out, "droppedAttributesCount", batch.scopeDropped[scope]!);
  closeObject(out, mark);
  out.ascii('"spans":[');
  for (const row of group.rows) writeSpan(out, batch, row);
  closeArray(out);
  writeEntry(out, "schemaUrl", batch.scopeSchemaUrl[scope]!);
  closeObject(out, 0);
}

function writeSpan(out: JsonBytes, batch: SpanBatch, row: number): void {
  out.ascii("{");
  writeId(out, "traceId", batch.traceId, 16 * row, 16);
  writeId(out, "spanId", batch.spanId, 8 * row, 8);
  writeEntry(out, "traceState", batch.traceState[row]!);
  writeId(out, "parentSpanId", batch.parentSpanId, 8 * row, 8);
  writeCount(out, "flags", otlpFlagsOf(batch, row));
  writeEntry(out, "name", batch.name[row]!);
  writeCount(out, "kind", batch.kind[row]!);
  writeTime(out, "startTimeUnixNano", batch.startUs[row]!, batch.startRestNs[row]!);
  writeTime(out, "endTimeUnixNano", endUsOf(batch, row), endRestNsOf(batch, row));
  const start = batch.attributeStart[row]!;
  const end = batch.attributeStart[row + 1]!;
  writeAttributes(out, batch, batch.spanAttributes, [start, end], formatMarkOf(batch, row));
  writeCount(out, "droppedAttributesCount", batch.droppedAttributes[row]!);
  writeEvents(out, batch, batch.eventStart[row]!, batch.eventStart[row + 1]!);
  writeCount(out, "droppedEventsCount", batch.droppedEvents[row]!);
  writeLinks(out, batch, batch.linkStart[row]!, batch.linkStart[row + 1]!);
  writeCount(out, "droppedLinksCount", batch.droppedLinks[row]!);
  out.ascii('"status":{');
  const mark = out.length;
  writeEntry(out, "message", batch.statusMessage[row]!);
  writeCount(out, "code", batch.statusCode[row]!);
  closeObject(out, mark);
  closeObject(out, 0);
}

function writeEvents(out: JsonBytes, batch: SpanBatch, first: number, last: number): void {
  if (first === last) return;
  out.ascii('"events":[');
  for (let event = first; event < last; event++) {
    out.ascii("{");
    const mark = out.length;
    writeTime(out, "timeUnixNano", batch.eventUs[event]!, batch.eventRestNs[event]!);
    writeEntry(out, "name", batch.eventName[event]!);
    const start = batch.eventAttributeStart[event]!;
    const end = batch.eventAttributeStart[event + 1]!;
    writeAttributes(out, batch, batch.eventAttributes, [start, end], "");
    writeCount(out, "droppedAttributesCount", batch.eventDropped[event]!);
    closeObject(out, mark);
  }
  closeArray(out);
}

function writeLinks(out: JsonBytes, batch: SpanBatch, first: number, last: number): void {
  if (first === last) return;
  out.ascii('"links":[');
  for (let link = first; link < last; link++) {
    out.ascii("{");
    const mark = out.length;
    writeId(out, "traceId", batch.linkTraceId, 16 * link, 16);
    writeId(out, "spanId", batch.linkSpanId, 8 * link, 8);
    writeEntry(out, "traceState", batch.linkTraceState[link]!);
    const start = batch.linkAttributeStart[link]!;
    const end = batch.linkAttributeStart[link + 1]!;
    writeAttributes(out, batch, batch.linkAttributes, [start, end], "");
    writeCount(out, "droppedAttributesCount", batch.linkDropped[link]!);
    writeCount(out, "flags", batch.linkFlags[link]!);
    closeObject(out, mark);
  }
  closeArray(out);
}

/** The list of attributes, with `format` as the last one if there is one. */
function writeAttributes(
  out: JsonBytes,
  batch: SpanBatch,
  table: AttributeTable,
  [start, end]: readonly [number, number],
  format: string,
): void {
  if (start === end && format === "") return;
  out.ascii('"attributes":[');
  for (let at = start; at < end; at++) {
    out.ascii("{");
    writeEntry(out, "key", table.key[at]!);
    out.ascii('"value":{');
    writeValue(out, batch, table, at);
    out.ascii("}},");
  }
  if (format !== "") {
    out.ascii(`{"key":"${FORMAT_KEY}","value":{"stringValue":"${format}"}},`);
  }
  closeArray(out);
}

function writeValue(out: JsonBytes, batch: SpanBatch, table: AttributeTable, at: number): void {
  const word = table.words[2 * at]!;
  const type = table.type[at]!;
  switch (type) {
    case EMPTY:
      break;
    case STRING:
      out.ascii('"stringValue":');
      out.entry(word);
      break;
    case BOOL:
      out.ascii(word === 0 ? '"boolValue":false' : '"boolValue":true');
      break;
    case INT:
      out.ascii(`"intValue":"${printInt64(word, table.words[2 * at + 1]!)}"`);
      break;
    case DOUBLE:
      out.ascii(`"doubleValue":${printDouble(table.doubles[at]!)}`);
      break;
    case BYTES:
      out.ascii(`"bytesValue":"${printBase64(batch.dictionary.bytes(word))}"`);
      break;
    case ARRAY:
    case MAP:
      reader.begin(batch.dictionary.bytes(word));
      writeList(out, type === MAP);
      reader.release();
      break;
    default:
      break;
  }
}

/** The ArrayValue or KeyValueList that the reader is in. */
function writeList(out: JsonBytes, isMap: boolean): void {
  out.ascii(isMap ? '"kvlistValue":{' : '"arrayValue":{');
  const mark = out.length;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag !== 0x0a) {
      reader.skip(tag);
      continue;
    }
    if (out.length === mark) out.ascii('"values":[');
    const outer = reader.enter();
    if (isMap) writeKeyValue(out);
    else writeAnyValue(out);
    out.ascii(",");
    reader.leave(outer);
  }
  if (out.length > mark) {
    out.cut(out.length - 1);
    out.ascii("]");
  }
  out.ascii("}");
}

/** The KeyValue that the reader is in: fields come in any order, so the key is read first. */
function writeKeyValue(out: JsonBytes): void {
  const start = reader.at;
  let key = "";
  let value = -1;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) key = decoder.decode(readBytes());
    else {
      if (tag === 0x12) value = reader.at;
      reader.skip(tag);
    }
  }
  const end = reader.at;
  out.ascii("{");
  if (key !== "") {
    out.ascii('"key":');
    out.quote(key);
    out.ascii(",");
  }
  out.ascii('"value":');
  if (value < start) {
    out.ascii("{}");
  } else {
    reader.at = value;
    const outer = reader.enter();
    writeAnyValue(out);
    reader.leave(outer);
    reader.at = end;
  }
  out.ascii("}");
}

/** The AnyValue that the reader is in; if it has several kinds, the last one counts. */
function writeAnyValue(out: JsonBytes): void {
  out.ascii("{");
  const mark = out.length;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag >>> 3 <= 7) out.cut(mark);
    switch (tag) {
      case 0x0a:
        out.ascii('"stringValue":');
        out.quote(decoder.decode(readBytes()));
        break;
      case 0x10:
        out.ascii(reader.readBool() ? '"boolValue":true' : '"boolValue":false');
        break;
      case 0x18:
        reader.readVarint64();
        out.ascii(`"intValue":"${printInt64(reader.low, reader.high)}"`);
        break;
      case 0x21:
        out.ascii(`"doubleValue":${printDouble(reader.readDouble())}`);
        break;
      case 0x2a:
      case 0x32: {
        const outer = reader.enter();
        writeList(out, tag === 0x32);
        reader.leave(outer);
        break;
      }
      case 0x3a:
        out.ascii(`"bytesValue":"${printBase64(readBytes())}"`);
        break;
      default:
        reader.skip(tag);
    }
  }
  out.ascii("}");
}

function readBytes(): Uint8Array {
  const end = reader.readEnd();
  const bytes = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return bytes;
}

function closeObject(out: JsonBytes, mark: number): void {
  if (out.length > mark) out.cut(out.length - 1);
  out.ascii("},");
}

/** Of a list that has items. */
function closeArray(out: JsonBytes): void {
  out.cut(out.length - 1);
  out.ascii("],");
}

function writeId(
  out: JsonBytes,
  name: string,
  bytes: Uint8Array,
  at: number,
  length: number,
): void {
  if (!isId(bytes, at, length)) return;
  out.ascii(`"${name}":"`);
  out.hex(bytes, at, length);
  out.ascii('",');
}

function writeEntry(out: JsonBytes, name: string, entry: number): void {
  if (entry === 0) return;
  out.ascii(`"${name}":`);
  out.entry(entry);
  out.ascii(",");
}

function writeCount(out: JsonBytes, name: string, count: number): void {
  if (count !== 0) out.ascii(`"${name}":${count},`);
}

/** Whole µs and ns as the decimal digits of ns. */
function writeTime(out: JsonBytes, name: string, us: number, restNs: number): void {
  if (us < 0 || (us === 0 && restNs === 0)) return;
  let ns = us === 0 ? String(restNs) : `${us}${String(restNs).padStart(3, "0")}`;
  if (us > LAST_US) ns = "18446744073709551615";
  out.ascii(`"${name}":"${ns}",`);
}
