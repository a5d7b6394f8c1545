// Jaeger's UI JSON: one golden span with everything, single rules, and a slow writer to compare with.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  EMPTY,
  MAP,
  STRING,
} from "../model/attribute-table.ts";
import {
  KIND_CLIENT,
  KIND_SERVER,
  ORIGIN_JAEGER_PROTO,
  ORIGIN_JAEGER_THRIFT,
  ORIGIN_OTLP,
  ORIGIN_ZIPKIN,
  STATUS_ERROR,
  STATUS_OK,
  SpanBatch,
} from "../model/span-batch.ts";
import { RowCopier } from "../model/copy-rows.ts";
import { writeJaegerTrace, writeJaegerTracePieces } from "./jaeger-json.ts";

/** A value of each type; bytes, lists and maps as the batch keeps them. */
type Value =
  | string
  | boolean
  | bigint
  | number
  | null
  | Uint8Array
  | { readonly array: string }
  | { readonly map: string };

function addAttribute(batch: SpanBatch, table: AttributeTable, key: string, value: Value): void {
  const { dictionary } = batch;
  const entry = dictionary.internText(key);
  if (typeof value === "string") table.add(entry, STRING, dictionary.internText(value));
  else if (typeof value === "boolean") table.add(entry, BOOL, value ? 1 : 0);
  else if (typeof value === "number") table.addDouble(entry, value);
  else if (typeof value === "bigint") {
    const bits = BigInt.asUintN(64, value);
    table.addInt(entry, Number(bits & 0xffff_ffffn), Number(bits >> 32n));
  } else if (value === null) table.add(entry, EMPTY, 0);
  else if (value instanceof Uint8Array) {
    table.add(entry, BYTES, dictionary.intern(value, 0, value.length));
  } else {
    const [type, hex] = "array" in value ? [ARRAY, value.array] : [MAP, value.map];
    const bytes = Buffer.from(hex, "hex");
    table.add(entry, type, dictionary.intern(bytes, 0, bytes.length));
  }
}

function addResource(batch: SpanBatch, attributes: Readonly<Record<string, Value>>): number {
  const resource = batch.openResource();
  for (const [key, value] of Object.entries(attributes)) {
    addAttribute(batch, batch.resourceAttributes, key, value);
  }
  batch.closeResource(resource);
  return resource;
}

function addTags(batch: SpanBatch, attributes: Readonly<Record<string, Value>>): void {
  for (const [key, value] of Object.entries(attributes)) {
    addAttribute(batch, batch.spanAttributes, key, value);
  }
}

function addLink(batch: SpanBatch, traceId: string, spanId: string, refType?: string): void {
  const link = batch.openLink();
  batch.linkTraceId.set(Buffer.from(traceId, "hex"), 16 * link);
  batch.linkSpanId.set(Buffer.from(spanId, "hex"), 8 * link);
  if (refType !== undefined) {
    addAttribute(batch, batch.linkAttributes, "opentracing.ref_type", refType);
  }
  batch.closeLink();
}

const TRACE = "00000000000000000123456789abcdef";
const OTHER = "8000000000000001ffffffffffffffff";

function openSpan(batch: SpanBatch, resource: number, traceId = TRACE): number {
  const row = batch.openRow(resource, 0);
  batch.traceId.set(Buffer.from(traceId, "hex"), 16 * row);
  batch.spanId.set(
    Buffer.from(`00000000000000${(row + 1).toString(16).padStart(2, "0")}`, "hex"),
    8 * row,
  );
  return row;
}

