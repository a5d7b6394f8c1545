// Traces through each format and back, in pieces of any size.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, makeSpans } from "../../test/store/corpus.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { writeJaegerTrace } from "../wire/jaeger-json.ts";
import {
  TRACE_FORMATS,
  type TraceFormat,
  guessFormat,
  makeTraceWriter,
  traceReaders,
} from "./trace-formats.ts";

function traces(count: number, rows = 20): SpanBatch[] {
  return Array.from({ length: count }, (_, i) =>
    makeSpans({ random: makeRandom(i + 1), rows, tracesFrom: i, tracesEnd: i + 1 }),
  );
}

function write(format: TraceFormat, batches: readonly SpanBatch[]): Buffer {
  const writer = makeTraceWriter(format);
  const parts: (Uint8Array | string)[] = [writer.begin()];
  for (const batch of batches) parts.push(...writer.write(batch));
  parts.push(writer.end());
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}

/** The bytes in pieces, in memory that is used again. */
async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const shared = new Uint8Array(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    shared.set(piece);
    yield await Promise.resolve(shared.subarray(0, piece.length));
  }
}

async function read(
  format: TraceFormat,
  bytes: Uint8Array,
  pieceBytes: number,
): Promise<SpanBatch[]> {
  const found: SpanBatch[] = [];
  for await (const payload of traceReaders[format].split(inPieces(bytes, pieceBytes))) {
    const batch = new SpanBatch();
    assert.equal(traceReaders[format].read(payload, batch), 0);
    found.push(batch);
  }
  return found;
}

for (const format of TRACE_FORMATS) {
  test(`${format} carries traces there and back`, async () => {
    const batches = traces(3);
    const bytes = write(format, batches);
    assert.equal(guessFormat(bytes), format);
    const shown = (batch: SpanBatch): string =>
      format === "jaeger-json" ? writeJaegerTrace(batch) : printSpans(batch);
    const first = await read(format, bytes, 1 << 20);
    assert.equal(first.length, 3);
    for (const pieceBytes of [13, 4_096]) {
      const again = await read(format, bytes, pieceBytes);
      assert.deepEqual(again.map(shown), first.map(shown));
    }
    // What was read is written as the same bytes; Jaeger's tags have found their order then.
    const settled = format === "jaeger-json" ? write(format, first) : bytes;
    assert.ok(write(format, await read(format, settled, 4_096)).equals(settled));
  });

  test(`${format} of no trace is empty and sound`, async () => {
    assert.deepEqual(await read(format, write(format, []), 7), []);
  });

  test(`${format} that is cut off is refused`, async () => {
    const bytes = write(format, traces(2));
    for (const end of [bytes.length - 5, bytes.length >> 1, 30]) {
      await assert.rejects(read(format, bytes.subarray(0, end), 100), { code: "bad-input" });
    }
  });
}

test("large traces are several requests, none of them large", async () => {
  const [batch] = traces(1, 3_500);
  const requests = await read("otlp-proto", write("otlp-proto", [batch!]), 1 << 16);
  assert.ok(requests.length >= 4);
  assert.equal(
    requests.reduce((sum, { rows }) => sum + rows, 0),
    3_500,
  );
});

test("guessFormat() says when it cannot tell", () => {
  assert.equal(guessFormat(Buffer.from(' {\n "data" : [')), "jaeger-json");
  assert.throws(() => guessFormat(Buffer.from('{"hello":1}')), { code: "bad-input" });
});
