// A block in a file: opened by its footer, read page by page.
//
//   openBlock ─▶ trace by id · rows that meet a query · rows of a trace · statistics
//
// Searching and answering are the head's (match.ts, emit.ts): a page of rows looks to them like a block.
// Cost, cold: opening 0.1 ms; a text that is not here one page of the index; a trace 15 pages or so.
//
// Source: docs/formats/segment.md. Trust: every page is checked when it is read.
// Not here: files, which blocks to ask; writing (block-writer.ts).

import type { Dictionary } from "../../model/dictionary.ts";
import type { TraceQuery } from "../../model/trace-query.ts";
import type { Owners, Vocabulary } from "../head/columns.ts";
import type { Emitter } from "../head/emit.ts";
import { isOfRowsOnly, makePlan, meets, type Plan } from "../head/match.ts";
import { BlockPages } from "./block-pages.ts";
import { readStatistics, type BlockStatistics } from "./block-statistics.ts";
import { FileTerms, startsOf } from "./file-terms.ts";
import { FileTexts } from "./file-texts.ts";
import { PAGE_ROWS, SECTIONS, readFooter, type Figures, type Source } from "./layout.ts";
import type { PageCache } from "./page-cache.ts";
import type { TraceStarts } from "./row-columns.ts";
import { RowPage } from "./row-page.ts";
import { lastAtMost } from "./row-writer.ts";
import { damaged, type Unpacker } from "./unpacker.ts";

