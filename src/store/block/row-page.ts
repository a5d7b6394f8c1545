// Rows of one page, as the head's search and answers read them: each section is read when one of its
// columns is first asked for, and kept while the page is in use.
//
//   searching   rows, then of attributes, events and links the columns of single keys
//   answering   everything: one read of the page's stretch of the file, texts included
//
// Terms of a page are numbered by themselves: those of resources and scopes first, then the values that
// the page has. Only `carries` and `marks` know the block's own terms.
//
// Source: docs/formats/segment.md. Not here: writing (row-writer.ts), which pages to look at
// (block-reader.ts).

import type { Rows, Vocabulary } from "../head/columns.ts";
import type { BlockPages } from "./block-pages.ts";
import type { FileOwners } from "./file-owners.ts";
import type { Keys } from "./file-terms.ts";
import { PAGE_ROWS } from "./layout.ts";
import { makePageTerms, PageVocabulary, type PageTerms } from "./page-terms.ts";
import {
  readEvents,
  readLinks,
  readParents,
  readRows,
  type Events,
  type Links,
  type RowColumns,
} from "./row-columns.ts";
import { lastAtMost } from "./row-writer.ts";
import { eachOwnerWith, readTermLists, type TermLists } from "./term-lists.ts";
import { OF_EVENTS, OF_LINKS, OF_SPANS } from "./term-survey.ts";
import { unzigzag } from "./unpacker.ts";
import type { WantedTerms } from "./wanted-terms.ts";

/** What the pages of a block share. */
export interface PageContext {
  readonly pages: BlockPages;
  readonly vocabulary: Vocabulary;
  readonly keys: Keys;
  readonly owners: FileOwners;
  wantedOf(terms: readonly number[]): WantedTerms;
  loadTexts(rowPage: number): void;
}

const NO_WORDS = new Uint32Array(0);
const NO_LISTS: TermLists = {
  bytes: new Uint8Array(0),
  shapes: NO_WORDS,
  keys: NO_WORDS,
  uses: NO_WORDS,
  values: NO_WORDS,
  at: NO_WORDS,
  nextEntry: NO_WORDS,
};
const NO_EVENTS: Events = {
  ...NO_LISTS,
  start: new Uint32Array(PAGE_ROWS + 1),
  us: new Float64Array(0),
  isStep: false,
  restNs: new Uint16Array(0),
  name: NO_WORDS,
  dropped: NO_WORDS,
};

export class RowPage implements Rows {
  readonly rows: number;
  /** The block's row that is row 0 here. */
  readonly firstRow: number;
  readonly #context: PageContext;
  readonly #pages: BlockPages;
  readonly #index: number;
  #columns: RowColumns | undefined;
  #spanId: Uint32Array | undefined;
  #parents: Uint32Array | undefined;
  #events: Events | undefined;
  #links: Links | undefined;
  #terms: PageTerms | undefined;
  #vocabulary: Vocabulary | undefined;
  /** The terms asked for -> 1 for each row that carries one of them. */
  readonly #marks = new Map<readonly number[], Uint8Array>();

  constructor(context: PageContext, index: number) {
    this.#context = context;
    this.#pages = context.pages;
    this.#index = index;
    this.firstRow = index * PAGE_ROWS;
    this.rows = Math.min(PAGE_ROWS, this.#pages.footer.figures.rows - this.firstRow);
  }

  /** Dictionary and owners of the block with the terms of the page. */
  get vocabulary(): Vocabulary {
    this.#vocabulary ??= new PageVocabulary(
      this.#context.vocabulary,
      this.#context.owners,
      () => this.#term,
    );
    return this.#vocabulary;
  }

  /** Everything that is in the page's section `rows`. */
  get columns(): RowColumns {
    this.#columns ??= this.#pages.get("rows", this.#index, (unpacker) =>
      readRows(unpacker, this.rows, this.#pages.footer.figures, this.#context.owners),
    );
    return this.#columns;
  }

  get startUs(): Float64Array {
    return this.columns.startUs;
  }

  get startRestNs(): Uint16Array {
    return this.columns.startRestNs;
  }

  get durationNs(): Float64Array {
    return this.columns.durationNs;
  }

  get name(): Uint32Array {
    return this.columns.name;
  }

  get kind(): Uint8Array {
    return this.columns.kind;
  }

  get statusCode(): Uint8Array {
    return this.columns.statusCode;
  }

  get origin(): Uint8Array {
    return this.columns.origin;
  }

  get flags(): Uint32Array {
    return this.columns.flags;
  }

  get resource(): Uint16Array {
    return this.columns.resource;
  }

  get scope(): Uint16Array {
    return this.columns.scope;
  }

  get statusMessage(): Uint32Array | undefined {
    return this.columns.statusMessage;
  }

  get traceState(): Uint32Array | undefined {
    return this.columns.traceState;
  }

  get dropped(): Uint32Array | undefined {
    return this.columns.dropped;
  }

