// OTLP over HTTP: both encodings, every content coding, CORS, and each way to be refused.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as zlib from "node:zlib";
import protobuf from "protobufjs";
import {
  type TestCollector,
  openTestCollector,
  storeThatFails,
} from "../../../test/open-collector.ts";
import { encodeOtlp } from "../../../test/otlp-schema.ts";
import { printSanitized } from "../../../test/print-sanitized.ts";
import { readOtlpJson } from "../../wire/otlp-json.ts";
import { readOtlpTraces } from "../../wire/otlp-proto.ts";

const golden = new URL("../../../test/golden/otlp/", import.meta.url);
const PROTO = readFileSync(new URL("traces.bin", golden));
const JSON_TEXT = readFileSync(new URL("traces.json", golden));
const SPANS = 4;

const PROTOBUF_TYPE = "application/x-protobuf";
const JSON_TYPE = "application/json";

const { root } = protobuf.parse(`syntax = "proto3";
  message Partial { int64 rejected_spans = 1; string error_message = 2; }
  message Answer { Partial partial_success = 1; }
  message Status { int32 code = 1; string message = 2; }`);

async function decode(type: "Answer" | "Status", response: Response): Promise<unknown> {
  const Type = root.lookupType(type);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return Type.toObject(Type.decode(bytes), { longs: String });
}

function post(
  collector: TestCollector,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const bytes = typeof body === "string" ? body : new Uint8Array(body);
  const url = `${collector.address("otlp-http").at}/v1/traces`;
  return fetch(url, { method: "POST", body: bytes, headers });
}

const good: readonly (readonly [what: string, type: string, body: Uint8Array, coding: string])[] = [
  ["protobuf", PROTOBUF_TYPE, PROTO, ""],
  ["protobuf with parameters", "application/x-protobuf; charset=utf-8", PROTO, ""],
  ["JSON", JSON_TYPE, JSON_TEXT, ""],
  ["JSON with parameters", "Application/JSON;charset=UTF-8", JSON_TEXT, ""],
  ["gzip", PROTOBUF_TYPE, zlib.gzipSync(PROTO), "gzip"],
  ["deflate", JSON_TYPE, zlib.deflateSync(JSON_TEXT), "deflate"],
  ["zstd", PROTOBUF_TYPE, zlib.zstdCompressSync(PROTO), "zstd"],
  ["identity", PROTOBUF_TYPE, PROTO, "identity"],
];

/** The order of fields in encoded arrays and maps is the writer's: each golden has its own. */
function expected(isJson: boolean): Promise<string> {
  return isJson ? printSanitized(readOtlpJson, JSON_TEXT) : printSanitized(readOtlpTraces, PROTO);
}

for (const [what, type, body, coding] of good) {
  test(`POST /v1/traces takes ${what} and answers in the same encoding`, async () => {
    await using collector = await openTestCollector(["otlp-http"]);
    const headers = { "content-type": type, ...(coding && { "content-encoding": coding }) };
    const answer = await post(collector, body, headers);
    assert.equal(answer.status, 200);
    const isJson = type.toLowerCase().startsWith(JSON_TYPE);
    assert.equal(answer.headers.get("content-type"), isJson ? JSON_TYPE : PROTOBUF_TYPE);
    if (isJson) assert.equal(await answer.text(), '{"partialSuccess":{}}');
    else assert.deepEqual(await decode("Answer", answer), {});
    assert.equal(await collector.printStored(), await expected(isJson));
    assert.deepEqual(collector.books(), {
      [`otlp-http ${isJson ? "otlp-json" : "otlp-proto"}`]: {
        "requests received": 1,
        "requests stored": 1,
        "spans received": SPANS,
        "spans stored": SPANS,
      },
    });
    assert.match(collector.metrics("spans_received_total{svc").join(), /"otlp",transport="http"/);
  });
}

const empty: readonly (readonly [type: string, body: string, status: number])[] = [
  [PROTOBUF_TYPE, "", 200],
  [JSON_TYPE, "{}", 200],
  [JSON_TYPE, "", 400],
];

for (const [type, body, status] of empty) {
  test(`POST /v1/traces answers ${status} to ${body || "nothing"} as ${type}`, async () => {
    await using collector = await openTestCollector(["otlp-http"]);
    assert.equal((await post(collector, body, { "content-type": type })).status, status);
    collector.checkBooks();
  });
}

const none = { name: "none" };
const some = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), name: "op" };
const partial = { rejectedSpans: "1", errorMessage: "1 spans without a trace id or span id" };

test("POST /v1/traces says in both encodings how many spans it left out", async () => {
  await using collector = await openTestCollector(["otlp-http"]);
  const spans = { resourceSpans: [{ scopeSpans: [{ spans: [some, none] }] }] };
  const bytes = encodeOtlp("TracesData", spans);
  const inProto = await post(collector, bytes, { "content-type": PROTOBUF_TYPE });
  assert.equal(inProto.status, 200);
  assert.deepEqual(await decode("Answer", inProto), { partialSuccess: partial });
  const hexSome = { ...some, traceId: "01".repeat(16), spanId: "03".repeat(8) };
  const text = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [hexSome, none] }] }] });
  const inJson = await post(collector, text, { "content-type": JSON_TYPE });
  assert.equal(inJson.status, 200);
  assert.deepEqual(await inJson.json(), { partialSuccess: partial });
  const total = collector.checkBooks().total.spans;
  assert.deepEqual([total.stored, total.refused["invalid-id"]], [2, 2]);
});

