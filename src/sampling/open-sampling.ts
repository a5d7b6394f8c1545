// Opens what the settings say about sampling: a source, and where adaptive sampling learns from.
//
// Not here: who asks (sampling-doors.ts, the collector's doors).

import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import type { DiskFiles } from "../store/disk/files.ts";
import { AdaptiveSource, keepMsOf } from "./adaptive/adaptive-source.ts";
import { openFileState } from "./adaptive/file-state.ts";
import { MemoryState } from "./adaptive/memory-state.ts";
import type { SamplingState } from "./adaptive/sampling-state.ts";
import { openSharedState } from "./adaptive/shared-state.ts";
import type { SampledRoots } from "./adaptive/throughput-counter.ts";
import { openFileSource } from "./file-source.ts";
import { type SamplingConfig, adaptiveSettingsOf } from "./settings.ts";
import type { SamplingSource } from "./strategies.ts";

export interface SamplingOptions {
  readonly config: SamplingConfig;
  readonly files: DiskFiles;
  /**
   * Where the state of adaptive sampling is kept unless it is shared; undefined: in memory, until the
   * process ends.
   */
  readonly directory: string | undefined;
  /** Names this process among those that share a state; no other may ever have had the name. */
  readonly holder: string;
  readonly clock: Clock;
  readonly registry: MetricsRegistry;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

export interface Sampling {
  readonly source: SamplingSource;
  /** Takes what each batch held; undefined: nobody wants to know. */
  readonly record: ((roots: readonly SampledRoots[]) => void) | undefined;
  close(): Promise<void>;
}

/** @throws SpoorError as openFileSource and openFileState. */
export async function openSampling(options: SamplingOptions): Promise<Sampling> {
  const { config, log } = options;
  const path = config["sampling.strategies-file"];
  if (config["sampling.config-type"] !== "adaptive") {
    const source = await openFileSource({
      ...options,
      path,
      reloadMs: config["sampling.strategies-reload-interval"],
      defaultProbability: config["sampling.default-sampling-probability"],
      keepsOwnRate: config["sampling.strategies.bugfix-5270"],
    });
    return { source, record: undefined, close: () => Promise.resolve(source.close()) };
  }
  if (path !== "") log.warn("adaptive sampling does not read sampling.strategies-file", { path });
  const settings = adaptiveSettingsOf(config);
  const state = await openState(options, keepMsOf(settings));
  const source = new AdaptiveSource({ ...options, settings, state });
  await source.start();
  return { source, record: (roots) => source.record(roots), close: () => source.close() };
}

async function openState(options: SamplingOptions, keepMs: number): Promise<SamplingState> {
  const { config, directory, clock } = options;
  const shared = config["sampling.shared-directory"];
  if (shared !== "") return openSharedState({ ...options, directory: shared, keepMs });
  if (directory === undefined) return new MemoryState(clock, keepMs);
  return openFileState({ ...options, directory, keepMs });
}
