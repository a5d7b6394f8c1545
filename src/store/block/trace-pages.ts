// The traces of a block in a file: ids and rows page by page, everything else at once.
//
// Source: docs/formats/segment.md. Not here: writing (trace-writer.ts).

import type { BlockPages } from "./block-pages.ts";
import { PAGE_TRACES, type Figures } from "./layout.ts";
import { lastAtMost } from "./row-writer.ts";
import { damaged, type Unpacker } from "./unpacker.ts";

/** One entry a trace, in the order of ids. */
export interface TraceColumns {
  /** Begin of the trace's rows; one more than traces. */
  readonly firstRow: Uint32Array;
  readonly startUs: Float64Array;
  readonly startRestNs: Uint32Array;
  readonly endUs: Float64Array;
  /** Row of the root, from the trace's first one on; its service and name as entries. */
  readonly rootRow: Uint32Array;
  readonly rootService: Uint32Array;
  readonly rootName: Uint32Array;
  readonly errors: Uint32Array;
  /** Spans whose parent is not in this block. */
  readonly orphans: Uint32Array;
}

interface TracePage {
  readonly ids: Uint8Array;
  /** One more than traces. */
  readonly firstRow: Uint32Array;
}

/** Rows [from, end). */
export interface RowRange {
  readonly from: number;
  readonly end: number;
}

export class TracePages {
  readonly #pages: BlockPages;
  readonly #figures: Figures;
  #ids: WeakRef<Uint8Array> | undefined;

  constructor(pages: BlockPages) {
    this.#pages = pages;
    this.#figures = pages.footer.figures;
  }

  /** The number of the trace with this 16-byte id, or -1. Cost, cold: one page of 4 KB. */
  find(id: Uint8Array): number {
    const firsts = this.#figures.tracePageId;
    const index = lastIdAtMost(firsts, firsts.length / 16, id);
    if (index < 0) return -1;
    const { ids } = this.#page(index);
    const own = lastIdAtMost(ids, ids.length / 16, id);
    return own >= 0 && compareId(ids, 16 * own, id) === 0 ? PAGE_TRACES * index + own : -1;
  }

  rowsOf(trace: number): RowRange {
    const { firstRow } = this.#page(Math.floor(trace / PAGE_TRACES));
    const own = trace % PAGE_TRACES;
    return { from: firstRow[own]!, end: firstRow[own + 1]! };
  }

  /** The trace that owns a row. */
  traceOfRow(row: number): number {
    const index = lastAtMost(this.#figures.tracePageRow, row);
    return PAGE_TRACES * index + lastAtMost(this.#page(index).firstRow, row);
  }

  /** The 16 bytes of a trace, a view. */
  idOf(trace: number): Uint8Array {
    const own = 16 * (trace % PAGE_TRACES);
    return this.#page(Math.floor(trace / PAGE_TRACES)).ids.subarray(own, own + 16);
  }

  /** 16 bytes a trace, rising. */
  get allIds(): Uint8Array {
    let ids = this.#ids?.deref();
    if (ids !== undefined) return ids;
    ids = new Uint8Array(16 * this.#figures.traces);
    for (let index = 0; index < this.#figures.tracePageRow.length; index++) {
      ids.set(this.#page(index).ids, 16 * PAGE_TRACES * index);
    }
    this.#ids = new WeakRef(ids);
    return ids;
  }

  get columns(): TraceColumns {
    return this.#pages.getOnly("traces", (unpacker) => ({
      firstRow: this.#allRows(),
      ...readTraces(unpacker, this.#figures),
    }));
  }

  #allRows(): Uint32Array {
    const { traces, rows, tracePageRow } = this.#figures;
    const firstRow = new Uint32Array(traces + 1);
    for (let index = 0; index < tracePageRow.length; index++) {
      firstRow.set(this.#page(index).firstRow, PAGE_TRACES * index);
    }
    if (firstRow[traces] !== rows) throw damaged(`traces of ${firstRow[traces]} rows`, 0);
    return firstRow;
  }

  #page(index: number): TracePage {
    const { traces, tracePageRow, rows } = this.#figures;
    const first = tracePageRow[index] ?? 0;
    const end = tracePageRow[index + 1] ?? rows;
    const count = Math.min(PAGE_TRACES, traces - PAGE_TRACES * index);
    return this.#pages.get("traceIds", index, (unpacker) =>
      readTraceIds(unpacker, count, first, end),
    );
  }
}

function readTraceIds(unpacker: Unpacker, count: number, first: number, end: number): TracePage {
  const ids = unpacker.octets(16 * count);
  const rows = unpacker.column(count);
  const firstRow = new Uint32Array(count + 1);
  firstRow[0] = first;
  for (let i = 0; i < count; i++) firstRow[i + 1] = firstRow[i]! + rows[i]!;
  if (firstRow[count] !== end) throw damaged(`rows up to ${firstRow[count]}, not ${end}`, 0);
  return { ids, firstRow };
}

/** All but the rows. */
export function readTraces(unpacker: Unpacker, figures: Figures): Omit<TraceColumns, "firstRow"> {
  const count = figures.traces;
  const startUs = unpacker.integers(count);
  for (let trace = 0; trace < count; trace++) startUs[trace]! += figures.startUsMin;
  const startRestNs = unpacker.column(count);
  const endUs = unpacker.integers(count);
  for (let trace = 0; trace < count; trace++) endUs[trace]! += startUs[trace]!;
  const rootRow = unpacker.column(count);
  const rootService = unpacker.column(count);
  const rootName = unpacker.column(count);
  const errors = unpacker.column(count);
  const orphans = unpacker.column(count);
  const root = { rootRow, rootService, rootName };
  return { startUs, startRestNs, endUs, ...root, errors, orphans };
}

/** The last of `count` rising ids that is at most `id`, or -1. */
function lastIdAtMost(ids: Uint8Array, count: number, id: Uint8Array): number {
  let low = -1;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (compareId(ids, 16 * middle, id) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

function compareId(ids: Uint8Array, at: number, id: Uint8Array): number {
  for (let i = 0; i < 16; i++) {
    const difference = ids[at + i]! - id[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
