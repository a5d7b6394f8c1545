// The numbers that stand in logs on disk: they must never change.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RECEIVED_FORMATS, codeOfFormat, formatOfCode } from "./received.ts";

const CODES = {
  "otlp-proto": 1,
  "otlp-json": 2,
  "jaeger-proto": 3,
  "jaeger-thrift": 4,
  "zipkin-json-v1": 5,
  "zipkin-json-v2": 6,
  "zipkin-thrift": 7,
  "zipkin-proto": 8,
  "jaeger-thrift-list": 9,
};

test("codeOfFormat() and formatOfCode() keep the numbers that logs hold", () => {
  const codes = RECEIVED_FORMATS.map((format) => [format, codeOfFormat(format)]);
  assert.deepEqual(Object.fromEntries(codes), CODES);
  for (const format of RECEIVED_FORMATS) assert.equal(formatOfCode(codeOfFormat(format)), format);
  assert.equal(formatOfCode(0), undefined);
  assert.equal(formatOfCode(99), undefined);
});
