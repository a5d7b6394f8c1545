// Several shards as one store: payloads go to who has time, questions to all.
//
//   payload ─▶ shard 0, in this thread, which has the sockets of all ─▶ reads, logs, stores
//         └──▶ this thread's processor is full (load-share.ts): the thread with the least before it
//   question ─▶ JoinedPart over all shards
//
// A start with fewer shards than the directory has opens all of them; those beyond the number answer
// questions and take nothing. A trace's spans may lie in every shard.
//
// Not here: a shard (shard.ts), joining answers (store/join-parts.ts), where data lies (shard-folders.ts).

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { AnyMetric, MetricsRegistry } from "../../base/metrics.ts";
import { JoinedPart } from "../../store/join-parts.ts";
import { PartQueries, readsOf } from "../../store/part-queries.ts";
import type { DiskFiles } from "../../store/disk/files.ts";
import { backupFolder } from "../../store/segment/backup.ts";
import { countShards, shardFolder } from "../../store/segment/shard-folders.ts";
import { segmentMetrics } from "../../store/segment/store-counts.ts";
import type { StoreFigures, TraceStore } from "../../store/trace-store.ts";
import { WorkerBuilder } from "../../store/segment/worker-builder.ts";
import type { Reception } from "../reception.ts";
import { FixedShare, LoadShare, type Sharing } from "./load-share.ts";
import { LocalShard, openLocalShard } from "./local-shard.ts";
import { type RemoteShard, openRemoteShard } from "./remote-shard.ts";
import type { PlainStoreOptions } from "./shard-messages.ts";
import type { Shard } from "./shard.ts";

/** One thread writes the files of so many: writing takes a third to half of the CPU of reading and indexing. */
const BUILDER_SHARDS = 2;

/** Two or three usual batches: a thread never waits for us. */
const UNREAD_BYTES_MAX = 512 * 1024;

export interface ShardsOptions {
  /** Of shard 0; the others are alike, each in its own folder. Bounds but the head's are those of all together. */
  readonly store: PlainStoreOptions;
  /** How many take what comes. */
  readonly shards: number;
  readonly tags: ReadonlyMap<string, string>;
  readonly files: DiskFiles;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
  readonly log: Log;
  /** Called when a shard's thread ends by itself: the process should end. */
  readonly onBug: (error: unknown) => void;
  /** What goes to other threads, or its share of all bytes; 0: as the load of this one tells. */
  readonly sharing: Sharing | number;
}

export interface Shards {
  readonly store: TraceStore;
  readonly reception: Reception;
}

/** @throws SpoorError if one of them cannot be opened; none is open then. */
export async function openShards(options: ShardsOptions): Promise<Shards> {
  const { store, tags, files, clock, log, onBug } = options;
  const count = Math.max(options.shards, await countShards(files, store.directory));
  const own = (number: number): PlainStoreOptions => ({
    ...store,
    ...boundsOf(store, count),
    directory: shardFolder(store.directory, number),
  });
  const builders = Array.from(
    { length: Math.ceil(count / BUILDER_SHARDS) },
    (_, at) => new WorkerBuilder({ directory: own(at * BUILDER_SHARDS).directory, log }),
  );
  const opening = openLocalShard({ store: own(0), tags, files, clock, log, builder: builders[0]! });
  const others = Array.from({ length: count - 1 }, async (_, index) => {
    const plain = own(index + 1);
    const builder = builders[Math.floor((index + 1) / BUILDER_SHARDS)]!;
    await files.makeDirectory(plain.directory);
    return openRemoteShard({ store: plain, tags: [...tags], clock, log, builder, onBug });
  });
  const opened = await Promise.allSettled([opening, ...others]);
  const failed = opened.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    const open = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    await closeAll(open, builders);
    throw failed.reason;
  }
  const local = await opening;
  const threads = await Promise.all(others);
  showMetrics([local, ...threads], options.metrics);
  const takers = threads.slice(0, options.shards - 1);
  const sharing = makeSharing(options.sharing, clock);
  const reception = makeReception(local, takers, sharing);
  const close = (): Promise<void> => closeAll([local, ...threads], builders);
  const joined = makeStore({ directory: store.directory, local, threads, takers, close });
  return { store: joined, reception };
}

