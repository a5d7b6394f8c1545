// A file that appears whole or not at all, whatever happens meanwhile.
//
//   create NAME.new ─▶ pieces ─▶ sync ─▶ rename to NAME ─▶ sync of the folder
//
// After the promise has resolved, the file is there after a power cut too. Before, a power cut leaves the
// file that had the name before, or the new one; and maybe NAME.new, which nobody reads.

import { join } from "node:path";
import type { DiskFiles } from "./files.ts";

/** Ends the name of a file that is being written. */
export const ASIDE_SUFFIX = ".new";

/** Writes one piece behind those before it; it may be changed when the promise has resolved. */
export type Append = (pieces: readonly Uint8Array[]) => Promise<void>;

/**
 * Writes `directory/name`. @throws what the disk or `write` throws; the old file is there then, and what
 * was written aside is removed as far as the disk allows.
 */
export async function writeAside(
  files: DiskFiles,
  directory: string,
  name: string,
  write: (append: Append) => Promise<void>,
): Promise<void> {
  const aside = join(directory, `${name}${ASIDE_SUFFIX}`);
  const handle = await createAnew(files, aside);
  try {
    try {
      let at = 0;
      await write(async (pieces) => {
        at += await writeAll(files, handle, pieces, at);
      });
      await files.sync(handle);
    } finally {
      await files.close(handle);
    }
    await files.rename(aside, join(directory, name));
  } catch (error) {
    await files.remove(aside).catch(() => undefined);
    throw error;
  }
  await files.syncDirectory(directory);
}

/** Writes all of `pieces` from `position` on. @returns how many bytes they are. */
export async function writeAll(
  files: DiskFiles,
  handle: number,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<number> {
  let left = pieces.filter((piece) => piece.length > 0);
  let at = position;
  while (left.length > 0) {
    const written = await files.write(handle, left, at);
    if (written === 0) throw new Error("the disk took no bytes");
    at += written;
    left = without(left, written);
  }
  return at - position;
}

/** `pieces` less their first `bytes` bytes. */
function without(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let rest = bytes;
  let first = 0;
  while (first < pieces.length && rest >= pieces[first]!.length) rest -= pieces[first++]!.length;
  const left = pieces.slice(first);
  if (rest > 0) left[0] = left[0]!.subarray(rest);
  return left;
}

/** A file of that name that is there is what an earlier process did not finish. */
async function createAnew(files: DiskFiles, path: string): Promise<number> {
  try {
    return await files.create(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  await files.remove(path);
  return files.create(path);
}
