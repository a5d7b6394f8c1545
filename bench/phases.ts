// The parts of the bench, each with a server of its own.
//
//   measureDoor      saturated ingest at one door: CPU a span, memory
//   measureStored    millions of spans: bytes on disk, query latencies idle and busy, start after kill -9
//   measureAnswers   one connection, one request at a time, beside one sync of that disk

import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { readMachineBusySeconds, readProcess } from "../test/read-process.ts";
import type { AgentReport } from "./agent.ts";
import type { ClientReport } from "./client.ts";
import type { LoadReport } from "./load.ts";
import { type QueryPlan, type QueryReport, timeQueries } from "./queries.ts";
import { SentTraces } from "./sent-traces.ts";
import {
  type BenchServer,
  type DiskFigures,
  type LoadOptions,
  type ServerOptions,
  type StoreName,
  withServer,
} from "./server.ts";
import { countLost, type SurvivalReport, timeSync } from "./survival.ts";

export interface Plan {
  readonly isQuick: boolean;
  readonly seconds: number;
  readonly connections: number;
  readonly batch: number;
  /** Requests of each kind of query. */
  readonly queries: number;
  /** Spans that are searched, and spans that a killed server starts with. */
  readonly searchedSpans: number;
  readonly startedSpans: number;
  /** Spans a second that come in while queries are timed. */
  readonly busyRate: number;
  readonly survivalSeconds: number;
  /** At each of the agent's rates. */
  readonly agentSeconds: number;
}

/** What was measured of one checkout; a phase that was not run is left out. */
export interface Results {
  readonly folder: string;
  readonly store: StoreName;
  readonly doors: DoorReport[];
  answers?: AnswerReport;
  stored?: StoredReport;
  survival?: SurvivalReport;
  readonly agent: AgentReport[];
  readonly client: ClientReport[];
}

export interface DoorReport extends LoadReport {
  readonly spansPerServerCpuSecond: number;
  readonly spansPerSecond: number;
  readonly readyMs: number;
  readonly idleRssAnonBytes: number;
  readonly rssPeakBytes: number;
  readonly rssAfterBytes: number;
  readonly spansHeld: number;
}

export function measureDoor(options: ServerOptions, door: string, plan: Plan): Promise<DoorReport> {
  return withServer(options, async (server) => {
    if (!plan.isQuick) await wait(2_000);
    const idle = readProcess(server.pid);
    const load = await server.load(door, { ...loadOf(plan), seconds: String(plan.seconds) });
    // What the server does after its last answer belongs to the spans as well.
    await server.settle(plan.isQuick);
    const after = readProcess(server.pid);
    const cpuSeconds = after.cpuSeconds - idle.cpuSeconds;
    return {
      ...load,
      spansPerServerCpuSecond: Math.round(load.spansAccepted / cpuSeconds),
      spansPerSecond: Math.round(load.spansAccepted / load.seconds),
      readyMs: server.process.readyMs,
      idleRssAnonBytes: idle.rssAnonBytes,
      rssPeakBytes: after.rssPeakBytes,
      rssAfterBytes: after.rssBytes,
      spansHeld: await server.spansHeld(),
    };
  });
}

/** Options of the generator; it ends by a bound of its own. */
function loadOf({ connections, batch, isQuick }: Plan): LoadOptions {
  const options = { connections: String(connections), batch: String(batch), seconds: "600" };
  // Fewer to encode: the generator is ready sooner.
  return isQuick ? { ...options, "unit-spans": "4000" } : options;
}

export interface StoredReport {
  readonly spans: number;
  readonly disk: DiskFigures;
  readonly idle: readonly QueryReport[];
  readonly busy: readonly QueryReport[];
  /** Spans a second that came in meanwhile. */
  readonly busyRate: number;
  /** Processors that were busy with none of ours, on average, while queries were timed. */
  readonly idleOthers: number;
  readonly busyOthers: number;
  /** Left out for a store that keeps nothing. */
  readonly restart?: RestartReport;
}

export interface RestartReport {
  readonly spans: number;
  readonly readyMs: number;
  /** Of a sample of traces. */
  readonly lookedUpSpans: number;
  readonly lostSpans: number;
}

