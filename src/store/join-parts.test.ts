// Joined parts against one part that has everything: spans dealt out at random, answers that may not differ.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BatchPart } from "../../test/store/batch-part.ts";
import { BASE_US, CORPUS_US, makeRandom, makeSpans, traceIdOf } from "../../test/store/corpus.ts";
import { SpoorError } from "../base/errors.ts";
import { RowCopier } from "../model/copy-rows.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import type { SeriesQuery, TraceQuery } from "../model/trace-query.ts";
import { JoinedPart } from "./join-parts.ts";
import { NO_SERVICE, type Part } from "./part.ts";
import { SeriesCounter } from "./series-counter.ts";

const never = new AbortController().signal;
const range = { startUsMin: 0, startUsMax: 2 ** 53 };
const everything: TraceQuery = { ...range, attributes: [], limit: 10_000 };

/** Rows of one corpus in one part, and dealt out to several that are joined. */
function makeParts(seed: number, count: number): { whole: Part; joined: Part; parts: BatchPart[] } {
  const random = makeRandom(seed);
  const rows = 20 + Math.floor(random() * 150);
  const corpus = makeSpans({ random, rows, tracesFrom: 0, tracesEnd: 12 });
  // A few starts only: many rows of one start, and order among them matters.
  for (let row = 0; row < rows; row++) {
    corpus.startUs[row] = BASE_US + Math.floor(random() * 10) * 6_000_000;
    corpus.startRestNs[row] = Math.floor(random() * 2);
  }
  const dealt = Array.from({ length: count }, () => new SpanBatch());
  const copiers = dealt.map((batch) => new RowCopier(corpus, batch));
  const inOrder = new SpanBatch();
  for (let row = 0; row < corpus.rows; row++) {
    copiers[Math.floor(random() * count)]!.copyRow(row);
  }
  // Of rows of one start those of the first part come first.
  for (const batch of dealt) {
    const copier = new RowCopier(batch, inOrder);
    for (let row = 0; row < batch.rows; row++) copier.copyRow(row);
  }
  const parts = dealt.map((batch) => new BatchPart([batch]));
  const joined = new JoinedPart(() => ({ parts, done: () => undefined }));
  return { whole: new BatchPart([inOrder]), joined, parts };
}

async function forSeeds(
  body: (parts: ReturnType<typeof makeParts>, seed: number) => Promise<void>,
): Promise<void> {
  const cases = fc.tuple(fc.nat(), fc.nat({ max: 3 }));
  const property = fc.asyncProperty(cases, ([seed, count]) =>
    body(makeParts(seed, count + 1), seed),
  );
  await fc.assert(property, { numRuns: 40 });
}

test("JoinedPart.search() finds what one part finds, at every limit", async () => {
  await forSeeds(async ({ whole, joined }) => {
    for (const service of [undefined, "cart", "nobody"]) {
      for (const limit of [1, 2, 5, 100]) {
        const query = { ...everything, limit, ...(service === undefined ? {} : { service }) };
        assert.deepEqual(await joined.search(query, never), await whole.search(query, never));
      }
    }
    const only = [traceIdOf(3), traceIdOf(99), traceIdOf(0)];
    assert.deepEqual(
      await joined.search(everything, never, only),
      await whole.search(everything, never, only),
    );
  });
});

test("JoinedPart.readTraces() joins rows by start, each resource and scope once", async () => {
  await forSeeds(async ({ whole, joined, parts }) => {
    const ids = [4, 0, 77, 4, 11].map(traceIdOf);
    const found = await joined.readTraces(ids, never);
    const expected = await whole.readTraces(ids, never);
    const lists = await Promise.all(parts.map((part) => part.readTraces(ids, never)));
    assert.equal(found.length, ids.length);
    for (const [at, trace] of found.entries()) {
      assert.equal(printRows(trace), printRows(expected[at]));
      const isJoined = lists.filter((list) => list[at] !== undefined).length > 1;
      if (isJoined) assert.equal(new Set(printOwners(trace!)).size, trace!.resources);
    }
    if (found[0] !== undefined) assert.notEqual(found[0], found[3]);
  });
});

