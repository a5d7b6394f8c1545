// A remote sampler and a server that tells it what to do, or tries to break it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeCountedMetrics } from "../../../test/counted-metrics.ts";
import { JaegerMetrics, JaegerRemote } from "../../../test/jaeger-samplers.ts";
import {
  type PolledServer,
  answerEndlessly,
  openPolledServer,
} from "../../../test/polled-server.ts";
import { makeClientMetrics } from "../client-metrics.ts";
import { makeGetText } from "../get-text.ts";
import type { Sampler } from "../sampler.ts";
import { ConstSampler } from "./const-sampler.ts";
import { PerOperationSampler } from "./per-operation-sampler.ts";
import { readStrategy } from "./read-strategy.ts";
import { RemoteSampler, type RemoteSamplerOptions } from "./remote-sampler.ts";

let server: PolledServer;
before(async () => {
  server = await openPolledServer();
});
after(() => server.close());

const RETRIEVED = "jaeger:sampler_queries{result=ok}";
const QUERY_FAILED = "jaeger:sampler_queries{result=err}";
const UPDATED = "jaeger:sampler_updates{result=ok}";
const UPDATE_FAILED = "jaeger:sampler_updates{result=err}";

function openRig(options: RemoteSamplerOptions = {}) {
  const { factory, figures } = makeCountedMetrics();
  const sampler = new RemoteSampler("shop", {
    hostPort: server.hostPort,
    refreshInterval: 0,
    metrics: makeClientMetrics(factory),
    ...options,
  });
  return { sampler, figures };
}

const half = '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}';
const operations =
  '{"strategyType":0,"probabilisticSampling":{"samplingRate":0.5},"operationSampling":' +
  '{"defaultSamplingProbability":0,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[' +
  '{"operation":"/all","probabilisticSampling":{"samplingRate":1}},' +
  '{"operation":"__proto__","probabilisticSampling":{"samplingRate":1}}]}}';

const good: readonly (readonly [answer: string, sampler: string])[] = [
  [half, "ProbabilisticSampler(samplingRate=0.5)"],
  ['{"strategyType":0,"probabilisticSampling":{"samplingRate":1}}', "samplingRate=1)"],
  // Left out, a number or the type is zero: protobuf's JSON.
  ['{"probabilisticSampling":{"samplingRate":0.25}}', "samplingRate=0.25)"],
  ['{"strategyType":"PROBABILISTIC","probabilisticSampling":{}}', "samplingRate=0)"],
  [
    '{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":7}}',
    "RateLimitingSampler(maxTracesPerSecond=7)",
  ],
  ['{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":0.5}}', "PerSecond=0.5)"],
  [operations, "PerOperationSampler(maxOperations=2000)"],
  [
    '{"strategyType":"PROBABILISTIC","operationSampling":null,"probabilisticSampling":{"samplingRate":1}}',
    "ProbabilisticSampler(samplingRate=1)",
  ],
  ['{"operationSampling":{},"unknown":[1]}', "PerOperationSampler(maxOperations=2000)"],
];
for (const [answer, expected] of good) {
  test(`RemoteSampler becomes ${expected} by ${answer}`, async () => {
    server.answer = answer;
    const { sampler, figures } = openRig();
    await sampler.refresh();
    assert.ok(sampler.sampler.toString().endsWith(expected), sampler.sampler.toString());
    assert.deepEqual(figures, { [RETRIEVED]: 1, [UPDATED]: 1 });
    assert.equal(server.paths.at(-1), "/sampling?service=shop");
    sampler.close();
  });
}

/** jaeger-client does not know the type as a number, nor fields that are left out. */
const ONLY_OURS = good.filter(
  ([answer]) => !/"strategyType":"|"operationSampling":{"d/.test(answer),
);

for (const [answer] of good.filter((row) => !ONLY_OURS.includes(row))) {
  test(`RemoteSampler is told the same as jaeger-client by ${answer.slice(0, 60)}`, async () => {
    const ours = openRig();
    const theirs = makeCountedMetrics();
    const sampler = new JaegerRemote("shop", {
      refreshInterval: 0,
      metrics: new JaegerMetrics(theirs.factory),
      logger: { info() {}, error() {} },
    });
    for (const text of [answer, answer, "{", "null", limit("7"), answer]) {
      server.answer = text;
      await ours.sampler.refresh();
      sampler._handleSamplingServerResponse(text);
      if (text.startsWith('{"strategyType":1')) continue; // not known there
      // A rate that is left out is none there.
      const expected = sampler._sampler.toString().replace("undefined", "0");
      assert.equal(ours.sampler.sampler.toString(), expected);
    }
    assert.equal(ours.figures[RETRIEVED], theirs.figures[RETRIEVED]);
    ours.sampler.close();
  });
}

