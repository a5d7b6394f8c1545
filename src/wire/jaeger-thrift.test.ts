// Jaeger's own bytes in each protocol, everything cut and flipped, and batches made here.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import {
  type ThriftField,
  type ThriftValue,
  binary,
  bool,
  double,
  i32,
  i64,
  list,
  struct,
  text,
  writeBinary,
  writeCompact,
} from "../../test/thrift-writer.ts";
import { SpoorError } from "../base/errors.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { type JaegerSender, readEmitBatch, readJaegerBatch } from "./jaeger-thrift.ts";
import { ThriftBinaryReader } from "./thrift-binary.ts";
import { ThriftCompactReader } from "./thrift-compact.ts";
import { readThriftMessage } from "./thrift-message.ts";
import { STRUCT } from "./thrift-reader.ts";

function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/jaeger/${name}`, import.meta.url)));
}

const printed = new TextDecoder().decode(readGolden("batch.txt")).trimEnd();
const stats = { queueFull: 1, tooLarge: 2, failedToSend: 3 };

const readMessage = (bytes: Uint8Array, batch: SpanBatch): JaegerSender =>
  readEmitBatch(readThriftMessage(bytes).thrift, batch);

const goldens: readonly (readonly [name: string, read: typeof readJaegerBatch])[] = [
  ["batch.binary.bin", readJaegerBatch],
  ["emit-batch.binary.bin", readMessage],
  ["emit-batch.binary-old.bin", readMessage],
  ["emit-batch.compact.bin", readMessage],
];

for (const [name, read] of goldens) {
  const whole = readGolden(name);

  test(`${name} is read as Jaeger's Go client wrote it`, () => {
    const batch = new SpanBatch();
    assert.deepEqual(read(whole, batch), { sequence: 42, stats });
    assert.equal(printSpans(batch), printed);
  });

  test(`${name}: every proper prefix is refused`, () => {
    const batch = new SpanBatch();
    for (let end = 0; end < whole.length; end++) {
      assert.throws(() => read(whole.subarray(0, end), batch), { code: "bad-input" }, `${end}`);
      batch.reset();
    }
  });

  test(`${name}: every flipped byte is read or refused as bad-input`, () => {
    const batch = new SpanBatch();
    let refused = 0;
    for (let at = 0; at < whole.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const bytes = whole.slice();
        bytes[at]! ^= flip;
        batch.reset();
        try {
          read(bytes, batch);
          printSpans(batch);
        } catch (error) {
          assert.ok(error instanceof SpoorError && error.code === "bad-input", String(error));
          refused++;
        }
      }
    }
    assert.ok(refused > whole.length / 4 && refused < whole.length * 3, `${refused} refused`);
  });
}

test("readJaegerBatch() appends to what is there and leaves it alone", () => {
  const batch = new SpanBatch();
  readJaegerBatch(readGolden("batch.binary.bin"), batch);
  readMessage(readGolden("emit-batch.compact.bin"), batch);
  const lines = printSpans(batch).split("\n");
  assert.equal(batch.rows, 6);
  assert.equal(lines.slice(0, printed.split("\n").length).join("\n"), printed);
});

// What is written here differs from row to row; the constant parts are asked of the golden bytes.
const anyId = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const anyTag: fc.Arbitrary<readonly [type: number, field: number, value: ThriftValue]> = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }).map((one) => [0, 3, text(one)] as const),
  fc.double().map((one) => [1, 4, double(one)] as const),
  fc.boolean().map((one) => [2, 5, bool(one)] as const),
  anyId.map((one) => [3, 6, i64(one)] as const),
  fc.uint8Array({ maxLength: 20 }).map((one) => [4, 7, binary(one)] as const),
);
const anySpan = fc.record({
  traceLow: anyId,
  traceHigh: anyId,
  id: anyId,
  parent: anyId,
  name: fc.string({ unit: "grapheme", maxLength: 12 }),
  flags: fc.integer({ min: 0, max: 0x7fff_ffff }),
  us: fc.integer({ min: -(2 ** 53), max: 2 ** 53 }),
  durationUs: fc.integer({ min: -(2 ** 43), max: 2 ** 43 }),
  tags: fc.array(anyTag, { maxLength: 20 }),
  references: fc.array(fc.tuple(anyId, anyId), { maxLength: 3 }),
});

function makeTag(key: string, [type, field, value]: readonly [number, number, ThriftValue]) {
  return struct([1, text(key)], [2, i32(type)], [field, value]);
}

