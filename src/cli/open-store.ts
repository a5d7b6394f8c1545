// Opens the store that the settings name. What an engine needs is loaded only with it.
//
//   memory           a store in this process
//   segment          the embedded engine, in this thread; with --segment.shards=N also in N - 1 others

import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import type { Reception } from "../collector/reception.ts";
import type { MemoryConfig } from "../store/memory/settings.ts";
import type { SegmentConfig } from "../store/segment/settings.ts";
import type { TraceStore } from "../store/trace-store.ts";
import type { CommonConfig } from "./settings.ts";

export interface StoreParts {
  readonly config: CommonConfig & MemoryConfig & SegmentConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  /** What `collector.tags` adds: a store that keeps payloads reads them as they were read before. */
  readonly tags?: ReadonlyMap<string, string> | undefined;
  readonly onBug: (error: unknown) => void;
}

export interface OpenStore {
  readonly store: TraceStore;
  /** Where payloads are read, if not in this thread. */
  readonly reception?: Reception;
}

/** @throws SpoorError if it cannot be opened. */
export async function openStore(parts: StoreParts): Promise<OpenStore> {
  const { config, clock, log, metrics, onBug } = parts;
  if (config["span-storage.type"] === "memory") {
    const { makeMemoryStore } = await import("../store/memory/memory-store.ts");
    const bounds = { tracesMax: config["memory.max-traces"], bytesMax: config["memory.max-bytes"] };
    return { store: makeMemoryStore(bounds, clock) };
  }
  const tags = parts.tags ?? new Map<string, string>();
  const { diskFiles: files } = await import("../store/disk/files.ts");
  const options = {
    directory: config["segment.directory"],
    durability: config["segment.durability"],
    logFileBytesMax: config["segment.log-file-bytes"],
    headBytesMax: config["segment.head-max-bytes"],
    partitionMs: config["segment.partition"],
    retentionMs: config["segment.retention"],
    bytesMax: config["segment.max-bytes"],
    freeBytesMin: config["segment.min-free-bytes"],
    cacheBytes: config["segment.cache-bytes"],
    queryWorkers: config["segment.query-workers"],
  };
  const { countShards } = await import("../store/segment/shard-folders.ts");
  const shards = config["segment.shards"];
  if (Math.max(shards, await countShards(files, options.directory)) > 1) {
    const { openShards } = await import("../collector/shards/open-shards.ts");
    const sharing = config["segment.shard-percent"] / 100;
    return openShards({ store: options, shards, sharing, tags, files, clock, metrics, log, onBug });
  }
  const { SegmentStore } = await import("../store/segment/segment-store.ts");
  const { makeReadReceived } = await import("../collector/readers.ts");
  const read = makeReadReceived(tags);
  return { store: await SegmentStore.open({ ...options, files, clock, log, metrics, read }) };
}
