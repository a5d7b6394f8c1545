// Which spans of a batch adaptive sampling learns from; the batch is read from what a client sends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanBatch } from "../model/span-batch.ts";
import { readOtlpJson } from "../wire/otlp-json.ts";
import { findSampledRoots } from "./sampled-roots.ts";

interface Sent {
  readonly name: string;
  readonly parentSpanId?: string;
  readonly type?: string;
  /** An attribute value as OTLP writes it. */
  readonly param?: unknown;
}

function readBatch(spans: readonly Sent[]): SpanBatch {
  const batch = new SpanBatch();
  const list = spans.map(({ name, parentSpanId, type, param }, index) => ({
    traceId: "0102030405060708090a0b0c0d0e0f10",
    spanId: (index + 1).toString(16).padStart(16, "0"),
    parentSpanId: parentSpanId ?? "",
    name,
    startTimeUnixNano: "1",
    endTimeUnixNano: "2",
    attributes: [
      { key: "other", value: { stringValue: "probabilistic" } },
      ...(type === undefined ? [] : [{ key: "sampler.type", value: { stringValue: type } }]),
      ...(param === undefined ? [] : [{ key: "sampler.param", value: param }]),
    ],
  }));
  const request = { resourceSpans: [{ scopeSpans: [{ spans: list }] }] };
  readOtlpJson(new TextEncoder().encode(JSON.stringify(request)), batch);
  return batch;
}

const find = (...spans: Sent[]): unknown =>
  findSampledRoots(readBatch(spans), (resource) => `service ${resource}`);

const HALF = { doubleValue: 0.5 };
const TYPE = "probabilistic";

test("findSampledRoots() groups root spans by operation", () => {
  assert.deepEqual(
    find(
      { name: "buy", type: TYPE, param: HALF },
      { name: "look", type: TYPE, param: { doubleValue: 0.25 } },
      { name: "buy", type: TYPE, param: { stringValue: "0.001" } },
      { name: "buy", type: "lowerbound", param: HALF },
      { name: "buy", type: TYPE, param: { intValue: "1" } },
    ),
    [
      {
        service: "service 0",
        operation: "buy",
        count: 3,
        spans: 4,
        probabilities: [0.5, 0.001, 1],
      },
      { service: "service 0", operation: "look", count: 1, spans: 1, probabilities: [0.25] },
    ],
  );
});

test("findSampledRoots() leaves alone what no remote strategy has sampled", () => {
  const seen = { name: "buy", type: "lowerbound", param: { doubleValue: 0 } };
  assert.deepEqual(
    find(
      { name: "no tags" },
      { name: "const", type: "const", param: { boolValue: true } },
      { name: "limit", type: "ratelimiting", param: { doubleValue: 2 } },
      { name: "a child", type: TYPE, param: HALF, parentSpanId: "00000000000000aa" },
      { name: "no param", type: TYPE },
      { name: "a param that is none", type: TYPE, param: { stringValue: "often" } },
      { name: "an empty param", type: TYPE, param: { stringValue: " " } },
      { name: "a param beyond 1", type: TYPE, param: { intValue: "7" } },
      { name: "a negative param", type: TYPE, param: { doubleValue: -0.5 } },
      { name: "no number", type: TYPE, param: { stringValue: "NaN" } },
      { name: "", type: TYPE, param: HALF },
      seen,
    ),
    [{ service: "service 0", operation: "buy", count: 0, spans: 1, probabilities: [0] }],
  );
  assert.deepEqual(find({ name: "no tags at all" }), []);
});

test("findSampledRoots() bounds operations and probabilities", () => {
  const many = Array.from({ length: 10_100 }, (_, index) => ({
    name: `op ${index}`,
    type: TYPE,
    param: HALF,
  }));
  assert.equal((find(...many) as unknown[]).length, 10_000);
  const params = Array.from({ length: 30 }, (_, index) => ({
    name: "buy",
    type: TYPE,
    param: { doubleValue: index / 100 },
  }));
  const [group] = find(...params) as { count: number; probabilities: number[] }[];
  assert.deepEqual([group?.count, group?.probabilities.length], [30, 10]);
});
