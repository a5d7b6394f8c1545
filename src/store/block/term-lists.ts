// The lists of terms of one page: read key by key, or put together as the owners had them.
//
//   shape of each owner + columns of the keys ─▶ values of key k, and which one each owner has
//                                            ─▶ start and terms of every owner
//
// What is asked of one key reads that key: everything else is passed over.
//
// Source: docs/formats/segment.md. Not here: writing (term-coder.ts).

import { isEntryType } from "../../model/attribute-table.ts";
import type { Keys } from "./file-terms.ts";
import { SEVERAL_TYPES } from "./term-coder.ts";
import { damaged, Unpacker } from "./unpacker.ts";
import { makeLender, withLent } from "./lent-arrays.ts";
import type { Arrays } from "./page-memory.ts";

/** Where everything is. */
export interface TermLists {
  readonly bytes: Uint8Array;
  /** Shape of each owner. */
  readonly shapes: Uint32Array;
  /** The keys of the page, rising. */
  readonly keys: Uint32Array;
  /** Of each of them: how often it is in the page, how many values it has, where they are in `bytes`. */
  readonly uses: Uint32Array;
  readonly values: Uint32Array;
  readonly at: Uint32Array;
  /** The entry that is code 0 next, where the key begins. */
  readonly nextEntry: Uint32Array;
}

/** Values, as in `TermTable`. */
export interface Values {
  readonly type: Uint8Array;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

/** What a page has of one key. */
export interface KeyColumn extends Values {
  /** Which value, each time that an owner has the key. */
  readonly places: Uint32Array;
}

export function readTermLists(unpacker: Unpacker, owners: number, all: Keys): TermLists {
  const shapes = unpacker.column(owners);
  const counts = countKeys(shapes, all);
  const count = unpacker.count(all.entry.length);
  const keys = new Uint32Array(count);
  const uses = new Uint32Array(count);
  const values = new Uint32Array(count);
  const at = new Uint32Array(count);
  const nextEntry = new Uint32Array(count);
  let next = unpacker.count(0xffff_ffff);
  for (let i = 0; i < count; i++) {
    const key = unpacker.varint() + (i === 0 ? 0 : keys[i - 1]! + 1);
    if (key >= all.entry.length) throw damaged(`key ${key} of ${all.entry.length}`, 0);
    keys[i] = key;
    uses[i] = counts.of[key]!;
    counts.left -= uses[i]!;
    values[i] = unpacker.count(uses[i]!);
    at[i] = unpacker.at;
    nextEntry[i] = next;
    next += skipKey(unpacker, uses[i]!, values[i]!);
  }
  if (counts.left !== 0) throw damaged(`${counts.left} attributes without a key`, 0);
  const bytes = unpacker.arrays.octets(unpacker.bytes.length);
  bytes.set(unpacker.bytes);
  return { bytes, shapes, keys, uses, values, at, nextEntry };
}

/** How often each key is in lists of these shapes. */
function countKeys(shapes: Uint32Array, all: Keys): { of: Uint32Array; left: number } {
  const shapeCount = all.shapeStart.length - 1;
  const uses = new Uint32Array(shapeCount);
  const used: number[] = [];
  for (let i = 0; i < shapes.length; i++) {
    const shape = shapes[i]!;
    if (shape >= shapeCount) throw damaged(`shape ${shape} of ${shapeCount}`, 0);
    if (uses[shape]!++ === 0) used.push(shape);
  }
  const of = new Uint32Array(all.entry.length);
  let left = 0;
  for (const shape of used) {
    const end = all.shapeStart[shape + 1]!;
    for (let at = all.shapeStart[shape]!; at < end; at++) of[all.shapeKeys[at]!]! += uses[shape]!;
    left += uses[shape]! * (end - all.shapeStart[shape]!);
  }
  return { of, left };
}

/** @returns how many entries are numbered in it. */
function skipKey(unpacker: Unpacker, uses: number, values: number): number {
  const type = unpacker.byte();
  let texted = 0;
  if (type === SEVERAL_TYPES) {
    for (const own of unpacker.small(values)) if (isEntryType(own)) texted++;
  } else if (isEntryType(type)) {
    texted = values;
  }
  let numbered = 0;
  if (texted > 0) {
    numbered = unpacker.count(texted);
    unpacker.skipColumn(texted);
  }
  unpacker.skipColumn(values - texted);
  unpacker.skipColumn(values - texted);
  unpacker.skipColumn(uses);
  return numbered;
}

/** The place of a key in `lists.keys`, or -1. */
export function findKey(lists: TermLists, key: number): number {
  const { keys } = lists;
  let low = 0;
  let high = keys.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] === key) return middle;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/**
 * @param place of the key in `lists.keys`.
 * @param places zeros for what has the values, one for each use.
 */
export function readKeyColumn(
  lists: TermLists,
  place: number,
  places: Uint32Array = new Uint32Array(lists.uses[place]!),
): KeyColumn {
  const count = lists.values[place]!;
  const values = {
    type: new Uint8Array(count),
    low: new Uint32Array(count),
    high: new Uint32Array(count),
  };
  readKeyInto(lists, place, { values, next: 0, places, from: 0 });
  return { ...values, places };
}

/** Where a key's column goes: zeros from `next` and from `from` on. */
interface KeyTarget {
  readonly values: Values;
  readonly next: number;
  readonly places: Uint32Array;
  readonly from: number;
}

