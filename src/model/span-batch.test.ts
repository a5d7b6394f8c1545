// The life of rows, events and links: zeroed when opened, gone when cancelled, kept while growing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { INT, STRING } from "./attribute-table.ts";
import { printSpans } from "./print-spans.ts";
import { KIND_SERVER, ORIGIN_ZIPKIN, SpanBatch } from "./span-batch.ts";

/** Fills every column of a new row with numbers that follow from `seed`. */
function addRow(batch: SpanBatch, resource: number, scope: number, seed: number): number {
  const row = batch.openRow(resource, scope);
  batch.traceId.fill(seed & 0xff, 16 * row, 16 * row + 16);
  batch.spanId.fill((seed + 1) & 0xff, 8 * row, 8 * row + 8);
  batch.parentSpanId.fill((seed + 2) & 0xff, 8 * row, 8 * row + 8);
  batch.startUs[row] = seed * 1000;
  batch.startRestNs[row] = seed % 1000;
  batch.durationNs[row] = seed * 3;
  batch.name[row] = batch.dictionary.internText(`name ${seed}`);
  batch.statusMessage[row] = batch.dictionary.internText(`message ${seed}`);
  batch.traceState[row] = batch.dictionary.internText(`state ${seed}`);
  batch.kind[row] = KIND_SERVER;
  batch.statusCode[row] = 2;
  batch.origin[row] = ORIGIN_ZIPKIN;
  batch.flags[row] = seed;
  batch.droppedAttributes[row] = seed + 1;
  batch.droppedEvents[row] = seed + 2;
  batch.droppedLinks[row] = seed + 3;
  batch.spanAttributes.addSafeInt(batch.dictionary.internText("seed"), seed);
  addEvent(batch, seed);
  addLink(batch, seed);
  return row;
}

function addEvent(batch: SpanBatch, seed: number): void {
  const event = batch.openEvent();
  batch.eventUs[event] = seed;
  batch.eventRestNs[event] = seed % 1000;
  batch.eventName[event] = batch.dictionary.internText(`event ${seed}`);
  batch.eventDropped[event] = seed;
  batch.eventAttributes.addSafeInt(batch.dictionary.internText("e"), seed);
  batch.closeEvent();
}

function addLink(batch: SpanBatch, seed: number): void {
  const link = batch.openLink();
  batch.linkTraceId.fill(seed & 0xff, 16 * link, 16 * link + 16);
  batch.linkSpanId.fill(seed & 0xff, 8 * link, 8 * link + 8);
  batch.linkTraceState[link] = batch.dictionary.internText(`state ${seed}`);
  batch.linkFlags[link] = seed;
  batch.linkDropped[link] = seed;
  batch.linkAttributes.addSafeInt(batch.dictionary.internText("l"), seed);
  batch.closeLink();
}

function addOwners(batch: SpanBatch, seed: number): [resource: number, scope: number] {
  const resource = batch.openResource();
  batch.resourceSchemaUrl[resource] = batch.dictionary.internText(`url ${seed}`);
  batch.resourceDropped[resource] = seed;
  batch.resourceAttributes.addSafeInt(batch.dictionary.internText("r"), seed);
  batch.closeResource(resource);
  const scope = batch.openScope();
  batch.scopeName[scope] = batch.dictionary.internText(`scope ${seed}`);
  batch.scopeVersion[scope] = batch.dictionary.internText(`version ${seed}`);
  batch.scopeSchemaUrl[scope] = batch.dictionary.internText(`url ${seed}`);
  batch.scopeDropped[scope] = seed;
  batch.scopeAttributes.addSafeInt(batch.dictionary.internText("s"), seed);
  batch.closeScope(scope);
  return [resource, scope];
}

/** The text of one row that `addRow` and `addOwners` make, as the only one of a batch. */
function printAlone(seed: number): string {
  const batch = new SpanBatch();
  const [resource, scope] = addOwners(batch, seed);
  addRow(batch, resource, scope, seed);
  batch.closeRow();
  return printSpans(batch);
}

test("SpanBatch keeps every column while it grows", () => {
  const batch = new SpanBatch();
  const rows = 1000;
  const alone: string[] = [];
  for (let seed = 0; seed < rows; seed++) {
    const [resource, scope] = addOwners(batch, seed);
    addRow(batch, resource, scope, seed);
    batch.closeRow();
    const owners = seed === 0 ? "" : ` resource=${seed} scope=${seed}`;
    alone.push(
      printAlone(seed)
        .replace("resource 0", `resource ${seed}`)
        .replace("scope 0", `scope ${seed}`)
        .replace(/ duration=\d+ns/, (duration) => duration + owners),
    );
  }
  assert.deepEqual([batch.rows, batch.events, batch.links], [rows, rows, rows]);
  assert.equal(printSpans(batch), alone.join("\n"));
});

