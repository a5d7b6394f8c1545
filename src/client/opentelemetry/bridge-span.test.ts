// The times that OpenTelemetry's API takes. What becomes of a span's other parts: ../opentelemetry.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { toEpochMs } from "./bridge-span.ts";

test("toEpochMs() takes every form of a time", () => {
  const cases = [
    [undefined, undefined],
    [[1_700_000_000, 500_250_000], 1_700_000_000_500.25],
    [new Date(1_700_000_000_001), 1_700_000_000_001],
    [1_700_000_000_002.5, 1_700_000_000_002.5],
    [1_234.5, performance.timeOrigin + 1_234.5],
  ] as const;
  for (const [time, expected] of cases) {
    assert.equal(toEpochMs(time as Parameters<typeof toEpochMs>[0]), expected);
  }
});
