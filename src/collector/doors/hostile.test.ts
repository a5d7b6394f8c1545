// What peers that mean harm, or are broken, can do to the doors: each gets a clear refusal or its
// spans are taken; then the books balance, and the next honest request is served.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as zlib from "node:zlib";
import { callGrpc } from "../../../test/call-grpc.ts";
import { type TestCollector, openTestCollector } from "../../../test/open-collector.ts";
import { encodeOtlp } from "../../../test/otlp-schema.ts";
import { openRawPeer } from "../../../test/raw-peer.ts";
import type { DoorName } from "../ledger.ts";

const MIB = 1024 * 1024;

function golden(path: string): Buffer {
  return readFileSync(new URL(`../../../test/golden/${path}`, import.meta.url));
}

/** A way of sending one format through one door. */
interface Sender {
  readonly door: DoorName;
  readonly format: string;
  readonly good: Buffer;
  /** @returns true if it was taken, false if it was refused as the sender's fault. */
  send(collector: TestCollector, payload: Uint8Array): Promise<boolean>;
}

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const POST_SPANS = "/jaeger.api_v2.CollectorService/PostSpans";

function grpcSender(door: DoorName, format: string, path: string, good: Buffer): Sender {
  return {
    door,
    format,
    good,
    async send(collector, payload) {
      const { status, message } = await callGrpc(collector.port(door), path, payload);
      assert.ok([0, 3, 8].includes(status), `${status} ${message}`);
      return status === 0;
    },
  };
}

function httpSender(
  door: DoorName,
  format: string,
  path: string,
  type: string,
  good: Buffer,
): Sender {
  return {
    door,
    format,
    good,
    async send(collector, payload) {
      const url = collector.address(door).at + path;
      const headers = { "content-type": type };
      const body = new Uint8Array(payload);
      const response = await fetch(url, { method: "POST", body, headers });
      const answer = Buffer.from(await response.arrayBuffer());
      assert.ok(
        [200, 202, 400, 413].includes(response.status),
        `${response.status} ${answer.toString()}`,
      );
      if (response.status >= 400) assert.ok(answer.length > 0, "a refusal says why");
      return response.status < 400;
    },
  };
}

const zipkinJson = Buffer.from(
  '[{"traceId":"5af7183fb1d4cf5f","id":"352bff9a74ca9ad2","kind":"SERVER","name":"get",' +
    '"timestamp":1700000000000000,"duration":12,"localEndpoint":{"serviceName":"b","ipv4":"1.2.3.4"},' +
    '"annotations":[{"timestamp":1700000000000001,"value":"x"}],"tags":{"a":"b"}}]',
);
const zipkinV1 = Buffer.from(
  '[{"traceId":"5af7183fb1d4cf5f","id":"352bff9a74ca9ad2","name":"get","timestamp":1,"duration":2,' +
    '"annotations":[{"timestamp":1,"value":"sr","endpoint":{"serviceName":"b"}}]}]',
);
// ListOfSpans with one span: trace_id, id, name.
const zipkinProto = Buffer.from(`0a200a10${"07".repeat(16)}1a08${"09".repeat(8)}2a026f70`, "hex");

const V2 = "/api/v2/spans";
const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";
const THRIFT = "application/x-thrift";
const senders: readonly Sender[] = [
  grpcSender("otlp-grpc", "otlp-proto", EXPORT, golden("otlp/traces.bin")),
  grpcSender("jaeger-grpc", "jaeger-proto", POST_SPANS, golden("jaeger/post-spans.proto.bin")),
  httpSender("otlp-http", "otlp-proto", "/v1/traces", PROTOBUF, golden("otlp/traces.bin")),
  httpSender("otlp-http", "otlp-json", "/v1/traces", JSON_TYPE, golden("otlp/traces.json")),
  httpSender(
    "jaeger-http",
    "jaeger-thrift",
    "/api/traces",
    THRIFT,
    golden("jaeger/batch.binary.bin"),
  ),
  httpSender("zipkin", "zipkin-json-v1", "/api/v1/spans", JSON_TYPE, zipkinV1),
  httpSender("zipkin", "zipkin-json-v2", V2, JSON_TYPE, zipkinJson),
  httpSender("zipkin", "zipkin-proto", V2, PROTOBUF, zipkinProto),
  httpSender(
    "zipkin",
    "zipkin-thrift",
    "/api/v1/spans",
    THRIFT,
    golden("jaeger/zipkin-spans.binary.bin"),
  ),
];

