// What every store must answer to a search, page by page, and offer while somebody types one: the part of
// the suite that compares with brute force.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanBatch } from "../../src/model/span-batch.ts";
import type { KeyQuery, TraceQuery } from "../../src/model/trace-query.ts";
import type { Hits } from "../../src/store/part.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { type FoundTrace, searchByForce, traceIdText } from "./brute-force.ts";
import { keysByForce, valuesByForce } from "./completions-by-force.ts";
import {
  BASE_US,
  CORPUS_US,
  type Random,
  makeQuery,
  makeRandom,
  makeSpans,
  traceIdOf,
} from "./corpus.ts";
import { receivedOf } from "./received-of.ts";

type WithStore = (body: (store: TraceStore) => Promise<void>) => Promise<void>;

const never = new AbortController().signal;
const always = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER };
const everything: TraceQuery = { ...always, attributes: [], limit: 10_000 };

export function searchConformance(engine: string, withStore: WithStore): void {
  test(`${engine}: search() finds what brute force finds, in its order`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(42);
      const batches: SpanBatch[] = [];
      for (let round = 0; round < 12; round++) {
        batches.push(await writeSome(store, random, round * 15));
        for (let i = 0; i < 40; i++) {
          const query = makeQuery(random);
          const found = foundOf(await store.search(query, never));
          assert.deepEqual(found, searchByForce(batches, query), JSON.stringify(query));
        }
      }
    });
  });

  test(`${engine}: search() refuses what is no regular expression, even while it is empty`, async () => {
    await withStore(async (store) => {
      const attributes = [{ key: "nowhere", operator: "~", value: "a(" }] as const;
      const refused = { code: "bad-input" };
      await assert.rejects(store.search({ ...everything, attributes }, never), refused);
      await assert.rejects(store.findTraces({ ...everything, attributes }, never), refused);
    });
  });

  test(`${engine}: findTraces() gives the traces that search() finds`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(43);
      for (let round = 0; round < 6; round++) {
        await writeSome(store, random, round * 15);
        for (let i = 0; i < 5; i++) {
          const query = makeQuery(random);
          const { ids } = await store.search(query, never);
          const found = await store.findTraces(query, never);
          const wanted = Buffer.from(ids).toString("hex");
          assert.equal(found.map((trace) => traceIdText(trace, 0)).join(""), wanted);
        }
      }
    });
  });

  // Traces whose spans lie far apart, and many spans of one start: what makes pages hard.
  for (const starts of [3, 40, CORPUS_US]) {
    test(`${engine}: search() gives every trace once, page by page, of ${starts} starts`, async () => {
      await withStore(async (store) => {
        const random = makeRandom(starts);
        const batches: SpanBatch[] = [];
        for (let round = 0; round < 8; round++) {
          const from = round * 4;
          const batch = makeSpans({ random, rows: 60, tracesFrom: from, tracesEnd: from + 30 });
          for (let row = 0; row < batch.rows; row++) {
            batch.startUs[row] = BASE_US + Math.floor(random() * starts);
          }
          batches.push(batch);
          await store.write(batch, receivedOf(batch));
        }
        for (let i = 0; i < 30; i++) {
          const limit = [1, 2, 3, 7, 50][i % 5]!;
          const query = { ...makeQuery(random), ...always, limit };
          const whole = searchByForce(batches, { ...query, limit: 10_000 });
          assert.deepEqual(await readPages(store, query), whole, JSON.stringify(query));
        }
      });
    });
  }

  test(`${engine}: search() goes on behind a place where no trace is`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(9);
      const batches = [await writeSome(store, random, 0)];
      const { startUs } = await store.search(everything, never);
      const at = startUs[5]!;
      for (const place of [at + 1, at, at - 1, 0, 2 ** 53]) {
        for (const id of [traceIdOf(0), new Uint8Array(16), new Uint8Array(16).fill(255)]) {
          const after = { startUs: place, traceId: id };
          const found = foundOf(await store.search({ ...everything, after }, never));
          const hex = Buffer.from(id).toString("hex");
          const expected = searchByForce(batches, everything).filter(
            (trace) => trace.startUs < place || (trace.startUs === place && trace.id > hex),
          );
          assert.deepEqual(found, expected, `${place} ${hex}`);
        }
      }
    });
  });

  test(`${engine}: attributeKeys() and attributeValues() name what spans have`, async () => {
    await withStore(async (store) => {
      const random = makeRandom(31);
      const batches: SpanBatch[] = [];
      assert.deepEqual(await store.attributeKeys({ ...always, prefix: "", limit: 10 }, never), []);
      for (let round = 0; round < 4; round++) {
        batches.push(await writeSome(store, random, round * 10));
      }
      for (const service of [undefined, "cart", "nobody"]) {
        const ofService = service === undefined ? {} : { service };
        for (const [prefix, limit] of [
          ["", 1_000],
          ["", 3],
          ["otel.", 1_000],
          ["user", 1],
          ["nope", 9],
        ] as const) {
          const query: KeyQuery = { ...always, ...ofService, prefix, limit };
          const keys = await store.attributeKeys(query, never);
          assert.deepEqual(keys, keysByForce(batches, query), JSON.stringify(query));
        }
        for (const key of keysByForce(batches, { ...always, prefix: "", limit: 1_000 })) {
          if (key === "duration") continue;
          for (const [prefix, limit] of [
            ["", 1_000],
            ["", 2],
            ["1", 5],
          ] as const) {
            const query = { ...always, ...ofService, key, prefix, limit };
            const values = await store.attributeValues(query, never);
            assert.deepEqual(values, valuesByForce(batches, query), JSON.stringify(query));
          }
        }
      }
    });
  });

  test(`${engine}: attributeKeys() looks at blocks that reach into the range`, async () => {
    await withStore(async (store) => {
      const batches = [await writeSome(store, makeRandom(37), 0)];
      for (const part of [0.1, 0.5, 1]) {
        const startUsMax = BASE_US + Math.floor(part * CORPUS_US);
        const query: KeyQuery = { startUsMin: BASE_US, startUsMax, prefix: "", limit: 1_000 };
        const keys = new Set(await store.attributeKeys(query, never));
        for (const key of keysByForce(batches, query)) assert.ok(keys.has(key), key);
        const all = new Set(keysByForce(batches, { ...query, ...always }));
        for (const key of keys) assert.ok(all.has(key), key);
      }
      const before = { startUsMin: 0, startUsMax: BASE_US - 1, prefix: "", limit: 1_000 };
      assert.deepEqual(await store.attributeKeys(before, never), []);
    });
  });

  test(`${engine}: a cancelled query ends`, async () => {
    await withStore(async (store) => {
      await writeSome(store, makeRandom(23), 0);
      const gone = AbortSignal.abort();
      const names = { ...always, prefix: "", limit: 1 };
      const questions: readonly (() => Promise<unknown>)[] = [
        () => store.search(everything, gone),
        () => store.findTraces(everything, gone),
        () => store.readTraces([traceIdOf(0)], gone),
        () => store.services(gone),
        () => store.operations(undefined, undefined, gone),
        () => store.dependencies(always, gone),
        () => store.attributeKeys(names, gone),
        () => store.attributeValues({ ...names, key: "user" }, gone),
        async () => {
          for await (const trace of store.findEach(everything, gone)) assert.ok(trace.rows < 0);
        },
      ];
      for (const ask of questions)
        await assert.rejects(ask, { code: "unavailable" }, ask.toString());
      const cancel = new AbortController();
      const asked = store.search(everything, cancel.signal);
      cancel.abort();
      // It may have been done before it could notice.
      await asked.catch((error: unknown) =>
        assert.equal((error as { code: string }).code, "unavailable"),
      );
      assert.ok((await store.search(everything, never)).startUs.length > 0);
    });
  });
}

async function writeSome(store: TraceStore, random: Random, from: number): Promise<SpanBatch> {
  const traces = { tracesFrom: from, tracesEnd: from + 25 };
  const batch = makeSpans({ random, rows: 150, withOdd: true, ...traces });
  await store.write(batch, receivedOf(batch));
  return batch;
}

function foundOf({ ids, startUs }: Hits): FoundTrace[] {
  return Array.from(startUs, (us, at) => ({
    id: Buffer.from(ids.subarray(16 * at, 16 * at + 16)).toString("hex"),
    startUs: us,
  }));
}

async function readPages(store: TraceStore, query: TraceQuery): Promise<FoundTrace[]> {
  const pages: FoundTrace[] = [];
  let asked = query;
  for (;;) {
    const page = foundOf(await store.search(asked, never));
    pages.push(...page);
    const last = page.at(-1);
    if (page.length < query.limit || last === undefined) return pages;
    const after = { startUs: last.startUs, traceId: Buffer.from(last.id, "hex") };
    asked = { ...query, after };
  }
}
