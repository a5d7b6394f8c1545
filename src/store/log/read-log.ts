// Reads the records of a log back, in the order in which they were written.
//
//   file  record record ▒▒▒ record record … │ torn end
//                        └ damaged: kept aside, counted, stepped over
//
// What follows the last whole record of the last file is a write that never ended: it was acknowledged to
// nobody, or older than the file (log-writer.ts), and is cut off. What does not read in the middle is damage: it is copied to `aside/` for
// inspection, and reading goes on at the next mark that begins a whole record.
//
// Trust: the bytes are a disk's. A file of a name of ours that has no header of ours is damage as a whole.

import { join } from "node:path";
import type { DiskFiles } from "../disk/files.ts";
import {
  FILE_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_MARK,
  readFileHeader,
  readRecordAt,
} from "./record.ts";

/** What was found in a log. */
export interface LogFindings {
  records: number;
  /** Number of the last record; 0 if there is none. */
  lastSequence: number;
  /** Bytes behind the last whole record of the last file. */
  tornBytes: number;
  /** Stretches that did not read, and their bytes; copies are in `aside/`. */
  damagedParts: number;
  damagedBytes: number;
  readonly files: LogFile[];
}

export interface LogFile {
  readonly name: string;
  /** Number of its first record. */
  readonly firstSequence: number;
  /** Bytes up to the end of its last whole record. */
  bytes: number;
}

/** Called for every whole record. The payload is valid until the call returns. */
export type OnRecord = (format: number, payload: Uint8Array, sequence: number) => void;

const FILE_NAME = /^[0-9]{16}\.log$/;
const SPARE_NAME = /^spare-[0-9]+$/;

export function logFileName(firstSequence: number): string {
  return `${String(firstSequence).padStart(16, "0")}.log`;
}

/** A stretch of a file that does not read. */
export interface LogDamage {
  readonly file: string;
  readonly offset: number;
  /** Valid until the call returns. */
  readonly bytes: Uint8Array;
}

/** A file that waits for being written again: what it holds is not of the log. */
export function spareFileName(number: number): string {
  return `spare-${number}`;
}

export function isSpareFileName(name: string): boolean {
  return SPARE_NAME.test(name);
}

/**
 * Reads every file of `directory`. Memory: one file at a time.
 *
 * @param onDamage what is done about a damaged stretch; by default a copy of it is kept aside.
 * @throws what `files` throws when the directory or a file cannot be read at all.
 */
export async function readLog(
  directory: string,
  files: DiskFiles,
  onRecord: OnRecord,
  onDamage: (damage: LogDamage) => void | Promise<void> = ({ file, offset, bytes }) =>
    keepAside(directory, files, `${file}.${offset}`, bytes),
): Promise<LogFindings> {
  const names = (await files.list(directory)).filter((name) => FILE_NAME.test(name)).sort();
  const findings: LogFindings = {
    records: 0,
    lastSequence: 0,
    tornBytes: 0,
    damagedParts: 0,
    damagedBytes: 0,
    files: [],
  };
  for (const [index, name] of names.entries()) {
    const bytes = await files.read(join(directory, name));
    const isLast = index === names.length - 1;
    const damage = readLogFile(bytes, isLast, name, findings, onRecord);
    for (const { start, end } of damage) {
      await onDamage({ file: name, offset: start, bytes: bytes.subarray(start, end) });
    }
  }
  return findings;
}

interface Stretch {
  readonly start: number;
  readonly end: number;
}

function readLogFile(
  bytes: Uint8Array,
  isLast: boolean,
  name: string,
  findings: LogFindings,
  onRecord: OnRecord,
): Stretch[] {
  const firstSequence = Number(name.slice(0, 16));
  const file: LogFile = { name, firstSequence, bytes: FILE_HEADER_BYTES };
  findings.files.push(file);
  const damage: Stretch[] = [];
  // A header that does not read is damage like any other: the records behind it still count.
  let at = readFileHeader(bytes) === firstSequence ? FILE_HEADER_BYTES : 0;
  let lost = at === 0 ? 0 : -1;
  while (at < bytes.length) {
    const record = readRecordAt(bytes, at);
    // A file that was written again has older records behind its own.
    if (
      record === undefined ||
      record.sequence <= Math.max(firstSequence - 1, findings.lastSequence)
    ) {
      if (lost < 0) lost = at;
      at = findMark(bytes, at + 1);
      continue;
    }
    if (lost >= 0) damage.push({ start: lost, end: at });
    lost = -1;
    const start = at + RECORD_HEADER_BYTES;
    onRecord(record.format, bytes.subarray(start, start + record.payloadBytes), record.sequence);
    findings.records++;
    findings.lastSequence = record.sequence;
    at = start + record.payloadBytes;
    file.bytes = at;
  }
  if (lost >= 0 && isLast) findings.tornBytes += bytes.length - lost;
  else if (lost >= 0) damage.push({ start: lost, end: bytes.length });
  findings.damagedParts += damage.length;
  for (const { start, end } of damage) findings.damagedBytes += end - start;
  return damage;
}

/** The next place from `from` on where the bytes of a record's mark stand, or the end. */
function findMark(bytes: Uint8Array, from: number): number {
  const first = RECORD_MARK & 0xff;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (
      bytes[at + 1] === ((RECORD_MARK >>> 8) & 0xff) &&
      bytes[at + 2] === ((RECORD_MARK >>> 16) & 0xff) &&
      bytes[at + 3] === RECORD_MARK >>> 24
    ) {
      return at;
    }
  }
  return bytes.length;
}

async function keepAside(
  directory: string,
  files: DiskFiles,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const aside = join(directory, "aside");
  await files.makeDirectory(aside);
  const path = join(aside, name);
  let file: number;
  try {
    file = await files.create(path);
  } catch {
    return; // It is there already: the same damage was found by an earlier start.
  }
  try {
    await files.write(file, [bytes], 0);
  } finally {
    await files.close(file);
  }
}