test("JoinedPart.readTraces() copies nothing that only one part has", async () => {
  const trace = new SpanBatch();
  const other = new SpanBatch();
  const has = (batch: SpanBatch | undefined): Part =>
    withMethods({ readTraces: () => Promise.resolve([batch, batch]) });
  const parts = [has(undefined), has(trace), has(undefined)];
  const joined = new JoinedPart(() => ({ parts, done: () => undefined }));
  assert.equal((await joined.readTraces([traceIdOf(0), traceIdOf(0)], never))[0], trace);
  parts[2] = has(other);
  assert.notEqual((await joined.readTraces([traceIdOf(0), traceIdOf(0)], never))[0], trace);
});

test("JoinedPart.calls() counts calls whose ends are in different parts", async () => {
  await forSeeds(async ({ whole, joined, parts }, seed) => {
    for (const asked of [range, { startUsMin: BASE_US, startUsMax: BASE_US + CORPUS_US / 2 }]) {
      const found = await joined.calls(asked, never);
      const expected = await whole.calls(asked, never);
      assert.deepEqual(found.counts, expected.counts, `seed ${seed}`);
      assert.deepEqual(printNames(found.strangers), printNames(expected.strangers));
    }
    // Also if parts are joined that are themselves joined.
    const inner = new JoinedPart(() => ({ parts: parts.slice(0, 2), done: () => undefined }));
    const outer = new JoinedPart(() => ({
      parts: [inner, ...parts.slice(2)],
      done: () => undefined,
    }));
    assert.deepEqual(await outer.calls(range, never), await joined.calls(range, never));
  });
});

test("JoinedPart.calls() refuses more strangers than an answer may have", async () => {
  const count = 1_100_000;
  const calls = {
    counts: [],
    strangers: {
      services: ["a"],
      service: new Uint32Array(count),
      traceIds: new Uint8Array(16 * count),
      spanIds: new Uint8Array(8 * count),
    },
  };
  const service = new Uint32Array(count).fill(NO_SERVICE);
  const part = withMethods({
    calls: () => Promise.resolve(calls),
    spanServices: () => Promise.resolve({ services: [], service }),
  });
  const joined = new JoinedPart(() => ({ parts: [part, part], done: () => undefined }));
  await assert.rejects(joined.calls(range, never), {
    code: "bad-input",
    where: { found: 2_200_000, expectedAtMost: 2_000_000 },
  });
});

test("JoinedPart.spanServices() and its lists of names say what one part says", async () => {
  await forSeeds(async ({ whole, joined }) => {
    const { strangers } = await joined.calls(range, never);
    const hits = await whole.search(everything, never);
    const traces = await whole.readTraces([hits.ids.subarray(0, 16)], never);
    const trace = traces[0]!;
    const names = {
      traceIds: Buffer.concat([strangers.traceIds, trace.traceId.subarray(0, 16)]),
      spanIds: Buffer.concat([strangers.spanIds, trace.spanId.subarray(0, 8)]),
    };
    const print = async (part: Part): Promise<string[]> => {
      const { services, service } = await part.spanServices(names, never);
      return Array.from(service, (one) => services[one] ?? "unknown");
    };
    assert.deepEqual(await print(joined), await print(whole));
    assert.deepEqual(await joined.services(never), await whole.services(never));
    for (const [service, kind] of [
      [undefined, undefined],
      ["cart", undefined],
      ["cart", 2],
    ] as const) {
      assert.deepEqual(
        await joined.operations(service, kind, never),
        await whole.operations(service, kind, never),
      );
    }
    for (const limit of [1, 3, 100]) {
      for (const prefix of ["", "fl", "_"]) {
        const query = { ...range, prefix, limit };
        assert.deepEqual(
          await joined.attributeKeys(query, never),
          await whole.attributeKeys(query, never),
        );
      }
    }
  });
});

