// The Zipkin door: both versions of the API in every format that they have.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import protobuf from "protobufjs";
import {
  type TestCollector,
  openTestCollector,
  storeThatFails,
} from "../../../test/open-collector.ts";
import { printSanitized } from "../../../test/print-sanitized.ts";
import { readZipkinJsonV1 } from "../../wire/zipkin-json-v1.ts";
import { readZipkinJsonV2 } from "../../wire/zipkin-json.ts";
import { readZipkinProto } from "../../wire/zipkin-proto.ts";
import { readZipkinThrift } from "../../wire/zipkin-thrift.ts";
import type { ReadPayload } from "../readers.ts";

const THRIFT = readFileSync(
  new URL("../../../test/golden/jaeger/zipkin-spans.binary.bin", import.meta.url),
);

const V2 = Buffer.from(
  JSON.stringify([
    {
      traceId: "5af7183fb1d4cf5f",
      id: "352bff9a74ca9ad2",
      parentId: "6b221d5bc9e6496c",
      name: "get /api",
      kind: "SERVER",
      timestamp: 1_700_000_000_000_000,
      duration: 1_431,
      localEndpoint: { serviceName: "backend", ipv4: "192.168.99.1", port: 3306 },
      annotations: [{ timestamp: 1_700_000_000_000_100, value: "foo" }],
      tags: { "http.path": "/api" },
    },
  ]),
);

const V1 = Buffer.from(
  JSON.stringify([
    {
      traceId: "5af7183fb1d4cf5f",
      id: "352bff9a74ca9ad2",
      name: "get /api",
      timestamp: 1_700_000_000_000_000,
      duration: 1_431,
      annotations: [
        {
          timestamp: 1_700_000_000_000_000,
          value: "sr",
          endpoint: { serviceName: "backend", ipv4: "192.168.99.1", port: 3306 },
        },
      ],
      binaryAnnotations: [{ key: "http.path", value: "/api" }],
    },
  ]),
);

// zipkin.proto 3, as far as it is needed here.
const { root } = protobuf.parse(`syntax = "proto3";
  message Endpoint { string service_name = 1; bytes ipv4 = 2; bytes ipv6 = 3; int32 port = 4; }
  message Span {
    bytes trace_id = 1; bytes parent_id = 2; bytes id = 3; int32 kind = 4; string name = 5;
    fixed64 timestamp = 6; uint64 duration = 7; Endpoint local_endpoint = 8;
  }
  message ListOfSpans { repeated Span spans = 1; }`);

function encodeProto(traceIdBytes: number): Uint8Array {
  const type = root.lookupType("ListOfSpans");
  const span = {
    traceId: Buffer.alloc(traceIdBytes, 7),
    id: Buffer.alloc(8, 9),
    name: "op",
    timestamp: 1_700_000_000_000_000,
    localEndpoint: { serviceName: "backend" },
  };
  return type.encode(type.fromObject({ spans: [span] })).finish();
}

const PROTO = encodeProto(16);

function post(
  collector: TestCollector,
  path: string,
  body: Uint8Array,
  type: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const headers = { "content-type": type, ...more };
  const url = collector.address("zipkin").at + path;
  return fetch(url, { method: "POST", body: new Uint8Array(body), headers });
}

const JSON_TYPE = "application/json";
const PROTOBUF_TYPE = "application/x-protobuf";
const good: readonly {
  readonly path: string;
  readonly type: string;
  readonly body: Uint8Array;
  readonly format: string;
  readonly read: ReadPayload;
}[] = [
  {
    path: "/api/v1/spans",
    type: JSON_TYPE,
    body: V1,
    format: "zipkin-json-v1",
    read: readZipkinJsonV1,
  },
  {
    path: "/api/v1/spans",
    type: "application/x-thrift; protocol=binary",
    body: THRIFT,
    format: "zipkin-thrift",
    read: readZipkinThrift,
  },
  {
    path: "/api/v2/spans",
    type: `${JSON_TYPE}; charset=utf-8`,
    body: V2,
    format: "zipkin-json-v2",
    read: readZipkinJsonV2,
  },
  {
    path: "/api/v2/spans",
    type: "text/plain;charset=UTF-8",
    body: V2,
    format: "zipkin-json-v2",
    read: readZipkinJsonV2,
  },
  {
    path: "/api/v2/spans",
    type: "",
    body: V2,
    format: "zipkin-json-v2",
    read: readZipkinJsonV2,
  },
  {
    path: "/api/v2/spans",
    type: PROTOBUF_TYPE,
    body: PROTO,
    format: "zipkin-proto",
    read: readZipkinProto,
  },
  {
    path: "/api/v2/spans",
    type: "application/protobuf",
    body: encodeProto(8),
    format: "zipkin-proto",
    read: readZipkinProto,
  },
];

