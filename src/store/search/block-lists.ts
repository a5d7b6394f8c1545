// What each block has of some kind (operations, keys of attributes), kept so that asking for all of it
// again costs a mark for each.
//
//   block ─ read once ─▶ numbers ─┐
//   block ─ read once ─▶ numbers ─┴─▶ marks ─▶ items, each once
//
// An item that several blocks have is held once. Lists are kept by the id of their block, so merging files
// costs nothing. Bounded: what has no room is read again every time it is asked for.

import type { Pause } from "../head/pause.ts";
import type { BlockView, HeldBlock } from "./block-set.ts";

/** Numbers in all lists, 4 bytes each. */
const NUMBERS_MAX = 2_000_000;
/** Distinct items, some 150 bytes each. */
const ITEMS_MAX = 100_000;

interface Entry<Item> {
  readonly key: string;
  readonly item: Item;
  /** Lists that it is in; 0: the number is free. */
  lists: number;
}

/** What `read` gives: items by keys that tell them apart. */
export type Items<Item> = ReadonlyMap<string, Item>;

/** What one block has; undefined if it is damaged: it is read again the next time. */
export type ReadItems<Item> = (
  view: BlockView,
  held: HeldBlock,
  pause: Pause,
) => Promise<Items<Item> | undefined>;

export class BlockLists<Item> {
  readonly #read: ReadItems<Item>;
  readonly #lists = new Map<number, Uint32Array>();
  readonly #entries: (Entry<Item> | undefined)[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #free: number[] = [];
  #held = 0;

  constructor(read: ReadItems<Item>) {
    this.#read = read;
  }

  /** What the blocks have together, in no order. Cost: 1 ns an item and block, if all is known. */
  async collect(
    view: BlockView,
    blocks: readonly HeldBlock[],
    pause: Pause,
  ): Promise<Iterable<Item>> {
    for (const held of blocks) {
      if (this.#lists.has(held.id)) continue;
      const items = await this.#read(view, held, pause);
      // Somebody else may have asked at the same time.
      if (items !== undefined && !this.#lists.has(held.id)) this.#keep(held.id, items);
      await pause();
    }
    // Blocks may have been forgotten during a pause, so marks are made in one go.
    const marks = new Uint8Array(this.#entries.length);
    const rest: HeldBlock[] = [];
    for (const held of blocks) {
      const list = this.#lists.get(held.id);
      if (list === undefined) rest.push(held);
      else for (let at = 0; at < list.length; at++) marks[list[at]!] = 1;
    }
    const found = this.#entries.filter((_, number) => marks[number] === 1);
    if (rest.length === 0) return found.map((entry) => entry!.item);
    const all = new Map(found.map((entry) => [entry!.key, entry!.item]));
    for (const held of rest) {
      for (const [key, item] of (await this.#read(view, held, pause)) ?? []) all.set(key, item);
      await pause();
    }
    return all.values();
  }

  /** Forgets blocks that are not among these. */
  retain(ids: ReadonlySet<number>): void {
    for (const [id, list] of this.#lists) {
      if (ids.has(id)) continue;
      this.#lists.delete(id);
      this.#held -= list.length;
      for (const number of list) this.#leave(number);
    }
  }

  #keep(id: number, items: Items<Item>): void {
    if (this.#held + items.size > NUMBERS_MAX) return;
    if (this.#numbers.size + items.size > ITEMS_MAX && this.#newOnes(items) > 0) return;
    const list = new Uint32Array(items.size);
    let to = 0;
    for (const [key, item] of items) list[to++] = this.#enter(key, item);
    this.#lists.set(id, list);
    this.#held += list.length;
  }

  /** How many items there would be too many. */
  #newOnes(items: Items<Item>): number {
    let news = 0;
    for (const key of items.keys()) if (!this.#numbers.has(key)) news++;
    return this.#numbers.size + news - ITEMS_MAX;
  }

  #enter(key: string, item: Item): number {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#entries.length;
      this.#entries[number] = { key, item, lists: 0 };
      this.#numbers.set(key, number);
    }
    this.#entries[number]!.lists++;
    return number;
  }

  #leave(number: number): void {
    const entry = this.#entries[number]!;
    entry.lists--;
    if (entry.lists > 0) return;
    this.#numbers.delete(entry.key);
    this.#entries[number] = undefined;
    this.#free.push(number);
  }
}
