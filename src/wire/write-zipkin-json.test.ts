// What is written is what our reader of Zipkin v2 reads, which other implementations' bytes have proved.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { makeTrace } from "../../test/make-trace.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readOtlpTraces } from "./otlp-proto.ts";
import { writeZipkinJson } from "./write-zipkin-json.ts";
import { readZipkinJsonV2 } from "./zipkin-json.ts";

function pass(batch: SpanBatch): SpanBatch {
  const passed = new SpanBatch();
  readZipkinJsonV2(writeZipkinJson(batch), passed);
  return passed;
}

function readGolden(
  name: string,
  read: (bytes: Uint8Array, batch: SpanBatch) => unknown,
): SpanBatch {
  const batch = new SpanBatch();
  const url = new URL(`../../test/golden/${name}`, import.meta.url);
  read(new Uint8Array(readFileSync(url)), batch);
  return batch;
}

/** Times in whole µs. */
function cutTimes(batch: SpanBatch): SpanBatch {
  batch.startRestNs.fill(0);
  batch.eventRestNs.fill(0);
  for (let row = 0; row < batch.rows; row++) {
    batch.durationNs[row] = 1000 * Math.floor(batch.durationNs[row]! / 1000);
  }
  return batch;
}

for (const name of ["spans.go.json", "spans.js.json", "otel.js.json"]) {
  test(`writeZipkinJson() keeps what a real reporter sent: ${name}`, () => {
    const batch = cutTimes(readGolden(`zipkin/${name}`, readZipkinJsonV2));
    assert.ok(batch.rows > 0);
    // Endpoints become tags, which are texts and come before what is left of special ones.
    const linesOf = (one: SpanBatch): string[] =>
      printSpans(one)
        .replaceAll(/(net\.(?:host|peer)\.port)=(\d+)$/gm, '$1="$2"')
        .replaceAll(/(absentField\.startTime)=true$/gm, '$1="true"')
        .split("\n")
        .toSorted();
    assert.deepEqual(linesOf(pass(batch)), linesOf(batch));
  });
}

test("writeZipkinJson() loses nothing that Zipkin can say, whatever the spans", () => {
  fc.assert(
    fc.property(anySpans(20), (batch) => {
      // What Zipkin cannot say is gone after the first pass; what looked like something else after two.
      const once = pass(pass(batch));
      assert.equal(printSpans(pass(once)), printSpans(once));
      assert.equal(once.rows, batch.rows);
    }),
    { numRuns: 100 },
  );
});

test("writeZipkinJson() keeps ids, times, kinds, status, events and links of OTLP spans", () => {
  const batch = readGolden("otlp/traces.bin", readOtlpTraces);
  const passed = pass(batch);
  assert.equal(passed.rows, batch.rows);
  assert.equal(passed.events, batch.events);
  assert.equal(passed.links, batch.links);
  const text = (one: SpanBatch, entry: number): string => one.dictionary.text(entry);
  for (let row = 0; row < batch.rows; row++) {
    assert.equal(text(passed, passed.name[row]!), text(batch, batch.name[row]!));
    assert.equal(text(passed, passed.traceState[row]!), text(batch, batch.traceState[row]!));
    assert.equal(passed.kind[row], batch.kind[row]);
    assert.equal(passed.statusCode[row], batch.statusCode[row]);
    assert.equal(passed.startUs[row], batch.startUs[row]);
    assert.equal(
      text(passed, passed.serviceOf(passed.resource[row]!)),
      text(batch, batch.serviceOf(batch.resource[row]!)),
    );
  }
  const ids = (one: SpanBatch): string =>
    Buffer.from(one.spanId.subarray(0, 8 * one.rows)).toString("hex");
  assert.equal(ids(passed), ids(batch));
});

test("writeZipkinJson() writes the fields of Zipkin v2", () => {
  const batch = makeTrace({
    id: 2,
    parent: 1,
    service: "shop",
    name: "get /",
    kind: 2,
    status: 2,
    attributes: { "http.status_code": 503n, ok: false },
    events: [{ us: 1_700_000_000_000_001, name: "retry", attributes: { count: 2n } }],
  });
  assert.deepEqual(JSON.parse(Buffer.from(writeZipkinJson(batch)).toString()), [
    {
      traceId: "0102030405060708090a0b0c0d0e0f10",
      id: "0000000000000002",
      parentId: "0000000000000001",
      name: "get /",
      kind: "SERVER",
      timestamp: 1_700_000_000_000_000,
      duration: 1_000,
      localEndpoint: { serviceName: "shop" },
      annotations: [{ timestamp: 1_700_000_000_000_001, value: 'retry|{"count":2}|0' }],
      tags: { "http.status_code": "503", ok: "false", "otel.status_code": "ERROR", error: "true" },
    },
  ]);
  assert.equal(Buffer.from(writeZipkinJson(new SpanBatch())).toString(), "[]");
});
