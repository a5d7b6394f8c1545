// The promises of a SpanBatch, checked on one that was read from broken bytes: no wrong neighbour.
//
//   ranges rise and end where the flat lists end · indexes are of what exists · entries lie in the arena

import assert from "node:assert/strict";
import { type AttributeTable, isEntryType, MAP } from "../../src/model/attribute-table.ts";
import type { Dictionary } from "../../src/model/dictionary.ts";
import type { SpanBatch } from "../../src/model/span-batch.ts";

/** @throws AssertionError if `batch` is not in order. Cost: all of it. */
export function checkBatch(batch: SpanBatch): void {
  checkDictionary(batch.dictionary);
  const entries = [batch.name, batch.statusMessage, batch.traceState];
  for (let row = 0; row < batch.rows; row++) {
    for (const column of entries) checkEntry(batch, column[row]!);
    assert.ok(batch.resource[row]! < batch.resources, "row of an unknown resource");
    assert.ok(batch.scope[row]! < batch.scopes, "row of an unknown scope");
    assert.ok(Number.isFinite(batch.startUs[row]!) && Number.isFinite(batch.durationNs[row]!));
    assert.ok(batch.startRestNs[row]! < 1000, "more than 999 ns above the µs");
  }
  checkRanges("attributes", batch.attributeStart, batch.rows, batch.spanAttributes.count);
  checkRanges("events", batch.eventStart, batch.rows, batch.events);
  checkRanges("links", batch.linkStart, batch.rows, batch.links);
  checkRanges("event", batch.eventAttributeStart, batch.events, batch.eventAttributes.count);
  checkRanges("link", batch.linkAttributeStart, batch.links, batch.linkAttributes.count);
  for (let event = 0; event < batch.events; event++) {
    checkEntry(batch, batch.eventName[event]!);
    assert.ok(Number.isFinite(batch.eventUs[event]!) && batch.eventRestNs[event]! < 1000);
  }
  for (let link = 0; link < batch.links; link++) checkEntry(batch, batch.linkTraceState[link]!);
  checkOwners(batch);
  for (const table of [
    batch.spanAttributes,
    batch.eventAttributes,
    batch.linkAttributes,
    batch.resourceAttributes,
    batch.scopeAttributes,
  ]) {
    checkTable(batch, table);
  }
}

function checkDictionary(dictionary: Dictionary): void {
  let end = 0;
  for (let entry = 1; entry < dictionary.count; entry++) {
    assert.ok(dictionary.ends[entry]! > end, "entries overlap");
    end = dictionary.ends[entry]!;
  }
  assert.equal(end, dictionary.arenaBytes);
}

function checkEntry(batch: SpanBatch, entry: number): void {
  assert.ok(entry < batch.dictionary.count, `entry ${entry} of ${batch.dictionary.count}`);
}

function checkRanges(what: string, starts: Uint32Array, owners: number, count: number): void {
  if (owners === 0) {
    assert.equal(count, 0, `${what} of nobody`);
    return;
  }
  assert.equal(starts[0], 0, `${what} before the first owner's`);
  for (let owner = 0; owner < owners; owner++) {
    assert.ok(starts[owner + 1]! >= starts[owner]!, `${what} of ${owner} fall`);
  }
  assert.equal(starts[owners], count, `${what} behind the last owner's`);
}

function checkOwners(batch: SpanBatch): void {
  for (let resource = 0; resource < batch.resources; resource++) {
    checkEntry(batch, batch.resourceSchemaUrl[resource]!);
    assert.ok(batch.resourceAttributeStart[resource]! <= batch.resourceAttributeEnd[resource]!);
    assert.ok(batch.resourceAttributeEnd[resource]! <= batch.resourceAttributes.count);
  }
  for (let scope = 0; scope < batch.scopes; scope++) {
    checkEntry(batch, batch.scopeName[scope]!);
    checkEntry(batch, batch.scopeVersion[scope]!);
    checkEntry(batch, batch.scopeSchemaUrl[scope]!);
    assert.ok(batch.scopeAttributeStart[scope]! <= batch.scopeAttributeEnd[scope]!);
    assert.ok(batch.scopeAttributeEnd[scope]! <= batch.scopeAttributes.count);
  }
}

function checkTable(batch: SpanBatch, table: AttributeTable): void {
  for (let at = 0; at < table.count; at++) {
    checkEntry(batch, table.key[at]!);
    assert.ok(table.type[at]! <= MAP, `type ${table.type[at]}`);
    if (isEntryType(table.type[at]!)) checkEntry(batch, table.words[2 * at]!);
  }
}
