// The agent under datagrams: what arrives at a collector, what it costs, and whether the rest is counted.
//
//   send-packets.ts ─UDP─▶ spoor agent, defaults ─gRPC─▶ count-spans.ts        a process each
//
//   sent = arrived + dropped and refused by the agent's books + what the kernel dropped before it
//
// The three share the processors: an agent that leaves the others too little loses by it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { readMachineBusySeconds, readProcess } from "../test/read-process.ts";
import { waitUntilReady } from "../test/spoor-process.ts";
import { SPANS_PER_PACKET } from "./emit-packets.ts";
import type { PacketReport } from "./send-packets.ts";

/** Spans a second. */
export const AGENT_RATES: readonly number[] = [50_000, 100_000, 200_000];

export interface AgentReport {
  /** Spans a second that were asked for, and that were sent. */
  readonly rate: number;
  readonly sentRate: number;
  readonly sentSpans: number;
  readonly arrivedSpans: number;
  /** By the agent's own books. */
  readonly dropped: number;
  readonly refused: number;
  /** Of the packets that the kernel dropped, which the agent asks it for. */
  readonly kernelDropped: number;
  /** Sent, and neither arrived nor counted. */
  readonly unaccounted: number;
  readonly agentCpuSeconds: number;
  readonly spansPerAgentCpuSecond: number;
  readonly generatorCpuSeconds: number;
  readonly collectorCpuSeconds: number;
  /** Busy time of the machine that is none of the three's. */
  readonly otherCpuSeconds: number;
  readonly rssAnonBytes: number;
}

export interface AgentBenchOptions {
  /** A checkout. */
  readonly folder: string;
  readonly rate: number;
  readonly seconds: number;
  /** Of the agent. */
  readonly flags: readonly string[];
}

const LISTENERS = [
  "processor.jaeger-compact.server-host-port",
  "processor.jaeger-binary.server-host-port",
  "processor.zipkin-compact.server-host-port",
  "http-server.host-port",
  "admin.http.host-port",
];
const DOOR = "Jaeger UDP (compact)";

/** For the agent to find its collector, and for the last span to be forwarded. */
const PATIENCE_MS = 15_000;
const LOOK_MS = 50;

export async function measureAgent(options: AgentBenchOptions): Promise<AgentReport> {
  const { rate, seconds } = options;
  await using collector = startScript("count-spans.ts", []);
  const collectorPort = Number(await collector.nextLine());
  await using agent = await startAgent(options, collectorPort);
  await agent.until(({ forwarder }) => forwarder.collectors.connected > 0);
  const args = [`--port=${agent.port}`, `--rate=${rate}`, `--seconds=${seconds}`];
  await using generator = startScript("send-packets.ts", args);
  await generator.nextLine();
  const before = look(agent.pid, collector.pid);
  const sent = JSON.parse(await generator.nextLine()) as PacketReport;
  // What it does after the last packet belongs to the spans as well.
  await agent.until(({ doors, total }) => {
    return total.spans.inFlight === 0 && doors.every(({ packets }) => packets.queued === 0);
  });
  const after = look(agent.pid, collector.pid);
  const { rssAnonBytes } = readProcess(agent.pid);
  const books = await agent.end();
  collector.child.kill("SIGTERM");
  const { spans: arrivedSpans } = JSON.parse(await collector.nextLine()) as { spans: number };
  const sentSpans = sent.packets * SPANS_PER_PACKET;
  const kernelDropped = books.kernelDroppedPackets * SPANS_PER_PACKET;
  const agentCpuSeconds = after.agent - before.agent;
  const collectorCpuSeconds = after.collector - before.collector;
  const others = after.busy - before.busy - agentCpuSeconds - collectorCpuSeconds;
  return {
    rate,
    sentRate: Math.round(sentSpans / sent.seconds),
    sentSpans,
    arrivedSpans,
    dropped: books.dropped,
    refused: books.refused,
    kernelDropped,
    unaccounted: sentSpans - arrivedSpans - books.dropped - books.refused - kernelDropped,
    agentCpuSeconds,
    spansPerAgentCpuSecond: Math.round(arrivedSpans / agentCpuSeconds),
    generatorCpuSeconds: sent.cpuSeconds,
    collectorCpuSeconds,
    otherCpuSeconds: Math.max(0, others - sent.cpuSeconds),
    rssAnonBytes,
  };
}

function look(agent: number, collector: number): Record<"agent" | "collector" | "busy", number> {
  return {
    agent: readProcess(agent).cpuSeconds,
    collector: readProcess(collector).cpuSeconds,
    busy: readMachineBusySeconds(),
  };
}

interface Script extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The next line of its output, which may have come already. */
  nextLine(): Promise<string>;
}

/** Starts a script of the bench as a process; it is gone when it is disposed of. */
function startScript(name: string, args: readonly string[]): Script {
  const child = spawn(process.execPath, [join(import.meta.dirname, name), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    pid: child.pid!,
    async nextLine() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${name} ended without a word`);
      return value;
    },
    [Symbol.asyncDispose]: () => kill(child),
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** As GET /api/ledger answers. */
interface Ledger {
  readonly doors: readonly { readonly packets: { readonly queued: number } }[];
  readonly total: { readonly spans: { readonly inFlight: number } };
  readonly forwarder: { readonly collectors: { readonly connected: number } };
}

interface LastWords {
  readonly dropped: number;
  readonly refused: number;
  readonly kernelDroppedPackets: number;
}

interface BenchAgent extends AsyncDisposable {
  readonly pid: number;
  readonly port: string;
  /** Waits until the books are as they should be. @throws Error after PATIENCE_MS. */
  until(isSo: (ledger: Ledger) => boolean): Promise<void>;
  /** SIGTERM. @returns what its books say in the end. */
  end(): Promise<LastWords>;
}

async function startAgent(
  { folder, flags }: AgentBenchOptions,
  collectorPort: number,
): Promise<BenchAgent> {
  const child = spawn(
    process.execPath,
    [
      join(folder, "src/cli/main.ts"),
      "agent",
      "--log-encoding=json",
      `--reporter.grpc.host-port=127.0.0.1:${collectorPort}`,
      ...LISTENERS.map((name) => `--${name}=127.0.0.1:0`),
      ...flags,
    ],
    { cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
  const addresses = new Map<string, string>();
  const log: string[] = [];
  await waitUntilReady(child, addresses, log);
  return {
    pid: child.pid!,
    port: addresses.get(DOOR)!.split(":").at(-1)!,
    async until(isSo) {
      const endMs = performance.now() + PATIENCE_MS;
      while (performance.now() < endMs) {
        const answer = await fetch(`http://${addresses.get("admin")}/api/ledger`);
        if (isSo((await answer.json()) as Ledger)) return;
        await wait(LOOK_MS);
      }
      throw new Error(["the agent is not done in time", ...log.slice(-5)].join("\n"));
    },
    async end() {
      const ended = once(child, "close");
      child.kill("SIGTERM");
      await ended;
      const words = (what: string): Record<string, number> => {
        const line = log.find((one) => one.includes(`"msg":"${what} of this run"`));
        if (line === undefined) throw new Error(`the agent says nothing of ${what} at its end`);
        return JSON.parse(line) as Record<string, number>;
      };
      const { dropped, refused } = words("spans");
      const { droppedByKernel } = words("packets");
      return { dropped: dropped!, refused: refused!, kernelDroppedPackets: droppedByKernel! };
    },
    [Symbol.asyncDispose]: () => kill(child),
  };
}
