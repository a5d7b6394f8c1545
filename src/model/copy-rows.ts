// Copies rows from one SpanBatch into another, with all that belongs to them.
//
//   from ──▶ entries of its dictionary    ─┐
//            resources, scopes             ├─ copied at first use, then remembered by their index
//            rows: events, links, values  ─┘─▶ appended to `to`
//
// The remembered numbers hold for one pair of batches as they are filled; `begin` forgets them and
// keeps the memory. Equal resources and scopes that `to` has from elsewhere are looked for only if the
// copiers into it share a SharedOwners.

import { assert } from "../base/assert.ts";
import { type AttributeTable, isEntryType } from "./attribute-table.ts";
import type { SpanBatch } from "./span-batch.ts";

const FIRST_ENTRIES = 1 << 10;
const FIRST_OWNERS = 16;

/** What several copiers have put into one batch: equal resources are there once, and scopes alike. */
export class SharedOwners {
  readonly #resources = new Map<string, number>();
  readonly #scopes = new Map<string, number>();

  /** The newest resource of `batch`, or an equal one that was there before: then it is taken back. */
  keepResource(batch: SpanBatch): number {
    const own = batch.resources - 1;
    const start = batch.resourceAttributeStart[own]!;
    const attributes = printNumbers(batch.resourceAttributes, start);
    const fields = `${batch.resourceSchemaUrl[own]} ${batch.resourceDropped[own]}`;
    const known = keep(this.#resources, `${fields}:${attributes}`, own);
    if (known === own) return own;
    batch.resources = own;
    batch.resourceAttributes.count = start;
    return known;
  }

  /** As `keepResource`. */
  keepScope(batch: SpanBatch): number {
    const own = batch.scopes - 1;
    const start = batch.scopeAttributeStart[own]!;
    const attributes = printNumbers(batch.scopeAttributes, start);
    const texts = [batch.scopeName[own], batch.scopeVersion[own], batch.scopeSchemaUrl[own]];
    const fields = `${texts.join(" ")} ${batch.scopeDropped[own]}`;
    const known = keep(this.#scopes, `${fields}:${attributes}`, own);
    if (known === own) return own;
    batch.scopes = own;
    batch.scopeAttributes.count = start;
    return known;
  }
}

function keep(known: Map<string, number>, content: string, own: number): number {
  const before = known.get(content);
  if (before !== undefined) return before;
  known.set(content, own);
  return own;
}

/** Attributes from `start` on as numbers: equal texts of one batch have one number. */
function printNumbers(table: AttributeTable, start: number): string {
  let numbers = "";
  for (let at = start; at < table.count; at++) {
    const value = `${table.words[2 * at]} ${table.words[2 * at + 1]}`;
    numbers += ` ${table.key[at]} ${table.type[at]} ${value}`;
  }
  return numbers;
}

export class RowCopier {
  #from: SpanBatch;
  #to: SpanBatch;
  readonly #owners: SharedOwners | undefined;
  /** Entry of `from` → entry of `to`; 0: not copied yet (entry 0 is 0 everywhere). */
  #entries: Uint32Array = new Uint32Array(FIRST_ENTRIES);
  /** Index in `from` → index in `to`, plus 1; 0: not copied yet. */
  #resources: Uint32Array = new Uint32Array(FIRST_OWNERS);
  #scopes: Uint32Array = new Uint32Array(FIRST_OWNERS);

  /** @param owners shared by all copiers into `to`, if equal resources and scopes shall be one. */
  constructor(from: SpanBatch, to: SpanBatch, owners?: SharedOwners) {
    this.#from = from;
    this.#to = to;
    this.#owners = owners;
    this.begin(from, to);
  }

  /**
   * Starts on another pair of batches, or on the same pair after one of them was reset or trimmed.
   * Cost: one store per entry of `from`.
   */
  begin(from: SpanBatch, to: SpanBatch): void {
    assert(from !== to, "rows are copied into another batch");
    this.#from = from;
    this.#to = to;
    this.#entries = cleared(this.#entries, from.dictionary.count);
    this.#resources = cleared(this.#resources, from.resources);
    this.#scopes = cleared(this.#scopes, from.scopes);
  }

  /** Copies row `row` of `from`. @returns its row in `to`. */
  copyRow(row: number): number {
    const from = this.#from;
    const to = this.#to;
    const resource = this.#copyResource(from.resource[row]!);
    const scope = this.#copyScope(from.scope[row]!);
    const own = to.openRow(resource, scope);
    copyBytes(from.traceId, 16 * row, to.traceId, 16 * own, 16);
    copyBytes(from.spanId, 8 * row, to.spanId, 8 * own, 8);
    copyBytes(from.parentSpanId, 8 * row, to.parentSpanId, 8 * own, 8);
    to.startUs[own] = from.startUs[row]!;
    to.startRestNs[own] = from.startRestNs[row]!;
    to.durationNs[own] = from.durationNs[row]!;
    to.name[own] = this.#copyEntry(from.name[row]!);
    to.statusMessage[own] = this.#copyEntry(from.statusMessage[row]!);
    to.traceState[own] = this.#copyEntry(from.traceState[row]!);
    to.kind[own] = from.kind[row]!;
    to.statusCode[own] = from.statusCode[row]!;
    to.origin[own] = from.origin[row]!;
    to.flags[own] = from.flags[row]!;
    to.droppedAttributes[own] = from.droppedAttributes[row]!;
    to.droppedEvents[own] = from.droppedEvents[row]!;
    to.droppedLinks[own] = from.droppedLinks[row]!;
    const start = from.attributeStart[row]!;
    this.#copyAttributes(
      from.spanAttributes,
      start,
      from.attributeStart[row + 1]!,
      to.spanAttributes,
    );
    const eventEnd = from.eventStart[row + 1]!;
    for (let event = from.eventStart[row]!; event < eventEnd; event++) this.#copyEvent(event);
    const linkEnd = from.linkStart[row + 1]!;
    for (let link = from.linkStart[row]!; link < linkEnd; link++) this.#copyLink(link);
    to.closeRow();
    return own;
  }

  #copyEvent(event: number): void {
    const from = this.#from;
    const to = this.#to;
    const own = to.openEvent();
    to.eventUs[own] = from.eventUs[event]!;
    to.eventRestNs[own] = from.eventRestNs[event]!;
    to.eventName[own] = this.#copyEntry(from.eventName[event]!);
    to.eventDropped[own] = from.eventDropped[event]!;
    const start = from.eventAttributeStart[event]!;
    const end = from.eventAttributeStart[event + 1]!;
    this.#copyAttributes(from.eventAttributes, start, end, to.eventAttributes);
    to.closeEvent();
  }

