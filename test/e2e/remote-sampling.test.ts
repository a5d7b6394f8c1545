// Remote sampling as clients see it: npm's jaeger-client and OpenTelemetry's sampler for Node ask a real
// Spoor, gRPC by another implementation, and what is told follows the file and the traffic.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { callGrpc } from "../call-grpc.ts";
import { printStrategyJson } from "../../src/sampling/strategy-json.ts";
import { readStrategyProto, writeStrategyQuestion } from "../../src/sampling/strategy-proto.ts";
import { type RunningSpoor, openSpoor, waitFor } from "./running-spoor.ts";
import { sendRoot } from "./sampled-root.ts";

const require = createRequire(import.meta.url);

// The parts of the packages that are used here.
interface RemoteSampler {
  readonly _sampler: { toString(): string };
  _refreshSamplingStrategy(): void;
  close(): void;
}
type RemoteSamplerOf = new (
  service: string,
  options: Readonly<Record<string, unknown>>,
) => RemoteSampler;
const jaeger = require("jaeger-client") as { RemoteSampler: RemoteSamplerOf };
interface OtelSampler {
  getAndUpdateSampler(): Promise<void>;
  toString(): string;
}
const { JaegerRemoteSampler } = require("@opentelemetry/sampler-jaeger-remote") as {
  JaegerRemoteSampler: new (options: Readonly<Record<string, unknown>>) => OtelSampler;
};

const STRATEGIES = {
  default_strategy: {
    type: "probabilistic",
    param: 0.5,
    operation_strategies: [{ operation: "/health", type: "probabilistic", param: 0 }],
  },
  service_strategies: [
    { service: "limited", type: "ratelimiting", param: 7 },
    { service: "shop", type: "probabilistic", param: 0.25 },
  ],
};
const HEALTH =
  '"perOperationStrategies":[{"operation":"/health","probabilisticSampling":{"samplingRate":0}}]';
const SHOP =
  '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.25},' +
  '"operationSampling":{"defaultSamplingProbability":0.25,"defaultLowerBoundTracesPerSecond":0,' +
  `${HEALTH},"defaultUpperBoundTracesPerSecond":0}}`;
const METHOD = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";

let folder = "";
let path = "";
let byFile: RunningSpoor;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "spoor-strategies-"));
  path = join(folder, "strategies.json");
  await writeFile(path, JSON.stringify(STRATEGIES));
  byFile = await openSpoor(
    `--sampling.strategies-file=${path}`,
    "--sampling.strategies-reload-interval=20ms",
  );
});
after(async () => {
  assert.deepEqual(await byFile.process.close(), { code: 0, signal: null });
  await rm(folder, { recursive: true });
});

async function ask(url: string): Promise<readonly [status: number, text: string]> {
  const answer = await fetch(url);
  return [answer.status, await answer.text()];
}

test("every way of asking gives the answer of the file", async () => {
  for (const url of [
    byFile.url("samplingHttp", "/sampling?service=shop"),
    byFile.url("samplingHttp", "/api/sampling?service=shop"),
    byFile.url("jaegerHttp", "/api/sampling?service=shop"),
  ]) {
    assert.deepEqual(await ask(url), [200, SHOP], url);
  }
  const legacy = SHOP.replace('"PROBABILISTIC"', "0");
  assert.deepEqual(await ask(byFile.url("samplingHttp", "/?service=shop")), [200, legacy]);
  const limited = '{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":7}}';
  assert.deepEqual(await ask(byFile.url("samplingHttp", "/?service=limited")), [200, limited]);
  for (const door of ["jaegerGrpc", "samplingGrpc"] as const) {
    const port = Number(byFile.address(door).split(":").at(-1));
    const { status, message, answer } = await callGrpc(port, METHOD, writeStrategyQuestion("shop"));
    assert.equal(status, 0, message);
    assert.equal(printStrategyJson(readStrategyProto(answer), false), SHOP, door);
  }
});

test("questions that are none, and baggage, get the errors of Jaeger", async () => {
  const text = "'service' parameter must be provided once\n";
  for (const query of ["", "?service=a&service=b", "?Service=a"]) {
    assert.deepEqual(await ask(byFile.url("samplingHttp", `/sampling${query}`)), [400, text]);
    assert.deepEqual(await ask(byFile.url("jaegerHttp", `/api/sampling${query}`)), [400, text]);
  }
  for (const url of [
    byFile.url("samplingHttp", "/baggageRestrictions?service=shop"),
    byFile.url("jaegerHttp", "/api/baggageRestrictions?service=shop"),
  ]) {
    assert.deepEqual(await ask(url), [500, "collector error: baggage not implemented\n"]);
  }
});

