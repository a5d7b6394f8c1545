// OTLP/JSON: the collector's text, the spellings that senders use, what has to be refused and with
// which path, every prefix and every changed byte, and round trips of anything.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { SpoorError } from "../base/errors.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readOtlpJson } from "./otlp-json.ts";
import { writeOtlpJson } from "./write-otlp-json.ts";

const golden = new URL("../../test/golden/otlp/", import.meta.url);
const TRACES = readFileSync(new URL("traces.json", golden));
const encoder = new TextEncoder();

const HEAD = `${"11".repeat(16)}:${"22".repeat(8)}`;
const IDS = `"traceId":"${"11".repeat(16)}","spanId":"${"22".repeat(8)}"`;

function readBatch(payload: string | Uint8Array): SpanBatch {
  const batch = new SpanBatch();
  readOtlpJson(typeof payload === "string" ? encoder.encode(payload) : payload, batch);
  return batch;
}

function read(payload: string | Uint8Array): string {
  return printSpans(readBatch(payload));
}

function wrapSpan(span: string): string {
  return `{"resourceSpans":[{"scopeSpans":[{"spans":[${span}]}]}]}`;
}

/** What is printed of the only span behind its ids; `fields` stand behind them in the JSON. */
function readSpan(fields: string): string {
  const text = read(wrapSpan(`{${IDS}${fields}}`));
  return text.slice(text.indexOf(HEAD) + HEAD.length + 1);
}

/** What is printed of one attribute with the given AnyValue. */
function readValue(value: string): string {
  const text = readSpan(`,"attributes":[{"key":"k","value":${value}}]`);
  return text.slice(text.indexOf("\n") + 1).trim();
}

test("readOtlpJson() reads what the collector writes", () => {
  const batch = readBatch(TRACES);
  assert.equal(writeOtlpJson([batch]), TRACES.toString());
  // Lists have their protobuf bytes, in another order of fields than the collector's.
  const withoutLists = (text: string): string => text.replaceAll(/=(array|map)\(.*\)/g, "=$1");
  const printed = readFileSync(new URL("traces.txt", golden), "utf8");
  assert.equal(withoutLists(`${printSpans(batch)}\n`), withoutLists(printed));
});

test("readOtlpJson() reads any batch back as it was written", () => {
  const property = fc.property(anySpans(), (batch) => {
    assert.equal(read(writeOtlpJson([batch])), printSpans(batch));
  });
  fc.assert(property, { numRuns: 100 });
});

const spans: readonly (readonly [what: string, fields: string, printed: string])[] = [
  ["no field but ids", "", '"" start=0us duration=0ns'],
  ["an unknown field", ',"traceIds":{"a":[1,{"b":null}]}', '"" start=0us duration=0ns'],
  ["null", ',"name":null,"events":null,"status":null,"kind":null', '"" start=0us duration=0ns'],
  [
    "snake_case",
    ',"start_time_unix_nano":"5","dropped_links_count":2',
    '"" start=0us+5ns duration=-5ns droppedLinks=2',
  ],
  [
    "an escaped name",
    ',"na\\u006de":"a\\/\\ud83d\\ude00\\ud83d"',
    '"a/😀\ufffd" start=0us duration=0ns',
  ],
  [
    "upper-case hex",
    ',"parentSpanId":"00000000000000AB"',
    '< 00000000000000ab "" start=0us duration=0ns',
  ],
  ["an empty parent", ',"parentSpanId":""', '"" start=0us duration=0ns'],
  ["kind by name", ',"kind":"SPAN_KIND_SERVER"', '"" start=0us duration=0ns kind=server'],
  ["kind 99", ',"kind":99', '"" start=0us duration=0ns kind=99'],
  ["kind -1 and 2^40", ',"kind":-1,"status":{"code":1099511627776}', '"" start=0us duration=0ns'],
  [
    "status by name",
    ',"status":{"code":"STATUS_CODE_ERROR"}',
    '"" start=0us duration=0ns status=error',
  ],
  [
    "times as strings",
    ',"startTimeUnixNano":"1544712660000000001","endTimeUnixNano":"1544712661000000002"',
    '"" start=1544712660000000us+1ns duration=1000000001ns',
  ],
  [
    "times as numbers",
    ',"startTimeUnixNano":1544712660000000001,"endTimeUnixNano":1544712661000000002',
    '"" start=1544712660000000us+1ns duration=1000000001ns',
  ],
  [
    "a time with an exponent",
    ',"startTimeUnixNano":1.5e9,"endTimeUnixNano":"15E8"',
    '"" start=1500000us duration=0ns',
  ],
  [
    "counts as strings",
    ',"flags":"4294967295","droppedEventsCount":"7"',
    '"" start=0us duration=0ns flags=4294967295 droppedEvents=7',
  ],
  ["a name twice", ',"name":"a","name":"b"', '"b" start=0us duration=0ns'],
];

