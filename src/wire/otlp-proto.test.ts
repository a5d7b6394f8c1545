// OTLP protobuf: bytes of the collector's writer and of protobufjs, every prefix and every changed
// byte of a payload, odd orders of fields, and what has to be refused or left out.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { encodeOtlp } from "../../test/otlp-schema.ts";
import { SpoorError } from "../base/errors.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readOtlpTraces } from "./otlp-proto.ts";
import { fieldTag, LENGTH } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

const golden = new URL("../../test/golden/otlp/", import.meta.url);
const TRACES = readFileSync(new URL("traces.bin", golden));

const TRACE_ID = Buffer.alloc(16, 0x11);
const SPAN_ID = Buffer.alloc(8, 0x22);
const HEAD = `${"11".repeat(16)}:${"22".repeat(8)}`;

function read(payload: Uint8Array): string {
  const batch = new SpanBatch();
  readOtlpTraces(payload, batch);
  return printSpans(batch);
}

/** One span with ids and the given fields, as protobufjs writes it. */
function encodeSpan(fields: Readonly<Record<string, unknown>>): Uint8Array {
  return encodeOtlp("Span", { traceId: TRACE_ID, spanId: SPAN_ID, ...fields });
}

function encodeTraces(...spans: readonly Uint8Array[]): Uint8Array {
  const out = new ProtobufWriter();
  const resourceSpans = out.open(fieldTag(1, LENGTH));
  const scopeSpans = out.open(fieldTag(2, LENGTH));
  for (const span of spans) out.writeBytes(fieldTag(2, LENGTH), span);
  out.close(scopeSpans);
  out.close(resourceSpans);
  return out.take();
}

/** What is printed of the only span's values and the rest behind its head. */
function readSpan(fields: Readonly<Record<string, unknown>>): string {
  const text = read(encodeTraces(encodeSpan(fields)));
  return text.slice(text.indexOf(HEAD) + HEAD.length + 1);
}

test("readOtlpTraces() reads what the collector writes", () => {
  const printed = readFileSync(new URL("traces.txt", golden), "utf8");
  assert.equal(`${read(TRACES)}\n`, printed);
});

const spans: readonly (readonly [what: string, fields: Record<string, unknown>, text: string])[] = [
  ["no field but ids", {}, '"" start=0us duration=0ns'],
  ["a parent of zeros as none", { parentSpanId: Buffer.alloc(8) }, '"" start=0us duration=0ns'],
  ["a negative kind as unspecified", { kind: -1 }, '"" start=0us duration=0ns'],
  ["kind 255", { kind: 255 }, '"" start=0us duration=0ns kind=255'],
  ["kind 258 as unspecified", { kind: 258 }, '"" start=0us duration=0ns'],
  ["a status of 2^31 - 1 as unset", { status: { code: 2 ** 31 - 1 } }, '"" start=0us duration=0ns'],
  [
    "nanoseconds",
    { startTimeUnixNano: "1700000000123456789", endTimeUnixNano: "1700000000123457788" },
    '"" start=1700000000123456us+789ns duration=999ns',
  ],
  [
    "a time of 2^64 - 1 ns, rounded",
    { startTimeUnixNano: "18446744073709551615", endTimeUnixNano: "18446744073709551615" },
    '"" start=18446744073709550us+615ns duration=0ns',
  ],
  [
    "the last time that is exact",
    { startTimeUnixNano: "9007199254740991999", endTimeUnixNano: "9007199254740991999" },
    '"" start=9007199254740991us+999ns duration=0ns',
  ],
  [
    "an end that is missing",
    { startTimeUnixNano: "1700000000000000000" },
    '"" start=1700000000000000us duration=-1700000000000000000ns',
  ],
  [
    "a start that is missing",
    { endTimeUnixNano: "9007199254740993" },
    '"" start=0us duration=9007199254740992ns',
  ],
];

