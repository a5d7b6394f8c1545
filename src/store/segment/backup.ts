// A consistent copy of a data directory while it is written to: hard links, and the end of the log.
//
//   one moment ─┬─ manifest ─▶ its files      linked: they never change
//               └─ log ─┬─ complete files     linked
//                       └─ the others         copied up to their last acknowledged record
//   archive ─▶ linked                         the manifest last: with it, the copy is whole
//
// The copy is a data directory of its own: `spoor verify` checks it, a Spoor can be started on it. It takes
// no room at first; what retention drops stays on the disk as long as a copy has it. Carry it elsewhere to
// be safe from the loss of the disk.
//
// Files may be merged, dropped or cut off while they are linked: then all is tried again with what there is
// by then.
//
// Not here: who asks (SegmentStore.backup, cli/admin.ts).

import { basename, dirname, join } from "node:path";
import { SpoorError } from "../../base/errors.ts";
import type { DiskFiles } from "../disk/files.ts";
import { ASIDE_SUFFIX, writeAside } from "../disk/write-aside.ts";
import { MANIFEST_NAME, type Manifest, writeManifest } from "../file/manifest.ts";
import type { BackupFigures } from "../trace-store.ts";
import { listFolder } from "../file/rebuild-manifest.ts";
import { SEGMENT_FOLDER } from "../file/segment-layout.ts";

export type { BackupFigures };

/** Folder of the copies within the data directory. */
export const BACKUP_FOLDER = "backups";

const LOG_FOLDER = "log";
const ARCHIVE_FOLDER = "archive";
/** A merge takes seconds, so files do not go away much more often. */
const ATTEMPTS_MAX = 5;
const PIECE_BYTES = 1 << 20;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** A file of the log at one moment. */
export interface LogState {
  readonly name: string;
  /** Up to the end of its last acknowledged record. */
  readonly bytes: number;
  /** Nothing is written to it any more. */
  readonly isComplete: boolean;
}

/** What is stored at one moment: every acknowledged span is in a file of either. */
export interface StoreState {
  readonly manifest: Manifest;
  readonly log: readonly LogState[];
}

/**
 * The folder of the copy `name` of `directory`.
 * @throws SpoorError `bad-input` if this is no name.
 */
export function backupFolder(directory: string, name: string): string {
  if (NAME.test(name)) return join(directory, BACKUP_FOLDER, name);
  const message = "a backup's name is made of letters, digits, dots, dashes and underscores";
  throw new SpoorError("bad-input", message, { chars: name.length });
}

/**
 * Copies `directory` to `path`, a folder within a `backupFolder`.
 *
 * @param look what is stored now; called at once, and again for another attempt.
 * @returns when the copy is on the disk.
 * @throws SpoorError `bad-input` if there is something; `unavailable` if the disk fails. What was made is
 *   removed again.
 */
export async function makeBackup(
  files: DiskFiles,
  directory: string,
  path: string,
  look: () => StoreState,
): Promise<BackupFigures> {
  for (let attempt = 1; ; attempt++) {
    const state = look();
    if (await isTaken(files, path)) {
      throw new SpoorError("bad-input", `there is a backup of the name ${basename(path)}`);
    }
    const copy = new Copy(files, directory, path);
    try {
      return await copy.make(state);
    } catch (error) {
      await copy.undo();
      if (!isGone(error) || attempt === ATTEMPTS_MAX) throw failureOf(error);
    }
  }
}

class Copy {
  readonly #files: DiskFiles;
  readonly #from: string;
  readonly #to: string;
  readonly #made: string[] = [];
  #bytes = 0;

  constructor(files: DiskFiles, from: string, to: string) {
    this.#files = files;
    this.#from = from;
    this.#to = to;
  }

  async make({ manifest, log }: StoreState): Promise<BackupFigures> {
    const files = this.#files;
    for (const folder of [SEGMENT_FOLDER, LOG_FOLDER, ARCHIVE_FOLDER]) {
      await files.makeDirectory(join(this.#to, folder));
    }
    // The log first: it is cut more often than files are merged.
    for (const file of log) {
      if (file.isComplete) await this.#link(LOG_FOLDER, file.name);
      else await this.#copy(LOG_FOLDER, file.name, file.bytes);
    }
    for (const { name } of manifest.files) await this.#link(SEGMENT_FOLDER, name);
    for (const name of await listFolder(files, join(this.#from, ARCHIVE_FOLDER))) {
      if (!name.endsWith(ASIDE_SUFFIX)) await this.#link(ARCHIVE_FOLDER, name);
    }
    for (const folder of [SEGMENT_FOLDER, LOG_FOLDER, ARCHIVE_FOLDER]) {
      await files.syncDirectory(join(this.#to, folder));
    }
    const count = this.#made.length;
    this.#made.push(join(this.#to, MANIFEST_NAME));
    await writeManifest(files, this.#to, manifest);
    await this.#syncParents();
    const spans = manifest.files.reduce((sum, { rows }) => sum + rows, 0);
    return { path: this.#to, files: count, bytes: this.#bytes, spans };
  }

  /** Removes what was made; folders stay, and are no obstacle. */
  async undo(): Promise<void> {
    for (const path of this.#made) await this.#files.remove(path).catch(() => undefined);
  }

  /** Up to the folder that has the folder of copies. */
  async #syncParents(): Promise<void> {
    let folder = this.#to;
    do {
      folder = dirname(folder);
      await this.#files.syncDirectory(folder);
    } while (basename(folder) !== BACKUP_FOLDER && folder !== dirname(folder));
    await this.#files.syncDirectory(dirname(folder));
  }

  async #link(folder: string, name: string): Promise<void> {
    const to = join(this.#to, folder, name);
    await this.#files.link(join(this.#from, folder, name), to);
    this.#made.push(to);
    this.#bytes += await this.#files.size(to);
  }

  async #copy(folder: string, name: string, bytes: number): Promise<void> {
    const source = this.#files.openSource(join(this.#from, folder, name));
    this.#made.push(join(this.#to, folder, name));
    try {
      await writeAside(this.#files, join(this.#to, folder), name, async (append) => {
        for (let at = 0; at < bytes; at += PIECE_BYTES) {
          await append([source.read(at, Math.min(PIECE_BYTES, bytes - at))]);
        }
      });
    } finally {
      source.close();
    }
    this.#bytes += bytes;
  }
}

/** Empty folders are what a failed attempt leaves. */
async function isTaken(files: DiskFiles, path: string): Promise<boolean> {
  if ((await listFolder(files, path)).includes(MANIFEST_NAME)) return true;
  for (const folder of [SEGMENT_FOLDER, LOG_FOLDER]) {
    if ((await listFolder(files, join(path, folder))).length > 0) return true;
  }
  return false;
}

function failureOf(error: unknown): unknown {
  if (error instanceof SpoorError || !(error instanceof Error && "code" in error)) return error;
  const where = { cause: String(error.code) };
  return new SpoorError("unavailable", "the backup could not be written", where, error);
}

/** A file that was there when we looked is there no more. */
function isGone(error: unknown): boolean {
  if (error instanceof SpoorError) return error.where["cause"] === "ENOENT";
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
