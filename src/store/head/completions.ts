// Keys of attributes and their values, for completion while somebody types.
//
//   live rows of the service ─▶ marks of their terms ─▶ keys, or the values of one key, as texts
//
// Terms of spans, events, links, resources and scopes count alike. Blocks that reach into the time range
// count whole; a block all of whose spans count is answered from its terms alone. Cost: else about
// 30 ns a row.

import type { KeyQuery, ValueQuery } from "../../model/trace-query.ts";
import type { Block } from "./block.ts";
import type { HeadView } from "./head.ts";
import type { Pause } from "./pause.ts";
import { textOf } from "./service-names.ts";
import { compareTexts, wantedResources } from "./statistics.ts";
import { textOfValue } from "./value-text.ts";

/** The first `limit` keys that begin with the prefix. */
export async function keysOf(view: HeadView, query: KeyQuery, pause: Pause): Promise<string[]> {
  const found = new Set<string>();
  for (const block of view.blocks) {
    if (!reachesInto(block, query)) continue;
    const marks = markTerms(view, block, query.service);
    if (marks === undefined) continue;
    const { key } = block.terms;
    const seen = new Set<number>();
    for (let term = 0; term < marks.length; term++) {
      const entry = key[term]!;
      if (marks[term] === 0 || seen.has(entry)) continue;
      seen.add(entry);
      const text = textOf(block, entry);
      if (text.startsWith(query.prefix)) found.add(text);
    }
    await pause();
  }
  return [...found].sort(compareTexts).slice(0, query.limit);
}

/** The first `limit` values of a key that begin with the prefix. */
export async function valuesOf(view: HeadView, query: ValueQuery, pause: Pause): Promise<string[]> {
  let found = new Set<string>();
  for (const block of view.blocks) {
    if (!reachesInto(block, query)) continue;
    const key = block.dictionary.findText(query.key);
    if (key < 0) continue;
    const marks = markTerms(view, block, query.service);
    if (marks === undefined) continue;
    block.terms.eachOf(key, (term, type, low, high) => {
      if (marks[term] === 0) return;
      const text = textOfValue(block.dictionary, type, low, high);
      if (text.startsWith(query.prefix)) found.add(text);
    });
    // A key may have as many values as there are spans; what is not among the first is of no use.
    if (found.size > query.limit) found = new Set(firstOf(found, query.limit));
    await pause();
  }
  return firstOf(found, query.limit);
}

function firstOf(texts: ReadonlySet<string>, limit: number): string[] {
  return [...texts].sort(compareTexts).slice(0, limit);
}

function reachesInto(block: Block, range: KeyQuery): boolean {
  return block.startUsMax >= range.startUsMin && block.startUsMin <= range.startUsMax;
}

/** 1 for each term that a live row of the service carries; undefined: none. */
function markTerms(
  { head }: HeadView,
  block: Block,
  service: string | undefined,
): Uint8Array | undefined {
  if (block.liveRows === 0) return undefined;
  const wanted = wantedResources(block, service === undefined ? undefined : [service]);
  if (wanted === undefined) return undefined;
  const marks = new Uint8Array(block.terms.count);
  if (service === undefined && block.liveRows === block.rows) return marks.fill(1);
  const scopes = new Uint8Array(block.scopes.count);
  const resources = new Uint8Array(block.resources.count);
  for (let row = 0; row < block.rows; row++) {
    if (wanted[block.resource[row]!] === 0 || !head.isLive(block, row)) continue;
    resources[block.resource[row]!] = 1;
    scopes[block.scope[row]!] = 1;
    markRow(block, row, marks);
  }
  markOwners(block.resources, resources, marks);
  markOwners(block.scopes, scopes, marks);
  return marks;
}

function markRow(block: Block, row: number, marks: Uint8Array): void {
  const { attribute, eventTerm, linkStart, linkTerm } = block;
  const end = block.attributeStart[row + 1]!;
  for (let at = block.attributeStart[row]!; at < end; at++) marks[attribute[at]!] = 1;
  const event = block.eventStart[row]!;
  const eventEnd = block.eventStart[row + 1]!;
  if (event < eventEnd) {
    const last = block.eventTermStart[eventEnd]!;
    for (let at = block.eventTermStart[event]!; at < last; at++) marks[eventTerm[at]!] = 1;
  }
  if (linkStart === undefined) return;
  const last = block.linkTermStart[linkStart[row + 1]!]!;
  for (let at = block.linkTermStart[linkStart[row]!]!; at < last; at++) marks[linkTerm[at]!] = 1;
}

function markOwners(
  owners: { readonly termStart: Uint32Array; readonly terms: Uint32Array },
  wanted: Uint8Array,
  marks: Uint8Array,
): void {
  for (let owner = 0; owner < wanted.length; owner++) {
    if (wanted[owner] === 0) continue;
    const end = owners.termStart[owner + 1]!;
    for (let at = owners.termStart[owner]!; at < end; at++) marks[owners.terms[at]!] = 1;
  }
}
