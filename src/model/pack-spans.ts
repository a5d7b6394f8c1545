// A SpanBatch as one ArrayBuffer and back, for threads that hand batches to one another.
//
//   header   u32 each: MAGIC, how many rows, events, links, …, how many bytes of text
//   columns  those of the batch in a fixed order, each as long as it is used, from a multiple of 8 bytes
//
// A port moves the buffer instead of copying it, and what comes out are views of it. No text is decoded;
// only the hashes are made anew, for those of another thread differ (hash-bytes.ts).
//
// Trust: the other end is this program. The header must say what the buffer's length says; what the
// columns hold is not looked at.
// Not here: bytes that outlive a process (store/block), bytes of any format (wire/).

import { SpoorError } from "../base/errors.ts";
import type { AttributeTable } from "./attribute-table.ts";
import { SpanBatch } from "./span-batch.ts";

const MAGIC = 0x31_42_50_53; // "SPB1" in the order in which the machine writes it
/** Where each number stands in the header. */
const ROWS = 1;
const EVENTS = 2;
const LINKS = 3;
const RESOURCES = 4;
const SCOPES = 5;
const SPAN_ATTRIBUTES = 6;
const EVENT_ATTRIBUTES = 7;
const LINK_ATTRIBUTES = 8;
const RESOURCE_ATTRIBUTES = 9;
const SCOPE_ATTRIBUTES = 10;
const ENTRIES = 11;
const TEXT_BYTES = 12;
const INVALID_ENTRIES = 13;
const HEADER_WORDS = 14;

/** The widest column. */
const ALIGNMENT = 8;

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/**
 * Packs the rows of `batch`, which stays as it is. Cost: one copy of what is used; 10 ms for 100,000 spans
 * of 12 attributes.
 *
 * @returns a buffer of its own, so that it can be put on the list of what a message transfers.
 */
export function packSpans(batch: SpanBatch): ArrayBuffer {
  const columns: Column[] = [headerOf(batch)];
  addRows(columns, batch);
  addEventsAndLinks(columns, batch);
  addOwners(columns, batch);
  addAttributes(columns, batch.spanAttributes);
  addAttributes(columns, batch.eventAttributes);
  addAttributes(columns, batch.linkAttributes);
  addAttributes(columns, batch.resourceAttributes);
  addAttributes(columns, batch.scopeAttributes);
  const { ends, count, arena, arenaBytes, invalidEntries } = batch.dictionary;
  columns.push(ends.subarray(0, count), Uint32Array.from(invalidEntries));
  columns.push(arena.subarray(0, arenaBytes));

  let bytes = 0;
  for (const column of columns) bytes += paddedBytes(column.byteLength);
  const packed = new Uint8Array(bytes);
  let at = 0;
  for (const column of columns) {
    packed.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at += paddedBytes(column.byteLength);
  }
  return packed.buffer;
}

/**
 * The batch that was packed, over the bytes of `packed`, which belong to it from now on. It can be added
 * to: a column that is full moves away as always.
 *
 * @throws SpoorError `bad-input` if the buffer is not one of `packSpans`.
 * Cost: 30 ns a text of the dictionary.
 */
export function unpackSpans(packed: ArrayBuffer): SpanBatch {
  const columns = new ColumnReader(packed);
  const batch = new SpanBatch();
  takeRows(columns, batch);
  takeEventsAndLinks(columns, batch);
  takeOwners(columns, batch);
  takeAttributes(columns, batch.spanAttributes, columns.header(SPAN_ATTRIBUTES));
  takeAttributes(columns, batch.eventAttributes, columns.header(EVENT_ATTRIBUTES));
  takeAttributes(columns, batch.linkAttributes, columns.header(LINK_ATTRIBUTES));
  takeAttributes(columns, batch.resourceAttributes, columns.header(RESOURCE_ATTRIBUTES));
  takeAttributes(columns, batch.scopeAttributes, columns.header(SCOPE_ATTRIBUTES));
  const ends = columns.words(columns.header(ENTRIES));
  const invalidEntries = [...columns.words(columns.header(INVALID_ENTRIES))];
  const arena = columns.bytes(columns.header(TEXT_BYTES));
  columns.end();
  if (ends.length === 0 || ends[ends.length - 1] !== arena.length)
    throw unfit(packed, arena.length);
  batch.dictionary.adopt({ arena, ends, invalidEntries });
  return batch;
}

