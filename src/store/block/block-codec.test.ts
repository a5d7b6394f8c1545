// Blocks through their bytes and back: the same spans, the same answers, and no byte that can change
// unseen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../../test/any-spans.ts";
import { findByForce } from "../../../test/store/brute-force.ts";
import { makeQuery, makeRandom, makeSpans, traceIdOf } from "../../../test/store/corpus.ts";
import { printSpans } from "../../model/print-spans.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import type { TraceQuery } from "../../model/trace-query.ts";
import { durationBucketOf } from "../duration-buckets.ts";
import type { Block } from "../head/block.ts";
import { callsOf } from "../head/calls.ts";
import { Emitter } from "../head/emit.ts";
import { Head } from "../head/head.ts";
import { matchRows } from "../head/match.ts";
import { operationsOf, servicesOf } from "../head/statistics.ts";
import { makeBlockImage } from "./block-image.ts";
import { type FileBlock, openBlock, sourceOf } from "./block-reader.ts";
import { writeBlock } from "./block-writer.ts";
import { readFooter } from "./footer.ts";
import { PageCache } from "./page-cache.ts";

const MEGABYTE = 1 << 20;
const noPause = (): undefined => undefined;

interface Written {
  readonly head: Head;
  readonly block: Block;
  readonly bytes: Uint8Array;
  readonly file: FileBlock;
}

/** The batches as one sealed block, and as a file. */
function write(batches: readonly SpanBatch[], cacheBytes = 64 * MEGABYTE): Written {
  const head = new Head();
  for (const batch of batches) head.append(batch);
  const block = head.blocks[0]!;
  head.sealOpenBlock();
  const bytes = Buffer.concat(writeBlock(makeBlockImage(block, head.traces), { hashSeed: 7 })!);
  return { head, block, bytes, file: openBlock(sourceOf(bytes), new PageCache(cacheBytes)) };
}

function printTrace(file: FileBlock, trace: number): string {
  const emitter = new Emitter();
  file.emitTrace(trace, emitter);
  return printSpans(emitter.batch);
}

function printAll(file: FileBlock): string {
  return Array.from({ length: file.figures.traces }, (_, trace) => printTrace(file, trace)).join(
    "\n",
  );
}

/** As printAll, from the head. */
function printHead({ head, file }: Written): string {
  const ids = file.traceIds;
  return Array.from({ length: file.figures.traces }, (_, trace) =>
    printSpans(head.readTrace(head.findTrace(ids.slice(16 * trace, 16 * trace + 16)))),
  ).join("\n");
}

function corpus(seed: number, rows: number, traces = 40): SpanBatch[] {
  const random = makeRandom(seed);
  return Array.from({ length: Math.ceil(rows / 100) }, () =>
    makeSpans({ random, rows: 100, tracesFrom: 0, tracesEnd: traces }),
  );
}

test("writeBlock() keeps any spans", () => {
  fc.assert(
    fc.property(anySpans(8), (batch) => {
      if (batch.rows === 0) return;
      const written = write([batch]);
      assert.equal(printAll(written.file), printHead(written));
    }),
    { numRuns: 150 },
  );
});

test("writeBlock() keeps times and durations that no clock gives", () => {
  const batch = new SpanBatch();
  const odd = [
    0,
    1,
    -5,
    2 ** 53 - 1,
    -(2 ** 53),
    0.5,
    2 ** 60,
    4_294_967_296,
    1_700_000_000_000_000,
  ];
  batch.openResource();
  batch.openScope();
  for (const us of odd) {
    for (const durationNs of odd) {
      const row = batch.openRow(0, 0);
      batch.traceId[16 * row] = odd.indexOf(us) % 2 === 0 ? 1 : 2;
      batch.startUs[row] = us;
      batch.durationNs[row] = durationNs;
      const event = batch.openEvent();
      batch.eventUs[event] = durationNs;
      batch.closeEvent();
      batch.closeRow();
    }
  }
  const written = write([batch]);
  assert.equal(printAll(written.file), printHead(written));
});

test("writeBlock() keeps 20,000 keys, and a span with 20,000 attributes of one key", () => {
  const batch = new SpanBatch();
  batch.openResource();
  batch.openScope();
  const many = batch.dictionary.internText("many");
  for (let i = 0; i < 20_000; i++) {
    const row = batch.openRow(0, 0);
    batch.traceId[16 * row] = 1 + (i % 100);
    batch.spanAttributes.addSafeInt(batch.dictionary.internText(`key ${i}`), i);
    for (let k = 0; i === 77 && k < 20_000; k++) batch.spanAttributes.addSafeInt(many, k);
    batch.closeRow();
  }
  const written = write([batch]);
  assert.equal(printAll(written.file), printHead(written));
  const query = { startUsMin: 0, startUsMax: Infinity, limit: 10 };
  const find = (key: string, value: string): string[] =>
    findInFile(written.file, { ...query, attributes: [{ key, value }] });
  assert.equal(find("many", "19999").length, 1);
  assert.equal(find("key 123", "123").length, 1);
  assert.equal(find("key 123", "124").length, 0);
});