  get spanId(): Uint32Array {
    this.#spanId ??= this.#pages.get("spanIds", this.#index, (unpacker) => ({
      words: unpacker.words(2 * this.rows),
    })).words;
    return this.#spanId;
  }

  get parentSpanId(): Uint32Array {
    this.#parents ??= readParents(this.columns, this.spanId);
    return this.#parents;
  }

  get attributeStart(): Uint32Array {
    return this.#term.attributeStart;
  }

  get attribute(): Uint32Array {
    return this.#term.attribute;
  }

  get eventStart(): Uint32Array {
    return this.#event.start;
  }

  get eventUs(): Float64Array {
    const events = this.#event;
    if (!events.isStep) return events.us;
    const { startUs } = this;
    for (let row = 0; row < this.rows; row++) {
      const end = events.start[row + 1]!;
      for (let at = events.start[row]!; at < end; at++) {
        events.us[at] = unzigzag(events.us[at]!) + startUs[row]!;
      }
    }
    // The page is kept as it is now.
    events.isStep = false;
    return events.us;
  }

  get eventRestNs(): Uint16Array {
    return this.#event.restNs;
  }

  get eventName(): Uint32Array {
    return this.#event.name;
  }

  get eventDropped(): Uint32Array {
    return this.#event.dropped;
  }

  get eventTermStart(): Uint32Array {
    return this.#term.eventTermStart;
  }

  get eventTerm(): Uint32Array {
    return this.#term.eventTerm;
  }

  get linkStart(): Uint32Array | undefined {
    return this.#hasLinks ? this.#link.start : undefined;
  }

  get linkIds(): Uint32Array {
    return this.#link.ids;
  }

  get linkRest(): Uint32Array {
    return this.#link.rest;
  }

  get linkTermStart(): Uint32Array {
    return this.#term.linkTermStart;
  }

  get linkTerm(): Uint32Array {
    return this.#term.linkTerm;
  }

  /** @param terms of the block. */
  carries(terms: readonly number[], row: number): boolean {
    return this.marks(terms)[row] === 1;
  }

  /**
   * 1 for each row whose span, events or links carry one of the terms. Kept for the same array.
   * @param terms of the block.
   */
  marks(terms: readonly number[]): Uint8Array {
    let marks = this.#marks.get(terms);
    if (marks !== undefined) return marks;
    marks = new Uint8Array(this.rows);
    this.#marks.set(terms, marks);
    const wanted = this.#context.wantedOf(terms);
    if (wanted.pages[this.#index] === 0) return marks;
    for (const [key, isWanted] of wanted.byKey) this.#mark(key, isWanted, marks);
    return marks;
  }

  /** What spans, events and links carry, by key. */
  get lists(): { attributes: TermLists; events: TermLists; links: TermLists } {
    const links = this.#hasLinks ? this.#link : NO_LISTS;
    return { attributes: this.#attributeLists(), events: this.#event, links };
  }

  #mark(
    key: number,
    isWanted: (type: number, low: number, high: number) => boolean,
    marks: Uint8Array,
  ): void {
    const { keys } = this.#context;
    const uses = keys.uses[key]!;
    if ((uses & OF_SPANS) !== 0) {
      eachOwnerWith(this.#attributeLists(), keys, key, isWanted, (row) => (marks[row] = 1));
    }
    if ((uses & OF_EVENTS) !== 0) {
      const events = this.#event;
      eachOwnerWith(events, keys, key, isWanted, (event) => {
        marks[lastAtMost(events.start, event)] = 1;
      });
    }
    if ((uses & OF_LINKS) !== 0 && this.#hasLinks) {
      const links = this.#link;
      eachOwnerWith(links, keys, key, isWanted, (link) => {
        marks[lastAtMost(links.start, link)] = 1;
      });
    }
  }

  #attributeLists(): TermLists {
    return this.#pages.get("attributes", this.#index, (unpacker) =>
      readTermLists(unpacker, this.rows, this.#context.keys),
    );
  }

  get #event(): Events {
    if (this.#pages.footer.figures.events === 0) return NO_EVENTS;
    this.#events ??= this.#pages.get("events", this.#index, (unpacker) =>
      readEvents(unpacker, this.rows, this.#context.keys),
    );
    return this.#events;
  }

  get #hasLinks(): boolean {
    return this.#pages.footer.figures.links > 0;
  }

  get #link(): Links {
    this.#links ??= this.#pages.get("links", this.#index, (unpacker) =>
      readLinks(unpacker, this.rows, this.#context.keys),
    );
    return this.#links;
  }

  /** What answers need besides: it lies in the same stretch of the file. */
  #loadRest(): void {
    this.spanId.at(0);
    this.#context.loadTexts(this.#index);
  }

  get #term(): PageTerms {
    this.#terms ??= this.#pages.derive("attributes", this.#index, (arrays) =>
      this.#pages.withStretch(this.#index, (isRead) => {
        if (isRead) this.#loadRest();
        return makePageTerms(this.#context, this.lists, arrays);
      }),
    );
    return this.#terms;
  }
}
