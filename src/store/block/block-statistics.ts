// What is counted of a block when it is written, so that charts, lists of names and the graph of services
// read no spans.
//
//   services     entry, spans                              each service of the block
//   slices       (service, name, kind, minute) -> calls, errors, durations by bucket
//   calls        (parent service, child service, minute) -> count
//
// Durations are counted in the buckets of duration-buckets.ts.
// Cost: about 60 ns a row. Source: docs/formats/segment.md.

import { STATUS_ERROR } from "../../model/span-batch.ts";
import { DURATION_BUCKETS, durationBucketOf } from "../duration-buckets.ts";
import { TermTable } from "../head/term-table.ts";
import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { NO_ROW, type Family } from "./family.ts";
import type { Packer } from "./packer.ts";
import type { TextCoder } from "./text-coder.ts";
import type { Unpacker } from "./unpacker.ts";
import { scratch } from "./scratch.ts";

const MINUTE_US = 60_000_000;
/** Up to 2 MB of counts; with more slices than that the cells are sorted. */
const DENSE_CELLS_MAX = 1 << 19;

/** Columns of one entry each; texts are entries of the file. */
export interface BlockStatistics {
  readonly services: { readonly entry: Uint32Array; readonly spans: Uint32Array };
  readonly slices: {
    readonly service: Uint32Array;
    readonly name: Uint32Array;
    readonly kind: Uint32Array;
    /** Whole minutes since the epoch. */
    readonly minute: Float64Array;
    readonly calls: Uint32Array;
    readonly errors: Uint32Array;
    /** Buckets of slice i: [bucketStart[i], bucketStart[i + 1]). */
    readonly bucketStart: Uint32Array;
    readonly bucket: Uint16Array;
    readonly bucketCalls: Uint32Array;
  };
  readonly calls: {
    readonly parent: Uint32Array;
    readonly child: Uint32Array;
    readonly minute: Float64Array;
    readonly count: Uint32Array;
  };
}

export function writeStatistics(
  packer: Packer,
  block: BlockImage,
  order: BlockOrder,
  family: Family,
  texts: Pick<TextCoder, "number">,
): void {
  const rows = order.rows;
  const firstMinute = Math.floor(block.startUsMin / MINUTE_US);
  const serviceOf = Array.from(block.resourceService, (entry) => texts.number(entry));
  const slices = new Counts();
  // Slice and duration bucket of each row, as one number.
  const cells = scratch.words(rows.length);
  const calls = new Counts();
  const errors = scratch.words(rows.length);
  const spans = new Map<number, number>();
  for (let row = 0; row < rows.length; row++) {
    const own = rows[row]!;
    const service = serviceOf[block.resource[own]!]!;
    const minute = Math.floor(block.startUs[own]! / MINUTE_US) - firstMinute;
    const slice = slices.add(service, block.kind[own]!, block.name[own]!, minute);
    if (block.statusCode[own] === STATUS_ERROR) errors[slice]!++;
    cells[row] = slice * DURATION_BUCKETS + durationBucketOf(block.durationNs[own]!);
    const caller = family.caller[row]!;
    if (caller === NO_ROW) continue;
    const parent = serviceOf[block.resource[rows[caller]!]!]!;
    if (parent !== service) calls.add(parent, 0, service, minute);
  }
  for (let slice = 0; slice < slices.keys.count; slice++) {
    const service = slices.keys.key[slice]!;
    spans.set(service, (spans.get(service) ?? 0) + slices.counts[slice]!);
  }
  packer.varint(spans.size);
  packer.columnOf([...spans.keys()]);
  packer.columnOf([...spans.values()]);
  packer.double(firstMinute);
  const count = slices.keys.count;
  packer.varint(count);
  packer.column(slices.keys.key, count);
  packer.column(
    slices.keys.low.subarray(0, count).map((entry) => texts.number(entry)),
    count,
  );
  packer.columnOf(slices.keys.type.subarray(0, count));
  packer.column(slices.keys.high, count);
  packer.column(slices.counts, count);
  packer.column(errors, count);
  writeDurations(packer, cells, count);
  packer.varint(calls.keys.count);
  packer.column(calls.keys.key, calls.keys.count);
  packer.column(calls.keys.low, calls.keys.count);
  packer.column(calls.keys.high, calls.keys.count);
  packer.column(calls.counts, calls.keys.count);
}

