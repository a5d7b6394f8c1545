// Header, footer and trailer of a block: how many there are of everything, and where every page is.
//
// Source: docs/formats/segment.md. Trust: nothing is believed before the footer's checksum; what it says
// of sizes is compared with the size of the block. Not here: pages (page-codec.ts).

import { crc32 } from "node:zlib";
import { BLOCK_ROWS_MAX } from "../head/block.ts";
import {
  END_MAGIC,
  HEADER_BYTES,
  MAGIC,
  PAGE_BYTES_MAX,
  PAGE_FILTER_BLOCKS,
  PAGE_ROWS,
  PAGE_TERMS,
  PAGE_TRACES,
  PageTable,
  SECTIONS,
  TRAILER_BYTES,
  VERSION,
  refused,
  type Figures,
  type Page,
  type Section,
  type Source,
} from "./layout.ts";
import { Packer } from "./packer.ts";
import { Unpacker } from "./unpacker.ts";

/** A footer holds some 10 bytes a page, and texts may have a page each. */
const FOOTER_BYTES_MAX = 1 << 26;
/** 256 MB of texts have 4,096 pages, and all else less; a longer list was never written. */
const PAGES_MAX = 1 << 20;

const COUNTS = [
  "rows",
  "traces",
  "events",
  "links",
  "terms",
  "entries",
  "keys",
  "indexBits",
  "hashSeed",
  "filterBlocks",
] as const;
const PAGE_FIGURES = ["pageStartUsMin", "pageStartUsMax", "pageDurationNsMax"] as const;

export interface Footer {
  readonly figures: Figures;
  readonly pages: PageTable;
}

export function writeHeader(): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  setText(header, 0, MAGIC);
  new DataView(header.buffer).setUint32(8, VERSION, true);
  return header;
}

/** Footer and trailer. @param pages in the order of the file. */
export function writeFooter(figures: Figures, pages: readonly Page[]): Uint8Array {
  const packer = new Packer();
  for (const key of COUNTS) packer.varint(figures[key]);
  packer.double(figures.startUsMin);
  packer.double(figures.startUsMax);
  packer.varint(figures.textPages.length);
  packer.columnOf(figures.textPages);
  packer.columnOf(figures.tracePageRow);
  packer.raw(figures.tracePageId);
  for (const key of PAGE_FIGURES) {
    packer.integers(Float64Array.from(figures[key]), figures[key].length);
  }
  packer.varint(pages.length);
  packer.columnOf(pages.map((page) => SECTIONS.indexOf(page.section)));
  packer.columnOf(pages.map((page) => page.storedBytes));
  packer.columnOf(pages.map((page) => 2 * page.bytes + (page.isCompressed ? 1 : 0)));
  packer.columnOf(pages.map((page) => page.crc));
  const footer = packer.bytes();
  const out = new Uint8Array(footer.length + TRAILER_BYTES);
  out.set(footer);
  const view = new DataView(out.buffer);
  view.setUint32(footer.length, footer.length, true);
  view.setUint32(footer.length + 4, crc32(footer), true);
  setText(out, footer.length + 8, END_MAGIC);
  return out;
}

