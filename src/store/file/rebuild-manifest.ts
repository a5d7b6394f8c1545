// The manifest made anew from the files themselves, when it is damaged or gone.
//
//   files   1-8 ████████            the widest file that is whole counts: merging replaces, so what lies
//           1-4 ▒▒▒▒  5-5 ▒         within its blocks is a source that was not removed yet
//                         9-9 █
//   log     position in the footer of the file with the highest block that counts
//
// Nothing is found twice: a record up to that position is in files that count, or in damaged ones and lost;
// every record behind it is replayed. What damaged newest files held comes back as far as the log has it.
// Not known any more: what retention dropped; and files that were dropped, but not removed yet, are back.
//
// Trust: a file counts if its footer is whole and says what its name says.
// Not here: who asks for it (segment-store.ts at a start, verify-directory.ts).

import { join } from "node:path";
import { SpoorError } from "../../base/errors.ts";
import { PageCache } from "../block/page-cache.ts";
import type { DiskFiles } from "../disk/files.ts";
import { EMPTY_MANIFEST, type Manifest } from "./manifest.ts";
import { openSegment } from "./segment-file.ts";
import { SEGMENT_FOLDER, type SegmentFigures, parseSegmentFileName } from "./segment-layout.ts";

/** Folder of the data directory for files that cannot be read: for people, nothing reads it. */
export const ASIDE_FOLDER = "aside";

export interface RebuiltManifest {
  readonly manifest: Manifest;
  /** Names of files that cannot be opened, and why. They must leave the folder: their ids come again. */
  readonly damaged: readonly { readonly name: string; readonly error: SpoorError }[];
  /** Names of whole files whose blocks are in a wider one. */
  readonly replaced: readonly string[];
}

/**
 * Reads the footer of every file in the data directory; writes nothing. Cost: 0.1 ms a file.
 *
 * @throws what the disk throws if the folder cannot be listed.
 */
export async function rebuildManifest(
  files: DiskFiles,
  directory: string,
): Promise<RebuiltManifest> {
  const folder = join(directory, SEGMENT_FOLDER);
  const found: SegmentFigures[] = [];
  const damaged: { name: string; error: SpoorError }[] = [];
  let highest = 0;
  for (const name of (await listFolder(files, folder)).sort()) {
    const blocks = parseSegmentFileName(name);
    if (blocks === undefined) continue;
    try {
      found.push(readFigures(files, folder, name));
      highest = Math.max(highest, blocks.lastBlock);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      damaged.push({ name, error });
    }
  }
  const counted = chooseWidest(found);
  const manifest = {
    ...EMPTY_MANIFEST,
    nextBlock: highest + 1,
    log: counted.at(-1)?.log ?? EMPTY_MANIFEST.log,
    files: counted,
  };
  const replaced = found.filter((file) => !counted.includes(file)).map(({ name }) => name);
  return { manifest, damaged, replaced };
}

/** What a segment file says of itself. @throws SpoorError `unavailable` if it is damaged. */
export function readFigures(files: DiskFiles, folder: string, name: string): SegmentFigures {
  const file = openSegment(files.openSource(join(folder, name)), new PageCache(0));
  file.close();
  if (file.figures.name === name) return file.figures;
  const message = `damaged segment file: it holds the blocks of ${file.figures.name}`;
  throw new SpoorError("unavailable", message, { section: "footer" });
}

/** Names in a folder; none if there is no such folder. */
export async function listFolder(files: DiskFiles, folder: string): Promise<string[]> {
  try {
    return await files.list(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Moves `path`, a file of the data directory, to its folder `aside`. The move is durable after the folder
 * that it left was synced.
 */
export async function moveAside(
  files: DiskFiles,
  directory: string,
  folder: string,
  name: string,
): Promise<string> {
  const aside = join(directory, ASIDE_FOLDER);
  await files.makeDirectory(aside);
  const taken = new Set(await files.list(aside));
  let free = name;
  for (let copy = 2; taken.has(free); copy++) free = `${name}.${copy}`;
  await files.rename(join(directory, folder, name), join(aside, free));
  await files.syncDirectory(aside);
  await files.syncDirectory(join(directory, folder));
  return join(ASIDE_FOLDER, free);
}

/** Files of which no block is in two, oldest first. */
function chooseWidest(found: readonly SegmentFigures[]): SegmentFigures[] {
  const width = ({ firstBlock, lastBlock }: SegmentFigures): number => lastBlock - firstBlock;
  const chosen: SegmentFigures[] = [];
  for (const file of found.toSorted((one, two) => width(two) - width(one))) {
    const overlaps = chosen.some(
      (one) => one.firstBlock <= file.lastBlock && file.firstBlock <= one.lastBlock,
    );
    if (!overlaps) chosen.push(file);
  }
  return chosen.sort((one, two) => one.firstBlock - two.firstBlock);
}
