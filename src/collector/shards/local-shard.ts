// The shard that lives in the thread of the sockets: what it takes goes nowhere.
//
//   payload ─▶ LocalReception ─▶ SegmentStore
//
// Not here: shards in threads (remote-shard.ts).

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { MetricsRegistry } from "../../base/metrics.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type { DiskFiles } from "../../store/disk/files.ts";
import type { Part } from "../../store/part.ts";
import type { Received, ReceivedFormat } from "../../store/received.ts";
import type { Builder } from "../../store/segment/builder.ts";
import { SegmentStore } from "../../store/segment/segment-store.ts";
import type { BackupFigures, StoreFigures } from "../../store/trace-store.ts";
import { type ReadPayload, makeReadReceived } from "../readers.ts";
import { LocalReception, type Reading } from "../reception.ts";
import { makeSanitizer } from "../sanitize.ts";
import type { PlainStoreOptions } from "./shard-messages.ts";
import { type Shard, type ShardMetric, metricsOf, partOf } from "./shard.ts";

export interface LocalShardOptions {
  readonly store: PlainStoreOptions;
  readonly tags: ReadonlyMap<string, string>;
  readonly files: DiskFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** Closed with the shard. */
  readonly builder: Builder;
}

/** @throws SpoorError what opening its store throws. */
export async function openLocalShard(options: LocalShardOptions): Promise<LocalShard> {
  const { store: plain, tags, files, clock, log, builder } = options;
  const metrics = new MetricsRegistry();
  const read = makeReadReceived(tags);
  const store = await SegmentStore.open({
    ...plain,
    files,
    clock,
    log,
    builder,
    metrics,
    read,
  });
  return new LocalShard(store, metrics, new LocalReception(store, makeSanitizer(tags)));
}

export class LocalShard implements Shard {
  readonly part: Part;
  readonly metrics: readonly ShardMetric[];
  readonly #store: SegmentStore;
  readonly #reception: LocalReception;

  /** Use `openLocalShard`. */
  constructor(store: SegmentStore, registry: MetricsRegistry, reception: LocalReception) {
    this.#store = store;
    this.metrics = metricsOf(registry);
    this.#reception = reception;
    this.part = partOf(store);
  }

  get figures(): StoreFigures {
    return this.#store.figures();
  }

  receive(
    format: ReceivedFormat,
    payload: Uint8Array,
    onRead: (reading: Reading) => void,
    read?: ReadPayload,
  ): Promise<void> {
    return this.#reception.take(format, payload, onRead, read);
  }

  /** As `TraceStore.write`. */
  write(batch: SpanBatch, received?: Received): Promise<void> {
    return this.#store.write(batch, received);
  }

  archive(id: Uint8Array): Promise<boolean> {
    return this.#store.archive(id, new AbortController().signal);
  }

  copyTo(to: string): Promise<BackupFigures> {
    return this.#store.copyTo(to);
  }

  ready(): Promise<void> {
    return this.#store.ready();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
