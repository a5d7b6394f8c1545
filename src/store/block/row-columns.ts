// The columns of one page of rows, decoded section by section.
//
// Source: docs/formats/segment.md. Trust: the page's checksum was right; numbers that would lead out of a
// column are still refused. Not here: when a section is read (row-page.ts), writing (row-writer.ts).

import type { FileOwners } from "./file-owners.ts";
import { startsOf, type Keys } from "./file-terms.ts";
import type { Figures } from "./layout.ts";
import { HAS_DROPPED, HAS_MESSAGE, HAS_STATE, TIMES_AS_STEPS } from "./row-writer.ts";
import { readTermLists, type TermLists } from "./term-lists.ts";
import { damaged, unzigzag, type Unpacker } from "./unpacker.ts";

export interface RowColumns {
  /** The trace of row 0. */
  readonly firstTrace: number;
  /** First row in the page of each trace that is in it, and the number of rows. */
  readonly traceStart: Uint32Array;
  readonly startUs: Float64Array;
  readonly startRestNs: Uint16Array;
  readonly durationNs: Float64Array;
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
  /** 0: a root · 1: the next of `strangers` · c ≥ 2: row - unzigzag(c - 2) of the page. */
  readonly parent: Uint32Array;
  /** Two words each. */
  readonly strangers: Uint32Array;
}

export interface Events extends TermLists {
  readonly start: Uint32Array;
  readonly us: Float64Array;
  /** `us` is what has to be added to the start of the row, zigzag. */
  isStep: boolean;
  readonly restNs: Uint16Array;
  readonly name: Uint32Array;
  readonly dropped: Uint32Array;
}

export interface Links extends TermLists {
  readonly start: Uint32Array;
  readonly ids: Uint32Array;
  readonly rest: Uint32Array;
}

export function readRows(
  unpacker: Unpacker,
  rows: number,
  figures: Figures,
  owners: FileOwners,
): RowColumns {
  const firstTrace = unpacker.count(figures.traces);
  const traces = unpacker.count(figures.traces - firstTrace);
  const traceStart = startsOf(unpacker.column(traces));
  if (traceStart[traces] !== rows) throw damaged(`traces of ${traceStart[traces]} rows`, 0);
  const times = readTimes(unpacker, rows, traceStart, figures.startUsMin);
  const labels = readLabels(unpacker, rows, owners);
  const parent = unpacker.column(rows);
  let strangers = 0;
  for (let row = 0; row < rows; row++) {
    const code = parent[row]!;
    if (code === 1) strangers++;
    const from = code < 2 ? row : row - unzigzag(code - 2);
    if (from < 0 || from >= rows) throw damaged(`parent ${from} of ${rows}`, row);
  }
  const ids = unpacker.words(2 * strangers);
  return { firstTrace, traceStart, ...times, ...labels, parent, strangers: ids };
}

type Times = Pick<RowColumns, "startUs" | "startRestNs" | "durationNs">;

function readTimes(
  unpacker: Unpacker,
  rows: number,
  traceStart: Uint32Array,
  startUsMin: number,
): Times {
  const isStep = unpacker.byte() === TIMES_AS_STEPS;
  if (!isStep) {
    const startUs = unpacker.integers(rows);
    return { startUs, startRestNs: unpacker.shorts(rows), durationNs: unpacker.integers(rows) };
  }
  const traces = traceStart.length - 1;
  const firstUs = unpacker.integers(traces);
  const firstNs = unpacker.shorts(traces);
  const startUs = unpacker.integers(rows);
  const startRestNs = unpacker.arrays.shorts(rows);
  for (let trace = 0; trace < traces; trace++) {
    let us = startUsMin + firstUs[trace]!;
    let ns = firstNs[trace]!;
    const end = traceStart[trace + 1]!;
    for (let row = traceStart[trace]!; row < end; row++) {
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
  }
  return { startUs, startRestNs, durationNs: unpacker.integers(rows) };
}

function readLabels(
  unpacker: Unpacker,
  rows: number,
  owners: FileOwners,
): Omit<RowColumns, keyof Times | "firstTrace" | "traceStart" | "parent" | "strangers"> {
  const name = unpacker.column(rows);
  const kind = unpacker.small(rows);
  const statusCode = unpacker.small(rows);
  const origin = unpacker.small(rows);
  const flags = unpacker.column(rows);
  const resource = unpacker.shorts(rows);
  const scope = unpacker.shorts(rows);
  const resources = owners.resources.count;
  const scopes = owners.scopes.count;
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

/** Two words a row: the ids of the parents. */
export function readParents(columns: RowColumns, spanId: Uint32Array): Uint32Array {
  const { parent, strangers } = columns;
  const ids = new Uint32Array(2 * parent.length);
  for (let row = 0, stranger = 0; row < parent.length; row++) {
    const code = parent[row]!;
    if (code === 0) continue;
    const from = code === 1 ? stranger++ : row - unzigzag(code - 2);
    const column = code === 1 ? strangers : spanId;
    ids[2 * row] = column[2 * from]!;
    ids[2 * row + 1] = column[2 * from + 1]!;
  }
  return ids;
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
  const ids = unpacker.words(6 * count);
  const rest = unpacker.woven(count, 3);
  return { start, ids, rest, ...readTermLists(unpacker, count, keys) };
}
