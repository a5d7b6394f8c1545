// The columns of spans, page by page: rows, span ids, attributes, events, links, and their texts.
//
//   block columns ─ order.rows ─▶ for every PAGE_ROWS rows one page of each section, side by side
//
// Source: docs/formats/segment.md. Not here: reading (row-page.ts), terms (term-coder.ts).

import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { NO_ROW, type Family } from "./family.ts";
import { PAGE_ROWS } from "./layout.ts";
import { zigzag, type Packer } from "./packer.ts";
import type { PageWriter } from "./page-codec.ts";
import { SectionCursor, TermCoder } from "./term-coder.ts";
import type { TermSurvey } from "./term-survey.ts";
import type { TextCoder } from "./text-coder.ts";

/** Presence bits of a page of rows. */
export const HAS_MESSAGE = 1;
export const HAS_STATE = 2;
export const HAS_DROPPED = 4;
/** How a page keeps its times. */
export const TIMES_AS_STEPS = 0;
export const TIMES_AS_THEY_ARE = 1;
/** Steps stay exact, also after the nanoseconds before them are added. */
const STEP_MAX = Number.MAX_SAFE_INTEGER - 1_000;

export interface RowWriters {
  readonly block: BlockImage;
  readonly order: BlockOrder;
  readonly family: Family;
  readonly survey: TermSurvey;
  readonly texts: TextCoder;
  readonly pages: PageWriter;
  readonly packer: Packer;
}

export class RowWriter {
  readonly #to: RowWriters;
  readonly #terms: TermCoder;
  readonly #words = new Uint32Array(2 * PAGE_ROWS);
  readonly #numbers = new Float64Array(PAGE_ROWS);
  readonly #rowLists: SectionCursor;
  readonly #eventLists: SectionCursor;
  readonly #linkLists: SectionCursor;

  constructor(to: RowWriters) {
    this.#to = to;
    this.#terms = new TermCoder(to.block, to.survey, to.texts, to.packer);
    this.#rowLists = new SectionCursor(to.survey.rows);
    this.#eventLists = new SectionCursor(to.survey.events);
    this.#linkLists = new SectionCursor(to.survey.links);
  }

  /** Writes every page of rows. */
  write(): void {
    const { block, order, pages, packer, texts } = this.#to;
    for (let first = 0; first < order.rows.length; first += PAGE_ROWS) {
      const rows = order.rows.subarray(first, first + PAGE_ROWS);
      packer.reset();
      this.#rows(rows, first);
      pages.add("rows", packer.bytes());
      pages.add("spanIds", this.#spanIds(rows), false);
      packer.reset();
      this.#terms.write(this.#rowLists, rows.length);
      pages.add("attributes", packer.bytes());
      if (block.events > 0) {
        packer.reset();
        this.#events(rows);
        pages.add("events", packer.bytes());
      }
      if (block.links > 0) {
        packer.reset();
        this.#links(rows);
        pages.add("links", packer.bytes());
      }
      texts.writeTexts("texts", pages, packer);
    }
  }

  #rows(rows: Uint32Array, first: number): void {
    this.#times(rows, first);
    this.#labels(rows);
    this.#parents(rows, first);
  }

