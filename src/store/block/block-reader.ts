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
import { readFileOwners, type FileOwners, type OwnerTerms } from "./file-owners.ts";
import { FileTerms } from "./file-terms.ts";
import { FileTexts } from "./file-texts.ts";
import { readFooter } from "./footer.ts";
import { PAGE_ROWS, type Figures, type Source } from "./layout.ts";
import type { PageCache } from "./page-cache.ts";
import { RowPage, type PageContext } from "./row-page.ts";
import { isRuledOut } from "./rule-out.ts";
import { TracePages, type RowRange, type TraceColumns } from "./trace-pages.ts";
import { makeWanted, type WantedTerms } from "./wanted-terms.ts";
import { makeLender, withLent } from "./lent-arrays.ts";

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
  readonly #traces: TracePages;
  /** What conditions look for, as long as their plan is held. */
  readonly #wanted = new WeakMap<readonly number[], WantedTerms>();

  constructor(pages: BlockPages) {
    this.#pages = pages;
    this.figures = pages.footer.figures;
    this.dictionary = new FileTexts(pages);
    this.terms = new FileTerms(pages);
    this.#traces = new TracePages(pages);
  }

  get resources(): Owners {
    return this.#owners.resources;
  }

  get scopes(): Owners {
    return this.#owners.scopes;
  }

  /** The terms of resources and scopes, with their values. */
  get ownerTerms(): OwnerTerms {
    return this.#owners.terms;
  }

  get resourceService(): Uint32Array {
    return this.#owners.service;
  }

  internEntry(entry: number, to: Dictionary): number {
    return this.dictionary.internInto(entry, to);
  }

  /** 16 bytes a trace, rising. Cost: all of them; one trace is cheaper with `traceId`. */
  get traceIds(): Uint8Array {
    return this.#traces.allIds;
  }

  /** All that is known of traces. Cost: all of them; rows of one are cheaper with `rowsOfTrace`. */
  get traces(): TraceColumns {
    return this.#traces.columns;
  }

  get statistics(): BlockStatistics {
    const { rows } = this.figures;
    return this.#pages.getOnly("statistics", (unpacker) => readStatistics(unpacker, rows));
  }

  /** The number of the trace with this 16-byte id, or -1. Cost, cold: one page of 4 KB. */
  findTrace(id: Uint8Array): number {
    return this.#traces.find(id);
  }

  /** The trace that owns a row. Cost, cold: one page of 4 KB. */
  traceOfRow(row: number): number {
    return this.#traces.traceOfRow(row);
  }

  /** 16 bytes, a view. */
  traceId(trace: number): Uint8Array {
    return this.#traces.idOf(trace);
  }

  rowsOfTrace(trace: number): RowRange {
    return this.#traces.rowsOf(trace);
  }

  /** Page `index` of the rows, from 0 to `rowPages`. */
  page(index: number): RowPage {
    return new RowPage(this.#context, index);
  }

  get rowPages(): number {
    return Math.ceil(this.figures.rows / PAGE_ROWS);
  }

  /** Appends the rows of a trace to an answer, by start. */
  emitTrace(trace: number, emitter: Emitter): void {
    const { from, end } = this.rowsOfTrace(trace);
    const id = this.traceId(trace).slice();
    for (let row = from; row < end;) {
      const page = this.page(Math.floor(row / PAGE_ROWS));
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
    return isRuledOut(this.#pages, query) ? undefined : makePlan(this, query);
  }

  /** As `matchRows`, of one page of rows: for who pauses between pages. */
  matchPage(plan: Plan, index: number, found: (row: number, startUs: number) => void): void {
    if (this.#mayMatch(plan, index)) matchPage(this.page(index), plan, this.#rareOf(plan), found);
  }

  #mayMatch(plan: Plan, index: number): boolean {
    const { figures } = this;
    const { startUsMin, startUsMax, durationNsMin } = plan.query;
    if (figures.pageStartUsMax[index]! < startUsMin) return false;
    if (figures.pageStartUsMin[index]! > startUsMax) return false;
    if (durationNsMin !== undefined && figures.pageDurationNsMax[index]! < durationNsMin) {
      return false;
    }
    return plan.conditions.every(
      (condition) => !isOfRowsOnly(condition) || this.#wantedOf(condition.terms).pages[index] === 1,
    );
  }

  /** Terms of which a row needs one and that few pages may have. */
  #rareOf(plan: Plan): readonly number[] | undefined {
    return plan.conditions.find(
      (condition) =>
        isOfRowsOnly(condition) &&
        this.#wantedOf(condition.terms).pageCount <= RARE_SHARE * this.rowPages,
    )?.terms;
  }

  #wantedOf(terms: readonly number[]): WantedTerms {
    let wanted = this.#wanted.get(terms);
    if (wanted === undefined) {
      wanted = makeWanted(this.terms, terms, this.rowPages);
      this.#wanted.set(terms, wanted);
    }
    return wanted;
  }

  get #owners(): FileOwners {
    const { terms } = this.figures;
    return this.#pages.getOnly("owners", (unpacker) => readFileOwners(unpacker, terms));
  }

  get #context(): PageContext {
    return {
      pages: this.#pages,
      vocabulary: this,
      keys: this.terms.keys,
      owners: this.#owners,
      wantedOf: (terms) => this.#wantedOf(terms),
      loadTexts: (rowPage) => this.dictionary.load(rowPage),
    };
  }
}

/** Of a block's pages: what fewer may have is looked for before anything else of the rows is read. */
const RARE_SHARE = 1 / 2;

const CANDIDATES = makeLender((length) => new Uint16Array(length));

/** @param rare terms that few pages have, one of which a row needs: most pages that may have them do not. */
function matchPage(
  page: RowPage,
  plan: Plan,
  rare: readonly number[] | undefined,
  found: (row: number, startUs: number) => void,
): void {
  if (rare !== undefined && !page.marks(rare).includes(1)) return;
  withLent(CANDIDATES, page.rows, (candidates) => {
    const count = findCandidates(page, plan, candidates);
    if (count === 0) return;
    const { startUs } = page.columns;
    const driver = plan.conditions.find(isOfRowsOnly);
    const marks = driver === undefined ? undefined : page.marks(driver.terms);
    for (let at = 0; at < count; at++) {
      const row = candidates[at]!;
      if (marks !== undefined && marks[row] === 0) continue;
      if (meets(page, plan, row)) found(page.firstRow + row, startUs[row]!);
    }
  });
}

/**
 * Rows that meet all but the conditions: mostly few, and then attributes are not read for nothing.
 * @param found gets them. @returns how many.
 */
function findCandidates(page: RowPage, plan: Plan, found: Uint16Array): number {
  const { startUs, durationNs, resource, name, kind } = page.columns;
  const { startUsMin, startUsMax, kind: ofKind } = plan.query;
  const { durationNsMin = -Infinity, durationNsMax = Infinity } = plan.query;
  const { resources } = plan;
  const { rows } = page;
  const ofName = plan.name;
  let count = 0;
  // What rules most rows out comes first.
  for (let row = 0; row < rows; row++) {
    if (ofName >= 0 && name[row] !== ofName) continue;
    if (resources !== undefined && resources[resource[row]!] === 0) continue;
    if (startUs[row]! < startUsMin || startUs[row]! > startUsMax) continue;
    if (ofKind !== undefined && kind[row] !== ofKind) continue;
    if (durationNs[row]! < durationNsMin || durationNs[row]! > durationNsMax) continue;
    found[count++] = row;
  }
  return count;
}