for (const [what, fields, printed] of spans) {
  test(`readOtlpJson() reads ${what}`, () => assert.equal(readSpan(fields), printed));
}

const values: readonly (readonly [value: string, printed: string])[] = [
  ["{}", "k=∅"],
  ["null", "k=∅"],
  ['{"stringValue":"__proto__"}', 'k="__proto__"'],
  ['{"string_value":"v"}', 'k="v"'],
  ['{"stringValue":"a","intValue":1}', "k=1"],
  ['{"intValue":null,"boolValue":false}', "k=false"],
  ['{"intValue":503}', "k=503"],
  ['{"intValue":-0}', "k=0"],
  ['{"intValue":"-0"}', "k=0"],
  ['{"intValue":"007"}', "k=7"],
  ['{"intValue":5.03e2}', "k=503"],
  ['{"intValue":"9223372036854775807"}', "k=9223372036854775807"],
  ['{"intValue":9223372036854775807}', "k=9223372036854775807"],
  ['{"intValue":-9223372036854775808}', "k=-9223372036854775808"],
  ['{"intValue":"-4294967296"}', "k=-4294967296"],
  ['{"intValue":9007199254740993}', "k=9007199254740993"],
  ['{"intValue":1e18}', "k=1000000000000000000"],
  ['{"doubleValue":1}', "k=1d"],
  ['{"doubleValue":"1.5"}', "k=1.5d"],
  ['{"doubleValue":"NaN"}', "k=NaNd"],
  ['{"doubleValue":"-Infinity"}', "k=-Infinityd"],
  ['{"doubleValue":-0.0}', "k=-0d"],
  ['{"doubleValue":1e999}', "k=Infinityd"],
  ['{"bytesValue":""}', "k=hex()"],
  ['{"bytesValue":"AP+A"}', "k=hex(00ff80)"],
  ['{"bytesValue":"AP-A_w"}', "k=hex(00ff80ff)"],
  ['{"bytesValue":"AP\\/\\/"}', "k=hex(00ffff)"],
  ['{"arrayValue":{}}', "k=array()"],
  ['{"arrayValue":{"values":[]}}', "k=array()"],
  [
    '{"arrayValue":{"values":[null,{},{"intValue":"-1"}]}}',
    "k=array(0a000a000a0b18ffffffffffffffffff01)",
  ],
  [
    '{"arrayValue":{"values":[{"doubleValue":1.5},{"bytesValue":"AA=="}]}}',
    "k=array(0a0921000000000000f83f0a033a0100)",
  ],
  [
    '{"kvlistValue":{"values":[{"key":"__proto__","value":{"boolValue":true}}]}}',
    "k=map(0a0f0a095f5f70726f746f5f5f12021001)",
  ],
  ['{"kvlistValue":{"values":[{"value":null,"key":"a"},{}]}}', "k=map(0a030a01610a00)"],
  [
    '{"arrayValue":{"values":[{"arrayValue":{"values":[{"stringValue":"é"}]}}]}}',
    "k=array(0a082a060a040a02c3a9)",
  ],
];

for (const [value, printed] of values) {
  test(`readOtlpJson() reads the value ${value}`, () => assert.equal(readValue(value), printed));
}

test("readOtlpJson() takes resource, scope and URLs behind the spans", () => {
  const payload =
    `{"resourceSpans":[{"scopeSpans":[{"spans":[{${IDS}}],"schemaUrl":"s-url","scope":` +
    '{"attributes":[{"key":"a"}],"version":"1","name":"lib"}}],"schemaUrl":"r-url","resource":' +
    '{"droppedAttributesCount":2,"attributes":[{"value":{"intValue":"1"},"key":"b"}]}}]}';
  const expected = [
    'resource 0 schemaUrl="r-url" dropped=2',
    "  b=1",
    'scope 0 name="lib" version="1" schemaUrl="s-url"',
    "  a=∅",
    `span ${HEAD} "" start=0us duration=0ns`,
  ];
  assert.equal(read(payload), expected.join("\n"));
});

test("readOtlpJson() takes white space everywhere, and no span at all", () => {
  const spaced = JSON.stringify(JSON.parse(TRACES.toString()), undefined, "\t\r\n ");
  assert.equal(read(spaced), read(TRACES));
  for (const payload of [
    "{}",
    ' {"resourceSpans":[]} ',
    '{"resourceSpans":[{},{"scopeSpans":[{}]}]}',
  ]) {
    assert.equal(read(payload), "");
  }
});

