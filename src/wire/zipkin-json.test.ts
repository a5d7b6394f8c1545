// Zipkin v2 JSON: reporters' own bytes, cut and flipped, each rule of docs/span-mapping.md, odd input.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { writeJaegerTrace } from "./jaeger-json.ts";
import { readZipkinJsonV2 } from "./zipkin-json.ts";

function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/zipkin/${name}`, import.meta.url)));
}

const encoder = new TextEncoder();

function read(payload: Uint8Array | string): SpanBatch {
  const batch = new SpanBatch();
  readZipkinJsonV2(typeof payload === "string" ? encoder.encode(payload) : payload, batch);
  return batch;
}

for (const name of ["spans.go", "spans.js", "otel.js"]) {
  const whole = readGolden(`${name}.json`);

  test(`${name}.json is read as its writer meant it`, () => {
    const printed = new TextDecoder().decode(readGolden(`${name}.txt`)).trimEnd();
    assert.equal(printSpans(read(whole)), printed);
  });

  test(`${name}.json: every proper prefix is refused`, () => {
    const batch = new SpanBatch();
    for (let end = 0; end < whole.length; end++) {
      batch.reset();
      const cut = whole.subarray(0, end);
      assert.throws(() => readZipkinJsonV2(cut, batch), { code: "bad-input" }, `${end} bytes`);
    }
  });

  test(`${name}.json: every flipped byte is refused or read, and JSON then`, () => {
    const batch = new SpanBatch();
    for (let at = 0; at < whole.length; at++) {
      for (const bit of [0x01, 0x10, 0x80]) {
        const flipped = whole.slice();
        flipped[at]! ^= bit;
        batch.reset();
        try {
          readZipkinJsonV2(flipped, batch);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "bad-input", String(error));
          continue;
        }
        JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(flipped));
      }
    }
  });
}

const IDS = '"traceId":"1","id":"2"';
const HEAD = "span 00000000000000000000000000000001:0000000000000002";
const OWNERS = "resource 0\nscope 0\n";

/** The rest of a span's JSON object after its ids, and what is printed of it. */
const fieldCases: readonly (readonly [what: string, json: string, printed: string])[] = [
  [
    "nothing but ids",
    "",
    `${OWNERS}${HEAD} "" start=0us duration=0ns origin=zipkin\n  otel.zipkin.absentField.startTime=true`,
  ],
  ["a start at 0", ',"timestamp":0', `${OWNERS}${HEAD} "" start=0us duration=0ns origin=zipkin`],
  [
    "the last microsecond that is exact",
    ',"timestamp":9007199254740991,"duration":9007199254740991',
    `${OWNERS}${HEAD} "" start=9007199254740991us duration=9007199254740991000ns origin=zipkin`,
  ],
  [
    "fractions and exponents",
    ',"timestamp":1.5e3,"duration":0.25',
    `${OWNERS}${HEAD} "" start=1500us duration=250ns origin=zipkin`,
  ],
  [
    "fields that are null",
    ',"timestamp":5,"parentId":null,"kind":null,"name":null,"duration":null,"tags":null,"debug":null,' +
      '"annotations":null,"localEndpoint":null,"remoteEndpoint":{"serviceName":null,"ipv4":null,"port":null}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin`,
  ],
  [
    "fields that nobody knows",
    ',"timestamp":5,"x":{"a":[1,{"b":"\\u0041"}]},"Name":"n","\\u006eame":"yes"',
    `${OWNERS}${HEAD} "yes" start=5us duration=0ns origin=zipkin`,
  ],
  [
    "a parent, and none that is the span itself",
    ',"timestamp":5,"parentId":"00000000000000000000000000000003"',
    `${OWNERS}${HEAD} < 0000000000000003 "" start=5us duration=0ns origin=zipkin`,
  ],
  [
    "a span that is its own parent",
    ',"timestamp":5,"parentId":"0002"',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin`,
  ],
  [
    "a kind that does not exist",
    ',"timestamp":5,"kind":"SPLIT"',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n  span.kind="SPLIT"`,
  ],
  [
    "a kind that is only a tag",
    ',"timestamp":5,"tags":{"span.kind":"internal"}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns kind=internal origin=zipkin`,
  ],
  [
    "a tag that names another kind, or none",
    ',"timestamp":5,"kind":"CLIENT","tags":{"span.kind":"odd"}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns kind=client origin=zipkin\n  span.kind="odd"`,
  ],
  [
    "the last value of a tag, in the place of the first",
    ',"timestamp":5,"tags":{"a":"1","b":"2","a":"3","\\u0061":"4"},"tags":{"c":null,"b":"5"}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n  a="4"\n  b="5"\n  c=""`,
  ],
  [
    "tags with names of JavaScript",
    ',"timestamp":5,"tags":{"__proto__":"x","constructor":"y","":"z"}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n  __proto__="x"\n  constructor="y"\n  ""="z"`,
  ],
  [
    "half a surrogate pair",
    ',"timestamp":5,"tags":{"a":"\\ud800","b":"\\ud83d\\ude00"}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n  a="\ufffd"\n  b="😀"`,
  ],
  [
    "an endpoint before and after tags of its names",
    ',"timestamp":5,"tags":{"net.host.ip":"tag","net.host.port":"7"},"localEndpoint":{"ipv4":"10.0.0.1","port":80}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n  net.host.ip="10.0.0.1"\n  net.host.port=80`,
  ],
  [
    "addresses as everybody prints them",
    ',"timestamp":5,"localEndpoint":{"ipv6":"::FFFF:10.0.0.1"},"remoteEndpoint":{"ipv6":"2001:DB8:0:0::1","ipv4":""}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n  net.host.ip="10.0.0.1"\n  net.peer.ip="2001:db8::1"`,
  ],
  [
    "status by its many names",
    ',"timestamp":5,"tags":{"otel.status_description":"why","otel.status_code":"STATUS_CODE_ERROR"}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns status=error statusMessage="why" origin=zipkin`,
  ],
  [
    "a status text without a status as a tag",
    ',"timestamp":5,"tags":{"otel.status_description":"why","error":""}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns status=error origin=zipkin\n` +
      '  otel.status_description="why"\n  error=""',
  ],
  [
    "trace state, scope and process from tags",
    ',"timestamp":5,"tags":{"w3c.tracestate":"a=b","otel.library.name":"old","otel.scope.name":"new",' +
      '"otel.scope.version":"2","k8s.pod.name":"pod-1","host.name":"h"},"localEndpoint":{"serviceName":"shop"}',
    'resource 0\n  service.name="shop"\n  k8s.pod.name="pod-1"\n  host.name="h"\nscope 0 name="new" version="2"\n' +
      `${HEAD} "" start=5us duration=0ns traceState="a=b" origin=zipkin`,
  ],
  [
    "a service name that is a tag",
    ',"timestamp":5,"tags":{"service.name":"tag"},"localEndpoint":{"serviceName":"shop"}',
    `resource 0\n  service.name="tag"\nscope 0\n${HEAD} "" start=5us duration=0ns origin=zipkin`,
  ],
  [
    "what the OpenTelemetry collector writes into texts",
    ',"timestamp":5,"annotations":[{"timestamp":6,"value":"name|{\\"a\\":\\"x|y\\",\\"n\\":7,\\"d\\":0.5,\\"t\\":true}|2"}],' +
      '"tags":{"otlp.link.1":"no link","otlp.link.0":"0000000000000000000000000000000a|000000000000000b|s=1|{}|3",' +
      '"otlp.link.9":"x"}',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n  otlp.link.1="no link"\n  otlp.link.9="x"\n` +
      '  event 6us "name" dropped=2\n    a="x|y"\n    n=7\n    d=0.5d\n    t=true\n' +
      '  link 0000000000000000000000000000000a:000000000000000b traceState="s=1" dropped=3',
  ],
  [
    "annotations that only look so",
    ',"timestamp":5,"annotations":[{"timestamp":0,"value":"a|{|1"},{"value":"a|b|","timestamp":1},{"timestamp":2}]',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n` +
      '  event 0us "a|{|1"\n  event 1us "a|b|"\n  event 2us ""',
  ],
  [
    "the last list of annotations",
    ',"timestamp":5,"annotations":[{"timestamp":1,"value":"a|{\\"k\\":1}|0"}],"annotations":[{"timestamp":2,"value":"b"}]',
    `${OWNERS}${HEAD} "" start=5us duration=0ns origin=zipkin\n  event 2us "b"`,
  ],
  [
    "flags",
    ',"timestamp":5,"debug":true,"shared":true',
    `${OWNERS}${HEAD} "" start=5us duration=0ns flags=18 origin=zipkin`,
  ],
];

