// The collector as a whole: which doors open, with what settings, and how it ends.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as https from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { callGrpc } from "../../test/call-grpc.ts";
import { openTestCollector, storeThatFails } from "../../test/open-collector.ts";
import { encodeOtlp } from "../../test/otlp-schema.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { parseSettings } from "../base/parse-settings.ts";
import type { HttpAnswer } from "../net/http-route.ts";
import { makeMemoryStore } from "../store/memory/memory-store.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { openCollector } from "./collector.ts";
import { makeLedgerRoute } from "./ledger-route.ts";
import { DOORS, Ledger } from "./ledger.ts";
import { collectorSettings } from "./settings.ts";

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const POST_SPANS = "/jaeger.api_v2.CollectorService/PostSpans";
const host = "127.0.0.1";

const span = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), name: "op" };
const ONE_SPAN = encodeOtlp("TracesData", {
  resourceSpans: [{ scopeSpans: [{ spans: [span] }] }],
});

function send(at: string, body: Uint8Array = ONE_SPAN): Promise<Response> {
  const headers = { "content-type": "application/x-protobuf" };
  return fetch(`${at}/v1/traces`, { method: "POST", body: new Uint8Array(body), headers });
}

/** A store whose writes wait until they are let go. */
function slowStore(): { store: TraceStore; waiting: (() => void)[] } {
  const waiting: (() => void)[] = [];
  const store = makeMemoryStore({ tracesMax: 0, bytesMax: 1_024 * 1_024 }, systemClock);
  const write = store.write.bind(store);
  store.write = (batch) => {
    void write(batch);
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  };
  return { store, waiting };
}

test("openCollector() opens every door that has an address, and says where", async () => {
  await using collector = await openTestCollector(DOORS);
  const { addresses } = collector.collector;
  assert.deepEqual(
    addresses.map(({ door, name }) => [door, name]),
    [
      ["otlp-grpc", "OTLP gRPC"],
      ["otlp-http", "OTLP HTTP"],
      ["jaeger-grpc", "Jaeger gRPC"],
      ["jaeger-http", "Jaeger HTTP (thrift)"],
      ["tchannel", "Jaeger TChannel"],
      ["zipkin", "Zipkin HTTP"],
    ],
  );
  for (const { door, at, port } of addresses) {
    const isHttp = !door.endsWith("grpc") && door !== "tchannel";
    assert.equal(at, `${isHttp ? "http://" : ""}127.0.0.1:${port}`);
  }
});

