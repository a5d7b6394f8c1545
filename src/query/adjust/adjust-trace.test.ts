// The adjusters together: what must hold for any trace, and that no trace is too odd or too big.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../../test/any-spans.ts";
import { START_US, type SpanRecord, addSpans, makeTrace } from "../../../test/make-trace.ts";
import { RowCopier } from "../../model/copy-rows.ts";
import { printSpans } from "../../model/print-spans.ts";
import { KIND_CLIENT, KIND_SERVER, SpanBatch } from "../../model/span-batch.ts";
import { adjustTrace } from "./adjust-trace.ts";

const off = { skewNsMax: 0 };

function copyOf(batch: SpanBatch, times = 1): SpanBatch {
  const copy = new SpanBatch();
  const copier = new RowCopier(batch, copy);
  for (let time = 0; time < times; time++) {
    for (let row = 0; row < batch.rows; row++) copier.copyRow(row);
  }
  return copy;
}

test("adjustTrace() gives the same trace for spans that came twice", () => {
  fc.assert(
    fc.property(anySpans(), (batch) => {
      // Shared ids are split by counting rows, so they are left out here.
      for (let row = 0; row < batch.rows; row++) batch.kind[row] = KIND_CLIENT;
      const twice = adjustTrace(copyOf(batch, 2), off);
      assert.equal(printSpans(twice), printSpans(adjustTrace(copyOf(batch), off)));
    }),
  );
});

test("adjustTrace() keeps every span, event and link of a trace whose ids differ", () => {
  fc.assert(
    fc.property(anySpans(), (batch) => {
      for (let row = 0; row < batch.rows; row++) batch.spanId[8 * row] = row + 1;
      const { rows, events, links } = batch;
      const adjusted = adjustTrace(batch, { skewNsMax: 1e12 });
      assert.deepEqual(
        { rows: adjusted.rows, events: adjusted.events, links: adjusted.links },
        { rows, events, links },
      );
    }),
  );
});

test("adjustTrace() leaves nothing for a second time", () => {
  fc.assert(
    fc.property(anySpans(), (batch) => {
      for (let row = 0; row < batch.rows; row++) batch.parentSpanId.fill(0, 8 * row, 8 * row + 8);
      for (let row = 0; row < batch.rows; row++) batch.spanId[8 * row] = row + 1;
      const once = adjustTrace(batch, off);
      const printed = printSpans(once);
      assert.equal(printSpans(adjustTrace(once, off)), printed);
    }),
  );
});

test("adjustTrace() tells its findings as an attribute", () => {
  const batch = makeTrace(
    { id: 1, attributes: { b: "1", "telemetry.sdk.name": "otel", a: "2" } },
    { id: 2, parent: 1, startUs: START_US - 10, links: [{}] },
  );
  const hex = (text: string): string => {
    const bytes = Buffer.from(text);
    const value = Buffer.concat([Buffer.of(0x0a, bytes.length), bytes]);
    return Buffer.concat([Buffer.of(0x0a, value.length), value]).toString("hex");
  };
  assert.equal(
    printSpans(adjustTrace(batch, off)),
    [
      "resource 0",
      '  service.name="shop"',
      '  telemetry.sdk.name="otel"',
      "scope 0",
      'span 0102030405060708090a0b0c0d0e0f10:0000000000000001 "GET /" ' +
        "start=1700000000000000us duration=1000000ns",
      '  a="2"',
      '  b="1"',
      "span 0102030405060708090a0b0c0d0e0f10:0000000000000002 < 0000000000000001 " +
        '"GET /" start=1699999999999990us duration=1000000ns',
      "  @jaeger@warnings=array(" +
        hex("clock skew adjustment disabled; not applying calculated delta of 10µs") +
        hex("Invalid span link removed") +
        ")",
    ].join("\n"),
  );
});

const SPANS = 100_000;
/** A hundred times what it takes: a machine may be busy, but n² would take minutes. */
const MS_MAX = 20_000;

const shapes: readonly (readonly [string, (index: number) => SpanRecord])[] = [
  ["a chain as deep as it is long", (i) => ({ id: i + 1, parent: i, startUs: START_US - i })],
  ["a circle", (i) => ({ id: i + 1, parent: ((i + 1) % SPANS) + 1 })],
  ["one id", (i) => ({ id: 1, parent: 1, name: `n${i}` })],
  ["one span many times", () => ({ id: 1, attributes: { a: "1" } })],
  ["shared ids", (i) => ({ id: (i >> 1) + 1, kind: i % 2 === 0 ? KIND_CLIENT : KIND_SERVER })],
  ["one parent", (i) => ({ id: i + 1, parent: i === 0 ? 0 : 1, links: [{}] })],
  ["no parent there", (i) => ({ id: i + 1, parent: SPANS + i + 1, startUs: 0 })],
  [
    "a process a span",
    (i) => ({ id: i + 1, parent: i, service: `s${i}`, attributes: { "telemetry.sdk.name": "x" } }),
  ],
];
for (const [what, make] of shapes) {
  test(`adjustTrace() takes ${SPANS} spans with ${what}`, () => {
    const batch = addSpans(
      new SpanBatch(),
      Array.from({ length: SPANS }, (_, index) => make(index)),
    );
    const start = performance.now();
    const adjusted = adjustTrace(batch, off);
    assert.ok(performance.now() - start < MS_MAX);
    assert.ok(adjusted.rows > 0 && adjusted.rows <= SPANS);
  });
}
