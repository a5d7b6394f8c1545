// A block as bytes: pages one after the other, and a footer that says where they are.
//
//   block    = "SPOORBLK" | version u32 | 0 u32 | page* | footer | trailer
//   page     = contents as they are, or one zstd frame of them; order: sections by number, pages by index
//   footer   = figures of the block | per section: its pages: stored size, codec and size, crc
//   trailer  = footer bytes u32 | footer crc u32 | "SPOOREND"
//
// All numbers little-endian; crc = CRC-32 (IEEE 802.3) of the stored bytes. Header, pages, footer and
// trailer fill the block without a gap, so every byte is either compared or under a checksum.
//
// Source: docs/formats/segment.md. Trust: the bytes are a disk's; nothing is believed before its crc.
// Not here: what the pages mean.

import { crc32 } from "node:zlib";
import { SpoorError } from "../../base/errors.ts";
import type { Source } from "../disk/files.ts";
import { BLOCK_ROWS_MAX } from "../head/block.ts";
import { Packer } from "./packer.ts";
import { Unpacker } from "./unpacker.ts";

export type { Source };

export const MAGIC = "SPOORBLK";
export const END_MAGIC = "SPOOREND";
export const VERSION = 1;
export const HEADER_BYTES = 16;
export const TRAILER_BYTES = 16;

/** Rows of a page of rows: one trace needs one or two pages of each kind. */
export const PAGE_ROWS = 4_096;
export const PAGE_TERMS = 8_192;
/** A page of texts is full when it has this many bytes. */
export const PAGE_TEXT_BYTES = 64 * 1024;
/** Buckets of the hash index in a page. */
export const PAGE_BUCKETS = 256;
/** A page's contents: one text or one array may be large, so this bounds damage and nothing else. */
export const PAGE_BYTES_MAX = 1 << 30;
/** A footer holds some 10 bytes a page. */
const FOOTER_BYTES_MAX = 1 << 26;

/** Sections, in the order in which their pages lie in the block. */
export const SECTIONS = [
  "spanIds",
  "parents",
  "times",
  "labels",
  "attributes",
  "events",
  "links",
  "terms",
  "texts",
  "textIndex",
  "keys",
  "owners",
  "traceIds",
  "traces",
  "statistics",
] as const;
export type Section = (typeof SECTIONS)[number];

export interface Page {
  readonly section: Section;
  readonly index: number;
  readonly offset: number;
  readonly storedBytes: number;
  readonly bytes: number;
  readonly isCompressed: boolean;
  readonly crc: number;
}

/** What is known of a block without reading any page. */
export interface Figures {
  readonly rows: number;
  readonly traces: number;
  readonly events: number;
  readonly links: number;
  readonly terms: number;
  readonly entries: number;
  readonly keys: number;
  /** 2^indexBits buckets. */
  readonly indexBits: number;
  readonly hashSeed: number;
  readonly startUsMin: number;
  readonly startUsMax: number;
  /** First entry of each page of texts. */
  readonly textPages: readonly number[];
  /** Of each page of rows. */
  readonly pageStartUsMin: readonly number[];
  readonly pageStartUsMax: readonly number[];
  readonly pageDurationNsMax: readonly number[];
}

export interface Footer {
  readonly figures: Figures;
  readonly pages: Readonly<Record<Section, readonly Page[]>>;
}

export function writeHeader(): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  setText(header, 0, MAGIC);
  new DataView(header.buffer).setUint32(8, VERSION, true);
  return header;
}

/** Footer and trailer. */
export function writeFooter(figures: Figures, pages: readonly Page[]): Uint8Array {
  const packer = new Packer();
  for (const key of COUNTS) packer.varint(figures[key]);
  packer.double(figures.startUsMin);
  packer.double(figures.startUsMax);
  packer.varint(figures.textPages.length);
  for (const first of figures.textPages) packer.varint(first);
  for (const key of PAGE_FIGURES) for (const value of figures[key]) packer.double(value);
  for (const section of SECTIONS) {
    const own = pages.filter((page) => page.section === section);
    packer.varint(own.length);
    for (const page of own) {
      packer.varint(page.storedBytes);
      packer.varint(2 * page.bytes + (page.isCompressed ? 1 : 0));
      packer.raw(new Uint8Array(new Uint32Array([page.crc]).buffer));
    }
  }
  const footer = packer.bytes();
  const out = new Uint8Array(footer.length + TRAILER_BYTES);
  out.set(footer);
  const view = new DataView(out.buffer);
  view.setUint32(footer.length, footer.length, true);
  view.setUint32(footer.length + 4, crc32(footer), true);
  setText(out, footer.length + 8, END_MAGIC);
  return out;
}

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
] as const;
const PAGE_FIGURES = ["pageStartUsMin", "pageStartUsMax", "pageDurationNsMax"] as const;

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
  const pages = readPages(unpacker, footerAt);
  unpacker.end();
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
  const textPages = Array.from({ length: unpacker.count(FOOTER_BYTES_MAX) }, () =>
    unpacker.varint(),
  );
  const rowPages = Math.ceil(counts.rows / PAGE_ROWS);
  const [pageStartUsMin, pageStartUsMax, pageDurationNsMax] = PAGE_FIGURES.map(() =>
    Array.from({ length: rowPages }, () => unpacker.double()),
  ) as [number[], number[], number[]];
  const ofPages = { pageStartUsMin, pageStartUsMax, pageDurationNsMax };
  return { ...counts, startUsMin, startUsMax, textPages, ...ofPages };
}

function readPages(unpacker: Unpacker, footerAt: number): Record<Section, Page[]> {
  const pages = {} as Record<Section, Page[]>;
  let offset = HEADER_BYTES;
  for (const section of SECTIONS) {
    const count = unpacker.count(FOOTER_BYTES_MAX);
    const own: Page[] = [];
    for (let index = 0; index < count; index++) {
      const storedBytes = unpacker.varint();
      const coded = unpacker.count(2 * PAGE_BYTES_MAX + 1);
      const crc = viewOf(unpacker.raw(4)).getUint32(0, true);
      const isCompressed = coded % 2 === 1;
      own.push({ section, index, offset, storedBytes, bytes: coded >>> 1, isCompressed, crc });
      offset += storedBytes;
    }
    pages[section] = own;
  }
  if (offset !== footerAt) throw refused("pages do not reach the footer", { offset });
  return pages;
}

function refused(found: string, where: Readonly<Record<string, string | number>>): SpoorError {
  return new SpoorError("unavailable", `damaged block: ${found}`, where);
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
