// The printed form of a SpanBatch: what tests compare, and what people read when one fails.
//
//   resource 0 schemaUrl="https://…" dropped=2        before the first row that has it
//     service.name="shop"
//   scope 0 name="http" version="1.2"
//   span 0102…:0a0b… < 0c0d… "GET /" start=1700000000000000us+250ns duration=1000ns kind=server …
//     http.status_code=503                            attributes of the span
//     event 1700000000000000us+1ns "exception"        then its events and links, each with its own
//       exception.type="Timeout"
//     link 0102…:0a0b… traceState="a=b"
//
//   values: "text" 503 1.5d true ∅ (empty) hex(0a0b) array(encoded, hex) map(encoded, hex)
//   text:   as JSON; if it is not UTF-8, byte by byte with \xNN, which JSON never writes
//
// A column at its default is left out, so what is not printed is zero. `resource=` and `scope=` are
// printed where they change from one row to the next; they are numbered by first use, so that a
// copy of the rows prints alike, and one that no row uses is not shown.
//
// Not here: text for users (query/), the values of arrays and maps (wire/any-value-text.ts).

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
} from "./attribute-table.ts";
import type { Dictionary } from "./dictionary.ts";
import type { SpanBatch } from "./span-batch.ts";

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUSES = ["unset", "ok", "error"];
const ORIGINS = ["otlp", "jaeger-thrift", "jaeger-proto", "zipkin"];

/** A key that needs no quotes. */
const PLAIN_KEY = /^[A-Za-z0-9_.@$/:-]+$/;

/** All rows of `batch` as text: the same rows give the same text, different rows different text. */
export function printSpans(batch: SpanBatch): string {
  const lines: string[] = [];
  const resources = new Map<number, number>();
  const scopes = new Map<number, number>();
  let resource = 0;
  let scope = 0;
  for (let row = 0; row < batch.rows; row++) {
    const ownResource = numberOf(resources, batch.resource[row]!, (number, at) =>
      printResource(batch, number, at, lines),
    );
    const ownScope = numberOf(scopes, batch.scope[row]!, (number, at) =>
      printScope(batch, number, at, lines),
    );
    const owners = [
      ownResource === resource ? "" : ` resource=${ownResource}`,
      ownScope === scope ? "" : ` scope=${ownScope}`,
    ];
    resource = ownResource;
    scope = ownScope;
    printRow(batch, row, owners.join(""), lines);
  }
  return lines.join("\n");
}

/** The number of `index` in order of first use; `first` runs when it gets one. */
function numberOf(
  numbers: Map<number, number>,
  index: number,
  first: (number: number, index: number) => void,
): number {
  const known = numbers.get(index);
  if (known !== undefined) return known;
  const number = numbers.size;
  numbers.set(index, number);
  first(number, index);
  return number;
}

function printResource(batch: SpanBatch, number: number, at: number, lines: string[]): void {
  const dictionary = batch.dictionary;
  const schemaUrl = printEntry(dictionary, " schemaUrl=", batch.resourceSchemaUrl[at]!);
  const dropped = printCount(" dropped=", batch.resourceDropped[at]!);
  lines.push(`resource ${number}${schemaUrl}${dropped}`);
  const start = batch.resourceAttributeStart[at]!;
  const end = batch.resourceAttributeEnd[at]!;
  printAttributes(batch.resourceAttributes, dictionary, [start, end], "  ", lines);
}

function printScope(batch: SpanBatch, number: number, at: number, lines: string[]): void {
  const dictionary = batch.dictionary;
  lines.push(
    `scope ${number}` +
      printEntry(dictionary, " name=", batch.scopeName[at]!) +
      printEntry(dictionary, " version=", batch.scopeVersion[at]!) +
      printEntry(dictionary, " schemaUrl=", batch.scopeSchemaUrl[at]!) +
      printCount(" dropped=", batch.scopeDropped[at]!),
  );
  const start = batch.scopeAttributeStart[at]!;
  const end = batch.scopeAttributeEnd[at]!;
  printAttributes(batch.scopeAttributes, dictionary, [start, end], "  ", lines);
}

