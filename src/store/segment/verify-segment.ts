// Checks one segment file wholly: every block, and that its index names every trace.
//
//   footer (read when it is opened) ─▶ each block: figures, checksum, its pages ─▶ index against their ids
//
// Memory: one block, and the ids of GROUP_TRACES_MAX traces. Cost: about 1 s a million spans.
// Not here: what a block must be (block-reader.ts), which files there should be (verify-directory.ts).

import { crc32 } from "node:zlib";
import { SpoorError } from "../../base/errors.ts";
import type { SegmentFile } from "./segment-file.ts";
import { indexIds, listEntries } from "./trace-index.ts";

/** What is wrong, and where. */
export interface Problem {
  /** Path within the data directory. */
  readonly file: string;
  readonly what: string;
  /** In the file. */
  readonly offset?: number;
  readonly section?: string;
  /** Spans that cannot be read any more, as far as that is known. */
  readonly lostSpans?: number;
}

export interface SegmentFindings {
  readonly problems: readonly Problem[];
  /** Indexes of the blocks that are whole. */
  readonly whole: readonly number[];
}

/** Blocks are compared with the index so many traces at a time: 40 MB. */
const GROUP_TRACES_MAX = 2_000_000;
/** Bytes that are read at a time. */
const PIECE_BYTES = 1 << 20;
/** A damaged index page says nothing; more of the same kind say no more. */
const INDEX_PROBLEMS_MAX = 20;

/** @param name path of the file within the data directory. @param onBytes told what was read. */
export function verifySegment(
  file: SegmentFile,
  name: string,
  onBytes: (bytes: number) => void = () => undefined,
): SegmentFindings {
  const problems: Problem[] = [];
  const whole: number[] = [];
  file.blocks.forEach((block, index) => {
    const error = findDamage(file, index);
    onBytes(block.bytes);
    if (error === undefined) whole.push(index);
    else problems.push({ ...problemOf(error, name, block.offset), lostSpans: block.rows });
  });
  problems.push(...verifyIndex(file, name, whole));
  return { problems, whole };
}

/** @param base what offsets in the error count from. */
export function problemOf(error: SpoorError, file: string, base = 0): Problem {
  const { offset, section } = error.where;
  return {
    file,
    what: error.message,
    ...(typeof offset === "number" ? { offset: base + offset } : {}),
    ...(typeof section === "string" ? { section } : {}),
  };
}

function findDamage(file: SegmentFile, index: number): SpoorError | undefined {
  const block = file.blocks[index]!;
  try {
    const opened = file.open(index);
    opened.verify();
    const { rows, traces, startUsMin, startUsMax } = opened.figures;
    const isTold = rows === block.rows && traces === block.traces;
    if (!isTold || startUsMin !== block.startUsMin || startUsMax !== block.startUsMax) {
      return new SpoorError("unavailable", "the footer tells other figures", { offset: 0 });
    }
    let crc = 0;
    for (let at = 0; at < block.bytes; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, block.bytes - at);
      crc = crc32(file.source.read(block.offset + at, length), crc);
    }
    if (crc === block.crc) return undefined;
    return new SpoorError("unavailable", "the block's checksum is wrong", { offset: 0 });
  } catch (error) {
    if (error instanceof SpoorError) return error;
    throw error;
  }
}

/** Compares the index with the ids of the blocks that are whole. */
function verifyIndex(file: SegmentFile, name: string, whole: readonly number[]): Problem[] {
  const problems = new Map<string, Problem>();
  for (const group of groupBlocks(file, whole)) {
    const members = new Set(group);
    const cursors = group.map((index) => indexIds(file.open(index).traceIds, index));
    for (let page = 0; page < file.index.pages; page++) {
      if (problems.size >= INDEX_PROBLEMS_MAX) break;
      const expected = listEntries(cursors, page, file.index.pages);
      const problem = verifyPage(file, name, page, expected, members);
      if (problem !== undefined) problems.set(`${page} ${problem.what}`, problem);
    }
  }
  return [...problems.values()];
}

function verifyPage(
  file: SegmentFile,
  name: string,
  page: number,
  expected: readonly number[],
  members: ReadonlySet<number>,
): Problem | undefined {
  let told: Set<number>;
  let ends: number[];
  try {
    const entries = file.index.entries(page);
    if (entries === undefined) return undefined; // It says that it does not know.
    told = new Set(entries);
    ends = file.index.ends(page);
  } catch (error) {
    if (error instanceof SpoorError) return problemOf(error, name);
    throw error;
  }
  const missing = expected.filter((entry) => !told.has(entry)).length;
  const real = new Set(expected);
  const strange = ends.filter((entry) => members.has(entry % 0x1_0000) && !real.has(entry)).length;
  if (missing === 0 && strange === 0) return undefined;
  const what =
    missing > 0
      ? `the index leaves out traces of its blocks: ${missing}`
      : `the index names traces that are not in its blocks: ${strange}`;
  return { file: name, what, section: "traceIndex", offset: file.index.offsetOf(page) };
}

function* groupBlocks(file: SegmentFile, whole: readonly number[]): Generator<number[]> {
  let group: number[] = [];
  let traces = 0;
  for (const index of whole) {
    const own = file.blocks[index]!.traces;
    if (group.length > 0 && traces + own > GROUP_TRACES_MAX) {
      yield group;
      group = [];
      traces = 0;
    }
    group.push(index);
    traces += own;
  }
  if (group.length > 0) yield group;
}
