// The lists of terms of one page: read per key, or put together as the owners had them.
//
//   shape of each owner + columns of the keys ─▶ terms of key k, in order
//                                            ─▶ start and terms of every owner
//
// Source: docs/formats/segment.md. Not here: writing (term-coder.ts).

import type { Keys } from "./file-terms.ts";
import { damaged, type Unpacker } from "./unpacker.ts";

/** Decoded as far as one pass over the bytes goes; the rest is done when it is asked for. */
export interface TermLists {
  /** Shape of each owner. */
  readonly shapes: Uint32Array;
  /** The keys of the page, rising, and where the terms of each begin in `terms`. */
  readonly keys: Uint32Array;
  readonly keyStart: Uint32Array;
  readonly terms: Uint32Array;
}

export function readTermLists(unpacker: Unpacker, owners: number, all: Keys): TermLists {
  const shapes = unpacker.column(owners);
  const shapeCount = all.shapeStart.length - 1;
  const uses = new Uint32Array(shapeCount);
  for (let i = 0; i < owners; i++) {
    if (shapes[i]! >= shapeCount) throw damaged(`shape ${shapes[i]} of ${shapeCount}`, 0);
    uses[shapes[i]!]!++;
  }
  const counts = new Uint32Array(all.entry.length);
  let total = 0;
  for (let shape = 0; shape < shapeCount; shape++) {
    const used = uses[shape]!;
    if (used === 0) continue;
    const end = all.shapeStart[shape + 1]!;
    for (let at = all.shapeStart[shape]!; at < end; at++) counts[all.shapeKeys[at]!]! += used;
    total += used * (end - all.shapeStart[shape]!);
  }
  const keys = new Uint32Array(unpacker.count(all.entry.length));
  const keyStart = new Uint32Array(keys.length + 1);
  const terms = new Uint32Array(total);
  let from = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = unpacker.varint() + (i === 0 ? 0 : keys[i - 1]! + 1);
    if (key >= all.entry.length) throw damaged(`key ${key} of ${all.entry.length}`, 0);
    keys[i] = key;
    const end = from + counts[key]!;
    const column = terms.subarray(from, end);
    let next = all.firstTerm[key]! + unpacker.varint();
    unpacker.columnInto(column);
    for (let at = 0; at < column.length; at++) {
      const code = column[at]!;
      column[at] = code === 0 ? next++ : next - code;
    }
    if (next > all.firstTerm[key + 1]!) throw damaged(`too many values of key ${key}`, 0);
    keyStart[i + 1] = from = end;
  }
  if (from !== total) throw damaged(`${from} attributes, not ${total}`, 0);
  return { shapes, keys, keyStart, terms };
}

/** The terms of every owner one after the other, with where each owner's begin. */
export function joinLists(
  lists: TermLists,
  all: Keys,
): { readonly start: Uint32Array; readonly terms: Uint32Array } {
  const owners = lists.shapes.length;
  const start = new Uint32Array(owners + 1);
  const terms = new Uint32Array(lists.terms.length);
  const cursors = new Uint32Array(all.entry.length);
  lists.keys.forEach((key, i) => (cursors[key] = lists.keyStart[i]!));
  let to = 0;
  for (let owner = 0; owner < owners; owner++) {
    const shape = lists.shapes[owner]!;
    const end = all.shapeStart[shape + 1]!;
    for (let at = all.shapeStart[shape]!; at < end; at++) {
      terms[to++] = lists.terms[cursors[all.shapeKeys[at]!]!++]!;
    }
    start[owner + 1] = to;
  }
  return { start, terms };
}

/** Calls `found` for every owner that has one of the terms, all of key `key`. */
export function eachOwnerWith(
  lists: TermLists,
  all: Keys,
  key: number,
  wanted: readonly number[],
  found: (owner: number) => void,
): void {
  const place = lists.keys.indexOf(key);
  if (place < 0) return;
  const column = lists.terms.subarray(lists.keyStart[place], lists.keyStart[place + 1]);
  const first = all.firstTerm[key]!;
  const isWanted = new Uint8Array(all.firstTerm[key + 1]! - first);
  for (const term of wanted) isWanted[term - first] = 1;
  if (!column.some((term) => isWanted[term - first] === 1)) return;
  const perShape = new Uint32Array(all.shapeStart.length - 1);
  const isKnown = new Uint8Array(perShape.length);
  let at = 0;
  for (let owner = 0; owner < lists.shapes.length; owner++) {
    const shape = lists.shapes[owner]!;
    if (isKnown[shape] === 0) {
      isKnown[shape] = 1;
      const own = all.shapeKeys.subarray(all.shapeStart[shape], all.shapeStart[shape + 1]);
      perShape[shape] = own.reduce((count, one) => count + (one === key ? 1 : 0), 0);
    }
    for (let left = perShape[shape]!; left > 0; left--) {
      if (isWanted[column[at++]! - first] === 1) found(owner);
    }
  }
}
