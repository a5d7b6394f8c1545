// Keys of attributes and their values as a store must offer them, worked out span by span.

import type { AttributeTable } from "../../src/model/attribute-table.ts";
import type { SpanBatch } from "../../src/model/span-batch.ts";
import type { KeyQuery, ValueQuery } from "../../src/model/trace-query.ts";
import { serviceText, valuesOf } from "./brute-force.ts";

/** Columns that count as attributes. */
const COLUMNS = [
  "error",
  "span.kind",
  "otel.status_code",
  "otel.status_description",
  "w3c.tracestate",
  "otel.scope.name",
  "otel.scope.version",
  "event",
  "span.name",
  "duration",
];

export function keysByForce(batches: readonly SpanBatch[], query: KeyQuery): string[] {
  const keys = new Set<string>();
  forEachSpan(batches, query, (batch, row) => {
    for (const key of keysOf(batch, row)) keys.add(key);
    for (const key of COLUMNS) if (textsOf(batch, row, key).length > 0) keys.add(key);
  });
  return first(keys, query);
}

/** Not of `duration`, of which no values are offered but those of an attribute. */
export function valuesByForce(batches: readonly SpanBatch[], query: ValueQuery): string[] {
  const values = new Set<string>();
  forEachSpan(batches, query, (batch, row) => {
    for (const text of textsOf(batch, row, query.key)) values.add(text);
  });
  return first(values, query);
}

function forEachSpan(
  batches: readonly SpanBatch[],
  { service, startUsMin, startUsMax }: KeyQuery,
  visit: (batch: SpanBatch, row: number) => void,
): void {
  for (const batch of batches) {
    for (let row = 0; row < batch.rows; row++) {
      const startUs = batch.startUs[row]!;
      if (startUs < startUsMin || startUs > startUsMax) continue;
      if (service === undefined || serviceText(batch, row) === service) visit(batch, row);
    }
  }
}

function textsOf(batch: SpanBatch, row: number, key: string): string[] {
  return valuesOf(batch, row, { key, operator: "exists", value: "" }).map(({ text }) => text);
}

function keysOf(batch: SpanBatch, row: number): string[] {
  const keys: string[] = [];
  const add = (table: AttributeTable, start: number, end: number): void => {
    for (let at = start; at < end; at++) keys.push(batch.dictionary.text(table.key[at]!));
  };
  add(batch.spanAttributes, batch.attributeStart[row]!, batch.attributeStart[row + 1]!);
  for (let event = batch.eventStart[row]!; event < batch.eventStart[row + 1]!; event++) {
    const end = batch.eventAttributeStart[event + 1]!;
    add(batch.eventAttributes, batch.eventAttributeStart[event]!, end);
  }
  for (let link = batch.linkStart[row]!; link < batch.linkStart[row + 1]!; link++) {
    add(batch.linkAttributes, batch.linkAttributeStart[link]!, batch.linkAttributeStart[link + 1]!);
  }
  const resource = batch.resource[row]!;
  const resourceEnd = batch.resourceAttributeEnd[resource]!;
  add(batch.resourceAttributes, batch.resourceAttributeStart[resource]!, resourceEnd);
  const scope = batch.scope[row]!;
  add(batch.scopeAttributes, batch.scopeAttributeStart[scope]!, batch.scopeAttributeEnd[scope]!);
  return keys;
}

function first(texts: ReadonlySet<string>, { prefix, limit }: KeyQuery): string[] {
  const wanted = [...texts].filter((text) => text.startsWith(prefix));
  return wanted.sort().slice(0, limit);
}
