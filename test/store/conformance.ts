// What every store must do, as tests: each engine runs this suite with its own way of opening.
//
//   conformance("memory", () => makeMemoryStore(…))
//
// An engine that declares a capability is tested for it; one that does not must throw `unsupported`.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { printSpans } from "../../src/model/print-spans.ts";
import { SpanBatch } from "../../src/model/span-batch.ts";
import { RowCopier, SharedOwners } from "../../src/model/copy-rows.ts";
import type { SeriesQuery, TraceQuery } from "../../src/model/trace-query.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { anySpans } from "../any-spans.ts";
import { dependenciesByForce, serviceText, traceIdText } from "./brute-force.ts";
import { BASE_US, CORPUS_US, makeRandom, makeSpans, traceIdOf } from "./corpus.ts";
import { receivedOf } from "./received-of.ts";
import { searchConformance } from "./search-conformance.ts";

export { receivedOf } from "./received-of.ts";

const never = new AbortController().signal;
const everything: TraceQuery = {
  startUsMin: 0,
  startUsMax: Number.MAX_SAFE_INTEGER,
  attributes: [],
  limit: 10_000,
};

/** Runs the suite. @param open makes an empty store with room for some ten thousand spans. */
export function conformance(engine: string, open: () => Promise<TraceStore>): void {
  const withStore = async (body: (store: TraceStore) => Promise<void>): Promise<void> => {
    const store = await open();
    try {
      await body(store);
    } finally {
      await store.close();
    }
  };

  test(`${engine}: write() keeps every field of every span`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySpans(5), { maxLength: 3 }), async (batches) => {
        await withStore(async (store) => {
          for (const batch of batches) await store.write(batch, receivedOf(batch));
          const ids = distinctIds(batches);
          const found = await store.readTraces(ids, never);
          assert.deepEqual(
            found.map((trace) => printSpans(trace)),
            ids.map((id) => printSpans(traceByForce(batches, id))),
          );
        });
      }),
      { numRuns: 60 },
    );
  });

  searchConformance(engine, withStore);

  test(`${engine}: write() lets the caller reuse the batch at once`, async () => {
    await withStore(async (store) => {
      const batch = makeSpans({ random: makeRandom(1), rows: 50, tracesFrom: 0, tracesEnd: 5 });
      const before = traceByForce([batch], traceIdOf(3));
      const written = store.write(batch, receivedOf(batch));
      batch.reset();
      await written;
      const [trace] = await store.readTraces([traceIdOf(3)], never);
      assert.equal(printSpans(trace!), printSpans(before));
    });
  });

  test(`${engine}: findTraces() gives whole traces, rows by start`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(7);
      const batches = [0, 1, 2].map(() =>
        makeSpans({ random, rows: 60, tracesFrom: 0, tracesEnd: 8 }),
      );
      for (const batch of batches) await store.write(batch, receivedOf(batch));
      const found = await store.findTraces({ ...everything, operation: "SELECT" }, never);
      assert.ok(found.length > 4);
      for (const trace of found) {
        const whole = traceByForce(batches, trace.traceId.slice(0, 16));
        assert.equal(printSpans(trace), printSpans(whole));
      }
    });
  });

  test(`${engine}: findEach() gives what findTraces() gives, one by one`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(7);
      await write(store, makeSpans({ random, rows: 200, tracesFrom: 0, tracesEnd: 30 }));
      for (const limit of [1, 5, 10_000]) {
        const each: string[] = [];
        for await (const trace of store.findEach({ ...everything, limit }, never)) {
          each.push(printSpans(trace));
        }
        const found = await store.findTraces({ ...everything, limit }, never);
        assert.deepEqual(each, found.map(printSpans));
      }
    });
  });

  test(`${engine}: findTraces() never joins two spans to meet one query`, async () => {
    await withStore(async (store) => {
      const batch = makeSpans({ random: makeRandom(3), rows: 2, tracesFrom: 0, tracesEnd: 1 });
      for (let row = 0; row < 2; row++) {
        batch.name[row] = batch.dictionary.internText(`op-${row}`);
        batch.durationNs[row] = row * 1_000;
      }
      await store.write(batch, receivedOf(batch));
      const query = { ...everything, operation: "op-0", durationNsMin: 1_000 };
      assert.equal((await store.findTraces(query, never)).length, 0);
      assert.equal((await store.findTraces({ ...query, operation: "op-1" }, never)).length, 1);
    });
  });

  test(`${engine}: readTraces() skips unknown ids and keeps the order asked`, async () => {
    await withStore(async (store) => {
      await write(
        store,
        makeSpans({ random: makeRandom(5), rows: 80, tracesFrom: 0, tracesEnd: 4 }),
      );
      const ids = [traceIdOf(2), traceIdOf(77), traceIdOf(0)];
      const found = await store.readTraces(ids, never);
      assert.deepEqual(
        found.map((trace) => traceIdText(trace, 0)),
        [ids[0]!, ids[2]!].map((id) => Buffer.from(id).toString("hex")),
      );
    });
  });

  test(`${engine}: services() and operations() name what is stored`, async () => {
    await withStore(async (store) => {
      assert.deepEqual(await store.services(never), []);
      const random = makeRandom(11);
      const batches = [0, 1].map(() =>
        makeSpans({ random, rows: 90, tracesFrom: 0, tracesEnd: 9 }),
      );
      for (const batch of batches) await store.write(batch, receivedOf(batch));
      const services = new Set<string>();
      const operations = new Set<string>();
      const ofCart = new Set<string>();
      forEachRow(batches, (batch, row) => {
        const operation = `${batch.dictionary.text(batch.name[row]!)} ${batch.kind[row]}`;
        services.add(serviceText(batch, row));
        operations.add(operation);
        if (serviceText(batch, row) === "cart") ofCart.add(operation);
      });
      const print = (list: readonly { name: string; kind: number }[]): string[] =>
        list.map(({ name, kind }) => `${name} ${kind}`);
      assert.deepEqual(await store.services(never), [...services].sort());
      const all = await store.operations(undefined, undefined, never);
      assert.deepEqual(print(all).sort(), [...operations].sort());
      const cart = await store.operations("cart", undefined, never);
      assert.deepEqual(print(cart).sort(), [...ofCart].sort());
      const servers = await store.operations("cart", 2, never);
      assert.deepEqual(
        servers,
        cart.filter((operation) => operation.kind === 2),
      );
      assert.deepEqual(await store.operations("nobody", undefined, never), []);
    });
  });

  test(`${engine}: dependencies() counts calls between services`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(13);
      const batches = [0, 1, 2].map(() =>
        makeSpans({ random, rows: 90, tracesFrom: 0, tracesEnd: 9 }),
      );
      for (const batch of batches) await store.write(batch, receivedOf(batch));
      const range = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER };
      assert.deepEqual(await store.dependencies(range, never), dependenciesByForce(batches));
      const before = { startUsMin: 0, startUsMax: BASE_US - 1 };
      assert.deepEqual(await store.dependencies(before, never), []);
    });
  });

  test(`${engine}: series() counts calls and errors in windows`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(17);
      const batch = makeSpans({ random, rows: 400, tracesFrom: 0, tracesEnd: 30 });
      await store.write(batch, receivedOf(batch));
      const query: SeriesQuery = {
        services: ["cart", "frontend"],
        kinds: [2],
        byOperation: false,
        endUs: BASE_US + CORPUS_US,
        lookbackUs: 50_000_000,
        stepUs: 10_000_000,
        windowUs: 20_000_000,
        quantile: 0.5,
      };
      if (!store.capabilities.series) {
        await assert.rejects(store.series(query, never), { code: "unsupported" });
        return;
      }
      for (const line of await store.series(query, never)) {
        assert.equal(line.points.length, 6);
        for (const point of line.points) checkPoint(batch, line.service, point);
      }
    });
  });

  test(`${engine}: archive() keeps a copy, or is refused`, async () => {
    await withStore(async (store) => {
      await write(
        store,
        makeSpans({ random: makeRandom(19), rows: 9, tracesFrom: 0, tracesEnd: 1 }),
      );
      if (!store.capabilities.archive) {
        await assert.rejects(store.archive(traceIdOf(0), never), { code: "unsupported" });
        return;
      }
      assert.equal(await store.archive(traceIdOf(0), never), true);
      assert.equal(await store.archive(traceIdOf(99), never), false);
    });
  });

  test(`${engine}: figures() counts what is held`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(29);
      const batch = makeSpans({ random, rows: 200, tracesFrom: 0, tracesEnd: 9 });
      await store.write(batch, receivedOf(batch));
      const { spans, traces, evictedSpans } = store.figures();
      assert.deepEqual({ spans, traces, evictedSpans }, { spans: 200, traces: 9, evictedSpans: 0 });
      await store.ready();
    });
  });
}