test("writeBlock() orders traces by id, keeps those that span pages, and finds each", () => {
  const written = write([
    ...corpus(1, 6_000, 3),
    ...Array.from({ length: 60 }, (_, i) =>
      makeSpans({ random: makeRandom(i), rows: 60, tracesFrom: 60 * i, tracesEnd: 60 * i + 60 }),
    ),
  ]);
  const { file } = written;
  assert.ok(file.rowPages > 2);
  assert.equal(printAll(file), printHead(written));
  const ids = file.traceIds;
  for (let trace = 0; trace < file.figures.traces; trace++) {
    assert.equal(file.findTrace(ids.slice(16 * trace, 16 * trace + 16)), trace);
    assert.equal(file.traceOfRow(file.traces.firstRow[trace]!), trace);
  }
  assert.equal(file.findTrace(traceIdOf(1_000_000)), -1);
  assert.equal(file.findTrace(new Uint8Array(16)), -1);
  assert.equal(file.findTrace(new Uint8Array(16).fill(255)), -1);
});

test("writeBlock() leaves out traces that are no longer held", () => {
  const written = write(corpus(2, 300));
  const { head, block } = written;
  const before = head.traces.count;
  for (let i = 0; i < 5; i++) head.evictOldestTrace();
  const bytes = Buffer.concat(writeBlock(makeBlockImage(block, head.traces), { hashSeed: 7 })!);
  const file = openBlock(sourceOf(bytes), new PageCache(MEGABYTE));
  assert.equal(file.figures.traces, before - 5);
  assert.equal(printAll(file), printHead({ ...written, file }));
  while (head.traces.count > 0) head.evictOldestTrace();
  assert.equal(writeBlock(makeBlockImage(block, head.traces), { hashSeed: 7 }), undefined);
});

/** Hex ids and newest matching starts. */
function findInFile(file: FileBlock, query: TraceQuery): string[] {
  const newest = new Map<number, number>();
  file.matchRows(query, (row, startUs) => {
    const trace = file.traceOfRow(row);
    newest.set(trace, Math.max(newest.get(trace) ?? -Infinity, startUs));
  });
  const idOf = (trace: number): string =>
    Buffer.from(file.traceIds.subarray(16 * trace, 16 * trace + 16)).toString("hex");
  return [...newest]
    .sort((one, two) => two[1] - one[1] || (idOf(one[0]) < idOf(two[0]) ? -1 : 1))
    .slice(0, query.limit)
    .map(([trace]) => idOf(trace));
}

for (const [what, rows, cacheBytes] of [
  ["", 600, 64 * MEGABYTE],
  [" of several pages, without a cache", 9_000, 0],
] as const) {
  test(`FileBlock.matchRows() answers as brute force and as the head do${what}`, () => {
    const batches = corpus(3, rows);
    const { file, block } = write(batches, cacheBytes);
    const random = makeRandom(4);
    let answers = 0;
    for (let i = 0; i < (rows > 1_000 ? 25 : 600); i++) {
      const query = makeQuery(random);
      const found = findInFile(file, query);
      assert.deepEqual(found, findByForce(batches, query), JSON.stringify(query));
      let inHead = 0;
      let inFile = 0;
      matchRows(
        block,
        query,
        () => true,
        () => void inHead++,
      );
      file.matchRows(query, () => void inFile++);
      assert.equal(inFile, inHead, JSON.stringify(query));
      answers += found.length;
    }
    assert.ok(answers > 50, `${answers} answers`);
  });
}

test("FileBlock.dictionary finds every text and none that is not there", () => {
  const { file } = write(corpus(5, 1_000));
  const { dictionary, figures } = file;
  for (let entry = 0; entry < figures.entries; entry++) {
    assert.equal(dictionary.find(dictionary.bytes(entry)), entry);
  }
  for (let i = 0; i < 2_000; i++) assert.equal(dictionary.findText(`nothing ${i}`), -1);
});

