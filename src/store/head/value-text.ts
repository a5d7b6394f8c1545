// Values of attributes as conditions see them: their text, and the number that they are or read as.
//
//   STRING   itself                BOOL    true, false         EMPTY   the empty text
//   INT      all its digits        DOUBLE  shortest digits, NaN, Infinity, -Infinity, -0
//   BYTES    base64                ARRAY, MAP   JSON (any-value-text.ts)
//
// Source: AttributeCondition in model/trace-query.ts. Not here: comparing (value-test.ts).

import { ARRAY, BOOL, BYTES, DOUBLE, INT, MAP, STRING } from "../../model/attribute-table.ts";
import { NUMBER_CHARS_MAX } from "../../model/trace-query.ts";
import { printAnyValues, printInt64 } from "../../wire/any-value-text.ts";
import { printBase64 } from "../../wire/base64-text.ts";
import type { Vocabulary } from "./columns.ts";

const NUMBER = /^(?:[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|Inf(?:inity)?)|NaN)$/;
const WHOLE = /^[-+]?\d+$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const words = new Uint32Array(2);
const doubles = new Float64Array(words.buffer);

/** What a text says if it is read as a number. */
export interface NumberText {
  /** Compared with doubles. */
  readonly double: number;
  /** Compared with integers: exact if the text is a whole number of 64 bits, else the double. */
  readonly exact: number | bigint;
  readonly isWhole: boolean;
}

/** @returns undefined if the text is no number. */
export function parseNumber(text: string): NumberText | undefined {
  if (text.length > NUMBER_CHARS_MAX || !NUMBER.test(text)) return undefined;
  const double = Number(text.replace(/Inf$/, "Infinity"));
  if (!WHOLE.test(text)) return { double, exact: double, isWhole: false };
  if (Number.isSafeInteger(double)) return { double, exact: double, isWhole: true };
  const exact = BigInt(text.replace("+", ""));
  const fits = exact >= INT64_MIN && exact <= INT64_MAX;
  return { double, exact: fits ? exact : double, isWhole: fits };
}

/** As `parseNumber`, of a text in UTF-8; most texts are refused by their first byte. */
export function parseNumberBytes(bytes: Uint8Array): NumberText | undefined {
  if (bytes.length === 0 || bytes.length > NUMBER_CHARS_MAX) return undefined;
  const first = bytes[0]!;
  const isDigit = first >= 0x30 && first <= 0x39;
  const mayBegin = isDigit || (first >= 0x2b && first <= 0x2e) || first === 0x4e || first === 0x49;
  return mayBegin ? parseNumber(decoder.decode(bytes)) : undefined;
}

/** The number of an INT: a bigint only where a double would not be exact. */
export function intOf(low: number, high: number): number | bigint {
  const signed = high | 0;
  if (signed >= -0x20_0000 && signed < 0x20_0000) return signed * 0x1_0000_0000 + low;
  return (BigInt(signed) << 32n) | BigInt(low);
}

/** The two words of an integer of 64 bits. */
export function wordsOfInt(value: number | bigint): readonly [low: number, high: number] {
  const bits = BigInt.asUintN(64, BigInt(value));
  return [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
}

export function doubleOf(low: number, high: number): number {
  words[0] = low;
  words[1] = high;
  return doubles[0]!;
}

export function wordsOfDouble(value: number): readonly [low: number, high: number] {
  doubles[0] = value;
  return [words[0]!, words[1]!];
}

/** The text of a double. */
export function textOfDouble(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The text of a value, given as the term table has it. @throws SpoorError if the block is damaged. */
export function textOfValue(
  dictionary: Vocabulary["dictionary"],
  type: number,
  low: number,
  high: number,
): string {
  switch (type) {
    case STRING:
      return decoder.decode(dictionary.bytes(low));
    case BOOL:
      return low === 1 ? "true" : "false";
    case INT:
      return printInt64(low, high);
    case DOUBLE:
      return textOfDouble(doubleOf(low, high));
    case BYTES:
      return printBase64(dictionary.bytes(low));
    case ARRAY:
    case MAP:
      return printAnyValues(type, dictionary.bytes(low));
    default:
      return "";
  }
}
