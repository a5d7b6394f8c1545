// The values that equal an operand, in the form in which a block numbers them: so that `=` is a look-up.
//
//   "503"  ─▶  STRING "503" · INT 503 · DOUBLE 503 · BYTES (base64 would read so)
//
// Source: Operator in model/trace-query.ts. Not here: the other operators (value-test.ts).

import {
  ARRAY,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  MAP,
  STRING,
} from "../../model/attribute-table.ts";
import { parseBase64, printBase64 } from "../../wire/base64-text.ts";
import { type NumberText, parseNumber, wordsOfDouble, wordsOfInt } from "./value-text.ts";

/** A value as the term table has it, but for STRING and BYTES: their bytes are no entry yet. */
export interface EqualValue {
  readonly type: number;
  readonly bytes: Uint8Array | undefined;
  readonly low: number;
  readonly high: number;
}

const encoder = new TextEncoder();

/** All values that equal `operand`, but those of the type that `scannedTypeOf` names. */
export function valuesEqualTo(operand: string): readonly EqualValue[] {
  const values: EqualValue[] = [];
  const text = encoder.encode(operand);
  values.push({ type: STRING, bytes: text, low: 0, high: 0 });
  const add = (type: number, [low, high]: readonly [number, number]): void => {
    values.push({ type, bytes: undefined, low, high });
  };
  if (operand === "") add(EMPTY, [0, 0]);
  if (operand === "true") add(BOOL, [1, 0]);
  if (operand === "false") add(BOOL, [0, 0]);
  const number = parseNumber(operand);
  if (number !== undefined) addNumbers(number, add);
  const bytes = parseBase64(text, 0, text.length);
  if (bytes !== undefined && printBase64(bytes) === operand) {
    values.push({ type: BYTES, bytes, low: 0, high: 0 });
  }
  return values;
}

/**
 * The type of which several values may have the text `operand`, so that they have to be looked through:
 * lists and maps by how they are encoded, NaN by its bits. Undefined for most operands.
 */
export function scannedTypeOf(operand: string): number | undefined {
  if (operand.startsWith("[")) return ARRAY;
  if (operand.startsWith("{")) return MAP;
  return Number.isNaN(parseNumber(operand)?.double) ? DOUBLE : undefined;
}

function addNumbers(
  { double, exact }: NumberText,
  add: (type: number, words: readonly [number, number]) => void,
): void {
  if (isInt64(exact)) add(INT, wordsOfInt(exact));
  if (!Number.isNaN(double)) add(DOUBLE, wordsOfDouble(double));
  if (double === 0) add(DOUBLE, wordsOfDouble(-double));
}

function isInt64(value: number | bigint): boolean {
  if (typeof value === "bigint") return true;
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}
