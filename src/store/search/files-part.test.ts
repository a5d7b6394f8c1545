// Files as a part of a store, against brute force over the same spans: dealt out into blocks and files of
// random sizes, while files are merged and removed, and where they are damaged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BatchPart } from "../../../test/store/batch-part.ts";
import { findByForce } from "../../../test/store/brute-force.ts";
import {
  BASE_US,
  CORPUS_US,
  makeQuery,
  makeRandom,
  traceIdOf,
} from "../../../test/store/corpus.ts";
import {
  type Corpus,
  type CorpusPlan,
  FOLDER,
  makeCorpus,
  makeHead,
  mergeSome,
  printTraces,
} from "../../../test/store/dealt-files.ts";
import type { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { systemClock } from "../../base/clock.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { TraceQuery } from "../../model/trace-query.ts";
import { type OpenSource, diskFiles } from "../disk/files.ts";
import type { Hits, Part } from "../part.ts";
import { SeriesCounter } from "../series-counter.ts";
import { PageMemory } from "../block/page-memory.ts";
import { type InlineFiles, openInlineFiles } from "./files-part.ts";
import { mergeSegments } from "../file/merge-segments.ts";
import type { SegmentFigures } from "../file/segment-file.ts";

const never = new AbortController().signal;
const always = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER };
const everything: TraceQuery = { ...always, attributes: [], limit: 10_000 };

const MARK = 0xa5;

function openFiles(disk: SimulatedDisk, cacheBytes = 4 << 20, log = silentLog): InlineFiles {
  // Whoever reads memory of a page that is gone reads something else.
  const memory = new PageMemory(MARK);
  return openInlineFiles({ directory: FOLDER, disk, clock: systemClock, log, cacheBytes, memory });
}

function idsOf({ ids }: Hits): string[] {
  return Array.from({ length: ids.length / 16 }, (_, n) =>
    Buffer.from(ids.subarray(16 * n, 16 * n + 16)).toString("hex"),
  );
}

const corpora: readonly (readonly [what: string, plan: CorpusPlan, cacheBytes: number])[] = [
  ["many small blocks", { seed: 1, rows: 1_200, traces: 60, blockRowsMax: 64 }, 1 << 22],
  [
    "few starts, small cache",
    { seed: 2, rows: 1_500, traces: 90, blockRowsMax: 300, starts: 9 },
    0,
  ],
  ["pages that are left", { seed: 3, rows: 9_000, traces: 700, blockRowsMax: 9_000 }, 1 << 20],
];

for (const [what, plan, cacheBytes] of corpora) {
  test(`FilesPart.search() finds what brute force finds: ${what}`, async () => {
    const corpus = await makeCorpus(plan);
    const files = openFiles(corpus.disk, cacheBytes);
    await files.change(await mergeSome(corpus, corpus.blocks), []);
    const part = files.below(Infinity);
    let found = 0;
    for (let n = 0; n < (plan.rows > 5_000 ? 30 : 250); n++) {
      const query = makeQuery(corpus.random);
      const hits = await part.search(query, never);
      assert.deepEqual(idsOf(hits), findByForce(corpus.batches, query), JSON.stringify(query));
      found += hits.startUs.length;
    }
    assert.ok(found > 100, `${found} found`);
    await files.close();
    assert.equal(corpus.disk.openSources, 0);
  });
}

test("FilesPart answers several questions at once while pages come and go", async () => {
  const corpus = await makeCorpus({ seed: 5, rows: 9_000, traces: 700, blockRowsMax: 3_000 });
  const memory = new PageMemory(MARK);
  const options = { directory: FOLDER, disk: corpus.disk, clock: systemClock, log: silentLog };
  const files = openInlineFiles({ ...options, cacheBytes: 150_000, memory });
  await files.change(await mergeSome(corpus, corpus.blocks), []);
  const part = files.below(Infinity);
  const whole = makeHead(corpus.batches);
  for (let round = 0; round < 20; round++) {
    const questions = Array.from({ length: 4 }, () => makeQuery(corpus.random));
    const ids = [traceIdOf(round), traceIdOf(31 * round)];
    const [traces, ...hits] = await Promise.all([
      printTraces(part, ids),
      ...questions.map((query) => part.search(query, never)),
    ]);
    assert.deepEqual(spansOf(traces), spansOf(await printTraces(whole, ids)));
    for (const [n, query] of questions.entries()) {
      assert.deepEqual(idsOf(hits[n]!), findByForce(corpus.batches, query), JSON.stringify(query));
    }
  }
  assert.ok(memory.freeBytes > 0, "memory of pages was used again");
  await files.close();
});

