// Starts the program under test as a process of its own, on ports of its own choice, and learns from its
// log where it listens.
//
//   spawn ─▶ log lines (JSON) ─ "… at" ─▶ addresses ─ "Spoor is ready" ─▶ SpoorProcess ─▶ close

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A start that takes longer has failed. */
const READY_MS_MAX = 20_000;
/** Between SIGTERM and SIGKILL. */
const END_MS_MAX = 15_000;
/** Lines of the log that are kept, the last ones. */
const LINES_MAX = 10_000;

const LISTENERS: readonly string[] = [
  "collector.otlp.grpc",
  "collector.otlp.http",
  "collector.grpc-server",
  "collector.http-server",
  "collector.zipkin",
  "admin.http",
  "query.http-server",
  "query.grpc-server",
];
/** Doors that an older checkout may not know: it reads no such variable, but refuses such a flag. */
const NEWER_LISTENERS = {
  COLLECTOR_TCHAN_SERVER_HOST_PORT: "127.0.0.1:0",
  HTTP_SERVER_HOST_PORT: "127.0.0.1:0",
  SAMPLING_GRPC_SERVER_HOST_PORT: "127.0.0.1:0",
};

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SpoorProcess {
  readonly pid: number;
  /** From the start of the process to its "ready". */
  readonly readyMs: number;
  /** What listens where, by the names of the log: "OTLP gRPC" -> "127.0.0.1:41234". */
  readonly addresses: ReadonlyMap<string, string>;
  /** Lines of standard error. */
  readonly log: readonly string[];
  readonly ended: Promise<Exit>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when that does not help. */
  close(): Promise<Exit>;
}

/**
 * Starts the all-in-one; every door has a port of its own unless `flags` say otherwise, and its spans go
 * to a directory of its own, which is removed when it has ended.
 *
 * @param folder a checkout (with its node_modules) or an installed package.
 * @param nodeFlags of the runtime: what it shall load first, how it shall be watched.
 * @throws Error with the last lines of the log if the process ends or is not ready in time.
 */
export async function startSpoor(
  folder: string,
  flags: readonly string[],
  nodeFlags: readonly string[] = [],
): Promise<SpoorProcess> {
  const startedMs = performance.now();
  const { child, ended } = await spawnSpoor(folder, flags, nodeFlags);
  const addresses = new Map<string, string>();
  const log: string[] = [];
  await waitUntilReady(child, addresses, log);
  return {
    pid: child.pid!,
    readyMs: performance.now() - startedMs,
    addresses,
    log,
    ended,
    signal: (name) => void child.kill(name),
    async close() {
      const kill = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
      child.kill("SIGTERM");
      const exit = await ended;
      clearTimeout(kill);
      return exit;
    },
  };
}

export interface StartToKill {
  readonly flags: readonly string[];
  readonly nodeFlags: readonly string[];
  readonly afterMs: number;
}

/** Starts it and kills it, ready or not. @throws Error if it ended by itself. */
export async function killAtStart(
  folder: string,
  { flags, nodeFlags, afterMs }: StartToKill,
): Promise<void> {
  const { child, ended } = await spawnSpoor(folder, flags, nodeFlags);
  let log = "";
  child.stderr!.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const kill = setTimeout(() => child.kill("SIGKILL"), afterMs);
  const { signal, code } = await ended;
  clearTimeout(kill);
  if (signal !== "SIGKILL") throw new Error(`Spoor ended with code ${code} at its start\n${log}`);
}

interface Spawned {
  readonly child: ChildProcess;
  readonly ended: Promise<Exit>;
}

async function spawnSpoor(
  folder: string,
  flags: readonly string[],
  nodeFlags: readonly string[],
): Promise<Spawned> {
  const anyPort = LISTENERS.map((name) => `--${name}.host-port=127.0.0.1:0`);
  const given = new Set(flags.map((flag) => flag.split("=", 1)[0]));
  const isOwn = !given.has("--segment.directory");
  const directory = isOwn ? await mkdtemp(join(tmpdir(), "spoor-data-")) : undefined;
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags,
      join(folder, "src/cli/main.ts"),
      "all-in-one",
      "--log-encoding=json",
      ...anyPort.filter((flag) => !given.has(flag.split("=", 1)[0])),
      ...(directory === undefined ? [] : [`--segment.directory=${directory}`]),
      ...flags,
    ],
    {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...NEWER_LISTENERS },
    },
  );
  const ended: Promise<Exit> = once(child, "exit").then(async ([code, signal]) => {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    return { code, signal };
  });
  return { child, ended };
}

/**
 * Fills `log` and `addresses` for as long as the process lives; resolves when it says that it is ready.
 *
 * @throws Error as startSpoor().
 */
export async function waitUntilReady(
  child: ChildProcess,
  addresses: Map<string, string>,
  log: string[],
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill("SIGKILL");
      reject(new Error([`Spoor ${why}`, ...log.slice(-5)].join("\n")));
    };
    const late = setTimeout(() => fail("was not ready in time"), READY_MS_MAX);
    const onExit = (code: number | null): void => {
      clearTimeout(late);
      fail(`ended with code ${code}`);
    };
    child.once("exit", onExit);
    createInterface({ input: child.stderr! }).on("line", (line) => {
      log.push(line);
      if (log.length > LINES_MAX) log.shift();
      if (!line.startsWith("{")) return;
      const { msg, at } = JSON.parse(line) as { msg: string; at?: string };
      if (at !== undefined) addresses.set(msg, at.replace(/^https?:\/\//, ""));
      if (msg !== "Spoor is ready") return;
      clearTimeout(late);
      child.off("exit", onExit);
      resolve();
    });
  });
}