for (const [what, fields, text] of spans) {
  test(`readOtlpTraces() reads ${what}`, () => assert.equal(readSpan(fields), text));
}

/** Hex of a KeyValue's fields, in the order in which a writer might put them. */
const keyValues: readonly (readonly [what: string, hex: string, printed: string])[] = [
  ["key first", "0a016b12030a0176", 'k="v"'],
  ["value first", "12030a01760a016b", 'k="v"'],
  ["a padded length", "0a016b1283000a0176", 'k="v"'],
  ["no value", "0a016b", "k=∅"],
  ["an empty value", "0a016b1200", "k=∅"],
  ["no key", "12030a0176", '""="v"'],
  ["nothing", "", '""=∅'],
  ["the key twice", "0a01610a016b12030a0176", 'k="v"'],
  ["the value twice", "0a016b12030a017512021801", "k=1"],
  ["two kinds in one value", "0a016b12050a01751801", "k=1"],
  ["an unknown field", "0a016b12021801187f", "k=1"],
  ["an unknown kind of value", "0a016b12024001", "k=∅"],
  ["true as 2", "0a016b12021002", "k=true"],
  ["true as 2^32", "0a016b1206108080808010", "k=true"],
  ["-1", "0a016b120b18ffffffffffffffffff01", "k=-1"],
  ["a padded int", "0a016b1203188100", "k=1"],
  ["NaN", "0a016b120921000000000000f87f", "k=NaNd"],
  ["no text", "0a016b12020a00", 'k=""'],
  ["no bytes", "0a016b12023a00", "k=hex()"],
  ["bad UTF-8", "0a01ff12040a0261c3", String.raw`"\xff"="a\xc3"`],
  ["__proto__", "0a095f5f70726f746f5f5f12021801", "__proto__=1"],
  ["a list in a list", "0a016b12062a040a022a00", "k=array(0a022a00)"],
];

for (const [what, hex, printed] of keyValues) {
  test(`readOtlpTraces() reads an attribute with ${what}`, () => {
    const bytes = Buffer.from(hex, "hex");
    const attribute = Buffer.concat([Buffer.of(0x4a, bytes.length), bytes]);
    const batch = new SpanBatch();
    // Twice: the second time the guesses of the first are there.
    readOtlpTraces(encodeTraces(Buffer.concat([encodeSpan({}), attribute, attribute])), batch);
    const lines = printSpans(batch).split("\n").slice(3);
    assert.deepEqual(lines, [`  ${printed}`, `  ${printed}`]);
    assert.equal(batch.dictionary.invalidUtf8, what === "bad UTF-8" ? 2 : 0);
  });
}

test("readOtlpTraces() takes resource, scope and URLs after the spans, and in two parts", () => {
  const attributes = (key: string): unknown[] => [{ key, value: { intValue: 1 } }];
  const scopeSpans = Buffer.concat([
    encodeOtlp("ScopeSpans", { spans: [{ traceId: TRACE_ID, spanId: SPAN_ID }] }),
    encodeOtlp("ScopeSpans", { scope: { name: "old", attributes: attributes("s1") } }),
    encodeOtlp("ScopeSpans", { schemaUrl: "s-url" }),
    encodeOtlp("ScopeSpans", { scope: { name: "new", attributes: attributes("s2") } }),
  ]);
  const out = new ProtobufWriter();
  out.writeBytes(fieldTag(2, LENGTH), scopeSpans);
  const parts = [
    out.take(),
    encodeOtlp("ResourceSpans", { resource: { attributes: attributes("r1") } }),
    encodeOtlp("ResourceSpans", { schemaUrl: "r-url" }),
    encodeOtlp("ResourceSpans", {
      resource: {
        attributes: attributes("r2"),
        droppedAttributesCount: 3,
        entityRefs: [{ type: "x" }],
      },
    }),
  ];
  out.reset();
  out.writeBytes(fieldTag(1, LENGTH), Buffer.concat(parts));
  const expected = [
    'resource 0 schemaUrl="r-url" dropped=3',
    "  r1=1",
    "  r2=1",
    'scope 0 name="new" schemaUrl="s-url"',
    "  s1=1",
    "  s2=1",
    `span ${HEAD} "" start=0us duration=0ns`,
  ];
  assert.equal(read(out.take()), expected.join("\n"));
});

