// Checks one segment file wholly: every block, and that its index names every trace.
//
//   footer (read when it is opened) ─▶ each block: figures, checksum, its pages ─▶ index against their ids
//
// Memory: one block, and the ids of GROUP_TRACES_MAX traces. Cost: about 2 s a million spans.
// Not here: what a block must be (store/block/verify-block.ts), which files there should be (verify-directory.ts).

import { crc32 } from "node:zlib";
import { SpoorError } from "../../base/errors.ts";
import type { BlockFinding } from "../block/block-finding.ts";
import { verifyBlock } from "../block/verify-block.ts";
import type { SegmentFile } from "../file/segment-file.ts";
import { indexIds, listEntries } from "../file/trace-index.ts";

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

/** A damage may show in many pages of a block. */
const BLOCK_PROBLEMS_MAX = 20;
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
    const found = findDamage(file, index);
    onBytes(block.bytes);
    // What contradicts itself is told and kept: its spans can be read.
    const isWhole = found.every((finding) => !finding.isUnreadable);
    if (isWhole) whole.push(index);
    found.slice(0, BLOCK_PROBLEMS_MAX).forEach(({ what, section, offset }, at) => {
      const lost = isWhole || at > 0 ? {} : { lostSpans: block.rows };
      problems.push({ file: name, what, section, offset: block.offset + offset, ...lost });
    });
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

function findDamage(file: SegmentFile, index: number): readonly BlockFinding[] {
  const block = file.blocks[index]!;
  const findings = verifyBlock({
    bytes: block.bytes,
    read: (offset, length) => file.source.read(block.offset + offset, length),
  });
  if (findings.length > 0) return findings;
  try {
    return isAsTold(file, index) ? [] : [footerFinding("the file tells of another block")];
  } catch (error) {
    if (error instanceof SpoorError) return [footerFinding(error.message)];
    throw error;
  }
}

/** The block is the one that the file's footer tells of. */
function isAsTold(file: SegmentFile, index: number): boolean {
  const block = file.blocks[index]!;
  const { rows, traces, startUsMin, startUsMax } = file.open(index).figures;
  const isTold = rows === block.rows && traces === block.traces;
  if (!isTold || startUsMin !== block.startUsMin || startUsMax !== block.startUsMax) {
    return false;
  }
  let crc = 0;
  for (let at = 0; at < block.bytes; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, block.bytes - at);
    crc = crc32(file.source.read(block.offset + at, length), crc);
  }
  return crc === block.crc;
}

function footerFinding(what: string): BlockFinding {
  return { what, isUnreadable: true, section: "footer", page: 0, offset: 0 };
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