for (const [what, json, printed] of fieldCases) {
  test(`readZipkinJsonV2() reads ${what}`, () => {
    assert.equal(printSpans(read(`[{${IDS}${json}}]`)), printed);
  });
}

test("readZipkinJsonV2() pads ids and keeps 128 bits", () => {
  const id = (traceId: string, span: string): string => {
    const batch = read(`[{"traceId":"${traceId}","id":"${span}"}]`);
    return `${Buffer.from(batch.traceId.subarray(0, 16)).toString("hex")}:${Buffer.from(batch.spanId.subarray(0, 8)).toString("hex")}`;
  };
  assert.equal(id("abc", "F"), "00000000000000000000000000000abc:000000000000000f");
  assert.equal(
    id("463AC35C9F6413AD48485a3953bb6124", "0123456789abcdef"),
    "463ac35c9f6413ad48485a3953bb6124:0123456789abcdef",
  );
  assert.equal(
    id("10000000000000000", "000000000000000000000001"),
    "00000000000000010000000000000000:0000000000000001",
  );
  assert.equal(id("\\u0031f", "1"), "0000000000000000000000000000001f:0000000000000001");
});

test("readZipkinJsonV2() takes an empty list, and steps over null in a list", () => {
  assert.equal(read(" [ ] ").rows, 0);
  assert.equal(read(`[null,{${IDS}},null]`).rows, 1);
});

