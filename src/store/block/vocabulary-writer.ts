// What the numbers of rows mean, in a block's bytes: shared texts, terms, keys with shapes, resources and
// scopes.
//
// Source: docs/formats/segment.md. Not here: the bytes of texts (text-coder.ts), reading (file-terms.ts,
// file-owners.ts).

import { isEntryType } from "../../model/attribute-table.ts";
import type { BlockImage, OwnerImage } from "./block-image.ts";
import type { BlockOrder } from "./block-order.ts";
import { PAGE_ROWS, PAGE_TERMS, STRETCHES } from "./layout.ts";
import { zigzag, type Packer } from "./packer.ts";
import type { PageWriter } from "./page-codec.ts";
import { NO_PAGE, type TermSurvey } from "./term-survey.ts";
import type { TextCoder } from "./text-coder.ts";
import { scratch } from "./scratch.ts";

/** Terms of the block in the order of the file. */
export function orderTerms(block: BlockImage, survey: TermSurvey): Uint32Array {
  const order = scratch.words(survey.firstTerms[survey.firstTerms.length - 1]!);
  for (let term = 0; term < block.terms.count; term++) {
    const to = survey.fileTerm(term);
    if (to >= 0) order[to] = term;
  }
  return order;
}

/** Numbers every text that is not of a single page of rows. */
export function numberSharedTexts(
  block: BlockImage,
  order: BlockOrder,
  survey: TermSurvey,
  terms: Uint32Array,
  texts: TextCoder,
): void {
  const { type, low } = block.terms;
  const rowColumns = [block.name, block.statusMessage, block.traceState];
  for (const column of rowColumns) if (column !== undefined) seeRows(column, order.rows, texts);
  seeLists(block, order.rows, texts);
  for (const term of terms) {
    if (!isEntryType(type[term]!)) continue;
    const page = survey.pageOf(term);
    if (page === NO_PAGE) texts.share(low[term]!);
    else texts.see(low[term]!, page);
  }
  const owners = [block.resources, block.scopes];
  for (const table of owners) {
    for (const term of table.terms) if (isEntryType(type[term]!)) texts.share(low[term]!);
  }
  for (const column of rowColumns) {
    if (column === undefined) continue;
    for (let row = 0; row < block.rows; row++) {
      if (texts.isShared(column[row]!)) texts.number(column[row]!);
    }
  }
  for (const { name, version, schemaUrl } of owners) {
    for (const column of [name, version, schemaUrl]) for (const one of column) texts.number(one);
  }
  for (const entry of block.resourceService) texts.number(entry);
  for (const entry of survey.keyEntries) texts.number(entry);
  for (const term of terms) {
    if (isEntryType(type[term]!) && texts.isShared(low[term]!)) texts.number(low[term]!);
  }
}

function seeRows(column: Uint32Array, rows: Uint32Array, texts: TextCoder): void {
  for (let at = 0; at < rows.length; at++) {
    texts.see(column[rows[at]!]!, Math.floor(at / PAGE_ROWS));
  }
}

/** Names of events and trace states of links. */
function seeLists(block: BlockImage, rows: Uint32Array, texts: TextCoder): void {
  const { eventStart, linkStart } = block;
  for (let at = 0; at < rows.length; at++) {
    const page = Math.floor(at / PAGE_ROWS);
    const row = rows[at]!;
    const end = eventStart[row + 1]!;
    for (let event = eventStart[row]!; event < end; event++) {
      texts.see(block.eventName[event]!, page);
    }
    if (linkStart === undefined) continue;
    const last = linkStart[row + 1]!;
    for (let link = linkStart[row]!; link < last; link++) {
      texts.see(block.linkRest[3 * link]!, page);
    }
  }
}

export function writeTerms(
  block: BlockImage,
  survey: TermSurvey,
  order: Uint32Array,
  texts: TextCoder,
  { pages, packer }: { readonly pages: PageWriter; readonly packer: Packer },
): void {
  const types = new Uint32Array(PAGE_TERMS);
  const stretches = new Uint32Array(PAGE_TERMS);
  const within = new Uint32Array(PAGE_TERMS);
  const entries = new Uint32Array(PAGE_TERMS);
  const low = new Uint32Array(PAGE_TERMS);
  const high = new Uint32Array(PAGE_TERMS);
  for (let first = 0; first < order.length; first += PAGE_TERMS) {
    const end = Math.min(first + PAGE_TERMS, order.length);
    let texted = 0;
    let plain = 0;
    let before = 0;
    for (let at = first; at < end; at++) {
      const term = order[at]!;
      const type = block.terms.type[term]!;
      types[at - first] = type;
      const places = survey.placesOf(term);
      const own = places & (2 ** STRETCHES - 1);
      stretches[at - first] = own;
      within[at - first] = (own & (own - 1)) === 0 ? places >>> STRETCHES : 0;
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
    packer.column(stretches, end - first);
    packer.column(within, end - first);
    packer.column(entries, texted);
    packer.column(low, plain);
    packer.column(high, plain);
    pages.add("terms", packer.bytes());
  }
}

export function writeKeys(packer: Packer, survey: TermSurvey, texts: TextCoder): void {
  const { shapes, keyCounts, keyUses, keyEntries } = survey;
  packer.columnOf(keyEntries.map((entry) => texts.number(entry)));
  packer.column(keyCounts, keyCounts.length);
  packer.columnOf(keyUses);
  packer.varint(shapes.count);
  const lengths = new Uint32Array(shapes.count);
  for (let shape = 0; shape < shapes.count; shape++) {
    lengths[shape] = shapes.start[shape + 1]! - shapes.start[shape]!;
  }
  packer.column(lengths, shapes.count);
  packer.varint(shapes.start[shapes.count]!);
  packer.column(shapes.keys, shapes.start[shapes.count]!);
}

/** The terms of all owners, each once with its value; then resources and scopes by these. */
export function writeOwners(
  packer: Packer,
  block: BlockImage,
  survey: TermSurvey,
  texts: TextCoder,
): void {
  const places = new Map<number, number>();
  for (const table of [block.resources, block.scopes]) {
    for (const term of table.terms) if (!places.has(term)) places.set(term, places.size);
  }
  const terms = [...places.keys()];
  const { type, low, high } = block.terms;
  packer.varint(terms.length);
  packer.columnOf(terms.map((term) => survey.fileTerm(term)));
  packer.columnOf(terms.map((term) => type[term]!));
  packer.columnOf(
    terms.map((term) => (isEntryType(type[term]!) ? texts.number(low[term]!) : low[term]!)),
  );
  packer.columnOf(terms.map((term) => high[term]!));
  for (const table of [block.resources, block.scopes]) {
    writeTable(packer, table, places, texts);
  }
  packer.columnOf(Array.from(block.resourceService, (entry) => texts.number(entry)));
}

function writeTable(
  packer: Packer,
  table: OwnerImage,
  places: ReadonlyMap<number, number>,
  texts: TextCoder,
): void {
  const count = table.count;
  packer.varint(count);
  for (const column of [table.name, table.version, table.schemaUrl]) {
    packer.columnOf(Array.from(column.subarray(0, count), (entry) => texts.number(entry)));
  }
  packer.columnOf(table.dropped.subarray(0, count));
  const lengths = new Uint32Array(count);
  for (let i = 0; i < count; i++) lengths[i] = table.termStart[i + 1]! - table.termStart[i]!;
  packer.column(lengths, count);
  packer.varint(table.terms.length);
  packer.columnOf(Array.from(table.terms, (term) => places.get(term)!));
}
