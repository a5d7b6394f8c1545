// The order of rows in a file: traces by id, the rows of a trace by start.
//
//   block rows ─ ordinal ─▶ local traces ─ id ─▶ sorted traces ─ counting sort ─▶ rows, by start
//
// Rows of traces that are no longer held are left out.

import { DEAD, type BlockImage } from "./block-image.ts";
import { scratch } from "./scratch.ts";

export interface BlockOrder {
  /** New row -> row of the block. */
  readonly rows: Uint32Array;
  /** 16 bytes each, rising. */
  readonly traceIds: Uint8Array;
  /** First new row of each trace, and the number of rows at the end. */
  readonly traceStart: Uint32Array;
}

/** Traces of so few rows are sorted by insertion. */
const INSERTION_ROWS_MAX = 64;

export function orderRows(block: BlockImage): BlockOrder {
  const ids = block.traceIds;
  const traces = ids.length / 16;
  const sorted = sortTraces(ids, traces);
  const place = scratch.words(traces);
  const traceIds = scratch.octets(ids.length);
  sorted.forEach((trace, at) => {
    place[trace] = at;
    traceIds.set(ids.subarray(16 * trace, 16 * trace + 16), 16 * at);
  });
  const traceStart = scratch.words(traces + 1);
  for (let row = 0; row < block.rows; row++) {
    const trace = block.trace[row]!;
    if (trace !== DEAD) traceStart[place[trace]! + 1]!++;
  }
  for (let at = 0; at < traces; at++) traceStart[at + 1]! += traceStart[at]!;
  const next = scratch.words(traces + 1);
  next.set(traceStart);
  const rows = scratch.words(traceStart[traces]!);
  for (let row = 0; row < block.rows; row++) {
    const trace = block.trace[row]!;
    if (trace !== DEAD) rows[next[place[trace]!]!++] = row;
  }
  for (let at = 0; at < traces; at++) {
    sortByStart(block, rows.subarray(traceStart[at], traceStart[at + 1]));
  }
  return { rows, traceIds, traceStart };
}

/** The traces in the order of their ids. Sorts numbers, which is several times faster than pairs. */
function sortTraces(ids: Uint8Array, count: number): Uint32Array {
  const view = new DataView(ids.buffer, ids.byteOffset, ids.length);
  const order = scratch.words(count);
  for (let trace = 0; trace < count; trace++) order[trace] = trace;
  const sortRun = (from: number, end: number, word: number): void => {
    const keys = new Float64Array(end - from);
    // 32 bits of the id above 17 bits of the trace: exact, and the trace comes back out of it.
    for (let at = from; at < end; at++) {
      const trace = order[at]!;
      keys[at - from] = view.getUint32(16 * trace + 4 * word) * 0x2_0000 + trace;
    }
    keys.sort();
    for (let at = from; at < end; at++) order[at] = keys[at - from]! % 0x2_0000;
    if (word === 3) return;
    const wordOf = (at: number): number => Math.floor(keys[at - from]! / 0x2_0000);
    for (let first = from; first < end;) {
      let next = first + 1;
      while (next < end && wordOf(next) === wordOf(first)) next++;
      if (next - first > 1) sortRun(first, next, word + 1);
      first = next;
    }
  };
  sortRun(0, count, 0);
  return order;
}

/** Stable: spans of one start stay in the order in which they came. */
function sortByStart(block: BlockImage, rows: Uint32Array): void {
  const us = block.startUs;
  const ns = block.startRestNs;
  const isAfter = (one: number, two: number): boolean =>
    us[one]! > us[two]! || (us[one] === us[two] && ns[one]! > ns[two]!);
  if (rows.length > INSERTION_ROWS_MAX) {
    rows.sort((one, two) => us[one]! - us[two]! || ns[one]! - ns[two]! || one - two);
    return;
  }
  for (let at = 1; at < rows.length; at++) {
    const row = rows[at]!;
    let to = at;
    while (to > 0 && isAfter(rows[to - 1]!, row)) {
      rows[to] = rows[to - 1]!;
      to--;
    }
    rows[to] = row;
  }
}
