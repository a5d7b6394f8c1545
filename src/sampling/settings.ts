// Settings of remote sampling: the strategies file, adaptive sampling, and the doors of the all-in-one.
//
// Source: the flags of Jaeger's collector up to v1.76; the address of 5778 is the flag of its agent, which
// its all-in-one has too; that of 5779 is ours (Jaeger v2 has it in its file).

import type { ConfigOf, Settings } from "../base/settings.ts";
import { deprecatedAlias, setting } from "../base/settings.ts";
import type { AdaptiveSettings } from "./adaptive/adaptive-source.ts";
import { DEFAULT_SAMPLING_PROBABILITY } from "./strategies.ts";

const isAboveZero = (value: number): string | undefined => (value > 0 ? undefined : "more than 0");

const fileSettings = {
  "sampling.strategies-file": setting("string", "", {
    help: "Path or http(s) URL of a JSON file with sampling strategies; empty: the default for all.",
  }),
  "sampling.strategies-reload-interval": setting("duration", "0s", {
    help: "How often that file is read again; 0s: never.",
    max: 7 * 86_400_000,
  }),
  "sampling.default-sampling-probability": setting("float", DEFAULT_SAMPLING_PROBABILITY, {
    help: "Probability where the strategies file has none.",
    max: 1,
  }),
  "sampling.strategies.bugfix-5270": setting("bool", true, {
    help: "Whether a service without operations keeps its own rate beside the default's operations.",
  }),
};

const adaptiveSettings = {
  "sampling.shared-directory": setting("string", "", {
    help:
      "Directory in which collectors on one machine or volume share what they know, so that all of " +
      "them tell clients the same; empty: each for itself.",
  }),
  "sampling.target-samples-per-second": setting("float", 1, {
    help: "Traces a second that each operation shall give.",
    check: isAboveZero,
  }),
  "sampling.delta-tolerance": setting("float", 0.3, {
    help: "Part of the target that an operation may be off before its probability is changed.",
    max: 1,
  }),
  "sampling.buckets-for-calculation": setting("count", 1, {
    help: "Newest calculation intervals that count.",
    min: 1,
    max: 1_000,
  }),
  "sampling.calculation-interval": setting("duration", "1m", {
    help: "How often probabilities are calculated.",
    min: 1,
    max: 86_400_000,
  }),
  "sampling.aggregation-buckets": setting("count", 10, {
    help: "Calculation intervals whose throughput is kept; an operation not seen in them is forgotten.",
    min: 1,
    max: 1_000,
  }),
  "sampling.delay": setting("duration", "2m", {
    help: "How long spans may take to come in before their interval counts.",
    max: 86_400_000,
  }),
  "sampling.initial-sampling-probability": setting("float", 0.001, {
    help: "Probability of operations that nothing is known of.",
    max: 1,
    check: isAboveZero,
  }),
  "sampling.min-sampling-probability": setting("float", 1e-5, {
    help: "Least probability of an operation.",
    max: 1,
  }),
  "sampling.min-samples-per-second": setting("float", 1 / 60, {
    help: "Traces a second of each operation that clients sample whatever its probability.",
  }),
  "sampling.leader-lease-refresh-interval": setting("duration", "5s", {
    help: "How often the collector that calculates renews its lead.",
    min: 1,
    max: 86_400_000,
  }),
  "sampling.follower-lease-refresh-interval": setting("duration", "1m", {
    help: "How often the others try to get the lead, and how long it lasts if it is not renewed.",
    min: 1,
    max: 86_400_000,
  }),
};

export const samplingSettings = {
  "sampling.config-type": setting("choice", "file", {
    help:
      "Where sampling strategies come from. file: sampling.strategies-file. adaptive: calculated " +
      "from the traffic. static is an older name of file.",
    choices: ["file", "adaptive", "static"],
    aliases: [deprecatedAlias("sampling.type")],
  }),
  ...fileSettings,
  ...adaptiveSettings,
} satisfies Settings;

/** Doors of their own, for clients that ask what they find on their own machine. */
export const samplingDoorSettings = {
  "http-server.host-port": setting("host-port", ":5778", {
    help: "Where clients ask for sampling strategies by HTTP.",
  }),
  "sampling.grpc-server.host-port": setting("host-port", ":5779", {
    help: "Where clients ask for sampling strategies by gRPC.",
  }),
} satisfies Settings;

export type SamplingConfig = ConfigOf<typeof samplingSettings>;
export type SamplingDoorConfig = ConfigOf<typeof samplingDoorSettings>;

export function adaptiveSettingsOf(config: SamplingConfig): AdaptiveSettings {
  return {
    targetSamplesPerSecond: config["sampling.target-samples-per-second"],
    deltaTolerance: config["sampling.delta-tolerance"],
    bucketsForCalculation: config["sampling.buckets-for-calculation"],
    calculationIntervalMs: config["sampling.calculation-interval"],
    aggregationBuckets: config["sampling.aggregation-buckets"],
    delayMs: config["sampling.delay"],
    initialSamplingProbability: config["sampling.initial-sampling-probability"],
    minSamplingProbability: config["sampling.min-sampling-probability"],
    minSamplesPerSecond: config["sampling.min-samples-per-second"],
    leaderRefreshMs: config["sampling.leader-lease-refresh-interval"],
    followerRefreshMs: config["sampling.follower-lease-refresh-interval"],
  };
}
