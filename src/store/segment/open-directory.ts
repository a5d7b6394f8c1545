// What a start finds in a data directory, and makes of it.
//
//   manifest ─▶ files that it names, each opened once ─▶ files that nobody names: removed
//       └─ log position ─▶ log ─ records that are not wholly in files ─▶ read again ─▶ head
//
// A manifest that is missing or damaged is made anew from the files. A file that is damaged is moved to `aside`, one that is missing is counted;
// both are left out from then on.
//
// Trust: the bytes are a disk's. Not here: the lock (directory-lock.ts).

import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type { DiskFiles } from "../disk/files.ts";
import { ASIDE_SUFFIX } from "../disk/write-aside.ts";
import { Head } from "../head/head.ts";
import type { Durability, LogWriter } from "../log/log-writer.ts";
import { openLog } from "../log/open-log.ts";
import { type ReceivedFormat, formatOfCode } from "../received.ts";
import { MANIFEST_NAME, type Manifest, readManifest } from "../file/manifest.ts";
import { moveAside, readFigures, rebuildManifest } from "../file/rebuild-manifest.ts";
import { type LogPosition, SEGMENT_FOLDER, parseSegmentFileName } from "../file/segment-layout.ts";

/** Reads a payload as its door did, sanitizer included. The batch is valid until the next call. */
export type ReadReceived = (format: ReceivedFormat, payload: Uint8Array) => SpanBatch;

export interface DirectoryOptions {
  readonly directory: string;
  readonly durability: Durability;
  readonly logFileBytesMax: number;
  /** The head's open block is sealed when it has more. */
  readonly blockBytesMax: number;
  readonly files: DiskFiles;
  readonly clock: Clock;
  readonly log: Log;
  readonly read: ReadReceived;
  /** Rows of a block: small in tests of the seams. */
  readonly blockRowsMax?: number | undefined;
}

export interface OpenedDirectory {
  /** Names only files that are there. */
  readonly manifest: Manifest;
  /** True if the one on the disk is another. */
  readonly isManifestNew: boolean;
  readonly head: Head;
  readonly records: LogWriter;
  /** Stretches and records of the log, and files, that could not be read. */
  readonly lostRecords: number;
  readonly lostFiles: number;
  readonly replayMs: number;
}

/** Cost: about 0.1 ms a file, 3 µs a span that is only in the log. @throws what the disk throws. */
export async function openDirectory(options: DirectoryOptions): Promise<OpenedDirectory> {
  const { directory, files } = options;
  const folder = join(directory, SEGMENT_FOLDER);
  await files.makeDirectory(folder);
  const names = await files.list(folder);
  const known = await findManifest(options);
  const found =
    known === undefined
      ? await rebuild(options, names)
      : { manifest: known, damaged: findDamaged(options, known) };
  const lost = new Set(found.damaged);
  for (const name of lost) if (names.includes(name)) await putAside(options, SEGMENT_FOLDER, name);
  const kept = found.manifest.files.filter(({ name }) => !lost.has(name));
  const manifest = { ...found.manifest, files: kept };
  const named = new Set(kept.map(({ name }) => name));
  await removeOthers(
    options,
    names.filter((name) => !named.has(name) && !lost.has(name)),
  );
  const replayed = await replay(options, manifest);
  // The folders that were made, so that a power cut does not take them with all that comes.
  await files.syncDirectory(directory);
  return {
    ...replayed,
    manifest,
    isManifestNew: known === undefined || lost.size > 0,
    lostRecords: replayed.lostRecords + lost.size,
    lostFiles: lost.size,
  };
}

/**
 * A record that was refused may come back after a power cut, if the disk could not cut it off: no record of
 * a later process may have its number. More than are ever under way at once.
 */
const SEQUENCE_GAP = 1 << 20;

interface Found {
  readonly manifest: Manifest;
  /** Names of files that cannot be read. */
  readonly damaged: readonly string[];
}

/** @returns undefined if there is none that can be read. @throws if a later version wrote it. */
async function findManifest(options: DirectoryOptions): Promise<Manifest | undefined> {
  try {
    return await readManifest(options.files, options.directory);
  } catch (error) {
    if (!(error instanceof SpoorError) || error.code !== "unavailable") throw error;
    options.log.error("the manifest is damaged; it is made anew from the files", {
      error: error.message,
    });
    await putAside(options, "", MANIFEST_NAME);
    return undefined;
  }
}

