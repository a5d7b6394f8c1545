// Where the data of shards lies: each has a data directory of its own, alike in everything.
//
//   <directory>             of shard 0: the data of a store without shards
//   <directory>/shards/<n>  of shard n

import { join } from "node:path";
import type { DiskFiles } from "../disk/files.ts";

const FOLDER = "shards";
/** Each has a thread, one more that reads files, and half of one that writes them. */
export const SHARDS_MAX = 64;

export function shardFolder(directory: string, shard: number): string {
  return shard === 0 ? directory : join(directory, FOLDER, String(shard));
}

/** How many shards a directory has: 1 if it is new. */
export async function countShards(files: DiskFiles, directory: string): Promise<number> {
  let names: string[];
  try {
    names = await files.list(join(directory, FOLDER));
  } catch {
    return 1; // There is no such folder.
  }
  const numbers = names.filter((name) => /^[1-9]\d?$/.test(name)).map(Number);
  return 1 + Math.max(0, ...numbers.filter((number) => number < SHARDS_MAX));
}
