// Changes how many attributes the rows of a batch have: the one pass in which all such edits happen.
//
//   |row 0     |row 1|row 2    |        old table, in the order of rows
//   |row 0  |row 1 + w |row 2  |        new table: dropped ones left out, more added behind
//
// Edits that keep the number (a value, the order) are made in place by the adjusters themselves.

import { AttributeTable } from "../../model/attribute-table.ts";
import type { SpanBatch } from "../../model/span-batch.ts";

/**
 * Rebuilds `batch.spanAttributes`.
 *
 * @param dropped one byte an attribute, 1 = leave it out; undefined: all stay.
 * @param finishRow called after the kept attributes of each row were added to `table`, from `first`
 *   on; may add more or replace some of them.
 */
export function rewriteSpanAttributes(
  batch: SpanBatch,
  dropped: Uint8Array | undefined,
  finishRow: (row: number, table: AttributeTable, first: number) => void,
): void {
  const from = batch.spanAttributes;
  const to = new AttributeTable();
  let start = batch.attributeStart[0]!;
  for (let row = 0; row < batch.rows; row++) {
    const first = to.count;
    const end = batch.attributeStart[row + 1]!;
    for (let at = start; at < end; at++) {
      if (dropped !== undefined && dropped[at] === 1) continue;
      to.addWords(from.key[at]!, from.type[at]!, from.words[2 * at]!, from.words[2 * at + 1]!);
    }
    finishRow(row, to, first);
    batch.attributeStart[row] = first;
    start = end;
  }
  batch.attributeStart[batch.rows] = to.count;
  from.count = to.count;
  from.key = to.key;
  from.type = to.type;
  from.words = to.words;
  from.doubles = to.doubles;
  from.bigs = to.bigs;
}
