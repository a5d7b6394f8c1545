// The bench: starts the server, drives one door after the other with a load generator in a process of
// its own, and prints what one CPU second of the server took in, latency percentiles and memory.
//
//   npm run bench                                   every door, 10 s each
//   npm run bench -- --quick                        every door, under a second each: does it run at all
//   npm run bench -- --doors otlp-grpc --seconds 20
//   npm run bench -- --against ../other-checkout    the same doors there, in turns, and the ratio
//
// Machines are shared and noisy: compare ratios of one run, not figures of two.

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type SpoorProcess, startSpoor } from "../test/spoor-process.ts";
import type { LoadReport } from "./load.ts";
import { readProcess } from "../test/read-process.ts";
import { type QueryReport, timeQueries } from "./queries.ts";
import { DOORS } from "./senders.ts";

const HOME = join(import.meta.dirname, "..");
const MB = 1024 * 1024;

/** The log's name for each door of the generator. */
const ADDRESS_NAMES: Readonly<Record<string, string>> = {
  "otlp-grpc": "OTLP gRPC",
  "otlp-http": "OTLP HTTP",
  "jaeger-grpc": "Jaeger gRPC",
  "jaeger-http": "Jaeger HTTP (thrift)",
  "zipkin-json": "Zipkin HTTP",
};

interface DoorReport extends LoadReport {
  readonly spansPerServerCpuSecond: number;
  readonly spansPerSecond: number;
  readonly readyMs: number;
  readonly idleRssAnonBytes: number;
  readonly rssBytes: number;
  readonly spansHeld: number;
  readonly rssBytesPerSpanHeld: number;
  readonly queries: readonly QueryReport[];
}

interface Plan {
  readonly seconds: number;
  readonly connections: number;
  readonly batch: number;
  readonly memory: string;
  readonly idleSeconds: number;
  readonly queries: number;
}

async function main(): Promise<void> {
  const { values: args } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      doors: { type: "string", default: DOORS.map(({ name }) => name).join(",") },
      seconds: { type: "string", default: "10" },
      connections: { type: "string", default: "8" },
      batch: { type: "string", default: "500" },
      memory: { type: "string", default: "512MiB" },
      against: { type: "string" },
      json: { type: "string", default: join(HOME, "bench/results/latest.json") },
    },
  });
  const plan: Plan = {
    seconds: args.quick ? 0.7 : Number(args.seconds),
    connections: Number(args.connections),
    batch: Number(args.batch),
    memory: args.memory,
    idleSeconds: args.quick ? 0 : 2,
    queries: args.quick ? 5 : 100,
  };
  const reports: DoorReport[] = [];
  for (const door of args.doors.split(",")) {
    const report = await measure(HOME, door, plan);
    reports.push(report);
    printReport(report);
    if (args.against === undefined) continue;
    const other = await measure(args.against, door, plan);
    printReport(other);
    const ratio = report.spansPerServerCpuSecond / other.spansPerServerCpuSecond;
    print(`  ${door}: ${ratio.toFixed(2)} times the spans per CPU second of ${args.against}`);
  }
  mkdirSync(join(args.json, ".."), { recursive: true });
  writeFileSync(args.json, `${JSON.stringify(reports, undefined, 2)}\n`);
  print(`written: ${args.json}`);
  if (reports.some((report) => report.spansAccepted === 0 || report.spansRefused > 0)) {
    print("a door refused spans or took none");
    process.exitCode = 1;
  }
}

async function measure(folder: string, door: string, plan: Plan): Promise<DoorReport> {
  const server = await startSpoor(folder, [`--memory.max-bytes=${plan.memory}`]);
  try {
    await wait(1_000 * plan.idleSeconds);
    const idle = readProcess(server.pid);
    const load = await runLoad(server, door, plan);
    const after = readProcess(server.pid);
    const spansHeld = await readSpansHeld(addressOf(server, "admin"));
    const queries = await timeQueries(addressOf(server, "Query HTTP"), plan.queries);
    return {
      ...load,
      spansPerServerCpuSecond: Math.round(load.spansAccepted / load.serverCpuSeconds),
      spansPerSecond: Math.round(load.spansAccepted / load.seconds),
      readyMs: server.readyMs,
      idleRssAnonBytes: idle.rssAnonBytes,
      rssBytes: after.rssBytes,
      spansHeld,
      rssBytesPerSpanHeld: Math.round((after.rssBytes - idle.rssBytes) / spansHeld),
      queries,
    };
  } finally {
    await server.close();
  }
}

function addressOf(server: SpoorProcess, name: string): string {
  const address = server.addresses.get(name);
  if (address !== undefined) return address;
  const known = [...server.addresses.keys()].join(", ");
  throw new Error(`the log names no address of ${name}, only of ${known}`);
}

async function runLoad(server: SpoorProcess, door: string, plan: Plan): Promise<LoadReport> {
  const options: Readonly<Record<string, string>> = {
    door,
    target: addressOf(server, ADDRESS_NAMES[door] ?? door),
    seconds: String(plan.seconds),
    connections: String(plan.connections),
    batch: String(plan.batch),
    pid: String(server.pid),
    settle: plan.seconds < 1 ? "0" : "1",
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, [join(import.meta.dirname, "load.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout) text += String(chunk);
  if (text === "") throw new Error(`the load generator of ${door} printed nothing`);
  return JSON.parse(text) as LoadReport;
}

async function readSpansHeld(admin: string): Promise<number> {
  const ledger = await (await fetch(`http://${admin}/api/ledger`)).json();
  return (ledger as { store: { spans: number } }).store.spans;
}

function printReport(report: DoorReport): void {
  const thousands = (value: number): string => `${(value / 1_000).toFixed(1)} k`;
  const { latencyMs: latency } = report;
  const lines = [
    `${report.door}: ${thousands(report.spansPerServerCpuSecond)} spans per server CPU second`,
    `  ${thousands(report.spansPerSecond)} spans/s accepted, ${report.spansRefused} refused, ` +
      `${report.bytesPerSpan} bytes a span on the wire`,
    `  latency ms: p50 ${latency.p50}, p95 ${latency.p95}, p99 ${latency.p99}`,
    `  CPU s: server ${report.serverCpuSeconds.toFixed(1)}, generator ` +
      `${report.generatorCpuSeconds.toFixed(1)}, others ${report.otherCpuSeconds.toFixed(1)}`,
    `  ready after ${report.readyMs.toFixed(0)} ms, idle RssAnon ` +
      `${(report.idleRssAnonBytes / MB).toFixed(0)} MB, RSS ${(report.rssBytes / MB).toFixed(0)} MB, ` +
      `peak ${(report.serverRssPeakBytes / MB).toFixed(0)} MB`,
    `  ${report.spansHeld} spans held, ${report.rssBytesPerSpanHeld} bytes of RSS each`,
    ...report.queries.map(
      ({ what, p50, p95 }) => `  ${what}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`,
    ),
    ...Object.entries(report.errors).map(([error, count]) => `  ${count} × ${error}`),
  ];
  print(lines.join("\n"));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main();
