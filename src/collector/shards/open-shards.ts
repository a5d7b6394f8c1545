// Several shards as one store: payloads go to the one with the least to do, questions to all.
//
//   payload ─▶ the shard with the fewest in flight ─▶ its thread reads, logs, stores
//   question ─▶ JoinedPart over all shards
//
// A start with fewer shards than the directory has opens all of them; those beyond the number answer
// questions and take nothing. A trace's spans may lie in every shard.
//
// Not here: a shard (shard.ts), joining answers (store/join-parts.ts), where data lies (shard-folders.ts).

import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { AnyMetric, MetricsRegistry } from "../../base/metrics.ts";
import { JoinedPart } from "../../store/join-parts.ts";
import { PartQueries, readsOf } from "../../store/part-queries.ts";
import type { DiskFiles } from "../../store/disk/files.ts";
import { backupFolder } from "../../store/segment/backup.ts";
import { countShards, shardFolder } from "../../store/segment/shard-folders.ts";
import { segmentMetrics } from "../../store/segment/store-counts.ts";
import type { StoreFigures, TraceStore } from "../../store/trace-store.ts";
import type { Reception } from "../reception.ts";
import type { PlainStoreOptions } from "./shard-messages.ts";
import { type Shard, openShard } from "./shard.ts";

export interface ShardsOptions {
  /** Of shard 0; the others are alike, each in its own folder. Bounds are those of all together. */
  readonly store: PlainStoreOptions;
  /** How many take what comes. */
  readonly shards: number;
  readonly tags: ReadonlyMap<string, string>;
  readonly files: DiskFiles;
  readonly metrics: MetricsRegistry;
  readonly log: Log;
  /** Called when a shard's thread ends by itself: the process should end. */
  readonly onBug: (error: unknown) => void;
}

export interface Shards {
  readonly store: TraceStore;
  readonly reception: Reception;
}

/** @throws SpoorError if one of them cannot be opened; none is open then. */
export async function openShards(options: ShardsOptions): Promise<Shards> {
  const { store, tags, files, log, onBug } = options;
  const count = Math.max(options.shards, await countShards(files, store.directory));
  const opening = Array.from({ length: count }, async (_, number) => {
    const directory = shardFolder(store.directory, number);
    await files.makeDirectory(directory);
    const own = { ...store, ...boundsOf(store, count), directory };
    return openShard({ store: own, tags: [...tags], log, onBug });
  });
  const opened = await Promise.allSettled(opening);
  const shards = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = opened.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    await Promise.all(shards.map((shard) => shard.close()));
    throw failed.reason;
  }
  showMetrics(shards, options.metrics);
  const takers = shards.slice(0, options.shards);
  const reception: Reception = {
    take(format, payload, onRead, read) {
      if (read !== undefined) throw new SpoorError("unsupported", "a reader of the caller's own");
      return leastBusy(takers).receive(format, payload, onRead);
    },
  };
  return { store: makeStore(store.directory, shards, takers), reception };
}

/** Every shard has its share of what the process may hold. */
function boundsOf(store: PlainStoreOptions, shards: number): Partial<PlainStoreOptions> {
  const { headBytesMax, bytesMax, cacheBytes } = store;
  return {
    headBytesMax: headBytesMax / shards,
    bytesMax: bytesMax / shards,
    ...(cacheBytes === undefined ? {} : { cacheBytes: cacheBytes / shards }),
  };
}

function leastBusy(shards: readonly Shard[]): Shard {
  return shards.reduce((best, shard) => (shard.inFlight < best.inFlight ? shard : best));
}

function makeStore(
  directory: string,
  shards: readonly Shard[],
  takers: readonly Shard[],
): TraceStore {
  const parts = shards.map((shard) => shard.part);
  const queries = new PartQueries(new JoinedPart(() => ({ parts, done() {} })));
  return {
    ...readsOf(queries),
    capabilities: { searchWithoutService: true, archive: true, series: true },
    write(_, received) {
      if (received === undefined) {
        return Promise.reject(new SpoorError("unsupported", "a batch without its payload"));
      }
      return leastBusy(takers).receive(received.format, received.payload, () => undefined);
    },
    async archive(id) {
      const known = await Promise.all(shards.map((shard) => shard.archive(id)));
      return known.includes(true);
    },
    async backup(name) {
      const path = backupFolder(directory, name);
      // The copy has shards as the directory has.
      const copied = await Promise.all(
        shards.map((shard, number) => shard.copyTo(shardFolder(path, number))),
      );
      const sum = (key: "files" | "bytes" | "spans"): number =>
        copied.reduce((total, one) => total + one[key], 0);
      return { path, files: sum("files"), bytes: sum("bytes"), spans: sum("spans") };
    },
    async ready() {
      await Promise.all(takers.map((shard) => shard.ready()));
    },
    figures: () => sumFigures(shards.map((shard) => shard.figures)),
    async close() {
      await Promise.all(shards.map((shard) => shard.close()));
    },
  };
}

function sumFigures(all: readonly StoreFigures[]): StoreFigures {
  const sum = (key: keyof StoreFigures): number => all.reduce((total, one) => total + one[key], 0);
  return {
    // A trace that lies in several shards counts in each.
    traces: sum("traces"),
    spans: sum("spans"),
    bytes: sum("bytes"),
    evictedSpans: sum("evictedSpans"),
    evictedTraces: sum("evictedTraces"),
    recoveredSpans: sum("recoveredSpans"),
    lostRecords: sum("lostRecords"),
  };
}

/** The shards' metrics added up, as those of one store. */
function showMetrics(shards: readonly Shard[], registry: MetricsRegistry): void {
  const table = new Map<string, AnyMetric>(Object.entries(registry.register(segmentMetrics)));
  const shown = new Set<string>();
  const valueOf = (name: string): number => {
    const values = shards.flatMap((shard) => shard.metrics.get(name)?.value ?? []);
    // The free bytes of one disk are those of all.
    return name === "freeBytes" ? Math.min(...values) : values.reduce((sum, one) => sum + one, 0);
  };
  const show = ({ metrics }: Shard): void => {
    for (const [name, { key, labels }] of metrics) {
      const metric = table.get(key);
      if (metric === undefined || shown.has(name)) continue;
      shown.add(name);
      const names = metric.declaration.labels;
      const series = metric.with(Object.fromEntries(names.map((one, i) => [one, labels[i] ?? ""])));
      if ("readFrom" in series) series.readFrom(() => valueOf(name));
    }
  };
  for (const shard of shards) {
    show(shard);
    shard.onMetrics = show;
  }
}
