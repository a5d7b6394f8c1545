// Writes a sealed block of the head as the bytes that a segment file holds.
//
//   BlockImage ─ order by (trace, start) ─▶ survey: what is where ─▶ shared texts
//              ─▶ pages of rows with their texts ─▶ terms, index, filter ─▶ owners, traces, statistics
//
// Numbers are given in the order of the file: the survey ranks the values of each key, the texts that
// several pages have come before those of one page.
//
// Source: docs/formats/segment.md. Cost: about 0.8 µs of CPU a span of 12 attributes.
// Not here: files. Reading: block-reader.ts.

import type { BlockImage } from "./block-image.ts";
import { orderRows, type BlockOrder } from "./block-order.ts";
import { writeStatistics } from "./block-statistics.ts";
import { findFamily } from "./family.ts";
import { writeFilter } from "./filter.ts";
import { writeFooter } from "./footer.ts";
import { PAGE_ROWS, type Figures } from "./layout.ts";
import { Packer } from "./packer.ts";
import { PageWriter } from "./page-codec.ts";
import { scratch } from "./scratch.ts";
import { RowWriter } from "./row-writer.ts";
import { TermSurvey } from "./term-survey.ts";
import { TextCoder } from "./text-coder.ts";
import { writeTraceIds, writeTraces } from "./trace-writer.ts";
import {
  numberSharedTexts,
  orderTerms,
  writeKeys,
  writeOwners,
  writeTerms,
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
  try {
    return write(block, options);
  } finally {
    scratch.release();
  }
}

function write(block: BlockImage, options: WriteOptions): Uint8Array[] | undefined {
  const order = orderRows(block);
  if (order.rows.length === 0) return undefined;
  const seed = options.hashSeed >>> 0;
  const family = findFamily(block, order, seed);
  const pages = new PageWriter(options.level ?? LEVEL);
  const packer = new Packer();
  const texts = new TextCoder(block.dictionary);
  const survey = new TermSurvey(block, order, seed);
  const terms = orderTerms(block, survey);
  numberSharedTexts(block, order, survey, terms, texts);
  texts.writeTexts("sharedTexts", pages, packer);
  new RowWriter({ block, order, family, survey, texts, pages, packer }).write();
  writeTerms(block, survey, terms, texts, { pages, packer });
  const hashes = texts.hashes(seed);
  const indexBits = texts.writeIndex(pages, packer, hashes);
  const filterBlocks = writeFilter(pages, block, survey, hashes, seed);
  const add = (section: "keys" | "owners" | "traces" | "statistics", write: () => void): void => {
    packer.reset();
    write();
    pages.add(section, packer.bytes());
  };
  add("keys", () => writeKeys(packer, survey, texts));
  add("owners", () => writeOwners(packer, block, survey, texts));
  const tracePages = writeTraceIds(pages, packer, order);
  add("traces", () => writeTraces(packer, block, order, family, texts));
  add("statistics", () => writeStatistics(packer, block, order, family, texts));
  const figures: Figures = {
    rows: order.rows.length,
    traces: order.traceStart.length - 1,
    events: block.events,
    links: block.links,
    terms: terms.length,
    entries: texts.count,
    keys: survey.keyEntries.length,
    indexBits,
    hashSeed: seed,
    filterBlocks,
    ...timeFigures(block, order),
    ...tracePages,
    textPages: texts.pageFirsts,
  };
  return [...pages.chunks, writeFooter(figures, pages.pages)];
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
