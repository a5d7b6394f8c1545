// A head as a part where that is more than its answers (head-model.test.ts): what it reads at once, what
// a reader with several questions sees, and who called whom.

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { makeRandom, makeSpans, traceIdOf } from "../../../test/store/corpus.ts";
import { systemClock } from "../../base/clock.ts";
import { STRING } from "../../model/attribute-table.ts";
import { KIND_CLIENT, KIND_INTERNAL, KIND_SERVER, SpanBatch } from "../../model/span-batch.ts";
import { NO_SERVICE } from "../part.ts";
import { HeadPart } from "./head-part.ts";
import { Head } from "./head.ts";

const never = new AbortController().signal;
const always = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER };

/** A span of trace 0: service, id, parent (ids are 16 hex digits; "": none), kind, start. */
type Span = readonly [service: string, id: string, parent: string, kind: number, startUs: number];

function batchOf(spans: readonly Span[]): SpanBatch {
  const batch = new SpanBatch();
  const { dictionary } = batch;
  for (const [service, id, parent, kind, startUs] of spans) {
    const resource = batch.openResource();
    const name = dictionary.internText(service);
    batch.resourceAttributes.add(dictionary.internText("service.name"), STRING, name);
    batch.closeResource(resource);
    const row = batch.openRow(resource, batch.scopes === 0 ? batch.openScope() : 0);
    batch.traceId.set(traceIdOf(0), 16 * row);
    batch.spanId.set(Buffer.from(id, "hex"), 8 * row);
    batch.parentSpanId.set(Buffer.from(parent, "hex"), 8 * row);
    batch.kind[row] = kind;
    batch.startUs[row] = startUs;
    batch.closeRow();
  }
  return batch;
}

async function callsOf(spans: readonly Span[]): Promise<{ counts: string[]; strangers: string[] }> {
  const head = new Head(2);
  for (const span of spans) head.append(batchOf([span]));
  const { counts, strangers } = await new HeadPart(head, systemClock).calls(always, never);
  const { services, service, spanIds } = strangers;
  return {
    counts: counts.map(({ parent, child, callCount }) => `${parent} ${child} ${callCount}`),
    strangers: Array.from(service, (number, at) => {
      const id = Buffer.from(spanIds.subarray(8 * at, 8 * at + 8)).toString("hex");
      return `${id} ${services[number]}`;
    }),
  };
}

const A = "8000000000000001";
const B = "8000000000000002";
const C = "8000000000000003";
const client = KIND_CLIENT;
const server = KIND_SERVER;
const inner = KIND_INTERNAL;

const families: readonly (readonly [
  what: string,
  spans: readonly Span[],
  counts: readonly string[],
  strangers: readonly string[],
])[] = [
  [
    "parents in other blocks, whichever came first",
    [
      ["cart", B, A, server, 2],
      ["db", C, B, server, 3],
      ["web", A, "", server, 1],
    ],
    ["cart db 1", "web cart 1"],
    [],
  ],
  ["no call within a service, and none of a root", [["web", A, "", server, 1]], [], []],
  ["a parent that is not here as a stranger", [["cart", B, A, server, 2]], [], [`${A} cart`]],
  [
    "ids that differ in their first bit apart",
    [
      ["web", "0000000000000001", "", server, 1],
      ["cart", B, A, server, 2],
    ],
    [],
    [`${A} cart`],
  ],
  [
    "a server that shares its id as called by the client, be its parent here or not",
    [
      ["web", A, "", client, 1],
      ["cart", A, "", server, 2],
      ["cart", B, C, client, 3],
      ["db", B, C, server, 4],
    ],
    ["cart db 1", "web cart 1"],
    [`${C} cart`],
  ],
  [
    "the first by start as the parent of who names a shared id",
    [
      ["late", A, "", inner, 5],
      ["early", A, "", inner, 1],
      ["db", B, A, inner, 6],
    ],
    ["early db 1"],
    [],
  ],
];

for (const [what, spans, counts, strangers] of families) {
  test(`HeadPart.calls() takes ${what}`, async () => {
    assert.deepEqual(await callsOf(spans), { counts, strangers });
  });
}

test("HeadPart.calls() leaves out spans that start outside, but not as parents", async () => {
  const head = new Head();
  head.append(
    batchOf([
      ["web", A, "", server, 1],
      ["cart", B, A, server, 2],
      ["db", C, B, server, 3],
    ]),
  );
  const part = new HeadPart(head, systemClock);
  const { counts } = await part.calls({ startUsMin: 2, startUsMax: 2 }, never);
  assert.deepEqual(counts, [{ parent: "web", child: "cart", callCount: 1 }]);
});

