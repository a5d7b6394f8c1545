// Seeded random spans and queries that meet often: few services, names, keys and values, so that every
// query has answers and near misses.
//
// Used by the conformance suite of the stores to compare each engine with brute-force.ts.

import { SpanBatch } from "../../src/model/span-batch.ts";
import type { AttributeTable } from "../../src/model/attribute-table.ts";
import { ARRAY, BOOL, BYTES, EMPTY, MAP, STRING } from "../../src/model/attribute-table.ts";
import {
  type AttributeCondition,
  OPERATORS,
  type TraceQuery,
} from "../../src/model/trace-query.ts";

/** Start of the corpus: every span starts within CORPUS_US after it. */
export const BASE_US = 1_700_000_000_000_000;
export const CORPUS_US = 60_000_000;

const SERVICES = ["frontend", "cart", "payment", "__proto__", "héllo"];
const NAMES = ["GET /", "POST /cart", "SELECT", "constructor", ""];
const KEYS = ["http.status_code", "user", "flag", "ratio", "blob", "list", "__proto__"];
const TEXTS = ["503", "true", "1.5", "acme", "", "x".repeat(300), "AAEC"];
/** What is easily compared wrongly: numbers, numbers that are large, texts. */
const ODD_TEXTS = [
  "1e3 1000 1000.0 -0 +1 007 NaN -Inf Infinity 0x10 1e400 .5 5.".split(" "),
  "9223372036854775807 9223372036854775808 9007199254740993 -9223372036854775808".split(" "),
  ["acme\n", "acm", "acne", " 1", "ÿ", "\uffee", "\u{1f600}", '["a"]', "{}", "null", "/", "."],
].flat();
const ODD_INTS = [1_000n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -1n];
const ODD_DOUBLES = [NaN, -0, Infinity, -Infinity, 1_000, 2 ** 53, 2 ** 63, 1e-7, 1e21, -7];
const PATTERNS = ["ac.*", "a.*e", ".*", "", "acme", "[0-9]+", "5?0?3", ".*e.*", "x+", "tr|fals"];

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
  /** Also values that are easily compared wrongly. */
  readonly withOdd?: boolean;
}

