// The frame of a segment file: what lies where, and what is known of it without reading a block.
//
//   file    = "SPOORSEG" | version u32 = 1 | 0 u32                                   16 bytes
//             block*                        as docs/formats/segment.md has them, one after the other
//             page of the trace index*      trace-index.ts
//             footer
//             footer bytes u32 | crc u32 | "SPOORFIN"                                16 bytes
//   footer  = varints: blocks, pages of the index, log sequence, log rows
//             per block: varints id, bytes, rows, traces, arrivedMs; doubles startUsMin, startUsMax; crc u32
//
// The parts fill the file without a gap. The crc at the end is that of header and footer; blocks and pages
// of the index have their own.
//
// Source: docs/formats/segment-file.md. Trust: the bytes are a disk's; nothing is believed before its crc.
// Not here: what is in a block (store/block), reading and writing whole files (segment-file.ts).

import { crc32 } from "node:zlib";
import { SpoorError } from "../../base/errors.ts";
import { Packer } from "../block/packer.ts";
import { Unpacker } from "../block/unpacker.ts";
import type { Source } from "../disk/files.ts";
import { INDEX_PAGE_BYTES } from "./trace-index.ts";

/** Folder of the segment files within a data directory. */
export const SEGMENT_FOLDER = "segments";

const MAGIC = "SPOORSEG";
const END_MAGIC = "SPOORFIN";
const VERSION = 1;
export const SEGMENT_HEADER_BYTES = 16;
const TRAILER_BYTES = 16;
/** The index numbers blocks in 16 bits; a footer of so many has 4 MB. */
export const SEGMENT_BLOCKS_MAX = 65_535;
const FOOTER_BYTES_MAX = 80 * SEGMENT_BLOCKS_MAX;
/** 4 GB of index. */
const INDEX_PAGES_MAX = 1 << 20;

/** How far the log is in files: every record up to `sequence`, and `rows` rows of the one after it. */
export interface LogPosition {
  readonly sequence: number;
  readonly rows: number;
}

/** What is known of a file without opening it. */
export interface SegmentFigures {
  /** `<firstBlock>-<lastBlock>.segment`, 12 digits each. */
  readonly name: string;
  readonly bytes: number;
  readonly firstBlock: number;
  readonly lastBlock: number;
  readonly blocks: number;
  readonly rows: number;
  /** A trace counts once in each block that has it. */
  readonly traces: number;
  readonly startUsMin: number;
  readonly startUsMax: number;
  /** Wall clock, ms, at which the newest block was sealed. */
  readonly arrivedMs: number;
  /** Behind the last row of the last block. */
  readonly log: LogPosition;
}

/** One block of a file. */
export interface SegmentBlock {
  readonly id: number;
  readonly offset: number;
  readonly bytes: number;
  readonly rows: number;
  readonly traces: number;
  readonly arrivedMs: number;
  readonly startUsMin: number;
  readonly startUsMax: number;
  /** Of all its bytes. */
  readonly crc: number;
}

export interface SegmentFooter {
  readonly blocks: readonly SegmentBlock[];
  readonly indexOffset: number;
  readonly indexPages: number;
  readonly log: LogPosition;
}

const NAME = /^([0-9]{12})-([0-9]{12})\.segment$/;

export function segmentFileName(firstBlock: number, lastBlock: number): string {
  const digits = (id: number): string => String(id).padStart(12, "0");
  return `${digits(firstBlock)}-${digits(lastBlock)}.segment`;
}

/** The blocks of a file by its name; undefined if this is no segment file's. */
export function parseSegmentFileName(
  name: string,
): { readonly firstBlock: number; readonly lastBlock: number } | undefined {
  const [, first, last] = NAME.exec(name) ?? [];
  if (first === undefined || last === undefined || first > last) return undefined;
  return { firstBlock: Number(first), lastBlock: Number(last) };
}

export function writeSegmentHeader(): Uint8Array {
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  setText(header, 0, MAGIC);
  viewOf(header).setUint32(8, VERSION, true);
  return header;
}

/** Footer and trailer. */
export function writeSegmentFooter({ blocks, indexPages, log }: SegmentFooter): Uint8Array {
  const packer = new Packer();
  for (const count of [blocks.length, indexPages, log.sequence, log.rows]) packer.varint(count);
  for (const block of blocks) {
    const { id, bytes, rows, traces, arrivedMs } = block;
    for (const count of [id, bytes, rows, traces, arrivedMs]) packer.varint(count);
    packer.double(block.startUsMin);
    packer.double(block.startUsMax);
    packer.raw(new Uint8Array(new Uint32Array([block.crc]).buffer));
  }
  const footer = packer.bytes();
  const out = new Uint8Array(footer.length + TRAILER_BYTES);
  out.set(footer);
  const view = viewOf(out);
  view.setUint32(footer.length, footer.length, true);
  view.setUint32(footer.length + 4, crc32(footer, crc32(writeSegmentHeader())), true);
  setText(out, footer.length + 8, END_MAGIC);
  return out;
}

