// The answers as another implementation (protobufjs, from the published .proto files) reads them.

import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import {
  readExportAnswer,
  readExportAnswerJson,
  writeExportAnswer,
  writeExportAnswerJson,
  writeRpcStatus,
  writeRpcStatusJson,
} from "./otlp-answer.ts";

const { root } = protobuf.parse(
  `syntax = "proto3";
   message ExportTracePartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
   message ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
   message Status { int32 code = 1; string message = 2; }`,
);

function decode(type: string, bytes: Uint8Array): unknown {
  const Type = root.lookupType(type);
  return Type.toObject(Type.decode(bytes), { longs: String });
}

test("writeExportAnswer() says nothing when everything was taken", () => {
  assert.deepEqual(writeExportAnswer({ spans: 0, message: "" }), new Uint8Array(0));
  assert.equal(writeExportAnswerJson({ spans: 0, message: "" }), '{"partialSuccess":{}}');
});

test("writeExportAnswer() says how many spans were rejected, and why", () => {
  const rejected = { spans: 70_000, message: "no id: “é”" };
  const expected = { rejectedSpans: "70000", errorMessage: "no id: “é”" };
  assert.deepEqual(decode("ExportTraceServiceResponse", writeExportAnswer(rejected)), {
    partialSuccess: expected,
  });
  assert.deepEqual(JSON.parse(writeExportAnswerJson(rejected)), { partialSuccess: expected });
});

test("readExportAnswer() and its JSON read what was written, and what says nothing", () => {
  const none = { spans: 0, message: "" };
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (const rejected of [none, { spans: 70_000, message: "no id: “é”" }]) {
    assert.deepEqual(readExportAnswer(writeExportAnswer(rejected)), rejected);
    assert.deepEqual(readExportAnswerJson(encode(writeExportAnswerJson(rejected))), rejected);
  }
  for (const text of ["{}", "null", "[]", '{"partialSuccess":{"rejectedSpans":"x"}}']) {
    assert.deepEqual(readExportAnswerJson(encode(text)), none, text);
  }
  assert.throws(() => readExportAnswerJson(encode("ok")), { code: "bad-input" });
});

test("writeRpcStatus() carries code and message", () => {
  assert.deepEqual(decode("Status", writeRpcStatus(8, "too many")), {
    code: 8,
    message: "too many",
  });
  assert.deepEqual(JSON.parse(writeRpcStatusJson(3, 'bad "x"')), { code: 3, message: 'bad "x"' });
});
