// One golden text with every column and type, and: different batches print differently.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { ARRAY, BOOL, BYTES, EMPTY, MAP, STRING } from "./attribute-table.ts";
import { printSpans } from "./print-spans.ts";
import { KIND_SERVER, ORIGIN_JAEGER_PROTO, SpanBatch, STATUS_ERROR } from "./span-batch.ts";

function makeSample(): SpanBatch {
  const batch = new SpanBatch();
  const { dictionary } = batch;
  const entry = (text: string): number => dictionary.internText(text);
  const raw = (...bytes: number[]): number =>
    dictionary.intern(Uint8Array.from(bytes), 0, bytes.length);
  batch.openResource(); // used by no row
  const resource = batch.openResource();
  batch.resourceSchemaUrl[resource] = entry("https://schemas/1");
  batch.resourceDropped[resource] = 2;
  batch.resourceAttributes.add(entry("service.name"), STRING, entry("shop"));
  batch.closeResource(resource);
  const scope = batch.openScope();
  batch.scopeName[scope] = entry("http");
  batch.scopeVersion[scope] = entry("1.2");
  batch.scopeSchemaUrl[scope] = entry("https://schemas/2");
  batch.scopeDropped[scope] = 3;
  batch.scopeAttributes.add(entry("scope attribute"), BOOL, 0);
  batch.closeScope(scope);
  const row = batch.openRow(resource, scope);
  batch.traceId.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 16 * row);
  batch.spanId.set([0, 0, 0, 0, 0, 0, 0, 0xab], 8 * row);
  batch.parentSpanId.set([0xcd], 8 * row);
  batch.startUs[row] = 1_700_000_000_000_000;
  batch.startRestNs[row] = 250;
  batch.durationNs[row] = 1000;
  batch.name[row] = entry('GET "/"\n');
  batch.statusMessage[row] = entry("boom");
  batch.traceState[row] = entry("a=b");
  batch.kind[row] = KIND_SERVER;
  batch.statusCode[row] = STATUS_ERROR;
  batch.origin[row] = ORIGIN_JAEGER_PROTO;
  batch.flags[row] = 257;
  batch.droppedAttributes[row] = 4;
  batch.droppedEvents[row] = 5;
  batch.droppedLinks[row] = 6;
  const table = batch.spanAttributes;
  table.add(entry("empty"), EMPTY, 0);
  table.add(entry("text"), STRING, entry("héllo"));
  table.add(entry("true"), BOOL, 1);
  table.addInt(entry("int"), 1, 0x8000_0000);
  table.addDouble(entry("double"), 1.5);
  table.addDouble(entry("double"), -0);
  table.addDouble(entry("double"), NaN);
  table.add(entry("bytes"), BYTES, raw(0x0a, 0x0b));
  table.add(entry("array"), ARRAY, raw(0x0a, 0x00));
  table.add(entry("map"), MAP, 0);
  table.add(raw(0x22, 0xff, 0x5c), STRING, raw(0x61, 0xc3));
  table.add(0, STRING, entry("\\xff"));
  const event = batch.openEvent();
  batch.eventUs[event] = 1_700_000_000_000_001;
  batch.eventRestNs[event] = 9;
  batch.eventName[event] = entry("exception");
  batch.eventDropped[event] = 7;
  batch.eventAttributes.add(entry("k"), STRING, 0);
  batch.closeEvent();
  const link = batch.openLink();
  batch.linkTraceId[16 * link + 15] = 1;
  batch.linkSpanId[8 * link + 7] = 2;
  batch.linkTraceState[link] = entry("c=d");
  batch.linkFlags[link] = 8;
  batch.linkDropped[link] = 9;
  batch.linkAttributes.addSafeInt(entry("k"), -1);
  batch.closeLink();
  batch.closeRow();
  batch.openRow(0, scope);
  batch.kind[1] = 9;
  batch.closeRow();
  return batch;
}

