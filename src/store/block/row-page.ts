// Rows of one page, as the head's search and answers read them: each section is read when one of its
// columns is first asked for, and kept while the page is in use.
//
// Source: docs/formats/segment.md. Not here: writing (row-writer.ts), which pages to look at
// (search-file.ts).

import type { Rows, Vocabulary } from "../head/columns.ts";
import type { BlockPages } from "./block-pages.ts";
import type { FileTerms, Keys } from "./file-terms.ts";
import { PAGE_ROWS } from "./layout.ts";
import {
  readEvents,
  readLabels,
  readLinks,
  readParents,
  readTimes,
  wordsOf,
  type Events,
  type Labels,
  type Links,
  type Times,
  type TraceStarts,
} from "./row-columns.ts";
import { lastAtMost } from "./row-writer.ts";
import { eachOwnerWith, joinLists, readTermLists, type TermLists } from "./term-lists.ts";
import { unzigzag } from "./unpacker.ts";

interface Joined {
  readonly start: Uint32Array;
  readonly terms: Uint32Array;
}

const NO_WORDS = new Uint32Array(0);
const NO_EVENTS: Events = {
  start: new Uint32Array(PAGE_ROWS + 1),
  us: new Float64Array(0),
  isStep: true,
  restNs: new Uint16Array(0),
  name: NO_WORDS,
  dropped: NO_WORDS,
  shapes: NO_WORDS,
  keys: NO_WORDS,
  keyStart: new Uint32Array(1),
  terms: NO_WORDS,
};

export class RowPage implements Rows {
  readonly vocabulary: Vocabulary;
  readonly rows: number;
  /** The block's row that is row 0 here. */
  readonly firstRow: number;
  readonly #pages: BlockPages;
  readonly #index: number;
  readonly #terms: FileTerms;
  readonly #starts: TraceStarts;
  #times: Times | undefined;
  #labels: Labels | undefined;
  #spanId: Uint32Array | undefined;
  #parents: Uint32Array | undefined;
  #attributes: Joined | undefined;
  #events: Events | undefined;
  #eventTerms: Joined | undefined;
  #eventUs: Float64Array | undefined;
  #links: Links | undefined;
  #linkTerms: Joined | undefined;
  /** The terms asked for -> 1 for each row that carries one of them. */
  readonly #marks = new Map<readonly number[], Uint8Array>();

  constructor(
    vocabulary: Vocabulary,
    pages: BlockPages,
    index: number,
    terms: FileTerms,
    starts: TraceStarts,
  ) {
    this.vocabulary = vocabulary;
    this.#pages = pages;
    this.#index = index;
    this.#terms = terms;
    this.#starts = starts;
    this.firstRow = index * PAGE_ROWS;
    this.rows = Math.min(PAGE_ROWS, pages.footer.figures.rows - this.firstRow);
  }

  get startUs(): Float64Array {
    return this.#time.startUs;
  }

  get startRestNs(): Uint16Array {
    return this.#time.startRestNs;
  }

  get durationNs(): Float64Array {
    return this.#time.durationNs;
  }

  get name(): Uint32Array {
    return this.#label.name;
  }

  get kind(): Uint8Array {
    return this.#label.kind;
  }

  get statusCode(): Uint8Array {
    return this.#label.statusCode;
  }

  get origin(): Uint8Array {
    return this.#label.origin;
  }

  get flags(): Uint32Array {
    return this.#label.flags;
  }

  get resource(): Uint16Array {
    return this.#label.resource;
  }

  get scope(): Uint16Array {
    return this.#label.scope;
  }

  get statusMessage(): Uint32Array | undefined {
    return this.#label.statusMessage;
  }

  get traceState(): Uint32Array | undefined {
    return this.#label.traceState;
  }

  get dropped(): Uint32Array | undefined {
    return this.#label.dropped;
  }