async function rebuild(options: DirectoryOptions, names: readonly string[]): Promise<Found> {
  const { files, directory, log } = options;
  const { manifest, damaged } = await rebuildManifest(files, directory);
  for (const { name, error } of damaged) reportLoss(log, name, error);
  if (names.length > 0) log.warn("the manifest was made anew", { files: manifest.files.length });
  return { manifest, damaged: damaged.map(({ name }) => name) };
}

/** Names of files that are missing or cannot be opened. */
function findDamaged({ files, directory, log }: DirectoryOptions, manifest: Manifest): string[] {
  const damaged: string[] = [];
  for (const { name } of manifest.files) {
    try {
      readFigures(files, join(directory, SEGMENT_FOLDER), name);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      reportLoss(log, name, error);
      damaged.push(name);
    }
  }
  return damaged;
}

function reportLoss(log: Log, name: string, { message, where }: SpoorError): void {
  log.error("a file is missing or damaged; its spans are lost", { name, error: message, ...where });
}

async function putAside(options: DirectoryOptions, folder: string, name: string): Promise<void> {
  const { files, directory, log } = options;
  try {
    const to = await moveAside(files, directory, folder, name);
    log.warn("a damaged file was moved", { name, to });
  } catch (error) {
    log.warn("a damaged file could not be moved", { name, error: String(error) });
  }
}

/** Removes what an earlier process did not finish, or had finished with. */
async function removeOthers(
  { files, directory, log }: DirectoryOptions,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    if (!name.endsWith(ASIDE_SUFFIX) && parseSegmentFileName(name) === undefined) continue;
    try {
      await files.remove(join(directory, SEGMENT_FOLDER, name));
      log.info("a file that is not named was removed", { name });
    } catch (error) {
      log.warn("a file could not be removed", { name, error: String(error) });
    }
  }
}

/** Reads the records of the log that are not wholly in files into a new head. */
async function replay(
  options: DirectoryOptions,
  manifest: Manifest,
): Promise<Pick<OpenedDirectory, "head" | "records" | "lostRecords" | "replayMs">> {
  const { directory, files, durability, clock, log, logFileBytesMax: fileBytesMax } = options;
  const firstId = manifest.nextBlock;
  const head = new Head(options.blockRowsMax, { firstId, clock, usesArraysAgain: true });
  const startedMs = clock.monotonicMs();
  const reader = new RecordReader(options, head, manifest.log);
  const lastSequence = manifest.log.sequence + (manifest.log.rows > 0 ? 1 : 0);
  const { log: records, findings } = await openLog(
    { directory: join(directory, "log"), files, durability, fileBytesMax, lastSequence },
    (code, payload, sequence) => reader.read(code, payload, sequence),
  );
  const { tornBytes, damagedParts, damagedBytes } = findings;
  if (damagedParts > 0) {
    log.error("parts of the log are damaged; copies are in its folder aside", {
      damagedParts,
      damagedBytes,
    });
  }
  records.lastSequence += SEQUENCE_GAP;
  const replayMs = clock.monotonicMs() - startedMs;
  const ms = Math.round(replayMs);
  log.info("the log was read", { records: reader.records, spans: head.liveRows, tornBytes, ms });
  head.settle(records.lastSequence);
  return { head, records, lostRecords: damagedParts + reader.lost, replayMs };
}

class RecordReader {
  /** Records that were read into the head, and that could not be. */
  records = 0;
  lost = 0;
  readonly #options: DirectoryOptions;
  readonly #head: Head;
  readonly #inFiles: LogPosition;

  constructor(options: DirectoryOptions, head: Head, inFiles: LogPosition) {
    this.#options = options;
    this.#head = head;
    this.#inFiles = inFiles;
  }

  read(code: number, payload: Uint8Array, sequence: number): void {
    const { sequence: inFiles, rows } = this.#inFiles;
    if (sequence <= inFiles) return;
    const { read, log } = this.#options;
    const format = formatOfCode(code);
    let batch: SpanBatch;
    try {
      if (format === undefined) throw new SpoorError("bad-input", "a format of a later version");
      batch = read(format, payload);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      // It was read once, before it was acknowledged: only another version can fail here.
      this.lost++;
      log.error("a record of the log cannot be read", { sequence, code, error: error.message });
      return;
    }
    this.records++;
    const fromRow = sequence === inFiles + 1 ? rows : 0;
    this.#head.append(batch, sequence, fromRow);
    sealOver(this.#head, this.#options.blockBytesMax);
  }
}

/** Seals the head's open block if it has more than `bytes`. */
export function sealOver(head: Head, bytes: number): void {
  if (head.blocks.at(-1)!.memoryBytes() > bytes) head.sealOpenBlock();
}
