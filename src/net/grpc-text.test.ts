// The small texts of gRPC, with examples of its specification.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  makeMetadata,
  parseGrpcTimeout,
  printGrpcMessage,
  writeRetryDetails,
} from "./grpc-text.ts";

const timeouts: readonly (readonly [text: string, ms: number | undefined])[] = [
  ["1H", 3_600_000],
  ["2M", 120_000],
  ["10S", 10_000],
  ["250m", 250],
  ["500u", 0.5],
  ["99999999n", 99.999999],
  ["0m", 0],
  ["", undefined],
  ["10", undefined],
  ["10s", undefined],
  ["-1S", undefined],
  ["1.5S", undefined],
  ["123456789S", undefined],
  ["1S ", undefined],
];

for (const [text, ms] of timeouts) {
  test(`parseGrpcTimeout() reads "${text}" as ${ms} ms`, () => {
    assert.equal(parseGrpcTimeout(text), ms);
  });
}

test("printGrpcMessage() is plain text, decoded to what it was", () => {
  assert.equal(printGrpcMessage("trace not found: 100% sure\n"), "trace not found: 100%25 sure%0A");
  assert.equal(printGrpcMessage("é☃"), "%C3%A9%E2%98%83");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), (message) => {
      const text = printGrpcMessage(message);
      assert.match(text, /^[ -~]*$/);
      assert.equal(decodeURIComponent(text), message);
    }),
  );
});

test("printGrpcMessage() keeps messages short", () => {
  assert.equal(printGrpcMessage("x".repeat(100_000)).length, 1_000);
});

test("makeMetadata() finds first, all and binary values", () => {
  const raw = [
    ":path",
    "/a/B",
    "x-tenant",
    "one",
    "x-token-bin",
    "AAEC,Aw==",
    "x-tenant",
    "two, 2",
  ];
  const metadata = makeMetadata(raw);
  assert.equal(metadata.get("x-tenant"), "one");
  assert.deepEqual(metadata.getAll("x-tenant"), ["one", "two, 2"]);
  assert.deepEqual([...(metadata.getBytes("x-token-bin") ?? [])], [0, 1, 2]);
  assert.equal(metadata.get("constructor"), undefined);
  assert.equal(metadata.getBytes("x-none-bin"), undefined);
});

test("writeRetryDetails() is a google.rpc.Status with RetryInfo", () => {
  // Status{8, "full", [Any{"type.googleapis.com/google.rpc.RetryInfo", RetryInfo{Duration{1}}}]},
  // encoded by protobufjs from google/rpc/status.proto and error_details.proto.
  const expected =
    "0808120466756c6c1a300a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e727063" +
    "2e5265747279496e666f12040a020801";
  assert.equal(Buffer.from(writeRetryDetails(8, "full")).toString("hex"), expected);
});