  #spanIds(rows: Uint32Array): Uint8Array {
    const words = this.#words;
    const from = this.#to.block.spanId;
    for (let i = 0; i < rows.length; i++) {
      words[2 * i] = from[2 * rows[i]!]!;
      words[2 * i + 1] = from[2 * rows[i]! + 1]!;
    }
    return new Uint8Array(words.buffer, 0, 8 * rows.length);
  }

  /** Traces, steps from span to span within each, which are small, and durations. */
  #times(rows: Uint32Array, first: number): void {
    const { block, order, packer } = this.#to;
    const { startUs, startRestNs, durationNs } = block;
    const counts: number[] = [];
    const starts: number[] = [];
    const rests: number[] = [];
    const steps = this.#numbers;
    const firstTrace = lastAtMost(order.traceStart, first);
    let trace = firstTrace;
    let isExact = true;
    for (let i = 0; i < rows.length;) {
      const end = Math.min(rows.length, order.traceStart[trace + 1]! - first);
      let before = rows[i]!;
      const us = startUs[before]! - block.startUsMin;
      if (!(us <= STEP_MAX) || us + block.startUsMin !== startUs[before]) isExact = false;
      counts.push(end - i);
      starts.push(us);
      rests.push(startRestNs[before]!);
      for (; i < end; i++) {
        const row = rows[i]!;
        const ns = startRestNs[row]!;
        const step = (startUs[row]! - startUs[before]!) * 1_000 + ns - startRestNs[before]!;
        if (!(step >= 0 && step <= STEP_MAX) || ns > 999) isExact = false;
        steps[i] = step;
        before = row;
      }
      trace++;
    }
    packer.varint(firstTrace);
    packer.varint(counts.length);
    packer.columnOf(counts);
    packer.byte(isExact ? TIMES_AS_STEPS : TIMES_AS_THEY_ARE);
    if (isExact) {
      packer.integers(Float64Array.from(starts), starts.length);
      packer.columnOf(rests);
    } else {
      for (let i = 0; i < rows.length; i++) steps[i] = startUs[rows[i]!]!;
    }
    packer.integers(steps, rows.length);
    if (!isExact) this.#numberColumn(rows, startRestNs);
    for (let i = 0; i < rows.length; i++) steps[i] = durationNs[rows[i]!]!;
    packer.integers(steps, rows.length);
  }

  #labels(rows: Uint32Array): void {
    const { block, packer } = this.#to;
    this.#textColumn(rows, block.name);
    this.#numberColumn(rows, block.kind);
    this.#numberColumn(rows, block.statusCode);
    this.#numberColumn(rows, block.origin);
    this.#numberColumn(rows, block.flags);
    this.#numberColumn(rows, block.resource);
    this.#numberColumn(rows, block.scope);
    const { statusMessage, traceState, dropped } = block;
    packer.byte(
      (statusMessage === undefined ? 0 : HAS_MESSAGE) |
        (traceState === undefined ? 0 : HAS_STATE) |
        (dropped === undefined ? 0 : HAS_DROPPED),
    );
    if (statusMessage !== undefined) this.#textColumn(rows, statusMessage);
    if (traceState !== undefined) this.#textColumn(rows, traceState);
    if (dropped === undefined) return;
    for (let which = 0; which < 3; which++) {
      for (let i = 0; i < rows.length; i++) this.#words[i] = dropped[3 * rows[i]! + which]!;
      packer.column(this.#words, rows.length);
    }
  }

  /** 0: a root · 1: the next 8 bytes · from 2 on: the row as many rows before or after, in this page. */
  #parents(rows: Uint32Array, first: number): void {
    const { block, family, packer } = this.#to;
    const codes = this.#words;
    const strangers: number[] = [];
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const parent = family.parent[first + i]!;
      codes[i] = 0;
      if (parent !== NO_ROW && parent >= first && parent < first + rows.length) {
        codes[i] = 2 + zigzag(first + i - parent);
      } else if ((block.parentSpanId[2 * row]! | block.parentSpanId[2 * row + 1]!) !== 0) {
        codes[i] = 1;
        strangers.push(block.parentSpanId[2 * row]!, block.parentSpanId[2 * row + 1]!);
      }
    }
    packer.column(codes, rows.length);
    packer.raw(new Uint8Array(Uint32Array.from(strangers).buffer));
  }

  #events(rows: Uint32Array): void {
    const { block, packer, texts } = this.#to;
    const events = this.#listed(rows, block.eventStart);
    const count = events.length;
    const steps = new Float64Array(count);
    let isExact = true;
    for (let i = 0, at = 0; i < rows.length; i++) {
      const startUs = block.startUs[rows[i]!]!;
      for (let left = this.#words[i]!; left > 0; left--, at++) {
        const step = block.eventUs[events[at]!]! - startUs;
        if (!Number.isSafeInteger(2 * step)) isExact = false;
        steps[at] = zigzag(step);
      }
    }
    packer.byte(isExact ? TIMES_AS_STEPS : TIMES_AS_THEY_ARE);
    if (!isExact) for (let i = 0; i < count; i++) steps[i] = block.eventUs[events[i]!]!;
    packer.integers(steps, count);
    const words = new Uint32Array(count);
    for (let i = 0; i < count; i++) words[i] = block.eventRestNs[events[i]!]!;
    packer.column(words, count);
    for (let i = 0; i < count; i++) words[i] = texts.number(block.eventName[events[i]!]!);
    packer.column(words, count);
    const dropped = block.eventDropped;
    for (let i = 0; i < count; i++) words[i] = dropped === undefined ? 0 : dropped[events[i]!]!;
    packer.column(words, count);
    this.#terms.write(this.#eventLists, count);
  }

  #links(rows: Uint32Array): void {
    const { block, packer, texts } = this.#to;
    const links = this.#listed(rows, block.linkStart!);
    const count = links.length;
    const ids = new Uint32Array(6 * count);
    for (let i = 0; i < count; i++) {
      ids.set(block.linkIds.subarray(6 * links[i]!, 6 * links[i]! + 6), 6 * i);
    }
    packer.raw(new Uint8Array(ids.buffer));
    const words = new Uint32Array(count);
    for (let i = 0; i < count; i++) words[i] = texts.number(block.linkRest[3 * links[i]!]!);
    packer.column(words, count);
    for (let which = 1; which < 3; which++) {
      for (let i = 0; i < count; i++) words[i] = block.linkRest[3 * links[i]! + which]!;
      packer.column(words, count);
    }
    this.#terms.write(this.#linkLists, count);
  }

  /** Writes how many events (links) each row has, into `#words` too. @returns their numbers. */
  #listed(rows: Uint32Array, start: Uint32Array): Uint32Array {
    const { packer } = this.#to;
    const counts = this.#words;
    let count = 0;
    for (let i = 0; i < rows.length; i++) {
      counts[i] = start[rows[i]! + 1]! - start[rows[i]!]!;
      count += counts[i]!;
    }
    packer.column(counts, rows.length);
    packer.varint(count);
    const listed = new Uint32Array(count);
    for (let i = 0, to = 0; i < rows.length; i++) {
      const end = start[rows[i]! + 1]!;
      for (let at = start[rows[i]!]!; at < end; at++) listed[to++] = at;
    }
    return listed;
  }

  #textColumn(rows: Uint32Array, column: Uint32Array): void {
    const { packer, texts } = this.#to;
    for (let i = 0; i < rows.length; i++) this.#words[i] = texts.number(column[rows[i]!]!);
    packer.column(this.#words, rows.length);
  }

  #numberColumn(rows: Uint32Array, column: Uint32Array | Uint16Array | Uint8Array): void {
    for (let i = 0; i < rows.length; i++) this.#words[i] = column[rows[i]!]!;
    this.#to.packer.column(this.#words, rows.length);
  }
}

/** The last index whose value is at most `value`; `rising` begins with at most that. */
export function lastAtMost(
  rising: ArrayLike<number>,
  value: number,
  count = rising.length,
): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (rising[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