test("readOtlpTraces() appends to what is in the batch", () => {
  const batch = new SpanBatch();
  const payload = encodeTraces(encodeSpan({ name: "a" }));
  readOtlpTraces(payload, batch);
  const once = printSpans(batch);
  readOtlpTraces(payload, batch);
  assert.equal(batch.rows, 2);
  assert.ok(printSpans(batch).startsWith(once));
});

test("readOtlpTraces() leaves out spans without ids, and says how many", () => {
  const event = { name: "e", attributes: [{ key: "k", value: { stringValue: "v" } }] };
  const lost = { name: "lost", events: [event], links: [{ attributes: event.attributes }] };
  const batch = new SpanBatch();
  const payload = encodeTraces(
    encodeOtlp("Span", { ...lost, spanId: SPAN_ID }),
    encodeSpan({ name: "kept", events: [event] }),
    encodeOtlp("Span", { ...lost, traceId: TRACE_ID }),
    encodeSpan({ ...lost, traceId: Buffer.alloc(16) }),
    encodeSpan({ ...lost, spanId: Buffer.alloc(8) }),
    encodeOtlp("Span", {}),
  );
  const rejected = readOtlpTraces(payload, batch);
  assert.deepEqual(rejected, { spans: 5, message: "5 spans without a trace id or span id" });
  assert.equal(
    printSpans(batch),
    read(encodeTraces(encodeSpan({ name: "kept", events: [event] }))),
  );
  assert.deepEqual([batch.spanAttributes.count, batch.eventAttributes.count], [0, 1]);
  assert.deepEqual(readOtlpTraces(new Uint8Array(0), batch), { spans: 0, message: "" });
});

const refused: readonly (readonly [what: string, payload: Uint8Array, message: RegExp])[] = [
  [
    "a trace id of 15 bytes",
    encodeTraces(encodeSpan({ traceId: Buffer.alloc(15, 1) })),
    /id of 15/,
  ],
  [
    "a trace id of 8 bytes",
    encodeTraces(encodeSpan({ traceId: SPAN_ID })),
    /id of 8 bytes, expected 16/,
  ],
  [
    "a span id of 16 bytes",
    encodeTraces(encodeSpan({ spanId: TRACE_ID })),
    /id of 16 bytes, expected 8/,
  ],
  ["a parent of 7 bytes", encodeTraces(encodeSpan({ parentSpanId: Buffer.alloc(7) })), /id of 7/],
  [
    "a link's trace id of 1 byte",
    encodeTraces(encodeSpan({ links: [{ traceId: Buffer.of(1) }] })),
    /id of 1/,
  ],
  [
    "a name as varint",
    encodeTraces(Buffer.concat([encodeSpan({}), Buffer.of(0x28, 1)])),
    /wire type 0 of field 5/,
  ],
  [
    "flags as varint",
    encodeTraces(Buffer.concat([encodeSpan({}), Buffer.of(0x80, 1, 1)])),
    /wire type 0 of field 16/,
  ],
  ["spans as fixed32", Buffer.of(0x0d, 1, 2, 3, 4), /wire type 5 of field 1/],
  ["a JSON body", Buffer.from('{"resourceSpans":[]}'), /malformed protobuf/],
  ["gzip", Buffer.from("1f8b0800000000000003", "hex"), /malformed protobuf/],
  ["text", Buffer.from("GET / HTTP/1.1\r\n\r\n"), /malformed protobuf/],
];

for (const [what, payload, message] of refused) {
  test(`readOtlpTraces() refuses ${what}`, () => {
    assert.throws(() => read(payload), { code: "bad-input", message });
  });
}