test("FilesPart.search() looks only at traces that it is told to", async () => {
  const corpus = await makeCorpus({ seed: 4, rows: 2_000, traces: 80, blockRowsMax: 200 });
  const files = openFiles(corpus.disk);
  await files.change(await mergeSome(corpus, corpus.blocks), []);
  const part = files.below(Infinity);
  for (let n = 0; n < 100; n++) {
    const query = makeQuery(corpus.random);
    const numbers = Array.from({ length: 12 }, () => Math.floor(corpus.random() * 100));
    const only = numbers.map(traceIdOf);
    const wanted = new Set(only.map((id) => Buffer.from(id).toString("hex")));
    const expected = findByForce(corpus.batches, { ...query, limit: 10_000 })
      .filter((id) => wanted.has(id))
      .slice(0, query.limit);
    assert.deepEqual(idsOf(await part.search(query, never, only)), expected);
  }
  await files.close();
});

test("FilesPart.readTraces() joins the rows of all blocks by start, in the order of arrival", async () => {
  for (const starts of [4, undefined]) {
    const plan = { seed: 5, rows: 1_000, traces: 40, blockRowsMax: 90 };
    const corpus = await makeCorpus(starts === undefined ? plan : { ...plan, starts });
    const files = openFiles(corpus.disk);
    await files.change(await mergeSome(corpus, corpus.blocks), []);
    const ids = Array.from({ length: 45 }, (_, trace) => traceIdOf(trace));
    const found = await printTraces(files.below(Infinity), ids);
    assert.deepEqual(found, await printTraces(makeHead(corpus.batches), ids));
    await files.close();
  }
});

test("FilesPart.below() looks at older blocks alone", async () => {
  const corpus = await makeCorpus({ seed: 6, rows: 1_000, traces: 30, blockRowsMax: 100 });
  const files = openFiles(corpus.disk);
  const merged = await mergeSome(corpus, corpus.blocks);
  await files.change(merged, []);
  let rows = 0;
  for (const { lastBlock, rows: own } of corpus.blocks) {
    const part = files.below(lastBlock);
    const all = Array.from({ length: 30 }, (_, trace) => traceIdOf(trace));
    const traces = await part.readTraces(all, never);
    const counted = traces.reduce((sum, trace) => sum + (trace?.rows ?? 0), 0);
    assert.equal(counted, rows);
    const hits = await part.search(everything, never);
    assert.equal(hits.startUs.length, traces.filter((trace) => trace !== undefined).length);
    rows += own;
  }
  await files.close();
});

/** What brute force, and a head that has it all, answer: files must answer alike. */
async function compareAnswers(corpus: Corpus, part: Part): Promise<void> {
  const { random } = corpus;
  const expected = new BatchPart(corpus.batches);
  const inHead = makeHead(corpus.batches);
  assert.deepEqual(await part.services(never), await expected.services(never));
  for (const service of [undefined, "cart", "nobody", ""]) {
    for (const kind of [undefined, 2]) {
      const found = await part.operations(service, kind, never);
      assert.deepEqual(found, await expected.operations(service, kind, never));
    }
    for (const prefix of ["", "h", "http.status_code", "x"]) {
      for (const limit of [2, 1_000]) {
        const query = { ...always, prefix, limit, ...(service === undefined ? {} : { service }) };
        const keys = await part.attributeKeys(query, never);
        assert.deepEqual(keys, await inHead.attributeKeys(query, never));
        for (const key of ["user", "ratio", "list", "none"]) {
          const values = await part.attributeValues({ ...query, key }, never);
          assert.deepEqual(values, await inHead.attributeValues({ ...query, key }, never));
        }
      }
    }
  }
  for (let n = 0; n < 12; n++) {
    const startUsMin = n === 0 ? 0 : BASE_US + Math.floor((random() * CORPUS_US) / 2);
    const startUsMax = n < 2 ? 2 ** 53 : startUsMin + Math.floor((random() * CORPUS_US) / 2);
    const range = { startUsMin, startUsMax };
    // The brute force of calls knows nothing of ids that two spans share; the head does.
    const calls = await inHead.calls(range, never);
    const found = await part.calls(range, never);
    assert.deepEqual(found.counts, calls.counts);
    assert.equal(found.strangers.service.length, calls.strangers.service.length);
  }
  for (let n = 0; n < 12; n++) {
    const minute = 60_000_000;
    const stepUs = n < 6 ? minute / 6 : [7_000_001, minute, 2 * minute][n % 3]!;
    const endUs = n < 6 ? BASE_US + Math.floor(random() * CORPUS_US) : BASE_US + CORPUS_US;
    const query = {
      services: n % 2 === 0 ? ["cart", "frontend", ""] : ["payment"],
      kinds: n % 3 === 0 ? [] : [2, 3],
      byOperation: n % 4 < 2,
      endUs: n < 9 ? endUs : Math.ceil(endUs / minute) * minute,
      lookbackUs: 5 * stepUs,
      stepUs,
      windowUs: 2 * stepUs,
      quantile: 0.9,
    };
    const counter = new SeriesCounter(query);
    counter.addLines(await part.series(query, never));
    const sum = new SeriesCounter(query);
    sum.addLines(await expected.series(query, never));
    assert.deepEqual(counter.finish(), sum.finish());
  }
}