/** What npm's client makes of the answer for `service`. */
async function samplerOf(spoor: RunningSpoor, service: string): Promise<string> {
  const updated = Promise.withResolvers<void>();
  const sampler = new jaeger.RemoteSampler(service, {
    hostPort: spoor.address("samplingHttp"),
    refreshInterval: 0,
    onSamplerUpdate: () => updated.resolve(),
    logger: { info: () => undefined, error: (text: string) => updated.reject(new Error(text)) },
  });
  sampler._refreshSamplingStrategy();
  await updated.promise;
  const text = String(sampler._sampler);
  sampler.close();
  return text;
}

test("npm's jaeger-client obeys the file", async () => {
  assert.match(await samplerOf(byFile, "limited"), /RateLimitingSampler.*7/);
  assert.match(await samplerOf(byFile, "shop"), /PerOperationSampler/);
});

/** It asks once an hour by itself, and has no way to be stopped: its timer must not hold the process. */
function openOtelSampler(spoor: RunningSpoor, serviceName: string): OtelSampler {
  const { setInterval: theirs } = globalThis;
  const unheld = (work: () => void, ms: number): NodeJS.Timeout => theirs(work, ms).unref();
  globalThis.setInterval = unheld as typeof setInterval;
  try {
    return new JaegerRemoteSampler({
      endpoint: spoor.url("samplingHttp", ""),
      serviceName,
      poolingInterval: 3_600_000,
      initialSampler: { toString: () => "initial" },
    });
  } finally {
    globalThis.setInterval = theirs;
  }
}

test("OpenTelemetry's sampler for Node obeys the file", async () => {
  const sampler = openOtelSampler(byFile, "shop");
  await sampler.getAndUpdateSampler();
  assert.match(sampler.toString(), /PerOperationSampler.*TraceIdRatioBased\{0\.25\}/s);
});

test("a changed file is answered soon; a wrong one changes nothing", async () => {
  const change = { default_strategy: { type: "probabilistic", param: 0.125 } };
  const url = byFile.url("samplingHttp", "/sampling?service=elsewhere");
  await writeFile(path, JSON.stringify(change));
  const told = '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.125}}';
  await waitFor("the changed answer", async () =>
    (await ask(url))[1] === told ? true : undefined,
  );
  await writeFile(path, '{"default_strategy": 5}');
  await waitFor("the failure in the log", () =>
    Promise.resolve(
      byFile.process.log.find((line) => line.includes("default_strategy is a number")),
    ),
  );
  assert.deepEqual(await ask(url), [200, told]);
});

test("adaptive sampling learns from what clients send, and knows it after a restart", async (t) => {
  const directory = join(folder, "data");
  const flags = [
    "--sampling.config-type=adaptive",
    "--sampling.calculation-interval=100ms",
    "--sampling.delay=0s",
    "--sampling.target-samples-per-second=1000",
    "--sampling.initial-sampling-probability=0.25",
    "--sampling.aggregation-buckets=1000",
    `--segment.directory=${directory}`,
  ];
  const spoor = await openSpoor(...flags);
  t.after(() => spoor.process.close());
  const url = (at: RunningSpoor): string => at.url("samplingHttp", "/sampling?service=learner");
  const unknown = await ask(url(spoor));
  assert.match(unknown[1], /"perOperationStrategies":\[\]/);
  const otel = openOtelSampler(spoor, "learner");
  await otel.getAndUpdateSampler();
  assert.match(otel.toString(), /TraceIdRatioBased\{0\.25\}/);
  await sendRoot(spoor, "learn", 0.25);
  // One span in 0.1 s is far below the target: the probability is doubled.
  const learned = await waitFor("a doubled probability", async () => {
    const [, text] = await ask(url(spoor));
    return text.includes('"samplingRate":0.5}') ? text : undefined;
  });
  assert.match(learned, /"operation":"learn"/);
  assert.match(await samplerOf(spoor, "learner"), /PerOperationSampler/);
  assert.deepEqual(await spoor.process.close(), { code: 0, signal: null });

  // Now with intervals in which nothing is calculated: what is told is what was known.
  const calm = flags.map((flag) => flag.replace("=100ms", "=1h"));
  const again = await openSpoor(...calm);
  t.after(() => again.process.close());
  const [, text] = await ask(url(again));
  assert.match(text, /"operation":"learn","probabilisticSampling":\{"samplingRate":0\.5\}/);
});