/** One span with everything that Jaeger shows. */
function fullBatch(): SpanBatch {
  const batch = new SpanBatch();
  const { dictionary } = batch;
  const scope = batch.openScope();
  batch.scopeName[scope] = dictionary.internText("net/http");
  batch.scopeVersion[scope] = dictionary.internText("1.2");
  const shop = addResource(batch, { "host.name": "h-1", "service.name": "shop", pid: 7n });
  const row = openSpan(batch, shop);
  batch.parentSpanId.set(Buffer.from("00000000000000ff", "hex"), 8 * row);
  batch.name[row] = dictionary.internText('GET "/ü"\n');
  batch.startUs[row] = 1_700_000_000_000_000;
  batch.startRestNs[row] = 999;
  batch.durationNs[row] = 1_999;
  batch.kind[row] = KIND_SERVER;
  batch.statusCode[row] = STATUS_ERROR;
  batch.statusMessage[row] = dictionary.internText("boom");
  batch.traceState[row] = dictionary.internText("a=b");
  batch.origin[row] = ORIGIN_JAEGER_THRIFT;
  batch.flags[row] = 3;
  addTags(batch, {
    text: "a\\b\u2028",
    yes: true,
    small: -5n,
    big: 9_007_199_254_740_992n,
    least: -9_223_372_036_854_775_808n,
    half: 0.5,
    nan: Number.NaN,
    minus: -Infinity,
    zero: -0,
    bytes: Uint8Array.of(0, 255, 1),
    none: null,
    // ["a", 1]
    list: { array: "0a030a01610a021801" },
    // {"b": {}, "a": true}
    map: { map: "0a070a0162120232000a070a016112021001" },
    // ["first", "second"]
    "@jaeger@warnings": { array: "0a070a0566697273740a080a067365636f6e64" },
  });
  const event = batch.openEvent();
  batch.eventUs[event] = 1_700_000_000_000_001;
  batch.eventName[event] = dictionary.internText("exception");
  addAttribute(batch, batch.eventAttributes, "exception.type", "Timeout");
  batch.closeEvent();
  addLink(batch, OTHER, "000000000000000a");
  addLink(batch, TRACE, "000000000000000b", "child_of");
  addLink(batch, TRACE, "000000000000000c", "follows_from");
  batch.closeRow();
  return batch;
}

const FULL =
  '{"traceID":"0123456789abcdef","spans":[{"traceID":"0123456789abcdef","spanID":"0000000000000001",' +
  '"flags":3,"operationName":"GET \\"/ü\\"\\n","references":[' +
  '{"refType":"CHILD_OF","traceID":"0123456789abcdef","spanID":"00000000000000ff"},' +
  '{"refType":"FOLLOWS_FROM","traceID":"8000000000000001ffffffffffffffff","spanID":"000000000000000a"},' +
  '{"refType":"CHILD_OF","traceID":"0123456789abcdef","spanID":"000000000000000b"},' +
  '{"refType":"FOLLOWS_FROM","traceID":"0123456789abcdef","spanID":"000000000000000c"}],' +
  '"startTime":1700000000000000,"duration":1,"tags":[' +
  '{"key":"otel.scope.name","type":"string","value":"net/http"},' +
  '{"key":"otel.scope.version","type":"string","value":"1.2"},' +
  '{"key":"text","type":"string","value":"a\\\\b\u2028"},' +
  '{"key":"yes","type":"bool","value":true},' +
  '{"key":"small","type":"int64","value":-5},' +
  '{"key":"big","type":"int64","value":"9007199254740992"},' +
  '{"key":"least","type":"int64","value":"-9223372036854775808"},' +
  '{"key":"half","type":"float64","value":0.5},' +
  '{"key":"nan","type":"float64","value":"NaN"},' +
  '{"key":"minus","type":"float64","value":"-Infinity"},' +
  '{"key":"zero","type":"float64","value":-0},' +
  '{"key":"bytes","type":"binary","value":"AP8B"},' +
  '{"key":"none","type":"string","value":""},' +
  '{"key":"list","type":"string","value":"[\\"a\\",1]"},' +
  '{"key":"map","type":"string","value":"{\\"a\\":true,\\"b\\":{}}"},' +
  '{"key":"span.kind","type":"string","value":"server"},' +
  '{"key":"otel.status_code","type":"string","value":"ERROR"},' +
  '{"key":"error","type":"bool","value":true},' +
  '{"key":"otel.status_description","type":"string","value":"boom"},' +
  '{"key":"w3c.tracestate","type":"string","value":"a=b"},' +
  '{"key":"@jaeger@format","type":"string","value":"jaeger"}],' +
  '"logs":[{"timestamp":1700000000000001,"fields":[' +
  '{"key":"event","type":"string","value":"exception"},' +
  '{"key":"exception.type","type":"string","value":"Timeout"}]}],' +
  '"processID":"p1","warnings":["first","second"]}],' +
  '"processes":{"p1":{"serviceName":"shop","tags":[' +
  '{"key":"host.name","type":"string","value":"h-1"},{"key":"pid","type":"int64","value":7}]}},' +
  '"warnings":null}';

