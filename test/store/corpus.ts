// Seeded random spans and queries that meet often: few services, names, keys and values, so that every
// query has answers and near misses.
//
// Used by the conformance suite of the stores to compare each engine with brute-force.ts.

import { SpanBatch } from "../../src/model/span-batch.ts";
import type { AttributeTable } from "../../src/model/attribute-table.ts";
import { ARRAY, BOOL, BYTES, STRING } from "../../src/model/attribute-table.ts";
import type { TraceQuery } from "../../src/model/trace-query.ts";

/** Start of the corpus: every span starts within CORPUS_US after it. */
export const BASE_US = 1_700_000_000_000_000;
export const CORPUS_US = 60_000_000;

const SERVICES = ["frontend", "cart", "payment", "__proto__", "héllo"];
const NAMES = ["GET /", "POST /cart", "SELECT", "constructor", ""];
const KEYS = ["http.status_code", "user", "flag", "ratio", "blob", "list", "__proto__"];
const TEXTS = ["503", "true", "1.5", "acme", "", "x".repeat(300), "AAEC"];

export type Random = () => number;

/** mulberry32: the same numbers for the same seed, everywhere. */
export function makeRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}

/** A 16-byte id, one of `count`. */
export function traceIdOf(number: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, number + 1);
  id[0] = number % 3 === 0 ? 0 : 0xa5;
  return id;
}

export interface CorpusOptions {
  readonly random: Random;
  readonly rows: number;
  /** Trace numbers `[tracesFrom, tracesEnd)` occur. */
  readonly tracesFrom: number;
  readonly tracesEnd: number;
}

/** One batch of random spans. */
export function makeSpans({ random, rows, tracesFrom, tracesEnd }: CorpusOptions): SpanBatch {
  const batch = new SpanBatch();
  const resources = Array.from({ length: 3 }, () => addResource(batch, random));
  const scopes = Array.from({ length: 2 }, () => addScope(batch, random));
  for (let i = 0; i < rows; i++) {
    const row = batch.openRow(pick(random, resources), pick(random, scopes));
    const trace = tracesFrom + Math.floor(random() * (tracesEnd - tracesFrom));
    batch.traceId.set(traceIdOf(trace), 16 * row);
    for (let k = 0; k < 8; k++) batch.spanId[8 * row + k] = Math.floor(random() * 256);
    batch.spanId[8 * row] = 1;
    const sibling = Math.floor(random() * row);
    const isChild = row > 0 && random() < 0.7 && sameTrace(batch, row, sibling);
    if (isChild)
      batch.parentSpanId.set(batch.spanId.subarray(8 * sibling, 8 * sibling + 8), 8 * row);
    batch.startUs[row] = BASE_US + Math.floor(random() * CORPUS_US);
    batch.startRestNs[row] = Math.floor(random() * 1_000);
    batch.durationNs[row] = Math.floor(random() * 10) * 1_000_000;
    batch.name[row] = batch.dictionary.internText(pick(random, NAMES));
    batch.kind[row] = Math.floor(random() * 6);
    batch.statusCode[row] = Math.floor(random() * 3);
    batch.flags[row] = random() < 0.5 ? 1 : 0x101;
    if (random() < 0.2) batch.statusMessage[row] = batch.dictionary.internText("boom");
    if (random() < 0.2) batch.traceState[row] = batch.dictionary.internText("v=1");
    if (random() < 0.1) batch.droppedLinks[row] = 3;
    addAttributes(batch, batch.spanAttributes, random);
    if (random() < 0.3) addEvent(batch, random);
    if (random() < 0.2) addLink(batch, random);
    batch.closeRow();
  }
  return batch;
}

/** One random query; about half of them have answers. */
export function makeQuery(random: Random): TraceQuery {
  const from = BASE_US + Math.floor(random() * CORPUS_US * 0.5);
  const attributes = [];
  const conditions = pick(random, [0, 1, 1, 2]);
  for (let i = 0; i < conditions; i++) attributes.push(makeCondition(random));
  return {
    startUsMin: random() < 0.5 ? 0 : from,
    startUsMax: random() < 0.5 ? Number.MAX_SAFE_INTEGER : from + Math.floor(random() * CORPUS_US),
    limit: pick(random, [1, 2, 20, 1_000]),
    attributes,
    ...(random() < 0.6 ? { service: pick(random, [...SERVICES, "nobody", ""]) } : {}),
    ...(random() < 0.3 ? { operation: pick(random, NAMES) } : {}),
    ...(random() < 0.2 ? { kind: Math.floor(random() * 6) } : {}),
    ...(random() < 0.3 ? { durationNsMin: Math.floor(random() * 10) * 1_000_000 } : {}),
    ...(random() < 0.3 ? { durationNsMax: Math.floor(random() * 10) * 1_000_000 } : {}),
  };
}