  #copyLink(link: number): void {
    const from = this.#from;
    const to = this.#to;
    const own = to.openLink();
    copyBytes(from.linkTraceId, 16 * link, to.linkTraceId, 16 * own, 16);
    copyBytes(from.linkSpanId, 8 * link, to.linkSpanId, 8 * own, 8);
    to.linkTraceState[own] = this.#copyEntry(from.linkTraceState[link]!);
    to.linkFlags[own] = from.linkFlags[link]!;
    to.linkDropped[own] = from.linkDropped[link]!;
    const start = from.linkAttributeStart[link]!;
    const end = from.linkAttributeStart[link + 1]!;
    this.#copyAttributes(from.linkAttributes, start, end, to.linkAttributes);
    to.closeLink();
  }

  #copyResource(resource: number): number {
    if (resource >= this.#resources.length) this.#resources = grown(this.#resources, resource + 1);
    const known = this.#resources[resource]!;
    if (known !== 0) return known - 1;
    const from = this.#from;
    const to = this.#to;
    let own = to.openResource();
    to.resourceSchemaUrl[own] = this.#copyEntry(from.resourceSchemaUrl[resource]!);
    to.resourceDropped[own] = from.resourceDropped[resource]!;
    const start = from.resourceAttributeStart[resource]!;
    const end = from.resourceAttributeEnd[resource]!;
    this.#copyAttributes(from.resourceAttributes, start, end, to.resourceAttributes);
    to.closeResource(own);
    if (this.#owners !== undefined) own = this.#owners.keepResource(to);
    this.#resources[resource] = own + 1;
    return own;
  }

  #copyScope(scope: number): number {
    if (scope >= this.#scopes.length) this.#scopes = grown(this.#scopes, scope + 1);
    const known = this.#scopes[scope]!;
    if (known !== 0) return known - 1;
    const from = this.#from;
    const to = this.#to;
    let own = to.openScope();
    to.scopeName[own] = this.#copyEntry(from.scopeName[scope]!);
    to.scopeVersion[own] = this.#copyEntry(from.scopeVersion[scope]!);
    to.scopeSchemaUrl[own] = this.#copyEntry(from.scopeSchemaUrl[scope]!);
    to.scopeDropped[own] = from.scopeDropped[scope]!;
    const start = from.scopeAttributeStart[scope]!;
    const end = from.scopeAttributeEnd[scope]!;
    this.#copyAttributes(from.scopeAttributes, start, end, to.scopeAttributes);
    to.closeScope(own);
    if (this.#owners !== undefined) own = this.#owners.keepScope(to);
    this.#scopes[scope] = own + 1;
    return own;
  }

  #copyAttributes(from: AttributeTable, start: number, end: number, to: AttributeTable): void {
    for (let at = start; at < end; at++) {
      const key = this.#copyEntry(from.key[at]!);
      const type = from.type[at]!;
      const low = from.words[2 * at]!;
      if (isEntryType(type)) to.add(key, type, this.#copyEntry(low));
      else to.addWords(key, type, low, from.words[2 * at + 1]!);
    }
  }

  #copyEntry(entry: number): number {
    if (entry === 0) return 0;
    if (entry >= this.#entries.length) this.#entries = grown(this.#entries, entry + 1);
    const known = this.#entries[entry]!;
    if (known !== 0) return known;
    const source = this.#from.dictionary;
    const start = source.start(entry);
    const end = source.ends[entry]!;
    const own = this.#to.dictionary.internHashed(source.arena, start, end, source.hashes[entry]!);
    this.#entries[entry] = own;
    return own;
  }
}

function cleared(column: Uint32Array, count: number): Uint32Array {
  if (column.length < count) return new Uint32Array(count * 2);
  column.fill(0);
  return column;
}

function grown(column: Uint32Array, count: number): Uint32Array {
  const bigger = new Uint32Array(count * 2);
  bigger.set(column);
  return bigger;
}

function copyBytes(
  from: Uint8Array,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i]!;
}
