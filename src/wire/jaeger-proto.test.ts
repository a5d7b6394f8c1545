// api_v2 both ways: Jaeger's own bytes, everything cut and flipped, and an independent reader.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { anySpans } from "../../test/any-spans.ts";
import { SpoorError } from "../base/errors.ts";
import { STRING } from "../model/attribute-table.ts";
import { printSpans } from "../model/print-spans.ts";
import { ORIGIN_JAEGER_PROTO, SpanBatch } from "../model/span-batch.ts";
import { readApiV2Span, readPostSpans } from "./jaeger-proto.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { writeApiV2Spans } from "./write-jaeger-proto.ts";

// jaeger-idl's model.proto with other names of packages, for a reader that is not ours.
const { root } = protobuf.parse(
  `syntax = "proto3"; package api_v2;
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message KeyValue { string key = 1; int32 v_type = 2; string v_str = 3; bool v_bool = 4;
    int64 v_int64 = 5; double v_float64 = 6; bytes v_binary = 7; }
  message Log { Timestamp timestamp = 1; repeated KeyValue fields = 2; }
  message SpanRef { bytes trace_id = 1; bytes span_id = 2; int32 ref_type = 3; }
  message Process { string service_name = 1; repeated KeyValue tags = 2; }
  message Span { bytes trace_id = 1; bytes span_id = 2; string operation_name = 3;
    repeated SpanRef references = 4; uint32 flags = 5; Timestamp start_time = 6;
    Timestamp duration = 7; repeated KeyValue tags = 8; repeated Log logs = 9;
    Process process = 10; string process_id = 11; repeated string warnings = 12; }
  message Batch { repeated Span spans = 1; Process process = 2; }
  message PostSpansRequest { Batch batch = 1; }
  message SpansResponseChunk { repeated Span spans = 1; }`,
  { keepCase: true },
);
const Request = root.lookupType("api_v2.PostSpansRequest");
const Chunk = root.lookupType("api_v2.SpansResponseChunk");

function encode(request: unknown): Uint8Array {
  return Uint8Array.from(Request.encode(Request.fromObject(request as object)).finish());
}

function decode(chunk: Uint8Array): Record<string, unknown>[] {
  const options = { longs: String, bytes: String };
  return (Chunk.toObject(Chunk.decode(chunk), options) as { spans: Record<string, unknown>[] })
    .spans;
}