test("reset() makes the batch as good as new", () => {
  const batch = new SpanBatch();
  for (let seed = 900; seed < 1000; seed++) {
    addRow(batch, ...addOwners(batch, seed), seed);
    batch.closeRow();
  }
  batch.reset();
  assert.equal(printSpans(batch), "");
  addRow(batch, ...addOwners(batch, 7), 7);
  batch.closeRow();
  assert.equal(printSpans(batch), printAlone(7));
});

test("openRow(), openEvent(), openLink(), openResource(), openScope() zero their columns", () => {
  const batch = new SpanBatch();
  addRow(batch, ...addOwners(batch, 300), 300);
  batch.closeRow();
  batch.reset();
  batch.openRow(batch.openResource(), batch.openScope());
  batch.openEvent();
  batch.closeEvent();
  batch.openLink();
  batch.closeLink();
  batch.closeRow();
  const expected = [
    "resource 0",
    "scope 0",
    `span ${"0".repeat(32)}:${"0".repeat(16)} "" start=0us duration=0ns`,
    '  event 0us ""',
    `  link ${"0".repeat(32)}:${"0".repeat(16)}`,
  ];
  assert.equal(printSpans(batch), expected.join("\n"));
});

for (const rowsBefore of [0, 1]) {
  test(`cancelRow() leaves nothing of the open row after ${rowsBefore} rows`, () => {
    const batch = new SpanBatch();
    const [resource, scope] = addOwners(batch, 1);
    for (let row = 0; row < rowsBefore; row++) {
      addRow(batch, resource, scope, 1);
      batch.closeRow();
    }
    addRow(batch, resource, scope, 2);
    addEvent(batch, 3);
    addLink(batch, 3);
    batch.openEvent();
    batch.eventAttributes.add(1, STRING, 1);
    batch.openLink();
    batch.linkAttributes.add(1, STRING, 1);
    batch.cancelRow();
    assert.deepEqual([batch.rows, batch.events, batch.links], Array(3).fill(rowsBefore));
    assert.equal(printSpans(batch), rowsBefore === 0 ? "" : printAlone(1));
    addRow(batch, resource, scope, 1);
    batch.closeRow();
    assert.equal(
      printSpans(batch).endsWith(printAlone(1).slice(printAlone(1).indexOf("span"))),
      true,
    );
    assert.equal(batch.eventAttributes.count, rowsBefore + 1);
    assert.equal(batch.linkAttributes.count, rowsBefore + 1);
  });
}

test("cancelRow() takes back the events of an open event only, when none was closed", () => {
  const batch = new SpanBatch();
  const [resource, scope] = addOwners(batch, 1);
  addRow(batch, resource, scope, 1);
  batch.closeRow();
  batch.openRow(resource, scope);
  batch.openEvent();
  batch.eventAttributes.add(1, STRING, 1);
  batch.cancelRow();
  addRow(batch, resource, scope, 1);
  batch.closeRow();
  const [one, two] = [batch.eventAttributeStart[1], batch.eventAttributeStart[2]];
  assert.deepEqual([one, two], [1, 2]);
});

test("serviceOf() is the first string service.name of the resource", () => {
  const batch = new SpanBatch();
  const key = batch.dictionary.internText("service.name");
  const shop = batch.dictionary.internText("shop");
  const none = batch.openResource();
  batch.closeResource(none);
  const named = batch.openResource();
  batch.resourceAttributes.add(batch.dictionary.internText("other"), STRING, 1);
  batch.resourceAttributes.addWords(key, INT, 7, 0);
  batch.resourceAttributes.add(key, STRING, shop);
  batch.resourceAttributes.add(key, STRING, batch.dictionary.internText("second"));
  batch.closeResource(named);
  assert.equal(batch.serviceOf(none), 0);
  assert.equal(batch.dictionary.text(batch.serviceOf(named)), "shop");
  assert.equal(new SpanBatch().serviceOf(0), 0);
});

test("rollBack() takes back whole rows, an open one, and all that they brought", () => {
  const batch = new SpanBatch();
  const fill = (from: number, rows: number): void => {
    const resource = batch.openResource();
    batch.resourceAttributes.addSafeInt(batch.dictionary.internText("at"), from);
    batch.closeResource(resource);
    const scope = batch.openScope();
    for (let seed = from; seed < from + rows; seed++) {
      addRow(batch, resource, scope, seed);
      batch.closeRow();
    }
  };
  fill(1, 3);
  const before = printSpans(batch);
  const mark = batch.mark();
  fill(100, 50);
  const row = batch.openRow(1, 1);
  addEvent(batch, row);
  batch.openEvent();
  batch.rollBack(mark);
  assert.equal(printSpans(batch), before);
  fill(7, 2);
  assert.equal(batch.mark().rows, 5);
  batch.rollBack(mark);
  assert.equal(printSpans(batch), before);
});
