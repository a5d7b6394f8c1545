// What is written is what the collector writes, and what protobufjs understands.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ARRAY, MAP, STRING } from "../model/attribute-table.ts";
import { ORIGIN_JAEGER_THRIFT, SpanBatch } from "../model/span-batch.ts";
import { readOtlpTraces } from "./otlp-proto.ts";
import { writeOtlpJson } from "./write-otlp-json.ts";

const golden = new URL("../../test/golden/otlp/", import.meta.url);

function readGolden(): SpanBatch {
  const batch = new SpanBatch();
  readOtlpTraces(readFileSync(new URL("traces.bin", golden)), batch);
  return batch;
}

/** One row with ids; `fill` sets its columns. */
function writeRow(fill: (batch: SpanBatch, row: number) => void): string {
  const batch = new SpanBatch();
  const row = batch.openRow(batch.openResource(), batch.openScope());
  batch.traceId[15] = 1;
  batch.spanId[7] = 0xab;
  fill(batch, row);
  batch.closeRow();
  const text = writeOtlpJson([batch]);
  const before = '{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[';
  assert.ok(text.startsWith(before) && text.endsWith("]}]}]}"));
  return text.slice(before.length, -"]}]}]}".length);
}

const IDS = `"traceId":"${"0".repeat(31)}1","spanId":"${"0".repeat(14)}ab"`;

test("writeOtlpJson() writes the text that the collector writes", () => {
  const theirs = readFileSync(new URL("traces.json", golden), "utf8");
  assert.equal(writeOtlpJson([readGolden()]), theirs);
});

test("writeOtlpJson() puts several batches into one document", () => {
  const one = readGolden();
  const { resourceSpans } = JSON.parse(writeOtlpJson([one])) as { resourceSpans: unknown[] };
  const both = JSON.parse(writeOtlpJson([one, new SpanBatch(), one])) as unknown;
  assert.deepEqual(both, { resourceSpans: [...resourceSpans, ...resourceSpans] });
  assert.equal(writeOtlpJson([]), '{"resourceSpans":[]}');
  assert.equal(writeOtlpJson([new SpanBatch()]), '{"resourceSpans":[]}');
});

test("writeOtlpJson() leaves out what is at its default", () => {
  assert.equal(
    writeRow(() => undefined),
    `{${IDS},"status":{}}`,
  );
});

const times: readonly (readonly [us: number, restNs: number, ns: string | undefined])[] = [
  [0, 7, "7"],
  [1, 0, "1000"],
  [1_700_000_000_123_456, 9, "1700000000123456009"],
  [2 ** 53, 999, "9007199254740992999"],
  [1e17, 0, "18446744073709551615"],
  [-1, 999, undefined],
];

for (const [us, restNs, ns] of times) {
  test(`writeOtlpJson() writes ${us} µs and ${restNs} ns`, () => {
    const text = writeRow((batch, row) => {
      batch.startUs[row] = us;
      batch.startRestNs[row] = restNs;
    });
    const span = JSON.parse(text) as Record<string, unknown>;
    assert.equal(span["startTimeUnixNano"], ns);
    assert.equal(span["endTimeUnixNano"], ns);
  });
}

const lists: readonly (readonly [type: number, hex: string, json: string])[] = [
  [ARRAY, "", '{"arrayValue":{}}'],
  [ARRAY, "0a00", '{"arrayValue":{"values":[{}]}}'],
  [ARRAY, "10010a021801", '{"arrayValue":{"values":[{"intValue":"1"}]}}'], // an unknown field
  [ARRAY, "0a0518010a0161", '{"arrayValue":{"values":[{"stringValue":"a"}]}}'], // two kinds
  [ARRAY, "0a0418014001", '{"arrayValue":{"values":[{"intValue":"1"}]}}'], // an unknown kind
  [ARRAY, "0a030a01ff", '{"arrayValue":{"values":[{"stringValue":"\ufffd"}]}}'],
  [ARRAY, "0a022a00", '{"arrayValue":{"values":[{"arrayValue":{}}]}}'],
  [MAP, "0a00", '{"kvlistValue":{"values":[{"value":{}}]}}'],
  [
    MAP,
    "0a0712021001" + "0a0122",
    '{"kvlistValue":{"values":[{"key":"\\"","value":{"boolValue":true}}]}}',
  ],
  [
    MAP,
    "0a0b0a016b12021801" + "12021802",
    '{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"2"}}]}}',
  ],
];

for (const [type, hex, json] of lists) {
  test(`writeOtlpJson() writes the list ${hex}`, () => {
    const text = writeRow((batch) => {
      const bytes = Buffer.from(hex, "hex");
      const entry = batch.dictionary.intern(bytes, 0, bytes.length);
      batch.spanAttributes.add(batch.dictionary.internText("l"), type, entry);
    });
    assert.equal(text, `{${IDS},"attributes":[{"key":"l","value":${json}}],"status":{}}`);
  });
}

test("writeOtlpJson() escapes what JSON must escape, and shows bytes that are no UTF-8 as U+FFFD", () => {
  const text = writeRow((batch, row) => {
    batch.name[row] = batch.dictionary.internText('"\\\n\u0000é🔥\u2028');
    batch.traceState[row] = batch.dictionary.intern(Uint8Array.of(0x61, 0xff), 0, 2);
  });
  const span = JSON.parse(text) as Record<string, unknown>;
  assert.equal(span["name"], '"\\\n\u0000é🔥\u2028');
  assert.equal(span["traceState"], "a\ufffd");
});

test("writeOtlpJson() words flags and format of Jaeger spans as OTLP does", () => {
  const text = writeRow((batch, row) => {
    batch.origin[row] = ORIGIN_JAEGER_THRIFT;
    batch.flags[row] = 3;
    batch.spanAttributes.add(batch.dictionary.internText("k"), STRING, 0);
  });
  const attributes =
    '[{"key":"k","value":{"stringValue":""}},' +
    '{"key":"@jaeger@format","value":{"stringValue":"jaeger"}}]';
  assert.equal(text, `{${IDS},"flags":1,"attributes":${attributes},"status":{}}`);
});
