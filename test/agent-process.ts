// Starts `spoor agent` as a process of its own, with what it has to be told to run beside others of its kind.
//
//   spawn ─▶ log lines (JSON) ─ "… at" ─▶ addresses ─ "Spoor is ready" ─▶ AgentProcess ─▶ end
//
// Not here: the collectors behind it (spoor-process.ts).

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type LedgerFigures, findImbalances } from "../src/agent/ledger.ts";
import type { ForwarderFigures } from "../src/agent/forward-books.ts";
import { type Exit, waitUntilReady } from "./spoor-process.ts";

const root = new URL("..", import.meta.url).pathname;

/** Between SIGTERM and SIGKILL. */
const END_MS_MAX = 15_000;

const LISTENERS = [
  "--processor.jaeger-compact.server-host-port",
  "--processor.jaeger-binary.server-host-port",
  "--processor.zipkin-compact.server-host-port",
  "--http-server.host-port",
  "--admin.http.host-port",
];

/** The doors, as the log names them. */
const NAMES = {
  compact: "Jaeger UDP (compact)",
  binary: "Jaeger UDP (binary)",
  zipkin: "Zipkin UDP (compact)",
  sampling: "sampling HTTP",
  otlp: "OTLP HTTP",
  admin: "admin",
} as const;

export type AgentDoor = keyof typeof NAMES;

export interface AgentLedger extends LedgerFigures {
  readonly forwarder: ForwarderFigures;
}

export interface AgentProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Lines of standard error. */
  readonly log: readonly string[];
  readonly ended: Promise<Exit>;
  port(door: AgentDoor): number;
  /** Of its admin port; the books must balance. */
  ledger(): Promise<AgentLedger>;
  /** SIGTERM; it has to end by itself, with 0. */
  end(): Promise<void>;
  /** SIGKILL. Harmless when it has ended. */
  kill(): Promise<void>;
}

/** @param flags where it forwards to; ports that it may choose need none. */
export async function startAgent(
  flags: readonly string[],
  nodeFlags: readonly string[] = [],
): Promise<AgentProcess> {
  const given = new Set(flags.map((flag) => flag.split("=", 1)[0]));
  const anyPort = LISTENERS.filter((flag) => !given.has(flag));
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags,
      `${root}src/cli/main.ts`,
      "agent",
      "--log-encoding=json",
      ...anyPort.map((flag) => `${flag}=127.0.0.1:0`),
      ...flags,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended: Promise<Exit> = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  const addresses = new Map<string, string>();
  const log: string[] = [];
  await waitUntilReady(child, addresses, log);
  const port = (door: AgentDoor): number => Number(addresses.get(NAMES[door])?.split(":").at(-1));
  return {
    child,
    pid: child.pid!,
    log,
    ended,
    port,
    async ledger() {
      const answer = await fetch(`http://127.0.0.1:${port("admin")}/api/ledger`);
      const ledger = (await answer.json()) as AgentLedger;
      assert.deepEqual(findImbalances(ledger), []);
      return ledger;
    },
    async end() {
      const kill = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
      child.kill("SIGTERM");
      assert.deepEqual(await ended, { code: 0, signal: null }, log.slice(-5).join("\n"));
      clearTimeout(kill);
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

export type Books = Readonly<Record<string, number>>;

/** The last words of an agent about its packets or spans. */
export function booksOf(log: readonly string[], what: "packets" | "spans"): Books {
  const line = log.find((one) => one.includes(`"msg":"${what} of this run"`));
  assert.ok(line !== undefined, log.slice(-5).join("\n"));
  return JSON.parse(line) as Books;
}
