// Rows of a batch as Zipkin v2 JSON, the body of POST /api/v2/spans (picture: zipkin-json.ts).
//
// What becomes a tag or an annotation is decided by zipkin-view.ts.
//
// Lost: the ns of times below one µs, types of values (a tag is text), which attributes were of the
// resource if their names do not say so, attributes of scopes, what was dropped of a span.
//
// Source: zipkin2-api.yaml. Not here: reading (zipkin-json.ts), v1.

import type { AttributeTable } from "../model/attribute-table.ts";
import { STRING } from "../model/attribute-table.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { isZero } from "./jaeger-view.ts";
import { JsonBytes, makePiece } from "./json-bytes.ts";
import { ZIPKIN_KINDS } from "./zipkin-keys.ts";
import { ZipkinView, printTagValue, type ZipkinTagVisitor } from "./zipkin-view.ts";

const TRACE_ID = makePiece('{"traceId":"');
const ID = makePiece('","id":"');
const PARENT_ID = makePiece('","parentId":"');
const NAME = makePiece('","name":');
const START = makePiece(',"timestamp":');
const DURATION = makePiece(',"duration":');
const SERVICE = makePiece(',"localEndpoint":{"serviceName":');
const ANNOTATIONS = makePiece(',"annotations":[');
const TIME = makePiece('{"timestamp":');
const VALUE = makePiece(',"value":');
const TAGS = makePiece(',"tags":{');

/** By number of the kind; "" for a kind that Zipkin does not have. */
const KINDS: readonly string[] = [...ZIPKIN_KINDS].reduce<string[]>((all, [name, kind]) => {
  all[kind] = `,"kind":"${name}"`;
  return all;
}, []);

/** All rows as one list. @throws SpoorError `unsupported` if it is longer than a string may be. */
export function writeZipkinJson(batch: SpanBatch): Uint8Array {
  const out = new JsonBytes();
  out.begin(batch.dictionary);
  const writer = new ZipkinJsonWriter(batch, out);
  out.ascii("[");
  for (let row = 0; row < batch.rows; row++) {
    if (row > 0) out.ascii(",");
    writer.span(row);
  }
  out.ascii("]");
  return out.take();
}

class ZipkinJsonWriter implements ZipkinTagVisitor {
  readonly #batch: SpanBatch;
  readonly #view: ZipkinView;
  readonly #out: JsonBytes;
  /** Tags of the span so far. */
  #count = 0;

  constructor(batch: SpanBatch, out: JsonBytes) {
    this.#batch = batch;
    this.#view = new ZipkinView(batch);
    this.#out = out;
  }

  span(row: number): void {
    const batch = this.#batch;
    const out = this.#out;
    out.raw(TRACE_ID);
    out.hex(batch.traceId, 16 * row, 16);
    out.raw(ID);
    out.hex(batch.spanId, 8 * row, 8);
    if (!isZero(batch.parentSpanId, 8 * row, 8)) {
      out.raw(PARENT_ID);
      out.hex(batch.parentSpanId, 8 * row, 8);
    }
    out.raw(NAME);
    out.entry(batch.name[row]!);
    out.ascii(KINDS[batch.kind[row]!] ?? "");
    if (batch.startUs[row]! >= 0) {
      out.raw(START);
      out.int(batch.startUs[row]!);
    }
    const durationUs = Math.floor(batch.durationNs[row]! / 1000);
    if (durationUs > 0) {
      out.raw(DURATION);
      out.int(durationUs);
    }
    const service = batch.serviceOf(batch.resource[row]!);
    if (service !== 0) {
      out.raw(SERVICE);
      out.entry(service);
      out.ascii("}");
    }
    this.#annotations(batch.eventStart[row]!, batch.eventStart[row + 1]!);
    this.#count = 0;
    this.#view.visitTags(row, this);
    if (this.#count > 0) out.ascii("}");
    if (this.#view.isDebug(row)) out.ascii(',"debug":true');
    if (this.#view.isShared(row)) out.ascii(',"shared":true');
    out.ascii("}");
  }

  attribute(table: AttributeTable, at: number): void {
    const out = this.#out;
    this.#nextTag();
    out.entry(table.key[at]!);
    out.ascii(":");
    if (table.type[at] === STRING) out.entry(table.words[2 * at]!);
    else out.quote(printTagValue(table, at, this.#batch.dictionary));
  }

  text(key: string, value: string): void {
    this.#nextTag();
    this.#out.quote(key);
    this.#out.ascii(":");
    this.#out.quote(value);
  }

  #nextTag(): void {
    if (this.#count === 0) this.#out.raw(TAGS);
    else this.#out.ascii(",");
    this.#count++;
  }

  #annotations(first: number, end: number): void {
    if (first === end) return;
    const out = this.#out;
    out.raw(ANNOTATIONS);
    for (let event = first; event < end; event++) {
      if (event > first) out.ascii(",");
      out.raw(TIME);
      out.int(Math.max(0, this.#batch.eventUs[event]!));
      out.raw(VALUE);
      out.quote(this.#view.annotation(event));
      out.ascii("}");
    }
    out.ascii("]");
  }
}
