// The one span shape of the program: a batch of spans as columns, grown in place.
//
//   row columns        one entry a span: ids, times, name, kind, status, flags, …
//   resources, scopes  one entry each; a row names its resource and its scope by index
//   events, links      flat lists; row r owns [eventStart[r], eventStart[r + 1]), links alike
//   attributes         five flat tables, one a level; owners have ranges in them
//   dictionary         every name, key, string and byte value once
//
// One pass of writing and many of reading. A reader of a format does, per span:
//
//   const row = batch.openRow(resource, scope);     columns of the row are zeroed
//   batch.name[row] = batch.dictionary.intern(…);   plain stores into the columns
//   batch.spanAttributes.add(key, STRING, value);   attributes of the open row
//   const event = batch.openEvent(); …; batch.closeEvent();
//   batch.closeRow();                               or batch.cancelRow()
//
// Resources and scopes are opened before their rows and may be filled in later: formats put their
// fields in any order. Columns move when the batch grows: never keep one in a variable across a call.
//
// Fidelity: docs/span-mapping.md says where each notion of OTLP, Jaeger and Zipkin lives here.
// Not here: bytes of any format (wire/), text (print-spans.ts), copying rows (copy-rows.ts).

import { AttributeTable, STRING } from "./attribute-table.ts";
import { Dictionary } from "./dictionary.ts";
import { EVENTS_MAX, LINKS_MAX, MemoryBound, OWNERS_MAX, ROWS_MAX, nextSize } from "./limits.ts";

/** OTLP's numbers of SpanKind. */
export const KIND_UNSPECIFIED = 0;
export const KIND_INTERNAL = 1;
export const KIND_SERVER = 2;
export const KIND_CLIENT = 3;
export const KIND_PRODUCER = 4;
export const KIND_CONSUMER = 5;

/** OTLP's numbers of StatusCode. */
export const STATUS_UNSET = 0;
export const STATUS_OK = 1;
export const STATUS_ERROR = 2;

/** Which family of formats a span came in: decides the meaning of `flags`. */
export const ORIGIN_OTLP = 0;
export const ORIGIN_JAEGER_THRIFT = 1;
export const ORIGIN_JAEGER_PROTO = 2;
export const ORIGIN_ZIPKIN = 3;

// Columns of one entry, in bytes.
const ROW_BYTES = 101;
const EVENT_BYTES = 22;
const LINK_BYTES = 40;
const RESOURCE_BYTES = 16;
const SCOPE_BYTES = 24;

// A batch without rows holds next to nothing: one is made for each trace of an answer.
const FIRST_ROWS = 32;
const FIRST_SMALL = 8;
const NO_BYTES = new Uint8Array(0);
const NO_SHORTS = new Uint16Array(0);
const NO_WORDS = new Uint32Array(0);
const NO_DOUBLES = new Float64Array(0);

/** Where a batch ended: what `rollBack` takes. */
export interface BatchMark {
  readonly rows: number;
  readonly events: number;
  readonly links: number;
  readonly resources: number;
  readonly scopes: number;
  /** Counts of the tables of spans, events, links, resources, scopes. */
  readonly attributes: readonly [number, number, number, number, number];
}

export class SpanBatch {
  readonly dictionary: Dictionary;

