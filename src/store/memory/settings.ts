// Settings of the memory store: what it holds before the oldest trace goes.
//
// Source: Jaeger's `memory.max-traces`; `memory.max-bytes` is ours.

import type { ConfigOf, Settings } from "../../base/settings.ts";
import { setting } from "../../base/settings.ts";

export const memorySettings = {
  "memory.max-traces": setting("count", 0, {
    help: "Traces that are held before the oldest goes; 0: as many as memory.max-bytes allows.",
  }),
  "memory.max-bytes": setting("bytes", "512MiB", {
    help: "Memory that stored spans and their index may take before the oldest trace goes.",
    min: 33_554_432,
  }),
} satisfies Settings;

/** `{ "memory.max-traces": number, "memory.max-bytes": number }`. */
export type MemoryConfig = ConfigOf<typeof memorySettings>;