function makeSpan(span: typeof anySpan extends fc.Arbitrary<infer T> ? T : never): ThriftValue {
  const tags = span.tags.map((tag, at) => makeTag(`k${at}`, tag));
  const fields: ThriftField[] = [
    [1, i64(span.traceLow)],
    [2, i64(span.traceHigh)],
    [3, i64(span.id)],
    [4, i64(span.parent)],
    [5, text(span.name)],
    [7, i32(span.flags)],
    [8, i64(BigInt(span.us))],
    [9, i64(BigInt(span.durationUs))],
    [10, list(STRUCT, tags)],
    [11, list(STRUCT, [struct([1, i64(BigInt(span.us))], [2, list(STRUCT, tags)])])],
  ];
  const references = span.references.map(([trace, id]) =>
    struct([1, i32(1)], [2, i64(trace)], [3, i64(0n)], [4, i64(id)]),
  );
  if (references.length > 0) fields.splice(5, 0, [6, list(STRUCT, references)]);
  return struct(...fields);
}

function makeBatch(spans: readonly ThriftValue[]): ThriftValue {
  return struct([1, struct([1, text("shop")])], [2, list(STRUCT, spans)]);
}

const hex = (value: bigint): string => BigInt.asUintN(64, value).toString(16).padStart(16, "0");

test("readJaegerBatch() gives back every span, in both protocols alike", () => {
  fc.assert(
    fc.property(fc.array(anySpan, { maxLength: 4 }), (spans) => {
      const batch = new SpanBatch();
      const value = makeBatch(spans.map(makeSpan));
      readJaegerBatch(writeBinary(value), batch);
      const compact = new SpanBatch();
      readEmitBatch(new ThriftCompactReader(writeCompact(struct([1, value])), 0), compact);
      assert.equal(printSpans(batch), printSpans(compact));
      assert.equal(batch.rows, spans.length);
      const { dictionary, spanAttributes: table } = batch;
      spans.forEach((span, row) => {
        const ids = Buffer.from(batch.traceId)
          .subarray(16 * row, 16 * row + 16)
          .toString("hex");
        assert.equal(ids, hex(span.traceHigh) + hex(span.traceLow));
        const spanId = Buffer.from(batch.spanId)
          .subarray(8 * row, 8 * row + 8)
          .toString("hex");
        assert.equal(spanId, hex(span.id));
        assert.equal(dictionary.text(batch.name[row]!), span.name);
        assert.equal(batch.flags[row], span.flags);
        assert.equal(batch.startUs[row], span.us);
        assert.equal(batch.durationNs[row], span.durationUs * 1000);
        assert.equal(batch.linkStart[row + 1]! - batch.linkStart[row]!, span.references.length);
        const start = batch.attributeStart[row]!;
        assert.equal(batch.attributeStart[row + 1]! - start, span.tags.length);
        span.tags.forEach(([, , value], at) => {
          const word = table.words[2 * (start + at)]!;
          assert.equal(dictionary.text(table.key[start + at]!), `k${at}`);
          if (value.type === 11) assert.deepEqual(dictionary.bytes(word).slice(), value.value);
          else if (value.type === 10) assert.equal(table.bigs[start + at], value.value);
          else if (value.type === 4) assert.equal(table.doubles[start + at], value.value);
          else if (value.type === 2) assert.equal(word, value.value ? 1 : 0);
        });
      });
    }),
  );
});

const ids: readonly ThriftField[] = [
  [1, i64(1n)],
  [3, i64(2n)],
  [8, i64(3n)],
];
const row = (...fields: readonly ThriftField[]): ThriftValue => makeBatch([struct(...fields)]);
const readValue = (value: ThriftValue): string => {
  const batch = new SpanBatch();
  readJaegerBatch(writeBinary(value), batch);
  return printSpans(batch).split("\n").slice(3).join("\n");
};

test("readJaegerBatch() takes fields in any order, unknown ones and other types than the IDL's", () => {
  const span = row(
    [99, struct([1, list(STRUCT, [struct([1, bool(true)])])])],
    [10, list(STRUCT, [struct([3, text("v")], [2, i32(0)], [1, text("k")])])],
    [8, i64(3n)],
    [5, i64(9n)], // a name that is a number
    [3, i64(2n)],
    [1, i64(1n)],
  );
  const want =
    'span 00000000000000000000000000000001:0000000000000002 "" start=3us duration=0ns ' +
    'origin=jaeger-thrift\n  k="v"';
  assert.equal(readValue(span), want);
});

