// The doors of 5778 and 5779 over real sockets, opened from settings as a user gives them.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { diskFiles } from "../store/disk/files.ts";
import { callGrpc } from "../../test/call-grpc.ts";
import { type Sampling, openSampling } from "./open-sampling.ts";
import { openSamplingDoors } from "./sampling-doors.ts";
import { samplingDoorSettings, samplingSettings } from "./settings.ts";
import type { SamplingSource } from "./strategies.ts";
import { readStrategyProto, writeStrategyQuestion } from "./strategy-proto.ts";

const METHOD = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";
const DEFAULT = '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.001}}';

const parts = (registry: MetricsRegistry) => ({
  registry,
  log: silentLog,
  clock: systemClock,
  onBug: (error: unknown) => assert.ifError(error),
});

function open(
  registry: MetricsRegistry,
  flags: readonly string[],
  directory?: string,
): Promise<Sampling> {
  const { config } = parseSettings({ table: samplingSettings, argv: flags, env: {} });
  return openSampling({ config, files: diskFiles, directory, holder: "test", ...parts(registry) });
}

interface Doors {
  readonly http: string;
  readonly grpcPort: number;
}

async function openDoors(
  t: TestContext,
  source: SamplingSource,
  registry = new MetricsRegistry(),
): Promise<Doors> {
  const argv = ["--http-server.host-port=:0", "--sampling.grpc-server.host-port=:0"];
  const { config } = parseSettings({ table: samplingDoorSettings, argv, env: {} });
  const doors = await openSamplingDoors({ config, source, ...parts(registry) });
  t.after(() => doors.close(0));
  assert.deepEqual(
    doors.addresses.map(({ name }) => name),
    ["Sampling HTTP", "Sampling gRPC"],
  );
  const [http, grpc] = doors.addresses;
  return { http: http!.at, grpcPort: Number(grpc!.at.split(":").at(-1)) };
}

test("openSamplingDoors() answers by HTTP and gRPC, and counts", async (t) => {
  const registry = new MetricsRegistry();
  const sampling = await open(registry, []);
  const { http, grpcPort } = await openDoors(t, sampling.source, registry);
  const answer = await fetch(`${http}/sampling?service=x`);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(await answer.text(), DEFAULT);
  const legacy = await fetch(`${http}/?service=x`);
  assert.equal(await legacy.text(), DEFAULT.replace('"PROBABILISTIC"', "0"));
  const bad = await fetch(`${http}/sampling`);
  assert.equal(bad.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.deepEqual(
    [bad.status, await bad.text()],
    [400, "'service' parameter must be provided once\n"],
  );
  const { status, answer: bytes } = await callGrpc(grpcPort, METHOD, writeStrategyQuestion("x"));
  assert.equal(status, 0);
  assert.deepEqual(readStrategyProto(bytes), { type: "probabilistic", samplingRate: 0.001 });
  const counted = printMetrics(registry).split("\n");
  for (const line of [
    'jaeger_collector_http_server_requests_total{type="sampling"} 1',
    'jaeger_collector_http_server_requests_total{type="sampling-legacy"} 1',
    'jaeger_collector_http_server_errors_total{status="4xx",source="all"} 1',
  ]) {
    assert.ok(counted.includes(line), line);
  }
});

test("openSamplingDoors() refuses garbage by gRPC and serves the next", async (t) => {
  const sampling = await open(new MetricsRegistry(), []);
  const { grpcPort } = await openDoors(t, sampling.source);
  for (const hex of ["0a80808008", "0b0c", "ff".repeat(100), "0a0561"]) {
    const { status } = await callGrpc(grpcPort, METHOD, Buffer.from(hex, "hex"));
    assert.equal(status, 3, hex);
  }
  const long = await callGrpc(grpcPort, METHOD, writeStrategyQuestion("x".repeat(100_000)));
  assert.equal(long.status, 8);
  const { status } = await callGrpc(grpcPort, METHOD, new Uint8Array(0));
  assert.equal(status, 0);
});

test("openSamplingDoors() tells that the source is away", async (t) => {
  const away = new SpoorError("unavailable", "no collector can be reached");
  const { http, grpcPort } = await openDoors(t, { strategyOf: () => Promise.reject(away) });
  const answer = await fetch(`${http}/sampling?service=x`);
  assert.deepEqual(
    [answer.status, await answer.text()],
    [500, "collector error: no collector can be reached\n"],
  );
  const { status, message } = await callGrpc(grpcPort, METHOD, writeStrategyQuestion("x"));
  assert.deepEqual([status, message], [14, "no collector can be reached"]);
});

test("openSamplingDoors() opens none when one cannot be", async (t) => {
  const { http } = await openDoors(t, { strategyOf: () => assert.fail("nobody asks") });
  const taken = http.slice("http://".length);
  const argv = ["--http-server.host-port=:0", `--sampling.grpc-server.host-port=${taken}`];
  const { config } = parseSettings({ table: samplingDoorSettings, argv, env: {} });
  const source = { strategyOf: () => assert.fail("nobody asks") };
  await assert.rejects(openSamplingDoors({ config, source, ...parts(new MetricsRegistry()) }), {
    code: "unavailable",
  });
});

test("openSampling() by the file ends the start for one that is wrong", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "spoor-sampling-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "s.json");
  await writeFile(path, '{"service_strategies":[{"service":"a","type":5}]}');
  await assert.rejects(open(new MetricsRegistry(), [`--sampling.strategies-file=${path}`]), {
    code: "bad-input",
    message: "service_strategies[0].type is a number, expected a text",
  });
});

test("openSampling() adaptive keeps what it learned in the directory it is given", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "spoor-sampling-"));
  t.after(() => rm(folder, { recursive: true }));
  const flags = ["--sampling.type=adaptive", "--sampling.initial-sampling-probability=0.5"];
  const sampling = await open(new MetricsRegistry(), flags, folder);
  const roots = { service: "shop", operation: "buy", count: 3, spans: 3, probabilities: [0.5] };
  sampling.record?.([roots]);
  const { operations } = await sampling.source.strategyOf("shop");
  assert.equal(operations?.defaultSamplingProbability, 0.5);
  await sampling.close();
  const kept = JSON.parse(await readFile(join(folder, "sampling.json"), "utf8")) as {
    throughput: [number, unknown[]][];
  };
  assert.deepEqual(kept.throughput[0]?.[1], [["shop", "buy", 3, ["0.500000"]]]);
});

test("openSampling() by the file learns nothing", async () => {
  for (const type of ["file", "static"]) {
    const sampling = await open(new MetricsRegistry(), [`--sampling.config-type=${type}`]);
    assert.equal(sampling.record, undefined);
    await sampling.close();
  }
});