function headerOf(batch: SpanBatch): Uint32Array {
  const header = new Uint32Array(HEADER_WORDS);
  header[0] = MAGIC;
  header[ROWS] = batch.rows;
  header[EVENTS] = batch.events;
  header[LINKS] = batch.links;
  header[RESOURCES] = batch.resources;
  header[SCOPES] = batch.scopes;
  header[SPAN_ATTRIBUTES] = batch.spanAttributes.count;
  header[EVENT_ATTRIBUTES] = batch.eventAttributes.count;
  header[LINK_ATTRIBUTES] = batch.linkAttributes.count;
  header[RESOURCE_ATTRIBUTES] = batch.resourceAttributes.count;
  header[SCOPE_ATTRIBUTES] = batch.scopeAttributes.count;
  header[ENTRIES] = batch.dictionary.count;
  header[TEXT_BYTES] = batch.dictionary.arenaBytes;
  header[INVALID_ENTRIES] = batch.dictionary.invalidEntries.length;
  return header;
}

function addRows(columns: Column[], batch: SpanBatch): void {
  const rows = batch.rows;
  if (rows === 0) return;
  columns.push(
    batch.traceId.subarray(0, 16 * rows),
    batch.spanId.subarray(0, 8 * rows),
    batch.parentSpanId.subarray(0, 8 * rows),
    batch.startUs.subarray(0, rows),
    batch.startRestNs.subarray(0, rows),
    batch.durationNs.subarray(0, rows),
    batch.name.subarray(0, rows),
    batch.statusMessage.subarray(0, rows),
    batch.traceState.subarray(0, rows),
    batch.kind.subarray(0, rows),
    batch.statusCode.subarray(0, rows),
    batch.origin.subarray(0, rows),
    batch.flags.subarray(0, rows),
    batch.droppedAttributes.subarray(0, rows),
    batch.droppedEvents.subarray(0, rows),
    batch.droppedLinks.subarray(0, rows),
    batch.resource.subarray(0, rows),
    batch.scope.subarray(0, rows),
    batch.attributeStart.subarray(0, rows + 1),
    batch.eventStart.subarray(0, rows + 1),
    batch.linkStart.subarray(0, rows + 1),
  );
}

function takeRows(columns: ColumnReader, batch: SpanBatch): void {
  const rows = columns.header(ROWS);
  if (rows === 0) return;
  batch.rows = rows;
  batch.traceId = columns.bytes(16 * rows);
  batch.spanId = columns.bytes(8 * rows);
  batch.parentSpanId = columns.bytes(8 * rows);
  batch.traceIdWords = wordsOf(batch.traceId);
  batch.spanIdWords = wordsOf(batch.spanId);
  batch.parentSpanIdWords = wordsOf(batch.parentSpanId);
  batch.startUs = columns.doubles(rows);
  batch.startRestNs = columns.shorts(rows);
  batch.durationNs = columns.doubles(rows);
  batch.name = columns.words(rows);
  batch.statusMessage = columns.words(rows);
  batch.traceState = columns.words(rows);
  batch.kind = columns.bytes(rows);
  batch.statusCode = columns.bytes(rows);
  batch.origin = columns.bytes(rows);
  batch.flags = columns.words(rows);
  batch.droppedAttributes = columns.words(rows);
  batch.droppedEvents = columns.words(rows);
  batch.droppedLinks = columns.words(rows);
  batch.resource = columns.words(rows);
  batch.scope = columns.words(rows);
  batch.attributeStart = columns.words(rows + 1);
  batch.eventStart = columns.words(rows + 1);
  batch.linkStart = columns.words(rows + 1);
}

function addEventsAndLinks(columns: Column[], batch: SpanBatch): void {
  const { events, links } = batch;
  if (events > 0) {
    columns.push(
      batch.eventUs.subarray(0, events),
      batch.eventRestNs.subarray(0, events),
      batch.eventName.subarray(0, events),
      batch.eventDropped.subarray(0, events),
      batch.eventAttributeStart.subarray(0, events + 1),
    );
  }
  if (links > 0) {
    columns.push(
      batch.linkTraceId.subarray(0, 16 * links),
      batch.linkSpanId.subarray(0, 8 * links),
      batch.linkTraceState.subarray(0, links),
      batch.linkFlags.subarray(0, links),
      batch.linkDropped.subarray(0, links),
      batch.linkAttributeStart.subarray(0, links + 1),
    );
  }
}

