// Which files there are, how far the log is in them, and what was dropped: the truth about a data directory.
//
//   spoor manifest 1
//   {"nextBlock":…,"log":{"sequence":…,"rows":…},"dropped":{"spans":…,"traces":…,"files":…}}
//   {"name":"000000000001-000000000064.segment",…}          one line a file, oldest first
//   end 1a2b3c4d                                             CRC-32 of all bytes before this line
//
// Replaced as a whole: written aside, synced, renamed. The last line is the same in all versions, so that
// damage is told from a later version.
//
// Source: docs/formats/manifest.md. Trust: a disk's bytes: the checksum first, then every field.
// Not here: what to do without it (rebuild-manifest.ts), who changes it (manifest-writer.ts).

import { join } from "node:path";
import { crc32 } from "node:zlib";
import { assert } from "../../base/assert.ts";
import { SpoorError } from "../../base/errors.ts";
import type { DiskFiles } from "../disk/files.ts";
import { writeAside } from "../disk/write-aside.ts";
import { type LogPosition, type SegmentFigures, segmentFileName } from "./segment-layout.ts";

/** Its name within the data directory. */
export const MANIFEST_NAME = "MANIFEST";

const VERSION = 1;
const TITLE = "spoor manifest ";
/** `end 1a2b3c4d\n` */
const END_BYTES = 13;
/** 300 bytes a file: more files than any disk has room for. */
const MANIFEST_BYTES_MAX = 64 * 1024 * 1024;

export interface Manifest {
  /** Id of the first block that is in no file. */
  readonly nextBlock: number;
  /** Every record of the log up to `sequence` is in files, and of the one after it the first `rows` rows. */
  readonly log: LogPosition;
  /** Oldest first; no block is in two. */
  readonly files: readonly SegmentFigures[];
  /** What retention has removed since the directory was made. */
  readonly dropped: { readonly spans: number; readonly traces: number; readonly files: number };
}

/** Of a directory without a file. */
export const EMPTY_MANIFEST: Manifest = {
  nextBlock: 1,
  log: { sequence: 0, rows: 0 },
  files: [],
  dropped: { spans: 0, traces: 0, files: 0 },
};

const FIGURES = [
  "bytes",
  "firstBlock",
  "lastBlock",
  "blocks",
  "rows",
  "traces",
  "startUsMin",
  "startUsMax",
  "arrivedMs",
] as const;

/**
 * @param directory the data directory.
 * @returns undefined if there is none.
 * @throws SpoorError `unavailable` if it is damaged, `unsupported` if a later version wrote it.
 */