function makeCondition(random: Random): { key: string; value: string } {
  if (random() < 0.7) {
    const value = pick(random, [...TEXTS, "0", "1", "2", "false", "nothing", '["a"]']);
    return { key: pick(random, KEYS), value };
  }
  return pick(random, [
    { key: "error", value: "true" },
    { key: "error", value: "false" },
    { key: "span.kind", value: "server" },
    { key: "otel.status_code", value: "OK" },
    { key: "otel.status_description", value: "boom" },
    { key: "w3c.tracestate", value: "v=1" },
    { key: "otel.scope.name", value: "lib-a" },
    { key: "otel.scope.version", value: "1" },
    { key: "event", value: "exception" },
    { key: "service.name", value: "cart" },
  ]);
}

function sameTrace(batch: SpanBatch, row: number, other: number): boolean {
  for (let k = 0; k < 16; k++) {
    if (batch.traceId[16 * row + k] !== batch.traceId[16 * other + k]) return false;
  }
  return true;
}

function addResource(batch: SpanBatch, random: Random): number {
  const resource = batch.openResource();
  if (random() < 0.9) {
    const name = batch.dictionary.internText(pick(random, SERVICES));
    batch.resourceAttributes.add(batch.dictionary.internText("service.name"), STRING, name);
  }
  addAttributes(batch, batch.resourceAttributes, random);
  batch.closeResource(resource);
  return resource;
}

function addScope(batch: SpanBatch, random: Random): number {
  const scope = batch.openScope();
  batch.scopeName[scope] = batch.dictionary.internText(pick(random, ["lib-a", "lib-b", ""]));
  batch.scopeVersion[scope] = batch.dictionary.internText(pick(random, ["1", ""]));
  addAttributes(batch, batch.scopeAttributes, random);
  batch.closeScope(scope);
  return scope;
}

function addEvent(batch: SpanBatch, random: Random): void {
  const event = batch.openEvent();
  batch.eventUs[event] = BASE_US + Math.floor(random() * CORPUS_US);
  batch.eventName[event] = batch.dictionary.internText(pick(random, ["exception", "log", ""]));
  addAttributes(batch, batch.eventAttributes, random);
  batch.closeEvent();
}

function addLink(batch: SpanBatch, random: Random): void {
  const link = batch.openLink();
  batch.linkTraceId.set(traceIdOf(Math.floor(random() * 10)), 16 * link);
  batch.linkSpanId[8 * link] = 7;
  addAttributes(batch, batch.linkAttributes, random);
  batch.closeLink();
}

/** ArrayValue of one string "a", encoded. */
const ENCODED_ARRAY = Uint8Array.of(0x0a, 3, 0x0a, 1, 0x61);

function addAttributes(batch: SpanBatch, table: AttributeTable, random: Random): void {
  const dictionary = batch.dictionary;
  for (let i = Math.floor(random() * 4); i > 0; i--) {
    const key = dictionary.internText(pick(random, KEYS));
    const type = Math.floor(random() * 8);
    if (type < 3) table.add(key, STRING, dictionary.internText(pick(random, TEXTS)));
    else if (type === 3) table.addSafeInt(key, pick(random, [503, 0, 1, 2, -7]));
    else if (type === 4) table.addDouble(key, pick(random, [1.5, 0, 503, 2]));
    else if (type === 5) table.add(key, BOOL, random() < 0.5 ? 1 : 0);
    else if (type === 6) table.add(key, BYTES, dictionary.intern(Uint8Array.of(0, 1, 2), 0, 3));
    else table.add(key, ARRAY, dictionary.intern(ENCODED_ARRAY, 0, ENCODED_ARRAY.length));
  }
}
