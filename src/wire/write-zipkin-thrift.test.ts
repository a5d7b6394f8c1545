// What is written is what our reader of zipkincore.thrift reads.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { makeTrace } from "../../test/make-trace.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readOtlpTraces } from "./otlp-proto.ts";
import { readThriftMessage } from "./thrift-message.ts";
import { writeEmitZipkinBatch } from "./write-zipkin-thrift.ts";
import { readEmitZipkinBatch } from "./zipkin-thrift.ts";

function pass(batch: SpanBatch): SpanBatch {
  const passed = new SpanBatch();
  readEmitZipkinBatch(readThriftMessage(writeEmitZipkinBatch(batch)).thrift, passed);
  return passed;
}

test("writeEmitZipkinBatch() says one way, emitZipkinBatch, in the compact protocol", () => {
  const { name, kind, protocol } = readThriftMessage(writeEmitZipkinBatch(new SpanBatch()));
  assert.deepEqual([name, kind, protocol], ["emitZipkinBatch", 4, "compact"]);
  assert.equal(pass(new SpanBatch()).rows, 0);
});

test("writeEmitZipkinBatch() keeps ids, times, kind, service, status and typed values", () => {
  const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"];
  const batch = makeTrace(
    ...kinds.map((name, kind) => ({
      id: kind + 1,
      parent: kind,
      service: `of ${name}`,
      name,
      kind,
      status: kind === 3 ? 2 : 0,
      attributes: {
        text: "a",
        int: -5n,
        large: 2n ** 62n,
        double: 1.5,
        yes: true,
        bytes: Uint8Array.of(1, 255),
      },
      events: [{ us: 1_700_000_000_000_100, name: "noted" }],
    })),
    { id: 9, service: "bare", name: "bare" },
  );
  const passed = pass(batch);
  assert.equal(
    printSpans(passed),
    printSpans(batch)
      // Zipkin v1 has no kind for it.
      .replace(" kind=internal", "")
      .replace(/("internal"[^]*?bytes=hex\(01ff\)\n)/, '$1  span.kind="internal"\n')
      .concat('\n  component=""')
      .replaceAll(/^(span .*)$/gm, "$1 origin=zipkin"),
  );
});

test("writeEmitZipkinBatch() loses nothing that Zipkin can say, whatever the spans", () => {
  fc.assert(
    fc.property(anySpans(20), (batch) => {
      // What Zipkin cannot say is gone after the first pass.
      const once = pass(pass(batch));
      assert.equal(printSpans(pass(once)), printSpans(once));
      assert.equal(once.rows, batch.rows);
    }),
    { numRuns: 100 },
  );
});

test("writeEmitZipkinBatch() keeps names, starts and status of OTLP spans", () => {
  const batch = new SpanBatch();
  const url = new URL("../../test/golden/otlp/traces.bin", import.meta.url);
  readOtlpTraces(new Uint8Array(readFileSync(url)), batch);
  const passed = pass(batch);
  assert.equal(passed.rows, batch.rows);
  for (let row = 0; row < batch.rows; row++) {
    assert.equal(
      passed.dictionary.text(passed.name[row]!),
      batch.dictionary.text(batch.name[row]!),
    );
    assert.equal(passed.startUs[row], batch.startUs[row]);
    assert.equal(passed.statusCode[row], batch.statusCode[row]);
  }
});
