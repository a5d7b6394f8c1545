// The calls to the file system that logs and segments make: an argument, so that a test can make them fail.
//
// Writing waits for nobody: every call that may take long is asynchronous. Reading a source is synchronous:
// whoever reads many small pieces runs in a worker, and a promise a piece would cost more than the piece.
//
// Not here: what is done about a failure (log-writer.ts); writing a file whole or not at all
// (write-aside.ts).

import {
  close,
  closeSync,
  fdatasync,
  fstatSync,
  ftruncate,
  open,
  openSync,
  readSync,
  writev,
} from "node:fs";
import {
  link,
  mkdir,
  open as openHandle,
  readFile,
  readdir,
  rename,
  stat,
  statfs,
  unlink,
} from "node:fs/promises";
import { promisify } from "node:util";
import { assert } from "../../base/assert.ts";
import { SpoorError } from "../../base/errors.ts";

/** Bytes that can be read anywhere: of a file, of a part of one, or in memory. */
export interface Source {
  readonly bytes: number;
  /**
   * Exactly `length` bytes from `offset` on; they stay as they are.
   *
   * @param into memory of the caller that may be read into instead: they stay until it changes.
   * @throws SpoorError `unavailable`.
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array;
}

/** A file that is open for reading. What it holds stays readable when its name is removed. */
export interface OpenSource extends Source {
  close(): void;
}

export interface DiskFiles {
  makeDirectory(path: string): Promise<void>;
  /** Names in `path`, in no order. */
  list(path: string): Promise<string[]>;
  read(path: string): Promise<Uint8Array>;
  /** Opens a new file for writing; it must not exist. */
  create(path: string): Promise<number>;
  /** Opens a file that exists, for writing. */
  open(path: string): Promise<number>;
  /** Writes pieces one after the other from `position` on. @returns bytes written, maybe fewer. */
  write(file: number, pieces: readonly Uint8Array[], position: number): Promise<number>;
  /** Resolves when what was written has reached the disk. */
  sync(file: number): Promise<void>;
  truncate(file: number, bytes: number): Promise<void>;
  close(file: number): Promise<void>;
  /** Puts the file in the place of any other of that name. */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name on the same disk; the name must be free. */
  link(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Opens a file for reading; at once, without a promise. @throws SpoorError `unavailable`. */
  openSource(path: string): OpenSource;
  /** Bytes of a file. */
  size(path: string): Promise<number>;
  /** Bytes that are free for us on the disk of `path`. */
  freeBytes(path: string): Promise<number>;
  /** Resolves when names created, renamed and removed in `path` have reached the disk. */
  syncDirectory(path: string): Promise<void>;
}

const writePieces = promisify(writev) as unknown as (
  file: number,
  pieces: readonly Uint8Array[],
  position: number,
) => Promise<{ bytesWritten: number }>;
const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);
const truncateFile = promisify(ftruncate);

export const diskFiles: DiskFiles = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true });
  },
  list: (path) => readdir(path),
  read: (path) => readFile(path),
  create: (path) => openFile(path, "wx"),
  open: (path) => openFile(path, "r+"),
  async write(file, pieces, position) {
    const { bytesWritten } = await writePieces(file, pieces, position);
    return bytesWritten;
  },
  sync: (file) => syncFile(file),
  truncate: (file, bytes) => truncateFile(file, bytes),
  close: (file) => closeFile(file),
  rename: (from, to) => rename(from, to),
  link: (from, to) => link(from, to),
  remove: (path) => unlink(path),
  openSource: openFileSource,
  async size(path) {
    return (await stat(path)).size;
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
  async syncDirectory(path) {
    const handle = await openHandle(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

function openFileSource(path: string): OpenSource {
  const file = attempt("cannot be opened", {}, () => openSync(path, "r"));
  const bytes = attempt("has no size", {}, () => fstatSync(file).size);
  let isOpen = true;
  return {
    bytes,
    read(offset, length, into) {
      // A number of a closed file may be another file's by now.
      assert(isOpen, "a source is not read after it was closed");
      checkStretch(bytes, offset, length);
      const out =
        into?.subarray(0, length) ?? new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
      assert(out.length === length, "there is room for what is read");
      for (let at = 0; at < length;) {
        const where = { offset: offset + at, bytes: length - at };
        const count = attempt("cannot be read", where, () =>
          readSync(file, out, at, length - at, offset + at),
        );
        if (count === 0) throw new SpoorError("unavailable", "the file was cut short", where);
        at += count;
      }
      return out;
    },
    close() {
      if (isOpen) closeSync(file);
      isOpen = false;
    },
  };
}

/** @throws SpoorError `unavailable` if a source of `bytes` bytes has no such stretch. */
export function checkStretch(bytes: number, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= bytes) return;
  const where = { offset, length, bytes };
  throw new SpoorError("unavailable", "the file has no such bytes", where);
}

function attempt<T>(what: string, where: Readonly<Record<string, number>>, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new SpoorError("unavailable", `a file ${what}`, { ...where, cause: code }, error);
  }
}
