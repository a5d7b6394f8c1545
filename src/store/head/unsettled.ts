// The rows of records that are in the head but not yet known to be on disk, so that they can be taken out
// again if they never get there.
//
//   append ─▶ │ sequence, block, rows [from, end) │ …      oldest first; a record that lies in several
//   settle ◀─                                              blocks has one entry for each
//
// Limits: as many records as the log has under way; its callers are not answered before.

import type { Block } from "./block.ts";

/** Rows of one record in one block. */
export interface RowRange {
  readonly sequence: number;
  readonly block: Block;
  readonly from: number;
  readonly end: number;
  isRetracted: boolean;
}

/** Settled entries are given back when they are this many, and half of all. */
const SLACK_MAX = 1_024;

export class Unsettled {
  #ranges: RowRange[] = [];
  #first = 0;

  /** @param sequence not below the one before. */
  add(sequence: number, block: Block, from: number, end: number): void {
    this.#ranges.push({ sequence, block, from, end, isRetracted: false });
  }

  /** Forgets every record up to `sequence`: those that were not retracted are on disk. */
  settle(sequence: number): void {
    while (this.#first < this.#ranges.length) {
      const range = this.#ranges[this.#first]!;
      if (range.sequence > sequence) break;
      if (!range.isRetracted) range.block.settledSequence = range.sequence;
      this.#first++;
    }
    this.#giveBack();
  }

  /**
   * Marks the ranges of a record as retracted and returns them. Their blocks end with the record before
   * it, as if it had never been.
   */
  retract(sequence: number): RowRange[] {
    const ranges: RowRange[] = [];
    const first = this.#find(sequence);
    for (let at = first; at < this.#ranges.length; at++) {
      const range = this.#ranges[at]!;
      if (range.sequence !== sequence) break;
      if (range.isRetracted) continue;
      range.isRetracted = true;
      ranges.push(range);
      const { block } = range;
      if (block.lastSequence !== sequence) continue;
      block.lastSequence = this.#lastBefore(first, block);
      block.lastSequenceEnds = true;
    }
    while (this.#ranges[this.#first]?.isRetracted === true) this.#first++;
    this.#giveBack();
    return ranges;
  }

  /** The last record before entry `at` with rows in `block`; 0: none. */
  #lastBefore(at: number, block: Block): number {
    while (--at >= this.#first) {
      const range = this.#ranges[at]!;
      if (range.block.id < block.id) break;
      if (!range.isRetracted) return range.sequence;
    }
    return block.settledSequence;
  }

  /** Index of the first entry of this record, or of the one after it. */
  #find(sequence: number): number {
    let low = this.#first;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #giveBack(): void {
    if (this.#first < SLACK_MAX || 2 * this.#first < this.#ranges.length) return;
    this.#ranges = this.#ranges.slice(this.#first);
    this.#first = 0;
  }
}
