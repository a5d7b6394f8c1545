// Which rows of a block meet a query, in memory and in a file, compared with brute force.

import assert from "node:assert/strict";
import { test } from "node:test";
import { searchByForce, traceIdText } from "../../../test/store/brute-force.ts";
import {
  makeCondition,
  makeQuery,
  makeRandom,
  makeSpans,
  type Random,
} from "../../../test/store/corpus.ts";
import { STRING } from "../../model/attribute-table.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import type { AttributeCondition, TraceQuery } from "../../model/trace-query.ts";
import { makeBlockImage } from "../block/block-image.ts";
import { type FileBlock, openBlock, sourceOf } from "../block/block-reader.ts";
import { writeBlock } from "../block/block-writer.ts";
import { PageCache } from "../block/page-cache.ts";
import type { Block } from "./block.ts";
import { Head } from "./head.ts";
import { makePlan, matchRows, matchSteps } from "./match.ts";

const always = (): boolean => true;
const everything: TraceQuery = {
  startUsMin: -Infinity,
  startUsMax: Infinity,
  attributes: [],
  limit: 10_000,
};

/** The batches in the one block of a head; row n is the n-th of all. */
function makeBlock(batches: readonly SpanBatch[]): Block {
  const head = new Head();
  for (const batch of batches) head.append(batch);
  return head.blocks[0]!;
}

function makeFile(batches: readonly SpanBatch[]): FileBlock {
  const head = new Head();
  for (const batch of batches) head.append(batch);
  const block = head.blocks[0]!;
  head.sealOpenBlock();
  const chunks = writeBlock(makeBlockImage(block, head.traces), { hashSeed: 7 })!;
  return openBlock(sourceOf(Buffer.concat(chunks)), new PageCache(1 << 26));
}

function rowsOf(block: Block, query: TraceQuery): number[] {
  const rows: number[] = [];
  matchRows(block, query, always, (row) => rows.push(row));
  return rows.sort((one, two) => one - two);
}

/** Each row as a trace of its own, so that brute force tells rows. */
function makeRows(random: Random, batches: number, rows: number): SpanBatch[] {
  return Array.from({ length: batches }, (_, number) => {
    const batch = makeSpans({ random, rows, tracesFrom: 0, tracesEnd: 5, withOdd: true });
    for (let row = 0; row < rows; row++) {
      batch.traceId.fill(0, 16 * row, 16 * row + 16);
      new DataView(batch.traceId.buffer).setUint32(16 * row + 12, number * rows + row + 1);
    }
    return batch;
  });
}

function rowsByForce(batches: readonly SpanBatch[], query: TraceQuery): number[] {
  const found = searchByForce(batches, { ...query, limit: Infinity });
  return found.map(({ id }) => Number.parseInt(id, 16) - 1).sort((one, two) => one - two);
}

function rowsOfFile(file: FileBlock, query: TraceQuery): number[] {
  const rows: number[] = [];
  file.matchRows(query, (row) => {
    const trace = file.traceOfRow(row);
    const id = file.traceIds.subarray(16 * trace, 16 * trace + 16);
    rows.push(Number.parseInt(Buffer.from(id).toString("hex"), 16) - 1);
  });
  return rows.sort((one, two) => one - two);
}

test("matchRows() finds the rows that brute force finds: open, sealed and in a file", () => {
  for (const seed of [1, 2, 3]) {
    const random = makeRandom(seed);
    const batches = makeRows(random, 4, 60);
    const open = makeBlock(batches);
    const sealed = makeBlock(batches);
    sealed.seal();
    const file = makeFile(batches);
    let answers = 0;
    for (let i = 0; i < 500; i++) {
      const query = makeQuery(random);
      const expected = rowsByForce(batches, query);
      answers += expected.length > 0 ? 1 : 0;
      const what = JSON.stringify(query);
      assert.deepEqual(rowsOf(open, query), expected, what);
      assert.deepEqual(rowsOf(sealed, query), expected, what);
      assert.deepEqual(rowsOfFile(file, query), expected, what);
    }
    assert.ok(answers > 100, `${answers} of 500 queries have answers`);
  }
});

test("matchRows() finds by any two conditions what brute force finds", () => {
  const random = makeRandom(9);
  const batches = makeRows(random, 2, 60);
  const sealed = makeBlock(batches);
  sealed.seal();
  const file = makeFile(batches);
  for (let i = 0; i < 1_500; i++) {
    const attributes = [makeCondition(random), makeCondition(random)];
    const query = { ...everything, attributes: random() < 0.5 ? attributes : attributes.slice(1) };
    const expected = rowsByForce(batches, query);
    assert.deepEqual(rowsOf(sealed, query), expected, JSON.stringify(query));
    assert.deepEqual(rowsOfFile(file, query), expected, JSON.stringify(query));
  }
});

/** One span whose key "k" is there at several levels, each with another value. */
function makeLevels(): SpanBatch {
  const batch = new SpanBatch();
  const { dictionary } = batch;
  const text = (value: string): number => dictionary.internText(value);
  const resource = batch.openResource();
  batch.resourceAttributes.add(text("k"), STRING, text("resource"));
  batch.closeResource(resource);
  const scope = batch.openScope();
  batch.scopeAttributes.add(text("k"), STRING, text("scope"));
  batch.closeScope(scope);
  const row = batch.openRow(resource, scope);
  batch.traceId[15] = 1;
  batch.spanAttributes.add(text("k"), STRING, text("span"));
  batch.spanAttributes.add(text("k"), STRING, text("again"));
  batch.openEvent();
  batch.eventAttributes.add(text("k"), STRING, text("event"));
  batch.closeEvent();
  batch.openLink();
  batch.linkAttributes.add(text("k"), STRING, text("link"));
  batch.closeLink();
  batch.closeRow();
  assert.equal(traceIdText(batch, row), "1".padStart(32, "0"));
  return batch;
}

