// The memory engine: the suite of all stores, at ordinary and at tiny blocks, and its bounds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { conformance } from "../../../test/store/conformance.ts";
import { traceIdText } from "../../../test/store/brute-force.ts";
import { BASE_US, makeRandom, makeSpans, traceIdOf } from "../../../test/store/corpus.ts";
import { makeMemoryStore } from "./memory-store.ts";

const never = new AbortController().signal;
const bytesMax = 512 * 1024 * 1024;

for (const blockRowsMax of [65_536, 64, 7]) {
  conformance(`memory, blocks of ${blockRowsMax} rows`, () =>
    Promise.resolve(makeMemoryStore({ tracesMax: 0, bytesMax, blockRowsMax }, systemClock)),
  );
}

test("MemoryStore evicts the trace whose first span came first, whole", async () => {
  const store = makeMemoryStore({ tracesMax: 3, bytesMax, blockRowsMax: 16 }, systemClock);
  const random = makeRandom(1);
  for (let trace = 0; trace < 10; trace++) {
    await store.write(makeSpans({ random, rows: 10, tracesFrom: trace, tracesEnd: trace + 1 }));
    // The oldest trace that is still held goes on: it is evicted in its turn all the same.
    const oldest = Math.max(0, trace - 2);
    await store.write(makeSpans({ random, rows: 2, tracesFrom: oldest, tracesEnd: oldest + 1 }));
  }
  const all = { startUsMin: 0, startUsMax: BASE_US * 2, attributes: [], limit: 100 };
  const found = await store.findTraces(all, never);
  const ids = found.map((trace) => traceIdText(trace, 0)).sort();
  const held = [7, 8, 9].map((trace) => Buffer.from(traceIdOf(trace)).toString("hex"));
  assert.deepEqual(ids, held.sort());
  const figures = store.figures();
  assert.equal(
    figures.spans,
    found.reduce((sum, trace) => sum + trace.rows, 0),
  );
  assert.equal(figures.spans + figures.evictedSpans, 120);
  assert.equal(figures.evictedTraces, 7);
});

test("MemoryStore stays within its bytes, and services of evicted traces are gone", async () => {
  const small = 3 * 1024 * 1024;
  const store = makeMemoryStore({ tracesMax: 0, bytesMax: small, blockRowsMax: 512 }, systemClock);
  const random = makeRandom(2);
  const first = makeSpans({ random, rows: 5, tracesFrom: 0, tracesEnd: 1 });
  for (let resource = 0; resource < first.resources; resource++) {
    const at = first.resourceAttributeStart[resource]!;
    const key = first.dictionary.internText("service.name");
    if (first.resourceAttributes.key[at] === key) {
      first.resourceAttributes.words[2 * at] = first.dictionary.internText("early-bird");
    }
  }
  await store.write(first);
  assert.ok((await store.services(never)).includes("early-bird"));
  for (let round = 1; round <= 300; round++) {
    const from = round * 10;
    await store.write(makeSpans({ random, rows: 100, tracesFrom: from, tracesEnd: from + 10 }));
    assert.ok(store.figures().bytes <= small, `${store.figures().bytes} bytes in round ${round}`);
  }
  const figures = store.figures();
  assert.equal(figures.spans + figures.evictedSpans, 30_005);
  assert.ok(figures.evictedSpans > 5_000 && figures.spans > 1_000, JSON.stringify(figures));
  assert.ok(!(await store.services(never)).includes("early-bird"));
});

test("MemoryStore keeps archived traces after they were evicted, and hands out copies", async () => {
  const store = makeMemoryStore({ tracesMax: 1, bytesMax }, systemClock);
  const random = makeRandom(3);
  await store.write(makeSpans({ random, rows: 4, tracesFrom: 0, tracesEnd: 1 }));
  assert.equal(await store.archive(traceIdOf(0), never), true);
  await store.write(makeSpans({ random, rows: 4, tracesFrom: 1, tracesEnd: 2 }));
  const [one] = await store.readTraces([traceIdOf(0)], never);
  assert.equal(one!.rows, 4);
  one!.reset();
  const [again] = await store.readTraces([traceIdOf(0)], never);
  assert.equal(again!.rows, 4);
});

test("MemoryStore takes a trace of 100,000 spans over several blocks", async () => {
  const store = makeMemoryStore({ tracesMax: 0, bytesMax }, systemClock);
  const random = makeRandom(4);
  for (let round = 0; round < 10; round++) {
    await store.write(makeSpans({ random, rows: 10_000, tracesFrom: 0, tracesEnd: 1 }));
  }
  const [trace] = await store.readTraces([traceIdOf(0)], never);
  assert.equal(trace!.rows, 100_000);
  for (let row = 1; row < trace!.rows; row++) {
    assert.ok(trace!.startUs[row]! >= trace!.startUs[row - 1]!);
  }
});

test("MemoryStore refuses to archive more than its archive may hold", async () => {
  const store = makeMemoryStore({ tracesMax: 2, bytesMax }, systemClock);
  const random = makeRandom(5);
  let archived = 0;
  await assert.rejects(
    async () => {
      for (let trace = 0; trace < 10_000; trace++) {
        await store.write(makeSpans({ random, rows: 50, tracesFrom: trace, tracesEnd: trace + 1 }));
        await store.archive(traceIdOf(trace), never);
        archived++;
      }
    },
    { code: "overloaded" },
  );
  assert.ok(archived > 100, `${archived} traces`);
  const [first] = await store.readTraces([traceIdOf(0)], never);
  assert.equal(first!.rows, 50);
});