function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/jaeger/${name}`, import.meta.url)));
}

function printRequest(payload: Uint8Array): string {
  const batch = new SpanBatch();
  readPostSpans(payload, batch);
  return printSpans(batch);
}

/** A chunk of spans is a Batch without a process. */
function asRequest(chunk: Uint8Array): Uint8Array {
  const writer = new ProtobufWriter();
  writer.writeBytes(0x0a, chunk);
  return writer.take();
}

const whole = readGolden("post-spans.proto.bin");
const ids = { trace_id: new Uint8Array(16).fill(1), span_id: new Uint8Array(8).fill(2) };
const head = `span ${"01".repeat(16)}:${"02".repeat(8)}`;
const one = (span: object): unknown => ({ batch: { spans: [{ ...ids, ...span }] } });
/** What is printed of a request with one span, without its owners. */
const printOne = (span: object): string =>
  printRequest(encode(one(span))).replace("resource 0\nscope 0\n", "");

test("readPostSpans() reads what Jaeger's Go code wrote", () => {
  const printed = new TextDecoder().decode(readGolden("post-spans.txt")).trimEnd();
  assert.equal(printRequest(whole), printed);
});

test("readApiV2Span() reads a span with its process, and appends", () => {
  const batch = new SpanBatch();
  readApiV2Span(readGolden("span.proto.bin"), batch);
  readApiV2Span(readGolden("span.proto.bin"), batch);
  assert.equal(batch.rows, 2);
  const [resource, scope, first] = printSpans(batch).split(/\n(?=resource|scope|span)/);
  assert.equal(resource, 'resource 0\n  service.name="db"\n  hostname="pod-2"');
  assert.equal(scope, 'scope 0 name="db" version="1.2"');
  assert.ok(
    printRequest(whole).includes(first!.replace("0ns kind", "0ns resource=1 scope=1 kind")),
  );
});

test("readPostSpans() takes a message without anything", () => {
  assert.equal(printRequest(new Uint8Array(0)), "");
  assert.equal(printRequest(Uint8Array.of(0x0a, 0)), "");
});

test("readPostSpans(): every proper prefix is refused", () => {
  const batch = new SpanBatch();
  for (let end = 1; end < whole.length; end++) {
    batch.reset();
    assert.throws(() => readPostSpans(whole.subarray(0, end), batch), { code: "bad-input" });
  }
});

test("readPostSpans(): every flipped byte is read or refused as bad-input", () => {
  const batch = new SpanBatch();
  let refused = 0;
  for (let at = 0; at < whole.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const bytes = whole.slice();
      bytes[at]! ^= flip;
      batch.reset();
      try {
        readPostSpans(bytes, batch);
        printSpans(batch);
        writeApiV2Spans(batch, 0, batch.rows);
      } catch (error) {
        assert.ok(error instanceof SpoorError && error.code === "bad-input", String(error));
        refused++;
      }
    }
  }
  assert.ok(refused > whole.length / 4 && refused < whole.length * 3, `${refused} refused`);
});

test("readPostSpans() makes one resource of equal processes", () => {
  const process = (name: string): object => ({
    service_name: name,
    tags: [{ key: "k", v_str: name }],
  });
  const spans = [process("a"), undefined, process("b"), process("a"), undefined].map((own) =>
    Object.assign({}, ids, own === undefined ? {} : { process: own }),
  );
  const batch = new SpanBatch();
  readPostSpans(encode({ batch: { spans, process: process("batch") } }), batch);
  const services = Array.from(batch.resource.subarray(0, 5), (resource) =>
    batch.dictionary.text(batch.serviceOf(resource)),
  );
  assert.deepEqual(services, ["a", "batch", "b", "a", "batch"]);
  assert.equal(batch.resources, 3);
  assert.equal(batch.resourceAttributes.count, 6);
});

test("readPostSpans() takes trace ids of 8 bytes", () => {
  assert.match(printOne({ trace_id: new Uint8Array(8).fill(9) }), /^span 0{16}(09){8}:/);
});

const times: readonly (readonly [seconds: number, nanos: number, printed: string])[] = [
  [0, 0, "0us"],
  [1, 1, "1000000us+1ns"],
  [-1, 999_999_999, "-1us+999ns"],
  [0, -1, "-1us+999ns"],
  [1_700_000_000, 123_456_789, "1700000000123456us+789ns"],
];
for (const [seconds, nanos, printed] of times) {
  test(`readPostSpans() reads ${seconds} s and ${nanos} ns as ${printed}`, () => {
    const text = printOne({ start_time: { seconds, nanos } });
    assert.equal(text, `${head} "" start=${printed} duration=0ns origin=jaeger-proto`);
  });
}

test("readPostSpans() takes the value that the tag's type names, or none", () => {
  const key = "k";
  const all = { key, v_str: "text", v_bool: true, v_int64: 7, v_float64: 1.5 };
  const binary = { v_binary: Uint8Array.of(255) };
  const tags = [0, 1, 2, 3, 4, 5].flatMap((type) => [
    { ...all, ...binary, v_type: type },
    { key, v_type: type },
  ]);
  const long = { key, v_str: "x".repeat(200) };
  assert.deepEqual(printOne({ tags: [...tags, long, {}] }).split(/\n {2}(?:k|"")=/), [
    `${head} "" start=0us duration=0ns origin=jaeger-proto`,
    '"text"',
    '""',
    "true",
    "false",
    "7",
    "0",
    "1.5d",
    "0d",
    "hex(ff)",
    "hex()",
    '"<Unknown Jaeger TagType 5>"',
    '"<Unknown Jaeger TagType 5>"',
    `"${"x".repeat(200)}"`,
    '""',
  ]);
});

const refused: readonly (readonly [what: string, span: object])[] = [
  ["span without trace id or span id", { span_id: ids.span_id }],
  ["span without trace id or span id", { trace_id: ids.trace_id }],
  ["span without trace id or span id", {}],
  ["trace id of 4 bytes, expected 16 or 8", { ...ids, trace_id: new Uint8Array(4) }],
  ["span id of 16 bytes, expected 8", { ...ids, span_id: new Uint8Array(16) }],
  [
    "trace id of 1 bytes, expected 16 or 8",
    { ...ids, references: [{ trace_id: new Uint8Array(1) }] },
  ],
];
for (const [what, span] of refused) {
  test(`readPostSpans() refuses a ${what}: ${Object.keys(span).join()}`, () => {
    const payload = encode({ batch: { spans: [span] } });
    assert.throws(() => readPostSpans(payload, new SpanBatch()), {
      code: "bad-input",
      message: `malformed protobuf: ${what}`,
    });
  });
}

test("readPostSpans() reads 100,000 spans with a value of 1 MB", () => {
  const payload = encode({
    batch: {
      spans: Array.from({ length: 100_000 }, (_, i) =>
        i === 0 ? { ...ids, tags: [{ key: "k", v_str: "x".repeat(1e6) }] } : ids,
      ),
    },
  });
  const batch = new SpanBatch();
  readPostSpans(payload, batch);
  assert.equal(batch.rows, 100_000);
  assert.equal(batch.dictionary.length(batch.spanAttributes.words[0]!), 1e6);
});

test("writeApiV2Spans() gives back what was read", () => {
  const batch = new SpanBatch();
  readPostSpans(whole, batch);
  const again = printRequest(asRequest(writeApiV2Spans(batch, 0, batch.rows)));
  // Only what no peer would take is different.
  assert.equal(again, printSpans(batch).replace(String.raw`broken="a\xff"`, 'broken="a\ufffd"'));
});

test("writeApiV2Spans() writes what another reader understands", () => {
  const batch = new SpanBatch();
  readPostSpans(whole, batch);
  const [span] = decode(writeApiV2Spans(batch, 1, 2));
  const base64 = (hex: string): string => Buffer.from(hex, "hex").toString("base64");
  const trace = base64("0123456789abcdeffedcba9876543210");
  assert.deepEqual(span, {
    trace_id: trace,
    span_id: base64("fffffffffffffffe"),
    operation_name: "SELECT",
    references: [
      { trace_id: trace, span_id: base64("0000000000000001") },
      {
        trace_id: base64("00".repeat(15) + "07"),
        span_id: base64("0000000000000008"),
        ref_type: 1,
      },
      { trace_id: trace, span_id: base64("0000000000000003"), ref_type: 1 },
    ],
    flags: 1,
    start_time: { seconds: "1700000000", nanos: 123_466_000 },
    duration: { nanos: 100_000 },
    tags: [
      { key: "otel.scope.name", v_str: "db" },
      { key: "otel.scope.version", v_str: "1.2" },
      { key: "span.kind", v_str: "client" },
      { key: "otel.status_code", v_str: "ERROR" },
      { key: "error", v_type: 1, v_bool: true },
      { key: "otel.status_description", v_str: "no such table" },
      { key: "w3c.tracestate", v_str: "a=b" },
      { key: "@jaeger@format", v_str: "proto" },
    ],
    process: { service_name: "db", tags: [{ key: "hostname", v_str: "pod-2" }] },
  });
});

test("writeApiV2Spans() keeps times within what peers can hold", () => {
  const batch = new SpanBatch();
  batch.openResource();
  batch.openScope();
  const far = [-1e18, 1e18, -1_500_000];
  for (const us of far) {
    const row = batch.openRow(0, 0);
    batch.startUs[row] = us;
    batch.durationNs[row] = us * 1000;
    batch.closeRow();
  }
  const spans = decode(writeApiV2Spans(batch, 0, far.length));
  assert.deepEqual(
    spans.map(({ start_time: start, duration }) => [start, duration]),
    [
      [{ seconds: "-62135596800" }, { seconds: "-9223372035" }],
      [{ seconds: "253402300799", nanos: 999_999_999 }, { seconds: "9223372035" }],
      [
        { seconds: "-2", nanos: 500_000_000 },
        { seconds: "-1", nanos: -500_000_000 },
      ],
    ],
  );
  assert.deepEqual(spans[0]!["process"], { service_name: "OTLPResourceNoServiceName" });
});

test("writeApiV2Spans() and readPostSpans(): what was once shown stays as it is", () => {
  fc.assert(
    fc.property(anySpans(), (batch) => {
      const chunk = writeApiV2Spans(batch, 0, batch.rows);
      assert.equal(
        (Chunk.decode(chunk) as unknown as { spans: unknown[] }).spans.length,
        batch.rows,
      );
      const once = new SpanBatch();
      readPostSpans(asRequest(chunk), once);
      assert.equal(once.rows, batch.rows);
      const twice = new SpanBatch();
      readPostSpans(asRequest(writeApiV2Spans(once, 0, once.rows)), twice);
      assert.equal(printSpans(twice), printSpans(once));
      for (let row = 0; row < once.rows; row++) {
        assert.deepEqual(once.traceId.slice(16 * row, 16), batch.traceId.slice(16 * row, 16));
        assert.equal(once.startUs[row], batch.startUs[row]);
        assert.equal(once.startRestNs[row], batch.startRestNs[row]);
        assert.equal(once.durationNs[row], batch.durationNs[row]);
        assert.equal(once.origin[row], ORIGIN_JAEGER_PROTO);
      }
    }),
  );
});

test("writeApiV2Spans() makes all strings valid UTF-8", () => {
  const batch = new SpanBatch();
  const { dictionary } = batch;
  const bad = dictionary.intern(Uint8Array.of(0x61, 0xff), 0, 2);
  const resource = batch.openResource();
  batch.resourceAttributes.add(dictionary.internText("service.name"), STRING, bad);
  batch.closeResource(resource);
  const row = batch.openRow(resource, batch.openScope());
  batch.name[row] = bad;
  batch.traceState[row] = bad;
  batch.spanAttributes.add(bad, STRING, bad);
  batch.closeRow();
  assert.deepEqual(decode(writeApiV2Spans(batch, 0, 1))[0]!["tags"], [
    { key: "a\ufffd", v_str: "a\ufffd" },
    { key: "w3c.tracestate", v_str: "a\ufffd" },
  ]);
});