function printRow(batch: SpanBatch, row: number, owners: string, lines: string[]): void {
  const dictionary = batch.dictionary;
  const parent = batch.parentSpanId.subarray(8 * row, 8 * row + 8);
  lines.push(
    `span ${printHex(batch.traceId, 16 * row, 16)}:${printHex(batch.spanId, 8 * row, 8)}` +
      (parent.some((byte) => byte !== 0) ? ` < ${printHex(parent, 0, 8)}` : "") +
      ` ${quote(dictionary, batch.name[row]!)}` +
      ` start=${printTime(batch.startUs[row]!, batch.startRestNs[row]!)}` +
      ` duration=${batch.durationNs[row]!}ns` +
      owners +
      printName(" kind=", KINDS, batch.kind[row]!) +
      printName(" status=", STATUSES, batch.statusCode[row]!) +
      printEntry(dictionary, " statusMessage=", batch.statusMessage[row]!) +
      printEntry(dictionary, " traceState=", batch.traceState[row]!) +
      printCount(" flags=", batch.flags[row]!) +
      printName(" origin=", ORIGINS, batch.origin[row]!) +
      printCount(" droppedAttributes=", batch.droppedAttributes[row]!) +
      printCount(" droppedEvents=", batch.droppedEvents[row]!) +
      printCount(" droppedLinks=", batch.droppedLinks[row]!),
  );
  const start = batch.attributeStart[row]!;
  const end = batch.attributeStart[row + 1]!;
  printAttributes(batch.spanAttributes, dictionary, [start, end], "  ", lines);
  for (let event = batch.eventStart[row]!; event < batch.eventStart[row + 1]!; event++) {
    printEvent(batch, event, lines);
  }
  for (let link = batch.linkStart[row]!; link < batch.linkStart[row + 1]!; link++) {
    printLink(batch, link, lines);
  }
}

function printEvent(batch: SpanBatch, event: number, lines: string[]): void {
  const time = printTime(batch.eventUs[event]!, batch.eventRestNs[event]!);
  const dropped = printCount(" dropped=", batch.eventDropped[event]!);
  lines.push(`  event ${time} ${quote(batch.dictionary, batch.eventName[event]!)}${dropped}`);
  const start = batch.eventAttributeStart[event]!;
  const end = batch.eventAttributeStart[event + 1]!;
  printAttributes(batch.eventAttributes, batch.dictionary, [start, end], "    ", lines);
}

function printLink(batch: SpanBatch, link: number, lines: string[]): void {
  lines.push(
    `  link ${printHex(batch.linkTraceId, 16 * link, 16)}:` +
      printHex(batch.linkSpanId, 8 * link, 8) +
      printEntry(batch.dictionary, " traceState=", batch.linkTraceState[link]!) +
      printCount(" flags=", batch.linkFlags[link]!) +
      printCount(" dropped=", batch.linkDropped[link]!),
  );
  const start = batch.linkAttributeStart[link]!;
  const end = batch.linkAttributeStart[link + 1]!;
  printAttributes(batch.linkAttributes, batch.dictionary, [start, end], "    ", lines);
}

function printAttributes(
  table: AttributeTable,
  dictionary: Dictionary,
  [start, end]: readonly [number, number],
  indent: string,
  lines: string[],
): void {
  for (let at = start; at < end; at++) {
    const quoted = quote(dictionary, table.key[at]!);
    const bare = quoted.slice(1, -1);
    const key = PLAIN_KEY.test(bare) ? bare : quoted;
    lines.push(`${indent}${key}=${printValue(table, at, dictionary)}`);
  }
}

function printValue(table: AttributeTable, at: number, dictionary: Dictionary): string {
  const word = table.words[2 * at]!;
  switch (table.type[at]) {
    case EMPTY:
      return "∅";
    case STRING:
      return quote(dictionary, word);
    case BOOL:
      return word === 1 ? "true" : word === 0 ? "false" : `bool(${word})`;
    case INT:
      return String(table.bigs[at]!);
    case DOUBLE: {
      const value = table.doubles[at]!;
      return `${Object.is(value, -0) ? "-0" : value}d`;
    }
    case BYTES:
      return `hex(${printEntryHex(dictionary, word)})`;
    case ARRAY:
      return `array(${printEntryHex(dictionary, word)})`;
    case MAP:
      return `map(${printEntryHex(dictionary, word)})`;
    default:
      return `type${table.type[at]}(${word})`;
  }
}

function printEntryHex(dictionary: Dictionary, entry: number): string {
  const bytes = dictionary.bytes(entry);
  return printHex(bytes, 0, bytes.length);
}

function printHex(bytes: Uint8Array, start: number, length: number): string {
  let hex = "";
  for (let at = start; at < start + length; at++) hex += bytes[at]!.toString(16).padStart(2, "0");
  return hex;
}

function printTime(us: number, restNs: number): string {
  return restNs === 0 ? `${us}us` : `${us}us+${restNs}ns`;
}

function printEntry(dictionary: Dictionary, label: string, entry: number): string {
  return entry === 0 ? "" : label + quote(dictionary, entry);
}

function printCount(label: string, count: number): string {
  return count === 0 ? "" : label + count;
}

function printName(label: string, names: readonly string[], number: number): string {
  return number === 0 ? "" : label + (names[number] ?? number);
}

function quote(dictionary: Dictionary, entry: number): string {
  if (dictionary.isUtf8(entry)) return JSON.stringify(dictionary.text(entry));
  let text = "";
  for (const byte of dictionary.bytes(entry)) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${text}"`;
}