/** One entry a trace, in the order of ids. */
export interface TraceColumns extends TraceStarts {
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

interface OwnerTables {
  readonly resources: Owners;
  readonly scopes: Owners;
  readonly service: readonly number[];
}

/**
 * A block that was written by `writeBlock`.
 *
 * @param source must stay readable. @param cache keeps decoded pages, also those of other blocks.
 * @throws SpoorError `unavailable` here and in every method if what is read is damaged; `where` has
 *   section, page and offset.
 */
export function openBlock(source: Source, cache: PageCache): FileBlock {
  return new FileBlock(new BlockPages(source, readFooter(source), cache));
}

/** A block in memory as a source. */
export function sourceOf(bytes: Uint8Array): Source {
  return { bytes: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

export class FileBlock implements Vocabulary {
  readonly figures: Figures;
  readonly dictionary: FileTexts;
  readonly terms: FileTerms;
  readonly #pages: BlockPages;

  constructor(pages: BlockPages) {
    this.#pages = pages;
    this.figures = pages.footer.figures;
    this.dictionary = new FileTexts(pages);
    this.terms = new FileTerms(pages);
  }

  get resources(): Owners {
    return this.#owners.resources;
  }

  get scopes(): Owners {
    return this.#owners.scopes;
  }

  get resourceService(): readonly number[] {
    return this.#owners.service;
  }

  internEntry(entry: number, to: Dictionary): number {
    return this.dictionary.internInto(entry, to);
  }

  /** 16 bytes a trace, rising. */
  get traceIds(): Uint8Array {
    const bytes = 16 * this.figures.traces;
    return this.#pages.getOnly("traceIds", (unpacker) => ({ ids: unpacker.raw(bytes) })).ids;
  }

  get traces(): TraceColumns {
    return this.#pages.getOnly("traces", (unpacker) => readTraces(unpacker, this.figures));
  }

  get statistics(): BlockStatistics {
    const { rows } = this.figures;
    return this.#pages.getOnly("statistics", (unpacker) => readStatistics(unpacker, rows));
  }

  /** The number of the trace with this 16-byte id, or -1. */
  findTrace(id: Uint8Array): number {
    const ids = this.traceIds;
    let low = 0;
    let high = this.figures.traces - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = compareId(ids, 16 * middle, id);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** The trace that owns a row. */
  traceOfRow(row: number): number {
    return lastAtMost(this.traces.firstRow, row);
  }

  /** Page `index` of the rows, from 0 to `rowPages`. */
  page(index: number): RowPage {
    return new RowPage(this, this.#pages, index, this.terms, this.traces);
  }

  get rowPages(): number {
    return Math.ceil(this.figures.rows / PAGE_ROWS);
  }

  /** Appends the rows of a trace to an answer, by start. */
  emitTrace(trace: number, emitter: Emitter): void {
    const { firstRow } = this.traces;
    const id = this.traceIds.slice(16 * trace, 16 * trace + 16);
    const end = firstRow[trace + 1]!;
    for (let row = firstRow[trace]!; row < end;) {
      const index = Math.floor(row / PAGE_ROWS);
      const page = this.page(index);
      const pageEnd = Math.min(end, page.firstRow + page.rows);
      for (; row < pageEnd; row++) emitter.emit(id, page, row - page.firstRow);
    }
  }

  /** Calls `found` for every row that meets `query`, in rising order, with its start. */
  matchRows(query: TraceQuery, found: (row: number, startUs: number) => void): void {
    const plan = this.plan(query);
    if (plan === undefined) return;
    for (let index = 0; index < this.rowPages; index++) this.matchPage(plan, index, found);
  }

  /** The query in this block's numbers; undefined: no row can meet it. */
  plan(query: TraceQuery): Plan | undefined {
    const { figures } = this;
    if (figures.startUsMax < query.startUsMin || figures.startUsMin > query.startUsMax) {
      return undefined;
    }
    return makePlan(this, query);
  }

  /** As `matchRows`, of one page of rows: for who pauses between pages. */
  matchPage(plan: Plan, index: number, found: (row: number, startUs: number) => void): void {
    if (this.#mayMatch(plan, index)) matchPage(this.page(index), plan, found);
  }

  /** Reads every page. @throws SpoorError for the first that is damaged. */
  verify(): void {
    for (const section of SECTIONS) {
      for (const page of this.#pages.footer.pages[section]) {
        this.#pages.decode(section, page.index, (unpacker) => unpacker.raw(page.bytes));
      }
    }
  }

  #mayMatch(plan: Plan, index: number): boolean {
    const { figures } = this;
    const { startUsMin, startUsMax, durationNsMin } = plan.query;
    if (figures.pageStartUsMax[index]! < startUsMin) return false;
    if (figures.pageStartUsMin[index]! > startUsMax) return false;
    if (durationNsMin !== undefined && figures.pageDurationNsMax[index]! < durationNsMin) {
      return false;
    }
    const bit = 1 << index;
    return plan.conditions.every(
      (condition) =>
        !isOfRowsOnly(condition) ||
        condition.terms.some((term) => (this.terms.pagesOf(term) & bit) !== 0),
    );
  }

  get #owners(): OwnerTables {
    const { terms } = this.figures;
    return this.#pages.getOnly("owners", (unpacker) => readOwnerTables(unpacker, terms));
  }
}

function matchPage(page: RowPage, plan: Plan, found: (row: number, startUs: number) => void): void {
  const driver = plan.conditions.find(isOfRowsOnly);
  const marks = driver === undefined ? undefined : page.marks(driver.terms);
  for (let row = 0; row < page.rows; row++) {
    if (marks !== undefined && marks[row] === 0) continue;
    if (meets(page, plan, row)) found(page.firstRow + row, page.startUs[row]!);
  }
}

function compareId(ids: Uint8Array, at: number, id: Uint8Array): number {
  for (let i = 0; i < 16; i++) {
    const difference = ids[at + i]! - id[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function readTraces(unpacker: Unpacker, figures: Figures): TraceColumns {
  const count = figures.traces;
  const firstRow = startsOf(unpacker.column(count));
  if (firstRow[count] !== figures.rows) throw damaged(`traces of ${firstRow[count]} rows`, 0);
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
  return { firstRow, startUs, startRestNs, endUs, ...root, errors, orphans };
}

function readOwnerTables(unpacker: Unpacker, terms: number): OwnerTables {
  const resources = readOwners(unpacker, terms);
  const scopes = readOwners(unpacker, terms);
  return { resources, scopes, service: [...unpacker.column(resources.count)] };
}

function readOwners(unpacker: Unpacker, termsMax: number): Owners {
  const count = unpacker.count(0xffff);
  const name = [...unpacker.column(count)];
  const version = [...unpacker.column(count)];
  const schemaUrl = [...unpacker.column(count)];
  const dropped = [...unpacker.column(count)];
  const termStart = [...startsOf(unpacker.column(count))];
  const terms = [...unpacker.column(unpacker.count(0xffff_ffff))];
  if (termStart[count] !== terms.length) throw damaged(`owners of ${termStart[count]} terms`, 0);
  if (terms.some((term) => term >= termsMax)) throw damaged("an owner of unknown terms", 0);
  return { count, name, version, schemaUrl, dropped, termStart, terms };
}
