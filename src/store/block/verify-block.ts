// Checks a block wholly: every checksum, and that everything in it agrees with everything else.
//
//   footer ─▶ every page: checksum, size ─▶ (all whole) traces ─▶ rows ─▶ texts ─▶ terms, filter ─▶ counts
//
// What is derived is derived again and compared: where terms are, roots, statistics. A block that is only
// read needs none of this: each page is checked when it is read.
//
// Cost: about 1.5 µs a span. Memory: the block, decoded. Trust: none; nothing is thrown but by a source
// that cannot be read. Not here: terms (verify-terms.ts), counts (verify-counts.ts), files
// (store/segment/verify-segment.ts).

import { SpoorError } from "../../base/errors.ts";
import { BlockPages } from "./block-pages.ts";
import type { BlockFinding, Tell } from "./block-finding.ts";
import { FileBlock } from "./block-reader.ts";
import { readFooter, type Footer } from "./footer.ts";
import type { Page, Section, Source } from "./layout.ts";
import { PAGE_TRACES } from "./layout.ts";
import { PageCache } from "./page-cache.ts";
import type { RowPage } from "./row-page.ts";
import { findWrongCounts } from "./verify-counts.ts";
import { findWrongTerms } from "./verify-terms.ts";

/** Decoded pages are kept between the checks. */
const CACHE_BYTES = 64 * 1024 * 1024;
/** One kind of damage may show in every row. */
const FINDINGS_MAX = 100;

/** @returns what is wrong, in the order in which it was found; at most 100 findings. */
export function verifyBlock(source: Source): readonly BlockFinding[] {
  const findings: BlockFinding[] = [];
  let footer: Footer;
  try {
    footer = readFooter(source);
  } catch (error) {
    return [
      { ...findingOf(error, { section: "footer", index: 0, offset: 0 }), isUnreadable: true },
    ];
  }
  const pages = new BlockPages(source, footer, new PageCache(CACHE_BYTES));
  for (const page of footer.pages) {
    try {
      pages.decode(page.section, page.index, (unpacker) => unpacker.raw(page.bytes));
    } catch (error) {
      const finding = { ...findingOf(error, page), isUnreadable: true };
      if (findings.length < FINDINGS_MAX) findings.push(finding);
    }
  }
  // Whatever else is wrong follows from that.
  if (findings.length > 0) return findings;
  const tell: Tell = (section, index, what) => {
    if (findings.length === FINDINGS_MAX) return;
    const page = index < footer.pages.countOf(section) ? index : 0;
    const { offset } = footer.pages.page(section, page);
    findings.push({ what, isUnreadable: false, section, page, offset });
  };
  const block = new FileBlock(pages);
  const steps: readonly (readonly [Section, () => void])[] = [
    ["traceIds", () => findWrongTraces(block, tell)],
    ["rows", () => findWrongRows(block, tell)],
    ["textIndex", () => findWrongTexts(block, pages, tell)],
    ["terms", () => findWrongTerms(block, pages, tell)],
    ["statistics", () => findWrongCounts(block, tell)],
  ];
  for (const [section, step] of steps) {
    try {
      step();
    } catch (error) {
      findings.push(findingOf(error, { section, index: 0, offset: 0 }));
    }
  }
  return findings;
}

/** What stopped a check. */
function findingOf(
  error: unknown,
  { section, index, offset }: Pick<Page, "index" | "offset"> & Pick<BlockFinding, "section">,
): BlockFinding {
  // Numbers that lead out of a column surface as these.
  if (error instanceof RangeError || error instanceof TypeError) {
    const what = "damaged block: its numbers contradict each other";
    return { what, isUnreadable: false, section, page: index, offset };
  }
  if (!(error instanceof SpoorError)) throw error;
  const { where } = error;
  return {
    what: error.message,
    isUnreadable: false,
    section: (where["section"] as Section | undefined) ?? section,
    page: typeof where["page"] === "number" ? where["page"] : index,
    offset: typeof where["offset"] === "number" ? where["offset"] : offset,
  };
}

