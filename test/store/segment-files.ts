// Segment files for tests: random blocks written as files, and what is in them as text.

import { Head } from "../../src/store/head/head.ts";
import { Emitter } from "../../src/store/head/emit.ts";
import { printSpans } from "../../src/model/print-spans.ts";
import { makeBlockImage } from "../../src/store/block/block-image.ts";
import { writeBlock } from "../../src/store/block/block-writer.ts";
import type { DiskFiles } from "../../src/store/disk/files.ts";
import {
  type BlockPiece,
  type SegmentFigures,
  type SegmentFile,
  writeSegment,
} from "../../src/store/file/segment-file.ts";
import { makeRandom, makeSpans } from "./corpus.ts";

export interface BlockPlan {
  readonly id: number;
  readonly rows: number;
  /** Trace numbers from `tracesFrom` (0) on. */
  readonly traces: number;
  readonly tracesFrom?: number;
}

/** The bytes of a block of random spans; the seed is its id. */
export function makePiece({ id, rows, traces, tracesFrom = 0 }: BlockPlan): BlockPiece {
  const head = new Head();
  const tracesEnd = tracesFrom + traces;
  head.append(makeSpans({ random: makeRandom(id), rows, tracesFrom, tracesEnd }), id);
  const block = head.blocks[0]!;
  head.sealOpenBlock();
  const chunks = writeBlock(makeBlockImage(block, head.traces), { hashSeed: 7 })!;
  return {
    id,
    arrivedMs: 1_700_000_000_000 + id,
    chunks,
    log: { sequence: 10 * id, rows: id % 3 },
  };
}

export async function writeFiles(
  files: DiskFiles,
  folder: string,
  plans: readonly BlockPlan[],
): Promise<SegmentFigures[]> {
  const written: SegmentFigures[] = [];
  for (const plan of plans) written.push(await writeSegment(files, folder, makePiece(plan)));
  return written;
}

/** Every span of a file, block by block and trace by trace. */
export function printSegment(file: SegmentFile): string {
  return file.blocks.map((_, index) => printBlock(file, index)).join("\n");
}

/** Every span of a block. */
export function printBlock(file: SegmentFile, index: number): string {
  const block = file.open(index);
  return Array.from({ length: block.figures.traces }, (_, trace) => {
    const emitter = new Emitter();
    block.emitTrace(trace, emitter);
    return printSpans(emitter.batch);
  }).join("\n");
}
