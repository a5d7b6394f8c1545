// The collector: opens its doors onto one intake, and closes them without losing what came in.
//
//   config ─▶ doors ─▶ Intake ─▶ TraceStore          open: all doors, or none and an error
//                                                    close: stop accepting, answer what came, end
//
// Only wiring. A door whose address is empty stays shut.
// Not here: health, metrics and the ledger's page (the admin port, cli), settings (settings.ts).

import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import type { Clock } from "../base/clock.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import { type ByteBudget, makeByteBudget } from "../net/byte-budget.ts";
import { makeGrpcHealth } from "../net/grpc-health.ts";
import { makeGrpcReflection } from "../net/grpc-reflection.ts";
import { openGrpcServer } from "../net/grpc-server.ts";
import { openHttpServer } from "../net/http-server.ts";
import { grpcLimits } from "../net/limits.ts";
import { openTChannelServer } from "../net/tchannel-server.ts";
import type { Sampling } from "../sampling/open-sampling.ts";
import { makeSamplingCount } from "../sampling/sampling-count.ts";
import type { TraceStore } from "../store/trace-store.ts";
import type { DoorSampling } from "./doors/door.ts";
import {
  type DoorPlan,
  type GrpcDoorPlan,
  type HttpDoorPlan,
  type TChannelDoorPlan,
  planDoors,
} from "./doors/plan-doors.ts";
import { Intake } from "./intake.ts";
import { showAccount } from "./ledger-metrics.ts";
import { type DoorName, Ledger } from "./ledger.ts";
import { collectorMetrics } from "./metrics.ts";
import { LocalReception, type Reception } from "./reception.ts";
import { makeSanitizer } from "./sanitize.ts";
import type { CollectorConfig } from "./settings.ts";

export interface CollectorOptions {
  readonly config: CollectorConfig;
  readonly store: TraceStore;
  /** What clients are told to sample, and who learns from what they did; default: nobody is told. */
  readonly sampling?: Sampling | undefined;
  /** Where payloads are read; default: here, into `store`. */
  readonly reception?: Reception | undefined;
  readonly registry: MetricsRegistry;
  readonly log: Log;
  readonly clock: Clock;
  /** Called with an error that is a bug of ours; the process should end. */
  readonly onBug: (error: unknown) => void;
  /** Books to be shown elsewhere too (ledger-route.ts); default: new ones. */
  readonly ledger?: Ledger;
  /** Label `host` of Jaeger's metrics; default: this machine's name. */
  readonly host?: string;
}

/** A door that is open. */
export interface DoorAddress {
  readonly door: DoorName;
  /** For people: "OTLP gRPC". */
  readonly name: string;
  /** `http://127.0.0.1:4318`, or `127.0.0.1:4317` for gRPC and TChannel. */
  readonly at: string;
  readonly port: number;
}

export interface Collector {
  readonly addresses: readonly DoorAddress[];
  readonly ledger: Ledger;
  /**
   * Stops accepting, lets what was accepted be stored and answered for `graceMs`, then cuts off.
   * Twice is harmless.
   */
  close(graceMs: number): Promise<void>;
}

/** What all doors of a collector share. */
interface Shared extends CollectorOptions {
  readonly ledger: Ledger;
  readonly intake: Intake;
  readonly budget: ByteBudget;
  readonly doorSampling: DoorSampling | undefined;
}