  /** Number of spans. */
  rows = 0;
  /** 16 bytes a row, big endian as on the wire; 64-bit ids are left-padded with zeros. */
  traceId: Uint8Array = NO_BYTES;
  /** 8 bytes a row, big endian. */
  spanId: Uint8Array = NO_BYTES;
  /** 8 bytes a row; all zero: a root. */
  parentSpanId: Uint8Array = NO_BYTES;
  /** The same bytes four at a time, for who copies ids whole. */
  traceIdWords: Uint32Array = NO_WORDS;
  spanIdWords: Uint32Array = NO_WORDS;
  parentSpanIdWords: Uint32Array = NO_WORDS;
  /** Whole µs since the Unix epoch; exact within ±2^53 (years 1684 to 2255). */
  startUs: Float64Array = NO_DOUBLES;
  /** Nanoseconds above `startUs`, 0..999. */
  startRestNs: Uint16Array = NO_SHORTS;
  /** Exact up to 2^53 ns (104 days); negative if the span ended before it started. */
  durationNs: Float64Array = NO_DOUBLES;
  /** Dictionary entries. */
  name: Uint32Array = NO_WORDS;
  statusMessage: Uint32Array = NO_WORDS;
  traceState: Uint32Array = NO_WORDS;
  /** KIND_…; a number outside OTLP's enum is kept if it fits 8 bits. */
  kind: Uint8Array = NO_BYTES;
  /** STATUS_… */
  statusCode: Uint8Array = NO_BYTES;
  /** ORIGIN_… */
  origin: Uint8Array = NO_BYTES;
  /** OTLP: W3C trace flags and bits 8, 9 · Jaeger: 1 sampled, 2 debug, 8 firehose. */
  flags: Uint32Array = NO_WORDS;
  droppedAttributes: Uint32Array = NO_WORDS;
  droppedEvents: Uint32Array = NO_WORDS;
  droppedLinks: Uint32Array = NO_WORDS;
  /** Index of the row's resource and scope. */
  resource: Uint32Array = NO_WORDS;
  scope: Uint32Array = NO_WORDS;
  /** Ranges of row r: [start[r], start[r + 1]) in spanAttributes, in the events, in the links. */
  attributeStart: Uint32Array = new Uint32Array(1);
  eventStart: Uint32Array = new Uint32Array(1);
  linkStart: Uint32Array = new Uint32Array(1);
  readonly spanAttributes: AttributeTable;

  events = 0;
  /** As `startUs`, `startRestNs`. */
  eventUs: Float64Array = NO_DOUBLES;
  eventRestNs: Uint16Array = NO_SHORTS;
  eventName: Uint32Array = NO_WORDS;
  eventDropped: Uint32Array = NO_WORDS;
  eventAttributeStart: Uint32Array = new Uint32Array(1);
  readonly eventAttributes: AttributeTable;

  links = 0;
  /** 16 and 8 bytes a link. */
  linkTraceId: Uint8Array = NO_BYTES;
  linkSpanId: Uint8Array = NO_BYTES;
  linkTraceState: Uint32Array = NO_WORDS;
  linkFlags: Uint32Array = NO_WORDS;
  linkDropped: Uint32Array = NO_WORDS;
  linkAttributeStart: Uint32Array = new Uint32Array(1);
  readonly linkAttributes: AttributeTable;

  resources = 0;
  resourceSchemaUrl: Uint32Array = NO_WORDS;
  resourceDropped: Uint32Array = NO_WORDS;
  resourceAttributeStart: Uint32Array = NO_WORDS;
  resourceAttributeEnd: Uint32Array = NO_WORDS;
  readonly resourceAttributes: AttributeTable;

  scopes = 0;
  scopeName: Uint32Array = NO_WORDS;
  scopeVersion: Uint32Array = NO_WORDS;
  scopeSchemaUrl: Uint32Array = NO_WORDS;
  scopeDropped: Uint32Array = NO_WORDS;
  scopeAttributeStart: Uint32Array = NO_WORDS;
  scopeAttributeEnd: Uint32Array = NO_WORDS;
  readonly scopeAttributes: AttributeTable;

  readonly #bound: MemoryBound;

  /** @param bytesMax what it may grow by, beyond its first few entries; a reader that needs more throws `bad-input`. */
  constructor(bytesMax = Number.POSITIVE_INFINITY) {
    const bound = new MemoryBound(bytesMax);
    this.#bound = bound;
    this.dictionary = new Dictionary(bound);
    this.spanAttributes = new AttributeTable(bound);
    this.eventAttributes = new AttributeTable(bound);
    this.linkAttributes = new AttributeTable(bound);
    this.resourceAttributes = new AttributeTable(bound);
    this.scopeAttributes = new AttributeTable(bound);
  }