function write(store: TraceStore, batch: SpanBatch): Promise<void> {
  return store.write(batch, receivedOf(batch));
}

function checkPoint(
  batch: SpanBatch,
  service: string,
  point: { atUs: number; calls: number; errors: number; durationNs: number },
): void {
  let calls = 0;
  let errors = 0;
  forEachRow([batch], (own, row) => {
    const startUs = own.startUs[row]!;
    if (startUs < point.atUs - 20_000_000 || startUs >= point.atUs) return;
    if (serviceText(own, row) !== service || own.kind[row] !== 2) return;
    calls++;
    if (own.statusCode[row] === 2) errors++;
  });
  assert.deepEqual({ calls: point.calls, errors: point.errors }, { calls, errors });
  assert.equal(Number.isNaN(point.durationNs), calls === 0);
}

function forEachRow(
  batches: readonly SpanBatch[],
  visit: (batch: SpanBatch, row: number) => void,
): void {
  for (const batch of batches) for (let row = 0; row < batch.rows; row++) visit(batch, row);
}

function distinctIds(batches: readonly SpanBatch[]): Uint8Array[] {
  const ids = new Map<string, Uint8Array>();
  forEachRow(batches, (batch, row) => {
    ids.set(traceIdText(batch, row), batch.traceId.slice(16 * row, 16 * row + 16));
  });
  return [...ids.values()];
}

/** The rows of one trace, by start, those of one start in the order in which they came; equal owners once. */
function traceByForce(batches: readonly SpanBatch[], id: Uint8Array): SpanBatch {
  const wanted = Buffer.from(id).toString("hex");
  const rows: { batch: SpanBatch; row: number }[] = [];
  forEachRow(batches, (batch, row) => {
    if (traceIdText(batch, row) === wanted) rows.push({ batch, row });
  });
  rows.sort(
    (one, two) =>
      one.batch.startUs[one.row]! - two.batch.startUs[two.row]! ||
      one.batch.startRestNs[one.row]! - two.batch.startRestNs[two.row]!,
  );
  const trace = new SpanBatch();
  const owners = new SharedOwners();
  const copiers = new Map<SpanBatch, RowCopier>();
  for (const { batch, row } of rows) {
    let copier = copiers.get(batch);
    if (copier === undefined) copiers.set(batch, (copier = new RowCopier(batch, trace, owners)));
    copier.copyRow(row);
  }
  return trace;
}