test("openCollector() writes into the books that it is given, and shows them as metrics", async () => {
  const argv = ["otlp.grpc", "grpc-server", "http-server", "tchan-server", "zipkin"].map(
    (door) => `--collector.${door}.host-port=`,
  );
  argv.push(`--collector.otlp.http.host-port=${host}:0`);
  const { config } = parseSettings({ table: collectorSettings, argv, env: {} });
  const store = makeMemoryStore({ tracesMax: 0, bytesMax: 1_024 * 1_024 }, systemClock);
  const registry = new MetricsRegistry();
  const ledger = new Ledger();
  const onBug = (error: unknown): void => assert.fail(String(error));
  const parts = { config, store, registry, ledger, log: silentLog, clock: systemClock, onBug };
  const collector = await openCollector(parts);
  await send(collector.addresses[0]?.at ?? "");
  await collector.close(1_000);
  await collector.close(1_000);
  assert.equal(collector.ledger, ledger);
  assert.equal(ledger.figures().total.spans.stored, 1);
  const text = printMetrics(registry);
  const labels = '{door="otlp-http",format="otlp-proto"}';
  assert.ok(text.includes(`spoor_collector_spans_stored_total${labels} 1\n`));
  assert.ok(
    text.includes('spoor_collector_requests_stored_total{door="otlp-http",format="unknown"} 0'),
  );
  assert.match(text, /jaeger_collector_batch_size\{host="[^"]+"\} 1\n/);
});

test("openCollector() leaves doors shut that have none", async () => {
  await using none = await openTestCollector([]);
  assert.deepEqual(none.collector.addresses, []);
  await using one = await openTestCollector(["zipkin"]);
  assert.deepEqual(
    one.collector.addresses.map(({ door }) => door),
    ["zipkin"],
  );
  const off = ["--collector.otlp.enabled=false"];
  await using noOtlp = await openTestCollector(["otlp-grpc", "otlp-http"], off);
  assert.deepEqual(noOtlp.collector.addresses, []);
});

test("openCollector() opens all doors or none, and names the one that could not open", async () => {
  const free = createServer();
  const taken = createServer();
  const listen = (server: typeof free): Promise<number> =>
    new Promise((resolve) => {
      server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
    });
  const freePort = await listen(free);
  const takenPort = await listen(taken);
  const closed = new Promise((resolve) => {
    free.close(resolve);
  });
  await closed;
  const flags = [
    `--collector.otlp.grpc.host-port=${host}:${freePort}`,
    `--collector.zipkin.host-port=${host}:${takenPort}`,
  ];
  await assert.rejects(openTestCollector([], flags), {
    code: "unavailable",
    message: `zipkin cannot listen on ${host}:${takenPort}: the port is taken`,
  });
  // The door that had opened is closed: its port can be had again.
  const again = createServer();
  await new Promise((resolve, reject) => {
    again.once("error", reject);
    again.listen(freePort, host, () => resolve(undefined));
  });
  again.close();
  taken.close();
});

test("openCollector() refuses TLS settings that contradict each other, and opens nothing", async () => {
  const flags = ["--collector.zipkin.tls.enabled=true"];
  await assert.rejects(openTestCollector(["otlp-grpc", "zipkin"], flags), {
    code: "bad-input",
    message: "collector.zipkin.tls: both cert and key are needed",
  });
});

const certificates = new URL("../../test/golden/tls/", import.meta.url);
const pathOf = (name: string): string => new URL(name, certificates).pathname;
const pem = (name: string): Buffer => readFileSync(new URL(name, certificates));

function tlsFlags(prefix: string): string[] {
  return [
    `--${prefix}.tls.enabled`,
    `--${prefix}.tls.cert=${pathOf("server.pem")}`,
    `--${prefix}.tls.key=${pathOf("server.key")}`,
    `--${prefix}.tls.client-ca=${pathOf("ca.pem")}`,
  ];
}

const grpcDoors = [
  ["otlp-grpc", "collector.otlp.grpc", EXPORT],
  ["jaeger-grpc", "collector.grpc", POST_SPANS],
] as const;

for (const [door, prefix, path] of grpcDoors) {
  test(`${door} with TLS lets in who shows a certificate of its authority`, async () => {
    await using collector = await openTestCollector([door], tlsFlags(prefix));
    const call = async (key?: string, certificate?: string): Promise<number> => {
      const credentials = grpc.credentials.createSsl(
        pem("ca.pem"),
        key === undefined ? null : pem(key),
        certificate === undefined ? null : pem(certificate),
      );
      const empty = new Uint8Array(0);
      return (await callGrpc(collector.port(door), path, empty, { credentials })).status;
    };
    assert.equal(await call("client.key", "client.pem"), 0);
    assert.equal(await call(), 14);
    assert.equal(await call("stranger.key", "stranger.pem"), 14);
    assert.equal((await callGrpc(collector.port(door), path, new Uint8Array(0))).status, 14);
    assert.equal(collector.checkBooks().total.requests.received, 1);
  });
}

const httpDoors = [
  ["otlp-http", "collector.otlp.http"],
  ["jaeger-http", "collector.http"],
  ["zipkin", "collector.zipkin"],
] as const;

for (const [door, prefix] of httpDoors) {
  test(`${door} with TLS lets in who shows a certificate of its authority`, async () => {
    await using collector = await openTestCollector([door], tlsFlags(prefix));
    const { at, port } = collector.address(door);
    assert.equal(at, `https://${host}:${port}`);
    const get = (more: https.RequestOptions): Promise<number> =>
      new Promise((resolve, reject) => {
        const request = https.get(
          {
            host,
            port,
            servername: "localhost",
            path: "/nothing",
            ca: pem("ca.pem"),
            agent: false,
            ...more,
          },
          (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          },
        );
        request.on("error", reject);
      });
    const client = { key: pem("client.key"), cert: pem("client.pem") };
    assert.equal(await get(client), 404);
    await assert.rejects(get({}));
    await assert.rejects(get({ key: pem("stranger.key"), cert: pem("stranger.pem") }));
  });
}

test("collector.tags are put onto every resource", async () => {
  const flags = ["--collector.tags=zone=b,cluster=blue"];
  await using collector = await openTestCollector(["otlp-http"], flags);
  assert.equal((await send(collector.address("otlp-http").at)).status, 200);
  assert.match(await collector.printStored(), /\n {2}cluster="blue"\n {2}zone="b"\n/);
});

for (const [door, , path] of grpcDoors) {
  test(`${door} answers health checks and reflection`, async () => {
    await using collector = await openTestCollector([door]);
    const port = collector.port(door);
    const service = path.split("/")[1] ?? "";
    const check = Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
    const health = await callGrpc(port, "/grpc.health.v1.Health/Check", check);
    assert.deepEqual([health.status, health.answer.toString("hex")], [0, "0801"]);
    assert.equal(
      (await callGrpc(port, "/grpc.health.v1.Health/Check", Buffer.from("0a0178", "hex"))).status,
      5,
    );
    assert.ok((await listServices(port)).includes(service));
    assert.deepEqual(collector.books(), {});
  });
}

/** The answer to `list_services` of server reflection, as raw text. */
function listServices(port: number): Promise<string> {
  const client = new grpc.Client(`${host}:${port}`, grpc.credentials.createInsecure());
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
    stream.write(Buffer.from("3a00", "hex")); // list_services = 7, ""
  });
}