const SAMPLE = String.raw`resource 0 schemaUrl="https://schemas/1" dropped=2
  service.name="shop"
scope 0 name="http" version="1.2" schemaUrl="https://schemas/2" dropped=3
  "scope attribute"=false
span 0102030405060708090a0b0c0d0e0f10:00000000000000ab < cd00000000000000 "GET \"/\"\n" start=1700000000000000us+250ns duration=1000ns kind=server status=error statusMessage="boom" traceState="a=b" flags=257 origin=jaeger-proto droppedAttributes=4 droppedEvents=5 droppedLinks=6
  empty=∅
  text="héllo"
  true=true
  int=-9223372036854775807
  double=1.5d
  double=-0d
  double=NaNd
  bytes=hex(0a0b)
  array=array(0a00)
  map=map()
  "\x22\xff\x5c"="a\xc3"
  ""="\\xff"
  event 1700000000000001us+9ns "exception" dropped=7
    k=""
  link 00000000000000000000000000000001:0000000000000002 traceState="c=d" flags=8 dropped=9
    k=-1
resource 1
span 00000000000000000000000000000000:0000000000000000 "" start=0us duration=0ns resource=1 kind=9`;

test("printSpans() prints every column and every type of value", () => {
  assert.equal(printSpans(makeSample()), SAMPLE);
});

test("printSpans() of no rows is empty", () => {
  const batch = new SpanBatch();
  batch.openResource();
  assert.equal(printSpans(batch), "");
});

/** Columns of a row as a list of ways to change one of them. */
const changes: readonly (readonly [column: string, change: (batch: SpanBatch) => void])[] = [
  ["traceId", (batch) => batch.traceId[0]!++],
  ["spanId", (batch) => batch.spanId[0]!++],
  ["parentSpanId", (batch) => batch.parentSpanId[0]!++],
  ["startUs", (batch) => batch.startUs[0]!++],
  ["startRestNs", (batch) => batch.startRestNs[0]!++],
  ["durationNs", (batch) => batch.durationNs[0]!++],
  ["name", (batch) => batch.name[0]!++],
  ["statusMessage", (batch) => batch.statusMessage[0]!++],
  ["traceState", (batch) => batch.traceState[0]!++],
  ["kind", (batch) => batch.kind[0]!++],
  ["statusCode", (batch) => batch.statusCode[0]!++],
  ["origin", (batch) => batch.origin[0]!++],
  ["flags", (batch) => batch.flags[0]!++],
  ["droppedAttributes", (batch) => batch.droppedAttributes[0]!++],
  ["droppedEvents", (batch) => batch.droppedEvents[0]!++],
  ["droppedLinks", (batch) => batch.droppedLinks[0]!++],
  ["scopeName", (batch) => batch.scopeName[0]!++],
  ["scopeVersion", (batch) => batch.scopeVersion[0]!++],
  ["scopeSchemaUrl", (batch) => batch.scopeSchemaUrl[0]!++],
  ["scopeDropped", (batch) => batch.scopeDropped[0]!++],
  ["resourceSchemaUrl", (batch) => batch.resourceSchemaUrl[1]!++],
  ["resourceDropped", (batch) => batch.resourceDropped[1]!++],
  ["eventUs", (batch) => batch.eventUs[0]!++],
  ["eventRestNs", (batch) => batch.eventRestNs[0]!++],
  ["eventName", (batch) => batch.eventName[0]!++],
  ["eventDropped", (batch) => batch.eventDropped[0]!++],
  ["linkTraceId", (batch) => batch.linkTraceId[0]!++],
  ["linkSpanId", (batch) => batch.linkSpanId[0]!++],
  ["linkTraceState", (batch) => batch.linkTraceState[0]!++],
  ["linkFlags", (batch) => batch.linkFlags[0]!++],
  ["linkDropped", (batch) => batch.linkDropped[0]!++],
  ["attribute key", (batch) => batch.spanAttributes.key[0]!++],
  ["attribute type", (batch) => (batch.spanAttributes.type[1] = BYTES)],
  ["attribute value", (batch) => batch.spanAttributes.words[2]!++],
];

for (const [column, change] of changes) {
  test(`printSpans() shows a change of ${column}`, () => {
    const batch = makeSample();
    change(batch);
    assert.notEqual(printSpans(batch), SAMPLE);
  });
}

test("printSpans() prints any batch twice alike, one line per span, event and link at least", () => {
  const property = fc.property(anySpans(), (batch) => {
    const text = printSpans(batch);
    assert.equal(printSpans(batch), text);
    const count = (word: string): number =>
      text.split("\n").filter((l) => l.trim().startsWith(`${word} `)).length;
    assert.equal(count("span"), batch.rows);
    assert.equal(count("event"), batch.events);
    assert.equal(count("link"), batch.links);
  });
  fc.assert(property, { numRuns: 30 });
});