test("POST /v1/traces refuses what is no OTLP with a Status in the same encoding", async () => {
  await using collector = await openTestCollector(["otlp-http"]);
  const headers = { "content-type": PROTOBUF_TYPE };
  const inProto = await post(collector, PROTO.subarray(0, 99), headers);
  assert.equal(inProto.status, 400);
  assert.equal(inProto.headers.get("content-type"), PROTOBUF_TYPE);
  const status = (await decode("Status", inProto)) as { code: number; message: string };
  assert.equal(status.code, 3);
  assert.match(status.message, /^malformed protobuf: .*offset \d+/);
  const inJson = await post(collector, JSON_TEXT.subarray(0, 99), { "content-type": JSON_TYPE });
  assert.equal(inJson.status, 400);
  assert.equal(inJson.headers.get("content-type"), JSON_TYPE);
  const told = (await inJson.json()) as { code: number; message: string };
  assert.equal(told.code, 3);
  assert.match(told.message, /offset \d+/);
  assert.deepEqual(collector.books(), {
    "otlp-http otlp-proto": { "requests received": 1, "requests bad-input": 1 },
    "otlp-http otlp-json": { "requests received": 1, "requests bad-input": 1 },
  });
});

const unknown: readonly (readonly [what: string, headers: Record<string, string>])[] = [
  ["text/plain", { "content-type": "text/plain" }],
  ["no content type", { "content-type": "" }],
  ["application/grpc", { "content-type": "application/grpc" }],
];

for (const [what, headers] of unknown) {
  test(`POST /v1/traces answers 415 to ${what}`, async () => {
    await using collector = await openTestCollector(["otlp-http"]);
    const answer = await post(collector, PROTO, headers);
    assert.equal(answer.status, 415);
    assert.equal(answer.headers.get("content-type"), "text/plain");
    const types = "[application/json, application/x-protobuf]";
    assert.equal(await answer.text(), `415 unsupported media type, supported: ${types}`);
    assert.deepEqual(collector.books(), {
      "otlp-http unknown": { "requests received": 1, "requests wrong-type": 1 },
    });
  });
}

test("a content coding that nobody knows is a Status too", async () => {
  await using collector = await openTestCollector(["otlp-http"]);
  const headers = { "content-type": JSON_TYPE, "content-encoding": "br" };
  const answer = await post(collector, JSON_TEXT, headers);
  assert.equal(answer.status, 415);
  assert.equal(((await answer.json()) as { code: number }).code, 3);
  assert.equal(collector.checkBooks().total.requests.refused["wrong-type"], 1);
});

for (const [code, status, rpcCode] of [
  ["overloaded", 429, 8],
  ["unavailable", 503, 14],
] as const) {
  test(`POST /v1/traces answers ${status} when the store is ${code}`, async () => {
    const store = storeThatFails(code);
    await using collector = await openTestCollector(["otlp-http"], [], { store });
    const answer = await post(collector, PROTO, { "content-type": PROTOBUF_TYPE });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.deepEqual(await decode("Status", answer), { code: rpcCode, message: "not now" });
    assert.equal(collector.checkBooks().total.spans.refused[code], SPANS);
  });
}

test("the door has one path and one method", async () => {
  await using collector = await openTestCollector(["otlp-http"]);
  const { at } = collector.address("otlp-http");
  const wrongMethod = await fetch(`${at}/v1/traces`);
  assert.equal(wrongMethod.status, 405);
  assert.equal(await wrongMethod.text(), "405 method not allowed, supported: [POST]");
  const wrongPath = await fetch(`${at}/v1/metrics`, { method: "POST", body: "x" });
  assert.equal(wrongPath.status, 404);
  assert.deepEqual(collector.books(), {});
});

test("pages of allowed origins may send, others are not told that they may", async () => {
  const flags = [
    "--collector.otlp.http.cors.allowed-origins=https://app.example",
    "--collector.otlp.http.cors.allowed-headers=x-token",
  ];
  await using collector = await openTestCollector(["otlp-http"], flags);
  const ask = (origin: string): Promise<Response> =>
    fetch(`${collector.address("otlp-http").at}/v1/traces`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-token",
      },
    });
  const allowed = await ask("https://app.example");
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(allowed.headers.get("access-control-allow-headers"), "x-token");
  const refused = await ask("https://evil.example");
  assert.equal(refused.headers.get("access-control-allow-origin"), null);
  const headers = { "content-type": PROTOBUF_TYPE, origin: "https://app.example" };
  const sent = await post(collector, PROTO, headers);
  assert.equal(sent.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(collector.checkBooks().total.spans.stored, SPANS);
});