  /** Forgets all rows and keeps the memory. */
  reset(): void {
    this.dictionary.reset();
    this.rows = this.events = this.links = this.resources = this.scopes = 0;
    this.spanAttributes.reset();
    this.eventAttributes.reset();
    this.linkAttributes.reset();
    this.resourceAttributes.reset();
    this.scopeAttributes.reset();
  }

  /** Where the batch ends now. Not within an open row. */
  mark(): BatchMark {
    const { rows, events, links, resources, scopes } = this;
    return {
      rows,
      events,
      links,
      resources,
      scopes,
      attributes: [
        this.spanAttributes.count,
        this.eventAttributes.count,
        this.linkAttributes.count,
        this.resourceAttributes.count,
        this.scopeAttributes.count,
      ],
    };
  }

  /** Takes back all that came after the mark, also a row that is open; the dictionary stays. */
  rollBack(mark: BatchMark): void {
    this.rows = mark.rows;
    this.events = mark.events;
    this.links = mark.links;
    this.resources = mark.resources;
    this.scopes = mark.scopes;
    [
      this.spanAttributes.count,
      this.eventAttributes.count,
      this.linkAttributes.count,
      this.resourceAttributes.count,
      this.scopeAttributes.count,
    ] = mark.attributes;
  }

  /** Begins row `rows`; it counts once it is closed. All its columns are zero. */
  openRow(resource: number, scope: number): number {
    const row = this.rows;
    if (row === this.kind.length) this.#growRows();
    for (let word = 4 * row; word < 4 * row + 4; word++) this.traceIdWords[word] = 0;
    this.spanIdWords[2 * row] = 0;
    this.spanIdWords[2 * row + 1] = 0;
    this.parentSpanIdWords[2 * row] = 0;
    this.parentSpanIdWords[2 * row + 1] = 0;
    this.startUs[row] = 0;
    this.startRestNs[row] = 0;
    this.durationNs[row] = 0;
    this.name[row] = 0;
    this.statusMessage[row] = 0;
    this.traceState[row] = 0;
    this.kind[row] = 0;
    this.statusCode[row] = 0;
    this.origin[row] = 0;
    this.flags[row] = 0;
    this.droppedAttributes[row] = 0;
    this.droppedEvents[row] = 0;
    this.droppedLinks[row] = 0;
    this.resource[row] = resource;
    this.scope[row] = scope;
    this.attributeStart[row] = this.spanAttributes.count;
    this.eventStart[row] = this.events;
    this.linkStart[row] = this.links;
    return row;
  }

  closeRow(): void {
    const end = ++this.rows;
    this.attributeStart[end] = this.spanAttributes.count;
    this.eventStart[end] = this.events;
    this.linkStart[end] = this.links;
  }

  /** Takes the open row back, with its attributes, events and links, also if one is still open. */
  cancelRow(): void {
    const row = this.rows;
    this.spanAttributes.count = this.attributeStart[row]!;
    const events = this.eventStart[row]!;
    this.events = events;
    this.eventAttributes.count = events === 0 ? 0 : this.eventAttributeStart[events]!;
    const links = this.linkStart[row]!;
    this.links = links;
    this.linkAttributes.count = links === 0 ? 0 : this.linkAttributeStart[links]!;
  }

  /** Begins an event of the open row. Attributes go to `eventAttributes`. */
  openEvent(): number {
    const event = this.events;
    if (event === this.eventName.length) this.#growEvents();
    this.eventUs[event] = 0;
    this.eventRestNs[event] = 0;
    this.eventName[event] = 0;
    this.eventDropped[event] = 0;
    this.eventAttributeStart[event] = this.eventAttributes.count;
    return event;
  }

  closeEvent(): void {
    this.eventAttributeStart[++this.events] = this.eventAttributes.count;
  }

  /** Begins a link of the open row. Attributes go to `linkAttributes`. */
  openLink(): number {
    const link = this.links;
    if (link === this.linkFlags.length) this.#growLinks();
    this.linkTraceId.fill(0, 16 * link, 16 * link + 16);
    this.linkSpanId.fill(0, 8 * link, 8 * link + 8);
    this.linkTraceState[link] = 0;
    this.linkFlags[link] = 0;
    this.linkDropped[link] = 0;
    this.linkAttributeStart[link] = this.linkAttributes.count;
    return link;
  }

