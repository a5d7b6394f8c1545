// Zipkin protobuf: zipkin-go's bytes, cut and flipped, and spans that protobufjs wrote, beside JSON.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readZipkinJsonV2 } from "./zipkin-json.ts";
import { readZipkinProto } from "./zipkin-proto.ts";

function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../test/golden/zipkin/${name}`, import.meta.url)));
}

function read(payload: Uint8Array): SpanBatch {
  const batch = new SpanBatch();
  readZipkinProto(payload, batch);
  return batch;
}

const whole = readGolden("spans.go.bin");

test("spans.go.bin is read as zipkin-go wrote it", () => {
  const printed = new TextDecoder().decode(readGolden("spans.go-proto.txt")).trimEnd();
  assert.equal(printSpans(read(whole)), printed);
});

test("spans.go.bin: every proper prefix is refused or is whole spans", () => {
  let read = 0;
  for (let end = 0; end < whole.length; end++) {
    const batch = new SpanBatch();
    try {
      readZipkinProto(whole.subarray(0, end), batch);
      read++;
    } catch (error) {
      assert.equal(
        (error as { code?: string }).code,
        "bad-input",
        `${end} bytes: ${String(error)}`,
      );
    }
  }
  assert.equal(read, 5, "nothing, and the ends of all spans but the last");
});

test("spans.go.bin: every flipped byte is refused or read, and nothing else", () => {
  const batch = new SpanBatch();
  let refused = 0;
  for (let at = 0; at < whole.length; at++) {
    for (let bit = 1; bit < 256; bit *= 2) {
      const flipped = whole.slice();
      flipped[at]! ^= bit;
      try {
        batch.reset();
        readZipkinProto(flipped, batch);
        printSpans(batch);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "bad-input", String(error));
        refused++;
      }
    }
  }
  assert.ok(refused > whole.length);
});

// Another implementation's writer, protobufjs, from the definition of zipkin-api.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Span {
    bytes trace_id = 1; bytes parent_id = 2; bytes id = 3; int32 kind = 4; string name = 5;
    fixed64 timestamp = 6; uint64 duration = 7; Endpoint local_endpoint = 8; Endpoint remote_endpoint = 9;
    repeated Annotation annotations = 10; map<string, string> tags = 11; bool debug = 12; bool shared = 13;
    string later = 99; fixed32 other = 98;
  }
  message Endpoint { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
  message Annotation { fixed64 timestamp = 1; string value = 2; }
  message ListOfSpans { repeated Span spans = 1; }
`);

type Message = Readonly<Record<string, unknown>>;

function write(...spans: readonly Message[]): Uint8Array {
  const list = root.lookupType("ListOfSpans");
  return list.encode(list.fromObject({ spans })).finish();
}

const hex = (digits: string): Buffer => Buffer.from(digits, "hex");
const IDS = { traceId: hex("00000000000000000000000000000001"), id: hex("0000000000000002") };
const HEAD = "resource 0\nscope 0\nspan 00000000000000000000000000000001:0000000000000002";

const cases: readonly (readonly [what: string, span: Message, printed: string])[] = [
  [
    "a trace id of 8 bytes",
    { ...IDS, traceId: hex("0000000000000001"), timestamp: 5 },
    `${HEAD} "" start=5us duration=0ns origin=zipkin`,
  ],
  [
    "a span without a start",
    IDS,
    `${HEAD} "" start=0us duration=0ns origin=zipkin\n  otel.zipkin.absentField.startTime=true`,
  ],
  [
    "a span that is its own parent",
    { ...IDS, parentId: IDS.id, timestamp: 5 },
    `${HEAD} "" start=5us duration=0ns origin=zipkin`,
  ],
  [
    "a kind that does not exist",
    { ...IDS, kind: -7, timestamp: 5 },
    `${HEAD} "" start=5us duration=0ns origin=zipkin\n  span.kind="-7"`,
  ],
  [
    "fields that nobody knows",
    { ...IDS, later: "x", other: 7, timestamp: 5 },
    `${HEAD} "" start=5us duration=0ns origin=zipkin`,
  ],
  [
    "addresses and ports",
    {
      ...IDS,
      timestamp: 5,
      localEndpoint: { ipv4: hex("ffffffff"), port: 65_535 },
      remoteEndpoint: { ipv6: hex("20010db8000000000000000000000001") },
    },
    `${HEAD} "" start=5us duration=0ns origin=zipkin\n  net.host.ip="255.255.255.255"\n` +
      '  net.host.port=65535\n  net.peer.ip="2001:db8::1"',
  ],
];

