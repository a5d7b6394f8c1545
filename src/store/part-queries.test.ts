// Pages against one long answer, and reading ahead, over parts that look at every span.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BatchPart } from "../../test/store/batch-part.ts";
import { traceIdText } from "../../test/store/brute-force.ts";
import { BASE_US, makeRandom, makeSpans, traceIdOf } from "../../test/store/corpus.ts";
import { SpanBatch } from "../model/span-batch.ts";
import type { TraceQuery } from "../model/trace-query.ts";
import { JoinedPart } from "./join-parts.ts";
import { hitsOf } from "./join-lists.ts";
import type { Hits, Part } from "./part.ts";
import { PartQueries } from "./part-queries.ts";

const never = new AbortController().signal;
const everything: TraceQuery = {
  startUsMin: 0,
  startUsMax: 2 ** 53,
  attributes: [],
  limit: 10_000,
};

interface Place {
  readonly trace: number;
  readonly startUs: number;
  readonly part: number;
  readonly name: string;
}

const anyPlace = (starts: number): fc.Arbitrary<Place> =>
  fc.record({
    trace: fc.nat({ max: 12 }),
    startUs: fc.nat({ max: starts }),
    part: fc.nat({ max: 2 }),
    name: fc.constantFrom("x", "y"),
  });
/** Many traces with several spans; in half of the corpora nearly all starts are equal. */
const anyPlaces = fc.oneof(
  fc.array(anyPlace(3), { maxLength: 40 }),
  fc.array(anyPlace(1_000), { maxLength: 40 }),
);

function makeQueries(places: readonly Place[]): PartQueries {
  const parts = [new BatchPart(), new BatchPart(), new BatchPart()];
  for (const { trace, startUs, part, name } of places) {
    const batch = new SpanBatch();
    const row = batch.openRow(batch.openResource(), batch.openScope());
    batch.traceId.set(traceIdOf(trace), 16 * row);
    batch.startUs[row] = startUs;
    batch.name[row] = batch.dictionary.internText(name);
    batch.closeRow();
    parts[part]!.add(batch);
  }
  return new PartQueries(new JoinedPart(() => ({ parts, done: () => undefined })));
}

function print(hits: Hits): string[] {
  return hitsOf(hits).map(({ id, startUs }) => `${startUs} ${Buffer.from(id).toString("hex")}`);
}

async function allPages(queries: PartQueries, query: TraceQuery): Promise<string[]> {
  const pages: string[] = [];
  let asked = query;
  for (;;) {
    const page = await queries.search(asked, never);
    const last = hitsOf(page).at(-1);
    pages.push(...print(page));
    if (page.startUs.length < query.limit || last === undefined) return pages;
    asked = { ...query, after: { startUs: last.startUs, traceId: last.id } };
  }
}

test("PartQueries.search() gives page after page what one long search gives", async () => {
  const range = fc.tuple(fc.nat({ max: 1_000 }), fc.nat({ max: 1_000 }));
  await fc.assert(
    fc.asyncProperty(
      anyPlaces,
      fc.oneof(fc.constant(undefined), range),
      fc.constantFrom(undefined, "x"),
      async (places, ends, operation) => {
        const queries = makeQueries(places);
        const query: TraceQuery = {
          ...everything,
          ...(ends === undefined ? {} : { startUsMin: ends[0], startUsMax: ends[0] + ends[1] }),
          ...(operation === undefined ? {} : { operation }),
        };
        const whole = print(await queries.search(query, never));
        for (let limit = 1; limit <= whole.length + 1; limit++) {
          assert.deepEqual(await allPages(queries, { ...query, limit }), whole, `limit ${limit}`);
        }
      },
    ),
    { numRuns: 120 },
  );
});

test("PartQueries.search() gives what comes behind any cursor, also one that is no trace's", async () => {
  const anyCursor = fc.record({ startUs: fc.nat({ max: 1_001 }), trace: fc.nat({ max: 14 }) });
  await fc.assert(
    fc.asyncProperty(anyPlaces, anyCursor, async (places, { startUs, trace }) => {
      const queries = makeQueries(places);
      const id = traceIdOf(trace);
      const whole = hitsOf(await queries.search(everything, never)).filter(
        (hit) =>
          hit.startUs < startUs || (hit.startUs === startUs && Buffer.compare(hit.id, id) > 0),
      );
      const found = await queries.search({ ...everything, after: { startUs, traceId: id } }, never);
      assert.deepEqual(
        hitsOf(found).map((hit) => [hit.startUs, traceOf(hit.id)]),
        whole.map((hit) => [hit.startUs, traceOf(hit.id)]),
      );
    }),
  );
});