test("readJaegerBatch() takes the value that the tag's type names, or none", () => {
  const tag = (...fields: readonly ThriftField[]): ThriftValue => struct([1, text("k")], ...fields);
  const all: readonly ThriftField[] = [
    [3, text("text")],
    [4, double(1.5)],
    [5, bool(true)],
    [6, i64(7n)],
    [7, binary(Uint8Array.of(255))],
  ];
  const tags = [0, 1, 2, 3, 4, 5].flatMap((type) => [
    tag([2, i32(type)], ...all),
    tag([2, i32(type)]),
  ]);
  assert.deepEqual(readValue(row(...ids, [10, list(STRUCT, [tag(), ...tags])])).split("\n  k="), [
    "span 00000000000000000000000000000001:0000000000000002" +
      ' "" start=3us duration=0ns origin=jaeger-thrift',
    '""',
    '"text"',
    '""',
    "1.5d",
    "0d",
    "true",
    "false",
    "7",
    "0",
    "hex(ff)",
    "hex()",
    '"<Unknown Jaeger TagType 5>"',
    '"<Unknown Jaeger TagType 5>"',
  ]);
});

test("readJaegerBatch() puts the service name first, wherever the process says it", () => {
  const tag = struct([1, text("a")], [2, i32(0)], [3, text("b")]);
  const process = struct([2, list(STRUCT, [tag])], [1, text("late")]);
  const batch = new SpanBatch();
  const value = struct([2, list(STRUCT, [struct(...ids)])], [1, process]);
  readJaegerBatch(writeBinary(value), batch);
  assert.match(printSpans(batch), /^resource 0\n {2}service.name="late"\n {2}a="b"\nscope 0\nspan/);
});

const refused: readonly (readonly [message: string, value: ThriftValue])[] = [
  ["batch without a process", struct([2, list(STRUCT, [])])],
  ["batch without a list of spans", struct([1, struct([1, text("shop")])])],
  ["span without trace id, span id or start", row([1, i64(1n)], [3, i64(2n)])],
  ["span without trace id, span id or start", row([1, i64(1n)], [8, i64(2n)])],
  ["span without trace id, span id or start", row([3, i64(1n)], [8, i64(2n)])],
  ["span without trace id, span id or start", row()],
  ["tag without a key", row(...ids, [10, list(STRUCT, [struct([2, i32(0)])])])],
  ["log without a timestamp", row(...ids, [11, list(STRUCT, [struct()])])],
  ["reference without trace id or span id", row(...ids, [6, list(STRUCT, [struct([1, i32(0)])])])],
  ["list of type 8, expected elements of type 12", row(...ids, [10, list(8, [i32(1)])])],
];

for (const [message, value] of refused) {
  test(`readJaegerBatch() refuses a ${message}`, () => {
    assert.throws(() => readJaegerBatch(writeBinary(value), new SpanBatch()), {
      code: "bad-input",
      message: `thrift: ${message}`,
    });
  });
}

test("readEmitBatch() refuses arguments without a batch", () => {
  assert.throws(() => readEmitBatch(new ThriftBinaryReader(Uint8Array.of(0), 0), new SpanBatch()), {
    code: "bad-input",
    message: "thrift: arguments without a batch",
  });
});

test("readJaegerBatch() reads 100,000 spans with a value of 1 MB", () => {
  const one = writeBinary(struct(...ids, [5, text("x")]));
  const big = writeBinary(
    struct(...ids, [10, list(STRUCT, [struct([1, text("k")], [3, binary(new Uint8Array(1e6))])])]),
  );
  const rows = 100_000;
  const head = writeBinary(makeBatch([])).slice(0, -1);
  new DataView(head.buffer).setUint32(head.length - 4, rows + 1);
  head[head.length - 5] = STRUCT;
  const payload = new Uint8Array(head.length + rows * one.length + big.length + 1);
  payload.set(head);
  for (let i = 0; i < rows; i++) payload.set(one, head.length + i * one.length);
  payload.set(big, head.length + rows * one.length);
  const batch = new SpanBatch();
  readJaegerBatch(payload, batch);
  assert.equal(batch.rows, rows + 1);
  assert.equal(batch.name[rows - 1], batch.name[0]);
  assert.equal(batch.dictionary.length(batch.spanAttributes.words[0]!), 1e6);
});

test("a payload of empty structs does not grow the columns", () => {
  const payload = writeBinary(makeBatch([]));
  const spans = new Uint8Array(1 << 20);
  const whole = new Uint8Array(payload.length + spans.length);
  whole.set(payload);
  new DataView(whole.buffer).setUint32(payload.length - 5, spans.length);
  whole[payload.length - 6] = STRUCT;
  const batch = new SpanBatch();
  assert.throws(() => readJaegerBatch(whole, batch), { code: "bad-input" });
  assert.equal(batch.rows, 0);
});