/** The books balance and an honest request is served. */
async function checkStillServes(collector: TestCollector, sender: Sender): Promise<void> {
  const before = collector.checkBooks().total.spans.stored;
  assert.equal(await sender.send(collector, sender.good), true);
  const after = collector.checkBooks().total;
  assert.ok(after.spans.stored > before);
  assert.equal(after.spans.inFlight + after.requests.inFlight, 0);
}

/** The same numbers in every run, spread over [0, 1). */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}

const PREFIXES = 40;
const MUTATIONS = 60;

for (const sender of senders) {
  const { door, format, good } = sender;
  const title = `${door} ${format}`;

  test(`${title}: a request that is cut short is refused, or taken as what it is`, async () => {
    await using collector = await openTestCollector([door]);
    let refused = 0;
    for (let cut = 0; cut < PREFIXES; cut++) {
      const payload = good.subarray(0, Math.floor((good.length * cut) / PREFIXES));
      if (!(await sender.send(collector, payload))) refused++;
    }
    assert.ok(refused > PREFIXES / 2, `${refused} of ${PREFIXES}`);
    await checkStillServes(collector, sender);
  });

  test(`${title}: changed bytes are refused, or taken as what they are`, async () => {
    await using collector = await openTestCollector([door]);
    const random = makeRandom(good.length);
    for (let round = 0; round < MUTATIONS; round++) {
      const payload = Buffer.from(good);
      for (let change = 0; change <= round % 3; change++) {
        payload[Math.floor(random() * payload.length)] = Math.floor(random() * 256);
      }
      await sender.send(collector, payload);
    }
    assert.equal(collector.checkBooks().total.requests.received, MUTATIONS);
    await checkStillServes(collector, sender);
  });

  test(`${title}: what other formats send is refused`, async () => {
    await using collector = await openTestCollector([door]);
    const others = senders.filter((other) => other.format !== format);
    for (const other of others) await sender.send(collector, other.good);
    const { requests } = collector.checkBooks().total;
    assert.equal(requests.received, others.length);
    assert.ok(requests.refused["bad-input"] > 0);
    await checkStillServes(collector, sender);
  });
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const nested = (open: string, depth: number): string => open.repeat(depth);
const byFormat: Readonly<Record<string, readonly (readonly [what: string, payload: Buffer])[]>> = {
  "otlp-proto": [
    ["a length of 2^31", hex("0a 80 80 80 80 08")],
    ["a length of 2^63", hex("0a 80 80 80 80 80 80 80 80 80 01")],
    ["a varint without end", Buffer.alloc(1_000, 0xff)],
    ["a group", hex("0b 0c")],
    ["a trace id of one byte", hex("0a 07 12 05 12 03 0a 01 01")],
  ],
  "jaeger-proto": [
    ["a length of 2^31", hex("0a 80 80 80 80 08")],
    ["a span whose id is text", hex("0a 05 0a 03 12 01 61")],
  ],
  "otlp-json": [
    ["nothing", Buffer.alloc(0)],
    ["a million arrays in one another", Buffer.from(nested("[", 1e6))],
    ["a million objects in one another", Buffer.from(nested('{"resourceSpans":[', 5e5))],
    [
      "an id that is no hex",
      Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"x"}]}]}]}'),
    ],
    ["a list where an object belongs", Buffer.from('{"resourceSpans":[[]]}')],
    ["two documents", Buffer.from("{}{}")],
  ],
  "jaeger-thrift": [
    ["nothing", Buffer.alloc(0)],
    ["a list of 2^31 - 1 spans", hex("0f 00 02 0c 7f ff ff ff")],
    ["a list of -1 spans", hex("0f 00 02 0c ff ff ff ff")],
    ["a string of 2^31 - 1 bytes", hex("0c 00 01 0b 00 01 7f ff ff ff")],
    ["structs in structs without end", Buffer.from(nested("0c0009", 100_000), "hex")],
    ["a kibibyte of one random byte", Buffer.alloc(1_024, 0x0b)],
  ],
  "zipkin-json-v2": [
    ["null", Buffer.from("null")],
    ["a million arrays in one another", Buffer.from(nested("[", 1e6))],
    ["a tag that is no text", Buffer.from('[{"traceId":"1","id":"1","tags":{"a":1}}]')],
    [
      "an address that is none",
      Buffer.from('[{"traceId":"1","id":"1","localEndpoint":{"ipv4":"x"}}]'),
    ],
  ],
  "zipkin-thrift": [
    ["a list of 2^31 - 1 spans", hex("0c 7f ff ff ff")],
    ["a list of -1 spans", hex("0c ff ff ff ff")],
  ],
  "zipkin-proto": [["a trace id of three bytes", hex("0a 05 0a 03 01 02 03")]],
};

