// Takes links away that point to no trace.
//
//   link 000…0:…  ──▶  gone, and the span says so in a warning, once a link
//
// Source: Jaeger v2, adjuster RemoveEmptySpanLinks: what is empty, and the text.

import type { SpanBatch } from "../../model/span-batch.ts";
import type { RowWarnings } from "./row-warnings.ts";

const WARNING = "Invalid span link removed";

/** Closes the gaps in place. Cost: nothing but a look if no link is empty. */
export function removeEmptyLinks(batch: SpanBatch, warnings: RowWarnings): void {
  let first = 0;
  while (first < batch.links && !isEmpty(batch, first)) first++;
  if (first === batch.links) return;

  const table = batch.linkAttributes;
  let kept = 0;
  let attributes = 0;
  let start = batch.linkStart[0]!;
  for (let row = 0; row < batch.rows; row++) {
    const end = batch.linkStart[row + 1]!;
    batch.linkStart[row] = kept;
    for (let link = start; link < end; link++) {
      if (isEmpty(batch, link)) {
        warnings.add(row, WARNING);
        continue;
      }
      const from = batch.linkAttributeStart[link]!;
      const to = batch.linkAttributeStart[link + 1]!;
      batch.linkTraceId.copyWithin(16 * kept, 16 * link, 16 * link + 16);
      batch.linkSpanId.copyWithin(8 * kept, 8 * link, 8 * link + 8);
      batch.linkTraceState[kept] = batch.linkTraceState[link]!;
      batch.linkFlags[kept] = batch.linkFlags[link]!;
      batch.linkDropped[kept] = batch.linkDropped[link]!;
      table.key.copyWithin(attributes, from, to);
      table.type.copyWithin(attributes, from, to);
      table.words.copyWithin(2 * attributes, 2 * from, 2 * to);
      batch.linkAttributeStart[kept] = attributes;
      attributes += to - from;
      kept++;
    }
    start = end;
  }
  batch.linkStart[batch.rows] = kept;
  batch.linkAttributeStart[kept] = attributes;
  batch.links = kept;
  table.count = attributes;
}

function isEmpty(batch: SpanBatch, link: number): boolean {
  for (let at = 16 * link; at < 16 * link + 16; at++) {
    if (batch.linkTraceId[at] !== 0) return false;
  }
  return true;
}