for (const { path, type, body, format, read } of good) {
  test(`POST ${path} as ${type || "nothing"} stores ${format}`, async () => {
    await using collector = await openTestCollector(["zipkin"]);
    const answer = await post(collector, path, body, type);
    assert.equal(answer.status, 202, await answer.clone().text());
    assert.equal(await answer.text(), "");
    assert.equal(await collector.printStored(), await printSanitized(read, body));
    const { spans } = collector.checkBooks().total;
    assert.ok(spans.stored > 0);
    assert.deepEqual(collector.books(), {
      [`zipkin ${format}`]: {
        "requests received": 1,
        "requests stored": 1,
        "spans received": spans.stored,
        "spans stored": spans.stored,
      },
    });
    assert.match(collector.metrics("spans_received_total{svc").join(), /"zipkin",transport="http"/);
  });
}

test("POST /api/v2/spans takes gzip", async () => {
  await using collector = await openTestCollector(["zipkin"]);
  const gzip = { "content-encoding": "gzip" };
  const answer = await post(collector, "/api/v2/spans", gzipSync(V2), JSON_TYPE, gzip);
  assert.equal(answer.status, 202);
  assert.equal(collector.checkBooks().total.spans.stored, 1);
});

const odd: readonly (readonly [path: string, body: string, status: number])[] = [
  ["/api/v2/spans", "[]", 202],
  ["/api/v1/spans", "[]", 202],
  ["/api/v2/spans", "", 400],
  ["/api/v2/spans", "null", 400],
  ["/api/v2/spans", "{}", 400],
  ["/api/v2/spans", '[{"id":"1"}]', 400],
  ["/api/v2/spans", '[{"traceId":"1","id":"1","duration":-1}]', 400],
  ["/api/v1/spans", V2.toString("utf8").slice(0, 50), 400],
];

for (const [path, body, status] of odd) {
  test(`POST ${path} answers ${status} to ${body.slice(0, 40) || "nothing"}`, async () => {
    await using collector = await openTestCollector(["zipkin"]);
    const answer = await post(collector, path, Buffer.from(body), JSON_TYPE);
    assert.equal(answer.status, status, await answer.clone().text());
    if (status === 400) assert.match(await answer.text(), /^[^\n]+\n$/);
    const { requests } = collector.checkBooks().total;
    assert.equal(requests.received, 1);
    assert.equal(requests.refused["bad-input"], status === 400 ? 1 : 0);
  });
}

for (const [code, status] of [
  ["overloaded", 429],
  ["unavailable", 503],
] as const) {
  test(`POST /api/v2/spans answers ${status} when the store is ${code}`, async () => {
    const store = storeThatFails(code);
    await using collector = await openTestCollector(["zipkin"], [], { store });
    const answer = await post(collector, "/api/v2/spans", V2, JSON_TYPE);
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal(await answer.text(), "not now\n");
    assert.equal(collector.checkBooks().total.requests.refused[code], 1);
  });
}

test("connections end with each answer when keep-alive is off", async () => {
  const flag = "--collector.zipkin.keep-alive=false";
  await using collector = await openTestCollector(["zipkin"], [flag]);
  const answer = await post(collector, "/api/v2/spans", V2, JSON_TYPE);
  assert.equal(answer.headers.get("connection"), "close");
  await using keeping = await openTestCollector(["zipkin"]);
  const kept = await post(keeping, "/api/v2/spans", V2, JSON_TYPE);
  assert.notEqual(kept.headers.get("connection"), "close");
});

test("the door has two paths and one method", async () => {
  await using collector = await openTestCollector(["zipkin"]);
  const { at } = collector.address("zipkin");
  assert.equal((await fetch(`${at}/api/v2/spans`)).status, 405);
  assert.equal((await post(collector, "/api/v3/spans", V2, JSON_TYPE)).status, 404);
  assert.deepEqual(collector.books(), {});
});
