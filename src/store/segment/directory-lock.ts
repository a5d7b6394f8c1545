// One process a directory: a second one on the same data would damage it.
//
// The lock is SQLite's exclusive lock on an empty file: an advisory lock of the kernel, so it ends with its
// process however that ends, and holds between containers that share a volume. Node has no call for it.

import { join } from "node:path";
import { SpoorError } from "../../base/errors.ts";

export interface DirectoryLock {
  release(): void;
}

/** @throws SpoorError `unavailable` if another process has the directory. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(join(directory, "LOCK"));
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    const message = `another process uses the data directory ${directory}`;
    throw new SpoorError("unavailable", message, {}, error);
  }
  return { release: () => database.close() };
}
