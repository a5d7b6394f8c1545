// Takes a trace apart for a stream, so that no piece gets larger than clients accept, or takes long.
//
//   |row row row … |row row|big row|row … |        at most so many rows, and so many bytes by estimate
//
// A message has to fit the 4 MiB that gRPC clients take unless told otherwise; one span that is
// larger by itself is a chunk of its own.

import { type AttributeTable, isEntryType } from "../model/attribute-table.ts";
import { RowCopier } from "../model/copy-rows.ts";
import { SpanBatch } from "../model/span-batch.ts";

/** A quarter of what clients take: an estimate may be wrong. */
const CHUNK_BYTES_MAX = 1 << 20;
/** Ids, times, tags and lengths of a span; those of an attribute. */
const ROW_BYTES = 120;
const ATTRIBUTE_BYTES = 16;

/** Rows of a chunk of OTLP: most traces are one; writing more would take over 10 ms. */
const OTLP_ROWS_MAX = 1_000;

/** The trace itself if it is one chunk, else copies of its parts; each is valid until the next. */
export function* chunkTrace(
  trace: SpanBatch,
  rowsMax = OTLP_ROWS_MAX,
): Generator<SpanBatch, void, undefined> {
  const chunk = new SpanBatch();
  let copier: RowCopier | undefined;
  for (const [from, to] of chunkRows(trace, rowsMax)) {
    if (to - from === trace.rows) {
      yield trace;
      return;
    }
    chunk.reset();
    copier ??= new RowCopier(trace, chunk);
    copier.begin(trace, chunk);
    for (let row = from; row < to; row++) copier.copyRow(row);
    yield chunk;
  }
}

/** Ranges `[from, to)` that cover all rows in order. Cost: a look at each attribute. */
export function* chunkRows(
  batch: SpanBatch,
  rowsMax: number,
): Generator<readonly [from: number, to: number], void, undefined> {
  const resourceBytes = Array.from({ length: batch.resources }, (_, resource) => {
    const end = batch.resourceAttributeEnd[resource]!;
    return rangeBytes(
      batch,
      batch.resourceAttributes,
      batch.resourceAttributeStart[resource]!,
      end,
    );
  });
  let from = 0;
  let bytes = 0;
  for (let row = 0; row < batch.rows; row++) {
    const own = rowBytes(batch, row) + resourceBytes[batch.resource[row]!]!;
    if (row > from && (row - from === rowsMax || bytes + own > CHUNK_BYTES_MAX)) {
      yield [from, row];
      from = row;
      bytes = 0;
    }
    bytes += own;
  }
  if (from < batch.rows) yield [from, batch.rows];
}

function rowBytes(batch: SpanBatch, row: number): number {
  const firstEvent = batch.eventStart[row]!;
  const lastEvent = batch.eventStart[row + 1]!;
  const firstLink = batch.linkStart[row]!;
  const lastLink = batch.linkStart[row + 1]!;
  let bytes = ROW_BYTES + batch.dictionary.length(batch.name[row]!);
  bytes += batch.dictionary.length(batch.statusMessage[row]!);
  bytes += batch.dictionary.length(batch.traceState[row]!);
  const end = batch.attributeStart[row + 1]!;
  bytes += rangeBytes(batch, batch.spanAttributes, batch.attributeStart[row]!, end);
  if (lastEvent > firstEvent) {
    const [start, end] = [
      batch.eventAttributeStart[firstEvent]!,
      batch.eventAttributeStart[lastEvent]!,
    ];
    bytes += rangeBytes(batch, batch.eventAttributes, start, end);
    for (let event = firstEvent; event < lastEvent; event++) {
      bytes += ATTRIBUTE_BYTES + batch.dictionary.length(batch.eventName[event]!);
    }
  }
  if (lastLink > firstLink) {
    const [start, end] = [
      batch.linkAttributeStart[firstLink]!,
      batch.linkAttributeStart[lastLink]!,
    ];
    bytes += (lastLink - firstLink) * ROW_BYTES;
    bytes += rangeBytes(batch, batch.linkAttributes, start, end);
  }
  return bytes;
}

function rangeBytes(batch: SpanBatch, table: AttributeTable, start: number, end: number): number {
  let bytes = (end - start) * ATTRIBUTE_BYTES;
  for (let at = start; at < end; at++) {
    bytes += batch.dictionary.length(table.key[at]!);
    if (isEntryType(table.type[at]!)) bytes += batch.dictionary.length(table.words[2 * at]!);
  }
  return bytes;
}
