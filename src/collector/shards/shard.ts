// A shard: a store of its own with a reader before it, wherever that runs.
//
//   Shard ─┬─ LocalShard   (local-shard.ts)  here, beside the sockets
//          └─ RemoteShard  (remote-shard.ts) in a thread
//
// Not here: several of them as one store (open-shards.ts).

import type { MetricsRegistry } from "../../base/metrics.ts";
import type { Part } from "../../store/part.ts";
import type { ReceivedFormat } from "../../store/received.ts";
import type { SegmentStore } from "../../store/segment/segment-store.ts";
import { segmentMetrics } from "../../store/segment/store-counts.ts";
import type { BackupFigures, StoreFigures } from "../../store/trace-store.ts";
import type { Reading } from "../reception.ts";

/** One series of the store's metrics. */
export interface ShardMetric {
  /** In the table of metrics. */
  readonly key: string;
  readonly labels: readonly string[];
  readonly value: number;
}

export interface Shard {
  /** What it answers; archived traces are in it. */
  readonly part: Part;
  /** Not much older than a second. */
  readonly figures: StoreFigures;
  readonly metrics: readonly ShardMetric[];

  /** As `Reception.take`. */
  receive(
    format: ReceivedFormat,
    payload: Uint8Array,
    onRead: (reading: Reading) => void,
  ): Promise<void>;

  /** False if there is no such trace. */
  archive(id: Uint8Array): Promise<boolean>;

  /** Copies its directory to a folder within one of copies. */
  copyTo(to: string): Promise<BackupFigures>;

  ready(): Promise<void>;

  close(): Promise<void>;
}

export function partOf(store: SegmentStore): Part {
  const { part } = store;
  return {
    search: (query, signal, only) => part.search(query, signal, only),
    // With the archive: whatever of a trace is here.
    readTraces: (ids, signal) =>
      Promise.all(ids.map(async (id) => (await store.readTraces([id], signal))[0])),
    services: (signal) => part.services(signal),
    operations: (service, kind, signal) => part.operations(service, kind, signal),
    calls: (range, signal) => part.calls(range, signal),
    spanServices: (spans, signal) => part.spanServices(spans, signal),
    series: (query, signal) => part.series(query, signal),
    attributeKeys: (query, signal) => part.attributeKeys(query, signal),
    attributeValues: (query, signal) => part.attributeValues(query, signal),
  };
}

/** The series of a store that shows its metrics in `registry`; a value is read when it is looked at. */
export function metricsOf(registry: MetricsRegistry): readonly ShardMetric[] {
  return Object.entries(registry.register(segmentMetrics)).flatMap(([key, metric]) =>
    [...metric.series()].map(([labels, series]) => ({
      key,
      labels,
      get value() {
        return series.value;
      },
    })),
  );
}