test("FilesPart answers what is counted and listed as brute force and the head do", async () => {
  for (const [seed, blockRowsMax] of [
    [7, 70],
    [8, 400],
    [9, 5_000],
  ] as const) {
    const corpus = await makeCorpus({ seed, rows: 1_200, traces: 50, blockRowsMax });
    const files = openFiles(corpus.disk);
    await files.change(await mergeSome(corpus, corpus.blocks), []);
    await compareAnswers(corpus, files.below(Infinity));
    await files.close();
  }
});

test("FilesPart counts calls whose ends lie in several pages and blocks", async () => {
  const corpus = await makeCorpus({ seed: 10, rows: 10_000, traces: 12, blockRowsMax: 6_000 });
  const files = openFiles(corpus.disk);
  await files.change(corpus.blocks, []);
  const range = { startUsMin: BASE_US + 1_000_000, startUsMax: BASE_US + 50_000_000 };
  const expected = new BatchPart(corpus.batches);
  for (const asked of [always, range]) {
    const found = await files.below(Infinity).calls(asked, never);
    const calls = await expected.calls(asked, never);
    const sum = (list: readonly { callCount: number }[]): number =>
      list.reduce((total, { callCount }) => total + callCount, 0);
    assert.equal(sum(found.counts), sum(calls.counts.filter((one) => one.parent !== one.child)));
  }
  await files.close();
});

test("FilesPart.spanServices() knows spans of all blocks, and none that is nowhere", async () => {
  const corpus = await makeCorpus({ seed: 11, rows: 600, traces: 20, blockRowsMax: 50 });
  const files = openFiles(corpus.disk);
  await files.change(await mergeSome(corpus, corpus.blocks), []);
  const expected = new BatchPart(corpus.batches);
  const traceIds = Buffer.concat(
    corpus.batches.map(({ traceId, rows }) => traceId.slice(0, 16 * rows)),
  );
  const spanIds = Buffer.concat(
    corpus.batches.map(({ spanId, rows }) => spanId.slice(0, 8 * rows)),
  );
  for (let row = 0; row < 600; row += 7) spanIds[8 * row] = 2;
  const found = await files.below(Infinity).spanServices({ traceIds, spanIds }, never);
  const known = await expected.spanServices({ traceIds, spanIds }, never);
  const print = ({ services, service }: typeof found): (string | undefined)[] =>
    Array.from(service, (number) => services[number]);
  assert.deepEqual(print(found), print(known));
  assert.equal(print(found).filter((name) => name === undefined).length, 86);
  await files.close();
});

test("FilesPart answers of one moment while files are merged and removed under it", async () => {
  const corpus = await makeCorpus({ seed: 12, rows: 1_500, traces: 60, blockRowsMax: 60 });
  const { disk, random, batches } = corpus;
  const files = openFiles(disk, 200_000);
  let present: readonly SegmentFigures[] = corpus.blocks;
  await files.change(present, []);
  let asking = true;
  const change = async (): Promise<void> => {
    while (asking) {
      const at = Math.floor(random() * Math.max(1, present.length - 3));
      const sources = present.slice(at, at + 3);
      // All of it in one: the next round takes it apart again, as it was.
      const isDone = present.length < 4;
      const merged = isDone ? corpus.blocks : [await mergeSegments(disk, FOLDER, sources)];
      const gone = isDone ? present : sources;
      if (isDone)
        for (const { name } of corpus.blocks) assert.ok(await disk.size(`${FOLDER}/${name}`));
      await files.change(
        merged,
        gone.map(({ name }) => name),
      );
      present = isDone ? corpus.blocks : present.toSpliced(at, 3, merged[0]!);
      await turn();
    }
  };
  const ids = Array.from({ length: 60 }, (_, trace) => traceIdOf(trace));
  const traces = await printTraces(makeHead(batches), ids);
  const changing = change();
  const asked = Array.from({ length: 6 }, async (_, asker) => {
    const own = makeRandom(100 + asker);
    for (let n = 0; n < 12; n++) {
      const query = makeQuery(own);
      const part = files.below(Infinity);
      const hits = await part.search(query, never);
      assert.deepEqual(idsOf(hits), findByForce(batches, query), JSON.stringify(query));
      const at = Math.floor(own() * 60);
      assert.deepEqual(await printTraces(part, [ids[at]!]), [traces[at]]);
    }
  });
  await Promise.all(asked).finally(() => (asking = false));
  await changing;
  await turn();
  assert.equal(disk.openSources, present.length);
  await files.close();
  assert.equal(disk.openSources, 0);
});