interface Opened {
  readonly address: string;
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

const PROTO_FOLDER = fileURLToPath(new URL("../wire/proto", import.meta.url));

/** By what name agents call the collector. */
const TCHANNEL_SERVICE = "jaeger-collector";

/** A body as it came, decompressed in pieces, and for a moment as one. */
const COPIES_OF_BODY = 3;

/**
 * Opens every door that has an address.
 *
 * @throws SpoorError `unavailable` (door and address, and why), `bad-input` for TLS files and
 *   settings. Nothing is open then.
 */
export async function openCollector(options: CollectorOptions): Promise<Collector> {
  const shared = share(options);
  const opened: Opened[] = [];
  const addresses: DoorAddress[] = [];
  try {
    for (const plan of planDoors(options.config)) {
      if (plan.hostPort === undefined) continue;
      const door = await openDoor(plan, plan.hostPort, shared);
      opened.push(door);
      addresses.push(addressOf(plan, door));
    }
  } catch (error) {
    await Promise.all(opened.map((door) => door.close(0)));
    throw error;
  }
  const metrics = options.registry.register(collectorMetrics);
  for (const account of shared.ledger.accounts()) showAccount(account, metrics);
  let closing: Promise<unknown> | undefined;
  return {
    addresses,
    ledger: shared.ledger,
    async close(graceMs) {
      closing ??= Promise.all(opened.map((door) => door.close(graceMs)));
      await closing;
    },
  };
}

function share(options: CollectorOptions): Shared {
  const { config, store, reception, registry, clock, sampling } = options;
  const { ledger = new Ledger(), host = hostname() } = options;
  const inFlightBytesMax = config["collector.max-inflight-bytes"];
  const intake = new Intake({
    reception: reception ?? new LocalReception(store, makeSanitizer(config["collector.tags"])),
    ledger,
    metrics: registry.register(collectorMetrics),
    clock,
    host,
    inFlightBytesMax,
    recordRoots: sampling?.record,
  });
  // A small bound on what waits must not shut out a request that the door itself allows.
  const oneRequestBytes = COPIES_OF_BODY * config["collector.max-http-body-size"];
  const bytesMax = Math.max(inFlightBytesMax, oneRequestBytes);
  const doorSampling = sampling && {
    source: sampling.source,
    onRequest: makeSamplingCount(registry),
  };
  return { ...options, ledger, intake, budget: makeByteBudget(bytesMax), doorSampling };
}

function openDoor(plan: DoorPlan, hostPort: HostPort, shared: Shared): Promise<Opened> {
  if (plan.kind === "http") return openHttpDoor(plan, hostPort, shared);
  if (plan.kind === "grpc") return openGrpcDoor(plan, hostPort, shared);
  return openTChannelDoor(plan, hostPort, shared);
}

function openHttpDoor(plan: HttpDoorPlan, hostPort: HostPort, shared: Shared): Promise<Opened> {
  const { log, onBug, budget, intake, ledger, doorSampling } = shared;
  const { name, limits, tls, cors, headers } = plan;
  const { routes, answerFailure, onFailure } = plan.make(intake, ledger, doorSampling);
  return openHttpServer({
    name,
    hostPort,
    routes,
    log,
    onBug,
    limits,
    budget,
    answerFailure,
    onFailure,
    ...(tls === undefined ? {} : { tls }),
    ...(cors === undefined ? {} : { cors }),
    ...(headers === undefined ? {} : { headers }),
  });
}

function openGrpcDoor(plan: GrpcDoorPlan, hostPort: HostPort, shared: Shared): Promise<Opened> {
  const { log, onBug, clock, budget, intake, ledger, doorSampling } = shared;
  const { name, limits, tls, protoFiles } = plan;
  const { services, onFailure } = plan.make(intake, ledger, doorSampling);
  const health = makeGrpcHealth(services.map((service) => service.name));
  const reflection = makeGrpcReflection(protoFiles, [PROTO_FOLDER]);
  return openGrpcServer({
    name,
    hostPort,
    services: [...services, health.service, ...reflection],
    log,
    onBug,
    clock,
    limits: { ...grpcLimits, ...limits },
    budget,
    onFailure,
    ...(tls === undefined ? {} : { tls }),
  });
}

function openTChannelDoor(
  { name, limits, make }: TChannelDoorPlan,
  hostPort: HostPort,
  shared: Shared,
): Promise<Opened> {
  const { log, onBug, clock, budget, intake, ledger, doorSampling } = shared;
  const { services, onFailure } = make(intake, ledger, doorSampling);
  return openTChannelServer({
    name,
    processName: TCHANNEL_SERVICE,
    hostPort,
    services,
    log,
    onBug,
    clock,
    limits,
    budget,
    onFailure,
  });
}

function addressOf({ name, title, kind, tls }: DoorPlan, { address, port }: Opened): DoorAddress {
  const hostPort = printHostPort({ host: address, port });
  const scheme = kind !== "http" ? "" : tls === undefined ? "http://" : "https://";
  return { door: name, name: title, at: scheme + hostPort, port };
}