export async function readManifest(
  files: DiskFiles,
  directory: string,
): Promise<Manifest | undefined> {
  const path = join(directory, MANIFEST_NAME);
  let bytes: Uint8Array;
  try {
    if ((await files.size(path)) > MANIFEST_BYTES_MAX) throw damaged("it is too large", {});
    bytes = await files.read(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  return parseManifest(bytes);
}

/** Resolves when it is on the disk. @throws what the disk throws; the old or the new one is there then. */
export async function writeManifest(
  files: DiskFiles,
  directory: string,
  manifest: Manifest,
): Promise<void> {
  const bytes = printManifest(manifest);
  await writeAside(files, directory, MANIFEST_NAME, (append) => append([bytes]));
}

/** The bytes of a manifest. */
export function printManifest({ nextBlock, log, files, dropped }: Manifest): Uint8Array {
  const lines = [`${TITLE}${VERSION}`, JSON.stringify({ nextBlock, log, dropped })];
  for (const file of files) {
    const figures = Object.fromEntries(FIGURES.map((key) => [key, file[key]]));
    lines.push(JSON.stringify({ name: file.name, ...figures, log: file.log }));
  }
  const text = Buffer.from(`${lines.join("\n")}\n`);
  const bytes = Buffer.concat([text, Buffer.from(`end ${hexOf(crc32(text))}\n`)]);
  // What cannot be read again must never be written.
  const again = parseManifest(bytes);
  assert(again.files.length === files.length, "a manifest is read as it was written");
  return new Uint8Array(bytes);
}

/** The manifest in `bytes`. @throws as `readManifest`. */
export function parseManifest(bytes: Uint8Array): Manifest {
  const bodyBytes = bytes.length - END_BYTES;
  const end = Buffer.from(bytes.subarray(Math.max(0, bodyBytes))).toString("latin1");
  if (bodyBytes < 0 || !/^end [0-9a-f]{8}\n$/.test(end)) {
    throw damaged("it has no end", { bytes: bytes.length });
  }
  const body = bytes.subarray(0, bodyBytes);
  const crc = hexOf(crc32(body));
  if (crc !== end.slice(4, 12)) {
    throw damaged("its checksum is wrong", { found: crc, expected: end.slice(4, 12) });
  }
  const [title, head, ...lines] = Buffer.from(body).toString("utf8").trimEnd().split("\n");
  if (title === undefined || !title.startsWith(TITLE)) throw damaged("it has no title", {});
  const version = title.slice(TITLE.length);
  if (version !== String(VERSION)) {
    const message = `the manifest is of version ${version.slice(0, 20)}, this Spoor knows ${VERSION}`;
    throw new SpoorError("unsupported", message);
  }
  const { nextBlock, log, dropped } = parseLine(head ?? "", 2);
  const found = lines.map((line, index) => parseFile(line, index + 3));
  const manifest: Manifest = {
    nextBlock: countIn(nextBlock, 2),
    log: parsePosition(log, 2),
    files: found,
    dropped: {
      spans: countIn(fieldOf(dropped, "spans"), 2),
      traces: countIn(fieldOf(dropped, "traces"), 2),
      files: countIn(fieldOf(dropped, "files"), 2),
    },
  };
  checkBlocks(manifest);
  return manifest;
}

function parseFile(line: string, number: number): SegmentFigures {
  const fields = parseLine(line, number);
  const name = fields["name"];
  const figures = Object.create(null) as Record<(typeof FIGURES)[number], number>;
  for (const key of FIGURES) {
    const isTime = key === "startUsMin" || key === "startUsMax";
    figures[key] = isTime ? numberIn(fields[key], number) : countIn(fields[key], number);
  }
  const { firstBlock, lastBlock } = figures;
  if (typeof name !== "string" || name !== segmentFileName(firstBlock, lastBlock)) {
    throw damaged("a name that is not that of its blocks", { line: number });
  }
  return { name, ...figures, log: parsePosition(fields["log"], number) };
}

/** Files follow one another and end before `nextBlock`. */
function checkBlocks({ files, nextBlock }: Manifest): void {
  let last = 0;
  for (const { firstBlock, lastBlock, blocks } of files) {
    if (firstBlock <= last || lastBlock < firstBlock || blocks > lastBlock - firstBlock + 1) {
      throw damaged("files that overlap", { firstBlock, lastBlock, behind: last });
    }
    last = lastBlock;
  }
  if (nextBlock <= last) throw damaged("a next block that is in a file", { nextBlock, last });
}

function parsePosition(value: unknown, line: number): LogPosition {
  return {
    sequence: countIn(fieldOf(value, "sequence"), line),
    rows: countIn(fieldOf(value, "rows"), line),
  };
}

function parseLine(line: string, number: number): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw damaged("a line that is not JSON", { line: number }, error);
  }
  if (typeof value !== "object" || value === null) throw damaged("no object", { line: number });
  return value as Readonly<Record<string, unknown>>;
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

function countIn(value: unknown, line: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw damaged("a count that is missing", { line });
}

function numberIn(value: unknown, line: number): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw damaged("a time that is missing", { line });
}

function hexOf(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

function damaged(
  found: string,
  where: Readonly<Record<string, string | number>>,
  cause?: unknown,
): SpoorError {
  return new SpoorError("unavailable", `damaged manifest: ${found}`, where, cause);
}
