// Reads a trace out of files: the rows that each block has of it, joined by start.
//
//   id ─ indexes of traces ─▶ blocks that may have it ─▶ cursors ─ least start first ─▶ SpanBatch
//
// Spans of one start come in the order in which they arrived: by block. Of a block that is damaged where
// the trace lies, no row is taken: half of one could be wrong.

import type { SpanBatch } from "../../model/span-batch.ts";
import type { FileBlock } from "../block/block-reader.ts";
import { PAGE_ROWS } from "../block/layout.ts";
import type { RowPage } from "../block/row-page.ts";
import { Emitter } from "../head/emit.ts";
import type { Pause } from "../head/pause.ts";
import type { BlockView, HeldBlock } from "./block-set.ts";

/** Rows between two looks at the clock, about 1 ms. */
const ROWS_BETWEEN_PAUSES = 512;

/** The rows of one trace in one block. */
interface TracePart {
  readonly held: HeldBlock;
  readonly block: FileBlock;
  /** The trace's rows: [from, end). */
  readonly from: number;
  readonly end: number;
}

/**
 * The trace with this id as far as it is here, rows by start; undefined: nothing.
 * @throws SpoorError `bad-input` if it does not fit into one batch.
 */
export async function readTrace(
  view: BlockView,
  id: Uint8Array,
  pause: Pause,
): Promise<SpanBatch | undefined> {
  let parts: TracePart[] = [];
  for (const held of view.blocksOfTrace(id)) {
    const part = view.use(held, (block) => findPart(held, block, id));
    if (part !== undefined) parts.push(part);
  }
  while (parts.length > 0) {
    const emitter = new Emitter();
    const damaged = await emitParts(view, id, parts, emitter, pause);
    if (damaged === undefined) return emitter.batch;
    // What was emitted of it cannot be taken back: begin again without it.
    parts = parts.filter((part) => part.held !== damaged);
  }
  return undefined;
}

function findPart(held: HeldBlock, block: FileBlock, id: Uint8Array): TracePart | undefined {
  const trace = block.findTrace(id);
  if (trace < 0) return undefined;
  return { held, block, ...block.rowsOfTrace(trace) };
}

/** @returns the block that turned out to be damaged, if one did. */
async function emitParts(
  view: BlockView,
  id: Uint8Array,
  parts: readonly TracePart[],
  emitter: Emitter,
  pause: Pause,
): Promise<HeldBlock | undefined> {
  let cursors: Cursor[] = [];
  for (const [order, part] of parts.entries()) {
    const cursor = view.use(part.held, () => new Cursor(part, order));
    if (cursor === undefined) return part.held;
    cursors.push(cursor);
  }
  cursors.sort(compareCursors);
  while (cursors.length > 0) {
    const cursor = cursors[0]!;
    const next = cursors[1];
    const isEmitted = view.use(cursor.part.held, () => {
      for (let rows = 0; rows < ROWS_BETWEEN_PAUSES && !cursor.isAtEnd; rows++) {
        if (next !== undefined && compareCursors(cursor, next) > 0) break;
        emitter.emit(id, cursor.page, cursor.rowOfPage);
        cursor.advance();
      }
      return true;
    });
    if (isEmitted === undefined) return cursor.part.held;
    if (cursor.isAtEnd) cursors = cursors.slice(1);
    else sink(cursors);
    await pause();
  }
  return undefined;
}

/** Puts the first cursor where it belongs among the others, which are in order. */
function sink(cursors: Cursor[]): void {
  for (let at = 1; at < cursors.length; at++) {
    const before = cursors[at - 1]!;
    const after = cursors[at]!;
    if (compareCursors(before, after) <= 0) return;
    cursors[at - 1] = after;
    cursors[at] = before;
  }
}

/** Walks the rows of a part; `startUs` and `restNs` are those of the row it is at. */
class Cursor {
  readonly part: TracePart;
  readonly order: number;
  page: RowPage;
  rowOfPage: number;
  startUs = 0;
  restNs = 0;
  isAtEnd = false;
  #row: number;

  /** @param order the part's place among the parts, by arrival. */
  constructor(part: TracePart, order: number) {
    this.part = part;
    this.order = order;
    this.#row = part.from;
    this.page = part.block.page(Math.floor(part.from / PAGE_ROWS));
    this.rowOfPage = part.from % PAGE_ROWS;
    this.#load();
  }

  advance(): void {
    this.#row++;
    this.isAtEnd = this.#row === this.part.end;
    if (this.isAtEnd) return;
    this.rowOfPage++;
    if (this.rowOfPage === this.page.rows) {
      this.page = this.part.block.page(Math.floor(this.#row / PAGE_ROWS));
      this.rowOfPage = 0;
    }
    this.#load();
  }

  #load(): void {
    this.startUs = this.page.startUs[this.rowOfPage]!;
    this.restNs = this.page.startRestNs[this.rowOfPage]!;
  }
}

function compareCursors(one: Cursor, two: Cursor): number {
  return one.startUs - two.startUs || one.restNs - two.restNs || one.order - two.order;
}