/** Traces that are looked up after the start: a sample over all. */
const LOOKED_UP_TRACES = 2_000;

export async function measureStored(
  options: ServerOptions,
  door: string,
  plan: Plan,
): Promise<StoredReport> {
  const path = join(options.directory, "..", "sent");
  let spans = 0;
  const report = await withServer(options, async (server) => {
    const bounds = { spans: String(plan.searchedSpans), sent: path };
    const load = await server.load(door, { ...loadOf(plan), ...bounds });
    spans = load.spansAccepted;
    await server.settle(plan.isQuick);
    const disk = await server.disk();
    const queries = {
      pid: server.pid,
      base: server.address("Query HTTP"),
      requests: plan.queries,
      sent: SentTraces.load(path),
      seed: load.seed,
      unitTraces: load.unitTraces,
    };
    const idleOthers = watchOthers(server.pid);
    const idle = await timeQueries(queries);
    const others = { idleOthers: idleOthers(0), busyOthers: 0 };
    const busyOthers = watchOthers(server.pid);
    const { busy, busyLoad } = await timeBusy(server, door, plan, queries);
    others.busyOthers = busyOthers(busyLoad.generatorCpuSeconds);
    const busyRate = Math.round(busyLoad.spansAccepted / busyLoad.seconds);
    const found = { spans, disk, idle, busy, busyRate, ...others };
    spans += busyLoad.spansAccepted;
    if (options.store === "memory") return found;
    const rest = { spans: String(plan.startedSpans - spans) };
    spans += (await server.load(door, { ...loadOf(plan), ...rest })).spansAccepted;
    await server.kill();
    return found;
  });
  if (options.store === "memory") return report;
  return { ...report, restart: { spans, ...(await restart(options, SentTraces.load(path))) } };
}

/** @returns asks how many processors were busy with others since; takes the generator's CPU seconds. */
function watchOthers(pid: number): (generatorCpuSeconds: number) => number {
  const cpuSeconds = (): number => {
    const { user, system } = process.cpuUsage();
    return readMachineBusySeconds() - readProcess(pid).cpuSeconds - (user + system) / 1e6;
  };
  const startedMs = performance.now();
  const before = cpuSeconds();
  return (generatorCpuSeconds) => {
    const seconds = (performance.now() - startedMs) / 1_000;
    return Math.max(0, cpuSeconds() - before - generatorCpuSeconds) / seconds;
  };
}

function restart(options: ServerOptions, sent: SentTraces): Promise<Omit<RestartReport, "spans">> {
  return withServer(options, async (server) => {
    const lost = await countLost(server.address("Query HTTP"), sent, LOOKED_UP_TRACES);
    const { acknowledgedSpans: lookedUpSpans, lostSpans } = lost;
    return { readyMs: server.process.readyMs, lookedUpSpans, lostSpans };
  });
}

async function timeBusy(
  server: BenchServer,
  door: string,
  plan: Plan,
  queries: QueryPlan,
): Promise<{ busy: QueryReport[]; busyLoad: LoadReport }> {
  const load = server.startLoad(door, { ...loadOf(plan), rate: String(plan.busyRate) });
  await load.started;
  await wait(plan.isQuick ? 100 : 2_000);
  const busy = await timeQueries(queries);
  load.stop();
  return { busy, busyLoad: await load.report };
}

export interface AnswerReport {
  readonly batch: number;
  readonly p50: number;
  readonly syncP50: number;
}

/** Spans of a request when one connection waits for each answer. */
const SMALL_BATCH = 30;

export function measureAnswers(
  options: ServerOptions,
  door: string,
  plan: Plan,
): Promise<AnswerReport> {
  return withServer(options, async (server) => {
    const load = await server.load(door, {
      ...loadOf(plan),
      connections: "1",
      batch: String(SMALL_BATCH),
      seconds: String(plan.isQuick ? 0.5 : 5),
    });
    const writes = plan.isQuick ? 50 : 500;
    const payloadBytes = SMALL_BATCH * load.bytesPerSpan;
    const syncP50 = await timeSync(join(options.directory, ".."), payloadBytes, writes);
    return { batch: SMALL_BATCH, p50: load.latencyMs.p50, syncP50 };
  });
}
