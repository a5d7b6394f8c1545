// Jaeger's JSON read back: what was written is written again, and what is wrong is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { SpoorError } from "../base/errors.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { writeJaegerTrace } from "./jaeger-json.ts";
import { readJaegerJson } from "./read-jaeger-json.ts";

function read(value: unknown): SpanBatch {
  const batch = new SpanBatch();
  readJaegerJson(Buffer.from(JSON.stringify(value)), batch);
  return batch;
}

test("readJaegerJson() reads what writeJaegerTrace() writes: the same JSON again", () => {
  fc.assert(
    fc.property(anySpans(6), (spans) => {
      // Arrays and maps are texts from the first time on, and so are a few tags that mean a column.
      const once = new SpanBatch();
      readJaegerJson(Buffer.from(writeJaegerTrace(spans)), once);
      const text = writeJaegerTrace(once);
      const again = new SpanBatch();
      readJaegerJson(Buffer.from(text), again);
      assert.deepEqual(JSON.parse(writeJaegerTrace(again)), JSON.parse(text));
      assert.equal(once.rows, spans.rows);
    }),
    { numRuns: 200 },
  );
});

const SPAN = {
  traceID: "abc",
  spanID: "1f",
  flags: 1,
  operationName: "GET /",
  references: [
    { refType: "CHILD_OF", traceID: "abc", spanID: "2f" },
    { refType: "FOLLOWS_FROM", traceID: "f".repeat(32), spanID: "3f" },
  ],
  startTime: 1_700_000_000_000_000,
  duration: 250,
  tags: [
    { key: "span.kind", type: "string", value: "server" },
    { key: "error", type: "bool", value: true },
    { key: "big", type: "int64", value: "-9223372036854775808" },
    { key: "small", type: "int64", value: 7 },
    { key: "ratio", type: "float64", value: 0.5 },
    { key: "odd", type: "float64", value: "-Infinity" },
    { key: "blob", type: "binary", value: "AAEC" },
    { key: "text", type: "string", value: "é" },
  ],
  logs: [
    {
      timestamp: 1_700_000_000_000_100,
      fields: [
        { key: "event", type: "string", value: "retry" },
        { key: "n", type: "int64", value: 2 },
      ],
    },
  ],
  processID: "p1",
  warnings: ["late"],
};
const TRACE = {
  traceID: "abc",
  spans: [SPAN],
  processes: { p1: { serviceName: "cart", tags: [{ key: "host", type: "string", value: "h1" }] } },
  warnings: null,
};

test("readJaegerJson() reads a trace as Jaeger's pages save it", () => {
  assert.equal(
    printSpans(read(TRACE)),
    `resource 0
  service.name="cart"
  host="h1"
scope 0
span 00000000000000000000000000000abc:000000000000001f < 000000000000002f "GET /" start=1700000000000000us duration=250000ns kind=server status=error flags=1
  big=-9223372036854775808
  small=7
  ratio=0.5d
  odd=-Infinityd
  blob=hex(000102)
  text="é"
  @jaeger@warnings=array(0a060a046c617465)
  event 1700000000000100us "retry"
    n=2
  link ffffffffffffffffffffffffffffffff:000000000000003f
    opentracing.ref_type="follows_from"`,
  );
});

test("readJaegerJson() reads spans with a process and a parent of their own", () => {
  const { processID: _, references: __, ...rest } = SPAN;
  const process = { serviceName: "old", tags: [] };
  const batch = read({ spans: [{ ...rest, process, parentSpanID: "2f" }] });
  assert.equal(Buffer.from(batch.parentSpanId.subarray(0, 8)).toString("hex"), "000000000000002f");
  assert.equal(batch.dictionary.text(batch.serviceOf(0)), "old");
});

const wrong: readonly (readonly [what: string, value: unknown])[] = [
  ["a list", []],
  ["no spans", { traceID: "1" }],
  ["a span that is a number", { spans: [1] }],
  ["no process", { ...TRACE, processes: {} }],
  ["a process by a name of all objects", spanWith({ processID: "__proto__" })],
  ["no trace id", spanWith({ traceID: undefined })],
  ["an id that is no hex", spanWith({ spanID: "xyz" })],
  ["an id that is too long", spanWith({ spanID: "0".repeat(17) })],
  ["a start that is a text", spanWith({ startTime: "now" })],
  ["tags that are no list", spanWith({ tags: {} })],
  ["a tag without a key", spanWith({ tags: [{ type: "string", value: "" }] })],
  ["a tag that is an object", spanWith({ tags: [{ key: "k", type: "string", value: {} }] })],
  ["an int64 with a fraction", spanWith({ tags: [{ key: "k", type: "int64", value: 1.5 }] })],
  [
    "an int64 of 65 bits",
    spanWith({ tags: [{ key: "k", type: "int64", value: "9999999999999999999" }] }),
  ],
  ["a binary that is no base64", spanWith({ tags: [{ key: "k", type: "binary", value: "?" }] })],
  ["a reference of another type", spanWith({ references: [{ traceID: "1", spanID: "1" }] })],
  ["a warning that is no text", spanWith({ warnings: [1] })],
];

function spanWith(more: object): unknown {
  return { ...TRACE, spans: [{ ...SPAN, ...more }] };
}

for (const [what, value] of wrong) {
  test(`readJaegerJson() refuses ${what}`, () => {
    assert.throws(() => read(value), { code: "bad-input" });
  });
}

test("readJaegerJson() refuses every proper prefix", () => {
  const bytes = Buffer.from(JSON.stringify(TRACE));
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(
      () => readJaegerJson(bytes.subarray(0, end), new SpanBatch()),
      (error) => error instanceof SpoorError && error.code === "bad-input",
    );
  }
});
