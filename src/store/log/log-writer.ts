// Appends payloads to the log and says when they are on disk: group commit.
//
//   append ─▶ waiting ─┐                      ┌─▶ every append of the group resolves
//   append ─▶ waiting ─┴─▶ one write, one sync ┤
//   append ─▶ waiting (while that runs) ───────┴─▶ the next group
//
// One group is under way at a time; all that came meanwhile goes with the next. A failed write or sync
// fails its whole group as `unavailable`: nothing of it was acknowledged, the file is cut back to its last
// good record, and a new one begun: after a failed sync nobody knows what a file holds. As long as it
// cannot be cut back, no group is written: what was refused must not be found again.
//
// Files that are not needed any more are written again from their begin: syncing bytes that have their
// place on the disk takes half as long as giving them one. What such a file held is numbered lower than
// all that belongs in it, so a reader knows it for what it is; it is cut off when the file is complete.
//
// Limits: a group's bytes (`GROUP_BYTES_MAX`); spare files (`SPARE_FILES_MAX`); what waits is bounded by the
// callers, who are not answered before.
// Not here: the bytes of a record (record.ts), reading them back (read-log.ts).

import { join } from "node:path";
import { SpoorError } from "../../base/errors.ts";
import type { DiskFiles } from "../disk/files.ts";
import { type LogFile, logFileName, spareFileName } from "./read-log.ts";
import { FILE_HEADER_BYTES, writeFileHeader, writeRecordHeader } from "./record.ts";

/**
 * "disk": acknowledged after fdatasync · "os": after write, survives a crash of the process only ·
 * "none": at once; nothing is written, records are only counted.
 */
export type Durability = "disk" | "os" | "none";

export interface LogOptions {
  readonly directory: string;
  readonly files: DiskFiles;
  readonly durability: Durability;
  /** A file that has grown beyond this is followed by a new one. */
  readonly fileBytesMax: number;
  /** The highest number that was given to a record so far, if that is known from elsewhere. */
  readonly lastSequence?: number;
}

/** Bytes of one group: how long one sync may take. */
const GROUP_BYTES_MAX = 32 * 1024 * 1024;

/** One is written while the next block is built, behind which the log is cut. */
const SPARE_FILES_MAX = 2;

const DONE: Promise<void> = Promise.resolve();

/** A file that is written to. */
interface Current {
  readonly file: LogFile;
  readonly handle: number;
  /** It may have bytes behind its last record: it was a spare. */
  readonly wasSpare: boolean;
}

interface Waiting {
  readonly sequence: number;
  readonly pieces: readonly Uint8Array[];
  readonly resolve: () => void;
  readonly reject: (error: SpoorError) => void;
}

export class LogWriter {
  /** Number of the record appended last. */
  lastSequence: number;
  readonly #options: LogOptions;
  /** Files that are complete, oldest first. */
  readonly #older: LogFile[];
  #current: Current | undefined;
  /** Names of files that may be written again. */
  readonly #spares: string[] = [];
  #nextSpare = 0;
  /** Names of files that may have another name elsewhere, in a backup: never written again. */
  readonly #linked = new Set<string>();
  /** Nothing is written for the time being: no file is kept to be written again. */
  #isResting = false;
  /** The last complete file, while it has bytes that were refused. */
  #torn: { file: LogFile; handle: number } | undefined;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #isClosed = false;

  /** @param older what `readLog` found: kept until `cut` says otherwise. */
  constructor(options: LogOptions, older: readonly LogFile[], lastSequence: number) {
    this.#options = options;
    this.#older = [...older];
    for (const { name } of older) this.#linked.add(name);
    this.lastSequence = lastSequence;
  }