test("writeJaegerTrace() writes all that Jaeger shows of a span", () => {
  assert.equal(writeJaegerTrace(fullBatch()), FULL);
});

test("writeJaegerTracePieces() writes the same text as UTF-8, a big trace in pieces", () => {
  const big = new SpanBatch();
  const copier = new RowCopier(fullBatch(), big);
  for (let row = 0; row < 500; row++) copier.copyRow(0);
  for (const [batch, least] of [
    [fullBatch(), 1],
    [big, 3],
    [new SpanBatch(), 1],
  ] as const) {
    for (const prettyPrint of [false, true]) {
      const pieces = [...writeJaegerTracePieces(batch, { prettyPrint })];
      assert.ok(pieces.length >= least);
      assert.equal(Buffer.concat(pieces).toString(), writeJaegerTrace(batch, { prettyPrint }));
    }
  }
});

test("writeJaegerTrace() sets the same values out on lines if asked", () => {
  const text = writeJaegerTrace(fullBatch(), { prettyPrint: true });
  assert.deepEqual(JSON.parse(text), JSON.parse(FULL));
  assert.match(text, /^\{\n {4}"traceID": "0123456789abcdef",\n {4}"spans": \[\n {8}\{\n/);
  assert.ok(text.endsWith('\n    },\n    "warnings": null\n}'));
});

test("writeJaegerTrace() writes a bare span with empty lists", () => {
  const batch = new SpanBatch();
  openSpan(batch, addResource(batch, {}));
  batch.closeRow();
  assert.equal(
    writeJaegerTrace(batch),
    '{"traceID":"0123456789abcdef","spans":[{"traceID":"0123456789abcdef","spanID":"0000000000000001",' +
      '"operationName":"","references":[],"startTime":0,"duration":0,"tags":[],"logs":[],' +
      '"processID":"p1","warnings":null}],' +
      '"processes":{"p1":{"serviceName":"OTLPResourceNoServiceName","tags":[]}},"warnings":null}',
  );
});

test("writeJaegerTrace() writes no rows as a trace without spans", () => {
  const expected = { traceID: "", spans: [], processes: {}, warnings: null };
  assert.deepEqual(JSON.parse(writeJaegerTrace(new SpanBatch())), expected);
});

interface ShownSpan {
  readonly flags?: number;
  readonly processID: string;
  readonly tags: readonly unknown[];
  readonly references: readonly unknown[];
  readonly warnings: readonly string[] | null;
}

function show(batch: SpanBatch, options?: Parameters<typeof writeJaegerTrace>[1]): ShownSpan[] {
  return (JSON.parse(writeJaegerTrace(batch, options)) as { spans: ShownSpan[] }).spans;
}

test("writeJaegerTrace() numbers processes by first use, equal ones alike", () => {
  const batch = new SpanBatch();
  const unused = addResource(batch, { "service.name": "unused" });
  const a = addResource(batch, { "service.name": "a", x: "1" });
  const b = addResource(batch, { "service.name": "a", x: "2" });
  const sameAsB = addResource(batch, { x: "2", "service.name": "a" });
  const unnamed = addResource(batch, { x: "2" });
  assert.equal(unused, 0);
  for (const resource of [b, a, sameAsB, unnamed, b]) {
    openSpan(batch, resource);
    batch.closeRow();
  }
  assert.deepEqual(
    show(batch).map((span) => span.processID),
    ["p1", "p2", "p1", "p3", "p1"],
  );
  const { processes } = JSON.parse(writeJaegerTrace(batch)) as { processes: unknown };
  assert.deepEqual(processes, {
    p1: { serviceName: "a", tags: [{ key: "x", type: "string", value: "2" }] },
    p2: { serviceName: "a", tags: [{ key: "x", type: "string", value: "1" }] },
    p3: { serviceName: "", tags: [{ key: "x", type: "string", value: "2" }] },
  });
});

test("writeJaegerTrace() shows flags and format of Jaeger's formats only", () => {
  const batch = new SpanBatch();
  const resource = addResource(batch, { "service.name": "a" });
  for (const origin of [ORIGIN_OTLP, ORIGIN_JAEGER_THRIFT, ORIGIN_JAEGER_PROTO, ORIGIN_ZIPKIN]) {
    const row = openSpan(batch, resource);
    batch.origin[row] = origin;
    batch.flags[row] = 1;
    batch.closeRow();
  }
  const format = (value: string) => [{ key: "@jaeger@format", type: "string", value }];
  assert.deepEqual(
    show(batch).map((span) => [span.flags, span.tags]),
    [
      [undefined, []],
      [1, format("jaeger")],
      [1, format("proto")],
      [undefined, []],
    ],
  );
});

test("writeJaegerTrace() shows kind and status as tags, unknown ones not at all", () => {
  const batch = new SpanBatch();
  const resource = addResource(batch, { "service.name": "a" });
  const pairs = [[KIND_CLIENT, STATUS_OK], [0, 0], [99, 99]] as const; // prettier-ignore
  for (const [kind, status] of pairs) {
    const row = openSpan(batch, resource);
    batch.kind[row] = kind;
    batch.statusCode[row] = status;
    batch.closeRow();
  }
  assert.deepEqual(
    show(batch).map((span) => span.tags),
    [
      [
        { key: "span.kind", type: "string", value: "client" },
        { key: "otel.status_code", type: "string", value: "OK" },
      ],
      [],
      [],
    ],
  );
});

test("writeJaegerTrace() lets a link to the parent say what kind of reference it is", () => {
  const batch = new SpanBatch();
  const row = openSpan(batch, addResource(batch, { "service.name": "a" }));
  batch.parentSpanId.set(Buffer.from("00000000000000ff", "hex"), 8 * row);
  addLink(batch, TRACE, "00000000000000ff", "follows_from");
  addLink(batch, OTHER, "00000000000000ff");
  batch.closeRow();
  assert.deepEqual(show(batch)[0]?.references, [
    { refType: "FOLLOWS_FROM", traceID: "0123456789abcdef", spanID: "00000000000000ff" },
    { refType: "FOLLOWS_FROM", traceID: OTHER, spanID: "00000000000000ff" },
  ]);
});

test("writeJaegerTrace() adds the warnings that it is given to those of the span", () => {
  const batch = fullBatch();
  openSpan(batch, 0);
  addTags(batch, { "@jaeger@warnings": "only one" });
  batch.closeRow();
  openSpan(batch, 0);
  addTags(batch, { "@jaeger@warnings": 5n });
  batch.closeRow();
  const warnings = new Map([
    [0, ["third"]],
    [2, ["skewed"]],
  ]);
  const spans = show(batch, { warnings });
  assert.deepEqual(
    spans.map((span) => span.warnings),
    [["first", "second", "third"], ["only one"], ["skewed"]],
  );
  assert.deepEqual(spans[1]?.tags.slice(2), []);
  assert.equal(spans[2]?.tags.length, 3, "a warning that is a number stays a tag");
  const trace = JSON.parse(writeJaegerTrace(batch, { traceWarnings: ["cut"] })) as object;
  assert.deepEqual(Reflect.get(trace, "warnings"), ["cut"]);
});

test("writeJaegerTrace() keeps an attribute `event` and does not show the name beside it", () => {
  const batch = new SpanBatch();
  openSpan(batch, addResource(batch, { "service.name": "a" }));
  const event = batch.openEvent();
  batch.eventName[event] = batch.dictionary.internText("name");
  addAttribute(batch, batch.eventAttributes, "event", "attribute");
  batch.closeEvent();
  batch.closeRow();
  const { logs } = show(batch)[0] as unknown as { logs: { fields: unknown }[] };
  assert.deepEqual(logs[0]?.fields, [{ key: "event", type: "string", value: "attribute" }]);
});

test("writeJaegerTrace() writes bytes that are no UTF-8 as U+FFFD, and a BOM as it is", () => {
  const batch = new SpanBatch();
  const row = openSpan(batch, addResource(batch, { "service.name": "a" }));
  batch.name[row] = batch.dictionary.intern(Uint8Array.of(0x61, 0xff, 0xed, 0xa0, 0x80), 0, 5);
  addTags(batch, { bom: "\ufeffx" });
  batch.closeRow();
  const [span] = show(batch) as unknown as { operationName: string; tags: { value: string }[] }[];
  assert.equal(span?.operationName, "a\ufffd\ufffd\ufffd\ufffd");
  assert.equal(span?.tags[0]?.value, "\ufeffx");
});

test("writeJaegerTrace() survives a hundred thousand warnings on one span", () => {
  const batch = new SpanBatch();
  openSpan(batch, addResource(batch, { "service.name": "a" }));
  addTags(batch, { "@jaeger@warnings": { array: "0a030a0177".repeat(100_000) } });
  batch.closeRow();
  assert.equal(show(batch)[0]?.warnings?.length, 100_000);
});

// The same trace written the slow way, with objects, compared by value.

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.uint8Array({ minLength: 1, maxLength: 5 }),
  fc.constant(null),
);
const attributes = fc.dictionary(
  fc.constantFrom("a", "b", "__proto__", "ключ", "error", ""),
  value,
);
const span = fc.record({
  resource: fc.nat(2),
  name: fc.string({ unit: "binary" }),
  startUs: fc.maxSafeInteger(),
  durationUs: fc.nat(),
  tags: attributes,
  events: fc.array(fc.record({ us: fc.maxSafeNat(), name: fc.string(), fields: attributes }), {
    maxLength: 3,
  }),
});
const trace = fc.record({
  resources: fc.array(attributes, { minLength: 3, maxLength: 3 }),
  spans: fc.array(span, { minLength: 1, maxLength: 5 }),
});

function shownTag([key, given]: [string, Value]): unknown {
  if (typeof given === "string") return { key, type: "string", value: given };
  if (typeof given === "boolean") return { key, type: "bool", value: given };
  if (typeof given === "number") {
    return { key, type: "float64", value: Number.isFinite(given) ? given : String(given) };
  }
  if (typeof given === "bigint") {
    const isSafe = given >= -(2n ** 53n) + 1n && given <= 2n ** 53n - 1n;
    return { key, type: "int64", value: isSafe ? Number(given) : String(given) };
  }
  if (given === null) return { key, type: "string", value: "" };
  const bytes = Buffer.from(given as Uint8Array);
  return { key, type: "binary", value: bytes.toString("base64") };
}

function shownTags(from: Readonly<Record<string, Value>>): unknown[] {
  return Object.entries(from).map(shownTag);
}

test("writeJaegerTrace() writes what a slow writer with objects would", () => {
  fc.assert(
    fc.property(trace, ({ resources, spans }) => {
      const batch = new SpanBatch();
      for (const resource of resources) addResource(batch, resource);
      for (const { resource, name, startUs, durationUs, tags, events } of spans) {
        const row = openSpan(batch, resource);
        batch.name[row] = batch.dictionary.internText(name);
        batch.startUs[row] = startUs;
        batch.durationNs[row] = durationUs * 1000;
        addTags(batch, tags);
        for (const { us, name: eventName, fields } of events) {
          const event = batch.openEvent();
          batch.eventUs[event] = us;
          batch.eventName[event] = batch.dictionary.internText(eventName);
          for (const [key, one] of Object.entries(fields)) {
            addAttribute(batch, batch.eventAttributes, key, one);
          }
          batch.closeEvent();
        }
        batch.closeRow();
      }

      const processes: Record<string, unknown> = {};
      const seen: string[] = [];
      const traceID = "0123456789abcdef";
      const shown = spans.map((one, row) => {
        const given = resources[one.resource]!;
        const isEmpty = Object.keys(given).length === 0;
        const serviceName = isEmpty ? "OTLPResourceNoServiceName" : "";
        const process = { serviceName, tags: shownTags(given) };
        const text = JSON.stringify(process, (_, v: unknown) => (Object.is(v, -0) ? "-0" : v));
        if (!seen.includes(text)) processes[`p${seen.push(text)}`] = process;
        return {
          traceID,
          spanID: (row + 1).toString(16).padStart(16, "0"),
          operationName: one.name,
          references: [],
          startTime: one.startUs,
          duration: one.durationUs,
          tags: shownTags(one.tags),
          logs: one.events.map(({ us, name, fields }) => {
            const event = name === "" ? [] : [{ key: "event", type: "string", value: name }];
            return { timestamp: us, fields: [...event, ...shownTags(fields)] };
          }),
          processID: `p${seen.indexOf(text) + 1}`,
          warnings: null,
        };
      });
      const expected = { traceID, spans: shown, processes, warnings: null };
      const text = writeJaegerTrace(batch);
      assert.deepEqual(JSON.parse(text), expected);
    }),
    { numRuns: 300 },
  );
});
