// A condition on attributes as numbers of one block: which terms, resources and scopes meet it, and how
// to tell it from a row's columns.
//
//   key op operand ──▶ terms of the key whose value meets it         each distinct value looked at once
//                      resources and scopes that carry one of them
//                      an intrinsic: a column that counts as this key (intrinsic.ts)
//
// `=` looks its terms up by their value; every other operator goes through the values of the key.
// Source: AttributeCondition in model/trace-query.ts. Not here: rows (match.ts), one value (value-test.ts).

import type { AttributeCondition } from "../../model/trace-query.ts";
import type { Owners, Vocabulary } from "./columns.ts";
import { scannedTypeOf, valuesEqualTo } from "./equal-values.ts";
import { compileIntrinsic, type Intrinsic, markScopes } from "./intrinsic.ts";
import { makeValueTest, meetsTest, type ValueTest, valueTestOf } from "./value-test.ts";

/** Values between two steps: some µs, or some 10 ms of a pattern that is made to be slow. */
const STEP_VALUES = 32;

/** Up to so many terms are compared one by one; more are marked in a table. */
const FEW_TERMS = 4;

export interface Compiled {
  /** Terms of the block that meet the condition, at whatever level, rising. */
  readonly terms: readonly number[];
  /** 1 for each of `terms`, by term; undefined: they are few. */
  readonly marks: Uint8Array | undefined;
  /** 1 for each resource (scope) of the block that meets the condition. */
  readonly resources: Uint8Array | undefined;
  readonly scopes: Uint8Array | undefined;
  readonly intrinsic: Intrinsic | undefined;
  /** Rows meet the condition that do not meet all this. */
  readonly isAbsent: boolean;
}

/**
 * In steps, so that others get their turn: values that come meanwhile are not looked at.
 *
 * @returns false if no row of the block can meet the condition, true if every row does.
 * @throws SpoorError `bad-input` if the operand is no regular expression.
 */
export function* compileCondition(
  block: Vocabulary,
  condition: AttributeCondition,
): Generator<undefined, Compiled | boolean, undefined> {
  const isAbsent = condition.operator === "absent";
  const test = valueTestOf(condition);
  const key = block.dictionary.findText(condition.key);
  const terms = key < 0 ? [] : yield* findTerms(block, key, condition, test);
  const marks = terms.length > FEW_TERMS ? markTerms(terms, block.terms.count) : undefined;
  const resources = ownersWith(block.resources, terms, marks);
  const scopes = markScopes(block, condition, test, ownersWith(block.scopes, terms, marks));
  const intrinsic = compileIntrinsic(block, condition, test);
  if (typeof intrinsic === "boolean") return intrinsic !== isAbsent;
  if (terms.length === 0 && scopes === undefined && intrinsic === undefined) return isAbsent;
  return { terms, marks, resources, scopes, intrinsic, isAbsent };
}

function* findTerms(
  block: Vocabulary,
  key: number,
  condition: AttributeCondition,
  test: ValueTest,
): Generator<undefined, number[], undefined> {
  if (condition.operator === undefined || condition.operator === "=") {
    return findEqual(block, key, condition.value);
  }
  const { dictionary } = block;
  const found: number[] = [];
  if (condition.operator === "exists" || condition.operator === "absent") {
    block.terms.eachOf(key, (term) => found.push(term));
    return found;
  }
  /** Four numbers a term: itself, type, low, high. */
  const values: number[] = [];
  block.terms.eachOf(key, (term, type, low, high) => values.push(term, type, low, high));
  for (let at = 0; at < values.length; at += 4) {
    if (at % (4 * STEP_VALUES) === 0 && at > 0) yield undefined;
    const term = values[at]!;
    const isMet = meetsTest(test, dictionary, values[at + 1]!, values[at + 2]!, values[at + 3]!);
    if (isMet) found.push(term);
  }
  return found;
}

/** A look-up each, and a pass over the key's values where several may have the same text. */
function findEqual(block: Vocabulary, key: number, operand: string): number[] {
  const { dictionary, terms } = block;
  const found: number[] = [];
  for (const { type, bytes, low, high } of valuesEqualTo(operand)) {
    const word = bytes === undefined ? low : dictionary.find(bytes);
    const term = word < 0 ? -1 : terms.find(key, type, word, high);
    if (term >= 0) found.push(term);
  }
  const scanned = scannedTypeOf(operand);
  if (scanned !== undefined) {
    const test = makeValueTest("=", operand);
    terms.eachOf(key, (term, type, low, high) => {
      if (type === scanned && meetsTest(test, dictionary, type, low, high)) found.push(term);
    });
  }
  return found.sort((one, two) => one - two);
}

function markTerms(terms: readonly number[], count: number): Uint8Array {
  const marks = new Uint8Array(count);
  for (const term of terms) marks[term] = 1;
  return marks;
}

function ownersWith(
  owners: Owners,
  terms: readonly number[],
  marks: Uint8Array | undefined,
): Uint8Array | undefined {
  if (terms.length === 0) return undefined;
  let found: Uint8Array | undefined;
  for (let owner = 0; owner < owners.count; owner++) {
    const end = owners.termStart[owner + 1]!;
    for (let at = owners.termStart[owner]!; at < end; at++) {
      const term = owners.terms[at]!;
      if (marks === undefined ? !terms.includes(term) : marks[term] === 0) continue;
      found ??= new Uint8Array(owners.count);
      found[owner] = 1;
      break;
    }
  }
  return found;
}
