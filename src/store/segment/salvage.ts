// What is whole in a damaged file, as a file of its own: nothing whole is given up with what is not.
//
//   segment file   blocks that were found whole ─▶ copied as they are, an index made anew ─▶ <ids>.segment
//   log file       its bytes without the stretches that do not read ─▶ a file of the same name
//
// The damaged file was moved aside before; it is only read here.
// Not here: what is whole (verify-segment.ts, read-log.ts).

import type { DiskFiles } from "../disk/files.ts";
import { writeAside } from "../disk/write-aside.ts";
import { FILE_HEADER_BYTES, writeFileHeader } from "../log/record.ts";
import { type SegmentFile, segmentBytes } from "../file/segment-file.ts";
import {
  SEGMENT_HEADER_BYTES,
  type SegmentBlock,
  type SegmentFigures,
  figuresOf,
  segmentFileName,
  writeSegmentFooter,
  writeSegmentHeader,
} from "../file/segment-layout.ts";
import { indexIds, planIndex } from "../file/trace-index.ts";

/** Bytes that are copied at a time. */
const PIECE_BYTES = 1 << 20;

/**
 * Writes the file of the blocks `whole` of `source`.
 *
 * @param folder of the segment files. @returns undefined if there is no such block. Memory: 8 bytes a trace.
 */
export async function salvageSegment(
  files: DiskFiles,
  folder: string,
  source: SegmentFile,
  whole: readonly number[],
): Promise<SegmentFigures | undefined> {
  if (whole.length === 0) return undefined;
  let offset = SEGMENT_HEADER_BYTES;
  const blocks: SegmentBlock[] = whole.map((index) => {
    const block = { ...source.blocks[index]!, offset };
    offset += block.bytes;
    return block;
  });
  const entries = blocks.reduce((sum, block) => sum + block.traces, 0);
  const { log } = source.figures;
  const index = planIndex(
    () => whole.map((from, number) => indexIds(source.open(from).traceIds, number)),
    entries,
  );
  const footer = { blocks, indexOffset: offset, indexPages: index.pages, log };
  const end = writeSegmentFooter(footer);
  const name = segmentFileName(blocks[0]!.id, blocks.at(-1)!.id);
  await writeAside(files, folder, name, async (append) => {
    await append([writeSegmentHeader()]);
    for (const block of whole) {
      const { offset: from, bytes } = source.blocks[block]!;
      for (let at = 0; at < bytes; at += PIECE_BYTES) {
        await append([source.source.read(from + at, Math.min(PIECE_BYTES, bytes - at))]);
      }
    }
    for (const pages of index.write()) await append([pages]);
    await append([end]);
  });
  return figuresOf(footer, segmentBytes(footer, end));
}

export interface Stretch {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Writes the log file `name` of `bytes` less the stretches `damage`, which rise.
 *
 * @returns false if nothing is left.
 */
export async function salvageLogFile(
  files: DiskFiles,
  folder: string,
  name: string,
  bytes: Uint8Array,
  damage: readonly Stretch[],
): Promise<boolean> {
  const pieces: Uint8Array[] = [];
  let at = FILE_HEADER_BYTES;
  for (const stretch of damage) {
    if (stretch.offset > at) pieces.push(bytes.subarray(at, stretch.offset));
    at = Math.max(at, stretch.offset + stretch.bytes);
  }
  if (at < bytes.length) pieces.push(bytes.subarray(at));
  if (pieces.length === 0) return false;
  const header = writeFileHeader(Number.parseInt(name, 10));
  await writeAside(files, folder, name, (append) => append([header, ...pieces]));
  return true;
}
