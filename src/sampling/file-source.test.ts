// Strategies from real files and a real HTTP server, read again as they change.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Log } from "../base/log.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { openHttpServer } from "../net/http-server.ts";
import { until } from "../../test/until.ts";
import { type FileSource, openFileSource } from "./file-source.ts";

interface Opened {
  readonly source: FileSource;
  readonly lines: string[];
  readonly rate: () => Promise<number | undefined>;
  readonly reloads: () => string[];
}

async function open(t: TestContext, path: string, reloadMs = 0): Promise<Opened> {
  const registry = new MetricsRegistry();
  const lines: string[] = [];
  const keep = (message: string, fields?: object): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const bugs: unknown[] = [];
  const source = await openFileSource({
    path,
    reloadMs,
    defaultProbability: 0.001,
    keepsOwnRate: true,
    registry,
    log,
    onBug: (error) => void bugs.push(error),
  });
  t.after(() => {
    source.close();
    assert.deepEqual(bugs, []);
  });
  return {
    source,
    lines,
    rate: async () => (await source.strategyOf("x")).samplingRate,
    reloads: () =>
      printMetrics(registry)
        .split("\n")
        .filter((line) => line.startsWith("spoor_sampling_reloads_total{")),
  };
}

const fileOf = (param: unknown): string =>
  JSON.stringify({ default_strategy: { type: "probabilistic", param } });

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spoor-sampling-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("openFileSource() without a file gives the default", async (t) => {
  const { rate } = await open(t, "");
  assert.equal(await rate(), 0.001);
});

test("openFileSource() keeps what was right when a file goes wrong, and says so", async (t) => {
  const path = join(await makeFolder(t), "strategies.json");
  await writeFile(path, fileOf(0.5));
  const { source, rate, lines, reloads } = await open(t, path);
  assert.equal(await rate(), 0.5);
  await source.reload();
  await writeFile(path, fileOf(0.25));
  await source.reload();
  assert.equal(await rate(), 0.25);
  await writeFile(path, fileOf("0.1"));
  await source.reload();
  assert.match(lines.at(-1) ?? "", /default_strategy.param is a string, expected a number/);
  await rm(path);
  await source.reload();
  assert.match(lines.at(-1) ?? "", /ENOENT/);
  assert.equal(await rate(), 0.25);
  assert.deepEqual(reloads(), [
    'spoor_sampling_reloads_total{result="unchanged"} 1',
    'spoor_sampling_reloads_total{result="changed"} 1',
    'spoor_sampling_reloads_total{result="failed"} 2',
  ]);
});

test("openFileSource() reads a changed file by itself", async (t) => {
  const path = join(await makeFolder(t), "strategies.json");
  await writeFile(path, fileOf(0.5));
  const { rate, reloads } = await open(t, path, 10);
  await writeFile(path, fileOf(0.75));
  await until(() => reloads().includes('spoor_sampling_reloads_total{result="changed"} 1'));
  assert.equal(await rate(), 0.75);
});

test("openFileSource() ends the start for a file that is not right", async (t) => {
  const folder = await makeFolder(t);
  const path = join(folder, "strategies.json");
  await assert.rejects(open(t, path), {
    code: "unavailable",
    message: /^sampling strategies: ENOENT/,
  });
  await assert.rejects(open(t, folder), { message: "sampling strategies are no regular file" });
  await writeFile(path, fileOf(true));
  await assert.rejects(open(t, path), {
    code: "bad-input",
    message: "default_strategy.param is a boolean, expected a number",
    where: { file: path },
  });
  await writeFile(path, Buffer.alloc(16 * 1024 * 1024 + 1, " "));
  await assert.rejects(open(t, path), { message: /longer than 16777216 bytes/ });
});

test("openFileSource() reads a URL; 503 means the defaults, all else a failure", async (t) => {
  let answer = { status: 200, body: fileOf(0.5) };
  const server = await openHttpServer({
    name: "strategies",
    hostPort: { host: "127.0.0.1", port: 0 },
    routes: [{ method: "GET", path: "/s.json", handle: () => answer }],
    log: { debug() {}, info() {}, warn() {}, error() {} },
    onBug: (error) => assert.ifError(error),
  });
  t.after(() => server.close(0));
  const url = `http://127.0.0.1:${server.port}/s.json`;
  const { source, rate, lines } = await open(t, url);
  assert.equal(await rate(), 0.5);
  answer = { status: 404, body: "" };
  await source.reload();
  assert.match(lines.at(-1) ?? "", /HTTP status 404, expected 200/);
  assert.equal(await rate(), 0.5);
  answer = { status: 503, body: "" };
  await source.reload();
  assert.equal(await rate(), 0.001);
  answer = { status: 200, body: " ".repeat(17 * 1024 * 1024) };
  await source.reload();
  assert.match(lines.at(-1) ?? "", /longer than 16777216 bytes/);
  await assert.rejects(open(t, `${url}x`), { code: "unavailable" });
});
