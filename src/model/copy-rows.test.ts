// Copies print as the originals do, alone, all together, into a batch that has other rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { RowCopier, SharedOwners } from "./copy-rows.ts";
import { printSpans } from "./print-spans.ts";
import { SpanBatch } from "./span-batch.ts";

function copyAll(copier: RowCopier, from: SpanBatch): void {
  for (let row = 0; row < from.rows; row++) copier.copyRow(row);
}

test("copyRow() copies any row with all that belongs to it", () => {
  const property = fc.property(anySpans(), (from) => {
    const to = new SpanBatch();
    copyAll(new RowCopier(from, to), from);
    assert.equal(printSpans(to), printSpans(from));
    assert.ok(to.resources <= from.resources && to.scopes <= from.scopes);
    assert.ok(to.dictionary.count <= from.dictionary.count);
  });
  fc.assert(property, { numRuns: 60 });
});

test("copyRow() appends to what is there and leaves it alone", () => {
  const property = fc.property(anySpans(), anySpans(), (first, second) => {
    const to = new SpanBatch();
    const copier = new RowCopier(first, to);
    copyAll(copier, first);
    const before = printSpans(to);
    copier.begin(second, to);
    copyAll(copier, second);
    assert.ok(printSpans(to).startsWith(before));
    assert.equal(to.rows, first.rows + second.rows);
    const back = new SpanBatch();
    copier.begin(to, back);
    for (let row = first.rows; row < to.rows; row++) copier.copyRow(row);
    assert.equal(printSpans(back), printSpans(second));
  });
  fc.assert(property, { numRuns: 60 });
});

test("copyRow() sees what `from` gained since begin()", () => {
  const from = new SpanBatch();
  const to = new SpanBatch();
  const copier = new RowCopier(from, to);
  for (let i = 0; i < 5000; i++) {
    const row = from.openRow(from.openResource(), from.openScope());
    from.name[row] = from.dictionary.internText(`name ${i}`);
    from.closeRow();
    assert.equal(copier.copyRow(row), i);
  }
  assert.equal(printSpans(to), printSpans(from));
});

test("copyRow() puts what is equal there once, if the copiers share their owners", () => {
  const property = fc.property(anySpans(), anySpans(), (first, second) => {
    const to = new SpanBatch();
    const owners = new SharedOwners();
    copyAll(new RowCopier(first, to, owners), first);
    copyAll(new RowCopier(second, to, owners), second);
    const { resources, scopes } = to;
    const attributes = to.resourceAttributes.count + to.scopeAttributes.count;
    const start = to.rows;
    copyAll(new RowCopier(first, to, owners), first);
    copyAll(new RowCopier(second, to, owners), second);
    assert.deepEqual([to.resources, to.scopes], [resources, scopes]);
    assert.equal(to.resourceAttributes.count + to.scopeAttributes.count, attributes);

    const plain = new SpanBatch();
    for (const batch of [first, second]) copyAll(new RowCopier(batch, plain), batch);
    for (let row = 0; row < start; row++) {
      for (const at of [row, start + row]) assert.equal(printOf(to, at), printOf(plain, row));
    }
  });
  fc.assert(property, { numRuns: 60 });
});

function printOf(batch: SpanBatch, row: number): string {
  const one = new SpanBatch();
  new RowCopier(batch, one).copyRow(row);
  return printSpans(one);
}

test("begin() refuses to copy a batch into itself", () => {
  const batch = new SpanBatch();
  assert.throws(() => new RowCopier(batch, batch), /bug/);
});
