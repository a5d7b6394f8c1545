// What a condition looks for, told in what pages of rows hold: values instead of numbers of terms.
//
//   terms of the block ─▶ pages that may have one · by key: is this value wanted?
//
// Not here: which terms meet a condition (store/head/match.ts), rows (row-page.ts).

import { TermTable } from "../head/term-table.ts";
import type { FileTerms } from "./file-terms.ts";

type IsWanted = (type: number, low: number, high: number) => boolean;

export interface WantedTerms {
  /** 1 for each page of rows that may have one of the terms in a span, event or link. */
  readonly pages: Uint8Array;
  /** How many those are. */
  readonly pageCount: number;
  readonly byKey: ReadonlyMap<number, IsWanted>;
}

/** Cost: about 50 ns a term, and the pages of terms that they are in. */
export function makeWanted(
  all: FileTerms,
  terms: readonly number[],
  rowPages: number,
): WantedTerms {
  const pages = new Uint8Array(rowPages);
  const ofKey = new Map<number, number[]>();
  for (const term of terms) {
    all.markPages(term, pages);
    const key = all.keyOf(term);
    const known = ofKey.get(key);
    if (known === undefined) ofKey.set(key, [term]);
    else known.push(term);
  }
  const byKey = new Map<number, IsWanted>();
  for (const [key, own] of ofKey) byKey.set(key, makeTest(all, key, own));
  let pageCount = 0;
  for (const page of pages) pageCount += page;
  return { pages, pageCount, byKey };
}

function makeTest(all: FileTerms, key: number, terms: readonly number[]): IsWanted {
  const { firstTerm } = all.keys;
  // No term comes twice, so these are all that the key has.
  if (terms.length === firstTerm[key + 1]! - firstTerm[key]!) return () => true;
  if (terms.length === 1) {
    const [type, low, high] = all.valueOf(terms[0]!);
    return (a, b, c) => b === low && a === type && c === high;
  }
  const table = new TermTable();
  for (const term of terms) table.intern(0, ...all.valueOf(term));
  return (type, low, high) => table.find(0, type, low, high) >= 0;
}
