// Checks what is counted of a block: traces and statistics are made again of its rows, and compared.
//
//   columns of all pages ─▶ an image of the block, in its own order ─▶ writer's code ─▶ the same numbers
//
// Not here: rows themselves (verify-block.ts).

import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import type { Tell } from "./block-finding.ts";
import type { FileBlock } from "./block-reader.ts";
import { readStatistics, writeStatistics, type BlockStatistics } from "./block-statistics.ts";
import { findFamily } from "./family.ts";
import { Packer } from "./packer.ts";
import { scratch } from "./scratch.ts";
import { readTraces } from "./trace-pages.ts";
import { writeTraces } from "./trace-writer.ts";
import { Unpacker } from "./unpacker.ts";

/** Numbers of texts stay what they are. */
const texts = { number: (entry: number): number => entry };

export function findWrongCounts(block: FileBlock, tell: Tell): void {
  try {
    compareCounts(block, tell);
  } finally {
    scratch.release();
  }
}

function compareCounts(block: FileBlock, tell: Tell): void {
  const { image, order } = rebuild(block);
  const family = findFamily(image, order, block.figures.hashSeed);
  const packer = new Packer();
  writeTraces(packer, image, order, family, texts);
  const traces = readTraces(new Unpacker(packer.bytes()), block.figures);
  for (const [name, column] of Object.entries(traces)) {
    const told = block.traces[name as keyof typeof traces];
    const trace = (column as Float64Array).findIndex((one, at) => !Object.is(one, told[at]));
    if (trace >= 0) tell("traces", 0, `${name} of trace ${trace} is ${told[trace]}`);
  }
  packer.reset();
  writeStatistics(packer, image, order, family, texts);
  const counted = printStatistics(readStatistics(new Unpacker(packer.bytes()), block.figures.rows));
  const told = new Set(printStatistics(block.statistics));
  const wrong = counted.filter((line) => !told.delete(line)).length + told.size;
  if (wrong > 0) tell("statistics", 0, `${wrong} counts are not those of the rows`);
}

/** The columns that counting needs, of the whole block. */
function rebuild(block: FileBlock): { image: BlockImage; order: BlockOrder } {
  const { rows, traces, startUsMin } = block.figures;
  const columns = {
    spanId: new Uint32Array(2 * rows),
    parentSpanId: new Uint32Array(2 * rows),
    startUs: new Float64Array(rows),
    startRestNs: new Uint16Array(rows),
    durationNs: new Float64Array(rows),
    name: new Uint32Array(rows),
    kind: new Uint8Array(rows),
    statusCode: new Uint8Array(rows),
    resource: new Uint16Array(rows),
  };
  for (let index = 0; index < block.rowPages; index++) {
    const page = block.page(index);
    columns.spanId.set(page.spanId, 2 * page.firstRow);
    columns.parentSpanId.set(page.parentSpanId, 2 * page.firstRow);
    for (const name of ROW_COLUMNS) columns[name].set(page[name], page.firstRow);
  }
  const traceStart = new Uint32Array(traces + 1);
  for (let trace = 0; trace < traces; trace++) traceStart[trace + 1] = block.rowsOfTrace(trace).end;
  const identity = Uint32Array.from({ length: rows }, (_, row) => row);
  const order = { rows: identity, traceIds: block.traceIds, traceStart };
  const known = { rows, startUsMin, resourceService: block.resourceService, ...columns };
  // Nothing else of an image is looked at by what counts.
  return { image: known as unknown as BlockImage, order };
}

const ROW_COLUMNS = [
  "startUs",
  "startRestNs",
  "durationNs",
  "name",
  "kind",
  "statusCode",
  "resource",
] as const;

/** One line for each number, in any order. */
function printStatistics({ services, slices, calls }: BlockStatistics): string[] {
  const lines: string[] = [];
  services.entry.forEach((entry, at) => lines.push(`service ${entry} ${services.spans[at]}`));
  slices.service.forEach((service, at) => {
    const from = slices.bucketStart[at]!;
    const end = slices.bucketStart[at + 1]!;
    const buckets = [...slices.bucket.subarray(from, end)].join();
    const counts = [...slices.bucketCalls.subarray(from, end)].join();
    const whose = `${service} ${slices.name[at]} ${slices.kind[at]} ${slices.minute[at]}`;
    lines.push(`${whose} ${slices.calls[at]} ${slices.errors[at]} ${buckets} ${counts}`);
  });
  calls.parent.forEach((parent, at) => {
    lines.push(`call ${parent} ${calls.child[at]} ${calls.minute[at]} ${calls.count[at]}`);
  });
  return lines;
}
