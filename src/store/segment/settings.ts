// Settings of the embedded engine: where its data lies and how much of it there may be.
//
// All of them are ours: Jaeger has no such store.

import type { ConfigOf, Settings } from "../../base/settings.ts";
import { setting } from "../../base/settings.ts";

export const segmentSettings = {
  "segment.directory": setting("string", "./data", {
    help: "Folder of the embedded store; made if it is not there. One process a folder.",
  }),
  "segment.durability": setting("choice", "disk", {
    help:
      "When a sender is told that its spans are stored. disk: after they have reached the disk. " +
      "os: after they were handed to the operating system; a crash of the machine loses the last.",
    choices: ["disk", "os"],
  }),
  "segment.head-max-bytes": setting("bytes", "512MiB", {
    help: "Memory that spans and their index may take before the oldest trace goes.",
    min: 33_554_432,
  }),
  "segment.log-file-bytes": setting("bytes", "32MiB", {
    help: "Size beyond which a file of the log is followed by a new one.",
    min: 1_048_576,
    max: 1_073_741_824,
  }),
  "segment.min-free-bytes": setting("bytes", "512MiB", {
    help: "Free bytes on the disk below which senders are told to come again.",
  }),
} satisfies Settings;

/** `{ "segment.directory": string, … }`. */
export type SegmentConfig = ConfigOf<typeof segmentSettings>;
