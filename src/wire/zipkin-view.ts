// What of a SpanBatch goes into Zipkin's tags and annotations, for every writer of Zipkin's formats.
//
//   tags         attributes of the resource · otel.scope.name, otel.scope.version · attributes of the
//                span · span.kind (internal alone) · otel.status_code, otel.status_description · error ·
//                w3c.tracestate · otlp.link.N
//   annotation   the event's name, or  name|{"key":"value"}|dropped  if there is more to say
//
// Of a key that comes twice readers keep the last value, so what the span says goes before what its
// resource says. Entries of the dictionary that are no UTF-8 come as U+FFFD.
//
// Source: opentelemetry-collector-contrib pkg/translator/zipkin/zipkinv2 from_translator.go;
// docs/span-mapping.md is the rule.
// Not here: bytes (write-zipkin-json.ts, write-zipkin-thrift.ts), the way in (zipkin-rows.ts).

import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  INT,
  MAP,
  STRING,
} from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import {
  KIND_INTERNAL,
  ORIGIN_JAEGER_PROTO,
  ORIGIN_JAEGER_THRIFT,
  ORIGIN_ZIPKIN,
  STATUS_ERROR,
  STATUS_OK,
  type SpanBatch,
} from "../model/span-batch.ts";
import { printAnyValues, printDouble, printInt64 } from "./any-value-text.ts";
import { printBase64 } from "./base64-text.ts";
import { LINK_PREFIX } from "./zipkin-keys.ts";
import { ZIPKIN_DEBUG, ZIPKIN_SHARED } from "./zipkin-v1.ts";

/** Takes the tags of a span in the order in which readers shall see them. */
export interface ZipkinTagVisitor {
  attribute(table: AttributeTable, at: number): void;
  /** A tag of ours; neither text is an entry of the dictionary. */
  text(key: string, value: string): void;
}

const JAEGER_DEBUG = 2;

/** How one batch is shown. Make it when the batch is complete. */
export class ZipkinView {
  readonly batch: SpanBatch;
  readonly #serviceKey: number;
  readonly #errorKey: number;

  constructor(batch: SpanBatch) {
    this.batch = batch;
    this.#serviceKey = batch.dictionary.findText("service.name");
    this.#errorKey = batch.dictionary.findText("error");
  }

  visitTags(row: number, visitor: ZipkinTagVisitor): void {
    const batch = this.batch;
    this.#visitResource(batch.resource[row]!, visitor);
    this.#visitScope(batch.scope[row]!, visitor);
    const table = batch.spanAttributes;
    const end = batch.attributeStart[row + 1]!;
    let hasError = false;
    for (let at = batch.attributeStart[row]!; at < end; at++) {
      if (table.key[at] === this.#errorKey) hasError = true;
      visitor.attribute(table, at);
    }
    if (batch.kind[row] === KIND_INTERNAL) visitor.text("span.kind", "internal");
    this.#visitStatus(row, hasError, visitor);
    const state = batch.traceState[row]!;
    if (state !== 0) visitor.text("w3c.tracestate", batch.dictionary.text(state));
    const first = batch.linkStart[row]!;
    const linkEnd = batch.linkStart[row + 1]!;
    for (let link = first; link < linkEnd; link++) {
      visitor.text(`${LINK_PREFIX}${link - first}`, printLink(batch, link));
    }
  }

  /** What the annotation says that stands for event `event`. */
  annotation(event: number): string {
    const { dictionary, eventName, eventDropped, eventAttributes, eventAttributeStart } =
      this.batch;
    const name = dictionary.text(eventName[event]!);
    const start = eventAttributeStart[event]!;
    const end = eventAttributeStart[event + 1]!;
    const dropped = eventDropped[event]!;
    if (start === end && dropped === 0) return name;
    return `${name}|${printObject(eventAttributes, dictionary, start, end)}|${dropped}`;
  }

  isDebug(row: number): boolean {
    const origin = this.batch.origin[row];
    const flags = this.batch.flags[row]!;
    if (origin === ORIGIN_ZIPKIN) return (flags & ZIPKIN_DEBUG) !== 0;
    const isJaeger = origin === ORIGIN_JAEGER_THRIFT || origin === ORIGIN_JAEGER_PROTO;
    return isJaeger && (flags & JAEGER_DEBUG) !== 0;
  }

  /** True for the server's half of a span that client and server share. */
  isShared(row: number): boolean {
    const { origin, flags } = this.batch;
    return origin[row] === ORIGIN_ZIPKIN && (flags[row]! & ZIPKIN_SHARED) !== 0;
  }

  /** The service is told by the endpoint. */
  #visitResource(resource: number, visitor: ZipkinTagVisitor): void {
    const { resourceAttributes: table, resourceAttributeStart, resourceAttributeEnd } = this.batch;
    const isNamed = this.batch.serviceOf(resource) !== 0;
    const end = resourceAttributeEnd[resource]!;
    for (let at = resourceAttributeStart[resource]!; at < end; at++) {
      if (!isNamed || table.key[at] !== this.#serviceKey) visitor.attribute(table, at);
    }
  }

  #visitScope(scope: number, visitor: ZipkinTagVisitor): void {
    const { dictionary, scopes, scopeName, scopeVersion } = this.batch;
    if (scope >= scopes) return;
    const name = scopeName[scope]!;
    const version = scopeVersion[scope]!;
    if (name !== 0) visitor.text("otel.scope.name", dictionary.text(name));
    if (version !== 0) visitor.text("otel.scope.version", dictionary.text(version));
  }

