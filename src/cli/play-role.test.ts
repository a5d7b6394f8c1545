// The program as its users start it: a process, its flags, its log, its signals.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { playRole } from "./play-role.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const PORTS = [
  "admin.http",
  "collector.otlp.grpc",
  "collector.otlp.http",
  "collector.grpc-server",
  "collector.http-server",
  "collector.zipkin",
  "query.http-server",
  "query.grpc-server",
  "http-server",
  "sampling.grpc-server",
].map((door) => `--${door}.host-port=:0`);
/** Nothing is left on the disk. */
const MEMORY = { SPAN_STORAGE_TYPE: "memory" };

const ONE_SPAN = JSON.stringify({
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
      scopeSpans: [
        {
          spans: [
            {
              traceId: "0102030405060708090a0b0c0d0e0f10",
              spanId: "0102030405060708",
              name: "buy",
              startTimeUnixNano: "1700000000000000000",
              endTimeUnixNano: "1700000000001000000",
            },
          ],
        },
      ],
    },
  ],
});

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

interface Started {
  readonly child: ChildProcess;
  readonly lines: Line[];
  readonly ended: Promise<unknown>;
}

/** Starts the program and waits for the log line `until`. */
async function start(until: string, flags: readonly string[], env = {}): Promise<Started> {
  const child = spawn(process.execPath, [main, ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], ...MEMORY, ...env },
  });
  const ended = once(child, "exit");
  const lines: Line[] = [];
  const reader = createInterface({ input: child.stderr });
  const seen = Promise.withResolvers<void>();
  reader.on("line", (text) => {
    const line = (text.startsWith("{") ? JSON.parse(text) : { msg: text }) as Line;
    lines.push(line);
    if (line.msg === until) seen.resolve();
  });
  void ended.then(() => seen.reject(new Error(`ended: ${JSON.stringify(lines)}`)));
  await seen.promise;
  return { child, lines, ended };
}

test("spoor takes a span, finds it again, shows its books, and exits 0 on SIGTERM", async () => {
  const { child, lines, ended } = await start("Spoor is ready", PORTS);
  const at = (name: string): string => String(lines.find((line) => line.msg === name)?.["at"]);
  const ask = async (url: string, init?: RequestInit): Promise<unknown> => {
    const answer = await fetch(url, init);
    assert.equal(answer.status, 200, url);
    return await answer.json();
  };
  const headers = { "content-type": "application/json" };
  await ask(`${at("OTLP HTTP")}/v1/traces`, { method: "POST", headers, body: ONE_SPAN });
  const services = (await ask(`${at("Query HTTP")}/api/services`)) as { data: unknown };
  assert.deepEqual(services.data, ["shop"]);
  for (const door of ["admin", "Query HTTP"]) {
    const books = (await ask(`${at(door)}/api/ledger`)) as {
      total: { spans: { received: number; stored: number } };
      store: { spans: number };
    };
    const { received, stored } = books.total.spans;
    assert.deepEqual([received, stored, books.store.spans], [1, 1, 1]);
  }
  const metrics = await (await fetch(`${at("admin")}/metrics`)).text();
  assert.match(metrics, /^jaeger_collector_spans_received_total\{svc="shop",.*\} 1$/m);
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  assert.deepEqual(lines.at(-1)?.msg, "ended");
});

test("spoor takes settings from a file and variables, and warns of what has no effect", async () => {
  const folder = await mkdtemp(join(tmpdir(), "spoor-role-"));
  const path = join(folder, "collector.yaml");
  await writeFile(path, "collector:\n  queue-size: 5\nquery: {base-path: /x}\nlog-level: error\n");
  const flags = [
    "collector",
    ...PORTS.filter((flag) => /^--(?:admin|collector)\./.test(flag)),
    `--config-file=${path}`,
  ];
  const { child, lines, ended } = await start("Spoor is ready", flags, { LOG_LEVEL: "info" });
  assert.equal(
    lines[0]?.msg,
    `key collector.queue-size in ${path} has no effect: what waits is bounded by collector.max-inflight-bytes`,
  );
  child.kill("SIGINT");
  assert.deepEqual(await ended, [0, null]);
  await rm(folder, { recursive: true });
});

test("spoor ends the start with one line", async () => {
  const child = spawn(process.execPath, [main, "--colector.tags=a"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  assert.deepEqual(
    [code, text],
    [
      1,
      "spoor: unknown flag --colector.tags; the nearest known is --collector.tags; spoor all-in-one --help lists all\n",
    ],
  );
});

test("playRole() refuses bad settings before anything is opened", async () => {
  const start = { role: "query", argv: ["--query.base-path=x"], env: {} } as const;
  await assert.rejects(playRole(start, process), { code: "bad-input" });
});
