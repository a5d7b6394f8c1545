// One process a directory: a second one on the same data would damage it.
//
// The lock is SQLite's exclusive lock on an empty file: an advisory lock of the kernel, so it ends with its
// process however that ends, and holds between containers that share a volume. Node has no call for it.

import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { SpoorError } from "../../base/errors.ts";

export interface DirectoryLock {
  release(): void;
}

const ADVICE =
  "a query beside a collector needs the all-in-one instead, or a directory of its own (--segment.directory)";

/**
 * @param advice what to do if another process has it.
 * @throws SpoorError `unavailable` if another process has the directory, or nobody may write there.
 */
export async function lockDirectory(directory: string, advice = ADVICE): Promise<DirectoryLock> {
  const sqlite = await import("node:sqlite");
  const database = openDatabase(sqlite.DatabaseSync, directory);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    const message = `another process uses the data directory ${directory}, and only one may: ${advice}`;
    throw new SpoorError("unavailable", message, {}, error);
  }
  return { release: () => database.close() };
}

function openDatabase(Database: typeof DatabaseSync, directory: string): DatabaseSync {
  try {
    return new Database(join(directory, "LOCK"));
  } catch (error) {
    const message = `the data directory ${directory} cannot be written to`;
    throw new SpoorError("unavailable", message, {}, error);
  }
}