/** So many operations, each with the rate of one half. */
function manyOperations(count: number): string {
  const row = '{"operation":"","probabilisticSampling":{"samplingRate":0.5}}';
  const rows = Array.from({ length: count }, () => row);
  return `{"operationSampling":{"perOperationStrategies":[${rows.join(",")}]}}`;
}

const rate = (value: string): string => `{"probabilisticSampling":{"samplingRate":${value}}}`;
const limit = (value: string): string =>
  `{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":${value}}}`;
const perOperation = (rows: string): string =>
  `{"operationSampling":{"perOperationStrategies":${rows}}}`;

const hostile: readonly string[] = [
  "",
  "null",
  "7",
  '"PROBABILISTIC"',
  "[]",
  `[${half}]`,
  "{",
  `${half},`,
  "<html></html>",
  "{}",
  '{"strategyType":"ADAPTIVE","probabilisticSampling":{"samplingRate":1}}',
  '{"strategyType":2,"probabilisticSampling":{"samplingRate":1}}',
  '{"strategyType":"1","rateLimitingSampling":{"maxTracesPerSecond":1}}',
  '{"strategyType":{},"probabilisticSampling":{"samplingRate":1}}',
  '{"strategyType":"__proto__","probabilisticSampling":{"samplingRate":1}}',
  '{"strategyType":"PROBABILISTIC","rateLimitingSampling":{"maxTracesPerSecond":1}}',
  '{"strategyType":"RATE_LIMITING","probabilisticSampling":{"samplingRate":1}}',
  '{"probabilisticSampling":[1]}',
  '{"probabilisticSampling":1}',
  ...["-0.1", "1.1", "1e999", "NaN", '"0.5"', "true", "[]", "{}"].map(rate),
  ...["-1", "1e10", "1e999", "NaN", '"7"', "false", "[7]"].map(limit),
  '{"operationSampling":[]}',
  '{"operationSampling":true}',
  '{"operationSampling":{"defaultSamplingProbability":2}}',
  '{"operationSampling":{"defaultLowerBoundTracesPerSecond":-1}}',
  '{"operationSampling":{"defaultLowerBoundTracesPerSecond":"1"}}',
  ...["{}", '"x"', "[null]", "[7]", "[[]]", '[{"operation":"x"}]'].map(perOperation),
  perOperation('[{"operation":7,"probabilisticSampling":{"samplingRate":1}}]'),
  perOperation('[{"operation":"x","probabilisticSampling":{"samplingRate":-1}}]'),
  manyOperations(10_001),
  "[".repeat(200_000),
  '{"a":'.repeat(50_000),
];
for (const answer of hostile) {
  test(`readStrategy() refuses ${answer.slice(0, 80)}`, () => {
    assert.throws(() => readStrategy(answer), { code: "bad-input" });
  });
}

test("RemoteSampler keeps its sampler through every answer that does not hold", async () => {
  const { sampler, figures } = openRig();
  server.answer = operations;
  await sampler.refresh();
  const before = sampler.sampler;
  let refused = 0;
  for (const answer of hostile) {
    if (answer.length > 512 * 1024) continue; // see the next test
    server.answer = answer;
    await sampler.refresh();
    refused++;
  }
  assert.equal(sampler.sampler, before);
  assert.equal(sampler.isSampled("/all", {}), true);
  assert.equal(sampler.isSampled("__proto__", {}), true);
  assert.equal(sampler.decidesByOperation, true);
  assert.equal(sampler.isSampled("constructor", {}), false);
  assert.ok(refused > 40);
  assert.deepEqual(figures, { [RETRIEVED]: refused + 1, [UPDATED]: 1, [UPDATE_FAILED]: refused });
  sampler.close();
});

