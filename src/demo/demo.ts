// The demo: a small shop of six processes under a light load, traced by OpenTelemetry SDKs, so that there
// is something to look at in the first minute.
//
//   is a Spoor running? ─no─▶ start one
//   start the services, the called before the calling ─▶ send requests to the frontend until told to stop

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Log } from "../base/log.ts";
import type { FromParent, FromService } from "./service.ts";
import { SERVICE_NAMES, SHOP, type ServiceName } from "./shop.ts";
import type { Targets } from "./tracing.ts";

export interface DemoOptions {
  /** Where a Spoor (or any other tracing backend) takes OTLP. */
  readonly targets: Targets;
  /** `127.0.0.1:16686`: asked whether a Spoor runs, and shown to the user. */
  readonly query: string;
  /** Requests a second. */
  readonly rate: number;
  /** The demo ends by itself after this long; 0: when it is told to. */
  readonly durationMs: number;
  /** How a Spoor is started when none runs: program and arguments. */
  readonly start: readonly string[];
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A start of one process that takes longer has failed. */
const START_MS_MAX = 20_000;
const USERS = 40;
const ITEMS = 200;
/** Requests that may be under way: a backend or service that hangs does not pile them up. */
const REQUESTS_MAX = 50;

/** Runs until `signal` or the duration ends it; every process that it started has ended then. */
export async function runDemo(options: DemoOptions): Promise<{ sent: number; failed: number }> {
  const children: ChildProcess[] = [];
  try {
    if (!(await isRunning(options.query))) {
      options.log.info("no Spoor is running: starting one");
      children.push(await startSpoor(options));
    }
    const port = await startShop(options, children);
    options.log.info("the shop is open; look at its traces", { at: `http://${options.query}` });
    return await visit(port, options);
  } finally {
    await endAll(children);
  }
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

async function startSpoor({ start, query, signal }: DemoOptions): Promise<ChildProcess> {
  const [program, ...args] = start;
  const child = spawn(program!, args, { stdio: "inherit" });
  const lateAt = performance.now() + START_MS_MAX;
  while (!(await isRunning(query))) {
    if (child.exitCode !== null || performance.now() > lateAt || signal.aborted) {
      child.kill();
      throw new Error("the Spoor that was started for the demo did not become ready");
    }
    await wait(100);
  }
  return child;
}

/** @returns the port of the frontend. */
async function startShop(
  { targets, signal }: DemoOptions,
  children: ChildProcess[],
): Promise<number> {
  const ports: Partial<Record<ServiceName, number>> = {};
  const start = async (name: ServiceName): Promise<void> => {
    if (ports[name] !== undefined) return;
    for (const call of SHOP[name].calls) await start(call.to);
    const child = fork(fileURLToPath(new URL(servicePath(), import.meta.url)), [name]);
    children.push(child);
    const message: FromParent = { targets, ports };
    child.send(message);
    const late = AbortSignal.any([signal, AbortSignal.timeout(START_MS_MAX)]);
    const [{ port }] = (await once(child, "message", { signal: late })) as [FromService];
    ports[name] = port;
  };
  for (const name of SERVICE_NAMES) await start(name);
  return ports.frontend!;
}

/** The published package holds JavaScript, a checkout TypeScript. */
function servicePath(): string {
  return import.meta.url.endsWith(".ts") ? "./service.ts" : "./service.js";
}

async function visit(
  port: number,
  { rate, durationMs, signal }: DemoOptions,
): Promise<{ sent: number; failed: number }> {
  const endMs = durationMs === 0 ? Infinity : performance.now() + durationMs;
  const counts = { sent: 0, failed: 0 };
  const underWay = new Set<Promise<void>>();
  while (performance.now() < endMs && !signal.aborted) {
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
  return counts;
}

/** Services first, so that a Spoor which was started here still takes their last spans. */
async function endAll(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null) continue;
    const ended = once(child, "exit");
    if (child.connected) child.disconnect();
    else child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), START_MS_MAX);
    await ended;
    clearTimeout(kill);
  }
}