test("readOtlpJson() keeps bytes that are no UTF-8, and says so", () => {
  const payload = Buffer.from(wrapSpan(`{${IDS},"name":"a\u00ff"}`), "latin1");
  const batch = readBatch(payload);
  assert.match(printSpans(batch), /"a\\xff" start/);
  assert.equal(batch.dictionary.invalidUtf8, 1);
});

test("readOtlpJson() leaves out spans without ids, and says how many", () => {
  const lost = '"name":"lost","events":[{"attributes":[{"key":"k"}]}],"links":[{}]';
  const payload = wrapSpan(
    [
      `{${lost}}`,
      `{${IDS},"name":"kept"}`,
      `{"traceId":"${"11".repeat(16)}",${lost}}`,
      `{"spanId":"${"22".repeat(8)}",${lost},"traceId":""}`,
      `{${IDS},"traceId":"${"0".repeat(32)}",${lost}}`,
    ].join(","),
  );
  const batch = new SpanBatch();
  const rejected = readOtlpJson(encoder.encode(payload), batch);
  // The id that came twice was overwritten with zeros.
  assert.deepEqual(rejected, { spans: 4, message: "4 spans without a trace id or span id" });
  assert.equal(printSpans(batch), read(wrapSpan(`{${IDS},"name":"kept"}`)));
  assert.deepEqual([batch.events, batch.eventAttributes.count, batch.links], [0, 0, 0]);
});

const AT_SPAN = "resourceSpans[0].scopeSpans[0].spans[0]";

const refused: readonly (readonly [payload: string, message: RegExp, path?: string])[] = [
  ["", /found the end, expected an object/],
  ["null", /found null, expected an object/],
  ["[]", /found a list, expected an object/],
  ["{} {}", /expected the end/],
  ['{"resourceSpans":{}}', /found an object, expected a list/, "resourceSpans"],
  ['{"resourceSpans":[1]}', /found a number, expected an object/, "resourceSpans[0]"],
  ['{"resourceSpans":[{},null]}', /found null, expected an object/, "resourceSpans[1]"],
  ['{"resourceSpans":[{"resource":[]}]}', /found a list/, "resourceSpans[0].resource"],
  [wrapSpan("{},1"), /found a number/, "resourceSpans[0].scopeSpans[0].spans[1]"],
  [wrapSpan('{"traceId":"11"}'), /expected 32 hex digits/, `${AT_SPAN}.traceId`],
  [wrapSpan(`{"traceId":"${"1g".repeat(16)}"}`), /32 hex digits/, `${AT_SPAN}.traceId`],
  [wrapSpan('{"spanId":"AAAAAAAAAAA="}'), /expected 16 hex digits/, `${AT_SPAN}.spanId`],
  [wrapSpan('{"spanId":1}'), /found a number, expected a string/, `${AT_SPAN}.spanId`],
  [wrapSpan('{"name":1}'), /found a number, expected a string/, `${AT_SPAN}.name`],
  [wrapSpan('{"kind":"SERVER"}'), /expected one of SPAN_KIND_UNSPECIFIED, /, `${AT_SPAN}.kind`],
  [wrapSpan('{"kind":true}'), /found a truth value, expected an integer/, `${AT_SPAN}.kind`],
  [wrapSpan('{"kind":1.5}'), /expected an integer/, `${AT_SPAN}.kind`],
  [wrapSpan('{"startTimeUnixNano":-1}'), /from 0 to 2\^64 - 1/, `${AT_SPAN}.startTimeUnixNano`],
  [
    wrapSpan('{"startTimeUnixNano":"18446744073709551616"}'),
    /integer/,
    `${AT_SPAN}.startTimeUnixNano`,
  ],
  [wrapSpan('{"startTimeUnixNano":"1 "}'), /expected an integer/, `${AT_SPAN}.startTimeUnixNano`],
  [wrapSpan('{"startTimeUnixNano":""}'), /expected an integer/, `${AT_SPAN}.startTimeUnixNano`],
  [wrapSpan('{"endTimeUnixNano":1e20}'), /expected an integer/, `${AT_SPAN}.endTimeUnixNano`],
  [wrapSpan('{"flags":4294967296}'), /from 0 to 2\^32 - 1/, `${AT_SPAN}.flags`],
  [wrapSpan('{"flags":-1}'), /from 0 to 2\^32 - 1/, `${AT_SPAN}.flags`],
  [wrapSpan('{"events":[{},{"name":[]}]}'), /expected a string/, `${AT_SPAN}.events[1].name`],
  [wrapSpan('{"links":[{"traceId":"1"}]}'), /32 hex digits/, `${AT_SPAN}.links[0].traceId`],
  [wrapSpan('{"attributes":{"a":1}}'), /expected a list/, `${AT_SPAN}.attributes`],
  [wrapSpan('{"attributes":[{"key":1}]}'), /a string/, `${AT_SPAN}.attributes[0].key`],
  [
    wrapSpan('{"attributes":[{"value":"v"}]}'),
    /found a string, expected an object/,
    `${AT_SPAN}.attributes[0].value`,
  ],
  [wrapSpan("{,}"), /expected a string/, AT_SPAN],
  [wrapSpan('{"x":1,}'), /expected a string/, `${AT_SPAN}.x`],
  [wrapSpan('{"my secret":[tru]}'), /expected a value/, `${AT_SPAN}.?[0]`],
  [wrapSpan('{"x":01}'), /leading zeros/, `${AT_SPAN}.x`],
  ['{"resourceSpans":[],}', /expected a string/, "resourceSpans"],
];