/** @throws SpoorError `unavailable` if this is not a whole file of this version. */
export function readSegmentFooter(source: Source): SegmentFooter {
  const size = source.bytes;
  if (size < SEGMENT_HEADER_BYTES + TRAILER_BYTES)
    throw refused("it is too short", { bytes: size });
  const header = source.read(0, SEGMENT_HEADER_BYTES);
  if (!hasText(header, 0, MAGIC) || viewOf(header).getUint32(12, true) !== 0) {
    throw refused("no segment file begins here", { section: "header", offset: 0 });
  }
  const version = viewOf(header).getUint32(8, true);
  if (version !== VERSION) {
    throw refused(`version ${version}, not ${VERSION}`, { section: "header", offset: 8 });
  }
  const trailerAt = size - TRAILER_BYTES;
  const trailer = source.read(trailerAt, TRAILER_BYTES);
  const footerBytes = viewOf(trailer).getUint32(0, true);
  const footerAt = trailerAt - footerBytes;
  const isWhole = hasText(trailer, 8, END_MAGIC) && footerAt >= SEGMENT_HEADER_BYTES;
  if (!isWhole || footerBytes > FOOTER_BYTES_MAX) {
    throw refused("no segment file ends here", { section: "trailer", offset: trailerAt });
  }
  const bytes = source.read(footerAt, footerBytes);
  if (crc32(bytes, crc32(header)) !== viewOf(trailer).getUint32(4, true)) {
    throw refused("the footer's checksum is wrong", { section: "footer", offset: footerAt });
  }
  return readFooter(bytes, footerAt);
}

function readFooter(bytes: Uint8Array, footerAt: number): SegmentFooter {
  const unpacker = new Unpacker(bytes);
  const count = unpacker.count(SEGMENT_BLOCKS_MAX);
  const indexPages = unpacker.count(INDEX_PAGES_MAX);
  const log = { sequence: unpacker.varint(), rows: unpacker.varint() };
  const blocks: SegmentBlock[] = [];
  let offset = SEGMENT_HEADER_BYTES;
  let last = 0;
  for (let i = 0; i < count; i++) {
    const block = readBlock(unpacker, offset);
    if (block.id <= last) throw refused(`block ${block.id} behind ${last}`, { offset: footerAt });
    last = block.id;
    offset += block.bytes;
    blocks.push(block);
  }
  unpacker.end();
  const isFull = offset + indexPages * INDEX_PAGE_BYTES === footerAt;
  if (count === 0 || indexPages === 0 || !isFull) {
    throw refused("its parts do not fill it", { section: "footer", offset: footerAt });
  }
  return { blocks, indexOffset: offset, indexPages, log };
}

function readBlock(unpacker: Unpacker, offset: number): SegmentBlock {
  const id = unpacker.varint();
  const bytes = unpacker.varint();
  const rows = unpacker.varint();
  const traces = unpacker.varint();
  const arrivedMs = unpacker.varint();
  const startUsMin = unpacker.double();
  const startUsMax = unpacker.double();
  const crc = viewOf(unpacker.raw(4)).getUint32(0, true);
  return { id, offset, bytes, rows, traces, arrivedMs, startUsMin, startUsMax, crc };
}

/** The figures of a file of `bytes` bytes with this footer. */
export function figuresOf({ blocks, log }: SegmentFooter, bytes: number): SegmentFigures {
  const firstBlock = blocks[0]!.id;
  const lastBlock = blocks.at(-1)!.id;
  let [rows, traces, arrivedMs] = [0, 0, 0];
  let [startUsMin, startUsMax] = [Infinity, -Infinity];
  for (const block of blocks) {
    rows += block.rows;
    traces += block.traces;
    arrivedMs = Math.max(arrivedMs, block.arrivedMs);
    startUsMin = Math.min(startUsMin, block.startUsMin);
    startUsMax = Math.max(startUsMax, block.startUsMax);
  }
  const name = segmentFileName(firstBlock, lastBlock);
  const counts = { blocks: blocks.length, rows, traces };
  const times = { startUsMin, startUsMax, arrivedMs };
  return { name, bytes, firstBlock, lastBlock, ...counts, ...times, log };
}

function refused(found: string, where: Readonly<Record<string, string | number>>): SpoorError {
  return new SpoorError("unavailable", `damaged segment file: ${found}`, where);
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
