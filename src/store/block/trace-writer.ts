// The table of traces in a block's bytes: one entry a trace, in the order of ids.
//
// Source: docs/formats/segment.md. Not here: the ids themselves, reading (block-reader.ts).

import { STATUS_ERROR } from "../../model/span-batch.ts";
import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { NO_ROW, type Family } from "./family.ts";
import type { Packer } from "./packer.ts";
import type { TextCoder } from "./text-coder.ts";

/** Of each trace: its row from the first one on, and its texts in the file. */
export interface Roots {
  readonly row: Uint32Array;
  readonly service: Uint32Array;
  readonly name: Uint32Array;
}

/** The root of each trace: its first span without parent, else the first whose parent is not here. */
export function findRoots(
  block: BlockImage,
  order: BlockOrder,
  family: Family,
  texts: TextCoder,
): Roots {
  const traces = order.traceStart.length - 1;
  const row = new Uint32Array(traces);
  const service = new Uint32Array(traces);
  const name = new Uint32Array(traces);
  for (let trace = 0; trace < traces; trace++) {
    const from = order.traceStart[trace]!;
    let root = -1;
    let orphan = -1;
    for (let at = from; at < order.traceStart[trace + 1]! && root < 0; at++) {
      const own = order.rows[at]!;
      if ((block.parentSpanId[2 * own]! | block.parentSpanId[2 * own + 1]!) === 0) root = at;
      else if (orphan < 0 && family.parent[at] === NO_ROW) orphan = at;
    }
    const found = root >= 0 ? root : orphan >= 0 ? orphan : from;
    row[trace] = found - from;
    service[trace] = texts.number(block.resourceService[block.resource[order.rows[found]!]!]!);
    name[trace] = texts.number(block.name[order.rows[found]!]!);
  }
  return { row, service, name };
}

export function writeTraces(
  packer: Packer,
  block: BlockImage,
  order: BlockOrder,
  family: Family,
  root: Roots,
): void {
  const traces = order.traceStart.length - 1;
  const rows = new Uint32Array(traces);
  const startUs = new Float64Array(traces);
  const restNs = new Uint32Array(traces);
  const lengthUs = new Float64Array(traces);
  const errors = new Uint32Array(traces);
  for (let trace = 0; trace < traces; trace++) {
    const from = order.traceStart[trace]!;
    const end = order.traceStart[trace + 1]!;
    const first = order.rows[from]!;
    rows[trace] = end - from;
    startUs[trace] = block.startUs[first]! - block.startUsMin;
    restNs[trace] = block.startRestNs[first]!;
    let last = block.startUs[first]!;
    for (let at = from; at < end; at++) {
      const own = order.rows[at]!;
      const rest = block.startRestNs[own]! + block.durationNs[own]!;
      last = Math.max(last, block.startUs[own]! + Math.floor(rest / 1_000));
      if (block.statusCode[own] === STATUS_ERROR) errors[trace]!++;
    }
    lengthUs[trace] = last - block.startUs[first]!;
  }
  packer.column(rows, traces);
  packer.integers(startUs, traces);
  packer.column(restNs, traces);
  packer.integers(lengthUs, traces);
  packer.column(root.row, traces);
  packer.column(root.service, traces);
  packer.column(root.name, traces);
  packer.column(errors, traces);
  packer.column(family.orphans, traces);
}
