// A forwarder from its settings: the reporter, the collectors, the spool.
//
// Only the protocol that is spoken is loaded: the others would take memory of a small process.

import { SpoorError } from "../base/errors.ts";
import type { HostPort } from "../base/host-port.ts";
import { systemClock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { clientTlsConfigOf } from "../base/settings-groups.ts";
import { type ClientTls, readClientTls } from "../net/client-tls.ts";
import { diskFiles } from "../store/disk/files.ts";
import type { DirectoryLock } from "../store/segment/directory-lock.ts";
import { parseCollectors, resolveName } from "./collector-names.ts";
import { Collectors } from "./collectors.ts";
import type { ForwarderConfig } from "./forwarder-settings.ts";
import { CollectorForwarder, type Forwarder } from "./forwarder.ts";
import type { Reporter } from "./reporters/reporter.ts";
import { openSpool, type Spool } from "./spool.ts";
import { systemWake } from "./timers.ts";

export interface OpenForwarderOptions {
  readonly config: ForwarderConfig;
  /** Of payloads under way or waiting for a collector. */
  readonly memoryBytesMax: number;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

/** A line to the other side of the world takes 1 s for TCP and TLS. */
const CONNECT_MS_MAX = 5_000;
/** A collector that stores a parcel durably takes some ms; one that took longer than this hangs. */
const CALL_MS_MAX = 10_000;

const ADVICE = "each agent needs a directory of its own (--spool.directory)";

/** @throws SpoorError `bad-input` for settings that make no sense; `unavailable` for a spool in use. */
export async function openForwarder(options: OpenForwarderOptions): Promise<Forwarder> {
  const { config, log, onBug, memoryBytesMax } = options;
  const plan = await planReporter(config, log);
  const { spool, lock } = await openLockedSpool(config, plan.reporter);
  if (spool !== undefined && spool.recovered.parcels > 0) {
    const { parcels, spans } = spool.recovered;
    log.info("the spool has spans of an earlier run", { parcels, spans });
  }
  if (spool !== undefined && spool.damagedParts > 0) {
    const { damagedParts: parts, damagedBytes: bytes } = spool;
    log.error("the spool was damaged: copies of what does not read are aside", { parts, bytes });
  }
  const clock = systemClock;
  const wake = systemWake;
  const collectors = new Collectors({
    hostPorts: plan.hostPorts,
    reporter: plan.reporter,
    minPeers: plan.minPeers,
    resolve: resolveName,
    clock,
    wake,
    random: Math.random,
    log,
    onBug,
  });
  const { format, protocol } = plan.reporter;
  const forwarder = new CollectorForwarder({
    collectors,
    format,
    protocol,
    spool,
    attemptsMax: 1 + config["reporter.grpc.retry.max"],
    awayMsMax: config["spool.after"],
    memoryBytesMax,
    spoolBytesPerSecond: config["spool.max-bytes-per-second"],
    clock,
    wake,
    log,
    onBug,
  });
  // A name service that does not answer must not keep the doors shut.
  collectors.open().catch(onBug);
  return {
    format,
    protocol,
    send: (parcel) => forwarder.send(parcel),
    hasTaker: () => forwarder.hasTaker(),
    askStrategy: (service) => forwarder.askStrategy(service),
    figures: () => forwarder.figures(),
    async close(graceMs) {
      await forwarder.close(graceMs);
      lock?.release();
    },
  };
}

interface ReporterPlan {
  readonly reporter: Reporter;
  readonly hostPorts: readonly HostPort[];
  readonly minPeers: number;
}

const FLAGS = {
  grpc: "reporter.grpc.host-port",
  tchannel: "reporter.tchannel.host-port",
  "otlp-grpc": "reporter.otlp.host-port",
  "otlp-http": "reporter.otlp.host-port",
} as const;

async function planReporter(config: ForwarderConfig, log: Log): Promise<ReporterPlan> {
  const type = typeOf(config);
  const flag = FLAGS[type];
  const hostPorts = parseCollectors(config[flag], flag);
  if (hostPorts.length === 0) {
    throw new SpoorError("bad-input", `no collector is named: --${flag} is empty`);
  }
  const family = type === "tchannel" ? "tchannel" : "grpc";
  const minPeers = config[`reporter.${family}.discovery.min-peers`];
  return { reporter: await makeReporter(config, type, log), hostPorts, minPeers };
}

/** A command line of Jaeger v1.6 names no type, for there was only one. */
function typeOf(config: ForwarderConfig): ForwarderConfig["reporter.type"] {
  const isOld =
    config["reporter.grpc.host-port"].length === 0 &&
    config["reporter.tchannel.host-port"].length > 0;
  return isOld && config["reporter.type"] === "grpc" ? "tchannel" : config["reporter.type"];
}

async function makeReporter(
  config: ForwarderConfig,
  type: ForwarderConfig["reporter.type"],
  log: Log,
): Promise<Reporter> {
  const times = { connectTimeoutMs: CONNECT_MS_MAX, timeoutMs: CALL_MS_MAX };
  if (type === "tchannel") {
    const { makeTChannelReporter } = await import("./reporters/tchannel.ts");
    const timeoutMs = config["reporter.tchannel.report-timeout"];
    const connectTimeoutMs = config["reporter.tchannel.discovery.conn-check-timeout"];
    return makeTChannelReporter({ connectTimeoutMs, timeoutMs, log, clock: systemClock });
  }
  const tls = readTls(config, type === "grpc" ? "reporter.grpc" : "reporter.otlp");
  const samplingPort = config["reporter.sampling-port"];
  if (type === "otlp-http") {
    const { makeOtlpHttpReporter } = await import("./reporters/otlp-http.ts");
    return makeOtlpHttpReporter({ tls, samplingPort, ...times });
  }
  const grpc = await import("./reporters/grpc.ts");
  return type === "grpc"
    ? grpc.makeJaegerGrpcReporter({ tls, ...times })
    : grpc.makeOtlpGrpcReporter({ tls, samplingPort, ...times });
}

function readTls(
  config: ForwarderConfig,
  prefix: "reporter.grpc" | "reporter.otlp",
): ClientTls | undefined {
  const settings = clientTlsConfigOf(config, prefix);
  return settings === undefined ? undefined : readClientTls(settings);
}

interface LockedSpool {
  readonly spool: Spool | undefined;
  readonly lock: DirectoryLock | undefined;
}

async function openLockedSpool(
  config: ForwarderConfig,
  { format }: Reporter,
): Promise<LockedSpool> {
  const directory = config["spool.directory"];
  if (directory === "") return { spool: undefined, lock: undefined };
  try {
    await diskFiles.makeDirectory(directory);
  } catch (error) {
    const message = `the directory ${directory} of the spool cannot be made`;
    throw new SpoorError("unavailable", message, {}, error);
  }
  // Not for an agent without a spool: what locks takes memory.
  const { lockDirectory } = await import("../store/segment/directory-lock.ts");
  const lock = await lockDirectory(directory, ADVICE);
  try {
    const bytesMax = config["spool.max-bytes"];
    const durability = config["spool.durability"];
    const files = diskFiles;
    const spool = await openSpool({ directory, files, bytesMax, durability, format });
    return { spool, lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}