test("close() answers what it has accepted, and accepts no more", async () => {
  const { store, waiting } = slowStore();
  await using collector = await openTestCollector(["otlp-http", "otlp-grpc"], [], { store });
  const { at } = collector.address("otlp-http");
  const overHttp = send(at);
  const overGrpc = callGrpc(collector.port("otlp-grpc"), EXPORT, ONE_SPAN);
  await until(() => waiting.length === 2);
  assert.equal(collector.checkBooks().total.spans.inFlight, 2);
  let isClosed = false;
  const closing = collector.collector.close(60_000).then(() => (isClosed = true));
  await assert.rejects(send(at), TypeError);
  assert.equal(isClosed, false);
  for (const letGo of waiting) letGo();
  assert.equal((await overHttp).status, 200);
  assert.equal((await overGrpc).status, 0);
  await closing;
  const { requests, spans } = collector.checkBooks().total;
  assert.deepEqual([requests.stored, spans.stored, spans.inFlight], [2, 2, 0]);
});

test("close() ends in the time it is given, whatever the store does", async () => {
  const { store, waiting } = slowStore();
  await using collector = await openTestCollector(["otlp-http", "otlp-grpc"], [], { store });
  const overHttp = send(collector.address("otlp-http").at);
  const overGrpc = callGrpc(collector.port("otlp-grpc"), EXPORT, ONE_SPAN);
  await until(() => waiting.length === 2);
  const refused = assert.rejects(overHttp, TypeError);
  await collector.collector.close(20);
  await refused;
  assert.equal((await overGrpc).status, 14);
  assert.equal(collector.checkBooks().total.spans.inFlight, 2, "nobody knows yet");
  for (const letGo of waiting) letGo();
  await until(() => collector.checkBooks().total.spans.inFlight === 0);
  assert.equal(collector.checkBooks().total.spans.stored, 2);
});

test("what waits for the store is bounded, and who comes later is told to come again", async () => {
  const { store, waiting } = slowStore();
  const flags = ["--collector.max-inflight-bytes=1MiB"];
  await using collector = await openTestCollector(["otlp-http", "otlp-grpc"], flags, { store });
  const { at } = collector.address("otlp-http");
  const big = encodeOtlp("TracesData", {
    resourceSpans: [{ scopeSpans: [{ spans: [{ ...span, name: "x".repeat(900_000) }] }] }],
  });
  const first = send(at, big);
  await until(() => waiting.length === 1);
  const overHttp = await send(at, big);
  assert.equal(overHttp.status, 429);
  assert.equal(overHttp.headers.get("retry-after"), "1");
  const overGrpc = await callGrpc(collector.port("otlp-grpc"), EXPORT, big);
  assert.equal(overGrpc.status, 8);
  assert.ok(overGrpc.details?.includes("google.rpc.RetryInfo"));
  assert.equal(collector.checkBooks().total.requests.refused.overloaded, 2);
  waiting[0]?.();
  assert.equal((await first).status, 200);
  const again = send(at, big);
  await until(() => waiting.length === 2);
  waiting[1]?.();
  assert.equal((await again).status, 200);
  assert.equal(collector.checkBooks().total.spans.stored, 2);
});

test("a bug behind a door is reported, answered as ours, and in the books", async () => {
  const store = storeThatFails("unavailable");
  store.write = () => Promise.reject(new TypeError("bug"));
  await using collector = await openTestCollector(["otlp-http", "otlp-grpc"], [], { store });
  assert.equal((await send(collector.address("otlp-http").at)).status, 500);
  const overGrpc = await callGrpc(collector.port("otlp-grpc"), EXPORT, ONE_SPAN);
  assert.equal(overGrpc.status, 13);
  assert.equal(collector.bugs.splice(0).length, 2);
  const { requests, spans } = collector.checkBooks().total;
  assert.deepEqual([requests.dropped.bug, spans.dropped.bug], [2, 2]);
});

function textOf({ body }: HttpAnswer): string {
  assert.ok(typeof body === "string");
  return body;
}

test("makeLedgerRoute() serves the books and the store's figures", async () => {
  await using collector = await openTestCollector(["otlp-http"]);
  await send(collector.address("otlp-http").at);
  const { ledger } = collector.collector;
  const route = makeLedgerRoute(ledger, () => collector.store.figures());
  assert.deepEqual([route.method, route.path], ["GET", "/api/ledger"]);
  const answer = await route.handle({} as Parameters<typeof route.handle>[0]);
  assert.equal(answer.status, 200);
  const { accounts, total, store } = JSON.parse(textOf(answer));
  assert.deepEqual(accounts, JSON.parse(JSON.stringify(ledger.figures().accounts)));
  assert.equal(total.spans.stored, 1);
  assert.deepEqual(store, { ...collector.store.figures() });
  const shut = await makeLedgerRoute(ledger, () => undefined).handle({} as never);
  assert.equal(JSON.parse(textOf(shut)).store, null);
});