/** Ids rise, every trace has rows, and the footer tells of each page how it begins. */
function findWrongTraces(block: FileBlock, tell: Tell): void {
  const { traces, rows, tracePageId } = block.figures;
  let before: Uint8Array = new Uint8Array(0);
  let row = 0;
  for (let trace = 0; trace < traces; trace++) {
    const page = Math.floor(trace / PAGE_TRACES);
    const id = block.traceId(trace);
    if (trace > 0 && Buffer.compare(before, id) >= 0)
      tell("traceIds", page, `id ${trace} not rising`);
    if (trace % PAGE_TRACES === 0) {
      const first = tracePageId.subarray(16 * page, 16 * page + 16);
      if (Buffer.compare(first, id) !== 0) tell("traceIds", page, "begins with another id");
    }
    const { from, end } = block.rowsOfTrace(trace);
    if (from !== row || end <= from)
      tell("traceIds", page, `trace ${trace} has rows ${from} to ${end}`);
    row = end;
    before = id;
  }
  if (row !== rows) tell("traceIds", 0, `traces of ${row} rows, not ${rows}`);
}

/** Rows belong to the traces of `traceIds`, by start; what the footer says of a page is so. */
function findWrongRows(block: FileBlock, tell: Tell): void {
  const { figures } = block;
  let trace = -1;
  let us = 0;
  let ns = 0;
  let latest = -Infinity;
  for (let index = 0; index < block.rowPages; index++) {
    const page = block.page(index);
    const { firstTrace, traceStart, startUs, startRestNs, durationNs } = page.columns;
    for (let own = 0; own + 1 < traceStart.length; own++) {
      const number = firstTrace + own;
      const { from, end } = block.rowsOfTrace(number);
      const first = page.firstRow + traceStart[own]!;
      const last = page.firstRow + traceStart[own + 1]!;
      if (first < from || last > end || first >= last) {
        tell("rows", index, `trace ${number} has rows ${first} to ${last} of ${from} to ${end}`);
      }
      for (let row = traceStart[own]!; row < traceStart[own + 1]!; row++) {
        const isAfter = us < startUs[row]! || (us === startUs[row] && ns <= startRestNs[row]!);
        if (number === trace && !isAfter) tell("rows", index, `row ${row} starts before the last`);
        trace = number;
        us = startUs[row]!;
        ns = startRestNs[row]!;
      }
    }
    // Times that no clock gives may be no numbers at all: Math knows them, comparing does not.
    const bounds = [Math.min(...startUs), Math.max(...startUs), Math.max(...durationNs)];
    const told = [figures.pageStartUsMin, figures.pageStartUsMax, figures.pageDurationNsMax];
    told.forEach((column, which) => {
      if (!Object.is(column[index]! + 0, bounds[which]! + 0)) {
        tell("rows", index, `the footer tells ${column[index]}, rows ${bounds[which]}`);
      }
    });
    if (bounds[0]! < figures.startUsMin) tell("rows", index, "starts before the block");
    latest = Math.max(latest, bounds[1]!);
    findWrongEntries(block, page, index, tell);
  }
  if (!Object.is(latest, figures.startUsMax)) {
    tell("rows", 0, `the last start is ${latest}, not ${figures.startUsMax}`);
  }
}

/** Texts that rows name are in the dictionary. */
function findWrongEntries(block: FileBlock, page: RowPage, index: number, tell: Tell): void {
  const { entries } = block.figures;
  const isWrong = (column: Uint32Array | undefined): boolean =>
    column !== undefined && column.some((entry) => entry >= entries);
  const { name, statusMessage, traceState } = page.columns;
  for (const column of [name, statusMessage, traceState]) {
    if (isWrong(column)) tell("rows", index, "names a text that is not there");
  }
  if (page.parentSpanId.length !== 2 * page.rows) tell("rows", index, "parents are missing");
  if (isWrong(page.eventName)) tell("events", index, "names a text that is not there");
  if (page.linkStart === undefined) return;
  const { linkRest } = page;
  for (let at = 0; at < linkRest.length; at += 3) {
    if (linkRest[at]! >= entries) tell("links", index, "names a text that is not there");
  }
}

/** Every text is found by its hash, and the index has no other. */
function findWrongTexts(block: FileBlock, pages: BlockPages, tell: Tell): void {
  const { dictionary, figures } = block;
  for (let entry = 1; entry < figures.entries; entry++) {
    const bytes = dictionary.bytes(entry);
    if (bytes.length === 0 || dictionary.find(bytes) !== entry) {
      tell("textIndex", 0, `entry ${entry} is not found by its text`);
    }
  }
  let indexed = 0;
  const count = pages.footer.pages.countOf("textIndex");
  for (let index = 0; index < count; index++) indexed += dictionary.indexedIn(index);
  if (indexed !== figures.entries - 1) {
    tell("textIndex", 0, `${indexed} texts, not ${figures.entries - 1}`);
  }
}
