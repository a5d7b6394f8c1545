// Columns that count as attributes, by the names that Jaeger shows them by.
//
//   error                     true, on STATUS_ERROR        otel.status_code          OK, ERROR
//   span.kind                 server, client, …            otel.status_description   if not empty
//   w3c.tracestate            if not empty                 otel.scope.name, .version if not empty
//   event                     the name of each, if not empty
//   span.name, duration       always; only if the condition has an operator
//
// Each distinct text of a block is tested once.
// Source: AttributeCondition in model/trace-query.ts, docs/span-mapping.md.

import { parseDurationNs } from "../../base/duration.ts";
import { STATUS_ERROR } from "../../model/span-batch.ts";
import type { AttributeCondition } from "../../model/trace-query.ts";
import type { Rows, Vocabulary } from "./columns.ts";
import { makeValueTest, type ValueTest } from "./value-test.ts";

export type Intrinsic = (rows: Rows, row: number) => boolean;

export const KIND_TEXTS: readonly string[] = [
  "unspecified",
  "internal",
  "server",
  "client",
  "producer",
  "consumer",
];
export const STATUS_TEXTS: readonly string[] = ["", "OK", "ERROR"];

const COLUMN_KEYS: ReadonlySet<string> = new Set([
  "error",
  "span.kind",
  "otel.status_code",
  "otel.status_description",
  "w3c.tracestate",
  "event",
  "span.name",
  "duration",
  "otel.scope.name",
  "otel.scope.version",
  "otel.library.name",
  "otel.library.version",
]);

const encoder = new TextEncoder();
const NO_MARKS = new Uint8Array(0);

/** True for keys that rows may meet a condition on without an attribute of that key. */
export function isColumnKey(key: string): boolean {
  return COLUMN_KEYS.has(key);
}

/**
 * How to tell the condition from a row's columns.
 *
 * @returns undefined if no column of the block can meet it, true if that of every row does.
 */
export function compileIntrinsic(
  block: Vocabulary,
  condition: AttributeCondition,
  test: ValueTest,
): Intrinsic | true | undefined {
  const { operator } = condition;
  switch (condition.key) {
    case "error":
      return test.other("true") ? (rows, row) => rows.statusCode[row] === STATUS_ERROR : undefined;
    case "span.kind": {
      const kinds = markTexts(KIND_TEXTS, test);
      return kinds === undefined ? undefined : (rows, row) => kinds[rows.kind[row]!] === 1;
    }
    case "otel.status_code": {
      const codes = markTexts(STATUS_TEXTS, test);
      return codes === undefined ? undefined : (rows, row) => codes[rows.statusCode[row]!] === 1;
    }
    case "otel.status_description": {
      const meets = compileEntry(block, condition, test, false);
      return meets && ((rows, row) => meets(rows.statusMessage?.[row] ?? 0));
    }
    case "w3c.tracestate": {
      const meets = compileEntry(block, condition, test, false);
      return meets && ((rows, row) => meets(rows.traceState?.[row] ?? 0));
    }
    case "event":
      return compileEvents(compileEntry(block, condition, test, false));
    case "span.name": {
      if (operator === undefined) return undefined;
      if (operator === "exists" || operator === "absent") return true;
      const meets = compileEntry(block, condition, test, true);
      return meets && ((rows, row) => meets(rows.name[row]!));
    }
    case "duration": {
      if (operator === undefined) return undefined;
      if (operator === "exists" || operator === "absent") return true;
      return compileDuration(condition, test);
    }
    default:
      return undefined;
  }
}

/** Adds the scopes whose name or version meets the condition to `marks`. */
export function markScopes(
  block: Vocabulary,
  condition: AttributeCondition,
  test: ValueTest,
  marks: Uint8Array | undefined,
): Uint8Array | undefined {
  const column = scopeColumn(block, condition.key);
  if (column === undefined) return marks;
  const { count } = block.scopes;
  let marked = marks;
  for (let scope = 0; scope < count; scope++) {
    const entry = column[scope]!;
    if (entry === 0 || !test.text(block.dictionary.bytes(entry))) continue;
    marked ??= new Uint8Array(count);
    marked[scope] = 1;
  }
  return marked;
}

/** Entries that a scope attribute of this name stands for; undefined: it is no column. */
export function scopeColumn(block: Vocabulary, key: string): ArrayLike<number> | undefined {
  switch (key) {
    case "otel.scope.name":
    case "otel.library.name":
      return block.scopes.name;
    case "otel.scope.version":
    case "otel.library.version":
      return block.scopes.version;
    default:
      return undefined;
  }
}

/** 1 for each text that meets the test; the first one stands for a column that is not set. */
function markTexts(texts: readonly string[], test: ValueTest): Uint8Array | undefined {
  const marks = Uint8Array.from(texts, (text, i) =>
    i > 0 && test.text(encoder.encode(text)) ? 1 : 0,
  );
  return marks.includes(1) ? marks : undefined;
}

/**
 * A test of entries. @param countsEmpty whether the empty text is a value or none.
 * @returns undefined if no entry of the block meets it.
 */
function compileEntry(
  block: Vocabulary,
  condition: AttributeCondition,
  test: ValueTest,
  countsEmpty: boolean,
): ((entry: number) => boolean) | undefined {
  const { dictionary } = block;
  if (condition.operator === undefined || condition.operator === "=") {
    const wanted = dictionary.findText(condition.value);
    if (wanted < 0 || (wanted === 0 && !countsEmpty)) return undefined;
    return (entry) => entry === wanted;
  }
  /** By entry: 0 not tested yet, 1 no, 2 yes. */
  let known: Uint8Array = NO_MARKS;
  return (entry) => {
    if (entry === 0 && !countsEmpty) return false;
    if (entry >= known.length) known = grown(known, entry + 1);
    let state = known[entry]!;
    if (state === 0) known[entry] = state = test.text(dictionary.bytes(entry)) ? 2 : 1;
    return state === 2;
  };
}

function compileEvents(meets: ((entry: number) => boolean) | undefined): Intrinsic | undefined {
  if (meets === undefined) return undefined;
  return (rows, row) => {
    const end = rows.eventStart[row + 1]!;
    for (let at = rows.eventStart[row]!; at < end; at++) {
      if (meets(rows.eventName[at]!)) return true;
    }
    return false;
  };
}

/** A duration counts as its number of µs; an operand with units is read as such a number. */
function compileDuration(condition: AttributeCondition, test: ValueTest): Intrinsic {
  const us = readDurationUs(condition.value);
  const operator = condition.operator ?? "=";
  const own = us === undefined || operator === "~" || operator === "!~";
  const tested = own ? test : makeValueTest(operator, String(us));
  return (rows, row) => tested.double(rows.durationNs[row]! / 1_000);
}

/** @returns undefined if the text is no duration with a unit. */
export function readDurationUs(text: string): number | undefined {
  // Without a unit it is a number of µs.
  if (!/^[\d.]+[a-zµμ]/.test(text)) return undefined;
  try {
    return parseDurationNs(text) / 1_000;
  } catch {
    return undefined;
  }
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(Math.max(length, 2 * bytes.length, 1_024));
  larger.set(bytes);
  return larger;
}