test("RemoteSampler counts every failure to ask, and keeps its sampler", async () => {
  const { sampler, figures } = openRig({
    sampler: new ConstSampler(true),
    getText: makeGetText({ timeoutMs: 200 }),
  });
  const answers: readonly PolledServer["answer"][] = [
    (response) => response.writeHead(500).end(half),
    (response) => response.destroy(),
    (response) => response.write("{"), // and no more
    answerEndlessly(" "),
    answerEndlessly('{"operationSampling":'),
    manyOperations(9_999),
  ];
  for (const answer of answers) {
    server.answer = answer;
    await sampler.refresh();
  }
  assert.deepEqual(figures, { [QUERY_FAILED]: answers.length });
  assert.equal(sampler.isSampled("x", {}), true);
  sampler.close();
});

test("RemoteSampler changes the sampler that it has where the kind stays", async () => {
  const { sampler, figures } = openRig();
  const seen: Sampler[] = [];
  for (const answer of [
    rate("0.5"),
    rate("0.6"),
    rate("0.6"),
    limit("3"),
    limit("4"),
    operations,
  ]) {
    server.answer = answer;
    await sampler.refresh();
    seen.push(sampler.sampler);
  }
  server.answer = operations.replace('"samplingRate":1', '"samplingRate":0');
  await sampler.refresh();
  seen.push(sampler.sampler);
  assert.deepEqual(
    seen.map((one) => seen.indexOf(one)),
    [0, 0, 0, 3, 3, 5, 5],
  );
  assert.equal(sampler.isSampled("/all", {}), false);
  assert.equal(figures[UPDATED], 6); // all but the third
  assert.equal(figures[RETRIEVED], 7);
  sampler.close();
});

test("RemoteSampler lets its initial sampler decide until the first answer", async () => {
  const { sampler } = openRig({ sampler: new ConstSampler(true) });
  const tags = {};
  assert.equal(sampler.isSampled("x", tags), true);
  assert.deepEqual(tags, { "sampler.type": "const", "sampler.param": true });
  assert.equal(openRig().sampler.sampler.toString(), "ProbabilisticSampler(samplingRate=0.001)");
  server.answer = rate("0");
  await sampler.refresh();
  assert.equal(sampler.isSampled("x", {}), false);
  assert.equal(sampler.toString(), "RemoteSampler(serviceName=shop)");
});

test("RemoteSampler asks by itself, and tells who wants to know", async () => {
  server.answer = operations;
  const told = new Promise<Sampler>((resolve) => {
    const { sampler } = openRig({
      refreshInterval: 5,
      maxOperations: 3,
      onSamplerUpdate(now) {
        sampler.close();
        resolve(now);
        throw new Error("the user's mistake");
      },
    });
  });
  const sampler = await told;
  assert.ok(sampler instanceof PerOperationSampler);
  assert.equal(sampler.toString(), "PerOperationSampler(maxOperations=3)");
});

test("RemoteSampler asks the endpoint that it is given", async () => {
  server.answer = half;
  const endpoint = `http://${server.hostPort}/api/sampling?tenant=a`;
  const { sampler } = openRig({ endpoint });
  await sampler.refresh();
  assert.equal(server.paths.at(-1), "/api/sampling?tenant=a&service=shop");
  assert.throws(() => new RemoteSampler("shop", { endpoint: "x" }), { code: "bad-input" });
});

test("RemoteSampler.equal() compares whom it asks and what it was told", async () => {
  server.answer = half;
  const [one, other] = [openRig().sampler, openRig().sampler];
  assert.ok(one.equal(other));
  await one.refresh();
  assert.ok(!one.equal(other));
  await other.refresh();
  assert.ok(one.equal(other));
  assert.ok(!one.equal(openRig({ samplingPath: "/other" }).sampler));
  assert.ok(!one.equal(one.sampler));
});

function untilClosed(sampler: RemoteSampler): Promise<void> {
  return new Promise((resolve) => {
    sampler.close(resolve);
  });
}

test("RemoteSampler.close() takes back a question and counts nothing for it", async () => {
  const asked = new Promise<void>((resolve) => {
    server.answer = () => resolve();
  });
  const { sampler, figures } = openRig();
  const refreshed = sampler.refresh();
  await asked;
  await untilClosed(sampler);
  await refreshed;
  assert.deepEqual(figures, {});
});
