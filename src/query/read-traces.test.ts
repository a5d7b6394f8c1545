// Traces one after the other: adjusted or raw, and let go of as they are taken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTrace } from "../../test/make-trace.ts";
import { printSpans } from "../model/print-spans.ts";
import { eachTrace } from "./read-traces.ts";

const adjust = { skewNsMax: 0 };

test("eachTrace() keeps the order and takes traces out of the list", async () => {
  const traces = [1, 2, 3].map((id) => makeTrace({ id, name: `n${id}` }));
  const names: string[] = [];
  for await (const trace of eachTrace(traces, { adjust, raw: false })) {
    names.push(trace.dictionary.text(trace.name[0]!));
    assert.equal(traces.length, 3 - names.length);
  }
  assert.deepEqual(names, ["n1", "n2", "n3"]);
});

test("eachTrace() adjusts, unless the view is raw", async () => {
  const make = () => makeTrace({ id: 1, attributes: { b: "1", a: "2" } }, { id: 2, parent: 9 });
  const [stored, seen] = [make(), make()];
  for await (const trace of eachTrace([seen], { adjust, raw: true })) {
    assert.equal(printSpans(trace), printSpans(stored));
  }
  for await (const trace of eachTrace([seen], { adjust, raw: false })) {
    assert.match(printSpans(trace), /a="2"\n {2}b="1"[^]*@jaeger@warnings/);
  }
});