/** @throws SpoorError `unavailable` if this is not a whole block of this version. */
export function readFooter(source: Source): Footer {
  const size = source.bytes;
  if (size < HEADER_BYTES + TRAILER_BYTES) throw refused("the block is too short", { bytes: size });
  const header = source.read(0, HEADER_BYTES);
  const version = viewOf(header).getUint32(8, true);
  if (!hasText(header, 0, MAGIC) || viewOf(header).getUint32(12, true) !== 0) {
    throw refused("no block begins here", { offset: 0 });
  }
  if (version !== VERSION) throw refused(`version ${version}, not ${VERSION}`, { offset: 8 });
  const trailer = source.read(size - TRAILER_BYTES, TRAILER_BYTES);
  const footerBytes = viewOf(trailer).getUint32(0, true);
  const footerAt = size - TRAILER_BYTES - footerBytes;
  if (
    !hasText(trailer, 8, END_MAGIC) ||
    footerBytes > FOOTER_BYTES_MAX ||
    footerAt < HEADER_BYTES
  ) {
    throw refused("no block ends here", { offset: size - TRAILER_BYTES });
  }
  const bytes = source.read(footerAt, footerBytes);
  if (crc32(bytes) !== viewOf(trailer).getUint32(4, true)) {
    throw refused("the footer's checksum is wrong", { section: "footer", offset: footerAt });
  }
  const unpacker = new Unpacker(bytes);
  const figures = readFigures(unpacker);
  const pages = readPages(unpacker);
  unpacker.end();
  if (pages.endOffset !== footerAt) {
    throw refused("pages do not reach the footer", { offset: pages.endOffset });
  }
  checkCounts(figures, pages);
  return { figures, pages };
}

function readFigures(unpacker: Unpacker): Figures {
  const counts = {} as Record<(typeof COUNTS)[number], number>;
  for (const key of COUNTS) counts[key] = unpacker.count(0xffff_ffff);
  if (counts.rows > BLOCK_ROWS_MAX || counts.traces > counts.rows || counts.indexBits > 32) {
    throw refused("figures that no block has", { rows: counts.rows, traces: counts.traces });
  }
  const startUsMin = unpacker.double();
  const startUsMax = unpacker.double();
  const textPages = unpacker.column(unpacker.count(PAGES_MAX));
  const tracePages = Math.ceil(counts.traces / PAGE_TRACES);
  const tracePageRow = unpacker.column(tracePages);
  const tracePageId = new Uint8Array(unpacker.raw(16 * tracePages));
  const rowPages = Math.ceil(counts.rows / PAGE_ROWS);
  const pageStartUsMin = unpacker.integers(rowPages);
  const pageStartUsMax = unpacker.integers(rowPages);
  const pageDurationNsMax = unpacker.integers(rowPages);
  const ofPages = { pageStartUsMin, pageStartUsMax, pageDurationNsMax };
  const ofTraces = { tracePageRow, tracePageId };
  return { ...counts, startUsMin, startUsMax, textPages, ...ofTraces, ...ofPages };
}

function readPages(unpacker: Unpacker): PageTable {
  const count = unpacker.count(PAGES_MAX);
  const section = unpacker.small(count);
  const stored = unpacker.column(count);
  const coded = unpacker.column(count);
  const crc = unpacker.column(count);
  for (let page = 0; page < count; page++) {
    if (section[page]! >= SECTIONS.length || coded[page]! > 2 * PAGE_BYTES_MAX + 1) {
      throw refused(`a page of section ${section[page]}`, { page });
    }
  }
  return new PageTable(section, stored, coded, crc);
}

/** As many pages of each section as the figures say. */
function checkCounts(figures: Figures, pages: PageTable): void {
  const rowPages = Math.ceil(figures.rows / PAGE_ROWS);
  const expected: readonly (readonly [Section, number])[] = [
    ["rows", rowPages],
    ["spanIds", rowPages],
    ["attributes", rowPages],
    ["events", figures.events > 0 ? rowPages : 0],
    ["links", figures.links > 0 ? rowPages : 0],
    ["terms", Math.ceil(figures.terms / PAGE_TERMS)],
    ["filter", Math.ceil(figures.filterBlocks / PAGE_FILTER_BLOCKS)],
    ["keys", 1],
    ["owners", 1],
    ["traceIds", Math.ceil(figures.traces / PAGE_TRACES)],
    ["traces", 1],
    ["statistics", 1],
  ];
  for (const [section, count] of expected) {
    const found = pages.countOf(section);
    if (found !== count) throw refused(`${found} pages, not ${count}`, { section });
  }
  const texts = pages.countOf("sharedTexts") + pages.countOf("texts");
  if (texts !== figures.textPages.length) throw refused("pages of texts", { section: "texts" });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function setText(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