test("FilesPart ends when its caller has gone, also in the middle", async () => {
  const corpus = await makeCorpus({ seed: 13, rows: 3_000, traces: 60, blockRowsMax: 100 });
  let nowMs = 0;
  // Every look at the clock finds the slice used up.
  const clock = { nowUs: () => 0, monotonicMs: () => (nowMs += 100) };
  const files = openInlineFiles({ directory: FOLDER, disk: corpus.disk, clock, log: silentLog });
  await files.change(corpus.blocks, []);
  const part = files.below(Infinity);
  const gone = AbortSignal.abort();
  await assert.rejects(part.services(gone), { code: "unavailable" });
  const cancel = new AbortController();
  const search = part.search(everything, cancel.signal);
  setImmediate(() => cancel.abort());
  await assert.rejects(search, { code: "unavailable", message: /cancelled/ });
  assert.ok((await part.search(everything, never)).startUs.length > 50);
  await files.close();
});

/** Lines of the spans of traces, without the numbers of owners, which follow what else is there. */
function spansOf(traces: readonly (string | undefined)[]): Set<string> {
  const lines = traces.flatMap((text) => (text ?? "").split("\n"));
  const spans = lines.filter((line) => line.startsWith("span "));
  return new Set(spans.map((line) => line.replaceAll(/ (resource|scope)=\d+/g, "")));
}

test("FilesPart leaves out what is damaged, says so once, and never tells a wrong span", async () => {
  const corpus = await makeCorpus({ seed: 14, rows: 400, traces: 12, blockRowsMax: 50 });
  const merged = await mergeSome(corpus, corpus.blocks);
  const ids = Array.from({ length: 12 }, (_, trace) => traceIdOf(trace));
  const whole = spansOf(await printTraces(makeHead(corpus.batches), ids));
  const { disk, random } = corpus;
  let missing = 0;
  for (let n = 0; n < 60; n++) {
    const { name, bytes } = merged[n % merged.length]!;
    const at = Math.floor(random() * bytes);
    const said: unknown[] = [];
    const log: Log = { ...silentLog, error: (_message, fields) => said.push(fields) };
    const openSource = (path: string): OpenSource => {
      const source = disk.openSource(path);
      if (!path.endsWith(name)) return source;
      return {
        ...source,
        read: (offset, length) => flip(source.read(offset, length), at - offset),
      };
    };
    const files = openInlineFiles({
      directory: FOLDER,
      disk: { ...diskFiles, openSource },
      clock: systemClock,
      log,
    });
    await files.change(merged, []);
    const part = files.below(Infinity);
    for (let round = 0; round < 2; round++) {
      const found = spansOf(await printTraces(part, ids));
      for (const span of found) assert.ok(whole.has(span), `byte ${at} of ${name}: ${span}`);
      const hits = await part.search(everything, never);
      assert.ok(hits.startUs.length <= 12);
      if (round === 0 && found.size < whole.size) missing++;
      const figures = files.figures();
      const isWhole = found.size === whole.size && hits.startUs.length === 12;
      if (!isWhole) assert.ok(figures.damagedBlocks + figures.damagedFiles > 0);
      assert.equal(said.length, figures.damagedBlocks + figures.damagedFiles);
      await part.services(never);
      await part.calls(always, never);
    }
    await files.close();
  }
  assert.ok(missing > 12, `${missing} answers with less`);
});

/** The bytes with one changed, if it is among them. */
function flip(bytes: Uint8Array, at: number): Uint8Array {
  if (at < 0 || at >= bytes.length) return bytes;
  const changed = Uint8Array.from(bytes);
  changed[at]! ^= 0x10;
  return changed;
}