test("readZipkinJsonV2() appends to what the batch holds", () => {
  const batch = new SpanBatch();
  const payload = readGolden("spans.js.json");
  readZipkinJsonV2(payload, batch);
  readZipkinJsonV2(payload, batch);
  const once = printSpans(read(payload))
    .split("\n")
    .filter((line) => !/^(?:resource|scope| {2}service)/.test(line));
  const twice = printSpans(batch)
    .split("\n")
    .filter((line) => !/^(?:resource|scope| {2}service)/.test(line));
  assert.deepEqual(
    twice.map((line) => line.replace(/ resource=1 scope=1/, "")),
    [...once, ...once],
  );
});

const refusedCases: readonly (readonly [what: string, json: string, message: RegExp])[] = [
  ["nothing", "", /found the end, expected a list of spans/],
  ["null", "null", /found null, expected a list of spans/],
  ["an object", "{}", /found an object, expected a list of spans/],
  ["text behind the list", "[] []", /found a list, expected the end/],
  ["a span that is text", '["x"]', /found a string, expected a span/],
  ["a span without a trace id", '[{"id":"2"}]', /no traceId/],
  ["a trace id of zeros", '[{"traceId":"0000","id":"2"}]', /no traceId/],
  ["a trace id that is null", '[{"traceId":null,"id":"2"}]', /no traceId/],
  ["a span without an id", '[{"traceId":"1"}]', /no id/],
  ["an id of zeros", '[{"traceId":"1","id":"0"}]', /no id/],
  ["an id that is a number", '[{"traceId":1,"id":"2"}]', /traceId is a number/],
  ["an id that is no hex", '[{"traceId":"12g","id":"2"}]', /traceId is something else than hex digits/],
  ["an id with a character beyond ASCII", '[{"traceId":"é","id":"2"}]', /traceId is something else/],
  ["a trace id of 33 digits", `[{"traceId":"${"1".repeat(33)}","id":"2"}]`, /than up to 32 hex digits/],
  ["a span id of 17 digits", '[{"traceId":"1","id":"10000000000000002"}]', /than an id of 16 hex digits/],
  ["a negative start", `[{${IDS},"timestamp":-1}]`, /timestamp is something else than microseconds/],
  ["a negative duration", `[{${IDS},"duration":-1}]`, /duration is something else than microseconds/],
  ["a start beyond 2^53", `[{${IDS},"timestamp":9007199254740992}]`, /timestamp is something else/],
  ["a start beyond all numbers", `[{${IDS},"timestamp":1e999}]`, /timestamp is something else/],
  ["a start as text", `[{${IDS},"timestamp":"5"}]`, /timestamp is a string/],
  ["a name that is a list", `[{${IDS},"name":[]}]`, /name is a list, expected a string/],
  ["a kind that is a number", `[{${IDS},"kind":1}]`, /kind is a number, expected a string/],
  ["tags that are a list", `[{${IDS},"tags":[]}]`, /tags is a list, expected an object/],
  ["a tag that is a number", `[{${IDS},"tags":{"a":1}}]`, /tags is a number, expected strings only/],
  ["a tag that is an object", `[{${IDS},"tags":{"a":{}}}]`, /tags is an object/],
  ["annotations that are an object", `[{${IDS},"annotations":{}}]`, /annotations is an object/],
  ["an annotation that is null", `[{${IDS},"annotations":[null]}]`, /annotations is null/],
  ["an annotation without a time", `[{${IDS},"annotations":[{"value":"x"}]}]`, /no annotations.timestamp/],
  ["a value of an annotation that is no text", `[{${IDS},"annotations":[{"timestamp":1,"value":1}]}]`, /annotations.value is a number/],
  ["an endpoint that is text", `[{${IDS},"localEndpoint":"x"}]`, /localEndpoint is a string/],
  ["a bad address", `[{${IDS},"localEndpoint":{"ipv4":"1.2.3"}}]`, /localEndpoint.ipv4 is something else than an IP/],
  ["a negative port", `[{${IDS},"remoteEndpoint":{"port":-1}}]`, /remoteEndpoint.port is a number, expected a port/],
  ["a port beyond 65535", `[{${IDS},"remoteEndpoint":{"port":65536}}]`, /remoteEndpoint.port is a number/],
  ["debug that is a number", `[{${IDS},"debug":1}]`, /debug is a number, expected true or false/],
  ["a comma too many", `[{${IDS},}]`, /found an object|found no JSON/],
  ["deep nesting in a field nobody knows", `[{${IDS},"x":${"[".repeat(100_000)}`, /nested up to 1000 deep/],
  ["a byte order mark", "\ufeff[]", /found no JSON, expected a list of spans/],
]; // prettier-ignore