for (const sender of senders) {
  for (const [what, payload] of byFormat[sender.format] ?? []) {
    test(`${sender.door} ${sender.format} refuses ${what}`, async () => {
      await using collector = await openTestCollector([sender.door]);
      assert.equal(await sender.send(collector, payload), false);
      const { requests, spans } = collector.checkBooks().total;
      assert.deepEqual([requests.refused["bad-input"], spans.received], [1, 0]);
      await checkStillServes(collector, sender);
    });
  }
}

const protocols: readonly (readonly [what: string, bytes: string | Buffer])[] = [
  ["a TLS hello", hex("16 03 01 00 a5 01 00 00 a1 03 03")],
  ["HTTP/1", "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["thrift", golden("jaeger/emit-batch.compact.bin")],
  ["random bytes", Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 7_919) & 0xff))],
  ["headers without end", `GET / HTTP/1.1\r\n${"X-Y: z\r\n".repeat(100_000)}`],
];

for (const sender of [senders[0]!, senders[2]!, senders[4]!, senders[6]!]) {
  for (const [what, bytes] of protocols) {
    test(`${sender.door} outlives ${what} on its port`, async () => {
      await using collector = await openTestCollector([sender.door]);
      const peer = await openRawPeer(collector.port(sender.door));
      peer.write(bytes);
      peer.socket.end();
      await peer.untilClosed();
      peer.socket.destroy();
      await checkStillServes(collector, sender);
    });
  }
}

test("slow peers are cut off, in the head and in the body, while others are served", async () => {
  const flags = [
    "--collector.otlp.http.read-header-timeout=100ms",
    "--collector.otlp.http.read-timeout=200ms",
  ];
  await using collector = await openTestCollector(["otlp-http"], flags);
  const sender = senders[2]!;
  const head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n";
  const peers = await Promise.all(
    ["POST /v1/tr", `${head}Content-Length: 100\r\n\r\nabc`].map(async (start) => {
      const peer = await openRawPeer(collector.port("otlp-http"));
      peer.write(start);
      return peer;
    }),
  );
  await checkStillServes(collector, sender);
  for (const peer of peers) {
    assert.match(await peer.untilClosed(), /^HTTP\/1\.1 408 /);
    peer.socket.destroy();
  }
  await checkStillServes(collector, sender);
});

const bombs: readonly (readonly [coding: string, pack: (bytes: Uint8Array) => Uint8Array])[] = [
  ["gzip", (bytes) => zlib.gzipSync(bytes, { level: 1 })],
  ["zstd", (bytes) => zlib.zstdCompressSync(bytes)],
];

for (const [coding, pack] of bombs) {
  test(`a ${coding} bomb is refused as too large`, async () => {
    await using collector = await openTestCollector(["otlp-http"]);
    const { at } = collector.address("otlp-http");
    const body = new Uint8Array(pack(Buffer.alloc(80 * MIB)));
    const headers = { "content-type": PROTOBUF, "content-encoding": coding };
    const answer = await fetch(`${at}/v1/traces`, { method: "POST", body, headers });
    assert.equal(answer.status, 413);
    assert.deepEqual(collector.books(), {
      "otlp-http unknown": { "requests received": 1, "requests too-large": 1 },
    });
    await checkStillServes(collector, senders[2]!);
  });
}

