// Which rows of a block meet a query: the query, compiled against the block's own numbers.
//
//   condition key=value ──▶ terms of the block that are this attribute in any type
//                           + resources and scopes that carry one of them
//                           + an intrinsic: a column that Jaeger shows as a tag (error, span.kind, …)
//
// A value or service that is not in the block's dictionary rules the whole block out. In a sealed block
// the rarest condition's postings drive; otherwise the rows are scanned. Every candidate is then checked
// against every condition, so that one span meets them all.

import { ARRAY, BOOL, BYTES, DOUBLE, INT, MAP, STRING } from "../../model/attribute-table.ts";
import { STATUS_ERROR, STATUS_OK } from "../../model/span-batch.ts";
import type { AttributeCondition, TraceQuery } from "../../model/trace-query.ts";
import { printAnyValues } from "../../wire/any-value-text.ts";
import type { Block } from "./block.ts";
import type { Owners, Rows, Vocabulary } from "./columns.ts";

/** Above this share of a block's rows a scan is cheaper than postings. */
const POSTINGS_SHARE_MAX = 1 / 2;

/** A query as numbers of one block. */
export interface Plan {
  readonly query: TraceQuery;
  /** Resources of the wanted service; undefined: any. */
  readonly resources: Uint8Array | undefined;
  /** Dictionary entry of the operation; -1: any. */
  readonly name: number;
  readonly conditions: readonly Compiled[];
}

export interface Compiled {
  /** Terms of the block that meet the condition, at whatever level. */
  readonly terms: readonly number[];
  /** 1 for each resource (scope) of the block that carries one of the terms. */
  readonly resources: Uint8Array | undefined;
  readonly scopes: Uint8Array | undefined;
  readonly intrinsic: Intrinsic | undefined;
}

type Intrinsic = (rows: Rows, row: number) => boolean;

const KIND_TEXTS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const encoder = new TextEncoder();

/** Calls `found` for every row that meets `query`, in no particular order; a row may come twice. */
export function matchRows(
  block: Block,
  query: TraceQuery,
  isLive: (row: number) => boolean,
  found: (row: number) => void,
): void {
  if (block.startUsMax < query.startUsMin || block.startUsMin > query.startUsMax) return;
  const plan = makePlan(block, query);
  if (plan === undefined) return;
  const driver = findDriver(block, plan);
  if (driver === undefined) {
    for (let row = 0; row < block.rows; row++) {
      if (meets(block, plan, row) && isLive(row)) found(row);
    }
    return;
  }
  const terms = driver.terms;
  const seen = terms.length > 1 ? new Set<number>() : undefined;
  for (const term of terms) {
    const end = block.postingStart[term + 1]!;
    let last = -1;
    for (let at = block.postingStart[term]!; at < end; at++) {
      const row = block.posting[at]!;
      if (row === last || seen?.has(row) === true) continue;
      last = row;
      if (meets(block, plan, row) && isLive(row)) {
        found(row);
        seen?.add(row);
      }
    }
  }
}

/** The condition with the fewest rows in the postings; undefined: a scan is cheaper. */
function findDriver(block: Block, plan: Plan): Compiled | undefined {
  if (!block.sealed) return undefined;
  let driver: Compiled | undefined;
  let fewest = block.rows * POSTINGS_SHARE_MAX;
  for (const condition of plan.conditions) {
    if (!isOfRowsOnly(condition)) continue;
    let rows = 0;
    for (const term of condition.terms) {
      rows += block.postingStart[term + 1]! - block.postingStart[term]!;
    }
    if (rows >= fewest) continue;
    fewest = rows;
    driver = condition;
  }
  return driver;
}

/** True if only spans, events and links that carry one of the terms can meet the condition. */
export function isOfRowsOnly(condition: Compiled): boolean {
  return (
    condition.resources === undefined &&
    condition.scopes === undefined &&
    condition.intrinsic === undefined
  );
}

