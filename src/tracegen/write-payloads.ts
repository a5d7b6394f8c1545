// The spans of one process as payloads, none longer than the carrier can send: in halves until they fit.

import { RowCopier } from "../model/copy-rows.ts";
import { SpanBatch } from "../model/span-batch.ts";
import type { Carrier, Payload } from "./carriers/carrier.ts";

/**
 * All rows of `batch`. A span that is too long by itself comes as a payload that is: who sends it
 * refuses it.
 *
 * Cost: as the writer's, and again for each time that the rows do not fit.
 */
export function writePayloads(batch: SpanBatch, carrier: Carrier): readonly Payload[] {
  const bytes = carrier.write(batch);
  if (bytes.length <= carrier.payloadBytesMax || batch.rows === 1) {
    return [{ bytes, spans: batch.rows }];
  }
  const middle = batch.rows >> 1;
  return [
    ...writePayloads(copyRows(batch, 0, middle), carrier),
    ...writePayloads(copyRows(batch, middle, batch.rows), carrier),
  ];
}

function copyRows(from: SpanBatch, start: number, end: number): SpanBatch {
  const to = new SpanBatch();
  const copier = new RowCopier(from, to);
  for (let row = start; row < end; row++) copier.copyRow(row);
  return to;
}
