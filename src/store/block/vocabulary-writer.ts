// What the numbers of rows mean, in a block's bytes: terms, keys with shapes, resources and scopes.
//
// Source: docs/formats/segment.md. Not here: texts (text-coder.ts), reading (file-terms.ts,
// block-reader.ts).

import { isEntryType } from "../../model/attribute-table.ts";
import type { BlockImage, OwnerImage } from "./block-image.ts";
import { PAGE_TERMS } from "./layout.ts";
import { zigzag, type Packer } from "./packer.ts";
import type { PageWriter } from "./page-codec.ts";
import type { TermCoder } from "./term-coder.ts";
import type { TextCoder } from "./text-coder.ts";

export interface Writers {
  readonly pages: PageWriter;
  readonly packer: Packer;
  readonly texts: TextCoder;
  readonly terms: TermCoder;
}

/** Terms of resources and scopes are ranked after those of rows. */
export function rankOwners(block: BlockImage, terms: TermCoder, texts: TextCoder): OwnerImage[] {
  const tables = [block.resources, block.scopes];
  for (const table of tables) {
    terms.rankTerms(table.terms, 0, table.terms.length);
    for (const column of [table.name, table.version, table.schemaUrl]) {
      for (const entry of column) texts.number(entry);
    }
  }
  for (const entry of block.resourceService) texts.number(entry);
  return tables;
}

export function writeTerms(
  block: BlockImage,
  terms: TermCoder,
  firstTerms: Uint32Array,
  { pages, packer, texts }: Omit<Writers, "terms">,
): void {
  const count = firstTerms[firstTerms.length - 1]!;
  const order = new Uint32Array(count);
  for (let term = 0; term < block.terms.count; term++) {
    const to = terms.fileTerm(term, firstTerms);
    if (to >= 0) order[to] = term;
  }
  const types = new Uint32Array(PAGE_TERMS);
  const masks = new Uint32Array(PAGE_TERMS);
  const entries = new Uint32Array(PAGE_TERMS);
  const low = new Uint32Array(PAGE_TERMS);
  const high = new Uint32Array(PAGE_TERMS);
  for (let first = 0; first < count; first += PAGE_TERMS) {
    const end = Math.min(first + PAGE_TERMS, count);
    let texted = 0;
    let plain = 0;
    let before = 0;
    for (let at = first; at < end; at++) {
      const term = order[at]!;
      const type = block.terms.type[term]!;
      types[at - first] = type;
      masks[at - first] = terms.pagesOf(term);
      if (isEntryType(type)) {
        const entry = texts.number(block.terms.low[term]!);
        entries[texted++] = zigzag(entry - before - 1);
        before = entry;
      } else {
        low[plain] = block.terms.low[term]!;
        high[plain++] = block.terms.high[term]!;
      }
    }
    packer.reset();
    packer.column(types, end - first);
    packer.column(masks, end - first);
    packer.column(entries, texted);
    packer.column(low, plain);
    packer.column(high, plain);
    pages.add("terms", packer.bytes());
  }
}

export function writeKeys(packer: Packer, terms: TermCoder, texts: TextCoder): void {
  const keys = terms.keyEntries.length;
  packer.columnOf(terms.keyEntries.map((entry) => texts.number(entry)));
  packer.column(terms.keyCounts, keys);
  packer.varint(terms.shapes);
  const lengths = new Uint32Array(terms.shapes);
  for (let shape = 0; shape < terms.shapes; shape++) {
    lengths[shape] = terms.shapeStart[shape + 1]! - terms.shapeStart[shape]!;
  }
  packer.column(lengths, terms.shapes);
  packer.varint(terms.shapeStart[terms.shapes]!);
  packer.column(terms.shapeKeys, terms.shapeStart[terms.shapes]!);
}

export function writeOwners(
  packer: Packer,
  table: OwnerImage,
  terms: TermCoder,
  firstTerms: Uint32Array,
  texts: TextCoder,
): void {
  const count = table.count;
  packer.varint(count);
  for (const column of [table.name, table.version, table.schemaUrl]) {
    packer.column(
      Uint32Array.from({ length: count }, (_, i) => texts.number(column[i] ?? 0)),
      count,
    );
  }
  packer.columnOf(table.dropped);
  const lengths = new Uint32Array(count);
  for (let i = 0; i < count; i++) lengths[i] = table.termStart[i + 1]! - table.termStart[i]!;
  packer.column(lengths, count);
  packer.varint(table.terms.length);
  const own = table.terms.map((term) => terms.fileTerm(term, firstTerms));
  packer.columnOf(own);
}
