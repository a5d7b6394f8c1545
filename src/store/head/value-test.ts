// What a condition asks of one value, whatever its type: operator and operand, compiled once a query.
//
//   >= 500      int, double: as numbers · text "503": as a number · bool, bytes, list: no
//   >= "abc"    everything by its text, bytes of UTF-8
//   ~ 5..       everything by its text
//
// Source: Operator in model/trace-query.ts. Trust: operands are the peer's; see pattern.ts.
// Not here: which values of a block are looked at (compile-condition.ts).

import { DOUBLE, INT, STRING } from "../../model/attribute-table.ts";
import type { AttributeCondition, Operator } from "../../model/trace-query.ts";
import type { Vocabulary } from "./columns.ts";
import { compilePattern } from "./pattern.ts";
import {
  doubleOf,
  intOf,
  type NumberText,
  parseNumber,
  parseNumberBytes,
  textOfDouble,
  textOfValue,
} from "./value-text.ts";

/** True for values that meet a condition. */
export interface ValueTest {
  /** UTF-8. */
  readonly text: (bytes: Uint8Array) => boolean;
  readonly int: (value: number | bigint) => boolean;
  readonly double: (value: number) => boolean;
  /** The text of a value of any other type. */
  readonly other: (text: string) => boolean;
}

type Order = "<" | "<=" | ">" | ">=";
type Compare = (value: number | bigint, operand: number | bigint) => boolean;

// A bigint and a number are compared exactly.
const COMPARE: Readonly<Record<Order, Compare>> = {
  "<": (value, operand) => value < operand,
  "<=": (value, operand) => value <= operand,
  ">": (value, operand) => value > operand,
  ">=": (value, operand) => value >= operand,
};

const encoder = new TextEncoder();
const tests = new WeakMap<AttributeCondition, ValueTest>();

/**
 * The test of a condition; made once and kept as long as the condition is. `absent` is tested for what
 * it asks to be missing.
 *
 * @throws SpoorError `bad-input` if the operand is no regular expression.
 */
export function valueTestOf(condition: AttributeCondition): ValueTest {
  let test = tests.get(condition);
  if (test === undefined) {
    test = makeValueTest(condition.operator ?? "=", condition.value);
    tests.set(condition, test);
  }
  return test;
}

/** @throws SpoorError `bad-input` if a condition is none that can be tested. */
export function checkConditions(conditions: readonly AttributeCondition[]): void {
  for (const condition of conditions) valueTestOf(condition);
}

/** True if the term with this type and value meets the test. */
export function meetsTest(
  test: ValueTest,
  dictionary: Vocabulary["dictionary"],
  type: number,
  low: number,
  high: number,
): boolean {
  switch (type) {
    case STRING:
      return test.text(dictionary.bytes(low));
    case INT:
      return test.int(intOf(low, high));
    case DOUBLE:
      return test.double(doubleOf(low, high));
    default:
      return test.other(textOfValue(dictionary, type, low, high));
  }
}

/** As `valueTestOf`, of an operator and its operand. */
export function makeValueTest(operator: Operator, operand: string): ValueTest {
  switch (operator) {
    case "=":
      return equals(operand);
    case "!=":
      return not(equals(operand));
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const number = parseNumber(operand);
      return number === undefined
        ? comparesText(operator, operand)
        : comparesNumber(operator, number);
    }
    case "~":
      return ofTexts(compilePattern(operand));
    case "!~":
      return not(ofTexts(compilePattern(operand)));
    default:
      return ofTexts(() => true);
  }
}

function equals(operand: string): ValueTest {
  const bytes = encoder.encode(operand);
  const number = parseNumber(operand);
  return {
    text: (own) => own.length === bytes.length && compareBytes(own, bytes) === 0,
    int: (value) => number !== undefined && isSame(value, number.exact),
    double: (value) =>
      number !== undefined &&
      (value === number.double || (Number.isNaN(value) && Number.isNaN(number.double))),
    other: (text) => text === operand,
  };
}

/** Exact, also of a bigint and a number. */
function isSame(one: number | bigint, two: number | bigint): boolean {
  if (typeof one === typeof two) return one === two;
  return Number.isInteger(Number(two)) && BigInt(one) === BigInt(two);
}

function not(test: ValueTest): ValueTest {
  return {
    text: (bytes) => !test.text(bytes),
    int: (value) => !test.int(value),
    double: (value) => !test.double(value),
    other: (text) => !test.other(text),
  };
}

function comparesNumber(operator: Order, operand: NumberText): ValueTest {
  const compare = COMPARE[operator];
  return {
    text: (bytes) => {
      const number = parseNumberBytes(bytes);
      if (number === undefined) return false;
      return number.isWhole
        ? compare(number.exact, operand.exact)
        : compare(number.double, operand.double);
    },
    int: (value) => compare(value, operand.exact),
    double: (value) => compare(value, operand.double),
    other: () => false,
  };
}

function comparesText(operator: Order, operand: string): ValueTest {
  const compare = COMPARE[operator];
  const bytes = encoder.encode(operand);
  return ofTexts((own) => compare(compareBytes(own, bytes), 0));
}

/** Asks of every type the same: of its text. */
function ofTexts(meets: (bytes: Uint8Array) => boolean): ValueTest {
  const other = (text: string): boolean => meets(encoder.encode(text));
  return {
    text: meets,
    int: (value) => other(String(value)),
    double: (value) => other(textOfDouble(value)),
    other,
  };
}

/** The order of UTF-8 is that of code points. */
function compareBytes(one: Uint8Array, two: Uint8Array): number {
  const length = Math.min(one.length, two.length);
  for (let i = 0; i < length; i++) {
    const difference = one[i]! - two[i]!;
    if (difference !== 0) return difference;
  }
  return one.length - two.length;
}
