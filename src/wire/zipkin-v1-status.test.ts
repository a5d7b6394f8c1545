// The four ways to tell a status in Zipkin v1, and which one wins.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BOOL, INT, STRING } from "../model/attribute-table.ts";
import { Dictionary } from "../model/dictionary.ts";
import { STATUS_ERROR, STATUS_OK, STATUS_UNSET } from "../model/span-batch.ts";
import { findStatus, isStatusTag, parseStatusCode } from "./zipkin-v1-status.ts";
import type { ZipkinV1BinaryAnnotation } from "./zipkin-v1.ts";

type Tags = Readonly<Record<string, string | number | boolean>>;

const dictionary = new Dictionary();

function makeTag(name: string, value: string | number | boolean): ZipkinV1BinaryAnnotation {
  const tag = { key: dictionary.internText(name), high: 0, double: 0, host: undefined };
  if (typeof value === "string") return { ...tag, type: STRING, low: dictionary.internText(value) };
  if (typeof value === "boolean") return { ...tag, type: BOOL, low: value ? 1 : 0 };
  const high = Math.floor(value / 2 ** 32) >>> 0;
  return { ...tag, type: INT, low: value >>> 0, high };
}

function statusOf(tags: Tags): readonly [code: number, message: string] {
  const list = Object.entries(tags).map(([name, value]) => makeTag(name, value));
  const { code, message } = findStatus(list, dictionary);
  return [code, dictionary.text(message)];
}

const cases: readonly (readonly [tags: Tags, code: number, message: string])[] = [
  [{}, STATUS_UNSET, ""],
  [{ "census.status_code": 0, "otel.status_code": 2, error: "x" }, STATUS_OK, ""],
  [{ "census.status_code": "13", "opencensus.status_description": "why" }, STATUS_ERROR, "why"],
  [{ "census.status_code": "x", error: "" }, STATUS_ERROR, ""],
  [{ "otel.status_code": "ok", "otel.status_description": "fine" }, STATUS_OK, "fine"],
  [{ "otel.status_code": "2" }, STATUS_ERROR, ""],
  [{ "otel.status_code": 7, error: "x" }, STATUS_UNSET, ""],
  [{ "otel.status_code": true }, STATUS_UNSET, ""],
  [{ error: "false", "http.status_code": 200 }, STATUS_ERROR, ""],
  [{ error: true, "census.status_description": "why" }, STATUS_ERROR, "why"],
  [{ "http.status_code": 399 }, STATUS_UNSET, ""],
  [{ "http.status_code": "400", "http.status_message": "bad" }, STATUS_ERROR, "bad"],
  [{ "http.response.status_code": 99 }, STATUS_ERROR, ""],
  [{ "http.status_code": 2 ** 32 + 200 }, STATUS_UNSET, ""],
  [{ "http.status_code": -(2 ** 31) }, STATUS_ERROR, ""],
  [{ "http.status_code": "12345678901" }, STATUS_UNSET, ""],
  [{ "otel.status_description": "alone" }, STATUS_UNSET, ""],
];

for (const [tags, code, message] of cases) {
  test(`findStatus() reads ${JSON.stringify(tags)}`, () => {
    assert.deepEqual(statusOf(tags), [code, message]);
  });
}

test("isStatusTag() is true for what the status says again", () => {
  const isTaken = (name: string, value: string | boolean | number): boolean =>
    isStatusTag(name, makeTag(name, value), dictionary);
  assert.ok(isTaken("error", true) && isTaken("error", "true") && isTaken("otel.status_code", 1));
  const kept = [
    isTaken("error", false),
    isTaken("error", "boom"),
    isTaken("http.status_code", 500),
  ];
  assert.deepEqual(kept, [false, false, false]);
});

test("parseStatusCode() knows the names of every age, in any case", () => {
  const names = [
    "Ok",
    "STATUS_CODE_OK",
    "error",
    "Status_Code_Error",
    "Unset",
    "",
    "fine",
    "__proto__",
  ];
  assert.deepEqual(names.map(parseStatusCode), [1, 1, 2, 2, 0, 0, 0, 0]);
});
