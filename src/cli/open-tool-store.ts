// A data directory opened by a command, in its own process: nothing is dropped, merged or waited for.
//
// Not here: how a role opens its store, with settings and workers (open-role.ts).

import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { type Log, silentLog } from "../base/log.ts";
import { makeReadReceived } from "../collector/readers.ts";
import { diskFiles } from "../store/disk/files.ts";
import { JoinedPart } from "../store/join-parts.ts";
import { PartQueries } from "../store/part-queries.ts";
import { MANIFEST_NAME } from "../store/file/manifest.ts";
import { SegmentStore } from "../store/segment/segment-store.ts";
import { countShards, shardFolder } from "../store/segment/shard-folders.ts";
import type { TraceStore } from "../store/trace-store.ts";

/** A command has the machine for itself, but it may be a small one. */
const HEAD_BYTES_MAX = 128 * 1024 * 1024;
const CACHE_BYTES = 64 * 1024 * 1024;
const LOG_FILE_BYTES_MAX = 32 * 1024 * 1024;
const PARTITION_MS = 3_600_000;

/** The half of a store that an export needs. */
export type ToolReads = Pick<TraceStore, "search" | "readTraces">;

/**
 * @param onComplaint told what is wrong with the directory, line by line.
 * @throws SpoorError `unavailable` if another process has it.
 */
export function openToolStore(
  directory: string,
  onComplaint: (text: string) => void,
): Promise<SegmentStore> {
  const complain: Log["warn"] = (message, fields = {}) => {
    const parts = Object.entries(fields).map(([key, value]) => `${key} ${value}`);
    onComplaint(parts.length === 0 ? message : `${message} (${parts.join(", ")})`);
  };
  return SegmentStore.open({
    directory,
    durability: "disk",
    logFileBytesMax: LOG_FILE_BYTES_MAX,
    headBytesMax: HEAD_BYTES_MAX,
    partitionMs: PARTITION_MS,
    retentionMs: 0,
    bytesMax: 0,
    freeBytesMin: 0,
    files: diskFiles,
    clock: systemClock,
    log: { ...silentLog, warn: complain, error: complain },
    read: makeReadReceived(new Map()),
    inline: true,
    cacheBytes: CACHE_BYTES,
    tendMs: 0,
  });
}

/** What a directory answers, with all its shards; `close` it. @throws as `openToolStore`. */
export async function openToolReads(
  directory: string,
  onComplaint: (text: string) => void,
): Promise<{ readonly reads: ToolReads; close(): Promise<void> }> {
  const stores: SegmentStore[] = [];
  const close = async (): Promise<void> => {
    for (const store of stores) await store.close();
  };
  try {
    const count = await countShards(diskFiles, directory);
    for (let shard = 0; shard < count; shard++) {
      stores.push(await openToolStore(shardFolder(directory, shard), onComplaint));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const parts = stores.map((store) => store.part);
  const reads =
    stores.length === 1
      ? stores[0]!
      : new PartQueries(new JoinedPart(() => ({ parts, done: () => undefined })));
  return { reads, close };
}

/** @throws SpoorError `bad-input` if nothing of a data directory is there: none shall be made. */
export function requireDataDirectory(directory: string): void {
  const isThere = [MANIFEST_NAME, "log"].some((name) => existsSync(join(directory, name)));
  if (isThere) return;
  const message = `${directory} is no data directory: it has neither manifest nor log`;
  throw new SpoorError("bad-input", message);
}