const levels = ["resource", "scope", "span", "again", "event", "link"];
const levelCases: readonly (readonly [condition: AttributeCondition, isMet: boolean])[] = [
  ...levels.flatMap((value): [AttributeCondition, boolean][] => [
    [{ key: "k", value }, true],
    [{ key: "k", operator: "~", value: `${value.slice(0, 2)}.*` }, true],
    [{ key: "k", operator: "!=", value }, true],
    [{ key: "k", operator: "absent", value }, false],
  ]),
  [{ key: "k", operator: "!~", value: levels.join("|") }, false],
  [{ key: "k", operator: "!~", value: levels.slice(1).join("|") }, true],
  [{ key: "k", operator: "<", value: "b" }, true],
  [{ key: "k", operator: "<", value: "a" }, false],
  [{ key: "k", operator: ">", value: "span" }, false],
  [{ key: "other", operator: "!=", value: "x" }, false],
  [{ key: "other", operator: "exists", value: "" }, false],
  [{ key: "other", operator: "absent", value: "" }, true],
  // Their columns are not set; a span always has a name and a duration.
  [{ key: "error", operator: "!=", value: "true" }, false],
  [{ key: "error", operator: "absent", value: "" }, true],
  [{ key: "span.name", operator: "exists", value: "" }, true],
  [{ key: "span.name", operator: "=", value: "" }, true],
  [{ key: "span.name", value: "" }, false],
  [{ key: "duration", operator: "absent", value: "" }, false],
  [{ key: "duration", operator: "=", value: "0" }, true],
  [{ key: "duration", operator: "<", value: "1ns" }, true],
  [{ key: "duration", value: "0" }, false],
];
for (const [condition, isMet] of levelCases) {
  const { key, operator = "", value } = condition;
  test(`matchRows() is ${isMet} of one span for ${key} ${operator} ${value}`, () => {
    const query = { ...everything, attributes: [condition] };
    const expected = isMet ? [0] : [];
    assert.deepEqual(rowsOf(makeBlock([makeLevels()]), query), expected);
    assert.deepEqual(rowsOfFile(makeFile([makeLevels()]), query), expected);
    assert.deepEqual(rowsByForce([makeLevels()], query), expected);
  });
}

test("matchRows() compares durations in µs and with units", () => {
  const batch = makeSpans({ random: makeRandom(1), rows: 4, tracesFrom: 0, tracesEnd: 1 });
  batch.durationNs.set([1, 1_500, 2_000_000, 3_600e9]);
  const block = makeBlock([batch]);
  const cases: readonly (readonly [AttributeCondition["operator"], string, readonly number[]])[] = [
    ["=", "1.5", [1]],
    ["=", "1.5µs", [1]],
    ["=", "1500ns", [1]],
    ["=", "0.001", [0]],
    [">", "1.5us", [2, 3]],
    [">=", "2ms", [2, 3]],
    ["<=", "2000", [0, 1, 2]],
    ["=", "1h", [3]],
    ["=", "1h0m0s", [3]],
    ["!=", "2ms", [0, 1, 3]],
    ["<", "1ns", []],
    ["~", "[0-9]{4,}", [2, 3]],
  ];
  for (const [operator, value, expected] of cases) {
    const condition = { key: "duration", value, ...(operator === undefined ? {} : { operator }) };
    const query = { ...everything, attributes: [condition] };
    assert.deepEqual(rowsOf(block, query), expected, `${operator} ${value}`);
  }
});

test("makePlan() tells at once what a block cannot have, and leaves out what every row has", () => {
  const block = makeBlock([makeLevels()]);
  const planOf = (condition: AttributeCondition): number | undefined =>
    makePlan(block, { ...everything, attributes: [condition] })?.conditions.length;
  assert.equal(planOf({ key: "k", value: "nothing" }), undefined);
  assert.equal(planOf({ key: "k", operator: "~", value: "x.*" }), undefined);
  assert.equal(planOf({ key: "other", operator: "absent", value: "" }), 0);
  assert.equal(planOf({ key: "duration", operator: "exists", value: "" }), 0);
  assert.equal(planOf({ key: "k", value: "span" }), 1);
});

test("matchRows() refuses a bad pattern, also where the key is not there", () => {
  const block = makeBlock([makeLevels()]);
  const query = { ...everything, attributes: [{ key: "x", operator: "~", value: "(" } as const] };
  assert.throws(() => rowsOf(block, query), { code: "bad-input" });
});

test("matchSteps() looks at the rows that were there when it began", () => {
  const random = makeRandom(21);
  const first = makeRows(random, 20, 60);
  const later = makeRows(random, 3, 60);
  for (const sealsMeanwhile of [false, true]) {
    for (let i = 0; i < 60; i++) {
      const head = new Head();
      for (const batch of first) head.append(batch);
      const block = head.blocks[0]!;
      const query = { ...everything, attributes: [makeCondition(random)] };
      const found: number[] = [];
      const steps = matchSteps(block, query, always, (row) => found.push(row));
      steps.next();
      for (const batch of later) head.append(batch);
      if (sealsMeanwhile) head.sealOpenBlock();
      while (steps.next().done !== true);
      found.sort((one, two) => one - two);
      assert.deepEqual(found, rowsByForce(first, query), JSON.stringify(query));
    }
  }
});
