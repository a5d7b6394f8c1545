// Spans dealt out into blocks and files of random sizes, so that traces lie in many of them; and the same
// spans in a head, to compare with.

import { systemClock } from "../../src/base/clock.ts";
import { printSpans } from "../../src/model/print-spans.ts";
import type { SpanBatch } from "../../src/model/span-batch.ts";
import { makeBlockImage } from "../../src/store/block/block-image.ts";
import { writeBlock } from "../../src/store/block/block-writer.ts";
import { HeadPart } from "../../src/store/head/head-part.ts";
import { Head } from "../../src/store/head/head.ts";
import type { Part } from "../../src/store/part.ts";
import { mergeSegments } from "../../src/store/file/merge-segments.ts";
import { type SegmentFigures, writeSegment } from "../../src/store/file/segment-file.ts";
import { BASE_US, CORPUS_US, makeRandom, makeSpans, type Random } from "./corpus.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const never = new AbortController().signal;
export const FOLDER = "/data/segments";

export interface Corpus {
  readonly disk: SimulatedDisk;
  readonly random: Random;
  /** The spans, in the order in which they came. */
  readonly batches: readonly SpanBatch[];
  readonly blocks: readonly SegmentFigures[];
}

export interface CorpusPlan {
  readonly seed: number;
  readonly rows: number;
  readonly traces: number;
  /** Rows of a block: up to so many. */
  readonly blockRowsMax: number;
  /** Starts are at so many points of time; left out: at any. */
  readonly starts?: number;
}

/** Random spans in blocks of random sizes, one file each: traces lie in many of them. */
export async function makeCorpus(plan: CorpusPlan): Promise<Corpus> {
  const { seed, rows, traces, blockRowsMax, starts } = plan;
  const random = makeRandom(seed);
  const disk = new SimulatedDisk();
  const batches: SpanBatch[] = [];
  const head = new Head(blockRowsMax);
  for (let left = rows; left > 0; left -= 50) {
    const batch = makeSpans({ random, rows: 50, tracesFrom: 0, tracesEnd: traces });
    linkToOthers(batch, batches, random);
    if (starts !== undefined) {
      for (let row = 0; row < batch.rows; row++) {
        const step = Math.floor(random() * starts);
        batch.startUs[row] = BASE_US + Math.floor((step * CORPUS_US) / starts);
        batch.startRestNs[row] = Math.floor(random() * 2);
      }
    }
    batches.push(batch);
    head.append(batch);
    if (random() < 0.3) head.sealOpenBlock();
  }
  head.sealOpenBlock();
  const blocks: SegmentFigures[] = [];
  for (const block of head.blocks) {
    if (block.rows === 0) continue;
    const chunks = writeBlock(makeBlockImage(block, head.traces), { hashSeed: 7 })!;
    const log = { sequence: block.id, rows: 0 };
    const piece = { id: block.id, arrivedMs: block.id, chunks, log };
    blocks.push(await writeSegment(disk, FOLDER, piece));
  }
  return { disk, random, batches, blocks };
}

/** Gives some spans a parent in an earlier batch, if one has their trace. */
function linkToOthers(batch: SpanBatch, others: readonly SpanBatch[], random: Random): void {
  if (others.length === 0) return;
  for (let row = 0; row < batch.rows; row++) {
    if (random() < 0.6) continue;
    const other = others[Math.floor(random() * others.length)]!;
    const id = Buffer.from(batch.traceId.subarray(16 * row, 16 * row + 16));
    for (let at = 0; at < other.rows; at++) {
      if (!id.equals(other.traceId.subarray(16 * at, 16 * at + 16))) continue;
      batch.parentSpanId.set(other.spanId.subarray(8 * at, 8 * at + 8), 8 * row);
      break;
    }
  }
}

/** Merges runs of files at random. @returns the files that there are then. */
export async function mergeSome(
  { disk, random }: Corpus,
  sources: readonly SegmentFigures[],
): Promise<SegmentFigures[]> {
  const files: SegmentFigures[] = [];
  for (let from = 0; from < sources.length;) {
    const run = sources.slice(from, from + 1 + Math.floor(random() * 6));
    files.push(run.length === 1 ? run[0]! : await mergeSegments(disk, FOLDER, run));
    from += run.length;
  }
  return files;
}

/** The same spans in a head, which answers for them as one block. */
export function makeHead(batches: readonly SpanBatch[]): Part {
  const head = new Head();
  for (const batch of batches) head.append(batch);
  return new HeadPart(head, systemClock);
}

export async function printTraces(
  part: Part,
  ids: readonly Uint8Array[],
): Promise<(string | undefined)[]> {
  const traces = await part.readTraces(ids, never);
  return traces.map((trace) => (trace === undefined ? undefined : printSpans(trace)));
}
