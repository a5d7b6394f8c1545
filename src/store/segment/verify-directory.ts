// Checks a whole data directory that no process has open, and mends what can be mended.
//
//   log        every record's checksum and number; with `countSpans`, that each can be read
//   manifest   checksum, every field; without it the files speak for themselves
//   files      those it names are there and what it says; every block, every index (verify-segment.ts)
//   archive    the same for each kept trace
//   leftovers  names that nobody needs: not wrong, but said
//
// Repairing deletes nothing: a damaged file goes to `aside`, its whole blocks and records into a new file
// under its name, and a manifest that names what there is takes the place of the old one. Should that stop
// in the middle, it is started again.
//
// Trust: none. Memory: one file of the log, or one block. Not here: the lock (directory-lock.ts), printing
// (cli/verify.ts).

import { join } from "node:path";
import { SpoorError } from "../../base/errors.ts";
import { PageCache } from "../block/page-cache.ts";
import type { DiskFiles } from "../disk/files.ts";
import { type LogFindings, readLog } from "../log/read-log.ts";
import { ARCHIVE_FOLDER } from "./builder.ts";
import {
  EMPTY_MANIFEST,
  MANIFEST_NAME,
  type Manifest,
  readManifest,
  writeManifest,
} from "../file/manifest.ts";
import { listFolder, moveAside, rebuildManifest } from "../file/rebuild-manifest.ts";
import { type Stretch, salvageLogFile, salvageSegment } from "./salvage.ts";
import { type SegmentFile, openSegment } from "../file/segment-file.ts";
import {
  SEGMENT_FOLDER,
  type SegmentFigures,
  parseSegmentFileName,
} from "../file/segment-layout.ts";
import { type Problem, problemOf, verifySegment } from "./verify-segment.ts";

/** Folder of the log within a data directory. */
const LOG_FOLDER = "log";

/** The file of a kept trace: its id. */
const ARCHIVED_NAME = /^[0-9a-f]{32}\.segment$/;

/** Pages that are held while a file is checked. */
const CACHE_BYTES = 16 * 1024 * 1024;

