// What is written is what Jaeger's own Go code wrote, and what our reader reads; in both protocols.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readEmitBatch, readJaegerBatch, readSubmitBatches } from "./jaeger-thrift.ts";
import { readOtlpTraces } from "./otlp-proto.ts";
import { readThriftMessage } from "./thrift-message.ts";
import { writeEmitBatches, writeJaegerBatches, writeSubmitBatches } from "./write-jaeger-thrift.ts";

function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/${name}`, import.meta.url)));
}

const goldenBatch = readGolden("jaeger/batch.binary.bin");
const sender = { sequence: 42, stats: { queueFull: 1, tooLarge: 2, failedToSend: 3 } };

/** Reads every payload into one batch. */
function readAll(
  payloads: readonly Uint8Array[],
  read: (payload: Uint8Array, batch: SpanBatch) => unknown,
): SpanBatch {
  const batch = new SpanBatch();
  for (const payload of payloads) read(payload, batch);
  return batch;
}

const readMessage = (bytes: Uint8Array, batch: SpanBatch): unknown =>
  readEmitBatch(readThriftMessage(bytes).thrift, batch);

const ways: readonly (readonly [name: string, (batch: SpanBatch) => SpanBatch])[] = [
  ["writeSubmitBatches", (batch) => readAll([writeSubmitBatches(batch)], readSubmitBatches)],
  ["writeJaegerBatches", (batch) => readAll(writeJaegerBatches(batch), readJaegerBatch)],
  [
    "writeEmitBatches binary",
    (batch) => readAll(writeEmitBatches(batch, { protocol: "binary" }), readMessage),
  ],
  [
    "writeEmitBatches compact",
    (batch) => readAll(writeEmitBatches(batch, { protocol: "compact" }), readMessage),
  ],
];

for (const [name, pass] of ways) {
  test(`${name}() writes what the readers read: Jaeger's batch`, () => {
    const batch = readAll([goldenBatch], readJaegerBatch);
    assert.equal(printSpans(pass(batch)), printSpans(batch));
  });

  test(`${name}() loses nothing that thrift can say, whatever the spans`, () => {
    fc.assert(
      fc.property(anySpans(20), (batch) => {
        // What thrift cannot say is gone after the first pass.
        const once = pass(batch);
        assert.equal(printSpans(pass(once)), printSpans(once));
        assert.equal(once.rows, batch.rows);
      }),
      { numRuns: 60 },
    );
  });

  test(`${name}() keeps the tags, logs and links of OTLP spans`, () => {
    const batch = readAll([readGolden("otlp/traces.bin")], readOtlpTraces);
    const passed = pass(batch);
    assert.equal(passed.rows, batch.rows);
    assert.equal(passed.events, batch.events);
    for (let row = 0; row < batch.rows; row++) {
      const name = (one: SpanBatch): string => one.dictionary.text(one.name[row]!);
      assert.equal(name(passed), name(batch));
      assert.equal(passed.kind[row], batch.kind[row]);
      assert.equal(passed.statusCode[row], batch.statusCode[row]);
      assert.equal(passed.startUs[row], batch.startUs[row]);
    }
  });
}

test("writeJaegerBatches() and the reader agree on what the sender says of itself", () => {
  const batch = readAll([goldenBatch], readJaegerBatch);
  const [written] = writeJaegerBatches(batch, sender);
  assert.deepEqual(readJaegerBatch(written!, new SpanBatch()), sender);
});

test("writeEmitBatches() says one way, emitBatch, in the protocol asked for", () => {
  const batch = readAll([goldenBatch], readJaegerBatch);
  for (const protocol of ["binary", "compact"] as const) {
    const [message] = writeEmitBatches(batch, { protocol, ...sender });
    const { name, kind, protocol: found } = readThriftMessage(message!);
    assert.deepEqual([name, kind, found], ["emitBatch", 4, protocol]);
  }
});

test("writeSubmitBatches() makes one batch a resource, also when their rows alternate", () => {
  const batch = new SpanBatch();
  const scope = batch.openScope();
  const key = batch.dictionary.internText("service.name");
  const resources = ["a", "b", "empty"].map((name) => {
    const resource = batch.openResource();
    batch.resourceAttributes.add(key, 1, batch.dictionary.internText(name));
    batch.closeResource(resource);
    return resource;
  });
  for (let row = 0; row < 7; row++) {
    batch.openRow(resources[row % 2]!, scope);
    batch.spanId[8 * row + 7] = row + 1;
    batch.traceId[16 * row + 15] = 1;
    batch.closeRow();
  }
  const read = new SpanBatch();
  assert.equal(readSubmitBatches(writeSubmitBatches(batch), read), 2);
  assert.deepEqual(
    Array.from({ length: 7 }, (_, row) => [read.spanId[8 * row + 7], read.resource[row]]),
    [
      [1, 0],
      [3, 0],
      [5, 0],
      [7, 0],
      [2, 1],
      [4, 1],
      [6, 1],
    ],
  );
  assert.equal(readSubmitBatches(writeSubmitBatches(new SpanBatch()), read), 0);
});
