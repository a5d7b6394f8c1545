// OTLP/JSON below its messages: which field comes next, and its value in the type that it must have.
//
//   for (let field = openObject(SPAN); field !== END; field = nextField(SPAN)) {
//     switch (field) { case "name": … }
//   }
//   for (let more = openList(); more; more = nextItem()) …
//
//   names    camelCase, or snake_case as in the .proto file; unknown ones are stepped over
//   null     as if the field were not there
//   integer  a number or a string; all 64 bits count, however it is written (503, "503", 5.03e2)
//   enum     a number or its name
//   id       32 or 16 hex digits, of either case; none: zeros
//   bytes    base64, either alphabet, padded or not
//
// Source: OTLP 1.x, "JSON Protobuf Encoding"; protobuf.dev/programming-guides/json.
// Trust: as json-scanner.ts. An error says what was found and expected; otlp-json.ts adds where.
// Not here: which fields a message has (otlp-json.ts, otlp-json-value.ts).

import { SpoorError } from "../base/errors.ts";
import type { Dictionary } from "../model/dictionary.ts";
import { parseBase64 } from "./base64-text.ts";
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  HEX_VALUES,
  JsonScanner,
  OPEN_LIST,
  OPEN_OBJECT,
} from "./json-scanner.ts";

const TWO_32 = 0x1_0000_0000;
const TWO_64 = 2 ** 64;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
/** Digits of 2^64 - 1. More of them, or of a number in another spelling, are no integer of ours. */
const DIGITS_MAX = 20;
/** So many digits stay below 2^53. */
const SAFE_DIGITS = 15;
/** The longest name of an enum's number has 21. */
const NAME_BYTES_MAX = 64;
/** A double needs 17 digits; a longer spelling than this one is nonsense. */
const NUMBER_BYTES_MAX = 1_000;
/** A number that is written with a point or an exponent, or in quotes. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The one cursor of OTLP/JSON; nothing of it outlives a payload. */
export const scanner: JsonScanner = new JsonScanner();

/** The halves of the integer read last, unsigned words of two's complement. */
export const int64: { low: number; high: number } = { low: 0, high: 0 };

export const END = "";

interface FieldName<N extends string> {
  readonly written: Uint8Array;
  readonly name: N;
}

/** The fields of a message, by the length of their names as they are written. */
export type Fields<N extends string> = readonly (readonly FieldName<N>[] | undefined)[];

/** The fields with these camelCase names, which are found by their snake_case names too. */
export function makeFields<const N extends string>(names: readonly N[]): Fields<N> {
  const byLength: FieldName<N>[][] = [];
  for (const name of names) {
    const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    for (const written of new Set([name, snake])) {
      (byLength[written.length] ??= []).push({ written: encoder.encode(written), name });
    }
  }
  return byLength;
}

/** Steps into an object. @returns its first known field that is not null, or END. */
export function openObject<N extends string>(fields: Fields<N>): N | typeof END {
  if (!scanner.open(OPEN_OBJECT)) throw scanner.fail("an object");
  return scanner.close(CLOSE_OBJECT) ? END : findField(fields);
}

/** The next known field that is not null, or END behind the object. */
export function nextField<N extends string>(fields: Fields<N>): N | typeof END {
  return scanner.next(CLOSE_OBJECT) ? findField(fields) : END;
}

function findField<N extends string>(fields: Fields<N>): N | typeof END {
  do {
    scanner.readKey();
    const name = matchField(fields);
    if (name === END) scanner.skipValue();
    else if (!scanner.readNull()) return name;
  } while (scanner.next(CLOSE_OBJECT));
  return END;
}

function matchField<N extends string>(fields: Fields<N>): N | typeof END {
  const candidates = fields[scanner.end - scanner.start];
  if (candidates === undefined) return END;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!;
    if (scanner.isString(candidate.written)) return candidate.name;
  }
  return END;
}

/** Steps into a list. @returns true if it has an item. */
export function openList(): boolean {
  if (!scanner.open(OPEN_LIST)) throw scanner.fail("a list");
  return !scanner.close(CLOSE_LIST);
}

/** True if there is another item; else the list is left. */
export function nextItem(): boolean {
  return scanner.next(CLOSE_LIST);
}

export function readText(dictionary: Dictionary): number {
  return scanner.internString(dictionary);
}

export function readBool(): boolean {
  const value = scanner.readBoolean();
  if (value < 0) throw scanner.fail("true or false");
  return value === 1;
}

export function readUint32(): number {
  const at = scanner.at;
  readInteger();
  if (int64.high !== 0) throw outOfRange(at, "an integer from 0 to 2^32 - 1");
  return int64.low;
}

/** Leaves it in `int64`. */
export function readInt64(): void {
  const at = scanner.at;
  const isNegative = readInteger();
  // Also a number below -2^63, which comes round to a positive one.
  const seemsNegative = int64.high >= 0x8000_0000;
  if (seemsNegative !== isNegative) throw outOfRange(at, "an integer of 64 bits");
}

/** Leaves it in `int64`. */
export function readUint64(): void {
  const at = scanner.at;
  if (readInteger()) throw outOfRange(at, "an integer from 0 to 2^64 - 1");
}

