// Starts the program under test as a process of its own, on ports of its own choice, and learns from its
// log where it listens.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A start that takes longer has failed. */
const READY_MS_MAX = 20_000;
/** Between SIGTERM and SIGKILL. */
const END_MS_MAX = 10_000;

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

export interface Server {
  readonly pid: number;
  /** From the start of the process to its "ready". */
  readonly readyMs: number;
  /** What listens where, by the names of the log: "OTLP gRPC" -> "127.0.0.1:41234". */
  readonly addresses: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/**
 * @param folder a checkout (with its node_modules) or an installed package.
 * @throws Error with the last lines of the log if the process ends or is not ready in time.
 */
export async function startServer(folder: string, flags: readonly string[]): Promise<Server> {
  const startedMs = performance.now();
  const main = join(folder, "src/cli/main.ts");
  const anyPort = LISTENERS.map((name) => `--${name}.host-port=127.0.0.1:0`);
  const child = spawn(
    process.execPath,
    [main, "all-in-one", "--log-encoding=json", ...anyPort, ...flags],
    { cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = once(child, "exit");
  const addresses = new Map<string, string>();
  await waitUntilReady(child, addresses);
  return {
    pid: child.pid!,
    readyMs: performance.now() - startedMs,
    addresses,
    async close() {
      const kill = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(kill);
    },
  };
}

async function waitUntilReady(child: ChildProcess, addresses: Map<string, string>): Promise<void> {
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill("SIGKILL");
      reject(new Error([`the server ${why}`, ...lines.slice(-5)].join("\n")));
    };
    const late = setTimeout(() => fail("was not ready in time"), READY_MS_MAX);
    child.once("exit", (code) => fail(`ended with code ${code}`));
    createInterface({ input: child.stderr! }).on("line", (line) => {
      lines.push(line);
      if (!line.startsWith("{")) return;
      const { msg, at } = JSON.parse(line) as { msg: string; at?: string };
      if (at !== undefined) addresses.set(msg, at.replace(/^https?:\/\//, ""));
      if (msg !== "Spoor is ready") return;
      clearTimeout(late);
      child.removeAllListeners("exit");
      resolve();
    });
  });
}