for (const [what, span, printed] of cases) {
  test(`readZipkinProto() reads ${what}`, () => {
    assert.equal(printSpans(read(write(span))), printed);
  });
}

const refusedCases: readonly (readonly [what: string, span: Message, message: RegExp])[] = [
  ["a span without a trace id", { id: IDS.id }, /no trace id/],
  ["a trace id of zeros", { ...IDS, traceId: Buffer.alloc(8) }, /no trace id/],
  [
    "a trace id of 9 bytes",
    { ...IDS, traceId: Buffer.alloc(9, 1) },
    /trace id of 9 bytes, expected 8 or 16/,
  ],
  ["a span without an id", { traceId: IDS.traceId }, /no span id/],
  ["an id of 16 bytes", { ...IDS, id: IDS.traceId }, /span id of 16 bytes, expected 8/],
  ["a parent of 4 bytes", { ...IDS, parentId: Buffer.alloc(4) }, /span id of 4 bytes, expected 8/],
  ["a start beyond 2^53", { ...IDS, timestamp: 2 ** 53 }, /timestamp beyond 2\^53 µs/],
  ["a duration beyond 2^53", { ...IDS, duration: 2 ** 53 }, /duration beyond 2\^53 µs/],
  ["a port of -1", { ...IDS, localEndpoint: { port: -1 } }, /port beyond 65535/],
  [
    "an address of 5 bytes",
    { ...IDS, localEndpoint: { ipv4: Buffer.alloc(5) } },
    /address of 5 bytes, expected 4 or 16/,
  ],
];

for (const [what, span, message] of refusedCases) {
  test(`readZipkinProto() refuses ${what}`, () => {
    assert.throws(
      () => read(write(IDS, span)),
      (error: { code: string; message: string; where: object }) => {
        assert.match(error.message, message);
        assert.equal(error.code, "bad-input");
        assert.equal(Reflect.get(error.where, "span"), 1);
        return true;
      },
    );
  });
}

const id = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .filter((bytes) => bytes.some((byte) => byte > 0));
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.constantFrom("a", "http.url"),
);
const endpoint = fc.record({
  serviceName: text,
  ipv4: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  ipv6: fc.constantFrom(new Uint8Array(0), hex("20010db8000000000000000000000001")),
  port: fc.nat(65_535),
});
const anySpan = fc.record({
  traceId: id.map((bytes) => new Uint8Array([...bytes, ...bytes])),
  parentId: id,
  id,
  kind: fc.nat(4),
  name: text,
  timestamp: fc.integer({ min: 1 }),
  duration: fc.nat(),
  localEndpoint: endpoint,
  remoteEndpoint: endpoint,
  annotations: fc.array(fc.record({ timestamp: fc.integer({ min: 1 }), value: text }), {
    maxLength: 3,
  }),
  tags: fc.dictionary(text, text, { maxKeys: 6 }),
  debug: fc.boolean(),
  shared: fc.boolean(),
});
const KINDS = [undefined, "CLIENT", "SERVER", "PRODUCER", "CONSUMER"];

test("readZipkinProto() and readZipkinJsonV2() read the same spans alike", () => {
  const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  fc.assert(
    fc.property(fc.array(anySpan, { maxLength: 4 }), (spans) => {
      const asJson = spans.map((span) => {
        const plain = ({ serviceName, ipv4, ipv6, port }: (typeof span)["localEndpoint"]) => ({
          serviceName,
          ipv4: ipv4.join("."),
          ipv6: ipv6.length === 0 ? "" : "2001:db8::1",
          port,
        });
        return {
          ...span,
          traceId: toHex(span.traceId),
          parentId: toHex(span.parentId),
          id: toHex(span.id),
          kind: KINDS[span.kind],
          localEndpoint: plain(span.localEndpoint),
          remoteEndpoint: plain(span.remoteEndpoint),
        };
      });
      const json = new SpanBatch();
      readZipkinJsonV2(new TextEncoder().encode(JSON.stringify(asJson)), json);
      assert.equal(printSpans(read(write(...spans))), printSpans(json));
    }),
    { numRuns: 200 },
  );
});