/** One batch of random spans. */
export function makeSpans(options: CorpusOptions): SpanBatch {
  const { random, rows, tracesFrom, tracesEnd, withOdd = false } = options;
  const batch = new SpanBatch();
  const add = makeAttributes(batch, random, withOdd);
  const resources = Array.from({ length: 3 }, () => addResource(batch, random, add));
  const scopes = Array.from({ length: 2 }, () => addScope(batch, random, add));
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
    add(batch.spanAttributes);
    if (random() < 0.3) addEvent(batch, random, add);
    if (random() < 0.2) addLink(batch, random, add);
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

/** A condition with any operator, or without one as Jaeger's tags are. */
export function makeCondition(random: Random): AttributeCondition {
  const plain = makePlainCondition(random);
  if (random() < 0.4) return plain;
  const operator = pick(random, OPERATORS);
  if (operator === "~" || operator === "!~") {
    return { key: plain.key, operator, value: pick(random, PATTERNS) };
  }
  return { ...plain, operator };
}

function makePlainCondition(random: Random): { key: string; value: string } {
  if (random() < 0.7) {
    const values = random() < 0.6 ? TEXTS : ODD_TEXTS;
    const value = pick(random, [...values, "0", "1", "2", "false", "nothing", '["a"]', '{"a":1}']);
    return { key: pick(random, random() < 0.95 ? KEYS : ["nowhere"]), value };
  }
  return pick(random, [
    { key: "error", value: "true" },
    { key: "error", value: "false" },
    { key: "span.kind", value: "server" },
    { key: "otel.status_code", value: "OK" },
    { key: "otel.status_description", value: "boom" },
    { key: "w3c.tracestate", value: "v=1" },
    { key: "otel.scope.name", value: "lib-a" },
    { key: "otel.library.version", value: "1" },
    { key: "otel.scope.version", value: "1" },
    { key: "event", value: "exception" },
    { key: "service.name", value: "cart" },
    { key: "span.name", value: "POST /cart" },
    { key: "span.name", value: "" },
    { key: "duration", value: "3ms" },
    { key: "duration", value: "5000" },
    { key: "duration", value: "slow" },
  ]);
}

function sameTrace(batch: SpanBatch, row: number, other: number): boolean {
  for (let k = 0; k < 16; k++) {
    if (batch.traceId[16 * row + k] !== batch.traceId[16 * other + k]) return false;
  }
  return true;
}

function addResource(batch: SpanBatch, random: Random, add: AddAttributes): number {
  const resource = batch.openResource();
  if (random() < 0.9) {
    const name = batch.dictionary.internText(pick(random, SERVICES));
    batch.resourceAttributes.add(batch.dictionary.internText("service.name"), STRING, name);
  }
  add(batch.resourceAttributes);
  batch.closeResource(resource);
  return resource;
}

function addScope(batch: SpanBatch, random: Random, add: AddAttributes): number {
  const scope = batch.openScope();
  batch.scopeName[scope] = batch.dictionary.internText(pick(random, ["lib-a", "lib-b", ""]));
  batch.scopeVersion[scope] = batch.dictionary.internText(pick(random, ["1", ""]));
  add(batch.scopeAttributes);
  batch.closeScope(scope);
  return scope;
}

function addEvent(batch: SpanBatch, random: Random, add: AddAttributes): void {
  const event = batch.openEvent();
  batch.eventUs[event] = BASE_US + Math.floor(random() * CORPUS_US);
  batch.eventName[event] = batch.dictionary.internText(pick(random, ["exception", "log", ""]));
  add(batch.eventAttributes);
  batch.closeEvent();
}

function addLink(batch: SpanBatch, random: Random, add: AddAttributes): void {
  const link = batch.openLink();
  batch.linkTraceId.set(traceIdOf(Math.floor(random() * 10)), 16 * link);
  batch.linkSpanId[8 * link] = 7;
  add(batch.linkAttributes);
  batch.closeLink();
}

interface NestedValue {
  readonly type: number;
  readonly hex: string;
  readonly text: string;
}

/** Every list and map of the corpus: messages of OTLP, and how they are shown. */
export const NESTED_VALUES: readonly NestedValue[] = [
  { type: ARRAY, hex: "0a030a0161", text: '["a"]' },
  { type: ARRAY, hex: "", text: "[]" },
  { type: MAP, hex: "0a070a016112021801", text: '{"a":1}' },
  { type: MAP, hex: "0a050a01611200", text: '{"a":null}' },
];

/** Adds up to three attributes to what `table` has of an owner. */
type AddAttributes = (table: AttributeTable) => void;

function makeAttributes(batch: SpanBatch, random: Random, withOdd: boolean): AddAttributes {
  return (table) => {
    for (let i = Math.floor(random() * 4); i > 0; i--) {
      const key = batch.dictionary.internText(pick(random, KEYS));
      if (withOdd && random() < 0.4) addOdd(batch, table, key, random);
      else addUsual(batch, table, key, random);
    }
  };
}

function addUsual(batch: SpanBatch, table: AttributeTable, key: number, random: Random): void {
  const type = Math.floor(random() * 8);
  if (type < 3) table.add(key, STRING, batch.dictionary.internText(pick(random, TEXTS)));
  else if (type === 3) table.addSafeInt(key, pick(random, [503, 0, 1, 2, -7]));
  else if (type === 4) table.addDouble(key, pick(random, [1.5, 0, 503, 2]));
  else if (type === 5) table.add(key, BOOL, random() < 0.5 ? 1 : 0);
  else if (type === 6) table.add(key, BYTES, internBytes(batch, Uint8Array.of(0, 1, 2)));
  else addNested(batch, table, key, NESTED_VALUES[0]!);
}

function addOdd(batch: SpanBatch, table: AttributeTable, key: number, random: Random): void {
  const type = Math.floor(random() * 8);
  if (type < 3) {
    table.add(key, STRING, batch.dictionary.internText(pick(random, ODD_TEXTS)));
  } else if (type === 3) {
    const bits = BigInt.asUintN(64, pick(random, ODD_INTS));
    table.addInt(key, Number(bits & 0xffff_ffffn), Number(bits >> 32n));
  } else if (type === 4) {
    table.addDouble(key, pick(random, ODD_DOUBLES));
  } else if (type === 5) {
    table.add(key, EMPTY, 0);
  } else if (type === 6) {
    table.add(key, BYTES, 0);
  } else {
    addNested(batch, table, key, pick(random, NESTED_VALUES));
  }
}

function addNested(
  batch: SpanBatch,
  table: AttributeTable,
  key: number,
  nested: NestedValue,
): void {
  table.add(key, nested.type, internBytes(batch, Buffer.from(nested.hex, "hex")));
}

function internBytes(batch: SpanBatch, bytes: Uint8Array): number {
  return batch.dictionary.intern(bytes, 0, bytes.length);
}