const ids = `0a10${"01".repeat(16)}1208${"02".repeat(8)}`;

/** `field` of a span, empty, so often that its columns are full. */
function flood(tag: number, count: number): Buffer {
  const span = Buffer.concat([hex(ids), Buffer.alloc(2 * count, Uint8Array.of(tag, 0))]);
  return inMessages([0x0a, 0x12, 0x12], span);
}

/** `content` in messages of these tags, the first one outermost. */
function inMessages(tags: readonly number[], content: Uint8Array): Buffer {
  let message = Buffer.from(content);
  for (const tag of tags.toReversed()) {
    const size: number[] = [];
    let rest = message.length;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) size.push((rest % 128) | 0x80);
    message = Buffer.concat([Uint8Array.of(tag, ...size, rest), message]);
  }
  return message;
}

const floods: readonly (readonly [what: string, payload: () => Buffer, message: RegExp])[] = [
  ["resources", () => Buffer.alloc(6 * MIB, hex("0a00")), /more than 2097152 resources/],
  ["links", () => flood(0x6a, 3 * MIB), /more than 67108864 bytes of memory/],
  ["events", () => flood(0x5a, 5 * MIB), /more than 67108864 bytes of memory/],
];

for (const [what, payload, message] of floods) {
  test(`millions of empty ${what} are refused before they fill the memory`, async () => {
    await using collector = await openTestCollector(["otlp-http"]);
    const { at } = collector.address("otlp-http");
    const body = new Uint8Array(payload());
    const headers = { "content-type": PROTOBUF };
    const answer = await fetch(`${at}/v1/traces`, { method: "POST", body, headers });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), message);
    await checkStillServes(collector, senders[2]!);
  });
}

test("a trace of 100,000 spans in one request is stored whole", async () => {
  await using collector = await openTestCollector(["otlp-http"]);
  const spans = Buffer.concat(
    Array.from({ length: 100_000 }, (_, row) => {
      const span = hex(ids);
      span.writeUInt32BE(row + 1, span.length - 4);
      return Buffer.concat([Uint8Array.of(0x12, span.length), span]);
    }),
  );
  const sender = senders[2]!;
  assert.equal(await sender.send(collector, inMessages([0x0a, 0x12], spans)), true);
  const { traces, spans: stored } = collector.store.figures();
  assert.deepEqual([traces, stored], [1, 100_000]);
  await checkStillServes(collector, sender);
});

test("an attribute of a megabyte, odd names and far times come out as they went in", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const big = "x".repeat(MIB);
  const attribute = (key: string, stringValue: string): object => ({ key, value: { stringValue } });
  const span = {
    traceId: Buffer.alloc(16, 1),
    spanId: Buffer.alloc(8, 2),
    name: "__proto__",
    endTimeUnixNano: "1000",
    attributes: [attribute("__proto__", "constructor"), attribute("big", big)],
  };
  const resource = { attributes: [attribute("service.name", "__proto__")] };
  const message = encodeOtlp("TracesData", {
    resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }],
  });
  assert.equal(await senders[0]!.send(collector, message), true);
  const stored = await collector.printStored();
  assert.match(stored, /service\.name="__proto__"/);
  assert.match(stored, /"__proto__" start=0us duration=1000ns/);
  assert.match(stored, /__proto__="constructor"/);
  assert.ok(stored.includes(`big="${big}"`));
  assert.match(collector.metrics("spans_received_total{svc").join(), /svc="__proto__"/);
  await checkStillServes(collector, senders[0]!);
});

test("the same spans twice are stored twice: who sent them is not ours to judge", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const sender = senders[0]!;
  await sender.send(collector, sender.good);
  await sender.send(collector, sender.good);
  assert.equal(collector.checkBooks().total.spans.stored, 8);
  assert.equal(collector.store.figures().spans, 8);
});
