// The first texts of many, and the keys and values of a block in memory and in a file.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keysByForce, valuesByForce } from "../../../test/store/completions-by-force.ts";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { STRING } from "../../model/attribute-table.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import { makeBlockImage } from "../block/block-image.ts";
import { openBlock, sourceOf } from "../block/block-reader.ts";
import { writeBlock } from "../block/block-writer.ts";
import { PageCache } from "../block/page-cache.ts";
import { collectKeys, collectValues } from "./collect-completions.ts";
import type { Rows, Vocabulary } from "./columns.ts";
import { COMPLETION_BYTES_MAX, Completions } from "./completions.ts";
import { Head } from "./head.ts";

interface Source {
  readonly block: Vocabulary;
  readonly pages: () => Iterable<Rows>;
}

/** The batches as a block in memory and as one in a file. */
function makeSources(batches: readonly SpanBatch[]): readonly Source[] {
  const head = new Head();
  for (const batch of batches) head.append(batch);
  const block = head.blocks[0]!;
  head.sealOpenBlock();
  const chunks = writeBlock(makeBlockImage(block, head.traces), { hashSeed: 7 })!;
  const file = openBlock(sourceOf(Buffer.concat(chunks)), new PageCache(1 << 26));
  const pages = function* (): Generator<Rows> {
    for (let index = 0; index < file.rowPages; index++) yield file.page(index);
  };
  return [
    { block, pages: () => [block] },
    { block: file, pages },
  ];
}

test("Completions keeps the first texts with the prefix, whatever comes in which order", () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "é", "😀", "\uffee") }));
  fc.assert(
    fc.property(
      texts,
      fc.constantFrom("", "a", "😀"),
      fc.integer({ min: 1, max: 9 }),
      (list, prefix, limit) => {
        const found = new Completions(prefix, limit);
        for (const [i, text] of list.entries()) {
          if (i % 2 === 0) found.add(text);
          else found.addBytes(Buffer.from(text));
        }
        const wanted = [...new Set(list)].filter((text) => text.startsWith(prefix));
        assert.deepEqual(found.sorted(), wanted.sort().slice(0, limit));
      },
    ),
    { numRuns: 500 },
  );
});

test("Completions holds no more than it needs of a million values", () => {
  const found = new Completions("", 10);
  let taken = 0;
  for (let i = 1_000_000; i > 0; i--) {
    const text = String((i * 7_919) % 1_000_003).padStart(7, "0");
    if (found.wants(text)) taken++;
    found.add(text);
  }
  assert.equal(found.sorted().length, 10);
  assert.ok(taken < 1_000, `${taken} texts were taken`);
});

test("Completions leaves out texts that nobody types", () => {
  const found = new Completions("", 10);
  found.add("x".repeat(COMPLETION_BYTES_MAX + 1));
  found.addBytes(Buffer.alloc(COMPLETION_BYTES_MAX + 1, "y"));
  found.add("x".repeat(COMPLETION_BYTES_MAX));
  assert.deepEqual(found.sorted(), ["x".repeat(COMPLETION_BYTES_MAX)]);
});

const range = { startUsMin: 0, startUsMax: Infinity };
const services = [undefined, "cart", "frontend", "__proto__", "nobody", ""];
const prefixes = ["", "http", "o", "span.", "x"];

test("collectKeys() and collectValues() offer what brute force offers", () => {
  for (const seed of [1, 2, 3]) {
    const random = makeRandom(seed);
    const batches = [0, 1].map(() =>
      makeSpans({ random, rows: 25, tracesFrom: 0, tracesEnd: 9, withOdd: true }),
    );
    const all = keysByForce(batches, { ...range, prefix: "", limit: 1_000 });
    for (const { block, pages } of makeSources(batches)) {
      for (const service of services) {
        for (const prefix of prefixes) {
          const own = service === undefined ? {} : { service };
          const query = { ...range, ...own, prefix, limit: 5 };
          const keys = new Completions(prefix, 5);
          for (const _ of collectKeys(block, pages(), query, keys));
          assert.deepEqual(keys.sorted(), keysByForce(batches, query), JSON.stringify(query));
        }
        for (const key of [...all, "nowhere", "otel.library.name"]) {
          if (key === "duration") continue; // Numbers are not offered.
          const own = service === undefined ? {} : { service };
          const query = { ...range, ...own, key, prefix: "", limit: 7 };
          const values = new Completions("", 7);
          for (const _ of collectValues(block, pages(), query, values));
          assert.deepEqual(values.sorted(), valuesByForce(batches, query), JSON.stringify(query));
        }
      }
    }
  }
});

test("collectKeys() looks at no row for keys alone, collectValues() neither", () => {
  const batch = new SpanBatch();
  const { dictionary } = batch;
  const row = batch.openRow(batch.openResource(), batch.openScope());
  batch.traceId[16 * row] = 1;
  batch.spanAttributes.add(
    dictionary.internText("http.method"),
    STRING,
    dictionary.internText("GET"),
  );
  batch.closeRow();
  const refuse = function* (): Generator<Rows> {
    yield assert.fail("rows were asked for");
  };
  for (const { block } of makeSources([batch])) {
    const keys = new Completions("http.", 5);
    const query = { ...range, prefix: "http.", limit: 5 };
    for (const _ of collectKeys(block, refuse(), query, keys));
    assert.deepEqual(keys.sorted(), ["http.method"]);
    const values = new Completions("", 5);
    for (const _ of collectValues(
      block,
      refuse(),
      { ...query, key: "http.method", prefix: "" },
      values,
    ));
    assert.deepEqual(values.sorted(), ["GET"]);
  }
});
