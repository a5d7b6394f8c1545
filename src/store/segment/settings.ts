// Settings of the embedded engine: where its data lies and how much of it there may be.
//
// All of them are ours: Jaeger has no such store.

import type { ConfigOf, Settings } from "../../base/settings.ts";
import { setting } from "../../base/settings.ts";
import { SHARDS_MAX } from "./shard-folders.ts";

export const segmentSettings = {
  "segment.directory": setting("string", "./data", {
    help: "Folder of the embedded store; made if it is not there. One process a folder.",
  }),
  "segment.durability": setting("choice", "disk", {
    help:
      "When a sender is told that its spans are stored. disk: after they have reached the disk. " +
      "os: after they were handed to the operating system; a crash of the machine loses the last. " +
      "none: at once; a crash of the process loses those that are in no file yet.",
    choices: ["disk", "os", "none"],
  }),
  "segment.retention": setting("duration", "168h", {
    help: "How long spans are kept after they came, give or take a partition; 0: for ever.",
  }),
  "segment.max-bytes": setting("bytes", "0", {
    help:
      "Bytes that files of spans may take before the oldest go; 0: no bound. The log and archived " +
      "traces come on top.",
  }),
  "segment.min-free-bytes": setting("bytes", "512MiB", {
    help:
      "Free bytes on the disk below which the oldest spans go; when that cannot help, senders are " +
      "told to come again.",
  }),
  "segment.partition": setting("duration", "1h", {
    help:
      "Arrival time of spans that go at once; less if segment.retention is short or " +
      "segment.max-bytes is small.",
    min: 60_000,
  }),
  "segment.head-max-bytes": setting("bytes", "96MiB", {
    help:
      "Memory of spans that are in no file yet, and of their index. When it is full because files " +
      "cannot be written fast enough, senders are told to come again. Of each shard: a quarter of it is a " +
      "block, and smaller ones cost more.",
    min: 33_554_432,
  }),
  "segment.shards": setting("count", 1, {
    help:
      "Into how many stores what comes is split; each but the first has a thread that reads, indexes " +
      "and logs, and each a data folder of its own. More than one is for machines with four cores or " +
      "more, and costs some 150 MB of memory each.",
    min: 1,
    max: SHARDS_MAX,
  }),
  "segment.shard-percent": setting("count", 0, {
    help:
      "How much of what comes the threads of the other shards take; 0: what the main thread cannot do " +
      "itself, told by the CPU that it uses.",
    min: 0,
    max: 100,
  }),
  "segment.cache-bytes": setting("bytes", "48MiB", {
    help: "Memory of what was read from files for queries and is kept for the next ones.",
    min: 4_194_304,
  }),
  "segment.query-workers": setting("count", 1, {
    help: "Threads that answer queries about files; each has its share of segment.cache-bytes.",
    min: 1,
    max: 16,
  }),
  "segment.log-file-bytes": setting("bytes", "32MiB", {
    help: "Size beyond which a file of the log is followed by a new one.",
    min: 1_048_576,
    max: 1_073_741_824,
  }),
} satisfies Settings;

/** `{ "segment.directory": string, … }`. */
export type SegmentConfig = ConfigOf<typeof segmentSettings>;