test("HeadPart.spanServices() answers in the order asked, and for strangers with none", async () => {
  const head = new Head(2);
  head.append(
    batchOf([
      ["web", A, "", server, 1],
      ["cart", B, A, server, 2],
      ["web", C, B, server, 3],
    ]),
  );
  const names = [C, "00".repeat(8), B, A, C];
  const traces = [0, 0, 0, 0, 7].map((trace) => traceIdOf(trace));
  const spans = { traceIds: Buffer.concat(traces), spanIds: Buffer.from(names.join(""), "hex") };
  const part = new HeadPart(head, systemClock);
  const { services, service } = await part.spanServices(spans, never);
  const found = Array.from(service, (at) => (at === NO_SERVICE ? undefined : services[at]));
  assert.deepEqual(found, ["web", undefined, "cart", "web", undefined]);
});

test("HeadPart.readTraces() has read when it returns", async () => {
  const head = new Head(16);
  head.append(makeSpans({ random: makeRandom(1), rows: 40, tracesFrom: 0, tracesEnd: 2 }));
  const ids = [traceIdOf(1), traceIdOf(9), traceIdOf(0)];
  const reading = new HeadPart(head, systemClock).readTraces(ids, never);
  while (head.traces.held > 0) head.evictOldestTrace();
  const [one, none, two] = await reading;
  assert.equal(one!.rows + two!.rows, 40);
  assert.equal(none, undefined);
});

test("HeadPart.open() sees one moment until it is done, while later readers see less", async () => {
  const head = new Head(2);
  head.append(
    batchOf([
      ["web", A, "", server, 1],
      ["cart", B, A, server, 2],
      ["db", C, B, server, 3],
    ]),
    1,
  );
  head.settle(1);
  const { part, boundary, done } = HeadPart.open(head, systemClock);
  assert.equal(boundary, 1);
  const calls = await part.calls(always, never);
  assert.equal(calls.counts.length, 2);
  head.release(head.blocks[0]!);
  await setImmediate();
  const later = HeadPart.open(head, systemClock);
  assert.equal(later.boundary, 2);
  const parent = { traceIds: traceIdOf(0), spanIds: Buffer.from(B, "hex") };
  assert.deepEqual((await part.spanServices(parent, never)).services, ["cart"]);
  assert.deepEqual((await later.part.spanServices(parent, never)).services, []);
  assert.equal((await part.readTraces([traceIdOf(0)], never))[0]!.rows, 3);
  assert.equal((await later.part.readTraces([traceIdOf(0)], never))[0]!.rows, 1);
  done();
  assert.equal((await later.part.calls(always, never)).strangers.service.length, 1);
  later.done();
  assert.ok(!head.isPinned);
});

test("HeadPart.readTraces() knows nothing of a trace whose rows have all left, though it is read", async () => {
  const head = new Head(2);
  head.append(batchOf([["web", A, "", server, 1]]), 1);
  head.settle(1);
  head.sealOpenBlock();
  const early = HeadPart.open(head, systemClock);
  head.release(head.blocks[0]!);
  const later = new HeadPart(head, systemClock);
  assert.deepEqual(await later.readTraces([traceIdOf(0)], never), [undefined]);
  assert.equal((await early.part.readTraces([traceIdOf(0)], never))[0]!.rows, 1);
  early.done();
  assert.equal(head.traces.held, 0);
});

test("HeadPart.attributeKeys() and attributeValues() offer nothing of records taken out", async () => {
  const head = new Head(4);
  const random = makeRandom(2);
  const batch = makeSpans({ random, rows: 4, tracesFrom: 0, tracesEnd: 2 });
  head.append(batch, 1);
  const first = await keysOf(head, "");
  assert.ok(first.includes("service.name") && first.length > 3, first.join());
  assert.deepEqual(await keysOf(head, "service.n"), ["service.name"]);
  const values = { ...always, key: "service.name", prefix: "", limit: 9 };
  const part = new HeadPart(head, systemClock);
  assert.ok((await part.attributeValues(values, never)).length > 0);
  head.retract(1);
  assert.deepEqual(await keysOf(head, ""), []);
  assert.deepEqual(await part.attributeValues(values, never), []);
});

function keysOf(head: Head, prefix: string): Promise<readonly string[]> {
  const part = new HeadPart(head, systemClock);
  return part.attributeKeys({ ...always, prefix, limit: 99 }, never);
}

test("HeadPart refuses who has gone, and does not stay pinned", async () => {
  const head = new Head();
  const part = new HeadPart(head, systemClock);
  const gone = AbortSignal.abort();
  await assert.rejects(part.services(gone), { code: "unavailable" });
  await assert.rejects(part.readTraces([], gone), { code: "unavailable" });
  assert.ok(!head.isPinned);
});
