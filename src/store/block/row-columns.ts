// The columns of one page of rows, decoded section by section.
//
// Source: docs/formats/segment.md. Trust: the page's checksum was right; numbers that would lead out of a
// column are still refused. Not here: when a section is read (row-page.ts), writing (row-writer.ts).

import type { Vocabulary } from "../head/columns.ts";
import { startsOf, type Keys } from "./file-terms.ts";
import { HAS_DROPPED, HAS_MESSAGE, HAS_STATE, TIMES_AS_STEPS, lastAtMost } from "./row-writer.ts";
import { readTermLists, type TermLists } from "./term-lists.ts";
import { damaged, unzigzag, type Unpacker } from "./unpacker.ts";

/** What the start of a row is counted from. */
export interface TraceStarts {
  readonly firstRow: Uint32Array;
  readonly startUs: Float64Array;
  readonly startRestNs: Uint32Array;
}

export interface Times {
  readonly startUs: Float64Array;
  readonly startRestNs: Uint16Array;
  readonly durationNs: Float64Array;
}

export interface Labels {
  readonly name: Uint32Array;
  readonly kind: Uint8Array;
  readonly statusCode: Uint8Array;
  readonly origin: Uint8Array;
  readonly flags: Uint32Array;
  readonly resource: Uint16Array;
  readonly scope: Uint16Array;
  readonly statusMessage: Uint32Array | undefined;
  readonly traceState: Uint32Array | undefined;
  readonly dropped: Uint32Array | undefined;
}

export interface Events extends TermLists {
  readonly start: Uint32Array;
  readonly us: Float64Array;
  readonly isStep: boolean;
  readonly restNs: Uint16Array;
  readonly name: Uint32Array;
  readonly dropped: Uint32Array;
}

export interface Links extends TermLists {
  readonly start: Uint32Array;
  readonly ids: Uint32Array;
  readonly rest: Uint32Array;
}

export function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

export function readParents(unpacker: Unpacker, rows: number, spanId: Uint32Array): Uint32Array {
  const codes = unpacker.column(rows);
  let strangers = 0;
  for (let row = 0; row < rows; row++) if (codes[row] === 1) strangers++;
  const ids = wordsOf(unpacker.raw(8 * strangers));
  const parents = new Uint32Array(2 * rows);
  for (let row = 0, stranger = 0; row < rows; row++) {
    const code = codes[row]!;
    if (code === 0) continue;
    const from = code === 1 ? stranger++ : row - unzigzag(code - 2);
    const column = code === 1 ? ids : spanId;
    if (from < 0 || 2 * from >= column.length) throw damaged(`parent ${from} of ${rows}`, 0);
    parents[2 * row] = column[2 * from]!;
    parents[2 * row + 1] = column[2 * from + 1]!;
  }
  return parents;
}

export function readTimes(
  unpacker: Unpacker,
  rows: number,
  firstRow: number,
  starts: TraceStarts,
): Times {
  if (unpacker.byte() !== TIMES_AS_STEPS) {
    const startUs = unpacker.integers(rows);
    return { startUs, startRestNs: unpacker.shorts(rows), durationNs: unpacker.integers(rows) };
  }
  const startUs = unpacker.integers(rows);
  const startRestNs = new Uint16Array(rows);
  let trace = lastAtMost(starts.firstRow, firstRow);
  let us = starts.startUs[trace]!;
  let ns = starts.startRestNs[trace]!;
  for (let row = 0; row < rows; row++) {
    if (starts.firstRow[trace + 1] === firstRow + row) {
      trace++;
      us = starts.startUs[trace]!;
      ns = starts.startRestNs[trace]!;
    }
    const total = ns + startUs[row]!;
    if (total < 1_000) {
      ns = total;
    } else {
      const whole = Math.floor(total / 1_000);
      us += whole;
      ns = total - 1_000 * whole;
    }
    startUs[row] = us;
    startRestNs[row] = ns;
  }
  return { startUs, startRestNs, durationNs: unpacker.integers(rows) };
}

export function readLabels(unpacker: Unpacker, rows: number, vocabulary: Vocabulary): Labels {
  const name = unpacker.column(rows);
  const kind = unpacker.small(rows);
  const statusCode = unpacker.small(rows);
  const origin = unpacker.small(rows);
  const flags = unpacker.column(rows);
  const resource = unpacker.shorts(rows);
  const scope = unpacker.shorts(rows);
  const resources = vocabulary.resources.count;
  const scopes = vocabulary.scopes.count;
  for (let row = 0; row < rows; row++) {
    if (resource[row]! >= resources || scope[row]! >= scopes) {
      throw damaged("a row without owner", row);
    }
  }
  const has = unpacker.byte();
  const statusMessage = (has & HAS_MESSAGE) === 0 ? undefined : unpacker.column(rows);
  const traceState = (has & HAS_STATE) === 0 ? undefined : unpacker.column(rows);
  let dropped: Uint32Array | undefined;
  if ((has & HAS_DROPPED) !== 0) dropped = unpacker.woven(rows, 3);
  const rare = { statusMessage, traceState, dropped };
  return { name, kind, statusCode, origin, flags, resource, scope, ...rare };
}

function readStarts(unpacker: Unpacker, rows: number): Uint32Array {
  const start = startsOf(unpacker.column(rows));
  const count = unpacker.varint();
  if (count !== start[rows]) throw damaged(`${count} in a list of ${start[rows]}`, 0);
  return start;
}

export function readEvents(unpacker: Unpacker, rows: number, keys: Keys): Events {
  const start = readStarts(unpacker, rows);
  const count = start[rows]!;
  const isStep = unpacker.byte() === TIMES_AS_STEPS;
  const us = unpacker.integers(count);
  const restNs = unpacker.shorts(count);
  const name = unpacker.column(count);
  const dropped = unpacker.column(count);
  return { start, us, isStep, restNs, name, dropped, ...readTermLists(unpacker, count, keys) };
}

export function readLinks(unpacker: Unpacker, rows: number, keys: Keys): Links {
  const start = readStarts(unpacker, rows);
  const count = start[rows]!;
  const ids = wordsOf(unpacker.raw(24 * count));
  const rest = unpacker.woven(count, 3);
  return { start, ids, rest, ...readTermLists(unpacker, count, keys) };
}
