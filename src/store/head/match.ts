// Which rows of a block meet a query: the query, compiled against the block's own numbers.
//
//   condition ──▶ terms, resources, scopes and columns that meet it (compile-condition.ts)
//
// A value or service that is not in the block's dictionary rules the whole block out. In a sealed block
// the rarest condition's postings drive; otherwise the rows are scanned. Every candidate is then checked
// against every condition, so that one span meets them all.

import type { TraceQuery } from "../../model/trace-query.ts";
import type { Block } from "./block.ts";
import type { Rows, Vocabulary } from "./columns.ts";
import { type Compiled, compileCondition } from "./compile-condition.ts";

/** Above this share of a block's rows a scan is cheaper than postings. */
const POSTINGS_SHARE_MAX = 1 / 2;

/** Rows between two steps: some 20 µs. */
const STEP_ROWS = 512;

/** A query as numbers of one block. */
export interface Plan {
  readonly query: TraceQuery;
  /** Resources of the wanted service; undefined: any. */
  readonly resources: Uint8Array | undefined;
  /** Dictionary entry of the operation; -1: any. */
  readonly name: number;
  /** Those that not every row of the block meets. */
  readonly conditions: readonly Compiled[];
}

type Steps<Result> = Generator<undefined, Result, undefined>;

/** As `matchSteps`, in one go. */
export function matchRows(
  block: Block,
  query: TraceQuery,
  isLive: (row: number) => boolean,
  found: (row: number) => void,
): void {
  const steps = matchSteps(block, query, isLive, found);
  while (steps.next().done !== true);
}

/**
 * Calls `found` for every row that meets `query`, in no particular order, once. In steps, so that others
 * get their turn; rows that are appended meanwhile are not looked at: the plan does not know their terms.
 */
export function* matchSteps(
  block: Block,
  query: TraceQuery,
  isLive: (row: number) => boolean,
  found: (row: number) => void,
): Steps<void> {
  if (block.startUsMax < query.startUsMin || block.startUsMin > query.startUsMax) return;
  const { rows } = block;
  const plan = yield* planSteps(block, query);
  if (plan === undefined) return;
  const driver = findDriver(block, plan);
  if (driver === undefined) {
    for (let row = 0; row < rows; row++) {
      if (meets(block, plan, row) && isLive(row)) found(row);
      if (row % STEP_ROWS === STEP_ROWS - 1) yield undefined;
    }
    return;
  }
  const seen = new Uint8Array(rows);
  let looks = 0;
  for (const term of driver.terms) {
    const end = block.postingStart[term + 1]!;
    for (let at = block.postingStart[term]!; at < end; at++) {
      if (++looks % STEP_ROWS === 0) yield undefined;
      const row = block.posting[at]!;
      // Also false for rows that came after the plan.
      if (seen[row] !== 0) continue;
      seen[row] = 1;
      if (meets(block, plan, row) && isLive(row)) found(row);
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
    !condition.isAbsent &&
    condition.resources === undefined &&
    condition.scopes === undefined &&
    condition.intrinsic === undefined
  );
}

/** As `planSteps`, in one go. */
export function makePlan(block: Vocabulary, query: TraceQuery): Plan | undefined {
  const steps = planSteps(block, query);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** @returns undefined if no row of the block can meet the query. */
function* planSteps(block: Vocabulary, query: TraceQuery): Steps<Plan | undefined> {
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
    const compiled = yield* compileCondition(block, condition);
    if (compiled === false) return undefined;
    if (compiled !== true) conditions.push(compiled);
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
  return hasCondition(block, condition, row) !== condition.isAbsent;
}

function hasCondition(block: Rows, condition: Compiled, row: number): boolean {
  if (condition.resources?.[block.resource[row]!] === 1) return true;
  if (condition.scopes?.[block.scope[row]!] === 1) return true;
  if (condition.intrinsic?.(block, row) === true) return true;
  if (condition.terms.length === 0) return false;
  if (block.carries !== undefined) return block.carries(condition.terms, row);
  if (has(block.attribute, condition, block.attributeStart[row]!, block.attributeStart[row + 1]!)) {
    return true;
  }
  const event = block.eventStart[row]!;
  const eventEnd = block.eventStart[row + 1]!;
  if (event < eventEnd) {
    const start = block.eventTermStart[event]!;
    if (has(block.eventTerm, condition, start, block.eventTermStart[eventEnd]!)) return true;
  }
  if (block.linkStart === undefined) return false;
  const link = block.linkTermStart[block.linkStart[row]!]!;
  return has(block.linkTerm, condition, link, block.linkTermStart[block.linkStart[row + 1]!]!);
}

function has(column: Uint32Array, condition: Compiled, start: number, end: number): boolean {
  const { terms, marks } = condition;
  if (marks !== undefined) {
    for (let at = start; at < end; at++) if (marks[column[at]!] === 1) return true;
    return false;
  }
  for (const term of terms) {
    for (let at = start; at < end; at++) if (column[at] === term) return true;
  }
  return false;
}