/** @returns undefined if no row of the block can meet the query. */
export function makePlan(block: Vocabulary, query: TraceQuery): Plan | undefined {
  let resources: Uint8Array | undefined;
  if (query.service !== undefined) {
    const service = block.dictionary.findText(query.service);
    if (service < 0) return undefined;
    resources = new Uint8Array(block.resources.count);
    let any = false;
    for (let owner = 0; owner < resources.length; owner++) {
      if (block.resourceService[owner] !== service) continue;
      resources[owner] = 1;
      any = true;
    }
    if (!any) return undefined;
  }
  let name = -1;
  if (query.operation !== undefined) {
    name = block.dictionary.findText(query.operation);
    if (name < 0) return undefined;
  }
  const conditions: Compiled[] = [];
  for (const condition of query.attributes) {
    const compiled = compile(block, condition);
    if (compiled === undefined) return undefined;
    conditions.push(compiled);
  }
  return { query, resources, name, conditions };
}

/** True if this row meets every condition. */
export function meets(block: Rows, plan: Plan, row: number): boolean {
  const query = plan.query;
  const startUs = block.startUs[row]!;
  if (startUs < query.startUsMin || startUs > query.startUsMax) return false;
  if (plan.resources !== undefined && plan.resources[block.resource[row]!] === 0) return false;
  if (plan.name >= 0 && block.name[row] !== plan.name) return false;
  if (query.kind !== undefined && block.kind[row] !== query.kind) return false;
  const durationNs = block.durationNs[row]!;
  if (query.durationNsMin !== undefined && durationNs < query.durationNsMin) return false;
  if (query.durationNsMax !== undefined && durationNs > query.durationNsMax) return false;
  for (const condition of plan.conditions) {
    if (!meetsCondition(block, condition, row)) return false;
  }
  return true;
}

function meetsCondition(block: Rows, condition: Compiled, row: number): boolean {
  if (condition.resources?.[block.resource[row]!] === 1) return true;
  if (condition.scopes?.[block.scope[row]!] === 1) return true;
  if (condition.intrinsic?.(block, row) === true) return true;
  if (block.carries !== undefined) return block.carries(condition.terms, row);
  for (const term of condition.terms) {
    if (has(block.attribute, term, block.attributeStart[row]!, block.attributeStart[row + 1]!)) {
      return true;
    }
    const event = block.eventStart[row]!;
    const eventEnd = block.eventStart[row + 1]!;
    if (
      event < eventEnd &&
      has(block.eventTerm, term, block.eventTermStart[event]!, block.eventTermStart[eventEnd]!)
    ) {
      return true;
    }
    if (block.linkStart === undefined) continue;
    const link = block.linkTermStart[block.linkStart[row]!]!;
    if (has(block.linkTerm, term, link, block.linkTermStart[block.linkStart[row + 1]!]!)) {
      return true;
    }
  }
  return false;
}

function has(column: Uint32Array, term: number, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (column[at] === term) return true;
  return false;
}

/** @returns undefined if no row of the block can meet the condition. */
function compile(block: Vocabulary, condition: AttributeCondition): Compiled | undefined {
  const key = block.dictionary.findText(condition.key);
  const terms = key < 0 ? [] : findTerms(block, key, condition.value);
  const resources = ownersWith(block.resources, terms);
  const scopes = ownersWith(block.scopes, terms);
  const intrinsic = compileIntrinsic(block, condition);
  if (terms.length === 0 && intrinsic === undefined) return undefined;
  return { terms, resources, scopes, intrinsic };
}

/** The terms of the block with this key whose value, of whatever type, reads as `value`. */
function findTerms(block: Vocabulary, key: number, value: string): number[] {
  const found: number[] = [];
  const add = (type: number, low: number, high: number): void => {
    const term = block.terms.find(key, type, low, high);
    if (term >= 0) found.push(term);
  };
  const text = block.dictionary.findText(value);
  if (text >= 0) add(STRING, text, 0);
  if (value === "true") add(BOOL, 1, 0);
  if (value === "false") add(BOOL, 0, 0);
  if (/^(0|-?[1-9]\d{0,18})$/.test(value)) {
    const int = BigInt.asUintN(64, BigInt(value));
    if (BigInt.asIntN(64, int).toString() === value) {
      add(INT, Number(int & 0xffffffffn), Number(int >> 32n));
    }
  }
  if (/^[-+]?(\d|\.\d)/.test(value) || /^(NaN|[-+]?Inf(inity)?)$/.test(value)) {
    const words = new Uint32Array(new Float64Array([parseDouble(value)]).buffer);
    add(DOUBLE, words[0]!, words[1]!);
  }
  for (const bytes of readBase64(value)) {
    const entry = block.dictionary.find(bytes);
    if (entry >= 0) add(BYTES, entry, 0);
  }
  if (value.startsWith("[")) addNested(block, key, ARRAY, value, found);
  if (value.startsWith("{")) addNested(block, key, MAP, value, found);
  return found;
}

