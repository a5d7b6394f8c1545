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

/** What a page has of one key. */
export interface KeyColumn {
  /** Of each value, as in `TermTable`. */
  readonly type: Uint8Array;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
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
  return { bytes: unpacker.bytes, shapes, keys, uses, values, at, nextEntry };
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

/** @param place of the key in `lists.keys`. */
export function readKeyColumn(lists: TermLists, place: number): KeyColumn {
  const unpacker = new Unpacker(lists.bytes, lists.at[place]);
  const count = lists.values[place]!;
  const first = unpacker.byte();
  const type = first === SEVERAL_TYPES ? unpacker.small(count) : new Uint8Array(count).fill(first);
  let texted = 0;
  for (let i = 0; i < count; i++) if (isEntryType(type[i]!)) texted++;
  const entries = texted === 0 ? NO_WORDS : readEntries(unpacker, texted, lists.nextEntry[place]!);
  let low = unpacker.column(count - texted);
  let high = unpacker.column(count - texted);
  if (texted === count) {
    low = entries;
    high = new Uint32Array(count);
  } else if (texted > 0) {
    const plainLow = low;
    const plainHigh = high;
    low = new Uint32Array(count);
    high = new Uint32Array(count);
    for (let i = 0, plain = 0, text = 0; i < count; i++) {
      if (isEntryType(type[i]!)) {
        low[i] = entries[text++]!;
      } else {
        low[i] = plainLow[plain]!;
        high[i] = plainHigh[plain++]!;
      }
    }
  }
  const places = unpacker.column(lists.uses[place]!);
  let next = 0;
  for (let at = 0; at < places.length; at++) {
    const code = places[at]!;
    if (code > next) throw damaged(`code ${code} after ${next} values`, unpacker.at);
    places[at] = code === 0 ? next++ : next - code;
  }
  if (next !== count) throw damaged(`${next} values, not ${count}`, unpacker.at);
  return { type, low, high, places };
}

const NO_WORDS = new Uint32Array(0);

function readEntries(unpacker: Unpacker, count: number, first: number): Uint32Array {
  unpacker.varint();
  const entries = unpacker.column(count);
  let next = first;
  for (let i = 0; i < count; i++) entries[i] = entries[i] === 0 ? next++ : entries[i]! - 1;
  return entries;
}

/** Lists put together: terms of owner i are terms[start[i]] .. terms[start[i + 1] - 1]. */
export interface Joined {
  readonly start: Uint32Array;
  readonly terms: Uint32Array;
}

/** @param columns for each key of the page, the term that an owner has each time that it has the key. */
export function joinLists(lists: TermLists, all: Keys, columns: readonly Uint32Array[]): Joined {
  const { shapes, keys } = lists;
  const owners = shapes.length;
  const start = new Uint32Array(owners + 1);
  for (let owner = 0; owner < owners; owner++) {
    const shape = shapes[owner]!;
    start[owner + 1] = start[owner]! + all.shapeStart[shape + 1]! - all.shapeStart[shape]!;
  }
  const terms = new Uint32Array(start[owners]!);
  const flat = new Uint32Array(terms.length);
  const cursors = new Uint32Array(all.entry.length);
  for (let place = 0, from = 0; place < keys.length; place++) {
    cursors[keys[place]!] = from;
    flat.set(columns[place]!, from);
    from += columns[place]!.length;
  }
  const { shapeKeys, shapeStart } = all;
  for (let owner = 0, to = 0; owner < owners; owner++) {
    const shape = shapes[owner]!;
    const end = shapeStart[shape + 1]!;
    for (let at = shapeStart[shape]!; at < end; at++) {
      terms[to++] = flat[cursors[shapeKeys[at]!]!++]!;
    }
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
  const { type, low, high, places } = readKeyColumn(lists, place);
  const wanted = new Uint8Array(type.length);
  let isAny = false;
  for (let i = 0; i < type.length; i++) {
    if (!isWanted(type[i]!, low[i]!, high[i]!)) continue;
    wanted[i] = 1;
    isAny = true;
  }
  if (!isAny) return;
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
