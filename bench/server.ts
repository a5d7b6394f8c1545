// The server under test: a process of its own with a data directory of its own, and what can be told of it
// from outside, so that another checkout is measured alike.
//
//   open ─▶ addresses · load(…) · settle() · CPU, memory, bytes on disk ─▶ close, kill

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { readProcess } from "../test/read-process.ts";
import { type SpoorProcess, startSpoor } from "../test/spoor-process.ts";
import type { LoadReport } from "./load.ts";

export type StoreName = "segment" | "memory";

/** The log's name for each door of the generator. */
const ADDRESS_NAMES: Readonly<Record<string, string>> = {
  "otlp-grpc": "OTLP gRPC",
  "otlp-http": "OTLP HTTP",
  "jaeger-grpc": "Jaeger gRPC",
  "jaeger-http": "Jaeger HTTP (thrift)",
  "jaeger-tchannel": "Jaeger TChannel",
  "zipkin-json": "Zipkin HTTP",
};

/** A server counts as idle when it has used no more than this much of so many looks at it. */
const IDLE_CPU_SECONDS = 0.015;
const IDLE_LOOKS = 6;
const LOOK_MS = 250;
const SETTLE_MS_MAX = 180_000;

export interface ServerOptions {
  /** A checkout. */
  readonly folder: string;
  readonly store: StoreName;
  /** Of the engine with files; left out: none is needed. */
  readonly directory: string;
  readonly flags: readonly string[];
}

export class BenchServer {
  readonly process: SpoorProcess;
  readonly #options: ServerOptions;

  private constructor(process: SpoorProcess, options: ServerOptions) {
    this.process = process;
    this.#options = options;
  }

  static async open(options: ServerOptions): Promise<BenchServer> {
    const flags =
      options.store === "segment"
        ? ["--span-storage.type=segment", `--segment.directory=${options.directory}`]
        : ["--span-storage.type=memory"];
    const server = await startSpoor(options.folder, [...flags, ...options.flags]);
    return new BenchServer(server, options);
  }

  get pid(): number {
    return this.process.pid;
  }

  /** `127.0.0.1:41234` of a door of the generator, or by its name in the log. */
  address(name: string): string {
    const address = this.process.addresses.get(ADDRESS_NAMES[name] ?? name);
    if (address !== undefined) return address;
    const known = [...this.process.addresses.keys()].join(", ");
    throw new Error(`the log names no address of ${name}, only of ${known}`);
  }

  /** Runs the generator to its end; its options are those of load.ts. */
  load(door: string, options: LoadOptions): Promise<LoadReport> {
    return this.startLoad(door, options).report;
  }

  startLoad(door: string, options: LoadOptions): RunningLoad {
    return startLoad(door, { target: this.address(door), pid: String(this.pid), ...options });
  }

  /** Waits until the server has nothing left to do: files are built and merged. */
  async settle(isQuick: boolean): Promise<void> {
    const looks = isQuick ? 2 : IDLE_LOOKS;
    const endMs = performance.now() + SETTLE_MS_MAX;
    let idle = 0;
    let before = readProcess(this.pid).cpuSeconds;
    while (idle < looks && performance.now() < endMs) {
      await wait(LOOK_MS);
      const now = readProcess(this.pid).cpuSeconds;
      idle = now - before <= IDLE_CPU_SECONDS ? idle + 1 : 0;
      before = now;
    }
  }

  async spansHeld(): Promise<number> {
    const ledger = await (await fetch(`http://${this.address("admin")}/api/ledger`)).json();
    return (ledger as { store: { spans: number } }).store.spans;
  }

  /** What is on disk now; zeros for a store without files. */
  async disk(): Promise<DiskFigures> {
    const { store, directory } = this.#options;
    if (store === "memory") return { bytes: 0, files: 0, fileRows: 0, fileBytes: 0 };
    const { rows, bytes } = await readManifestFigures(directory);
    const sizes = await readSizes(directory);
    return {
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      files: rows.length,
      fileRows: rows.reduce((sum, one) => sum + one, 0),
      fileBytes: bytes.reduce((sum, one) => sum + one, 0),
    };
  }

  /** As a crash. */
  async kill(): Promise<void> {
    this.process.signal("SIGKILL");
    await this.process.ended;
  }

  async close(): Promise<void> {
    await this.process.close();
  }
}

/** `""` for an option without a value. */
export type LoadOptions = Readonly<Record<string, string>>;

export interface RunningLoad {
  readonly report: Promise<LoadReport>;
  /** Resolves when the first message is sent. */
  readonly started: Promise<void>;
  /** Ends it early; it reports what it did. */
  stop(): void;
}

/** Starts the generator as a process of its own. */
export function startLoad(door: string, options: LoadOptions): RunningLoad {
  const args = Object.entries({ door, ...options }).map(([name, value]) =>
    value === "" ? `--${name}` : `--${name}=${value}`,
  );
  const child = spawn(process.execPath, [join(import.meta.dirname, "load.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Its first output says that it has started (load.ts); all of it is JSON with space around.
  const started = once(child.stdout, "data").then(() => {});
  return { report: readReport(child.stdout), started, stop: () => void child.kill("SIGTERM") };
}

async function readReport(output: AsyncIterable<Buffer>): Promise<LoadReport> {
  let text = "";
  for await (const chunk of output) text += chunk.toString();
  if (text.trim() === "") throw new Error("the load generator printed nothing");
  return JSON.parse(text) as LoadReport;
}

export interface DiskFigures {
  /** Of everything in the directory, the log too. */
  readonly bytes: number;
  /** Of the files that spans were built into: how many, their spans, their bytes. */
  readonly files: number;
  readonly fileRows: number;
  readonly fileBytes: number;
}

/** Calls `use` with a server that is gone afterwards, whatever happens. */
export async function withServer<T>(
  options: ServerOptions,
  use: (server: BenchServer) => Promise<T>,
): Promise<T> {
  const server = await BenchServer.open(options);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

/** Calls `use` with a data directory that is gone afterwards. */
export async function withDirectory<T>(
  parent: string,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(parent, "spoor-bench-"));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function readSizes(directory: string): Promise<number[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  // A file may go between the two calls: merging and the log do that.
  const sizes = files.map(async (entry) => {
    const figures = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    return figures?.size ?? 0;
  });
  return Promise.all(sizes);
}

/** Its lines are JSON, one a file: docs/formats/manifest.md. */
async function readManifestFigures(
  directory: string,
): Promise<{ readonly rows: number[]; readonly bytes: number[] }> {
  const text = await readFile(join(directory, "MANIFEST"), "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line.startsWith('{"name"'));
  const files = lines.map((line) => JSON.parse(line) as { rows: number; bytes: number });
  return { rows: files.map(({ rows }) => rows), bytes: files.map(({ bytes }) => bytes) };
}
