// Writes a sealed block of the head as the bytes that a segment file holds.
//
//   Block ─ order by (trace, start) ─▶ pages of rows ─▶ terms, texts, index ─▶ owners, traces, statistics
//
// The order of the steps is the order in which numbers are given: rows rank the values of each key and
// number names; what is left of the dictionary follows, key by key.
//
// Source: docs/formats/segment.md. Cost: about 0.8 µs of CPU a span of 12 attributes.
// Not here: files. Reading: block-reader.ts.

import type { BlockImage } from "./block-image.ts";
import { orderRows, type BlockOrder } from "./block-order.ts";
import { writeStatistics } from "./block-statistics.ts";
import { findFamily, type Family } from "./family.ts";
import { PAGE_ROWS, writeFooter, type Figures } from "./layout.ts";
import { Packer, zigzag } from "./packer.ts";
import { PageWriter } from "./page-codec.ts";
import { RowWriter } from "./row-writer.ts";
import { TermCoder } from "./term-coder.ts";
import { TextCoder } from "./text-coder.ts";
import { findRoots, writeTraces } from "./trace-writer.ts";
import {
  rankOwners,
  writeKeys,
  writeOwners,
  writeTerms,
  type Writers,
} from "./vocabulary-writer.ts";

export interface WriteOptions {
  /** Of the hash index: drawn anew for each file. */
  readonly hashSeed: number;
  /** zstd's. */
  readonly level?: number;
}

/** 1 takes half the time of 3 and 5 % more room. */
const LEVEL = 1;

/**
 * The bytes of a block, in pieces that belong one after the other. Rows of traces that are not held are
 * left out; @returns undefined if none is left.
 */
export function writeBlock(block: BlockImage, options: WriteOptions): Uint8Array[] | undefined {
  const order = orderRows(block);
  if (order.rows.length === 0) return undefined;
  const family = findFamily(block, order);
  const pages = new PageWriter(options.level ?? LEVEL);
  const packer = new Packer();
  const texts = new TextCoder(block.dictionary);
  const terms = new TermCoder(block);
  writeRows(block, order, family, { pages, packer, texts, terms });
  const owners = rankOwners(block, terms, texts);
  const firstTerms = terms.firstTerms();
  for (const entry of terms.keyEntries) texts.number(entry);
  writeTerms(block, terms, firstTerms, { pages, packer, texts });
  const root = findRoots(block, order, family, texts);
  const statistics = new Packer();
  writeStatistics(statistics, block, order, family, texts);
  const textPages = texts.writeTexts(pages, packer);
  const indexBits = texts.writeIndex(pages, packer, options.hashSeed);
  packer.reset();
  writeKeys(packer, terms, texts);
  pages.add("keys", packer.bytes());
  packer.reset();
  for (const table of owners) writeOwners(packer, table, terms, firstTerms, texts);
  packer.columnOf(block.resourceService.map((entry) => texts.number(entry)));
  pages.add("owners", packer.bytes());
  pages.add("traceIds", order.traceIds, false);
  packer.reset();
  writeTraces(packer, block, order, family, root);
  pages.add("traces", packer.bytes());
  pages.add("statistics", statistics.bytes());
  const figures: Figures = {
    rows: order.rows.length,
    traces: order.traceStart.length - 1,
    events: block.events,
    links: block.links,
    terms: firstTerms[firstTerms.length - 1]!,
    entries: texts.count,
    keys: terms.keyEntries.length,
    indexBits,
    hashSeed: options.hashSeed >>> 0,
    ...timeFigures(block, order),
    textPages,
  };
  return [...pages.chunks, writeFooter(figures, pages.pages)];
}

function writeRows(block: BlockImage, order: BlockOrder, family: Family, writers: Writers): void {
  const { pages, packer } = writers;
  const rows = new RowWriter(block, order, writers.terms, writers.texts, packer);
  rows.eachPage((own) => pages.add("spanIds", rows.spanIds(own), false));
  rows.eachPage((own, page) => {
    writeParents(packer, block, own, page * PAGE_ROWS, family);
    pages.add("parents", packer.bytes());
  });
  rows.eachPage((own, page) => {
    rows.times(own, page);
    pages.add("times", packer.bytes());
  });
  rows.eachPage((own) => {
    rows.labels(own);
    pages.add("labels", packer.bytes());
  });
  rows.eachPage((own, page) => {
    rows.attributes(own, page);
    pages.add("attributes", packer.bytes());
  });
  if (block.events > 0) {
    rows.eachPage((own, page) => {
      rows.events(own, page);
      pages.add("events", packer.bytes());
    });
  }
  if (block.links > 0) {
    rows.eachPage((own, page) => {
      rows.links(own, page);
      pages.add("links", packer.bytes());
    });
  }
}

/** 0: a root · 1: the next 8 bytes · from 2 on: the row as many rows before or after, in this page. */
function writeParents(
  packer: Packer,
  block: BlockImage,
  rows: Uint32Array,
  first: number,
  family: Family,
): void {
  const codes = new Uint32Array(rows.length);
  const strangers: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const parent = family.parent[first + i]!;
    if (parent >= first && parent < first + rows.length) {
      codes[i] = 2 + zigzag(first + i - parent);
    } else if ((block.parentSpanId[2 * row]! | block.parentSpanId[2 * row + 1]!) !== 0) {
      codes[i] = 1;
      strangers.push(block.parentSpanId[2 * row]!, block.parentSpanId[2 * row + 1]!);
    }
  }
  packer.column(codes, rows.length);
  packer.raw(new Uint8Array(Uint32Array.from(strangers).buffer));
}

type TimeFigures = Pick<
  Figures,
  "startUsMin" | "startUsMax" | "pageStartUsMin" | "pageStartUsMax" | "pageDurationNsMax"
>;

function timeFigures(block: BlockImage, order: BlockOrder): TimeFigures {
  const pageStartUsMin: number[] = [];
  const pageStartUsMax: number[] = [];
  const pageDurationNsMax: number[] = [];
  for (let first = 0; first < order.rows.length; first += PAGE_ROWS) {
    let min = Infinity;
    let max = -Infinity;
    let longest = -Infinity;
    for (const row of order.rows.subarray(first, first + PAGE_ROWS)) {
      min = Math.min(min, block.startUs[row]!);
      max = Math.max(max, block.startUs[row]!);
      longest = Math.max(longest, block.durationNs[row]!);
    }
    pageStartUsMin.push(min);
    pageStartUsMax.push(max);
    pageDurationNsMax.push(longest);
  }
  const startUsMax = Math.max(...pageStartUsMax);
  // The block's own least start, which other times are counted from, also when its trace is gone.
  const startUsMin = block.startUsMin;
  return { startUsMin, startUsMax, pageStartUsMin, pageStartUsMax, pageDurationNsMax };
}
