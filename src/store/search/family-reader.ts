// Reads the parents of a block's spans page by page: the calls of spans that start within a range, and
// the parents that are not in the block.
//
//   pages ─▶ rows of one trace after the other ─▶ span id -> row ─▶ calls by resource · stranger(parent)
//
// Holds the rows of one trace. Not here: who the strangers are (call-files.ts).

import { KIND_CLIENT, KIND_SERVER } from "../../model/span-batch.ts";
import type { TimeRange } from "../../model/trace-query.ts";
import type { FileBlock } from "../block/block-reader.ts";
import type { RowPage } from "../block/row-page.ts";
import type { CallCounts } from "../join-lists.ts";
import { BlockTexts } from "./block-texts.ts";
import { SpanTable } from "./span-table.ts";

/** @param traceId valid until the call returns. @param service the one that is called. */
export type VisitStranger = (
  traceId: Uint8Array,
  parentLow: number,
  parentHigh: number,
  service: string,
) => void;

interface Row {
  readonly low: number;
  readonly high: number;
  readonly parentLow: number;
  readonly parentHigh: number;
  readonly isServer: boolean;
  readonly resource: number;
  readonly isAsked: boolean;
}

/** A pair of resources as one number: caller × OWNERS + called. */
const OWNERS = 0x1_0000;

export class FamilyReader {
  readonly pages: number;
  readonly #block: FileBlock;
  readonly #range: TimeRange | undefined;
  readonly #visitStranger: VisitStranger;
  readonly #services: string[];
  /** The trace whose rows are being collected. */
  #trace = 0;
  #rows: Row[] = [];
  readonly #byId = new SpanTable();
  readonly #clients = new SpanTable();
  readonly #calls = new Map<number, number>();

  /**
   * @param range undefined: calls within the block are known; only strangers are asked for, and only
   *   pages with some are read.
   */
  constructor(block: FileBlock, range: TimeRange | undefined, visitStranger: VisitStranger) {
    this.pages = block.rowPages;
    this.#block = block;
    this.#range = range;
    this.#visitStranger = visitStranger;
    this.#services = new BlockTexts(block).services();
  }

  /** Reads page `index`; pages come in order. Cost: 0.1 to 0.3 µs a row. */
  read(index: number): void {
    const { firstRow, orphans } = this.#block.traces;
    const page = this.#block.page(index);
    const pageEnd = page.firstRow + page.rows;
    while (this.#trace < orphans.length && firstRow[this.#trace]! < pageEnd) {
      const trace = this.#trace;
      const from = Math.max(firstRow[trace]!, page.firstRow);
      const traceEnd = firstRow[trace + 1]!;
      const end = Math.min(traceEnd, pageEnd);
      const isAsked = this.#range !== undefined || orphans[trace]! > 0;
      if (isAsked) this.#collect(page, from - page.firstRow, end - page.firstRow);
      if (traceEnd > pageEnd) return;
      if (isAsked) this.#visit(trace);
      this.#trace++;
    }
  }

  /** The calls that were found in what was read; none without a range. */
  addCalls(counts: CallCounts): void {
    for (const [pair, calls] of this.#calls) {
      const parent = this.#services[Math.floor(pair / OWNERS)]!;
      const child = this.#services[pair % OWNERS]!;
      if (parent !== child) counts.add(parent, child, calls);
    }
  }

  #collect(page: RowPage, from: number, end: number): void {
    const range = this.#range;
    for (let row = from; row < end; row++) {
      const startUs = range === undefined ? 0 : page.startUs[row]!;
      const low = page.spanId[2 * row]!;
      const high = page.spanId[2 * row + 1]!;
      const kind = page.kind[row]!;
      const at = this.#rows.length;
      this.#byId.add(low, high, at);
      if (kind === KIND_CLIENT) this.#clients.add(low, high, at);
      this.#rows.push({
        low,
        high,
        parentLow: page.parentSpanId[2 * row]!,
        parentHigh: page.parentSpanId[2 * row + 1]!,
        isServer: kind === KIND_SERVER,
        resource: page.resource[row]!,
        isAsked:
          range === undefined || (startUs >= range.startUsMin && startUs <= range.startUsMax),
      });
    }
  }

  #visit(trace: number): void {
    const id = this.#block.traceIds.subarray(16 * trace, 16 * trace + 16);
    for (const row of this.#rows) {
      if (!row.isAsked) continue;
      const { low, high, parentLow, parentHigh, resource } = row;
      const client = row.isServer ? this.#find(this.#clients, low, high) : undefined;
      const hasParent = parentLow !== 0 || parentHigh !== 0;
      const parent = hasParent ? this.#find(this.#byId, parentLow, parentHigh) : undefined;
      const caller = client ?? parent;
      if (caller === undefined) {
        if (hasParent) this.#visitStranger(id, parentLow, parentHigh, this.#services[resource]!);
      } else if (this.#range !== undefined) {
        const pair = caller.resource * OWNERS + resource;
        this.#calls.set(pair, (this.#calls.get(pair) ?? 0) + 1);
      }
    }
    this.#rows = [];
    this.#byId.reset();
    this.#clients.reset();
  }

  #find(rows: SpanTable, low: number, high: number): Row | undefined {
    return this.#rows[rows.find(low, high)];
  }
}