/** Shards that are asked to build wait for that: the builders end last, and shard 0 has the first of them. */
async function closeAll(
  shards: readonly Shard[],
  builders: readonly WorkerBuilder[],
): Promise<void> {
  const isLocal = (shard: Shard): boolean => shard instanceof LocalShard;
  await Promise.all(shards.filter((shard) => !isLocal(shard)).map((shard) => shard.close()));
  await Promise.all(shards.filter(isLocal).map((shard) => shard.close()));
  await Promise.all(builders.map((builder) => builder.close()));
}

function makeSharing(sharing: Sharing | number, clock: Clock): Sharing {
  if (typeof sharing !== "number") return sharing;
  return sharing === 0 ? new LoadShare(clock, threadCpuMs) : new FixedShare(sharing);
}

/** Of the thread that asks. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function makeReception(
  local: LocalShard,
  threads: readonly RemoteShard[],
  sharing: Sharing,
): Reception {
  let turn = 0;
  return {
    take(format, payload, onRead, read) {
      const goesOn = read === undefined && sharing.goesOn(payload.length);
      const thread = goesOn ? findIdlest(threads, turn++) : undefined;
      return thread === undefined || read !== undefined
        ? local.receive(format, payload, onRead, read)
        : thread.receive(format, payload, onRead);
    },
  };
}

/** @param first is asked first, another one each time. @returns undefined if none has time. */
function findIdlest(threads: readonly RemoteShard[], first: number): RemoteShard | undefined {
  let idlest: RemoteShard | undefined;
  let least = UNREAD_BYTES_MAX;
  for (let at = 0; at < threads.length; at++) {
    const thread = threads[(first + at) % threads.length]!;
    const { unreadBytes, isFull } = thread;
    // One that refuses all has nothing before it.
    if (isFull || unreadBytes >= least) continue;
    least = unreadBytes;
    idlest = thread;
  }
  return idlest;
}

/** Every shard has its share of what the process may hold, but a head for blocks of the same size. */
function boundsOf(store: PlainStoreOptions, shards: number): Partial<PlainStoreOptions> {
  const { bytesMax, cacheBytes } = store;
  return {
    bytesMax: bytesMax / shards,
    ...(cacheBytes === undefined ? {} : { cacheBytes: cacheBytes / shards }),
  };
}

interface JoinedShards {
  readonly directory: string;
  readonly local: LocalShard;
  readonly threads: readonly RemoteShard[];
  readonly takers: readonly RemoteShard[];
  readonly close: () => Promise<void>;
}

function makeStore({ directory, local, threads, takers, close }: JoinedShards): TraceStore {
  const shards: readonly Shard[] = [local, ...threads];
  const parts = shards.map((shard) => shard.part);
  const queries = new PartQueries(new JoinedPart(() => ({ parts, done() {} })));
  return {
    ...readsOf(queries),
    capabilities: { searchWithoutService: true, archive: true, series: true },
    write: (batch, received) => local.write(batch, received),
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
      await Promise.all([local, ...takers].map((shard) => shard.ready()));
    },
    figures: () => sumFigures(shards.map((shard) => shard.figures)),
    close,
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

/** The shards' metrics added up, as those of one store. Each shard has the series that all have. */
function showMetrics(shards: readonly Shard[], registry: MetricsRegistry): void {
  const table = new Map<string, AnyMetric>(Object.entries(registry.register(segmentMetrics)));
  for (const [at, { key, labels }] of shards[0]!.metrics.entries()) {
    const metric = table.get(key);
    if (metric === undefined) continue;
    const names = metric.declaration.labels;
    const series = metric.with(Object.fromEntries(names.map((one, i) => [one, labels[i] ?? ""])));
    if (!("readFrom" in series)) continue;
    series.readFrom(() => {
      const values = shards.map((shard) => shard.metrics[at]!.value);
      // The free bytes of one disk are those of all.
      return key === "freeBytes" ? Math.min(...values) : values.reduce((sum, one) => sum + one, 0);
    });
  }
}
