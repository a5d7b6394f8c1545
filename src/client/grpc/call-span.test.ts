// The span of a call by itself: what no real call shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { makeClientTracer, recordSpans } from "../../../test/recording-tracer.ts";
import { type CallSpan, startCallSpan } from "./call-span.ts";
import type { InterceptorOptions } from "./interceptor-options.ts";

function start(
  deadline?: Date | number,
  options: InterceptorOptions = {},
): { trace: CallSpan; see: () => ReturnType<ReturnType<typeof recordSpans>["spans"]>[number] } {
  const recorded = recordSpans(makeClientTracer("one"));
  const trace = startCallSpan(
    { tracer: recorded.tracer, ...options },
    {
      kind: "server",
      method: "/a.B/C",
      metadata: new Metadata(),
      deadline,
      findParent: () => undefined,
    },
  );
  assert.ok(trace !== undefined);
  return { trace, see: () => recorded.spans()[0]! };
}

test("CallSpan ends once; what comes later is not told", () => {
  const { trace, see } = start(undefined, { logMessages: true, tagRequest: () => ({ asked: 1 }) });
  assert.equal(trace.hasEnded, false);
  trace.end(5, "gone", "10.0.0.1:7");
  trace.end(0, "OK", undefined);
  trace.cancelled("late");
  trace.received({});
  trace.sent({});
  const { finishes, tags, logs } = see();
  assert.equal(trace.hasEnded, true);
  assert.equal(finishes, 1);
  assert.equal(tags["asked"], undefined);
  assert.deepEqual([tags["grpc.code"], tags["peer.address"]], [5, "10.0.0.1:7"]);
  assert.deepEqual(logs, [
    { event: "error", "error.kind": "NOT_FOUND", message: "5 NOT_FOUND: gone" },
  ]);
});

test("CallSpan names a code that no list has by its number", () => {
  const { trace, see } = start();
  trace.end(77, "odd", undefined);
  assert.equal(see().logs[0]?.["error.kind"], "CODE_77");
});

const deadlines: readonly (readonly [what: string, deadline: Date | number, shown: unknown])[] = [
  ["ms since the epoch", 1_700_000_000_123, "2023-11-14T22:13:20.123Z"],
  ["a Date", new Date(1_700_000_000_123), "2023-11-14T22:13:20.123Z"],
  ["none", Infinity, undefined],
  ["no number", Number.NaN, undefined],
  ["no time", new Date(Number.NaN), undefined],
];

for (const [what, deadline, shown] of deadlines) {
  test(`startCallSpan() tags a deadline that is ${what}`, () => {
    const { trace, see } = start(deadline);
    trace.end(0, "OK", undefined);
    assert.equal(see().tags["grpc.request.deadline"], shown);
    assert.equal(see().finishes, 1);
  });
}
