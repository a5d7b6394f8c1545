// Changes how many attributes the rows of a batch have: the one pass in which all such edits happen.
//
//   |row 0     |row 1|row 2    |        old table, in the order of rows
//   |row 0  |row 1 + a |row 2  |        new table: dropped ones left out, added ones behind their row
//
// What lies between two edits is copied as one piece. Edits that keep the number (a value, the order)
// are made in place by the adjusters themselves.

import type { SpanBatch } from "../../model/span-batch.ts";

/** One attribute more for some of the rows: all with one key and type, values in the dictionary. */
export interface AddedAttributes {
  readonly key: number;
  /** STRING, BYTES, ARRAY or MAP. */
  readonly type: number;
  /** Row → the value's entry; 0: the row gets none. */
  readonly entries: Uint32Array;
}

/**
 * Rebuilds `batch.spanAttributes`.
 *
 * @param dropped one byte an attribute, 1 = leave it out; undefined: all stay.
 * Cost: a look at each row, one copy of the attributes.
 */
export function rewriteSpanAttributes(
  batch: SpanBatch,
  dropped: Uint8Array | undefined,
  added: AddedAttributes | undefined,
): void {
  const table = batch.spanAttributes;
  const run = new RunCopier(batch, table.count + batch.rows);
  let start = batch.attributeStart[0]!;
  for (let row = 0; row < batch.rows; row++) {
    const end = batch.attributeStart[row + 1]!;
    batch.attributeStart[row] = run.placeOf(start);
    if (dropped !== undefined) {
      for (let at = start; at < end; at++) if (dropped[at] === 1) run.leaveOut(at);
    }
    const entry = added === undefined ? 0 : added.entries[row]!;
    if (added !== undefined && entry !== 0) run.add(end, added.key, added.type, entry);
    start = end;
  }
  batch.attributeStart[batch.rows] = run.placeOf(start);
  run.finish(start);
}

/** Copies attributes of a batch's rows in runs: all up to the next edit at once. */
class RunCopier {
  readonly #batch: SpanBatch;
  readonly #key: Uint32Array;
  readonly #type: Uint8Array;
  readonly #words: Uint32Array;
  /** Attributes written. */
  #count = 0;
  /** The first attribute of the old table that is not copied yet. */
  #next = 0;

  constructor(batch: SpanBatch, countMax: number) {
    this.#batch = batch;
    this.#key = new Uint32Array(countMax);
    this.#type = new Uint8Array(countMax);
    this.#words = new Uint32Array(2 * countMax);
  }

  /** Where attribute `at` of the old table will lie. */
  placeOf(at: number): number {
    return this.#count + at - this.#next;
  }

  leaveOut(at: number): void {
    this.#copyTo(at);
    this.#next = at + 1;
  }

  /** Puts an attribute before attribute `at` of the old table. */
  add(at: number, key: number, type: number, entry: number): void {
    this.#copyTo(at);
    this.#key[this.#count] = key;
    this.#type[this.#count] = type;
    this.#words[2 * this.#count] = entry;
    this.#count++;
  }

  /** Copies the rest, up to attribute `end`, and gives the batch the new table. */
  finish(end: number): void {
    this.#copyTo(end);
    const table = this.#batch.spanAttributes;
    table.count = this.#count;
    table.key = this.#key;
    table.type = this.#type;
    table.words = this.#words;
    table.doubles = new Float64Array(this.#words.buffer);
    table.bigs = new BigInt64Array(this.#words.buffer);
  }

  #copyTo(at: number): void {
    const from = this.#next;
    if (at === from) return;
    const { key, type, words } = this.#batch.spanAttributes;
    this.#key.set(key.subarray(from, at), this.#count);
    this.#type.set(type.subarray(from, at), this.#count);
    this.#words.set(words.subarray(2 * from, 2 * at), 2 * this.#count);
    this.#count += at - from;
    this.#next = at;
  }
}