/** @param names what the numbers are called, by number. */
export function readEnum(names: readonly string[]): number {
  const at = scanner.at;
  if (!scanner.isStringNext) {
    const isNegative = readInteger();
    // Every int32 is an enum; those that no column can hold count as not set.
    return isNegative || int64.high !== 0 || int64.low > 0xff ? 0 : int64.low;
  }
  const number = names.indexOf(readString(NAME_BYTES_MAX));
  if (number < 0) throw outOfRange(at, `one of ${names.join(", ")}`);
  return number;
}

export function readDouble(): number {
  const at = scanner.at;
  if (!scanner.isStringNext) {
    const value = scanner.readNumber();
    if (Number.isNaN(value)) throw scanner.fail("a number");
    return value;
  }
  const text = readString(NUMBER_BYTES_MAX);
  if (text === "NaN" || text === "Infinity" || text === "-Infinity") return Number(text);
  if (!NUMBER.test(text)) throw outOfRange(at, 'a number, "NaN", "Infinity" or "-Infinity"');
  return Number(text);
}

/** Reads an id of `length` bytes to `to[index..]`; the empty string leaves it as it is. */
export function readId(to: Uint8Array, index: number, length: number): void {
  const at = scanner.at;
  scanner.readString();
  const { source, start, end } = scanner;
  if (start === end) return;
  if (end - start !== 2 * length) throw outOfRange(at, `${2 * length} hex digits`);
  for (let i = 0; i < length; i++) {
    const upper = HEX_VALUES[source[start + 2 * i]!]!;
    const lower = HEX_VALUES[source[start + 2 * i + 1]!]!;
    if ((upper | lower) > 15) throw outOfRange(at, `${2 * length} hex digits`);
    to[index + i] = upper * 16 + lower;
  }
}

export function readBase64(): Uint8Array {
  const at = scanner.at;
  scanner.readString();
  const bytes = parseBase64(scanner.source, scanner.start, scanner.end);
  if (bytes === undefined) throw outOfRange(at, "base64");
  return bytes;
}

export function outOfRange(offset: number, expected: string): SpoorError {
  const where = { offset, size: scanner.bytes.length };
  return new SpoorError("bad-input", `malformed OTLP/JSON: expected ${expected}`, where);
}

/** Any integer between -2^64 and 2^64, into `int64`. @returns true if it is negative. */
function readInteger(): boolean {
  const at = scanner.at;
  if (scanner.isStringNext) {
    scanner.readString();
    return parseInteger(scanner.source, scanner.start, scanner.end, at);
  }
  const whole = scanner.readWhole(Number.MAX_SAFE_INTEGER);
  if (whole >= 0) {
    return setHalves(whole >>> 0, Math.floor(whole / TWO_32), false);
  }
  if (Number.isNaN(scanner.readNumber())) throw scanner.fail("an integer");
  let end = at;
  while (isNumberByte(scanner.bytes[end])) end++;
  return parseInteger(scanner.bytes, at, end, at);
}

function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  if (byte >= ZERO && byte <= NINE) return true;
  return byte === MINUS || byte === PLUS || byte === POINT || (byte | 0x20) === 0x65;
}

/** The integer that `source[start..end)` says. @returns true if it is negative. */
function parseInteger(source: Uint8Array, start: number, end: number, offset: number): boolean {
  const isNegative = source[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  if (first === end) throw outOfRange(offset, "an integer");
  if (!isDigits(source, first, end)) {
    return parseSpelledInteger(decoder.decode(source.subarray(start, end)), offset);
  }
  const safeEnd = Math.min(end, first + SAFE_DIGITS);
  let value = 0;
  for (let at = first; at < safeEnd; at++) value = value * 10 + (source[at]! - ZERO);
  let highWord = Math.floor(value / TWO_32);
  let lowWord = value - highWord * TWO_32;
  for (let at = safeEnd; at < end; at++) {
    lowWord = lowWord * 10 + (source[at]! - ZERO);
    const carry = Math.floor(lowWord / TWO_32);
    lowWord -= carry * TWO_32;
    highWord = highWord * 10 + carry;
  }
  if (highWord >= TWO_32) throw outOfRange(offset, "an integer of 64 bits");
  return setHalves(lowWord, highWord, isNegative);
}

function isDigits(source: Uint8Array, start: number, end: number): boolean {
  if (end - start > DIGITS_MAX) return false;
  for (let at = start; at < end; at++) if (source[at]! < ZERO || source[at]! > NINE) return false;
  return true;
}

/** An integer with a point, an exponent or leading zeros. */
function parseSpelledInteger(text: string, offset: number): boolean {
  const value = text.length <= NUMBER_BYTES_MAX && NUMBER.test(text) ? Number(text) : NaN;
  const magnitude = Math.abs(value);
  if (!Number.isInteger(value) || magnitude >= TWO_64) throw outOfRange(offset, "an integer");
  const highWord = Math.floor(magnitude / TWO_32);
  return setHalves(magnitude - highWord * TWO_32, highWord, value < 0);
}

/** @returns true if it is negative, which 0 never is. */
function setHalves(low: number, high: number, isNegative: boolean): boolean {
  const isBelowZero = isNegative && (low !== 0 || high !== 0);
  int64.low = (isBelowZero ? -low : low) >>> 0;
  int64.high = (isBelowZero ? -high - (low === 0 ? 0 : 1) : high) >>> 0;
  return isBelowZero;
}

/** A short string as text; of a longer one as much as says that it is no such string. */
function readString(bytesMax: number): string {
  scanner.readString();
  const { source, start, end } = scanner;
  return decoder.decode(source.subarray(start, Math.min(end, start + bytesMax + 1)));
}
