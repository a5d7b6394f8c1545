// A trace in one line: root, times, counts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { START_US, type SpanRecord, makeTrace } from "../../test/make-trace.ts";
import { STATUS_ERROR } from "../model/span-batch.ts";
import { summarizeTrace } from "./trace-summary.ts";

const cases: readonly (readonly [what: string, spans: readonly SpanRecord[], expected: object])[] =
  [
    [
      "one span",
      [{ id: 1, service: "a", name: "n", startRestNs: 5, durationNs: 1_996 }],
      {
        rootService: "a",
        rootOperation: "n",
        start: { us: START_US, restNs: 5 },
        end: { us: START_US + 2, restNs: 1 },
        spans: 1,
        errors: 0,
        orphans: 0,
        services: [{ name: "a", spans: 1, errors: 0 }],
      },
    ],
    [
      "the earliest of several roots",
      [
        { id: 1, service: "late", startUs: START_US + 2 },
        { id: 2, service: "early", startUs: START_US + 1 },
        { id: 3, parent: 2, service: "first", startUs: START_US },
      ],
      { rootService: "early", start: { us: START_US, restNs: 0 } },
    ],
    [
      "the earlier of two roots by ns",
      [
        { id: 1, service: "a", startRestNs: 2 },
        { id: 2, service: "b", startRestNs: 1 },
      ],
      { rootService: "b" },
    ],
    ["no root at all", [{ id: 1, parent: 9 }], { rootService: "", rootOperation: "", orphans: 1 }],
    [
      "spans of a circle, which are no orphans",
      [
        { id: 1, parent: 2 },
        { id: 2, parent: 1 },
      ],
      { orphans: 0 },
    ],
    [
      "services by name, from several resources each",
      [
        { id: 1, service: "b", status: STATUS_ERROR },
        { id: 2, parent: 1, service: "a" },
        { id: 3, parent: 1, service: "b", resource: { host: "2" }, status: STATUS_ERROR },
      ],
      {
        errors: 2,
        services: [
          { name: "a", spans: 1, errors: 0 },
          { name: "b", spans: 2, errors: 2 },
        ],
      },
    ],
    [
      "an end before the start",
      [{ id: 1, durationNs: -3_000 }],
      { end: { us: START_US - 3, restNs: 0 } },
    ],
  ];
for (const [what, spans, expected] of cases) {
  test(`summarizeTrace() counts ${what}`, () => {
    const summary = summarizeTrace(makeTrace(...spans));
    assert.deepEqual({ ...summary, ...expected }, { ...summary });
    assert.equal(Buffer.from(summary.traceId).toString("hex"), "0102030405060708090a0b0c0d0e0f10");
  });
}