/** As `readKeyColumn`, into arrays that the caller has; places count from `next` on. */
export function readKeyInto(
  lists: TermLists,
  place: number,
  { values, next, places, from }: KeyTarget,
): void {
  const { type, low, high } = values;
  const unpacker = new Unpacker(lists.bytes, lists.at[place]);
  const count = lists.values[place]!;
  const first = unpacker.byte();
  if (first !== SEVERAL_TYPES) {
    type.fill(first, next, next + count);
    if (isEntryType(first)) readEntries(unpacker, low, next, count, lists.nextEntry[place]!);
    // Two columns of no number.
    const plain = isEntryType(first) ? 0 : count;
    unpacker.columnInto(low, next, plain);
    unpacker.columnInto(high, next, plain);
  } else {
    type.set(unpacker.small(count), next);
    readMixed(unpacker, values, next, count, lists.nextEntry[place]!);
  }
  const uses = lists.uses[place]!;
  unpacker.columnInto(places, from, uses);
  let fresh = 0;
  for (let at = from; at < from + uses; at++) {
    const code = places[at]!;
    if (code > fresh) throw damaged(`code ${code} after ${fresh} values`, unpacker.at);
    places[at] = next + (code === 0 ? fresh++ : fresh - code);
  }
  if (fresh !== count) throw damaged(`${fresh} values, not ${count}`, unpacker.at);
}

function readEntries(
  unpacker: Unpacker,
  out: Uint32Array,
  from: number,
  count: number,
  firstEntry: number,
): void {
  if (count === 0) return;
  unpacker.varint();
  unpacker.columnInto(out, from, count);
  let next = firstEntry;
  for (let i = from; i < from + count; i++) out[i] = out[i] === 0 ? next++ : out[i]! - 1;
}

/** Values of several types: texts, then the others, are put among each other. */
function readMixed(
  unpacker: Unpacker,
  { type, low, high }: Values,
  from: number,
  count: number,
  firstEntry: number,
): void {
  let texted = 0;
  for (let i = from; i < from + count; i++) if (isEntryType(type[i]!)) texted++;
  const entries = new Uint32Array(texted);
  readEntries(unpacker, entries, 0, texted, firstEntry);
  const lows = unpacker.column(count - texted);
  const highs = unpacker.column(count - texted);
  for (let i = from, text = 0, plain = 0; i < from + count; i++) {
    if (isEntryType(type[i]!)) {
      low[i] = entries[text++]!;
    } else {
      low[i] = lows[plain]!;
      high[i] = highs[plain++]!;
    }
  }
}

/** Lists put together: terms of owner i are terms[start[i]] .. terms[start[i + 1] - 1]. */
export interface Joined {
  readonly start: Uint32Array;
  readonly terms: Uint32Array;
}

/** @param flat key by key, the term that an owner has each time that it has the key. */
export function joinLists(lists: TermLists, all: Keys, flat: Uint32Array, arrays: Arrays): Joined {
  const { shapes, keys, uses } = lists;
  const owners = shapes.length;
  const start = arrays.words(owners + 1);
  const terms = arrays.words(flat.length);
  const cursors = new Uint32Array(all.entry.length);
  for (let place = 0, from = 0; place < keys.length; place++) {
    cursors[keys[place]!] = from;
    from += uses[place]!;
  }
  const { shapeKeys, shapeStart } = all;
  for (let owner = 0, to = 0; owner < owners; owner++) {
    const shape = shapes[owner]!;
    const end = shapeStart[shape + 1]!;
    for (let at = shapeStart[shape]!; at < end; at++) {
      terms[to++] = flat[cursors[shapeKeys[at]!]!++]!;
    }
    start[owner + 1] = to;
  }
  return { start, terms };
}

/** Calls `found` for every owner that has one of the wanted values of key `key`. */
export function eachOwnerWith(
  lists: TermLists,
  all: Keys,
  key: number,
  isWanted: (type: number, low: number, high: number) => boolean,
  found: (owner: number) => void,
): void {
  const place = findKey(lists, key);
  if (place < 0) return;
  withLent(PLACES, lists.uses[place]!, (places) => {
    const column = readKeyColumn(lists, place, places);
    const wanted = findWanted(column, isWanted);
    if (wanted !== undefined) eachPlaced(lists, all, key, { wanted, places }, found);
  });
}

const PLACES = makeLender((length) => new Uint32Array(length));

/** 1 for each value that is wanted; undefined: none is. */
function findWanted(
  { type, low, high }: Values,
  isWanted: (type: number, low: number, high: number) => boolean,
): Uint8Array | undefined {
  const wanted = new Uint8Array(type.length);
  let isAny = false;
  for (let i = 0; i < type.length; i++) {
    if (!isWanted(type[i]!, low[i]!, high[i]!)) continue;
    wanted[i] = 1;
    isAny = true;
  }
  return isAny ? wanted : undefined;
}

function eachPlaced(
  lists: TermLists,
  all: Keys,
  key: number,
  { wanted, places }: { readonly wanted: Uint8Array; readonly places: Uint32Array },
  found: (owner: number) => void,
): void {
  const { shapes } = lists;
  const perShape = new Int32Array(all.shapeStart.length - 1).fill(-1);
  for (let owner = 0, at = 0; owner < shapes.length; owner++) {
    const shape = shapes[owner]!;
    let times = perShape[shape]!;
    if (times < 0) times = perShape[shape] = timesInShape(all, shape, key);
    for (; times > 0; times--) if (wanted[places[at++]!] === 1) found(owner);
  }
}

function timesInShape(all: Keys, shape: number, key: number): number {
  let times = 0;
  const end = all.shapeStart[shape + 1]!;
  for (let at = all.shapeStart[shape]!; at < end; at++) if (all.shapeKeys[at] === key) times++;
  return times;
}