test("FileBlock.statistics are what the head counts", async () => {
  const { file, head } = write(corpus(6, 3_000));
  const { services, slices, calls } = file.statistics;
  const text = (entry: number): string => new TextDecoder().decode(file.dictionary.bytes(entry));
  const names = [...services.entry].map(text).sort();
  assert.deepEqual(names, servicesOf(head.view()));
  const operations = new Set<string>();
  let spans = 0;
  slices.service.forEach((_, slice) => {
    operations.add(JSON.stringify([text(slices.name[slice]!), slices.kind[slice]]));
    spans += slices.calls[slice]!;
    const buckets = slices.bucketCalls.subarray(
      slices.bucketStart[slice],
      slices.bucketStart[slice + 1],
    );
    assert.equal(
      buckets.reduce((sum, one) => sum + one, 0),
      slices.calls[slice],
    );
  });
  assert.equal(spans, 3_000);
  const expected = await operationsOf(head.view(), undefined, undefined, noPause);
  assert.deepEqual(
    [...operations].sort(),
    expected.map(({ name, kind }) => JSON.stringify([name, kind])).sort(),
  );
  const counts: Record<string, number> = {};
  calls.parent.forEach((parent, at) => {
    const key = JSON.stringify([text(parent), text(calls.child[at]!)]);
    counts[key] = (counts[key] ?? 0) + calls.count[at]!;
  });
  const range = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER };
  const { counts: dependencies } = await callsOf(head.view(), range, noPause);
  assert.ok(dependencies.length > 5);
  assert.deepEqual(
    counts,
    Object.fromEntries(
      dependencies.map((one) => [JSON.stringify([one.parent, one.child]), one.callCount]),
    ),
  );
});

for (const names of [3, 2_000]) {
  test(`FileBlock.statistics count durations of ${names} names as rows do`, () => {
    const random = makeRandom(12);
    const batch = new SpanBatch();
    batch.openResource();
    batch.openScope();
    const expected = new Map<string, number>();
    for (let i = 0; i < 4_000; i++) {
      const row = batch.openRow(0, 0);
      batch.traceId[16 * row] = 1 + (i % 50);
      const name = `name ${Math.floor(random() * names)}`;
      batch.name[row] = batch.dictionary.internText(name);
      batch.durationNs[row] = Math.floor(random() * 20) * 1_000_000;
      batch.closeRow();
      const cell = `${name} ${durationBucketOf(batch.durationNs[row])}`;
      expected.set(cell, (expected.get(cell) ?? 0) + 1);
    }
    const { file } = write([batch]);
    const { slices } = file.statistics;
    const found = new Map<string, number>();
    slices.name.forEach((entry, slice) => {
      const name = new TextDecoder().decode(file.dictionary.bytes(entry));
      for (let at = slices.bucketStart[slice]!; at < slices.bucketStart[slice + 1]!; at++) {
        found.set(`${name} ${slices.bucket[at]}`, slices.bucketCalls[at]!);
      }
    });
    assert.deepEqual(found, expected);
  });
}

test("FileBlock says where the damage is, and still reads what is whole", () => {
  const { bytes, file } = write(corpus(8, 100, 8));
  const query = { startUsMin: 0, startUsMax: Infinity, attributes: [], limit: 10 };
  const { offset } = readFooter(sourceOf(bytes)).pages.page("spanIds", 0);
  const changed = Uint8Array.from(bytes);
  changed[offset]! ^= 1;
  const damaged = openBlock(sourceOf(changed), new PageCache(MEGABYTE));
  assert.deepEqual(findInFile(damaged, query), findInFile(file, query));
  assert.throws(() => printTrace(damaged, 0), {
    code: "unavailable",
    where: { section: "spanIds", page: 0, offset },
  });
});

test("PageCache keeps no more than it may", () => {
  const { bytes } = write(corpus(9, 4_200));
  const cache = new PageCache(100_000);
  const file = openBlock(sourceOf(bytes), cache);
  const expected = printAll(openBlock(sourceOf(bytes), new PageCache(0)));
  assert.equal(printAll(file), expected);
  assert.ok(cache.bytes > 0 && cache.bytes <= 100_000, `${cache.bytes} bytes`);
});

const golden = new URL("../../../test/golden/segment/", import.meta.url);

test("openBlock() reads a block that an earlier version wrote", () => {
  const bytes = new Uint8Array(readFileSync(new URL("block.bin", golden)));
  const file = openBlock(sourceOf(bytes), new PageCache(MEGABYTE));
  assert.equal(`${printAll(file)}\n`, readFileSync(new URL("block.txt", golden), "utf8"));
  const random = makeRandom(11);
  const { file: fresh } = write(corpus(10, 100, 6));
  for (let i = 0; i < 100; i++) {
    const query = makeQuery(random);
    assert.deepEqual(findInFile(file, query), findInFile(fresh, query), JSON.stringify(query));
  }
});

test("docs/formats/segment.md tells the pages of that block", () => {
  const bytes = new Uint8Array(readFileSync(new URL("block.bin", golden)));
  const { pages } = readFooter(sourceOf(bytes));
  const lines = [...pages].map((page) => {
    const crc = page.crc.toString(16).padStart(8, "0");
    const numbers = [page.offset, page.storedBytes, page.bytes];
    return `${page.section.padEnd(12)}${numbers.map((one) => String(one).padStart(8)).join("")}  ${crc}`;
  });
  const doc = readFileSync(new URL("../../../docs/formats/segment.md", import.meta.url), "utf8");
  assert.ok(doc.includes(lines.join("\n")), lines.join("\n"));
});