/** Buckets in the order of slices and of buckets, each as the step from the one before. */
function writeDurations(packer: Packer, cells: Uint32Array, slices: number): void {
  const perSlice = scratch.words(slices);
  const steps = scratch.words(cells.length);
  const calls = scratch.words(cells.length);
  let count = 0;
  let before = -1;
  let bucket = 0;
  eachCell(cells, slices * DURATION_BUCKETS, (cell, rows) => {
    const slice = Math.floor(cell / DURATION_BUCKETS);
    if (slice !== before) bucket = 0;
    before = slice;
    perSlice[slice]!++;
    steps[count] = (cell % DURATION_BUCKETS) - bucket;
    bucket = cell % DURATION_BUCKETS;
    calls[count++] = rows - 1;
  });
  packer.column(perSlice, slices);
  packer.varint(count);
  packer.column(steps, count);
  packer.column(calls, count);
}

/** Visits the different cells, rising, with how often each is there. */
function eachCell(
  cells: Uint32Array,
  end: number,
  visit: (cell: number, times: number) => void,
): void {
  if (end <= DENSE_CELLS_MAX) {
    const counts = scratch.words(end);
    for (let i = 0; i < cells.length; i++) counts[cells[i]!]!++;
    for (let cell = 0; cell < end; cell++) if (counts[cell]! > 0) visit(cell, counts[cell]!);
    return;
  }
  const sorted = cells.slice().sort();
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && sorted[to] === sorted[from]) to++;
    visit(sorted[from]!, to - from);
  }
}

export function readStatistics(unpacker: Unpacker, rows: number): BlockStatistics {
  const services = unpacker.count(rows);
  const entry = unpacker.column(services);
  const spans = unpacker.column(services);
  const firstMinute = unpacker.double();
  const count = unpacker.count(rows);
  const service = unpacker.column(count);
  const name = unpacker.column(count);
  const kind = unpacker.column(count);
  const minute = Float64Array.from(unpacker.column(count), (step) => firstMinute + step);
  const sliceCalls = unpacker.column(count);
  const errors = unpacker.column(count);
  const perSlice = unpacker.column(count);
  const buckets = unpacker.count(rows);
  const bucket = unpacker.shorts(buckets);
  const bucketCalls = unpacker.column(buckets).map((one) => one + 1);
  const bucketStart = new Uint32Array(count + 1);
  for (let slice = 0; slice < count; slice++) {
    const from = bucketStart[slice]!;
    bucketStart[slice + 1] = Math.min(buckets, from + perSlice[slice]!);
    for (let at = from + 1; at < bucketStart[slice + 1]!; at++) bucket[at]! += bucket[at - 1]!;
  }
  const pairs = unpacker.count(rows);
  const parent = unpacker.column(pairs);
  const child = unpacker.column(pairs);
  const callMinute = Float64Array.from(unpacker.column(pairs), (step) => firstMinute + step);
  const calls = { parent, child, minute: callMinute, count: unpacker.column(pairs) };
  const durations = { bucketStart, bucket, bucketCalls };
  return {
    services: { entry, spans },
    slices: { service, name, kind, minute, calls: sliceCalls, errors, ...durations },
    calls,
  };
}

/** How often each combination of four numbers came; the second is below 256. */
class Counts {
  readonly keys = new TermTable();
  counts = new Uint32Array(1 << 10);

  /** @returns the number of the combination. */
  add(one: number, two: number, three: number, four: number): number {
    const at = this.keys.intern(one, two, three, four);
    if (at === this.counts.length) {
      const grown = new Uint32Array(2 * at);
      grown.set(this.counts);
      this.counts = grown;
    }
    this.counts[at]!++;
    return at;
  }
}