function traceOf(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}

test("PartQueries.search() finds the few of a page among the many of earlier ones", async () => {
  const long = Array.from({ length: 300 }, (_, trace) => [
    { trace, startUs: 5_000 + trace, part: 0, name: "x" },
    { trace, startUs: 1_000 + trace, part: 1, name: "x" },
  ]).flat();
  const last = { trace: 300, startUs: 10, part: 2, name: "x" };
  const queries = makeQueries([...long, last]);
  const after = { startUs: 5_000, traceId: traceIdOf(0) };
  const page = await queries.search({ ...everything, limit: 1, after }, never);
  assert.deepEqual(print(page), [`10 ${traceOf(traceIdOf(300))}`]);
});

/** Notes how many traces are asked for at once. */
function makeWatched(rows: number, traces: number): { queries: PartQueries; asked: number[] } {
  const random = makeRandom(1);
  const part: Part = new BatchPart([makeSpans({ random, rows, tracesFrom: 0, tracesEnd: traces })]);
  const asked: number[] = [];
  const readTraces = part.readTraces.bind(part);
  part.readTraces = (ids, signal) => {
    asked.push(ids.length);
    return readTraces(ids, signal);
  };
  return { queries: new PartQueries(part), asked };
}

test("PartQueries.findEach() reads a few traces ahead, and no more of who stops", async () => {
  const { queries, asked } = makeWatched(400, 100);
  let seen = 0;
  for await (const trace of queries.findEach(everything, never)) {
    assert.ok(trace.rows > 0);
    if (++seen === 2) break;
  }
  assert.deepEqual(asked, [1, 8, 8]);
});

test("PartQueries.findEach() reads large traces one by one", async () => {
  const { queries, asked } = makeWatched(40_000, 2);
  for await (const trace of queries.findEach(everything, never)) {
    assert.ok(trace.memoryBytes() > 4 * 1024 * 1024);
  }
  assert.deepEqual(asked, [1, 1]);
});

test("PartQueries.findEach() ends when it is cancelled between two traces", async () => {
  const { queries } = makeWatched(400, 100);
  const cancel = new AbortController();
  let seen = 0;
  await assert.rejects(
    async () => {
      for await (const trace of queries.findEach(everything, cancel.signal)) {
        seen += Math.min(1, trace.rows);
        if (seen === 3) cancel.abort();
      }
    },
    { code: "unavailable", message: "the query was cancelled" },
  );
  assert.equal(seen, 3);
});

test("PartQueries.readTraces() asks elsewhere for what the part does not have, in its place", async () => {
  const { queries } = makeWatched(60, 6);
  const elsewhere = new SpanBatch();
  const asked: string[] = [];
  const ids = [3, 50, 1, 60, 3].map(traceIdOf);
  const found = await queries.readTraces(ids, never, (id) => {
    asked.push(traceOf(id));
    return asked.length === 1 ? elsewhere : undefined;
  });
  assert.equal(found.length, 4);
  assert.equal(found[1], elsewhere);
  assert.equal(traceIdText(found[2]!, 0), traceOf(traceIdOf(1)));
  assert.equal(traceIdText(found[3]!, 0), traceOf(traceIdOf(3)));
  assert.notEqual(found[3], found[0]);
  assert.deepEqual(
    asked,
    [50, 60].map((trace) => traceOf(traceIdOf(trace))),
  );
});

test("PartQueries refuses every question of a caller that has gone", async () => {
  const { queries } = makeWatched(10, 2);
  const gone = AbortSignal.abort();
  const range = { startUsMin: 0, startUsMax: BASE_US };
  const series = { services: [], kinds: [], byOperation: false, endUs: 1, lookbackUs: 1 };
  const asked: readonly (() => Promise<unknown>)[] = [
    () => queries.search(everything, gone),
    () => queries.findTraces(everything, gone),
    () => queries.readTraces([traceIdOf(0)], gone),
    () => queries.services(gone),
    () => queries.operations(undefined, undefined, gone),
    () => queries.dependencies(range, gone),
    () => queries.series({ ...series, stepUs: 1, windowUs: 1 }, gone),
    () => queries.attributeKeys({ ...range, prefix: "", limit: 1 }, gone),
    () => queries.attributeValues({ ...range, prefix: "", key: "user", limit: 1 }, gone),
  ];
  for (const ask of asked) await assert.rejects(ask, { code: "unavailable" }, ask.toString());
});