  /**
   * Appends one record. The payload must stay as it is until the promise settles.
   *
   * @returns resolves when the record is as durable as promised.
   * @throws SpoorError `unavailable`: it is not in the log; a retry may help.
   */
  append(format: number, payload: Uint8Array): Promise<void> {
    const sequence = ++this.lastSequence;
    if (this.#isClosed) return Promise.reject(new SpoorError("unavailable", "the log is closed"));
    if (this.#options.durability === "none") return DONE;
    const pieces = [writeRecordHeader(format, sequence, payload), payload];
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ sequence, pieces, resolve, reject });
    });
    this.#isResting = false;
    this.#running ??= this.#drain();
    return done;
  }

  /**
   * For a time in which nothing comes: completes the file, so that it can be cut, and gives back those that
   * are kept for being written again. Does nothing while something is written.
   */
  async rest(): Promise<void> {
    if (this.#running !== undefined || this.#isClosed) return;
    this.#isResting = true;
    this.#running = this.#completeFile();
    await this.#running;
  }

  async #completeFile(): Promise<void> {
    const { files, directory } = this.#options;
    // One turn later: what runs has to be known before it can have ended.
    await Promise.resolve();
    try {
      const hasRecords =
        this.#current !== undefined && this.#current.file.bytes > FILE_HEADER_BYTES;
      if (hasRecords) await this.#endFile();
      for (const spare of this.#spares.splice(0)) await files.remove(join(directory, spare));
    } finally {
      this.#running = this.#waiting.length > 0 ? this.#drain() : undefined;
    }
  }

  /** Counts a record that has no payload to keep. */
  skip(): Promise<void> {
    this.lastSequence++;
    if (this.#isClosed) return Promise.reject(new SpoorError("unavailable", "the log is closed"));
    return DONE;
  }

  /** Bytes of all files. */
  bytes(): number {
    const older = this.#older.reduce((sum, file) => sum + file.bytes, 0);
    return older + (this.#current?.file.bytes ?? 0);
  }

  /**
   * The files as they are now, oldest first; their bytes end behind the last record that was written. Those
   * that are complete may be linked, the last one copied up to its bytes.
   */
  state(): readonly (LogFile & { readonly isComplete: boolean })[] {
    const torn = this.#torn?.file;
    for (const { name } of this.#older) this.#linked.add(name);
    if (this.#current !== undefined) this.#linked.add(this.#current.file.name);
    const files = this.#older.map((file) => ({ ...file, isComplete: file !== torn }));
    if (this.#current !== undefined) files.push({ ...this.#current.file, isComplete: false });
    return files;
  }

  /** Removes the files in which every record is below `sequence`. */
  async cut(sequence: number): Promise<void> {
    while (this.#older.length > 0) {
      const next = this.#older[1] ?? this.#current?.file;
      const endSequence = next?.firstSequence ?? this.lastSequence + 1;
      if (endSequence > sequence) return;
      const { name } = this.#older.shift()!;
      await this.#letGo(name);
    }
  }

  async #letGo(name: string): Promise<void> {
    const { files, directory, durability } = this.#options;
    const path = join(directory, name);
    const isLinked = this.#linked.delete(name);
    const isEnough = this.#isResting || this.#spares.length >= SPARE_FILES_MAX;
    if (durability !== "disk" || isLinked || isEnough) {
      await files.remove(path);
      return;
    }
    const spare = spareFileName(this.#nextSpare++);
    await files.rename(path, join(directory, spare));
    this.#spares.push(spare);
  }

  /** Writes what waits, then closes the file. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running !== undefined) await this.#running.catch(() => undefined);
    await this.#mend().catch(() => undefined);
    await this.#endFile();
  }

  async #drain(): Promise<void> {
    // One turn later: requests that are already in the process go with the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#writeGroup(group);
      } catch (error) {
        const failure = failureOf(error);
        for (const { reject } of group) reject(failure);
        continue;
      }
      for (const { resolve } of group) resolve();
    }
    this.#running = undefined;
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { pieces } of this.#waiting) {
      bytes += bytesOf(pieces);
      if (count > 0 && bytes > GROUP_BYTES_MAX) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const { files, durability, fileBytesMax } = this.#options;
    await this.#mend();
    if (this.#current !== undefined && this.#current.file.bytes >= fileBytesMax) {
      await this.#endFile();
    }
    this.#current ??= await this.#beginFile(group[0]!.sequence);
    const { file, handle } = this.#current;
    const pieces = group.flatMap((one) => one.pieces);
    try {
      await writeAll(files, handle, pieces, file.bytes);
      if (durability === "disk") await files.sync(handle);
    } catch (error) {
      await this.#abandon();
      throw error;
    }
    file.bytes += bytesOf(pieces);
  }

  async #beginFile(firstSequence: number): Promise<Current> {
    const { files, directory, durability } = this.#options;
    const name = logFileName(firstSequence);
    const path = join(directory, name);
    const spare = this.#spares.pop();
    let created = spare === undefined ? path : join(directory, spare);
    // Before it is written to: under its old name, a power cut would make it look damaged.
    if (spare !== undefined) await files.syncDirectory(directory);
    const handle = await (spare === undefined ? files.create(created) : files.open(created));
    try {
      await writeAll(files, handle, [writeFileHeader(firstSequence)], 0);
      if (spare !== undefined) {
        // Under its new name it has a header of its own, whenever the power goes.
        await files.sync(handle);
        await files.rename(created, path);
        created = path;
      }
      if (durability === "disk") await files.syncDirectory(directory);
    } catch (error) {
      await files.close(handle);
      await files.remove(created);
      throw error;
    }
    const file = { name, firstSequence, bytes: FILE_HEADER_BYTES };
    return { file, handle, wasSpare: spare !== undefined };
  }

  async #endFile(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    const { file, handle, wasSpare } = current;
    const { files } = this.#options;
    if (wasSpare) {
      await files.truncate(handle, file.bytes);
      await files.sync(handle);
    }
    this.#current = undefined;
    this.#older.push(file);
    await files.close(handle);
  }

  /** After a failure: the file is complete, and what it holds beyond its last good record must go. */
  async #abandon(): Promise<void> {
    const current = this.#current!;
    this.#current = undefined;
    this.#older.push(current.file);
    this.#torn = current;
    await this.#mend().catch(() => undefined);
  }

  /** @throws if the bytes that were refused are still there. */
  async #mend(): Promise<void> {
    if (this.#torn === undefined) return;
    const { files, durability } = this.#options;
    const { file, handle } = this.#torn;
    await files.truncate(handle, file.bytes);
    this.#torn = undefined;
    try {
      if (durability === "disk") await files.sync(handle);
    } catch {
      // They are gone for this process and the next; a power cut may bring them back.
    }
    await files.close(handle).catch(() => undefined);
  }
}

async function writeAll(
  files: DiskFiles,
  handle: number,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let left = pieces;
  let at = position;
  while (left.length > 0) {
    const written = await files.write(handle, left, at);
    if (written === 0) throw new Error("the disk took no bytes");
    at += written;
    left = without(left, written);
  }
}

/** `pieces` less their first `bytes` bytes. */
function without(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let rest = bytes;
  let first = 0;
  while (first < pieces.length && rest >= pieces[first]!.length) rest -= pieces[first++]!.length;
  const left = pieces.slice(first);
  if (rest > 0) left[0] = left[0]!.subarray(rest);
  return left;
}

function bytesOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

function failureOf(error: unknown): SpoorError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message =
    code === "ENOSPC" || code === "EDQUOT"
      ? "there is no space left on the disk of the log"
      : "the log could not be written";
  return new SpoorError("unavailable", message, code === "" ? {} : { cause: code }, error);
}