test("readOtlpTraces() says at which byte it stopped", () => {
  const payload = Buffer.from("0a0412020aff", "hex");
  assert.throws(() => read(payload), { where: { offset: 5, size: 6 } });
});

test("readOtlpTraces() refuses every proper prefix of one resource's spans", () => {
  const end = 2 + 1 + TRACES[1]! + 128 * (TRACES[2]! - 1);
  assert.equal(TRACES[end], 0x0a); // the second ResourceSpans begins here
  read(TRACES.subarray(0, end));
  for (let cut = 1; cut < TRACES.length; cut++) {
    if (cut === end) continue;
    assert.throws(() => read(TRACES.subarray(0, cut)), { code: "bad-input" }, `${cut} bytes`);
  }
});

test("readOtlpTraces() reads or refuses every change of a byte, and the next payload is sound", () => {
  const batch = new SpanBatch();
  const sound = read(TRACES);
  let refusals = 0;
  const changed = Buffer.from(TRACES);
  for (let at = 0; at < TRACES.length; at++) {
    for (const flip of [0x01, 0x08, 0x80, 0xff]) {
      changed[at] = TRACES[at]! ^ flip;
      batch.reset();
      try {
        readOtlpTraces(changed, batch);
        printSpans(batch);
      } catch (error) {
        if (!(error instanceof SpoorError)) throw error;
        assert.equal(error.code, "bad-input", `byte ${at} ^ ${flip}`);
        refusals++;
      }
    }
    changed[at] = TRACES[at]!;
    if (at % 100 !== 0) continue;
    batch.reset();
    readOtlpTraces(TRACES, batch);
    assert.equal(printSpans(batch), sound);
  }
  assert.ok(refusals > TRACES.length / 2);
});

test("readOtlpTraces() stops at values nested too deep", () => {
  const nested = (depth: number): Uint8Array => {
    let value: Record<string, unknown> = { intValue: 1 };
    for (let i = 0; i < depth; i++) value = { arrayValue: { values: [value] } };
    return encodeTraces(encodeSpan({ attributes: [{ key: "k", value }] }));
  };
  assert.match(read(nested(45)), /k=array\(/);
  assert.throws(() => read(nested(48)), { code: "bad-input", message: /nested/ });
});

test("readOtlpTraces() reads a value of 1 MB", () => {
  const text = "x".repeat(1 << 20);
  const batch = new SpanBatch();
  const attributes = [{ key: "big", value: { stringValue: text } }];
  readOtlpTraces(encodeTraces(encodeSpan({ attributes }), encodeSpan({ attributes })), batch);
  assert.equal(batch.dictionary.text(batch.spanAttributes.words[2]!), text);
  assert.equal(batch.spanAttributes.words[0], batch.spanAttributes.words[2]);
});

test("readOtlpTraces() reads 100,000 spans of one payload", () => {
  const out = new ProtobufWriter();
  const resourceSpans = out.open(fieldTag(1, LENGTH));
  const scopeSpans = out.open(fieldTag(2, LENGTH));
  const spanId = Buffer.alloc(8);
  for (let i = 0; i < 100_000; i++) {
    spanId.writeUInt32BE(i + 1, 4);
    const mark = out.open(fieldTag(2, LENGTH));
    out.writeBytes(fieldTag(1, LENGTH), TRACE_ID);
    out.writeBytes(fieldTag(2, LENGTH), spanId);
    out.writeText(fieldTag(5, LENGTH), `n${i % 1000}`);
    out.close(mark);
  }
  out.close(scopeSpans);
  out.close(resourceSpans);
  const batch = new SpanBatch();
  readOtlpTraces(out.take(), batch);
  assert.equal(batch.rows, 100_000);
  assert.equal(batch.dictionary.count, 1001);
  assert.equal(batch.dictionary.text(batch.name[99_999]!), "n999");
  assert.equal(Buffer.from(batch.spanId).readUInt32BE(8 * 99_999 + 4), 100_000);
});
