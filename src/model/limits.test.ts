// The bounds of a batch, and that its own account of its memory is right.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OWNERS_MAX, nextSize } from "./limits.ts";
import { SpanBatch } from "./span-batch.ts";

test("nextSize() begins with the first size, doubles up to the bound and refuses beyond it", () => {
  const bounds = { first: 8, max: 1_000 };
  assert.equal(nextSize(0, bounds, "spans"), 8);
  assert.equal(nextSize(64, bounds, "spans"), 128);
  assert.equal(nextSize(600, bounds, "spans"), 1_000);
  assert.throws(() => nextSize(1_000, bounds, "spans"), {
    code: "bad-input",
    message: "more than 1000 spans in one batch",
  });
});

test("openResource() refuses more than the bound, and the batch can be used again", () => {
  const batch = new SpanBatch();
  assert.throws(
    () => {
      for (let i = 0; i <= OWNERS_MAX; i++) batch.openResource();
    },
    { code: "bad-input", message: `more than ${OWNERS_MAX} resources in one batch` },
  );
  batch.reset();
  assert.equal(batch.openResource(), 0);
});

test("memoryBytes() is the sum of the arrays, but for the one more that starts have", () => {
  const batch = new SpanBatch();
  for (let i = 0; i < 100; i++) {
    batch.openRow(batch.openResource(), batch.openScope());
    for (let event = 0; event < 3; event++) {
      batch.openEvent();
      batch.eventAttributes.addSafeInt(0, 1);
      batch.closeEvent();
    }
    batch.openLink();
    batch.closeLink();
    batch.spanAttributes.addSafeInt(batch.dictionary.internText(`key ${i}`), 1);
    batch.closeRow();
  }
  // Some columns are views of one buffer.
  const buffers = new Set<ArrayBufferLike>();
  const collect = (columns: readonly unknown[]): void => {
    for (const column of columns) if (ArrayBuffer.isView(column)) buffers.add(column.buffer);
  };
  collect(Object.values(batch));
  for (const [name, table] of Object.entries(batch)) {
    if (name.endsWith("Attributes")) collect(Object.values(table as object));
  }
  const bytes = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);

  const startColumns = 5;
  assert.equal(batch.memoryBytes() - batch.dictionary.memoryBytes(), bytes - 4 * startColumns);
});

/** Each adds one entry of its kind. */
const growers: Readonly<Record<string, (batch: SpanBatch, at: number) => void>> = {
  rows(batch) {
    batch.openRow(0, 0);
    batch.closeRow();
  },
  events(batch) {
    batch.openEvent();
    batch.closeEvent();
  },
  links(batch) {
    batch.openLink();
    batch.closeLink();
  },
  resources: (batch) => batch.openResource(),
  scopes: (batch) => batch.openScope(),
  attributes: (batch) => batch.spanAttributes.addSafeInt(0, 1),
  "event attributes": (batch) => batch.eventAttributes.addSafeInt(0, 1),
  "entries of the dictionary": (batch, at) => batch.dictionary.internText(`key ${at}`),
  "bytes of the dictionary": (batch, at) => batch.dictionary.internText(`${at}`.padEnd(5_000)),
};

for (const [what, grow] of Object.entries(growers)) {
  test(`SpanBatch takes no more memory than its bound for ${what}, and can be used again`, () => {
    const bytesMax = 200_000;
    const batch = new SpanBatch(bytesMax);
    grow(batch, 0);
    batch.dictionary.internText("key");
    const firstBytes = batch.memoryBytes();
    batch.reset();
    const fill = (): number => {
      let count = 0;
      assert.throws(
        () => {
          for (; count < 1_000_000; count++) grow(batch, count);
        },
        { code: "bad-input", message: `more than ${bytesMax} bytes of memory for one batch` },
      );
      return count;
    };
    const count = fill();
    assert.ok(batch.memoryBytes() <= firstBytes + bytesMax);
    batch.reset();
    assert.equal(batch.dictionary.internText("key 1"), 1);
    batch.reset();
    assert.equal(fill(), count, "the same fits again");
  });
}
