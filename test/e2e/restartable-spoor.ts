// A collector that can be ended, killed and started again on the same ports and the same directory.
//
//   start ─▶ end(SIGTERM | SIGKILL) ─▶ start … ─▶ spans(), countOf(trace)
//
// Not here: who sends to it.

import assert from "node:assert/strict";
import { type SpoorProcess, startSpoor } from "../spoor-process.ts";
import { type Door, RunningSpoor } from "./running-spoor.ts";

const root = new URL("../..", import.meta.url).pathname;

/** Doors that senders know the port of. */
const DOORS = {
  otlpGrpc: "collector.otlp.grpc",
  jaegerGrpc: "collector.grpc-server",
  tchannel: "collector.tchan-server",
} as const satisfies Partial<Record<Door, string>>;

export type KeptDoor = keyof typeof DOORS;

export class RestartableSpoor {
  readonly #directory: string;
  readonly #ports = new Map<KeptDoor, number>();
  #running: SpoorProcess | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async start(): Promise<void> {
    const flags = Object.entries(DOORS).map(([door, setting]) => {
      return `--${setting}.host-port=127.0.0.1:${this.#ports.get(door as KeptDoor) ?? 0}`;
    });
    this.#running = await startSpoor(root, [`--segment.directory=${this.#directory}`, ...flags]);
    for (const door of Object.keys(DOORS) as KeptDoor[]) {
      this.#ports.set(door, Number(this.#spoor().address(door).split(":")[1]));
    }
  }

  /** The same in all of its lives. */
  port(door: KeptDoor): number {
    return this.#ports.get(door)!;
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const running = this.#running!;
    if (signal === "SIGTERM") assert.equal((await running.close()).code, 0);
    else running.signal(signal);
    await running.ended;
    this.#running = undefined;
  }

  /** Spans that are stored, of all its lives. */
  async spans(): Promise<number> {
    return (await this.#spoor().ledger()).store.spans;
  }

  /** Spans of one trace. */
  async countOf(traceId: string): Promise<number> {
    const { body } = await this.#spoor().get("queryHttp", `/api/traces/${traceId}`);
    const { data } = body as { data?: readonly { spans: readonly unknown[] }[] | null };
    return data?.[0]?.spans.length ?? 0;
  }

  async close(): Promise<void> {
    this.#running?.signal("SIGKILL");
    await this.#running?.ended;
  }

  #spoor(): RunningSpoor {
    return new RunningSpoor(this.#running!);
  }
}