export interface VerifyOptions {
  readonly files: DiskFiles;
  readonly directory: string;
  readonly repair: boolean;
  /** Reads the payload of a record. @returns its spans. @throws SpoorError if it cannot be read. */
  readonly countSpans?: (format: number, payload: Uint8Array) => number;
  /** Told after every block and file of the log. */
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly file: string;
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface VerifyReport {
  readonly checked: {
    readonly files: number;
    readonly blocks: number;
    readonly spans: number;
    readonly archived: number;
    readonly records: number;
    /** Of records that are not wholly in files, if they were read. */
    readonly recordSpans: number;
    readonly bytes: number;
  };
  readonly problems: readonly Problem[];
  /** Worth knowing, and not wrong. */
  readonly notes: readonly string[];
  /** What was done about the problems. */
  readonly repairs: readonly string[];
  /** Spans that are lost, as far as that is known: at least so many. */
  readonly lostSpans: number;
}

/**
 * Checks everything. @throws SpoorError `bad-input` if this is no data directory, `unsupported` if a later
 * version wrote it; what the disk throws when it cannot be written while repairing.
 */
export async function verifyDirectory(options: VerifyOptions): Promise<VerifyReport> {
  return new DirectoryCheck(options).run();
}

class DirectoryCheck {
  readonly #options: VerifyOptions;
  readonly #problems: Problem[] = [];
  readonly #notes: string[] = [];
  readonly #repairs: string[] = [];
  readonly #checked = {
    files: 0,
    blocks: 0,
    spans: 0,
    archived: 0,
    records: 0,
    recordSpans: 0,
    bytes: 0,
  };
  #bytesTotal = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  async run(): Promise<VerifyReport> {
    const names = await this.#listAll();
    const { manifest, isOnDisk } = await this.#findManifest(names.segments);
    const kept: SegmentFigures[] = [];
    for (const file of manifest.files) {
      const present = names.segments.includes(file.name);
      kept.push(...(await this.#checkNamed(file, present)));
    }
    this.#noteLeftovers(names, manifest);
    this.#noteGaps(manifest);
    for (const name of names.archive) {
      if (ARCHIVED_NAME.test(name)) await this.#checkArchived(name);
    }
    await this.#checkLog(manifest);
    const isChanged = kept.some((file, index) => file !== manifest.files[index]);
    if (this.#options.repair && (!isOnDisk || isChanged || kept.length < manifest.files.length)) {
      await this.#replaceManifest({ ...manifest, files: kept });
    }
    const lostSpans = this.#problems.reduce((sum, one) => sum + (one.lostSpans ?? 0), 0);
    const [problems, notes, repairs] = [this.#problems, this.#notes, this.#repairs];
    return { checked: this.#checked, problems, notes, repairs, lostSpans };
  }

  async #listAll(): Promise<{ segments: string[]; archive: string[]; top: string[] }> {
    const { files, directory } = this.#options;
    const top = await listFolder(files, directory);
    const [segments, archive, log] = [
      (await this.#list(SEGMENT_FOLDER)).sort(),
      (await this.#list(ARCHIVE_FOLDER)).sort(),
      await this.#list(LOG_FOLDER),
    ];
    const isData = top.includes(MANIFEST_NAME) || [...segments, ...log].length > 0;
    if (!isData && !top.includes(LOG_FOLDER)) {
      const message = `${directory} is no data directory: it has neither manifest nor log`;
      throw new SpoorError("bad-input", message);
    }
    for (const [folder, own] of [
      [SEGMENT_FOLDER, segments],
      [ARCHIVE_FOLDER, archive],
      [LOG_FOLDER, log],
    ] as const) {
      for (const name of own) this.#bytesTotal += await files.size(join(directory, folder, name));
    }
    return { segments, archive, top };
  }

  #list(folder: string): Promise<string[]> {
    return listFolder(this.#options.files, join(this.#options.directory, folder));
  }

  /** The manifest, or what the files say in its place. */
  async #findManifest(
    segments: readonly string[],
  ): Promise<{ manifest: Manifest; isOnDisk: boolean }> {
    const { files, directory } = this.#options;
    try {
      const manifest = await readManifest(files, directory);
      if (manifest !== undefined) return { manifest, isOnDisk: true };
      const isFresh = !segments.some((name) => parseSegmentFileName(name) !== undefined);
      if (isFresh) return { manifest: EMPTY_MANIFEST, isOnDisk: true };
      this.#problems.push({ file: MANIFEST_NAME, what: "there are files, but no manifest" });
    } catch (error) {
      if (!(error instanceof SpoorError) || error.code === "unsupported") throw error;
      this.#problems.push(problemOf(error, MANIFEST_NAME));
      if (this.#options.repair) {
        const to = await moveAside(files, directory, "", MANIFEST_NAME);
        this.#repairs.push(`${MANIFEST_NAME} was moved to ${to}`);
      }
    }
    const { manifest, damaged } = await rebuildManifest(files, directory);
    for (const { name, error } of damaged) await this.#giveUp(pathOf(name), error);
    return { manifest, isOnDisk: false };
  }

  /** Checks a file of the manifest. @returns what is left of it after repairing. */
  async #checkNamed(figures: SegmentFigures, present: boolean): Promise<SegmentFigures[]> {
    const { files, directory } = this.#options;
    const file = pathOf(figures.name);
    if (!present) {
      this.#problems.push({ file, what: "the file is missing", lostSpans: figures.rows });
      return [];
    }
    let segment: SegmentFile;
    try {
      segment = this.#open(file);
      if (!isSame(segment.figures, figures)) {
        segment.close();
        throw new SpoorError("unavailable", "the file is not what the manifest says");
      }
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      await this.#giveUp(file, error, figures.rows);
      return [];
    }
    try {
      const { whole, isWhole } = this.#checkBlocks(segment, file);
      if (isWhole || !this.#options.repair) return [figures];
      const to = await moveAside(files, directory, SEGMENT_FOLDER, figures.name);
      this.#repairs.push(`${file} was moved to ${to}`);
      const left = await salvageSegment(files, join(directory, SEGMENT_FOLDER), segment, whole);
      if (left === undefined) return [];
      this.#repairs.push(`${pathOf(left.name)} has its ${left.blocks} whole blocks`);
      return [left];
    } finally {
      segment.close();
    }
  }

  #open(file: string): SegmentFile {
    const { files, directory } = this.#options;
    return openSegment(files.openSource(join(directory, file)), new PageCache(CACHE_BYTES));
  }

  #checkBlocks(segment: SegmentFile, file: string): { whole: readonly number[]; isWhole: boolean } {
    const { problems, whole } = verifySegment(segment, file, (bytes) => this.#advance(file, bytes));
    this.#problems.push(...problems);
    this.#checked.files++;
    this.#checked.blocks += whole.length;
    for (const index of whole) this.#checked.spans += segment.blocks[index]!.rows;
    return { whole, isWhole: problems.length === 0 };
  }

  async #checkArchived(name: string): Promise<void> {
    const file = join(ARCHIVE_FOLDER, name);
    let error: SpoorError | undefined;
    try {
      const segment = this.#open(file);
      const { isWhole } = this.#checkBlocks(segment, file);
      segment.close();
      this.#checked.archived++;
      if (isWhole) return;
    } catch (caught) {
      if (!(caught instanceof SpoorError)) throw caught;
      error = caught;
    }
    if (error !== undefined) this.#problems.push(problemOf(error, file));
    if (this.#options.repair) await this.#moveAside(ARCHIVE_FOLDER, name);
  }

  async #checkLog(manifest: Manifest): Promise<void> {
    const { files, directory, countSpans } = this.#options;
    const folder = join(directory, LOG_FOLDER);
    const damaged = new Map<string, Stretch[]>();
    let findings: LogFindings | undefined;
    const onRecord = (format: number, payload: Uint8Array, sequence: number): void => {
      this.#checked.records++;
      if (countSpans === undefined || sequence <= manifest.log.sequence) return;
      try {
        const inFiles = sequence === manifest.log.sequence + 1 ? manifest.log.rows : 0;
        this.#checked.recordSpans += Math.max(0, countSpans(format, payload) - inFiles);
      } catch (error) {
        if (!(error instanceof SpoorError)) throw error;
        const what = `record ${sequence} is whole, but cannot be read: ${error.message}`;
        this.#problems.push({ file: LOG_FOLDER, what });
      }
    };
    try {
      findings = await readLog(folder, files, onRecord, ({ file, offset, bytes }) => {
        damaged.set(file, [...(damaged.get(file) ?? []), { offset, bytes: bytes.length }]);
        const what = `${bytes.length} bytes do not read`;
        this.#problems.push({ file: join(LOG_FOLDER, file), what, offset });
      });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      return;
    }
    if (findings.tornBytes > 0) {
      this.#notes.push(`${findings.tornBytes} bytes at the end of the log were never acknowledged`);
    }
    for (const { name, bytes } of findings.files) this.#advance(join(LOG_FOLDER, name), bytes);
    if (!this.#options.repair) return;
    for (const [name, stretches] of damaged) await this.#mendLog(folder, name, stretches);
  }

  async #mendLog(folder: string, name: string, damage: readonly Stretch[]): Promise<void> {
    const { files, directory } = this.#options;
    const bytes = await files.read(join(folder, name));
    const to = await moveAside(files, directory, LOG_FOLDER, name);
    this.#repairs.push(`${join(LOG_FOLDER, name)} was moved to ${to}`);
    const isLeft = await salvageLogFile(files, folder, name, bytes, damage);
    if (isLeft) this.#repairs.push(`${join(LOG_FOLDER, name)} has its whole records`);
  }

  /** Nothing of the file can be used. */
  async #giveUp(file: string, error: SpoorError, lostSpans?: number): Promise<void> {
    const lost = lostSpans === undefined ? {} : { lostSpans };
    this.#problems.push({ ...problemOf(error, file), ...lost });
    if (!this.#options.repair) return;
    await this.#moveAside(SEGMENT_FOLDER, file.slice(SEGMENT_FOLDER.length + 1));
  }

  async #moveAside(folder: string, name: string): Promise<void> {
    const { files, directory } = this.#options;
    const to = await moveAside(files, directory, folder, name);
    this.#repairs.push(`${join(folder, name)} was moved to ${to}`);
  }

