// zipkincore.thrift as Jaeger's own Go code writes it, everything cut and flipped, and odd records.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  type ThriftField,
  type ThriftValue,
  binary,
  i16,
  i32,
  i64,
  list,
  struct,
  text,
  writeBinary,
} from "../../test/thrift-writer.ts";
import { SpoorError } from "../base/errors.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readThriftMessage } from "./thrift-message.ts";
import { STRUCT } from "./thrift-reader.ts";
import { readEmitZipkinBatch, readZipkinThrift } from "./zipkin-thrift.ts";

function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/jaeger/${name}`, import.meta.url)));
}

const readMessage = (bytes: Uint8Array, batch: SpanBatch): void =>
  readEmitZipkinBatch(readThriftMessage(bytes).thrift, batch);

const printed = new TextDecoder().decode(readGolden("zipkin-spans.txt")).trimEnd();
const goldens: readonly (readonly [name: string, read: typeof readZipkinThrift])[] = [
  ["zipkin-spans.binary.bin", readZipkinThrift],
  ["emit-zipkin-batch.binary.bin", readMessage],
  ["emit-zipkin-batch.binary-old.bin", readMessage],
  ["emit-zipkin-batch.compact.bin", readMessage],
];

for (const [name, read] of goldens) {
  const whole = readGolden(name);

  test(`${name} is read as Jaeger's Go code wrote it`, () => {
    const batch = new SpanBatch();
    read(whole, batch);
    assert.equal(printSpans(batch), printed);
  });

  test(`${name}: every proper prefix is refused`, () => {
    for (let end = 0; end < whole.length; end++) {
      assert.throws(() => read(whole.subarray(0, end), new SpanBatch()), { code: "bad-input" });
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

const ids: readonly ThriftField[] = [
  [1, i64(7n)],
  [4, i64(8n)],
];

function printSpan(...fields: readonly ThriftField[]): string {
  const batch = new SpanBatch();
  readZipkinThrift(writeBinary(list(STRUCT, [struct(...ids, ...fields)])), batch);
  return printSpans(batch);
}

function tag(type: number, bytes: readonly number[]): ThriftValue {
  return struct([1, text("k")], [2, binary(Uint8Array.from(bytes))], [3, i32(type)]);
}

const values: readonly (readonly [what: string, type: number, bytes: number[], printed: string])[] =
  [
    ["true", 0, [1], "true"],
    ["false", 0, [0], "false"],
    ["a truth value of another length", 0, [1, 1], "false"],
    ["bytes", 1, [1, 2], "hex(0102)"],
    ["an i16", 2, [0xff, 0xff], "-1"],
    ["an i32", 3, [0x7f, 0xff, 0xff, 0xff], "2147483647"],
    ["an i64", 4, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], "-2"],
    ["a double", 5, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0], "1d"],
    ["a string", 6, [0x61], '"a"'],
    ["an i16 of one byte", 2, [1], "hex(01)"],
    ["a double of four bytes", 5, [0x3f, 0xf0, 0, 0], "hex(3ff00000)"],
    ["a type nobody knows", 9, [1], "hex(01)"],
  ];
for (const [what, type, bytes, value] of values) {
  test(`readZipkinThrift() reads ${what} as ${value}`, () => {
    const line = printSpan([8, list(STRUCT, [tag(type, bytes)])])
      .split("\n")
      .at(-1);
    assert.equal(line, `  k=${value}`);
  });
}

test("readZipkinThrift() reads addresses and ports of any length and sign", () => {
  const host = (...fields: readonly ThriftField[]): ThriftValue =>
    struct([3, text("shop")], ...fields);
  const lines = (one: ThriftValue): string[] =>
    printSpan([6, list(STRUCT, [struct([1, i64(5n)], [2, text("sr")], [3, one])])])
      .split("\n")
      .filter((line) => line.startsWith("  "));
  const service = '  service.name="shop"';
  assert.deepEqual(lines(host()), [service]);
  assert.deepEqual(lines(host([1, i32(-1)], [2, i16(-1)])), [
    service,
    '  ipv4="255.255.255.255"',
    '  port="65535"',
  ]);
  assert.deepEqual(lines(host([4, binary(new Uint8Array(3))])), [service]);
  assert.deepEqual(lines(host([4, binary(Uint8Array.of(...new Uint8Array(15), 1))])), [
    service,
    '  ipv6="::1"',
  ]);
});

test("readZipkinThrift() reads an empty list", () => {
  const batch = new SpanBatch();
  readZipkinThrift(writeBinary(list(STRUCT, [])), batch);
  assert.equal(batch.rows, 0);
});

const refused: readonly (readonly [message: string, value: ThriftValue])[] = [
  ["span without trace id or id", list(STRUCT, [struct([1, i64(1n)])])],
  ["span without trace id or id", list(STRUCT, [struct([4, i64(1n)])])],
  ["list of type 10, expected elements of type 12", list(10, [i64(1n)])],
  [
    "65537 annotations in one span, expected at most 65536",
    list(STRUCT, [
      struct([
        6,
        list(
          STRUCT,
          Array.from({ length: 65_537 }, () => struct()),
        ),
      ]),
    ]),
  ],
];
for (const [message, value] of refused) {
  test(`readZipkinThrift() refuses: ${message}`, () => {
    assert.throws(() => readZipkinThrift(writeBinary(value), new SpanBatch()), {
      code: "bad-input",
      message: `thrift: ${message}`,
    });
  });
}

test("readEmitZipkinBatch() refuses arguments without spans", () => {
  const call = Uint8Array.of(0x82, 0x21, 0x00, 0x01, 0x61, 0x00); // `a()`, compact
  assert.throws(() => readMessage(call, new SpanBatch()), {
    code: "bad-input",
    message: "thrift: arguments without a list of spans",
  });
});