function takeEventsAndLinks(columns: ColumnReader, batch: SpanBatch): void {
  const events = columns.header(EVENTS);
  if (events > 0) {
    batch.events = events;
    batch.eventUs = columns.doubles(events);
    batch.eventRestNs = columns.shorts(events);
    batch.eventName = columns.words(events);
    batch.eventDropped = columns.words(events);
    batch.eventAttributeStart = columns.words(events + 1);
  }
  const links = columns.header(LINKS);
  if (links > 0) {
    batch.links = links;
    batch.linkTraceId = columns.bytes(16 * links);
    batch.linkSpanId = columns.bytes(8 * links);
    batch.linkTraceState = columns.words(links);
    batch.linkFlags = columns.words(links);
    batch.linkDropped = columns.words(links);
    batch.linkAttributeStart = columns.words(links + 1);
  }
}

function addOwners(columns: Column[], batch: SpanBatch): void {
  const { resources, scopes } = batch;
  if (resources > 0) {
    columns.push(
      batch.resourceSchemaUrl.subarray(0, resources),
      batch.resourceDropped.subarray(0, resources),
      batch.resourceAttributeStart.subarray(0, resources),
      batch.resourceAttributeEnd.subarray(0, resources),
    );
  }
  if (scopes > 0) {
    columns.push(
      batch.scopeName.subarray(0, scopes),
      batch.scopeVersion.subarray(0, scopes),
      batch.scopeSchemaUrl.subarray(0, scopes),
      batch.scopeDropped.subarray(0, scopes),
      batch.scopeAttributeStart.subarray(0, scopes),
      batch.scopeAttributeEnd.subarray(0, scopes),
    );
  }
}

function takeOwners(columns: ColumnReader, batch: SpanBatch): void {
  const resources = columns.header(RESOURCES);
  if (resources > 0) {
    batch.resources = resources;
    batch.resourceSchemaUrl = columns.words(resources);
    batch.resourceDropped = columns.words(resources);
    batch.resourceAttributeStart = columns.words(resources);
    batch.resourceAttributeEnd = columns.words(resources);
  }
  const scopes = columns.header(SCOPES);
  if (scopes > 0) {
    batch.scopes = scopes;
    batch.scopeName = columns.words(scopes);
    batch.scopeVersion = columns.words(scopes);
    batch.scopeSchemaUrl = columns.words(scopes);
    batch.scopeDropped = columns.words(scopes);
    batch.scopeAttributeStart = columns.words(scopes);
    batch.scopeAttributeEnd = columns.words(scopes);
  }
}

function addAttributes(columns: Column[], { key, type, words, count }: AttributeTable): void {
  if (count === 0) return;
  columns.push(key.subarray(0, count), type.subarray(0, count), words.subarray(0, 2 * count));
}

function takeAttributes(columns: ColumnReader, table: AttributeTable, count: number): void {
  if (count === 0) return;
  table.count = count;
  table.key = columns.words(count);
  table.type = columns.bytes(count);
  const words = columns.words(2 * count);
  table.words = words;
  table.doubles = new Float64Array(words.buffer, words.byteOffset, count);
  table.bigs = new BigInt64Array(words.buffer, words.byteOffset, count);
}

/** Takes one column after the other out of a packed batch. */
class ColumnReader {
  readonly #packed: ArrayBuffer;
  readonly #header: Uint32Array;
  #at = paddedBytes(4 * HEADER_WORDS);

  constructor(packed: ArrayBuffer) {
    if (packed.byteLength < this.#at) throw unfit(packed, this.#at);
    this.#packed = packed;
    this.#header = new Uint32Array(packed, 0, HEADER_WORDS);
    if (this.#header[0] !== MAGIC) throw new SpoorError("bad-input", "not a packed batch");
  }

  header(index: number): number {
    return this.#header[index]!;
  }

  bytes(count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#packed, this.#take(count), count);
  }

  shorts(count: number): Uint16Array {
    return new Uint16Array(this.#packed, this.#take(2 * count), count);
  }

  words(count: number): Uint32Array {
    return new Uint32Array(this.#packed, this.#take(4 * count), count);
  }

  doubles(count: number): Float64Array {
    return new Float64Array(this.#packed, this.#take(8 * count), count);
  }

  /** Says that this was the last column. */
  end(): void {
    if (this.#at !== this.#packed.byteLength) throw unfit(this.#packed, this.#at);
  }

  #take(bytes: number): number {
    const start = this.#at;
    const end = start + paddedBytes(bytes);
    if (end > this.#packed.byteLength) throw unfit(this.#packed, end);
    this.#at = end;
    return start;
  }
}

function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function wordsOf(column: Uint8Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.byteLength / 4);
}

function unfit(packed: ArrayBuffer, expectedBytes: number): SpoorError {
  const where = { bytes: packed.byteLength, expectedBytes };
  return new SpoorError("bad-input", "a packed batch is of another length than it says", where);
}
