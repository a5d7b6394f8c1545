// The agent: opens its doors onto one intake, and closes them without losing what came in.
//
//   UDP sockets ─▶ PacketIntake ─┐
//   OTLP ────────▶ OtlpIntake ───┴▶ ParcelSender ─▶ forwarder      HTTP 5778 ─▶ SamplingProxy ─▶ collector
//
//   close: refuse more, read what the kernel holds ─▶ read the queue ─▶ flush ─▶ forwarder (the rest is
//          spooled) ─▶ books
//
// Only wiring. A door whose address is empty stays shut.
// Not here: the admin port (cli), settings (settings.ts), the forwarder's own (forwarder.ts).

import type { Clock } from "../base/clock.ts";
import { printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import type { HttpRoute } from "../net/http-route.ts";
import { type HttpServer, openHttpServer } from "../net/http-server.ts";
import type { HttpLimits } from "../net/limits.ts";
import { makeSamplingRoutes } from "../sampling/sampling-routes.ts";
import { ClientStats } from "./client-stats.ts";
import { type DoorPlan, planDoors } from "./doors.ts";
import { findKernelDrops } from "./kernel-drops.ts";
import { makeAgentLedgerRoute } from "./ledger-route.ts";
import { AgentLedger, type LedgerFigures } from "./ledger.ts";
import {
  type AgentMetrics,
  countParcels,
  registerAgentMetrics,
  showBooks,
  showClients,
  showDoor,
} from "./metrics.ts";
import type { OtlpDoors, OtlpDoorsOptions } from "./otlp-doors.ts";
import { PacketIntake } from "./packet-intake.ts";
import { ParcelSender, type ParcelSink } from "./parcel-sender.ts";
import { type AskStrategy, SamplingProxy } from "./sampling-proxy.ts";
import type { AgentConfig } from "./settings.ts";
import { type UdpSocket, openUdpSocket } from "./udp-socket.ts";

/** What the agent needs of its forwarder. */
export interface AgentForwarder extends ParcelSink {
  /** `grpc`, `tchannel`, …: a label of Jaeger's metrics. */
  readonly protocol: string;
  /** Whether a parcel would find somebody: there is a spool, or a collector is connected. */
  hasTaker(): boolean;
  readonly askStrategy: AskStrategy;
  /** Numbers of its own, as they are served. */
  figures(): unknown;
  /** Sends for `graceMs`, then spools; every `send` settles. */
  close(graceMs: number): Promise<void>;
}

export interface AgentOptions {
  readonly config: AgentConfig;
  /** The agent's from now on, also if it cannot be opened. */
  readonly forwarder: AgentForwarder;
  readonly registry: MetricsRegistry;
  readonly log: Log;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
}

export interface DoorAddress {
  readonly name: string;
  readonly at: string;
}

export interface Agent {
  readonly addresses: readonly DoorAddress[];
  /** Shows the books. */
  readonly ledgerRoute: HttpRoute;
  figures(): LedgerFigures;
  /** See the head of this file. Twice is harmless. */
  close(graceMs: number): Promise<void>;
}

/** How often somebody looks whether the kernel drops packets, if nobody asks. */
const LOOK_MS = 10_000;

/** Clients that ask how to sample: small questions, a handful a minute. */
const HTTP_LIMITS: Partial<HttpLimits> = {
  headerBytesMax: 16_384,
  bodyBytesMax: 16_384,
  plainBytesMax: 16_384,
  requestsMax: 256,
  connectionsMax: 1_024,
};
const HTTP_GRACE_MS = 500;

interface OpenDoor {
  readonly plan: DoorPlan;
  readonly socket: UdpSocket;
}

/** @throws SpoorError `unavailable` if a port cannot be had; nothing is open then. */
export async function openAgent(options: AgentOptions): Promise<Agent> {
  const { config, forwarder, registry, log, clock } = options;
  const ledger = new AgentLedger();
  const clients = new ClientStats(clock);
  const metrics = registerAgentMetrics(registry);
  showClients(clients, metrics);
  await using opening = new AsyncDisposableStack();
  opening.defer(() => forwarder.close(0));
  const plans = planDoors(config).filter((plan) => plan.hostPort !== undefined);
  const sender = new ParcelSender({
    ledger,
    sink: forwarder,
    onParcel: countParcels(registry, forwarder.protocol),
    onBug: options.onBug,
  });
  const ways = {
    ...options,
    ledger,
    sender,
    format: forwarder.format,
    tags: config["agent.tags"],
    inFlightBytesMax: config["agent.max-inflight-bytes"],
    batchBytesMax: config["agent.batch-max-bytes"],
    batchAgeMs: config["agent.batch-max-age"],
  };
  const queueBytesMax = config["agent.max-queue-bytes"];
  const intake = new PacketIntake({ ...ways, doors: plans, clients, queueBytesMax });
  const doors: OpenDoor[] = [];
  for (const [index, plan] of plans.entries()) {
    const door = await openDoor(plan, index, { intake, ledger, metrics, log });
    opening.defer(() => door.socket.close());
    doors.push(door);
  }
  const otlp = await openOtlp({ ...ways, hasTaker: () => forwarder.hasTaker() }, metrics);
  opening.defer(async () => otlp?.close(0));
  const http = await openHttp(options, metrics);
  const look = makeLook(doors, ledger, log);
  const looking = setInterval(look, LOOK_MS);
  looking.unref();
  opening.move();
  let closing: Promise<void> | undefined;
  return {
    addresses: [
      ...doors.map(addressOf),
      ...(otlp?.addresses ?? []),
      ...(http === undefined ? [] : [httpAddressOf(http)]),
    ],
    ledgerRoute: makeAgentLedgerRoute({
      ledger,
      clients,
      forwarder: () => forwarder.figures(),
      look,
    }),
    figures: () => ledger.figures(),
    close(graceMs) {
      closing ??= closeAgent(
        { doors, intake, otlp, sender, http, look, metrics, forwarder, clock },
        graceMs,
      ).finally(() => {
        clearInterval(looking);
        logBooks(log, ledger);
      });
      return closing;
    },
  };
}

async function openDoor(
  plan: DoorPlan,
  index: number,
  {
    intake,
    ledger,
    metrics,
    log,
  }: { intake: PacketIntake; ledger: AgentLedger; metrics: AgentMetrics; log: Log },
): Promise<OpenDoor> {
  const books = ledger.doors[index]!;
  const socket = await openUdpSocket({
    title: plan.title,
    hostPort: plan.hostPort!,
    bufferBytes: plan.socketBufferBytes,
    log,
    onPacket: (packet) => intake.receive(index, packet),
    onReadError: () => void books.readErrors++,
  });
  books.receiveBufferBytes = socket.bufferBytes;
  showDoor(plan, books, metrics);
  return { plan, socket };
}

async function openOtlp(
  options: OtlpDoorsOptions,
  metrics: AgentMetrics,
): Promise<OtlpDoors | undefined> {
  if (!options.config["agent.otlp.enabled"]) return undefined;
  const { openOtlpDoors } = await import("./otlp-doors.ts");
  const otlp = await openOtlpDoors(options);
  for (const books of otlp.books) showBooks(books, metrics);
  return otlp;
}

async function openHttp(
  { config, forwarder, log, clock, onBug }: AgentOptions,
  metrics: AgentMetrics,
): Promise<HttpServer | undefined> {
  const hostPort = config["http-server.host-port"];
  if (hostPort === undefined) return undefined;
  const source = new SamplingProxy({
    ask: (service) => forwarder.askStrategy(service),
    clock,
    onAnswer: (isGood) => {
      const result = isGood ? "ok" : "err";
      metrics.collectorProxy.with({ result, endpoint: "sampling" }).add(1);
    },
  });
  const routes = makeSamplingRoutes(source, {
    below: "root",
    onRequest(endpoint, status) {
      metrics.httpRequests.with({ type: endpoint }).add(1);
      if (status === 400) metrics.httpErrors.with({ status: "4xx", source: "all" }).add(1);
      if (status === 500) {
        metrics.httpErrors.with({ status: "5xx", source: "collector-proxy" }).add(1);
      }
    },
  });
  return openHttpServer({ name: "agent-http", hostPort, routes, log, onBug, limits: HTTP_LIMITS });
}

/** Notes what the kernel dropped, and says so when it is more than the last time. */
function makeLook(doors: readonly OpenDoor[], ledger: AgentLedger, log: Log): () => void {
  return () => {
    const drops = findKernelDrops(doors.map(({ socket }) => socket));
    for (const [index, count] of drops.entries()) {
      const books = ledger.doors[index]!;
      if (count === undefined) continue;
      const before = books.kernelDrops ?? 0;
      books.kernelDrops = Math.max(before, count);
      if (count > before) {
        const { title } = doors[index]!.plan;
        const fields = { title, packets: count - before, bufferBytes: books.receiveBufferBytes };
        log.warn("the kernel dropped packets, for its receive buffer was full", fields);
      }
    }
  };
}

interface ClosingParts {
  readonly doors: readonly OpenDoor[];
  readonly intake: PacketIntake;
  readonly otlp: OtlpDoors | undefined;
  readonly sender: ParcelSender;
  readonly http: HttpServer | undefined;
  readonly look: () => void;
  readonly metrics: AgentMetrics;
  readonly forwarder: AgentForwarder;
  readonly clock: Clock;
}

async function closeAgent(parts: ClosingParts, graceMs: number): Promise<void> {
  const { doors, intake, otlp, sender, http, look, metrics, forwarder, clock } = parts;
  const startMs = clock.monotonicMs();
  const httpClosed = http?.close(Math.min(HTTP_GRACE_MS, graceMs));
  const otlpClosed = otlp?.close(graceMs);
  await Promise.all(
    doors.map(async ({ plan, socket }) => {
      await socket.drain();
      const seconds = (clock.monotonicMs() - startMs) / 1_000;
      metrics.closeTime.with(plan.labels).observe(seconds);
    }),
  );
  look();
  await Promise.all(doors.map(({ socket }) => socket.close()));
  intake.finish();
  otlp?.finish();
  await forwarder.close(Math.max(0, graceMs - (clock.monotonicMs() - startMs)));
  await sender.settled();
  await Promise.all([httpClosed, otlpClosed]);
}

function addressOf({ plan, socket }: OpenDoor): DoorAddress {
  return { name: plan.title, at: printHostPort({ host: socket.address, port: socket.port }) };
}

function httpAddressOf({ address, port }: HttpServer): DoorAddress {
  return { name: "sampling HTTP", at: `http://${printHostPort({ host: address, port })}` };
}

/** The last words about packets and spans: nobody can ask for the ledger any more. */
function logBooks(log: Log, ledger: AgentLedger): void {
  const { doors, total } = ledger.figures();
  const sum = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((all, count) => all + count, 0);
  const { packets, spans } = total;
  log.info("packets of this run", {
    received: packets.received,
    read: packets.read,
    dropped: sum(packets.dropped),
    droppedByKernel: doors.reduce((all, { kernelDrops }) => all + (kernelDrops ?? 0), 0),
  });
  log.info("spans of this run", {
    received: spans.received,
    forwarded: spans.forwarded,
    refused: sum(spans.refused),
    dropped: sum(spans.dropped),
    inFlight: spans.inFlight,
  });
}