for (const [payload, message, path] of refused) {
  test(`readOtlpJson() refuses ${payload.slice(0, 100)}`, () => {
    assert.throws(
      () => read(payload),
      (error: unknown) => {
        assert.ok(error instanceof SpoorError);
        assert.equal(error.code, "bad-input");
        assert.match(error.message, message);
        assert.equal(error.where["path"], path);
        assert.equal(error.where["size"], payload.length);
        return true;
      },
    );
  });
}

const wrongValues = [
  '{"boolValue":"true"}',
  '{"boolValue":1}',
  '{"intValue":"9223372036854775808"}',
  '{"intValue":"-9223372036854775809"}',
  '{"intValue":-18446744073709551615}',
  '{"intValue":"0x10"}',
  '{"intValue":"1.5"}',
  '{"intValue":"-"}',
  '{"intValue":"+1"}',
  '{"intValue":true}',
  '{"intValue":"99999999999999999999999"}',
  '{"doubleValue":"0x10"}',
  '{"doubleValue":""}',
  '{"doubleValue":" 1"}',
  '{"doubleValue":"Infinity "}',
  '{"doubleValue":{}}',
  '{"bytesValue":"A"}',
  '{"bytesValue":"AA="}',
  '{"bytesValue":"A==="}',
  '{"bytesValue":"===="}',
  '{"bytesValue":"A A="}',
  '{"bytesValue":[0]}',
  '{"arrayValue":[]}',
  '{"arrayValue":{"values":[1]}}',
  '{"kvlistValue":{"values":[null]}}',
  '{"kvlistValue":{"values":{"a":1}}}',
];

for (const value of wrongValues) {
  test(`readOtlpJson() refuses the value ${value}`, () => {
    assert.throws(() => readValue(value), { code: "bad-input" });
  });
}

test("readOtlpJson() stops at lists nested too deep, and at unknown values too", () => {
  const nested = (depth: number): string => {
    const open = '{"arrayValue":{"values":['.repeat(depth);
    return `${open}{"intValue":1}${"]}}".repeat(depth)}`;
  };
  assert.match(readValue(nested(30)), /^k=array\(/);
  assert.throws(() => readValue(nested(31)), { code: "bad-input", message: /up to 30 deep/ });
  const lists = "[".repeat(200_000);
  assert.throws(() => readSpan(`,"x":${lists}`), { code: "bad-input", message: /nested/ });
});

test("readOtlpJson() refuses every proper prefix", () => {
  for (let end = 0; end < TRACES.length; end++) {
    assert.throws(() => read(TRACES.subarray(0, end)), { code: "bad-input" }, `${end} bytes`);
  }
});

test("readOtlpJson() reads or refuses every change of a byte, and the next payload is sound", () => {
  const sound = read(TRACES);
  const changed = Buffer.from(TRACES);
  const batch = new SpanBatch();
  let refusals = 0;
  for (let at = 0; at < TRACES.length; at++) {
    for (const flip of [0x01, 0x10, 0x80]) {
      changed[at] = TRACES[at]! ^ flip;
      batch.reset();
      try {
        readOtlpJson(changed, batch);
        printSpans(batch);
      } catch (error) {
        if (!(error instanceof SpoorError)) throw error;
        assert.equal(error.code, "bad-input", `byte ${at} ^ ${flip}`);
        refusals++;
      }
    }
    changed[at] = TRACES[at]!;
    if (at % 500 === 0) assert.equal(read(TRACES), sound);
  }
  assert.ok(refusals > TRACES.length);
});

test("readOtlpJson() reads a value of 1 MB, and 100,000 spans", () => {
  const long = "x\\n".repeat(1 << 19);
  const one = readBatch(wrapSpan(`{${IDS},"name":"${long}"}`));
  assert.equal(one.dictionary.text(one.name[0]!), "x\n".repeat(1 << 19));
  const many = readBatch(wrapSpan(`{${IDS},"name":"a"},`.repeat(100_000) + `{${IDS}}`));
  assert.deepEqual([many.rows, many.dictionary.count], [100_001, 2]);
});
