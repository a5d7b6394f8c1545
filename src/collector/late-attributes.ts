// Adds attributes to spans, events and links that are already in a batch, and to resources.
//
//   table   a0 a1 │ b0 │ c0 c1        owners a, b, c; starts 0, 2, 3, 5
//   late    a: x   c: y
//   table   a0 a1 x │ b0 │ c0 c1 y    starts 0, 3, 4, 7
//
// All late attributes of a level go in at once, from the back, so that each attribute of the table
// moves once: a batch in which every span is wrong costs no more than twice its table.
// A resource or scope has a range of its own instead: its run moves to the table's end when another
// one follows it.
//
// Not here: which attributes (sanitize-text.ts, sanitize.ts).

import { assert } from "../base/assert.ts";
import type { AttributeTable } from "../model/attribute-table.ts";

/** Attributes for owners that lie one after the other in a table. */
export class LateAttributes {
  readonly #owners: number[] = [];
  readonly #keys: number[] = [];
  readonly #types: number[] = [];
  readonly #entries: number[] = [];

  /** Notes an attribute whose value is a dictionary entry. Owners must come in rising order. */
  add(owner: number, key: number, type: number, entry: number): void {
    assert(owner >= (this.#owners.at(-1) ?? 0), "late attributes come out of order");
    this.#owners.push(owner);
    this.#keys.push(key);
    this.#types.push(type);
    this.#entries.push(entry);
  }

  /**
   * Puts what was noted behind the other attributes of each owner.
   *
   * @param starts where each owner's range begins; the last of `owners + 1` numbers is the end.
   */
  insertInto(table: AttributeTable, starts: Uint32Array, owners: number): void {
    const added = this.#owners.length;
    if (added === 0) return;
    let end = table.count;
    for (let i = 0; i < added; i++) table.add(0, 0, 0); // room; the table may move
    for (let i = added - 1; i >= 0; i--) {
      const from = starts[this.#owners[i]! + 1]!;
      table.key.copyWithin(from + i + 1, from, end);
      table.type.copyWithin(from + i + 1, from, end);
      table.words.copyWithin(2 * (from + i + 1), 2 * from, 2 * end);
      table.key[from + i] = this.#keys[i]!;
      table.replace(from + i, this.#types[i]!, this.#entries[i]!);
      end = from;
    }
    let before = 0;
    for (let owner = 0; owner <= owners; owner++) {
      while (before < added && this.#owners[before]! < owner) before++;
      starts[owner] = starts[owner]! + before;
    }
  }
}

/** The ranges of owners that may lie anywhere in a table: resources and scopes. */
export interface Runs {
  readonly table: AttributeTable;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** Adds an attribute whose value is a dictionary entry behind the others of `owner`. */
export function addToRun(
  { table, starts, ends }: Runs,
  owner: number,
  key: number,
  type: number,
  entry: number,
): void {
  const end = ends[owner]!;
  if (end !== table.count) {
    const start = starts[owner]!;
    starts[owner] = table.count;
    for (let at = start; at < end; at++) {
      table.addWords(
        table.key[at]!,
        table.type[at]!,
        table.words[2 * at]!,
        table.words[2 * at + 1]!,
      );
    }
  }
  table.add(key, type, entry);
  ends[owner] = table.count;
}