  closeLink(): void {
    this.linkAttributeStart[++this.links] = this.linkAttributes.count;
  }

  /**
   * Adds an empty resource. Its attributes go to `resourceAttributes`, all of one resource in a run;
   * call `closeResource` after each run.
   */
  openResource(): number {
    const resource = this.resources++;
    if (resource === this.resourceDropped.length) this.#growResources();
    this.resourceSchemaUrl[resource] = 0;
    this.resourceDropped[resource] = 0;
    this.resourceAttributeStart[resource] = this.resourceAttributes.count;
    this.resourceAttributeEnd[resource] = this.resourceAttributes.count;
    return resource;
  }

  closeResource(resource: number): void {
    this.resourceAttributeEnd[resource] = this.resourceAttributes.count;
  }

  /** Adds an empty scope; as `openResource`. */
  openScope(): number {
    const scope = this.scopes++;
    if (scope === this.scopeDropped.length) this.#growScopes();
    this.scopeName[scope] = 0;
    this.scopeVersion[scope] = 0;
    this.scopeSchemaUrl[scope] = 0;
    this.scopeDropped[scope] = 0;
    this.scopeAttributeStart[scope] = this.scopeAttributes.count;
    this.scopeAttributeEnd[scope] = this.scopeAttributes.count;
    return scope;
  }

  closeScope(scope: number): void {
    this.scopeAttributeEnd[scope] = this.scopeAttributes.count;
  }

  /**
   * The dictionary entry of a resource's service name: its first string attribute `service.name`.
   * 0, the empty string, if it has none. Cost: the resource's attributes.
   */
  serviceOf(resource: number): number {
    const key = this.dictionary.findText("service.name");
    if (key < 0) return 0;
    const table = this.resourceAttributes;
    const end = this.resourceAttributeEnd[resource]!;
    for (let at = this.resourceAttributeStart[resource]!; at < end; at++) {
      if (table.key[at] === key && table.type[at] === STRING) return table.words[2 * at]!;
    }
    return 0;
  }

  /** Bytes of memory held by the columns, the dictionary and the tables. */
  memoryBytes(): number {
    return (
      ROW_BYTES * this.kind.length +
      EVENT_BYTES * this.eventName.length +
      LINK_BYTES * this.linkFlags.length +
      RESOURCE_BYTES * this.resourceDropped.length +
      SCOPE_BYTES * this.scopeDropped.length +
      this.dictionary.memoryBytes() +
      this.spanAttributes.memoryBytes() +
      this.eventAttributes.memoryBytes() +
      this.linkAttributes.memoryBytes() +
      this.resourceAttributes.memoryBytes() +
      this.scopeAttributes.memoryBytes()
    );
  }

