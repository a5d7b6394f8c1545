// Drops spans that are there twice, as after a repeated send or a copy into an archive.
//
//   rows with the same span id ─▶ same content, resource and scope included? ─▶ the first one stays
//
// Compared are contents: two resources with equal attributes are one. Attributes have to be sorted.
// Source: Jaeger v2, adjuster DeduplicateSpans (which compares a hash alone).
// Trust: hashes are seeded per process, so that spans cannot be made to look alike; each distinct row
// is hashed once and compared with the rows of the same hash.

import type { AttributeTable } from "../../model/attribute-table.ts";
import { RowCopier } from "../../model/copy-rows.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import type { SpanIdIndex } from "./span-id-index.ts";

/** Differs in every process. */
const SEED = (Math.random() * 0x7fffffff) | 0;

/**
 * @param index of the span ids of `batch`.
 * @returns `batch` itself if nothing is there twice, else a copy of the rows that stay.
 * Cost: a look at each row; only spans that share their id are hashed and compared.
 */
export function dropDuplicates(batch: SpanBatch, index: SpanIdIndex): SpanBatch {
  const isDuplicate = findDuplicates(batch, index);
  if (isDuplicate === undefined) return batch;
  const kept = new SpanBatch();
  const copier = new RowCopier(batch, kept);
  for (let row = 0; row < batch.rows; row++) {
    if (isDuplicate[row] === 0) copier.copyRow(row);
  }
  return kept;
}

function findDuplicates(batch: SpanBatch, index: SpanIdIndex): Uint8Array | undefined {
  let content: RowContent | undefined;
  let isDuplicate: Uint8Array | undefined;
  for (let row = 0; row < batch.rows; row++) {
    if (index.next(row) < 0 || index.first(batch.spanId, row) !== row) continue;
    content ??= new RowContent(batch);
    const rowsByHash = new Map<number, number[]>();
    for (let same = row; same >= 0; same = index.next(same)) {
      const hash = content.hash(same);
      const rows = rowsByHash.get(hash);
      if (rows === undefined) {
        rowsByHash.set(hash, [same]);
      } else if (rows.some((other) => content!.equals(other, same))) {
        isDuplicate ??= new Uint8Array(batch.rows);
        isDuplicate[same] = 1;
      } else {
        rows.push(same);
      }
    }
  }
  return isDuplicate;
}

/** Hashes and compares rows of one batch. */
class RowContent {
  readonly #batch: SpanBatch;
  /** Resource → the first resource with the same content; scopes alike. */
  readonly #resources: Uint32Array;
  readonly #scopes: Uint32Array;