/** Arrays and maps are compared by their text, one distinct value after the other. */
function addNested(
  block: Vocabulary,
  key: number,
  type: number,
  value: string,
  found: number[],
): void {
  const terms = block.terms;
  for (let term = 0; term < terms.count; term++) {
    if (terms.key[term] !== key || terms.type[term] !== type) continue;
    if (printAnyValues(type, block.dictionary.bytes(terms.low[term]!)) === value) found.push(term);
  }
}

function parseDouble(value: string): number {
  if (value.endsWith("Inf")) return value.startsWith("-") ? -Infinity : Infinity;
  return Number(value);
}

/** Bytes attributes are shown, and so asked for, as base64. */
function readBase64(value: string): Uint8Array[] {
  if (value.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return [];
  return [Uint8Array.from(atob(value), (char) => char.charCodeAt(0))];
}

function ownersWith(owners: Owners, terms: readonly number[]): Uint8Array | undefined {
  if (terms.length === 0) return undefined;
  let marks: Uint8Array | undefined;
  for (let owner = 0; owner < owners.count; owner++) {
    const end = owners.termStart[owner + 1]!;
    for (let at = owners.termStart[owner]!; at < end; at++) {
      if (!terms.includes(owners.terms[at]!)) continue;
      marks ??= new Uint8Array(owners.count);
      marks[owner] = 1;
      break;
    }
  }
  return marks;
}

/** The columns that Jaeger shows as tags, so that they are found by those names too. */
function compileIntrinsic(block: Vocabulary, condition: AttributeCondition): Intrinsic | undefined {
  const value = condition.value;
  switch (condition.key) {
    case "error":
      return value === "true" ? (rows, row) => rows.statusCode[row] === STATUS_ERROR : undefined;
    case "span.kind": {
      const kind = KIND_TEXTS.indexOf(value);
      return kind < 1 ? undefined : (rows, row) => rows.kind[row] === kind;
    }
    case "otel.status_code": {
      const code = value === "ERROR" ? STATUS_ERROR : value === "OK" ? STATUS_OK : -1;
      return code < 0 ? undefined : (rows, row) => rows.statusCode[row] === code;
    }
    case "otel.status_description":
      return equalsText(block, "statusMessage", value);
    case "w3c.tracestate":
      return equalsText(block, "traceState", value);
    case "otel.scope.name":
    case "otel.library.name":
      return ofScope(block, block.scopes.name, value);
    case "otel.scope.version":
    case "otel.library.version":
      return ofScope(block, block.scopes.version, value);
    case "event":
      return ofEvents(block, value);
    default:
      return undefined;
  }
}

function equalsText(
  block: Vocabulary,
  column: "statusMessage" | "traceState",
  value: string,
): Intrinsic | undefined {
  const entry = value === "" ? -1 : block.dictionary.find(encoder.encode(value));
  return entry < 0 ? undefined : (rows, row) => rows[column]?.[row] === entry;
}

function ofScope(
  block: Vocabulary,
  texts: ArrayLike<number>,
  value: string,
): Intrinsic | undefined {
  const entry = value === "" ? -1 : block.dictionary.findText(value);
  return entry < 0 ? undefined : (rows, row) => texts[rows.scope[row]!] === entry;
}

function ofEvents(block: Vocabulary, value: string): Intrinsic | undefined {
  const entry = value === "" ? -1 : block.dictionary.findText(value);
  if (entry < 0) return undefined;
  return (rows, row) => {
    const end = rows.eventStart[row + 1]!;
    for (let at = rows.eventStart[row]!; at < end; at++) {
      if (rows.eventName[at] === entry) return true;
    }
    return false;
  };
}
