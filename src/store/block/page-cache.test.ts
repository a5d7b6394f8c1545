// The cache of decoded pages: what it keeps, and what a question over everything does to it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PageCache } from "./page-cache.ts";
import { PageMemory } from "./page-memory.ts";

/** A cache of pages of 100 bytes, and which of them had to be made. */
function open(pages: number): { ask: (...keys: number[]) => number[]; cache: PageCache } {
  const cache = new PageCache(100 * pages);
  const ask = (...keys: number[]): number[] => {
    const made: number[] = [];
    cache.beginQuestion();
    for (const key of keys) {
      const value = cache.get(key, () => {
        made.push(key);
        return { value: `page ${key}`, bytes: 100 };
      });
      assert.equal(value, `page ${key}`);
      assert.ok(cache.bytes <= 100 * pages);
    }
    return made;
  };
  return { ask, cache };
}

test("PageCache.get() makes a page once while there is room", () => {
  const { ask, cache } = open(4);
  assert.deepEqual(ask(1, 2, 1, 3, 1), [1, 2, 3]);
  assert.deepEqual(ask(3, 2, 1), []);
  assert.equal(cache.bytes, 300);
});

test("PageCache.get() forgets what was used longest ago", () => {
  const { ask } = open(4);
  ask(1, 2, 3, 4, 5);
  assert.deepEqual(ask(2, 3, 4, 5), []);
  assert.deepEqual(ask(1), [1]);
});

test("PageCache keeps what several questions used over a question that reads everything", () => {
  const { ask } = open(8);
  ask(1, 2, 3);
  ask(1, 2, 3);
  assert.equal(ask(...Array.from({ length: 100 }, (_, n) => 1_000 + n)).length, 100);
  assert.deepEqual(ask(1, 2, 3), []);
});

test("PageCache takes a page for hot only if another question used it", () => {
  const { ask } = open(8);
  ask(1, 1, 1, 1);
  ask(...Array.from({ length: 100 }, (_, n) => 1_000 + n));
  assert.deepEqual(ask(1), [1]);
});

test("PageCache gives the room of pages that are hot no more to those that are", () => {
  const { ask } = open(8);
  for (let round = 0; round < 2; round++) ask(1, 2, 3, 4, 5, 6);
  for (let round = 0; round < 3; round++) ask(11, 12, 13, 14, 15, 16);
  assert.deepEqual(ask(11, 12, 13, 14, 15, 16), []);
});

test("PageCache does not keep a page that is larger than all of it", () => {
  const cache = new PageCache(50);
  for (let round = 0; round < 2; round++) cache.get(1, () => ({ value: "x", bytes: 51 }));
  assert.equal(cache.bytes, 0);
  assert.equal(
    cache.get(1, () => ({ value: "y", bytes: 50 })),
    "y",
  );
});

test("PageCache gives memory back when no question is open that may have it in hand", () => {
  const memory = new PageMemory();
  const cache = new PageCache(2_000, memory);
  const ask = (key: number): unknown =>
    cache.get(key, (lease) => ({ value: lease?.octets(1_000), bytes: lease?.bytes ?? 1_000 }));
  cache.beginQuestion();
  ask(2);
  ask(3);
  cache.beginQuestion();
  cache.endQuestion();
  assert.equal(memory.freeBytes, 0, "the first question is open");
  cache.endQuestion();
  assert.equal(memory.freeBytes, 1_024);
  assert.equal(cache.reuses, 1);
  for (let key = 4; key < 9; key++) ask(key);
  cache.beginQuestion();
  cache.endQuestion();
  assert.equal(memory.freeBytes, 1_024, "what nobody asked for lies in memory of its own");
  assert.throws(() => cache.endQuestion(), /ends once/);
});
