// The answers of a head where they are more than its parts: other places to read from, and a caller that
// takes one trace after the other while the head goes on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { traceIdText } from "../../../test/store/brute-force.ts";
import { makeRandom, makeSpans, traceIdOf } from "../../../test/store/corpus.ts";
import { systemClock } from "../../base/clock.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import { HeadQueries } from "./head-queries.ts";
import { Head } from "./head.ts";

const never = new AbortController().signal;

function makeHead(): Head {
  const head = new Head(16);
  const random = makeRandom(1);
  for (let trace = 0; trace < 6; trace++) {
    head.append(makeSpans({ random, rows: 5, tracesFrom: trace, tracesEnd: trace + 1 }));
  }
  return head;
}

test("HeadQueries.readTraces() asks elsewhere for what the head does not hold, in its place", async () => {
  const elsewhere = new SpanBatch();
  const asked: string[] = [];
  const queries = new HeadQueries(makeHead(), systemClock);
  const ids = [traceIdOf(3), traceIdOf(50), traceIdOf(1), traceIdOf(60)];
  const found = await queries.readTraces(ids, never, (id) => {
    asked.push(Buffer.from(id).toString("hex"));
    return asked.length === 1 ? elsewhere : undefined;
  });
  assert.equal(found.length, 3);
  assert.equal(found[1], elsewhere);
  assert.equal(traceIdText(found[2]!, 0), Buffer.from(traceIdOf(1)).toString("hex"));
  assert.deepEqual(
    asked,
    [50, 60].map((trace) => Buffer.from(traceIdOf(trace)).toString("hex")),
  );
});

test("HeadQueries.findEach() leaves out traces that go while the caller is at the first", async () => {
  const head = makeHead();
  const queries = new HeadQueries(head, systemClock);
  const all = { startUsMin: 0, startUsMax: Infinity, attributes: [], limit: 100 };
  let seen = 0;
  for await (const trace of queries.findEach(all, never)) {
    assert.ok(trace.rows > 0);
    if (seen++ === 0) while (head.traces.count > 0) head.evictOldestTrace();
  }
  assert.equal(seen, 1);
});