for (const [what, json, message] of refusedCases) {
  test(`readZipkinJsonV2() refuses ${what}`, () => {
    assert.throws(() => read(json), { code: "bad-input", message });
  });
}

test("readZipkinJsonV2() says in which span and at which byte it stopped", () => {
  assert.throws(() => read(`[{${IDS}},{${IDS},"name":7}]`), { where: { span: 1, offset: 57 } });
});

test("readZipkinJsonV2() reads a tag of 1 MB, and bytes that are no UTF-8", () => {
  const long = "x".repeat(1 << 20);
  const batch = read(`[{${IDS},"tags":{"long":"${long}","escaped":"\\n${long}"}}]`);
  const value = (at: number): string => batch.dictionary.text(batch.spanAttributes.words[2 * at]!);
  assert.deepEqual([value(0) === long, value(1) === `\n${long}`], [true, true]);
  const raw = Buffer.concat([
    Buffer.from(`[{${IDS},"name":"a`),
    Buffer.of(0xff),
    Buffer.from('"}]'),
  ]);
  const odd = read(raw);
  assert.deepEqual([...odd.dictionary.bytes(odd.name[0]!)], [0x61, 0xff]);
});

test("readZipkinJsonV2() keeps a span of 100,000 tags, and 100,000 spans of 100,000 services", () => {
  const tags = Array.from({ length: 100_000 }, (_, at) => `"key ${at}":"${at}"`);
  const wide = read(`[{${IDS},"tags":{${tags.join(",")}}}]`);
  assert.equal(wide.spanAttributes.count, 100_001);
  const spans = Array.from(
    { length: 100_000 },
    (_, at) =>
      `{${IDS},"timestamp":1,"localEndpoint":{"serviceName":"${at}"},"tags":{"host.name":"${at}"}}`,
  );
  const many = read(`[${spans.join(",")}]`);
  assert.deepEqual([many.rows, many.resources, many.scopes], [100_000, 100_000, 1]);
});

// Any span, written by JSON.stringify with its members in any order and read back through Jaeger's view.

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("", "a", "http.url"),
);
const spans = fc.array(
  fc.record({
    id: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
    name: text,
    timestamp: fc.nat(),
    duration: fc.nat(),
    tags: fc.dictionary(
      text.map((key) => `t.${key}`),
      text,
      { maxKeys: 8 },
    ),
    annotations: fc.array(
      fc.record({ timestamp: fc.nat(), value: text.filter((value) => !value.includes("|")) }),
      { maxLength: 3 },
    ),
    shuffle: fc.nat(),
  }),
  { maxLength: 8 },
);

test("readZipkinJsonV2() brings every span through to Jaeger's JSON, in any order of members", () => {
  fc.assert(
    fc.property(spans, (list) => {
      const payload = list.map(({ shuffle, id, ...fields }) => {
        const members = Object.entries({ traceId: "a", id: id.toString(16), ...fields });
        const first = shuffle % members.length;
        return Object.fromEntries([...members.slice(first), ...members.slice(0, first)]);
      });
      const shown = JSON.parse(writeJaegerTrace(read(JSON.stringify(payload)))) as {
        spans: unknown;
      };
      assert.deepEqual(
        shown.spans,
        list.map((span) => ({
          traceID: "000000000000000a",
          spanID: span.id.toString(16).padStart(16, "0"),
          operationName: span.name,
          references: [],
          startTime: span.timestamp,
          duration: span.duration,
          tags: Object.entries(span.tags).map(([key, value]) => ({ key, type: "string", value })),
          logs: span.annotations.map(({ timestamp, value }) => ({
            timestamp,
            fields: value === "" ? [] : [{ key: "event", type: "string", value }],
          })),
          processID: "p1",
          warnings: null,
        })),
      );
    }),
    { numRuns: 300 },
  );
});