  async #replaceManifest(manifest: Manifest): Promise<void> {
    await writeManifest(this.#options.files, this.#options.directory, manifest);
    this.#repairs.push(`${MANIFEST_NAME} names ${manifest.files.length} files`);
  }

  #noteLeftovers(
    { segments, top }: { readonly segments: readonly string[]; readonly top: readonly string[] },
    { files }: Manifest,
  ): void {
    const named = new Set(files.map(({ name }) => name));
    const left = segments.filter((name) => !named.has(name)).map(pathOf);
    left.push(...top.filter((name) => name.startsWith(`${MANIFEST_NAME}.`)));
    for (const file of left) this.#notes.push(`${file} is left over: nothing refers to it`);
  }

  #noteGaps({ files }: Manifest): void {
    let next = files[0]?.firstBlock ?? 0;
    for (const { firstBlock, lastBlock } of files) {
      if (firstBlock > next) {
        const which =
          firstBlock - 1 === next ? `block ${next} is` : `blocks ${next} to ${firstBlock - 1} are`;
        this.#notes.push(`${which} in no file: dropped, or without a span that was acknowledged`);
      }
      next = lastBlock + 1;
    }
  }

  #advance(file: string, bytes: number): void {
    this.#checked.bytes += bytes;
    this.#options.onProgress?.({
      file,
      bytes: this.#checked.bytes,
      bytesTotal: this.#bytesTotal,
    });
  }
}

function pathOf(name: string): string {
  return join(SEGMENT_FOLDER, name);
}

function isSame(one: SegmentFigures, two: SegmentFigures): boolean {
  return (
    one.name === two.name &&
    one.bytes === two.bytes &&
    one.blocks === two.blocks &&
    one.rows === two.rows &&
    one.traces === two.traces
  );
}
