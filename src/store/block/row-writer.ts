// The columns of spans, page by page: ids, parents, times, labels, attributes, events, links.
//
//   block columns ─ order.rows ─▶ one page of each section for every PAGE_ROWS rows
//
// Source: docs/formats/segment.md. Not here: reading (row-page.ts), terms (term-coder.ts).

import type { BlockImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { PAGE_ROWS } from "./layout.ts";
import { zigzag, type Packer } from "./packer.ts";
import type { TermCoder } from "./term-coder.ts";
import type { TextCoder } from "./text-coder.ts";

/** Presence bits of a page of labels. */
export const HAS_MESSAGE = 1;
export const HAS_STATE = 2;
export const HAS_DROPPED = 4;
/** How a page keeps its times. */
export const TIMES_AS_STEPS = 0;
export const TIMES_AS_THEY_ARE = 1;
/** Steps stay exact, also after the nanoseconds before them are added. */
const STEP_MAX = Number.MAX_SAFE_INTEGER - 1_000;

export class RowWriter {
  readonly #block: BlockImage;
  readonly #order: BlockOrder;
  readonly #terms: TermCoder;
  readonly #texts: TextCoder;
  readonly #packer: Packer;
  readonly #words = new Uint32Array(2 * PAGE_ROWS);
  readonly #shorts = new Uint16Array(PAGE_ROWS);
  readonly #numbers = new Float64Array(PAGE_ROWS);

  constructor(
    block: BlockImage,
    order: BlockOrder,
    terms: TermCoder,
    texts: TextCoder,
    packer: Packer,
  ) {
    this.#block = block;
    this.#order = order;
    this.#terms = terms;
    this.#texts = texts;
    this.#packer = packer;
  }

  /** Calls `write` for every page, with the rows of the block that are in it. */
  eachPage(write: (rows: Uint32Array, page: number) => void): void {
    const rows = this.#order.rows;
    for (let from = 0, page = 0; from < rows.length; from += PAGE_ROWS, page++) {
      this.#packer.reset();
      write(rows.subarray(from, from + PAGE_ROWS), page);
    }
  }

  spanIds(rows: Uint32Array): Uint8Array {
    const words = this.#words;
    const from = this.#block.spanId;
    for (let i = 0; i < rows.length; i++) {
      words[2 * i] = from[2 * rows[i]!]!;
      words[2 * i + 1] = from[2 * rows[i]! + 1]!;
    }
    return new Uint8Array(words.buffer, 0, 8 * rows.length);
  }

  /** Steps from span to span within a trace, which are small, and durations. */
  times(rows: Uint32Array, page: number): void {
    const { startUs, startRestNs, durationNs } = this.#block;
    const { traceStart, rows: all } = this.#order;
    const steps = this.#numbers;
    const packer = this.#packer;
    const first = page * PAGE_ROWS;
    let trace = lastAtMost(traceStart, first);
    let end = traceStart[trace + 1]!;
    let before = all[traceStart[trace]!]!;
    let isExact = true;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (first + i === end) {
        end = traceStart[++trace + 1]!;
        before = row;
      }
      const ns = startRestNs[row]!;
      const step = (startUs[row]! - startUs[before]!) * 1_000 + ns - startRestNs[before]!;
      if (!(step >= 0 && step <= STEP_MAX) || ns > 999) isExact = false;
      steps[i] = step;
      before = row;
    }
    if (isExact) {
      packer.byte(TIMES_AS_STEPS);
      packer.integers(steps, rows.length);
    } else {
      packer.byte(TIMES_AS_THEY_ARE);
      for (let i = 0; i < rows.length; i++) {
        steps[i] = startUs[rows[i]!]!;
        this.#shorts[i] = startRestNs[rows[i]!]!;
      }
      packer.integers(steps, rows.length);
      packer.columnOf(this.#shorts.subarray(0, rows.length));
    }
    for (let i = 0; i < rows.length; i++) steps[i] = durationNs[rows[i]!]!;
    packer.integers(steps, rows.length);
  }

  labels(rows: Uint32Array): void {
    const block = this.#block;
    const packer = this.#packer;
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

  attributes(rows: Uint32Array, page: number): void {
    const block = this.#block;
    this.#terms.write(this.#packer, rows, block.attributeStart, block.attribute, page);
  }

  events(rows: Uint32Array, page: number): void {
    const block = this.#block;
    const packer = this.#packer;
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
    for (let i = 0; i < count; i++) words[i] = this.#texts.number(block.eventName[events[i]!]!);
    packer.column(words, count);
    const dropped = block.eventDropped;
    for (let i = 0; i < count; i++) words[i] = dropped === undefined ? 0 : dropped[events[i]!]!;
    packer.column(words, count);
    this.#terms.write(packer, events, block.eventTermStart, block.eventTerm, page);
  }

  links(rows: Uint32Array, page: number): void {
    const block = this.#block;
    const packer = this.#packer;
    const links = this.#listed(rows, block.linkStart!);
    const count = links.length;
    const ids = new Uint32Array(6 * count);
    for (let i = 0; i < count; i++) {
      ids.set(block.linkIds.subarray(6 * links[i]!, 6 * links[i]! + 6), 6 * i);
    }
    packer.raw(new Uint8Array(ids.buffer));
    const words = new Uint32Array(count);
    for (let i = 0; i < count; i++) words[i] = this.#texts.number(block.linkRest[3 * links[i]!]!);
    packer.column(words, count);
    for (let which = 1; which < 3; which++) {
      for (let i = 0; i < count; i++) words[i] = block.linkRest[3 * links[i]! + which]!;
      packer.column(words, count);
    }
    this.#terms.write(packer, links, block.linkTermStart, block.linkTerm, page);
  }

  /** Writes how many events (links) each row has, into `#words` too. @returns their numbers. */
  #listed(rows: Uint32Array, start: Uint32Array): Uint32Array {
    const counts = this.#words;
    let count = 0;
    for (let i = 0; i < rows.length; i++) {
      counts[i] = start[rows[i]! + 1]! - start[rows[i]!]!;
      count += counts[i]!;
    }
    this.#packer.column(counts, rows.length);
    this.#packer.varint(count);
    const listed = new Uint32Array(count);
    for (let i = 0, to = 0; i < rows.length; i++) {
      const end = start[rows[i]! + 1]!;
      for (let at = start[rows[i]!]!; at < end; at++) listed[to++] = at;
    }
    return listed;
  }

  #textColumn(rows: Uint32Array, column: Uint32Array): void {
    for (let i = 0; i < rows.length; i++) this.#words[i] = this.#texts.number(column[rows[i]!]!);
    this.#packer.column(this.#words, rows.length);
  }

  #numberColumn(rows: Uint32Array, column: Uint32Array | Uint16Array | Uint8Array): void {
    for (let i = 0; i < rows.length; i++) this.#words[i] = column[rows[i]!]!;
    this.#packer.column(this.#words, rows.length);
  }
}

/** The last index whose value is at most `value`; `rising` begins with 0. */
export function lastAtMost(rising: Uint32Array | readonly number[], value: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (rising[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
