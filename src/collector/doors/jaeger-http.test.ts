// Jaeger's HTTP door: what Jaeger's Go code wrote, and each answer that v1.76 gives.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  type TestCollector,
  openTestCollector,
  storeThatFails,
} from "../../../test/open-collector.ts";
import { printSanitized } from "../../../test/print-sanitized.ts";
import { readJaegerBatch } from "../../wire/jaeger-thrift.ts";

const golden = new URL("../../../test/golden/jaeger/batch.binary.bin", import.meta.url);
const BATCH = readFileSync(golden);
const THRIFT = "application/x-thrift";

function post(
  collector: TestCollector,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
  path = "/api/traces",
): Promise<Response> {
  const url = `${collector.address("jaeger-http").at}${path}`;
  return fetch(url, { method: "POST", body: new Uint8Array(body), headers });
}

const types = [
  THRIFT,
  "application/vnd.apache.thrift.binary",
  "Application/X-Thrift; charset=utf-8",
  "application/vnd.apache.thrift.binary;protocol=TBINARY",
];

for (const type of types) {
  test(`POST /api/traces as ${type} stores what Jaeger's Go code wrote`, async () => {
    await using collector = await openTestCollector(["jaeger-http"]);
    const answer = await post(collector, BATCH, { "content-type": type });
    assert.equal(answer.status, 202);
    assert.equal(await answer.text(), "");
    assert.equal(await collector.printStored(), await printSanitized(readJaegerBatch, BATCH));
    const { spans } = collector.checkBooks().total;
    assert.ok(spans.stored > 0);
    assert.deepEqual(collector.books(), {
      "jaeger-http jaeger-thrift": {
        "requests received": 1,
        "requests stored": 1,
        "spans received": spans.stored,
        "spans stored": spans.stored,
      },
    });
    assert.match(collector.metrics("spans_received_total{svc").join(), /"jaeger",transport="http"/);
  });
}

test("POST /api/traces takes gzip, which Jaeger does not", async () => {
  await using collector = await openTestCollector(["jaeger-http"]);
  const headers = { "content-type": THRIFT, "content-encoding": "gzip" };
  assert.equal((await post(collector, gzipSync(BATCH), headers)).status, 202);
  assert.equal(collector.checkBooks().total.requests.stored, 1);
});

const wrongTypes: readonly (readonly [type: string, text: string])[] = [
  ["", "Cannot parse content type: mime: no media type"],
  ["text/", "Cannot parse content type: mime: expected token after slash"],
  ["text/plain", "Unsupported content type: text/plain"],
  ["application/json; charset=utf-8", "Unsupported content type: application/json"],
  ["a&b/c'd", "Unsupported content type: a&amp;b/c&#39;d"],
];

for (const [type, text] of wrongTypes) {
  test(`POST /api/traces refuses the content type ${JSON.stringify(type)}`, async () => {
    await using collector = await openTestCollector(["jaeger-http"]);
    const answer = await post(collector, BATCH, { "content-type": type });
    assert.equal(answer.status, 400);
    assert.equal(await answer.text(), `${text}\n`);
    assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    assert.deepEqual(collector.books(), {
      "jaeger-http unknown": { "requests received": 1, "requests wrong-type": 1 },
    });
  });
}

test("POST /api/traces refuses what is no thrift, and says where", async () => {
  await using collector = await openTestCollector(["jaeger-http"]);
  const answer = await post(collector, BATCH.subarray(0, 99), { "content-type": THRIFT });
  assert.equal(answer.status, 400);
  assert.match(await answer.text(), /^Unable to process request body: .*offset \d+.*\n$/);
  assert.equal(collector.checkBooks().total.requests.refused["bad-input"], 1);
});

for (const [code, status] of [
  ["overloaded", 429],
  ["unavailable", 503],
] as const) {
  test(`POST /api/traces answers ${status} when the store is ${code}`, async () => {
    const store = storeThatFails(code);
    await using collector = await openTestCollector(["jaeger-http"], [], { store });
    const answer = await post(collector, BATCH, { "content-type": THRIFT });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.match(await answer.text(), /^Cannot submit Jaeger batch: not now/);
    assert.equal(collector.checkBooks().total.requests.refused[code], 1);
  });
}

test("the door has one path and one method", async () => {
  await using collector = await openTestCollector(["jaeger-http"]);
  const { at } = collector.address("jaeger-http");
  const wrongMethod = await fetch(`${at}/api/traces`);
  assert.equal(wrongMethod.status, 405);
  assert.equal(wrongMethod.headers.get("allow"), "POST");
  assert.equal(await wrongMethod.text(), "");
  const wrongPath = await post(collector, BATCH, { "content-type": THRIFT }, "/api/spans");
  assert.equal(wrongPath.status, 404);
  assert.equal(await wrongPath.text(), "404 page not found\n");
  assert.deepEqual(collector.books(), {});
});
