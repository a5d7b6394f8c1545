// The calls to the file system that logs and segments make: an argument, so that a test can make them fail.
//
// Not here: what is done about a failure (log-writer.ts).

import { close, fdatasync, ftruncate, open, writev } from "node:fs";
import {
  mkdir,
  open as openHandle,
  readFile,
  readdir,
  rename,
  statfs,
  unlink,
} from "node:fs/promises";
import { promisify } from "node:util";

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
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
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
  remove: (path) => unlink(path),
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
