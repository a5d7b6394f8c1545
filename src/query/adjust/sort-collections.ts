// One order for what formats send in any order, so that equal spans look equal.
//
//   attributes of resources, scopes, spans, events, links   by key, as bytes; equal keys stay in order
//   events of a span                                        by time; equal times stay in order
//
// Source: Jaeger v2, adjuster SortCollections.
// Cost: the distinct keys are sorted once; then a row of a dozen attributes is a few dozen
// comparisons of small numbers. No row, however long, costs more than n log n.

import type { AttributeTable } from "../../model/attribute-table.ts";
import type { Dictionary } from "../../model/dictionary.ts";
import type { SpanBatch } from "../../model/span-batch.ts";

/** Above it, moving by insertion costs more than sorting a list of indexes. */
const INSERTION_ATTRIBUTES_MAX = 24;

export function sortCollections(batch: SpanBatch): void {
  const tables = [
    batch.resourceAttributes,
    batch.scopeAttributes,
    batch.spanAttributes,
    batch.eventAttributes,
    batch.linkAttributes,
  ];
  const ranks = rankKeys(batch.dictionary, tables);
  for (let at = 0; at < batch.resources; at++) {
    const end = batch.resourceAttributeEnd[at]!;
    sortRange(batch.resourceAttributes, ranks, batch.resourceAttributeStart[at]!, end);
  }
  for (let at = 0; at < batch.scopes; at++) {
    const end = batch.scopeAttributeEnd[at]!;
    sortRange(batch.scopeAttributes, ranks, batch.scopeAttributeStart[at]!, end);
  }
  sortEach(batch.spanAttributes, ranks, batch.attributeStart, batch.rows);
  sortEach(batch.eventAttributes, ranks, batch.eventAttributeStart, batch.events);
  sortEach(batch.linkAttributes, ranks, batch.linkAttributeStart, batch.links);
  for (let row = 0; row < batch.rows; row++) sortEvents(batch, row);
}

/** Entry of a key → its place among all keys of the tables. */
function rankKeys(dictionary: Dictionary, tables: readonly AttributeTable[]): Uint32Array {
  const ranks = new Uint32Array(dictionary.count);
  const keys: number[] = [];
  for (const table of tables) {
    for (let at = 0; at < table.count; at++) {
      const key = table.key[at]!;
      if (ranks[key] !== 0) continue;
      ranks[key] = 1;
      keys.push(key);
    }
  }
  keys.sort((a, b) => compareEntries(dictionary, a, b));
  for (let rank = 0; rank < keys.length; rank++) ranks[keys[rank]!] = rank + 1;
  return ranks;
}

function compareEntries(dictionary: Dictionary, a: number, b: number): number {
  const arena = dictionary.arena;
  const aStart = dictionary.start(a);
  const bStart = dictionary.start(b);
  const aBytes = dictionary.length(a);
  const bBytes = dictionary.length(b);
  const both = Math.min(aBytes, bBytes);
  for (let i = 0; i < both; i++) {
    const difference = arena[aStart + i]! - arena[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return aBytes - bBytes;
}

function sortEach(
  table: AttributeTable,
  ranks: Uint32Array,
  starts: Uint32Array,
  owners: number,
): void {
  for (let owner = 0; owner < owners; owner++) {
    sortRange(table, ranks, starts[owner]!, starts[owner + 1]!);
  }
}

function sortRange(table: AttributeTable, ranks: Uint32Array, start: number, end: number): void {
  if (end - start > INSERTION_ATTRIBUTES_MAX) {
    if (!isSorted(table, ranks, start, end)) sortLongRange(table, ranks, start, end);
    return;
  }
  const { key, type, words } = table;
  for (let at = start + 1; at < end; at++) {
    const ownKey = key[at]!;
    const rank = ranks[ownKey]!;
    if (ranks[key[at - 1]!]! <= rank) continue;
    const ownType = type[at]!;
    const low = words[2 * at]!;
    const high = words[2 * at + 1]!;
    let to = at;
    for (; to > start && ranks[key[to - 1]!]! > rank; to--) {
      key[to] = key[to - 1]!;
      type[to] = type[to - 1]!;
      words[2 * to] = words[2 * to - 2]!;
      words[2 * to + 1] = words[2 * to - 1]!;
    }
    key[to] = ownKey;
    type[to] = ownType;
    words[2 * to] = low;
    words[2 * to + 1] = high;
  }
}

function isSorted(table: AttributeTable, ranks: Uint32Array, start: number, end: number): boolean {
  for (let at = start + 1; at < end; at++) {
    if (ranks[table.key[at - 1]!]! > ranks[table.key[at]!]!) return false;
  }
  return true;
}

function sortLongRange(
  table: AttributeTable,
  ranks: Uint32Array,
  start: number,
  end: number,
): void {
  const order = Array.from({ length: end - start }, (_, index) => start + index);
  order.sort((a, b) => ranks[table.key[a]!]! - ranks[table.key[b]!]! || a - b);
  permute(table, order, start);
}

/** Puts the attributes `order` to `start` and on. They are a permutation of that range. */
function permute(table: AttributeTable, order: readonly number[], start: number): void {
  const end = start + order.length;
  const key = table.key.slice(start, end);
  const type = table.type.slice(start, end);
  const words = table.words.slice(2 * start, 2 * end);
  for (let index = 0; index < order.length; index++) {
    const from = order[index]! - start;
    table.key[start + index] = key[from]!;
    table.type[start + index] = type[from]!;
    table.words[2 * (start + index)] = words[2 * from]!;
    table.words[2 * (start + index) + 1] = words[2 * from + 1]!;
  }
}

function sortEvents(batch: SpanBatch, row: number): void {
  const start = batch.eventStart[row]!;
  const end = batch.eventStart[row + 1]!;
  let sorted = true;
  for (let at = start + 1; at < end && sorted; at++) sorted = compareTimes(batch, at - 1, at) <= 0;
  if (sorted) return;
  const order = Array.from({ length: end - start }, (_, index) => start + index);
  order.sort((a, b) => compareTimes(batch, a, b) || a - b);
  moveEvents(batch, order, start, end);
}

function compareTimes(batch: SpanBatch, a: number, b: number): number {
  return batch.eventUs[a]! - batch.eventUs[b]! || batch.eventRestNs[a]! - batch.eventRestNs[b]!;
}

/** Puts the events `order` to `start` and on, with their attributes. */
function moveEvents(batch: SpanBatch, order: readonly number[], start: number, end: number): void {
  const us = batch.eventUs.slice(start, end);
  const restNs = batch.eventRestNs.slice(start, end);
  const names = batch.eventName.slice(start, end);
  const dropped = batch.eventDropped.slice(start, end);
  const starts = batch.eventAttributeStart.slice(start, end + 1);
  const attributes: number[] = [];
  for (let index = 0; index < order.length; index++) {
    const from = order[index]! - start;
    const to = start + index;
    batch.eventUs[to] = us[from]!;
    batch.eventRestNs[to] = restNs[from]!;
    batch.eventName[to] = names[from]!;
    batch.eventDropped[to] = dropped[from]!;
    batch.eventAttributeStart[to] = starts[0]! + attributes.length;
    for (let at = starts[from]!; at < starts[from + 1]!; at++) attributes.push(at);
  }
  permute(batch.eventAttributes, attributes, starts[0]!);
}
