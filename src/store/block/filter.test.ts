// The filter of a block: never wrong about what is there, seldom about what is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeQuery, makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import { OPERATORS, type AttributeCondition, type TraceQuery } from "../../model/trace-query.ts";
import { Head } from "../head/head.ts";
import { makePlan } from "../head/match.ts";
import { makeBlockImage } from "./block-image.ts";
import { BlockPages } from "./block-pages.ts";
import { FileBlock, sourceOf } from "./block-reader.ts";
import { writeBlock } from "./block-writer.ts";
import { readFooter } from "./footer.ts";
import type { Source } from "./layout.ts";
import { PageCache } from "./page-cache.ts";
import { isRuledOut } from "./rule-out.ts";

const ALL: TraceQuery = { startUsMin: 0, startUsMax: Infinity, attributes: [], limit: 10 };

function bytesOf(batches: readonly SpanBatch[], hashSeed: number): Uint8Array {
  const head = new Head();
  for (const batch of batches) head.append(batch);
  head.sealOpenBlock();
  return Buffer.concat(writeBlock(makeBlockImage(head.blocks[0]!, head.traces), { hashSeed })!);
}

function open(source: Source): { pages: BlockPages; file: FileBlock } {
  const pages = new BlockPages(source, readFooter(source), new PageCache(1 << 24));
  return { pages, file: new FileBlock(pages) };
}

/** Spans with a service, a name and an attribute that no other span has. */
function distinct(rows: number): SpanBatch {
  const batch = new SpanBatch();
  const { dictionary } = batch;
  const scope = batch.openScope();
  for (let i = 0; i < rows; i++) {
    const resource = batch.openResource();
    const service = dictionary.internText("service.name");
    batch.resourceAttributes.add(service, 1, dictionary.internText(`service ${i}`));
    batch.closeResource(resource);
    const row = batch.openRow(resource, scope);
    batch.traceId[16 * row] = 1 + (i % 200);
    batch.name[row] = dictionary.internText(`name ${i}`);
    batch.spanAttributes.add(dictionary.internText("text"), 1, dictionary.internText(`value ${i}`));
    batch.spanAttributes.addSafeInt(dictionary.internText("int"), 7 * i);
    batch.spanAttributes.addDouble(dictionary.internText("double"), i + 0.5);
    batch.closeRow();
  }
  return batch;
}

const having = (key: string, value: string): TraceQuery => ({
  ...ALL,
  attributes: [{ key, value }],
});

test("isRuledOut() is never true for what the block has", () => {
  const { pages } = open(sourceOf(bytesOf([distinct(2_000)], 3)));
  for (let i = 0; i < 2_000; i++) {
    const there: TraceQuery[] = [
      { ...ALL, service: `service ${i}` },
      { ...ALL, operation: `name ${i}` },
      having("service.name", `service ${i}`),
      having("text", `value ${i}`),
      having("int", `${7 * i}`),
      having("double", `${i}.5`),
    ];
    for (const query of there) assert.equal(isRuledOut(pages, query), false, JSON.stringify(query));
  }
});

test("isRuledOut() is true for nearly all that the block does not have", () => {
  const { pages } = open(sourceOf(bytesOf([distinct(2_000)], 3)));
  let wrong = 0;
  for (let i = 0; i < 5_000; i++) {
    const absent = [
      { ...ALL, service: `name ${i}` },
      { ...ALL, operation: `service ${i}` },
      having("text", `name ${i}`),
      having("double", `value ${i}`),
    ];
    for (const query of absent) if (!isRuledOut(pages, query)) wrong++;
  }
  // 1 of 200 is what 12 bits a thing give.
  assert.ok(wrong < 20_000 / 100, `${wrong} of 20000`);
});

test("isRuledOut() agrees with makePlan() wherever it is sure", () => {
  const random = makeRandom(5);
  const batches = [makeSpans({ random, rows: 60, tracesFrom: 0, tracesEnd: 9 })];
  const { pages, file } = open(sourceOf(bytesOf(batches, 9)));
  let out = 0;
  for (let i = 0; i < 3_000; i++) {
    const query = makeQuery(random);
    if (!isRuledOut(pages, query)) continue;
    out++;
    for (let index = 0; index < file.rowPages; index++) {
      const plan = makePlan(file, query);
      if (plan === undefined) continue;
      file.matchPage(plan, index, () => assert.fail(JSON.stringify(query)));
    }
  }
  assert.ok(out > 50, `${out} ruled out`);
});

test("isRuledOut() leaves keys of columns, absent keys, lists and NaN to the look-up", () => {
  const batch = distinct(3);
  const row = batch.openRow(0, 0);
  batch.traceId[0] = 1;
  batch.spanAttributes.addDouble(batch.dictionary.internText("nan"), NaN);
  const list = batch.dictionary.intern(Uint8Array.of(), 0, 0);
  batch.spanAttributes.add(batch.dictionary.internText("list"), 6, list);
  batch.closeRow();
  assert.equal(row, 3);
  const { pages } = open(sourceOf(bytesOf([batch], 9)));
  const isOut = (
    key: string,
    value: string,
    operator: AttributeCondition["operator"] = "=",
  ): boolean => isRuledOut(pages, { ...ALL, attributes: [{ key, value, operator }] });
  for (const key of ["error", "span.kind", "duration", "event", "otel.scope.name"]) {
    for (const operator of OPERATORS) assert.equal(isOut(key, "x", operator), false, key);
  }
  assert.equal(isOut("nothing", "x", "absent"), false);
  assert.equal(isOut("nothing", "x", "exists"), true);
  assert.equal(isOut("text", "x", "!="), false);
  assert.equal(isOut("list", "[]"), false);
  assert.equal(isOut("text", "[]"), true);
  assert.equal(isOut("nan", "NaN"), false);
});

test("isRuledOut() reads the footer and one page of 4 KB for each thing that is asked", () => {
  const bytes = bytesOf([distinct(5_000)], 3);
  const reads: number[] = [];
  const source: Source = {
    bytes: bytes.length,
    read(offset, length) {
      reads.push(length);
      return bytes.slice(offset, offset + length);
    },
  };
  const { pages, file } = open(source);
  assert.ok(pages.footer.pages.countOf("filter") > 3);
  reads.length = 0;
  const query = { ...having("text", "nothing like it"), service: "service 1" };
  file.matchRows(query, () => assert.fail("nothing has it"));
  assert.ok(reads.length <= 2 && reads.every((length) => length <= 4_096), reads.join());
});
