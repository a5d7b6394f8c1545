// A segment file: written once, opened by its footer, asked block by block.
//
//   writeSegment   a block's bytes ─▶ aside ─▶ sync ─▶ <ids>.segment
//   openSegment    footer ─▶ SegmentFile ─ findTrace ─▶ blocks that may have it ─ open ─▶ FileBlock
//
// What an open file costs: its handle and 150 bytes a block. Blocks are opened when they are asked for, and
// kept in the cache of pages as long as there is room.
//
// Source: docs/formats/segment-file.md. Trust: footer, index and pages are checked when they are read.
// Not here: bytes of the frame (segment-layout.ts), which files there are (manifest.ts), joining files
// (merge-segments.ts).

import { crc32 } from "node:zlib";
import { assert } from "../../base/assert.ts";
import { SpoorError } from "../../base/errors.ts";
import { type FileBlock, openBlock } from "../block/block-reader.ts";
import { PageCache } from "../block/page-cache.ts";
import { type DiskFiles, type OpenSource, type Source, checkStretch } from "../disk/files.ts";
import { writeAside } from "../disk/write-aside.ts";
import {
  SEGMENT_HEADER_BYTES,
  type LogPosition,
  type SegmentBlock,
  type SegmentFigures,
  type SegmentFooter,
  figuresOf,
  readSegmentFooter,
  writeSegmentFooter,
  writeSegmentHeader,
} from "./segment-layout.ts";
import { INDEX_PAGE_BYTES, TraceIndex, indexIds, planIndex } from "./trace-index.ts";

export type { LogPosition, SegmentBlock, SegmentFigures };

/** What an opened block holds: its list of pages. */
const OPEN_BLOCK_BYTES = 48_000;

/** A block that has been written as bytes and is not in a file yet. */
export interface BlockPiece {
  readonly id: number;
  /** Wall clock, ms, at which it was sealed. */
  readonly arrivedMs: number;
  readonly chunks: readonly Uint8Array[];
  /** Of the log, behind the block's last row. */
  readonly log: LogPosition;
}

/**
 * Writes a file of one block.
 *
 * @param directory the folder of the segment files.
 * @returns its figures, when the file is on the disk. @throws what the disk throws; no file is there then.
 */
export async function writeSegment(
  files: DiskFiles,
  directory: string,
  { id, arrivedMs, chunks, log }: BlockPiece,
): Promise<SegmentFigures> {
  const source = chunkSource(chunks);
  const block = openBlock(source, new PageCache(0));
  const { rows, traces, startUsMin, startUsMax } = block.figures;
  let crc = 0;
  for (const chunk of chunks) crc = crc32(chunk, crc);
  const counts = { id, bytes: source.bytes, rows, traces, arrivedMs: Math.round(arrivedMs) };
  const entry = { ...counts, offset: SEGMENT_HEADER_BYTES, startUsMin, startUsMax, crc };
  const indexOffset = SEGMENT_HEADER_BYTES + source.bytes;
  const index = planIndex(() => [indexIds(block.traceIds, 0)], traces);
  const footer = { blocks: [entry], indexOffset, indexPages: index.pages, log };
  const end = writeSegmentFooter(footer);
  const figures = figuresOf(footer, segmentBytes(footer, end));
  await writeAside(files, directory, figures.name, (append) =>
    append([writeSegmentHeader(), ...chunks, ...index.write(), end]),
  );
  return figures;
}

/** Bytes of the file that ends with `end`. */
export function segmentBytes(footer: SegmentFooter, end: Uint8Array): number {
  return footer.indexOffset + footer.indexPages * INDEX_PAGE_BYTES + end.length;
}

/**
 * Opens a file that `writeSegment` or `mergeSegments` wrote. Cost: three reads, 0.1 ms for 100 blocks.
 *
 * @param source is the file's from now on: closed by `close`, or when this throws.
 * @param cache keeps pages of all files.
 * @throws SpoorError `unavailable` if it is damaged; `where` has section and offset.
 */
export function openSegment(source: OpenSource, cache: PageCache): SegmentFile {
  try {
    return new SegmentFile(source, readSegmentFooter(source), cache);
  } catch (error) {
    source.close();
    throw error;
  }
}

export class SegmentFile {
  readonly figures: SegmentFigures;
  /** In the order in which they arrived. */
  readonly blocks: readonly SegmentBlock[];
  readonly index: TraceIndex;
  /** The file as it lies on the disk. */
  readonly source: Source;
  readonly #close: () => void;
  readonly #cache: PageCache;
  readonly #firstKey: number;

  /** Use `openSegment`. */
  constructor(source: OpenSource, footer: SegmentFooter, cache: PageCache) {
    const { blocks, indexOffset, indexPages } = footer;
    this.figures = figuresOf(footer, source.bytes);
    this.blocks = blocks;
    this.index = new TraceIndex(source, indexOffset, indexPages, blocks.length);
    this.source = source;
    this.#close = () => source.close();
    this.#cache = cache;
    this.#firstKey = cache.addBlock();
  }

  /**
   * Opens block `index`, or finds it open. It can be read until the file is closed.
   *
   * @throws SpoorError `unavailable` here and in the block's methods if what is read is damaged; offsets
   *   in `where` count from the begin of the block.
   */
  open(index: number): FileBlock {
    const known = this.blocks[index];
    assert(known !== undefined, "a file is asked for blocks that it has");
    return this.#cache.get(this.#firstKey + index, () => {
      const { id, offset, bytes, rows, traces } = known;
      const block = openBlock(partOf(this.source, offset, bytes), this.#cache);
      if (block.figures.rows !== rows || block.figures.traces !== traces) {
        const message = "damaged segment file: its footer tells another block";
        throw new SpoorError("unavailable", message, { block: id, offset });
      }
      return { value: block, bytes: OPEN_BLOCK_BYTES };
    });
  }

  /**
   * Indexes of the blocks that may have the trace, rising: all that have it, now and then one more. A
   * damaged page of the index makes it all blocks. Cost: one read of 4 kB.
   */
  findTrace(id: Uint8Array): number[] {
    let found: number[] | undefined;
    try {
      found = this.index.find(id);
    } catch (error) {
      // Slow is better than no answer: blocks tell by themselves, and `spoor verify` tells of the damage.
      if (!(error instanceof SpoorError)) throw error;
    }
    return found ?? this.blocks.map((_, index) => index);
  }

  close(): void {
    this.#close();
  }
}

/** A stretch of a source as a source. */
export function partOf(source: Source, offset: number, bytes: number): Source {
  return {
    bytes,
    read(at, length, into) {
      checkStretch(bytes, at, length);
      return source.read(offset + at, length, into);
    },
  };
}

/** Pieces that belong one after the other as a source; what lies in one piece is not copied. */
function chunkSource(chunks: readonly Uint8Array[]): Source {
  const starts: number[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    starts.push(bytes);
    bytes += chunk.length;
  }
  return {
    bytes,
    read(offset, length) {
      checkStretch(bytes, offset, length);
      const parts: Uint8Array[] = [];
      for (let i = 0; i < chunks.length; i++) {
        const from = Math.max(0, offset - starts[i]!);
        const to = Math.min(chunks[i]!.length, offset + length - starts[i]!);
        if (from < to) parts.push(chunks[i]!.subarray(from, to));
      }
      return parts.length === 1 ? parts[0]! : Uint8Array.from(Buffer.concat(parts));
    },
  };
}
