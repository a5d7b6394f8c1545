// The index of a sealed block: for every term, the rows that carry it in the span itself, in one of its
// events or in one of its links.
//
//   posting       … rows of term t, ascending …        u16 each
//   postingStart  [term] -> first place in posting      one entry more than terms
//
// Terms of resources and scopes are not in it: those few owners are looked through instead.

import { SpareArrays } from "./spare-arrays.ts";

/** What of a block is indexed: see block.ts. */
export interface IndexedColumns {
  readonly rows: number;
  readonly terms: { readonly count: number };
  readonly attributes: number;
  readonly attributeStart: Uint32Array;
  readonly attribute: Uint32Array;
  readonly eventStart: Uint32Array;
  readonly eventTermStart: Uint32Array;
  readonly eventTerms: number;
  readonly eventTerm: Uint32Array;
  readonly linkStart: Uint32Array | undefined;
  readonly linkTermStart: Uint32Array;
  readonly linkTerms: number;
  readonly linkTerm: Uint32Array;
}

export interface Postings {
  readonly postingStart: Uint32Array;
  readonly posting: Uint16Array;
}

/** A counting sort over all attributes of the block. @param spares where the arrays come from. */
export function makePostings(block: IndexedColumns, spares = new SpareArrays()): Postings {
  const start = spares.words(block.terms.count + 1);
  countTerms(block.attribute, block.attributes, start);
  countTerms(block.eventTerm, block.eventTerms, start);
  countTerms(block.linkTerm, block.linkTerms, start);
  for (let term = 0, sum = 0; term < start.length; term++) {
    const count = start[term]!;
    start[term] = sum;
    sum += count;
  }
  const posting = spares.shorts(block.attributes + block.eventTerms + block.linkTerms);
  // While filling, start[t] is where the next row of t goes; afterwards it is the end of t, which is the
  // start of t + 1, so the whole column moves up by one at the end.
  for (let row = 0; row < block.rows; row++) {
    const end = block.attributeStart[row + 1]!;
    for (let at = block.attributeStart[row]!; at < end; at++) {
      posting[start[block.attribute[at]!]!++] = row;
    }
  }
  for (let row = 0; row < block.rows; row++) {
    const end = block.eventTermStart[block.eventStart[row + 1]!]!;
    for (let at = block.eventTermStart[block.eventStart[row]!]!; at < end; at++) {
      posting[start[block.eventTerm[at]!]!++] = row;
    }
  }
  if (block.linkStart !== undefined) {
    for (let row = 0; row < block.rows; row++) {
      const end = block.linkTermStart[block.linkStart[row + 1]!]!;
      for (let at = block.linkTermStart[block.linkStart[row]!]!; at < end; at++) {
        posting[start[block.linkTerm[at]!]!++] = row;
      }
    }
  }
  start.copyWithin(1, 0, start.length - 1);
  start[0] = 0;
  return { postingStart: start, posting };
}

function countTerms(column: Uint32Array, length: number, counts: Uint32Array): void {
  for (let at = 0; at < length; at++) counts[column[at]!]!++;
}
