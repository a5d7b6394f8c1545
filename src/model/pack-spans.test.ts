// Packed batches against their printed form: what goes in comes out, and can be added to.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { BYTES, STRING } from "./attribute-table.ts";
import { RowCopier } from "./copy-rows.ts";
import { packSpans, unpackSpans } from "./pack-spans.ts";
import { printSpans } from "./print-spans.ts";
import { SpanBatch } from "./span-batch.ts";

function copyRows(from: SpanBatch, to: SpanBatch): void {
  const copier = new RowCopier(from, to);
  for (let row = 0; row < from.rows; row++) copier.copyRow(row);
}

test("unpackSpans() gives the batch that was packed, and one that can be added to", () => {
  fc.assert(
    fc.property(anySpans(), anySpans(), (batch, more) => {
      const printed = printSpans(batch);
      const packed = packSpans(batch);
      assert.equal(printSpans(batch), printed);
      const moved = structuredClone(packed, { transfer: [packed] });
      const copy = unpackSpans(moved);
      assert.equal(printSpans(copy), printed);

      const both = new SpanBatch();
      for (const one of [batch, more]) copyRows(one, both);
      copyRows(more, copy);
      assert.equal(printSpans(copy), printSpans(both));
    }),
    { numRuns: 200 },
  );
});

test("unpackSpans() gives a dictionary that finds its texts and adds none twice", () => {
  const batch = new SpanBatch();
  const resource = batch.openResource();
  const texts = Array.from({ length: 5_000 }, (_, at) => batch.dictionary.internText(`text ${at}`));
  const name = batch.dictionary.internText("service.name");
  batch.resourceAttributes.add(name, STRING, texts[7]!);
  batch.closeResource(resource);
  const bytes = Uint8Array.of(0xff, 0xfe);
  const notText = batch.dictionary.intern(bytes, 0, 2);
  batch.resourceAttributes.add(name, BYTES, notText);
  batch.closeResource(resource);

  const { dictionary, ...copy } = fieldsOf(unpackSpans(packSpans(batch)));
  assert.equal(copy.service, texts[7]);
  assert.equal(dictionary.count, batch.dictionary.count);
  assert.deepEqual(dictionary.invalidEntries, [notText]);
  texts.forEach((entry, at) => {
    assert.equal(dictionary.findText(`text ${at}`), entry);
    assert.equal(dictionary.internText(`text ${at}`), entry);
  });
  assert.equal(dictionary.findText("none of them"), -1);
  assert.equal(dictionary.internText("another"), batch.dictionary.count);
});

function fieldsOf(batch: SpanBatch): { dictionary: SpanBatch["dictionary"]; service: number } {
  return { dictionary: batch.dictionary, service: batch.serviceOf(0) };
}

test("packSpans() takes what is used, not the slack", () => {
  const batch = new SpanBatch();
  for (let row = 0; row < 10_000; row++) {
    batch.openRow(0, 0);
    batch.closeRow();
  }
  batch.reset();
  const resource = batch.openResource();
  batch.openRow(resource, batch.openScope());
  batch.closeRow();
  const { byteLength } = packSpans(batch);
  assert.ok(byteLength < 1_000, `${byteLength} bytes`);
});

test("unpackSpans() refuses a buffer that is cut, longer, or something else", () => {
  const batch = new SpanBatch();
  const resource = batch.openResource();
  batch.openRow(resource, batch.openScope());
  batch.name[0] = batch.dictionary.internText("GET /");
  batch.closeRow();
  const packed = packSpans(batch);
  for (let end = 0; end < packed.byteLength; end++) {
    assert.throws(() => unpackSpans(packed.slice(0, end)), { code: "bad-input" }, `${end} bytes`);
  }
  const longer = new ArrayBuffer(packed.byteLength + 8);
  new Uint8Array(longer).set(new Uint8Array(packed));
  assert.throws(() => unpackSpans(longer), { code: "bad-input" });
  assert.throws(() => unpackSpans(new ArrayBuffer(packed.byteLength)), { code: "bad-input" });
});