  #growRows(): void {
    const size = nextSize(this.kind.length, { first: FIRST_ROWS, max: ROWS_MAX }, "spans");
    this.#bound.take(ROW_BYTES * (size - Math.max(this.kind.length, FIRST_ROWS)));
    this.traceId = grownBytes(this.traceId, 16 * size);
    this.spanId = grownBytes(this.spanId, 8 * size);
    this.parentSpanId = grownBytes(this.parentSpanId, 8 * size);
    this.traceIdWords = wordsOf(this.traceId);
    this.spanIdWords = wordsOf(this.spanId);
    this.parentSpanIdWords = wordsOf(this.parentSpanId);
    this.startUs = grownDoubles(this.startUs, size);
    this.startRestNs = grownShorts(this.startRestNs, size);
    this.durationNs = grownDoubles(this.durationNs, size);
    this.name = grownWords(this.name, size);
    this.statusMessage = grownWords(this.statusMessage, size);
    this.traceState = grownWords(this.traceState, size);
    this.kind = grownBytes(this.kind, size);
    this.statusCode = grownBytes(this.statusCode, size);
    this.origin = grownBytes(this.origin, size);
    this.flags = grownWords(this.flags, size);
    this.droppedAttributes = grownWords(this.droppedAttributes, size);
    this.droppedEvents = grownWords(this.droppedEvents, size);
    this.droppedLinks = grownWords(this.droppedLinks, size);
    this.resource = grownWords(this.resource, size);
    this.scope = grownWords(this.scope, size);
    this.attributeStart = grownWords(this.attributeStart, size + 1);
    this.eventStart = grownWords(this.eventStart, size + 1);
    this.linkStart = grownWords(this.linkStart, size + 1);
  }

  #growEvents(): void {
    const size = nextSize(this.eventName.length, { first: FIRST_SMALL, max: EVENTS_MAX }, "events");
    this.#bound.take(EVENT_BYTES * (size - Math.max(this.eventName.length, FIRST_SMALL)));
    this.eventUs = grownDoubles(this.eventUs, size);
    this.eventRestNs = grownShorts(this.eventRestNs, size);
    this.eventName = grownWords(this.eventName, size);
    this.eventDropped = grownWords(this.eventDropped, size);
    this.eventAttributeStart = grownWords(this.eventAttributeStart, size + 1);
  }

  #growLinks(): void {
    const size = nextSize(this.linkFlags.length, { first: FIRST_SMALL, max: LINKS_MAX }, "links");
    this.#bound.take(LINK_BYTES * (size - Math.max(this.linkFlags.length, FIRST_SMALL)));
    this.linkTraceId = grownBytes(this.linkTraceId, 16 * size);
    this.linkSpanId = grownBytes(this.linkSpanId, 8 * size);
    this.linkTraceState = grownWords(this.linkTraceState, size);
    this.linkFlags = grownWords(this.linkFlags, size);
    this.linkDropped = grownWords(this.linkDropped, size);
    this.linkAttributeStart = grownWords(this.linkAttributeStart, size + 1);
  }

  #growResources(): void {
    const size = nextSize(
      this.resourceDropped.length,
      { first: FIRST_SMALL, max: OWNERS_MAX },
      "resources",
    );
    this.#bound.take(RESOURCE_BYTES * (size - Math.max(this.resourceDropped.length, FIRST_SMALL)));
    this.resourceSchemaUrl = grownWords(this.resourceSchemaUrl, size);
    this.resourceDropped = grownWords(this.resourceDropped, size);
    this.resourceAttributeStart = grownWords(this.resourceAttributeStart, size);
    this.resourceAttributeEnd = grownWords(this.resourceAttributeEnd, size);
  }

  #growScopes(): void {
    const size = nextSize(
      this.scopeDropped.length,
      { first: FIRST_SMALL, max: OWNERS_MAX },
      "scopes",
    );
    this.#bound.take(SCOPE_BYTES * (size - Math.max(this.scopeDropped.length, FIRST_SMALL)));
    this.scopeName = grownWords(this.scopeName, size);
    this.scopeVersion = grownWords(this.scopeVersion, size);
    this.scopeSchemaUrl = grownWords(this.scopeSchemaUrl, size);
    this.scopeDropped = grownWords(this.scopeDropped, size);
    this.scopeAttributeStart = grownWords(this.scopeAttributeStart, size);
    this.scopeAttributeEnd = grownWords(this.scopeAttributeEnd, size);
  }
}

function wordsOf(column: Uint8Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.byteLength / 4);
}

function grownBytes(column: Uint8Array, size: number): Uint8Array {
  const grown = new Uint8Array(size);
  grown.set(column);
  return grown;
}

function grownShorts(column: Uint16Array, size: number): Uint16Array {
  const grown = new Uint16Array(size);
  grown.set(column);
  return grown;
}

function grownWords(column: Uint32Array, size: number): Uint32Array {
  const grown = new Uint32Array(size);
  grown.set(column);
  return grown;
}

function grownDoubles(column: Float64Array, size: number): Float64Array {
  const grown = new Float64Array(size);
  grown.set(column);
  return grown;
}
