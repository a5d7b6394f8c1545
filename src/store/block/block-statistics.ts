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
import { BLOCK_ROWS_MAX } from "../head/block.ts";
import { TermTable } from "../head/term-table.ts";
import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { NO_ROW, type Family } from "./family.ts";
import type { Packer } from "./packer.ts";
import type { TextCoder } from "./text-coder.ts";
import type { Unpacker } from "./unpacker.ts";

const MINUTE_US = 60_000_000;

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
  const durations = new Counts();
  const calls = new Counts();
  const errors = new Uint32Array(rows.length);
  const spans = new Map<number, number>();
  for (let row = 0; row < rows.length; row++) {
    const own = rows[row]!;
    const service = serviceOf[block.resource[own]!]!;
    const minute = Math.floor(block.startUs[own]! / MINUTE_US) - firstMinute;
    const slice = slices.add(service, block.kind[own]!, block.name[own]!, minute);
    if (block.statusCode[own] === STATUS_ERROR) errors[slice]!++;
    durations.add(slice, 0, durationBucketOf(block.durationNs[own]!), 0);
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
  writeDurations(packer, durations, count);
  packer.varint(calls.keys.count);
  packer.column(calls.keys.key, calls.keys.count);
  packer.column(calls.keys.low, calls.keys.count);
  packer.column(calls.keys.high, calls.keys.count);
  packer.column(calls.counts, calls.keys.count);
}

/** Buckets in the order of slices and of buckets, each as the step from the one before. */
function writeDurations(packer: Packer, durations: Counts, slices: number): void {
  const { keys, counts } = durations;
  // Sorted as numbers, which is much faster than by a function: slice, bucket, and whose they are.
  const ranks = new Float64Array(keys.count);
  for (let at = 0; at < ranks.length; at++) {
    ranks[at] = (keys.key[at]! * DURATION_BUCKETS + keys.low[at]!) * BLOCK_ROWS_MAX + at;
  }
  const order = Uint32Array.from(ranks.sort(), (rank) => rank % BLOCK_ROWS_MAX);
  const perSlice = new Uint32Array(slices);
  const steps = new Uint32Array(order.length);
  const calls = new Uint32Array(order.length);
  let before = -1;
  let bucket = 0;
  order.forEach((at, to) => {
    const slice = keys.key[at]!;
    perSlice[slice]!++;
    if (slice !== before) bucket = 0;
    steps[to] = keys.low[at]! - bucket;
    bucket = keys.low[at]!;
    before = slice;
    calls[to] = counts[at]! - 1;
  });
  packer.column(perSlice, slices);
  packer.varint(order.length);
  packer.column(steps, order.length);
  packer.column(calls, order.length);
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