test("JoinedPart.series() adds up what the parts count", async () => {
  await forSeeds(async ({ whole, joined }) => {
    const query: SeriesQuery = {
      services: ["cart", "frontend"],
      kinds: [2, 3],
      byOperation: true,
      endUs: BASE_US + CORPUS_US,
      lookbackUs: 50_000_000,
      stepUs: 10_000_000,
      windowUs: 20_000_000,
      quantile: 0.9,
    };
    const print = async (part: Part): Promise<unknown> => {
      const counter = new SeriesCounter(query);
      counter.addLines(await part.series(query, never));
      return counter.finish();
    };
    assert.deepEqual(await print(joined), await print(whole));
  });
});

test("JoinedPart opens its parts once a question and lets them go when all have ended", async () => {
  const events: string[] = [];
  const { promise: slow, resolve: end } = Promise.withResolvers<void>();
  const failing = withMethods({
    services: () => Promise.reject(new SpoorError("unavailable", "gone")),
  });
  const lasting = withMethods({
    async services(signal) {
      await slow;
      events.push(signal.aborted ? "told to stop" : "not told");
      throw new SpoorError("unavailable", "the query was cancelled");
    },
  });
  const joined = new JoinedPart(() => {
    events.push("open");
    return { parts: [lasting, failing], done: () => void events.push("done") };
  });
  const asked = joined.services(never);
  assert.deepEqual(events, ["open"]);
  end();
  await assert.rejects(asked, { message: "gone" });
  assert.deepEqual(events, ["open", "told to stop", "done"]);
});

test("JoinedPart tells every part that the caller has gone", async () => {
  const stopped: number[] = [];
  const parts = [0, 1, 2].map((at) =>
    withMethods({
      services: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            stopped.push(at);
            reject(new SpoorError("unavailable", `part ${at} was stopped`));
          });
        }),
    }),
  );
  let ends = 0;
  const joined = new JoinedPart(() => ({ parts, done: () => ends++ }));
  const cancel = new AbortController();
  const asked = joined.services(cancel.signal);
  cancel.abort();
  const expected = { code: "unavailable", message: "the query was cancelled" };
  await assert.rejects(asked, expected);
  assert.deepEqual(stopped, [0, 1, 2]);
  await assert.rejects(joined.services(cancel.signal), expected);
  assert.equal(ends, 1);
});

function withMethods(methods: Partial<Part>): Part {
  return Object.assign(new BatchPart(), methods);
}

/** Without the numbers of resources and scopes, which one part may have twice. */
function printRows(trace: SpanBatch | undefined): string {
  if (trace === undefined) return "none";
  const lines: string[] = [];
  const one = new SpanBatch();
  const copier = new RowCopier(trace, one);
  for (let row = 0; row < trace.rows; row++) {
    one.reset();
    copier.begin(trace, one);
    copier.copyRow(row);
    lines.push(printSpans(one));
  }
  return lines.join("\n");
}

function printOwners(trace: SpanBatch): string[] {
  const owners = new Set<number>();
  const printed: string[] = [];
  for (let row = 0; row < trace.rows; row++) {
    const resource = trace.resource[row]!;
    if (owners.has(resource)) continue;
    owners.add(resource);
    const one = new SpanBatch();
    new RowCopier(trace, one).copyRow(row);
    printed.push(printSpans(one).split("\nscope")[0]!.split("\nspan")[0]!);
  }
  return printed;
}

function printNames({ service, services, traceIds, spanIds }: Calls): string[] {
  const hex = (ids: Uint8Array, start: number, end: number): string =>
    Buffer.from(ids.subarray(start, end)).toString("hex");
  return Array.from(service, (one, at) => {
    const id = hex(traceIds, 16 * at, 16 * at + 16) + hex(spanIds, 8 * at, 8 * at + 8);
    return `${id} ${services[one]}`;
  }).sort();
}

type Calls = Awaited<ReturnType<Part["calls"]>>["strangers"];
