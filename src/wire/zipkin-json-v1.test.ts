// Zipkin v1 JSON: a reporter's own bytes, cut and flipped, and each rule of docs/span-mapping.md.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readZipkinJsonV1 } from "./zipkin-json-v1.ts";

function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/zipkin/${name}`, import.meta.url)));
}

const encoder = new TextEncoder();

function read(payload: Uint8Array | string): SpanBatch {
  const batch = new SpanBatch();
  readZipkinJsonV1(typeof payload === "string" ? encoder.encode(payload) : payload, batch);
  return batch;
}

const whole = readGolden("spans-v1.js.json");

test("spans-v1.js.json is read as its writer meant it", () => {
  const printed = new TextDecoder().decode(readGolden("spans-v1.js.txt")).trimEnd();
  assert.equal(printSpans(read(whole)), printed);
});

test("spans-v1.js.json: every proper prefix is refused", () => {
  const batch = new SpanBatch();
  for (let end = 0; end < whole.length; end++) {
    batch.reset();
    const cut = whole.subarray(0, end);
    assert.throws(() => readZipkinJsonV1(cut, batch), { code: "bad-input" }, `${end} bytes`);
  }
});

test("spans-v1.js.json: every flipped byte is refused or read, and JSON then", () => {
  const batch = new SpanBatch();
  for (let at = 0; at < whole.length; at++) {
    const flipped = whole.slice();
    flipped[at]! ^= 0x10;
    batch.reset();
    try {
      readZipkinJsonV1(flipped, batch);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "bad-input", String(error));
      continue;
    }
    JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(flipped));
  }
});

const IDS = '"traceId":"1","id":"2"';
const HEAD = "span 00000000000000000000000000000001:0000000000000002";

function host(serviceName: string, rest = ""): string {
  return `{"serviceName":"${serviceName}"${rest}}`;
}

function annotation(value: string, timestamp: number, endpoint = host("shop")): string {
  return `{"timestamp":${timestamp},"value":"${value}","endpoint":${endpoint}}`;
}

function tag(key: string, value: string, endpoint = "null"): string {
  return `{"key":"${key}","value":${value},"endpoint":${endpoint}}`;
}

function annotations(...list: readonly string[]): string {
  return `,"annotations":[${list.join(",")}]`;
}

function tags(...list: readonly string[]): string {
  return `,"binaryAnnotations":[${list.join(",")}]`;
}

const SHOP = 'resource 0\n  service.name="shop"\nscope 0\n';
const UNKNOWN = 'resource 0\n  service.name="unknown-service"\nscope 0\n';

const cases: readonly (readonly [what: string, json: string, printed: string])[] = [
  [
    "a span that says nothing",
    "",
    `${UNKNOWN}${HEAD} "" start=0us duration=0ns origin=zipkin\n  otel.zipkin.absentField.startTime=true`,
  ],
  [
    "times from the annotations of a client",
    annotations(annotation("cr", 30), annotation("cs", 10), annotation("note", 5)),
    `${SHOP}${HEAD} "" start=10us duration=20000ns kind=client origin=zipkin\n  event 5us "note"`,
  ],
  [
    "times from the annotations of a server, its own start before them",
    `,"timestamp":7${annotations(annotation("sr", 10), annotation("ss", 12))}`,
    `${SHOP}${HEAD} "" start=7us duration=2000ns kind=server origin=zipkin`,
  ],
  [
    "times from any annotations",
    annotations(annotation("b", 30), annotation("a", 10.5)),
    `${SHOP}${HEAD} "" start=10us+500ns duration=19500ns origin=zipkin\n  event 30us "b"\n  event 10us+500ns "a"`,
  ],
  [
    "times as sent before all",
    `,"timestamp":1,"duration":2${annotations(annotation("cs", 10), annotation("cr", 30))}`,
    `${SHOP}${HEAD} "" start=1us duration=2000ns kind=client origin=zipkin`,
  ],
  [
    "messages",
    annotations(annotation("ms", 10)),
    `${SHOP}${HEAD} "" start=10us duration=0ns kind=producer origin=zipkin`,
  ],
  [
    "a span of client and server as two",
    `,"parentId":"3","name":"both","debug":true` +
      annotations(
        annotation("cs", 10),
        annotation("sr", 12),
        annotation("ss", 15),
        annotation("x", 16),
        annotation("cr", 20),
      ) +
      tags(
        tag("a", '"b"'),
        tag("sa", "true", host("db", ',"ipv4":"10.0.0.2","port":1')),
        tag("ca", "true", host("web")),
      ),
    `${SHOP}${HEAD} < 0000000000000003 "both" start=10us duration=10000ns kind=client flags=2 origin=zipkin\n` +
      '  a="b"\n  peer.service="db"\n  net.peer.ip="10.0.0.2"\n  net.peer.port=1\n  event 16us "x"\n' +
      `${HEAD} < 0000000000000003 "both" start=12us duration=3000ns kind=server flags=2 origin=zipkin\n  peer.service="web"`,
  ],
  [
    "a span of server and client, where an end is missing",
    annotations(annotation("sr", 12), annotation("cs", 10)),
    `${SHOP}${HEAD} "" start=12us duration=0ns kind=server origin=zipkin\n` +
      `${HEAD} "" start=10us duration=0ns kind=client origin=zipkin`,
  ],
  [
    "a local span",
    `,"timestamp":1${tags(tag("lc", '"worker"', host("shop")), tag("ca", "true", host("other")))}`,
    `${SHOP}${HEAD} "" start=1us duration=0ns origin=zipkin\n  component="worker"\n  peer.service="other"`,
  ],
  [
    "a local span without a host",
    `,"timestamp":1${tags(tag("lc", '"worker"'))}`,
    `resource 0\n  service.name="worker"\nscope 0\n${HEAD} "" start=1us duration=0ns origin=zipkin\n  component="worker"`,
  ],
  [
    "a service that only a tag knows, the peer's not",
    `,"timestamp":1${tags(tag("sa", "true", host("db")), tag("a", '"b"', host("shop", ',"ipv6":"::1","port":9')))}`,
    'resource 0\n  service.name="shop"\n  ipv6="::1"\n  port="9"\nscope 0\n' +
      `${HEAD} "" start=1us duration=0ns origin=zipkin\n  a="b"\n  peer.service="db"`,
  ],
  [
    "a client's own address, which is not its peer",
    annotations(annotation("cs", 1, host(""))) +
      tags(
        tag("ca", "true", host("shop")),
        tag("sa", "true", host("", ',"ipv4":"1.2.3.4","ipv6":"::1"')),
      ),
    `${SHOP}${HEAD} "" start=1us duration=0ns kind=client origin=zipkin\n  net.peer.ip="::1"\n  net.peer.ipv4="1.2.3.4"`,
  ],
  [
    "values of every type, the last of each key",
    `,"timestamp":1${tags(tag("a", "1"), tag("b", "-1.5"), tag("c", "false"), tag("d", "9007199254740991"), tag("e", "1e300"), tag("a", '"x"'), tag("sa", '"no host"'))}`,
    `${UNKNOWN}${HEAD} "" start=1us duration=0ns origin=zipkin\n` +
      '  a="x"\n  b=-1.5d\n  c=false\n  d=9007199254740991\n  e=1e+300d\n  sa="no host"',
  ],
  [
    "tags of the process",
    `,"timestamp":1${tags(tag("jaegerClient", '"Go-1.6"'), tag("jaeger.hostname", '"h"'))}`,
    'resource 0\n  service.name="unknown-service"\n  jaeger.version="Go-1.6"\n  hostname="h"\nscope 0\n' +
      `${HEAD} "" start=1us duration=0ns origin=zipkin`,
  ],
  [
    "an error with its text",
    `,"timestamp":1${tags(tag("error", '"boom"'), tag("http.status_code", '"200"'))}`,
    `${UNKNOWN}${HEAD} "" start=1us duration=0ns status=error origin=zipkin\n  error="boom"\n  http.status_code="200"`,
  ],
  [
    "an error without one",
    `,"timestamp":1${tags(tag("error", "true"), tag("otel.status_description", '"why"'))}`,
    `${UNKNOWN}${HEAD} "" start=1us duration=0ns status=error statusMessage="why" origin=zipkin`,
  ],
  [
    "a status of OpenCensus",
    `,"timestamp":1${tags(tag("census.status_code", '"0"'), tag("census.status_description", '"fine"'), tag("error", "true"))}`,
    `${UNKNOWN}${HEAD} "" start=1us duration=0ns status=ok statusMessage="fine" origin=zipkin`,
  ],
  [
    "a status of OpenTelemetry",
    `,"timestamp":1${tags(tag("otel.status_code", "1"), tag("http.status_code", "500"))}`,
    `${UNKNOWN}${HEAD} "" start=1us duration=0ns status=ok origin=zipkin\n  http.status_code=500`,
  ],
  [
    "a status of HTTP",
    `,"timestamp":1${tags(tag("http.status_code", '"404"'), tag("http.status_message", '"none"'))}`,
    `${UNKNOWN}${HEAD} "" start=1us duration=0ns status=error statusMessage="none" origin=zipkin\n` +
      '  http.status_code="404"\n  http.status_message="none"',
  ],
  [
    "fields that are null, and items",
    ',"timestamp":1,"annotations":[null],"binaryAnnotations":null,"name":null,"parentId":null,"other":[{}]',
    `${UNKNOWN}${HEAD} "" start=1us duration=0ns origin=zipkin`,
  ],
];

for (const [what, json, printed] of cases) {
  test(`readZipkinJsonV1() reads ${what}`, () => {
    assert.equal(printSpans(read(`[{${IDS}${json}}]`)), printed);
  });
}

const refusedCases: readonly (readonly [what: string, json: string, message: RegExp])[] = [
  ["null", "null", /found null, expected a list of spans/],
  ["a span without a trace id", '[{"id":"2"}]', /no traceId/],
  ["a span without an id", '[{"traceId":"1","id":""}]', /no id/],
  ["a negative duration", `[{${IDS},"duration":-1}]`, /duration is something else/],
  [
    "an annotation without a time",
    `[{${IDS},"annotations":[{"value":"cs"}]}]`,
    /no annotations.timestamp/,
  ],
  [
    "annotations that are an object",
    `[{${IDS},"annotations":{}}]`,
    /annotations is an object, expected a list/,
  ],
  [
    "an annotation that is text",
    `[{${IDS},"annotations":["cs"]}]`,
    /annotations is a string, expected objects/,
  ],
  [
    "a value that is a list",
    `[{${IDS},"binaryAnnotations":[{"key":"a","value":[]}]}]`,
    /value is a list/,
  ],
  [
    "a key that is a number",
    `[{${IDS},"binaryAnnotations":[{"key":1}]}]`,
    /binaryAnnotations.key is a number/,
  ],
  [
    "a bad address",
    `[{${IDS},"binaryAnnotations":[{"endpoint":{"ipv4":"x"}}]}]`,
    /endpoint.ipv4 is something else/,
  ],
  [
    "65,537 annotations",
    `[{${IDS},"annotations":[${`{"timestamp":1},`.repeat(65_536)}{}]}]`,
    /up to 65536 items/,
  ],
];

for (const [what, json, message] of refusedCases) {
  test(`readZipkinJsonV1() refuses ${what}`, () => {
    assert.throws(() => read(json), { code: "bad-input", message });
  });
}

test("readZipkinJsonV1() reads a span of 65,536 annotations of each sort", () => {
  const many = Array.from({ length: 65_536 }, (_, at) => at);
  const json =
    annotations(...many.map((at) => annotation(`note ${at}`, at))) +
    tags(...many.map((at) => tag(`key ${at}`, `"${at}"`, host(`service ${at}`))));
  const batch = read(`[{${IDS}${json}}]`);
  assert.deepEqual([batch.events, batch.spanAttributes.count], [65_536, 65_536]);
});
