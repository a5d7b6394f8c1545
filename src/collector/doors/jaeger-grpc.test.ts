// Jaeger's gRPC door, called by grpc-js with bytes that Jaeger's own Go code wrote.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { callGrpc } from "../../../test/call-grpc.ts";
import { openTestCollector, storeThatFails } from "../../../test/open-collector.ts";
import { printSanitized } from "../../../test/print-sanitized.ts";
import { readPostSpans } from "../../wire/jaeger-proto.ts";

const POST_SPANS = "/jaeger.api_v2.CollectorService/PostSpans";
const golden = new URL("../../../test/golden/jaeger/post-spans.proto.bin", import.meta.url);
const REQUEST = readFileSync(golden);

test("PostSpans stores what Jaeger's Go code wrote", async () => {
  await using collector = await openTestCollector(["jaeger-grpc"]);
  const { status, answer } = await callGrpc(collector.port("jaeger-grpc"), POST_SPANS, REQUEST);
  assert.deepEqual([status, answer.length], [0, 0]);
  assert.equal(await collector.printStored(), await printSanitized(readPostSpans, REQUEST));
  const { spans } = collector.checkBooks().total;
  assert.ok(spans.stored > 0);
  assert.deepEqual(collector.books(), {
    "jaeger-grpc jaeger-proto": {
      "requests received": 1,
      "requests stored": 1,
      "spans received": spans.stored,
      "spans stored": spans.stored,
    },
  });
  assert.match(collector.metrics("spans_received_total{svc").join(), /format="proto"/);
});

test("PostSpans refuses what is no protobuf as INVALID_ARGUMENT", async () => {
  await using collector = await openTestCollector(["jaeger-grpc"]);
  const port = collector.port("jaeger-grpc");
  const broken = await callGrpc(port, POST_SPANS, REQUEST.subarray(0, 50));
  assert.equal(broken.status, 3);
  assert.match(broken.message, /offset \d+/);
  assert.equal(collector.checkBooks().total.requests.refused["bad-input"], 1);
});

test("PostSpans refuses a message above the limit of its own", async () => {
  const flags = ["--collector.grpc-server.max-message-size=100"];
  await using collector = await openTestCollector(["jaeger-grpc"], flags);
  const { status } = await callGrpc(collector.port("jaeger-grpc"), POST_SPANS, REQUEST);
  assert.equal(status, 8);
  assert.deepEqual(collector.books(), {
    "jaeger-grpc unknown": { "requests received": 1, "requests too-large": 1 },
  });
});

for (const [code, status] of [
  ["overloaded", 8],
  ["unavailable", 14],
] as const) {
  test(`PostSpans answers ${status} when the store is ${code}`, async () => {
    const store = storeThatFails(code);
    await using collector = await openTestCollector(["jaeger-grpc"], [], { store });
    const answer = await callGrpc(collector.port("jaeger-grpc"), POST_SPANS, REQUEST);
    assert.equal(answer.status, status);
    assert.equal(collector.checkBooks().total.requests.refused[code], 1);
  });
}
