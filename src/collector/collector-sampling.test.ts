// What the collector's doors say about sampling, and what it learns from the spans that come.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { callGrpc } from "../../test/call-grpc.ts";
import { openTestCollector } from "../../test/open-collector.ts";
import type { SampledRoots } from "../sampling/adaptive/throughput-counter.ts";
import type { Sampling } from "../sampling/open-sampling.ts";
import { readStrategyProto, writeStrategyQuestion } from "../sampling/strategy-proto.ts";
import type { Strategy } from "../sampling/strategies.ts";

const SERVICE = "jaeger.api_v2.SamplingManager";
const METHOD = `/${SERVICE}/GetSamplingStrategy`;
const TEN: Strategy = { type: "rateLimiting", maxTracesPerSecond: 10 };

function makeSampling(): {
  readonly sampling: Sampling;
  readonly asked: string[];
  roots: unknown[];
} {
  const asked: string[] = [];
  const roots: SampledRoots[] = [];
  const strategyOf = (service: string): Promise<Strategy> => {
    asked.push(service);
    return Promise.resolve(TEN);
  };
  const record = (found: readonly SampledRoots[]): void => void roots.push(...found);
  const sampling = { source: { strategyOf }, record, close: () => Promise.resolve() };
  return { sampling, asked, roots };
}

test("14250 answers strategies beside spans, in its health checks and by reflection", async () => {
  const { sampling, asked } = makeSampling();
  await using collector = await openTestCollector(["jaeger-grpc"], [], { sampling });
  const port = collector.port("jaeger-grpc");
  const { status, answer } = await callGrpc(port, METHOD, writeStrategyQuestion("shop"));
  assert.equal(status, 0);
  assert.deepEqual(readStrategyProto(answer), TEN);
  assert.deepEqual(asked, ["shop"]);
  const check = Buffer.concat([Buffer.from([0x0a, SERVICE.length]), Buffer.from(SERVICE)]);
  const health = await callGrpc(port, "/grpc.health.v1.Health/Check", check);
  assert.deepEqual([health.status, health.answer.toString("hex")], [0, "0801"]);
  const described = await describe(port, SERVICE);
  assert.match(described, /SamplingStrategyResponse/);
  assert.match(described, /perOperationStrategies/);
  // A question is no request with spans, not even one that is wrong.
  assert.equal((await callGrpc(port, METHOD, Buffer.from("0a05", "hex"))).status, 3);
  assert.deepEqual(collector.books(), {});
});

test("14268 answers strategies below /api, and nowhere else", async () => {
  const { sampling, asked } = makeSampling();
  await using collector = await openTestCollector(["jaeger-http"], [], { sampling });
  const { at } = collector.address("jaeger-http");
  const answer = await fetch(`${at}/api/sampling?service=caf%C3%A9`);
  const text = '{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":10}}';
  assert.deepEqual([answer.status, await answer.text()], [200, text]);
  assert.deepEqual(asked, ["café"]);
  const statusOf = async (path: string): Promise<number> => (await fetch(at + path)).status;
  assert.equal(await statusOf("/sampling?service=x"), 404);
  assert.equal(await statusOf("/?service=x"), 404);
  assert.equal(await statusOf("/api/sampling"), 400);
  assert.equal(await statusOf("/api/baggageRestrictions?service=x"), 500);
  assert.deepEqual(collector.books(), {});
  assert.deepEqual(collector.metrics("jaeger_collector_http_server_requests_total"), [
    'jaeger_collector_http_server_requests_total{type="sampling"} 1',
  ]);
});

test("without strategies nobody is answered, and nothing is learned", async () => {
  await using collector = await openTestCollector(["jaeger-grpc", "jaeger-http"]);
  const answer = await fetch(`${collector.address("jaeger-http").at}/api/sampling?service=x`);
  assert.equal(answer.status, 404);
  const port = collector.port("jaeger-grpc");
  assert.equal((await callGrpc(port, METHOD, writeStrategyQuestion("x"))).status, 12);
});

test("root spans that were sampled by a remote strategy are recorded, by their service", async () => {
  const { sampling, roots } = makeSampling();
  await using collector = await openTestCollector(["otlp-http"], [], { sampling });
  const attributes = [
    { key: "sampler.type", value: { stringValue: "probabilistic" } },
    { key: "sampler.param", value: { doubleValue: 0.5 } },
  ];
  const span = (id: number, name: string): object => ({
    traceId: "0102030405060708090a0b0c0d0e0f10",
    spanId: id.toString(16).padStart(16, "0"),
    name,
    startTimeUnixNano: "1",
    endTimeUnixNano: "2",
    attributes,
  });
  const resource = (service: string, ...spans: object[]): object => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    scopeSpans: [{ spans }],
  });
  const body = JSON.stringify({
    resourceSpans: [
      resource("shop", span(1, "buy"), span(2, "buy"), span(3, "look")),
      resource("café", span(4, "buy")),
    ],
  });
  const headers = { "content-type": "application/json" };
  const url = `${collector.address("otlp-http").at}/v1/traces`;
  assert.equal((await fetch(url, { method: "POST", headers, body })).status, 200);
  const half = { probabilities: [0.5] };
  assert.deepEqual(roots, [
    { service: "shop", operation: "buy", count: 2, spans: 2, ...half },
    { service: "shop", operation: "look", count: 1, spans: 1, ...half },
    { service: "café", operation: "buy", count: 1, spans: 1, ...half },
  ]);
  collector.checkBooks();
});

/** The answer to `file_containing_symbol` of server reflection, as raw text. */
function describe(port: number, symbol: string): Promise<string> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const identity = (bytes: Buffer): Buffer => bytes;
  const method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  const stream = client.makeBidiStreamRequest(method, identity, identity);
  return new Promise((resolve, reject) => {
    stream.on("error", reject);
    stream.once("data", (answer: Buffer) => {
      stream.end();
      stream.on("status", () => {
        client.close();
        resolve(answer.toString("latin1"));
      });
    });
    stream.write(Buffer.concat([Buffer.from([0x22, symbol.length]), Buffer.from(symbol)]));
  });
}
