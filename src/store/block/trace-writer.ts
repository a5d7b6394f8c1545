// The table of traces in a block's bytes: one entry a trace, in the order of ids.
//
//   traceIds   pages of PAGE_TRACES traces: ids, how many rows each has; never compressed, because one
//              page is all that stands between an id and its rows
//   traces     what is known of each besides
//
// Source: docs/formats/segment.md. Not here: reading (trace-pages.ts).

import { STATUS_ERROR } from "../../model/span-batch.ts";
import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { NO_ROW, type Family } from "./family.ts";
import { PAGE_TRACES, type Figures } from "./layout.ts";
import type { Packer } from "./packer.ts";
import type { PageWriter } from "./page-codec.ts";
import type { TextCoder } from "./text-coder.ts";

/** @returns the first row and the first id of each page. */
export function writeTraceIds(
  pages: PageWriter,
  packer: Packer,
  order: BlockOrder,
): Pick<Figures, "tracePageRow" | "tracePageId"> {
  const traces = order.traceStart.length - 1;
  const count = Math.ceil(traces / PAGE_TRACES);
  const tracePageRow = new Uint32Array(count);
  const tracePageId = new Uint8Array(16 * count);
  const rows = new Uint32Array(PAGE_TRACES);
  for (let page = 0; page < count; page++) {
    const first = page * PAGE_TRACES;
    const end = Math.min(traces, first + PAGE_TRACES);
    tracePageRow[page] = order.traceStart[first]!;
    tracePageId.set(order.traceIds.subarray(16 * first, 16 * first + 16), 16 * page);
    for (let trace = first; trace < end; trace++) {
      rows[trace - first] = order.traceStart[trace + 1]! - order.traceStart[trace]!;
    }
    packer.reset();
    packer.raw(order.traceIds.subarray(16 * first, 16 * end));
    packer.column(rows, end - first);
    pages.add("traceIds", packer.bytes(), false);
  }
  return { tracePageRow, tracePageId };
}

/** The root of each trace: its first span without parent, else the first whose parent is not here. */
function findRoots(block: BlockImage, order: BlockOrder, family: Family): Uint32Array {
  const traces = order.traceStart.length - 1;
  const roots = new Uint32Array(traces);
  for (let trace = 0; trace < traces; trace++) {
    const from = order.traceStart[trace]!;
    let root = -1;
    let orphan = -1;
    for (let at = from; at < order.traceStart[trace + 1]! && root < 0; at++) {
      const own = order.rows[at]!;
      if ((block.parentSpanId[2 * own]! | block.parentSpanId[2 * own + 1]!) === 0) root = at;
      else if (orphan < 0 && family.parent[at] === NO_ROW) orphan = at;
    }
    roots[trace] = root >= 0 ? root : orphan >= 0 ? orphan : from;
  }
  return roots;
}

export function writeTraces(
  packer: Packer,
  block: BlockImage,
  order: BlockOrder,
  family: Family,
  texts: Pick<TextCoder, "number">,
): void {
  const traces = order.traceStart.length - 1;
  const startUs = new Float64Array(traces);
  const restNs = new Uint32Array(traces);
  const lengthUs = new Float64Array(traces);
  const errors = new Uint32Array(traces);
  for (let trace = 0; trace < traces; trace++) {
    const from = order.traceStart[trace]!;
    const end = order.traceStart[trace + 1]!;
    const first = order.rows[from]!;
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
  const roots = findRoots(block, order, family);
  packer.integers(startUs, traces);
  packer.column(restNs, traces);
  packer.integers(lengthUs, traces);
  packer.column(
    roots.map((root, trace) => root - order.traceStart[trace]!),
    traces,
  );
  packer.column(
    roots.map((root) => texts.number(block.resourceService[block.resource[order.rows[root]!]!]!)),
    traces,
  );
  packer.column(
    roots.map((root) => texts.number(block.name[order.rows[root]!]!)),
    traces,
  );
  packer.column(errors, traces);
  packer.column(family.orphans, traces);
}