  get spanId(): Uint32Array {
    this.#spanId ??= this.#pages.get("spanIds", this.#index, (unpacker) => ({
      words: wordsOf(unpacker.raw(8 * this.rows)),
    })).words;
    return this.#spanId;
  }

  get parentSpanId(): Uint32Array {
    this.#parents ??= this.#pages.get("parents", this.#index, (unpacker) => ({
      words: readParents(unpacker, this.rows, this.spanId),
    })).words;
    return this.#parents;
  }

  get attributeStart(): Uint32Array {
    return (this.#attributes ??= joinLists(this.#attributeLists(), this.#keys)).start;
  }

  get attribute(): Uint32Array {
    return (this.#attributes ??= joinLists(this.#attributeLists(), this.#keys)).terms;
  }

  get eventStart(): Uint32Array {
    return this.#event.start;
  }

  get eventUs(): Float64Array {
    const events = this.#event;
    if (!events.isStep) return events.us;
    if (this.#eventUs === undefined) {
      this.#eventUs = events.us.map(unzigzag);
      for (let row = 0; row < this.rows; row++) {
        const end = events.start[row + 1]!;
        for (let at = events.start[row]!; at < end; at++) this.#eventUs[at]! += this.startUs[row]!;
      }
    }
    return this.#eventUs;
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
    return (this.#eventTerms ??= joinLists(this.#event, this.#keys)).start;
  }

  get eventTerm(): Uint32Array {
    return (this.#eventTerms ??= joinLists(this.#event, this.#keys)).terms;
  }

  get linkStart(): Uint32Array | undefined {
    return this.#pages.footer.pages.links.length === 0 ? undefined : this.#link.start;
  }

  get linkIds(): Uint32Array {
    return this.#link.ids;
  }

  get linkRest(): Uint32Array {
    return this.#link.rest;
  }

  get linkTermStart(): Uint32Array {
    return (this.#linkTerms ??= joinLists(this.#link, this.#keys)).start;
  }

  get linkTerm(): Uint32Array {
    return (this.#linkTerms ??= joinLists(this.#link, this.#keys)).terms;
  }

  carries(terms: readonly number[], row: number): boolean {
    return this.marks(terms)[row] === 1;
  }

  /**
   * 1 for each row whose span, events or links carry one of the terms. Kept for the same array.
   *
   * @param terms all of one key.
   */
  marks(terms: readonly number[]): Uint8Array {
    let marks = this.#marks.get(terms);
    if (marks !== undefined) return marks;
    marks = new Uint8Array(this.rows);
    this.#marks.set(terms, marks);
    const bit = 1 << this.#index;
    const here = terms.filter((term) => (this.#terms.pagesOf(term) & bit) !== 0);
    if (here.length > 0) this.#mark(this.#terms.keyOf(here[0]!), here, marks);
    return marks;
  }

  #mark(key: number, terms: readonly number[], marks: Uint8Array): void {
    const keys = this.#keys;
    const lists = this.#attributeLists();
    eachOwnerWith(lists, keys, key, terms, (row) => (marks[row] = 1));
    const events = this.#event;
    eachOwnerWith(events, keys, key, terms, (event) => {
      marks[lastAtMost(events.start, event)] = 1;
    });
    if (this.#pages.footer.pages.links.length === 0) return;
    const links = this.#link;
    eachOwnerWith(links, keys, key, terms, (link) => {
      marks[lastAtMost(links.start, link)] = 1;
    });
  }

  get #keys(): Keys {
    return this.#terms.keys;
  }

  get #time(): Times {
    this.#times ??= this.#pages.get("times", this.#index, (unpacker) =>
      readTimes(unpacker, this.rows, this.firstRow, this.#starts),
    );
    return this.#times;
  }

  get #label(): Labels {
    this.#labels ??= this.#pages.get("labels", this.#index, (unpacker) =>
      readLabels(unpacker, this.rows, this.vocabulary),
    );
    return this.#labels;
  }

  #attributeLists(): TermLists {
    return this.#pages.get("attributes", this.#index, (unpacker) =>
      readTermLists(unpacker, this.rows, this.#keys),
    );
  }

  get #event(): Events {
    if (this.#pages.footer.pages.events.length === 0) return NO_EVENTS;
    this.#events ??= this.#pages.get("events", this.#index, (unpacker) =>
      readEvents(unpacker, this.rows, this.#keys),
    );
    return this.#events;
  }

  get #link(): Links {
    this.#links ??= this.#pages.get("links", this.#index, (unpacker) =>
      readLinks(unpacker, this.rows, this.#keys),
    );
    return this.#links;
  }
}
