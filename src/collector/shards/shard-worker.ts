// The thread of a shard: reads payloads, stores their spans, answers queries about them.
//
//   take ─▶ LocalReception ─▶ SegmentStore ─▶ answer when durable
//   queries' port ─▶ servePart ─▶ the store's part
//
// A bug ends this thread, and with it the process (open-shards.ts).

import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { systemClock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { MetricsRegistry } from "../../base/metrics.ts";
import { countReceived } from "../../net/garbage.ts";
import { diskFiles } from "../../store/disk/files.ts";
import { SegmentStore } from "../../store/segment/segment-store.ts";
import { segmentMetrics } from "../../store/segment/store-counts.ts";
import type { BackupFigures } from "../../store/trace-store.ts";
import { servePart } from "../../store/serve-part.ts";
import { makeReadReceived } from "../readers.ts";
import { LocalReception, type Reading } from "../reception.ts";
import { makeSanitizer } from "../sanitize.ts";
import type { FromShard, ShardMetric, ShardSetup, ToShard } from "./shard-messages.ts";

/** How old the metrics that are scraped may be. */
const METRICS_EVERY_MS = 1_000;

const port = parentPort;
assert(port !== null, "a shard is a thread");
// Whoever starts this thread gives it this.
const setup = workerData as ShardSetup;
const say = (message: FromShard): void => port.postMessage(message);
const log: Log = {
  debug: (message, fields = {}) => say({ level: "debug", message, fields }),
  info: (message, fields = {}) => say({ level: "info", message, fields }),
  warn: (message, fields = {}) => say({ level: "warn", message, fields }),
  error: (message, fields = {}) => say({ level: "error", message, fields }),
};

const tags = new Map(setup.tags);
const registry = new MetricsRegistry();
const store = await SegmentStore.open({
  ...setup.store,
  files: diskFiles,
  clock: systemClock,
  log,
  metrics: registry,
  read: makeReadReceived(tags),
});
const reception = new LocalReception(store, makeSanitizer(tags));
const { part } = store;
servePart(setup.queries, () => ({
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
}));

port.on("message", (message: ToShard) => void answer(message));
const timer = setInterval(sayMetrics, METRICS_EVERY_MS);
sayMetrics();

async function answer({ number, question }: ToShard): Promise<void> {
  let reading: Reading | undefined;
  let isKnown = false;
  let copied: BackupFigures | undefined;
  try {
    switch (question.ask) {
      case "take":
        countReceived(question.payload.length);
        await reception.take(question.format, question.payload, (found) => (reading = found));
        break;
      case "archive":
        isKnown = await store.archive(question.id, new AbortController().signal);
        break;
      case "copy":
        copied = await store.copyTo(question.to);
        break;
      case "ready":
        await store.ready();
        break;
      case "close":
        clearInterval(timer);
        setup.queries.close();
        await store.close();
        sayMetrics();
        break;
    }
    const found = copied === undefined ? {} : { copied };
    say({ number, reading, isKnown, ...found, figures: store.figures() });
  } catch (error) {
    if (!(error instanceof SpoorError)) throw error;
    const { code, message, where } = error;
    say({ number, reading, figures: store.figures(), failure: { code, message, where } });
  }
  if (question.ask === "close") port!.close();
}

function sayMetrics(): void {
  const metrics: ShardMetric[] = [];
  for (const [key, metric] of Object.entries(registry.register(segmentMetrics))) {
    for (const [labels, series] of metric.series())
      metrics.push({ key, labels, value: series.value });
  }
  say({ figures: store.figures(), metrics });
}