  #visitStatus(row: number, hasError: boolean, visitor: ZipkinTagVisitor): void {
    const { dictionary, statusCode, statusMessage } = this.batch;
    const code = statusCode[row];
    const message = statusMessage[row]!;
    if (code === STATUS_OK) visitor.text("otel.status_code", "OK");
    else if (code === STATUS_ERROR) visitor.text("otel.status_code", "ERROR");
    // Without a code a text would be no status.
    else if (message !== 0) visitor.text("otel.status_code", "UNSET");
    if (message !== 0) visitor.text("otel.status_description", dictionary.text(message));
    if (code === STATUS_ERROR && !hasError) visitor.text("error", "true");
  }
}

/** Attribute `at` as the text of a tag. Cost: a string. */
export function printTagValue(table: AttributeTable, at: number, dictionary: Dictionary): string {
  const low = table.words[2 * at]!;
  switch (table.type[at]) {
    case STRING:
      return dictionary.text(low);
    case BOOL:
      return low === 0 ? "false" : "true";
    case INT:
      return printInt64(low, table.words[2 * at + 1]!);
    case DOUBLE:
      return Object.is(table.doubles[at], -0) ? "-0" : String(table.doubles[at]);
    case BYTES:
      return printBase64(dictionary.bytes(low));
    case ARRAY:
    case MAP:
      return printAnyValues(table.type[at], dictionary.bytes(low));
    default:
      return "";
  }
}

function printLink(batch: SpanBatch, link: number): string {
  const { dictionary, linkAttributes, linkAttributeStart } = batch;
  const start = linkAttributeStart[link]!;
  const object = printObject(linkAttributes, dictionary, start, linkAttributeStart[link + 1]!);
  const traceId = printHex(batch.linkTraceId, 16 * link, 16);
  const spanId = printHex(batch.linkSpanId, 8 * link, 8);
  const state = dictionary.text(batch.linkTraceState[link]!);
  return `${traceId}|${spanId}|${state}|${object}|${batch.linkDropped[link]!}`;
}

/** Attributes as a JSON object, in their order. */
function printObject(
  table: AttributeTable,
  dictionary: Dictionary,
  start: number,
  end: number,
): string {
  const fields: string[] = [];
  for (let at = start; at < end; at++) {
    const key = JSON.stringify(dictionary.text(table.key[at]!));
    fields.push(`${key}:${printJson(table, at, dictionary)}`);
  }
  return `{${fields.join(",")}}`;
}

/** An integer that a number cannot hold comes as text. */
function printJson(table: AttributeTable, at: number, dictionary: Dictionary): string {
  const type = table.type[at];
  if (type === DOUBLE) return printDouble(table.doubles[at]!);
  const text = printTagValue(table, at, dictionary);
  const isPlain = type === BOOL || (type === INT && Number.isSafeInteger(Number(text)));
  return isPlain ? text : JSON.stringify(text);
}

function printHex(bytes: Uint8Array, start: number, length: number): string {
  let text = "";
  for (let at = start; at < start + length; at++) text += bytes[at]!.toString(16).padStart(2, "0");
  return text;
}
