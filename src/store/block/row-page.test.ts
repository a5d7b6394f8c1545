// One page of rows: columns that are put together from others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanBatch } from "../../model/span-batch.ts";
import { Head } from "../head/head.ts";
import { makeBlockImage } from "./block-image.ts";
import { openBlock, sourceOf } from "./block-reader.ts";
import { writeBlock } from "./block-writer.ts";
import { PageCache } from "./page-cache.ts";
import type { RowPage } from "./row-page.ts";

/** Spans of two traces with ids 1, 2, …: each a start, the id of its parent, events so long after it. */
const SPANS: readonly { trace: number; us: number; parent: number; events: readonly number[] }[] = [
  { trace: 1, us: 5_000, parent: 0, events: [] },
  { trace: 1, us: 5_001, parent: 1, events: [0, 10] },
  { trace: 1, us: 5_001, parent: 99, events: [-3] },
  { trace: 2, us: 1_000, parent: 5, events: [] },
  { trace: 2, us: 9_000, parent: 0, events: [1] },
];

function open(): RowPage {
  const batch = new SpanBatch();
  const { dictionary } = batch;
  const resource = batch.openResource();
  batch.resourceAttributes.add(dictionary.internText("owned"), 1, dictionary.internText("mine"));
  batch.closeResource(resource);
  const scope = batch.openScope();
  SPANS.forEach(({ trace, us, parent, events }, i) => {
    const row = batch.openRow(resource, scope);
    batch.traceId[16 * row] = trace;
    batch.spanId[8 * row] = i + 1;
    batch.parentSpanId[8 * row] = parent;
    batch.startUs[row] = us;
    batch.startRestNs[row] = 100 * i;
    batch.spanAttributes.addSafeInt(dictionary.internText("i"), i % 2);
    for (const after of events) {
      const event = batch.openEvent();
      batch.eventUs[event] = us + after;
      batch.eventAttributes.add(dictionary.internText("e"), 1, dictionary.internText("x"));
      batch.closeEvent();
    }
    batch.closeRow();
  });
  const head = new Head();
  head.append(batch);
  head.sealOpenBlock();
  const image = makeBlockImage(head.blocks[0]!, head.traces);
  const bytes = Buffer.concat(writeBlock(image, { hashSeed: 1 })!);
  return openBlock(sourceOf(bytes), new PageCache(0)).page(0);
}

test("RowPage tells rows by trace and start, with their times", () => {
  const page = open();
  assert.deepEqual([...page.columns.traceStart], [0, 3, 5]);
  assert.deepEqual(
    [...page.startUs],
    SPANS.map(({ us }) => us),
  );
  assert.deepEqual([...page.startRestNs], [0, 100, 200, 300, 400]);
});

test("RowPage.parentSpanId tells parents of the page and others", () => {
  const page = open();
  const bytes = new Uint8Array(page.parentSpanId.buffer);
  assert.deepEqual(
    SPANS.map((_, row) => bytes[8 * row]),
    SPANS.map(({ parent }) => parent),
  );
});

test("RowPage.eventUs tells times of events, also of those before their span", () => {
  const page = open();
  assert.deepEqual([...page.eventStart], [0, 0, 2, 3, 3, 4]);
  assert.deepEqual([...page.eventUs], [5_001, 5_011, 4_998, 9_001]);
});

test("RowPage.vocabulary numbers terms of owners, spans and events one after the other", () => {
  const page = open();
  const { terms, dictionary, resources } = page.vocabulary;
  const text = (entry: number): string => new TextDecoder().decode(dictionary.bytes(entry));
  const keys = Array.from({ length: terms.count }, (_, term) => text(terms.keyEntryOf(term)));
  assert.deepEqual(keys, ["owned", "i", "i", "e"]);
  assert.deepEqual([...page.attribute], [1, 2, 1, 2, 1]);
  assert.deepEqual([...page.eventTerm], [3, 3, 3, 3]);
  assert.deepEqual([...(resources.terms as Uint32Array)], [0]);
  assert.deepEqual([terms.low[1], terms.low[2], text(terms.low[3]!)], [0, 1, "x"]);
  assert.equal(terms.find(terms.key[2]!, terms.type[2]!, 1, 0), 2);
  const found: number[] = [];
  terms.eachOf(terms.key[1]!, (term) => found.push(term));
  assert.deepEqual(found, [1, 2]);
});
