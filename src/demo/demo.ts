// The demo: a small shop of six processes under a light load, half of them traced by OpenTelemetry's SDK
// and half by `spoor/client`, so that there is something to look at in the first minute.
//
//   is a Spoor running? ─no─▶ start one
//   open an agent in front of it, for the services that send by UDP
//   start the services, the called before the calling ─▶ send requests to the frontend until told to stop
//   end the services, then the agent, then the Spoor: each still takes the last spans of those before
//
// Not here: settings and signals (cli/play-demo.ts), what a service does (service.ts).

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Clock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import type { FromParent, FromService } from "./service.ts";
import { SERVICE_NAMES, SHOP, type ServiceName } from "./shop.ts";
import type { Targets } from "./tracing.ts";

export interface DemoOptions {
  /** Where a Spoor (or any other tracing backend) takes OTLP. */
  readonly targets: Pick<Targets, "grpc" | "http">;
  /** Opens an agent that forwards to it. */
  readonly openAgent: () => Promise<DemoAgent>;
  /** `127.0.0.1:16686`: asked whether a Spoor runs, and shown to the user. */
  readonly query: string;
  /** Requests a second. */
  readonly rate: number;
  /** The demo ends by itself after this long; 0: when it is told to. */
  readonly durationMs: number;
  /** How a Spoor is started when none runs: program and arguments. */
  readonly start: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface DemoAgent {
  /** Where it takes Jaeger's compact Thrift by UDP. */
  readonly udp: HostPort;
  /** Forwards what has come. */
  close(): Promise<void>;
}

/** A start of one process that takes longer has failed. */
const START_MS_MAX = 20_000;
const POLL_MS = 100;
const USERS = 40;
const ITEMS = 200;
/** Requests that may be under way: a backend or service that hangs does not pile them up. */
const REQUESTS_MAX = 50;

/** What tracing.ts imports: optional for those who only run a Spoor. */
const PACKAGES = [
  "@opentelemetry/api",
  "@opentelemetry/exporter-trace-otlp-grpc",
  "@opentelemetry/exporter-trace-otlp-http",
  "@opentelemetry/exporter-trace-otlp-proto",
  "@opentelemetry/instrumentation",
  "@opentelemetry/instrumentation-grpc",
  "@opentelemetry/instrumentation-http",
  "@opentelemetry/resources",
  "@opentelemetry/sdk-trace-base",
  "@opentelemetry/sdk-trace-node",
];

/** Requests to the shop, and how many of them it answered with an error. */
export interface DemoCounts {
  sent: number;
  failed: number;
}

/**
 * Runs until `signal` or the duration ends it; every process that it started has ended then.
 *
 * @throws SpoorError `unsupported` if packages are missing, `unavailable` if a process cannot start.
 */
export async function runDemo(options: DemoOptions): Promise<DemoCounts> {
  refuseMissing();
  const { log, query, signal, openAgent } = options;
  const counts: DemoCounts = { sent: 0, failed: 0 };
  const backend: ChildProcess[] = [];
  const services: ChildProcess[] = [];
  let agent: DemoAgent | undefined;
  // Whatever ends this process at once (a second Ctrl-C) leaves no Spoor behind.
  const endNow = (): void => [...services, ...backend].forEach((child) => void child.kill());
  process.once("exit", endNow);
  try {
    if (!(await isRunning(query))) {
      log.info("no Spoor is running: starting one");
      await startSpoor(options, backend);
    }
    agent = await openAgent();
    log.info("an agent takes spans by UDP", { at: printHostPort(agent.udp) });
    const targets = { ...options.targets, udp: agent.udp };
    const port = await startShop(targets, signal, services);
    log.info("the shop is open; look at its traces", { at: `http://${query}` });
    await visit(port, options, counts);
  } catch (error) {
    if (!signal.aborted) throw error; // told to end while something was starting
  } finally {
    await endAll(services);
    await agent?.close();
    await endAll(backend);
    process.off("exit", endNow);
  }
  return counts;
}

function refuseMissing(): void {
  const { resolve } = createRequire(import.meta.url);
  const missing = PACKAGES.filter((name) => {
    try {
      resolve(name);
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  const names = missing.join(" ");
  throw new SpoorError("unsupported", `the demo needs packages that are not installed: ${names}`);
}

async function isRunning(query: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${query}/api/services`, {
      signal: AbortSignal.timeout(2_000),
    });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

async function startSpoor(
  { start, query, clock, signal }: DemoOptions,
  children: ChildProcess[],
): Promise<void> {
  const [program, ...args] = start;
  // A group of its own: Ctrl-C ends the services first, and their last spans are still taken.
  const child = spawn(program!, args, { stdio: "inherit", detached: true });
  children.push(child);
  const lateMs = clock.monotonicMs() + START_MS_MAX;
  while (!(await isRunning(query))) {
    if (hasEnded(child) || clock.monotonicMs() > lateMs) {
      throw new SpoorError("unavailable", "the Spoor for the demo did not become ready");
    }
    await wait(POLL_MS, undefined, { signal });
  }
}

/** @returns the port of the frontend. */
async function startShop(
  targets: Targets,
  signal: AbortSignal,
  children: ChildProcess[],
): Promise<number> {
  const ports: Partial<Record<ServiceName, number>> = {};
  const start = async (name: ServiceName): Promise<void> => {
    if (ports[name] !== undefined) return;
    for (const call of SHOP[name].calls) await start(call.to);
    const child = fork(fileURLToPath(SERVICE), [name]);
    children.push(child);
    const message: FromParent = { targets, ports };
    child.send(message);
    ports[name] = await readPort(child, name, signal);
  };
  for (const name of SERVICE_NAMES) await start(name);
  return ports.frontend!;
}

/** A checkout holds TypeScript, the published package JavaScript. */
const SERVICE = new URL(`./service${/\.\w+$/.exec(import.meta.url)![0]}`, import.meta.url);

async function readPort(
  child: ChildProcess,
  name: ServiceName,
  signal: AbortSignal,
): Promise<number> {
  const done = new AbortController();
  const late = AbortSignal.timeout(START_MS_MAX);
  const until = { signal: AbortSignal.any([signal, late, done.signal]) };
  try {
    const first = await Promise.race([once(child, "message", until), once(child, "exit", until)]);
    const { port } = (first[0] ?? {}) as Partial<FromService>;
    if (port !== undefined) return port;
    throw new SpoorError("unavailable", `service ${name} of the demo ended as it started`);
  } catch (error) {
    if (!late.aborted) throw error;
    throw new SpoorError("unavailable", `service ${name} of the demo did not start in time`);
  } finally {
    done.abort();
  }
}

async function visit(
  port: number,
  { rate, durationMs, clock, signal }: DemoOptions,
  counts: DemoCounts,
): Promise<void> {
  const endMs = durationMs === 0 ? Infinity : clock.monotonicMs() + durationMs;
  const underWay = new Set<Promise<void>>();
  while (clock.monotonicMs() < endMs && !signal.aborted) {
    const user = `u-${Math.floor(Math.random() * USERS)}`;
    const item = `i-${Math.floor(Math.random() * ITEMS)}`;
    if (underWay.size < REQUESTS_MAX) {
      counts.sent++;
      const request = fetch(`http://127.0.0.1:${port}/buy?user=${user}&item=${item}`)
        .then(async (answer) => {
          await answer.arrayBuffer();
          if (!answer.ok) counts.failed++;
        })
        .catch(() => void counts.failed++)
        .finally(() => underWay.delete(request));
      underWay.add(request);
    }
    await wait(1_000 / rate, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(underWay);
}

/** The last one first. */
async function endAll(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children.toReversed()) {
    if (hasEnded(child)) continue;
    const ended = once(child, "exit");
    if (child.connected) child.disconnect();
    else child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), START_MS_MAX);
    await ended;
    clearTimeout(kill);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
