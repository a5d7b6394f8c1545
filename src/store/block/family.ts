// Who called whom within the traces of a block: the parent of each row, and the calls between services.
//
//   rows of a trace ─ span id ─▶ row of the parent · calls: (parent service, child service, minute)
//
// A server span that shares its id with a client span, as Zipkin's do, is called by that one. A parent that
// is not in the block leaves an orphan: whoever has the trace's other blocks may find it.
//
// Cost: about 40 ns a row.

import { KIND_CLIENT, KIND_SERVER } from "../../model/span-batch.ts";
import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { scratch } from "./scratch.ts";

/** No row of the block. */
export const NO_ROW = 0xffffffff;

export interface Family {
  /** New row of each new row's parent; NO_ROW: a root or an orphan. */
  readonly parent: Uint32Array;
  /** New row of the caller: the parent, or the client span of the same id. */
  readonly caller: Uint32Array;
  /** Of each trace: rows whose parent is somewhere else. */
  readonly orphans: Uint32Array;
}

/** @param seed senders choose span ids: nobody may prepare ids that collide. */
export function findFamily(block: BlockImage, order: BlockOrder, seed: number): Family {
  const rows = order.rows.length;
  const parent = scratch.words(rows).fill(NO_ROW);
  const caller = scratch.words(rows).fill(NO_ROW);
  const traces = order.traceStart.length - 1;
  const orphans = scratch.words(traces);
  let slots: Uint32Array = scratch.words(64);
  for (let trace = 0; trace < traces; trace++) {
    const from = order.traceStart[trace]!;
    const end = order.traceStart[trace + 1]!;
    let size = 64;
    while (size < 2 * (end - from)) size *= 2;
    if (slots.length < size) slots = scratch.words(size);
    else slots.fill(0, 0, size);
    const ids = new SpanIds(block.spanId, order.rows, slots.subarray(0, size), seed);
    for (let row = from; row < end; row++) ids.add(row);
    for (let row = from; row < end; row++) {
      const own = order.rows[row]!;
      const low = block.parentSpanId[2 * own]!;
      const high = block.parentSpanId[2 * own + 1]!;
      const found = (low | high) === 0 ? NO_ROW : ids.find(low, high);
      parent[row] = found;
      const client =
        block.kind[own] === KIND_SERVER ? sharedClient(block, order, ids, row) : NO_ROW;
      caller[row] = client === NO_ROW ? found : client;
      if ((low | high) !== 0 && caller[row] === NO_ROW) orphans[trace]!++;
    }
  }
  return { parent, caller, orphans };
}

/** The first client span with the id of this row, if it is another row. */
function sharedClient(block: BlockImage, order: BlockOrder, ids: SpanIds, row: number): number {
  const own = order.rows[row]!;
  const first = ids.find(block.spanId[2 * own]!, block.spanId[2 * own + 1]!);
  if (first === row && !ids.hasTwins) return NO_ROW;
  for (let at = first; at !== NO_ROW; at = ids.next(at)) {
    if (block.kind[order.rows[at]!] === KIND_CLIENT) return at;
  }
  return NO_ROW;
}

/** Span ids of one trace: open addressing over new rows. */
class SpanIds {
  /** True if two rows share an id. */
  hasTwins = false;
  readonly #ids: Uint32Array;
  readonly #rows: Uint32Array;
  readonly #slots: Uint32Array;
  readonly #mask: number;
  readonly #seed: number;
  #twins: Map<number, number> | undefined;

  constructor(ids: Uint32Array, rows: Uint32Array, slots: Uint32Array, seed: number) {
    this.#ids = ids;
    this.#rows = rows;
    this.#slots = slots;
    this.#mask = slots.length - 1;
    this.#seed = seed | 0;
  }

  add(row: number): void {
    const own = this.#rows[row]!;
    const slot = this.#slot(this.#ids[2 * own]!, this.#ids[2 * own + 1]!);
    const known = this.#slots[slot]!;
    if (known === 0) {
      this.#slots[slot] = row + 1;
      return;
    }
    this.hasTwins = true;
    this.#twins ??= new Map();
    let last = known - 1;
    // Two spans share an id with Zipkin; more than a few is a mistake, and those are not told apart.
    for (let few = 0; few < TWINS_MAX; few++) {
      const next = this.#twins.get(last);
      if (next === undefined) {
        this.#twins.set(last, row);
        return;
      }
      last = next;
    }
  }

  /** The first row with this id, or NO_ROW. */
  find(low: number, high: number): number {
    const found = this.#slots[this.#slot(low, high)]!;
    return found === 0 ? NO_ROW : found - 1;
  }

  /** The next row with the id of this one. */
  next(row: number): number {
    return this.#twins?.get(row) ?? NO_ROW;
  }

  #slot(low: number, high: number): number {
    let hash = Math.imul(low ^ this.#seed, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ high, 0x85ebca6b);
    let slot = (hash ^ (hash >>> 13)) & this.#mask;
    for (;;) {
      const row = this.#slots[slot]!;
      if (row === 0) return slot;
      const own = this.#rows[row - 1]!;
      if (this.#ids[2 * own] === low && this.#ids[2 * own + 1] === high) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}

const TWINS_MAX = 4;