  constructor(batch: SpanBatch) {
    this.#batch = batch;
    const { resourceAttributes, resourceAttributeStart, resourceAttributeEnd } = batch;
    this.#resources = mergeEqual(
      [batch.resourceSchemaUrl, batch.resourceDropped],
      { table: resourceAttributes, start: resourceAttributeStart, end: resourceAttributeEnd },
      batch.resources,
    );
    const { scopeAttributes, scopeAttributeStart, scopeAttributeEnd } = batch;
    this.#scopes = mergeEqual(
      [batch.scopeName, batch.scopeVersion, batch.scopeSchemaUrl, batch.scopeDropped],
      { table: scopeAttributes, start: scopeAttributeStart, end: scopeAttributeEnd },
      batch.scopes,
    );
  }

  hash(row: number): number {
    const batch = this.#batch;
    let hash = mix(SEED, this.#resources[batch.resource[row]!]!);
    hash = mix(hash, this.#scopes[batch.scope[row]!]!);
    for (const column of rowColumns(batch)) hash = mixNumber(hash, column[row]!);
    for (let at = 8 * row; at < 8 * row + 8; at++) hash = mix(hash, batch.parentSpanId[at]!);
    const [start, end] = [batch.attributeStart[row]!, batch.attributeStart[row + 1]!];
    hash = hashRange(hash, batch.spanAttributes, start, end);
    for (let event = batch.eventStart[row]!; event < batch.eventStart[row + 1]!; event++) {
      for (const column of eventColumns(batch)) hash = mixNumber(hash, column[event]!);
      const from = batch.eventAttributeStart[event]!;
      hash = hashRange(hash, batch.eventAttributes, from, batch.eventAttributeStart[event + 1]!);
    }
    for (let link = batch.linkStart[row]!; link < batch.linkStart[row + 1]!; link++) {
      for (const column of linkColumns(batch)) hash = mixNumber(hash, column[link]!);
      for (let at = 8 * link; at < 8 * link + 8; at++) hash = mix(hash, batch.linkSpanId[at]!);
      const from = batch.linkAttributeStart[link]!;
      hash = hashRange(hash, batch.linkAttributes, from, batch.linkAttributeStart[link + 1]!);
    }
    return hash;
  }

  equals(a: number, b: number): boolean {
    const batch = this.#batch;
    if (this.#resources[batch.resource[a]!] !== this.#resources[batch.resource[b]!]) return false;
    if (this.#scopes[batch.scope[a]!] !== this.#scopes[batch.scope[b]!]) return false;
    return (
      rowColumns(batch).every((column) => column[a] === column[b]) &&
      equalBytes(batch.traceId, 16, a, b) &&
      equalBytes(batch.spanId, 8, a, b) &&
      equalBytes(batch.parentSpanId, 8, a, b) &&
      equalRanges(batch.spanAttributes, batch.attributeStart, a, b) &&
      this.#equalEvents(a, b) &&
      this.#equalLinks(a, b)
    );
  }

  #equalEvents(a: number, b: number): boolean {
    const batch = this.#batch;
    return equalLists(batch.eventStart, a, b, (one, other) => {
      const same = eventColumns(batch).every((column) => column[one] === column[other]);
      return same && equalRanges(batch.eventAttributes, batch.eventAttributeStart, one, other);
    });
  }

  #equalLinks(a: number, b: number): boolean {
    const batch = this.#batch;
    return equalLists(
      batch.linkStart,
      a,
      b,
      (one, other) =>
        equalBytes(batch.linkTraceId, 16, one, other) &&
        equalBytes(batch.linkSpanId, 8, one, other) &&
        linkColumns(batch).every((column) => column[one] === column[other]) &&
        equalRanges(batch.linkAttributes, batch.linkAttributeStart, one, other),
    );
  }
}

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

function rowColumns(batch: SpanBatch): readonly Column[] {
  return [
    batch.startUs,
    batch.startRestNs,
    batch.durationNs,
    batch.name,
    batch.statusMessage,
    batch.traceState,
    batch.kind,
    batch.statusCode,
    batch.origin,
    batch.flags,
    batch.droppedAttributes,
    batch.droppedEvents,
    batch.droppedLinks,
  ];
}

function eventColumns(batch: SpanBatch): readonly Column[] {
  return [batch.eventUs, batch.eventRestNs, batch.eventName, batch.eventDropped];
}

function linkColumns(batch: SpanBatch): readonly Column[] {
  return [batch.linkTraceState, batch.linkFlags, batch.linkDropped];
}

interface Ranges {
  readonly table: AttributeTable;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
}

/** Owner → the first owner with the same numbers in `columns` and the same attributes. */
function mergeEqual(columns: readonly Column[], ranges: Ranges, count: number): Uint32Array {
  const { table, start, end } = ranges;
  const lengthOf = (owner: number): number => end[owner]! - start[owner]!;
  const merged = new Uint32Array(count);
  const ownersByHash = new Map<number, number[]>();
  for (let owner = 0; owner < count; owner++) {
    let hash = SEED;
    for (const column of columns) hash = mixNumber(hash, column[owner]!);
    hash = hashRange(hash, table, start[owner]!, end[owner]!);
    const owners = ownersByHash.get(hash) ?? [];
    const first = owners.find(
      (other) =>
        columns.every((column) => column[other] === column[owner]) &&
        lengthOf(other) === lengthOf(owner) &&
        equalAttributes(table, start[other]!, start[owner]!, lengthOf(owner)),
    );
    merged[owner] = first ?? owner;
    if (first === undefined) ownersByHash.set(hash, [...owners, owner]);
  }
  return merged;
}

function hashRange(hash: number, table: AttributeTable, start: number, end: number): number {
  let mixed = mix(hash, end - start);
  for (let at = start; at < end; at++) {
    mixed = mix(mixed, table.key[at]! ^ (table.type[at]! << 28));
    mixed = mix(mixed, table.words[2 * at]!);
    mixed = mix(mixed, table.words[2 * at + 1]!);
  }
  return mixed;
}

function equalRanges(table: AttributeTable, starts: Uint32Array, a: number, b: number): boolean {
  const length = starts[a + 1]! - starts[a]!;
  return (
    length === starts[b + 1]! - starts[b]! && equalAttributes(table, starts[a]!, starts[b]!, length)
  );
}

function equalAttributes(table: AttributeTable, a: number, b: number, length: number): boolean {
  const { key, type, words } = table;
  for (let i = 0; i < length; i++) {
    if (key[a + i] !== key[b + i] || type[a + i] !== type[b + i]) return false;
    if (words[2 * (a + i)] !== words[2 * (b + i)]) return false;
    if (words[2 * (a + i) + 1] !== words[2 * (b + i) + 1]) return false;
  }
  return true;
}

function equalLists(
  starts: Uint32Array,
  a: number,
  b: number,
  equal: (one: number, other: number) => boolean,
): boolean {
  const length = starts[a + 1]! - starts[a]!;
  if (length !== starts[b + 1]! - starts[b]!) return false;
  for (let i = 0; i < length; i++) {
    if (!equal(starts[a]! + i, starts[b]! + i)) return false;
  }
  return true;
}

function equalBytes(column: Uint8Array, size: number, a: number, b: number): boolean {
  for (let i = 0; i < size; i++) {
    if (column[size * a + i] !== column[size * b + i]) return false;
  }
  return true;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x5bd1e995);
  return mixed ^ (mixed >>> 15);
}

/** Doubles of times are whole numbers: both halves count. */
function mixNumber(hash: number, value: number): number {
  return mix(mix(hash, value | 0), Math.floor(value / 0x1_0000_0000) | 0);
}
