// Numbers, truth values and times as parameters carry them, refused in the words of Go.
//
//   limit=abc  ─▶  strconv.ParseInt: parsing "abc": invalid syntax
//
// Scripts and screens match these texts, so they are part of the API.
// Source: Go's strconv (ParseInt, ParseUint, ParseBool, ParseFloat, Quote) and time.Parse.
// Trust: text of peers, as long as a request line may be.
// Not here: durations (base/duration.ts), JSON (go-json.ts), trace ids (parse-trace-id.ts).

import { SpoorError } from "../base/errors.ts";

/** A decimal int64 or int32. Beyond ±2^53 the number is rounded, which no parameter can feel. */
export function parseGoInt(text: string, bits: 32 | 64): number {
  if (!/^[+-]?[0-9]+$/.test(text)) throw refuse("ParseInt", text, "invalid syntax");
  const value = Number(text);
  const max = 2 ** (bits - 1);
  if (value >= max || value < -max) throw refuse("ParseInt", text, "value out of range");
  return value;
}

/** A decimal uint32. */
export function parseGoUint32(text: string): number {
  if (!/^[0-9]+$/.test(text)) throw refuse("ParseUint", text, "invalid syntax");
  const value = Number(text);
  if (value >= 2 ** 32) throw refuse("ParseUint", text, "value out of range");
  return value;
}

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

export function parseGoBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw refuse("ParseBool", text, "invalid syntax");
}

/** A decimal number, `inf`, `nan`. */
export function parseGoFloat(text: string): number {
  if (/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value)) throw refuse("ParseFloat", text, "value out of range");
    return value;
  }
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  throw refuse("ParseFloat", text, "invalid syntax");
}

/** The error of strconv's function `name`. */
export function refuse(name: string, text: string, why: string): SpoorError {
  return new SpoorError("bad-input", `strconv.${name}: parsing ${printGoQuoted(text)}: ${why}`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** `text` in double quotes as Go's strconv.Quote prints it. */
export function printGoQuoted(text: string): string {
  const quoted = text.replaceAll(/["\\\p{C}\p{Zl}\p{Zp}]/gu, (char) => {
    const escaped = ESCAPES[char];
    if (escaped !== undefined) return escaped;
    const code = char.codePointAt(0)!;
    const hex = code.toString(16);
    if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, "0")}`;
    return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
  return `"${quoted}"`;
}

const LAYOUT = "2006-01-02T15:04:05.999999999Z07:00";

/** Parts of LAYOUT: either a separator, or two digits with their name and limits. */
const PARTS: readonly (readonly [layout: string, name?: string, min?: number, max?: number])[] = [
  ["-"],
  ["01", "month", 1, 12],
  ["-"],
  ["02", "day", 1, 31],
  ["T"],
  ["15", "hour", 0, 23],
  [":"],
  ["04", "minute", 0, 59],
  [":"],
  ["05", "second", 0, 59],
];

/**
 * An RFC 3339 time, whole µs since the Unix epoch (what is finer is cut off).
 *
 * @throws SpoorError `bad-input` with the text of Go's time.Parse.
 */
export function parseRfc3339Us(text: string): number {
  const cannot = (rest: string, part: string): SpoorError => {
    const what = `cannot parse ${printGoQuoted(rest)} as ${printGoQuoted(part)}`;
    return timeError(`${printGoQuoted(text)} as ${printGoQuoted(LAYOUT)}: ${what}`);
  };
  const outOfRange = (name: string): SpoorError =>
    timeError(`${printGoQuoted(text)}: ${name} out of range`);

  if (!/^[0-9]{4}/.test(text)) throw cannot(text, "2006");
  const numbers = [Number(text.slice(0, 4))];
  let rest = text.slice(4);
  for (const [part, name, min = 0, max = 0] of PARTS) {
    if (name === undefined) {
      if (!rest.startsWith(part)) throw cannot(rest, part);
    } else {
      if (!/^[0-9]{2}/.test(rest)) throw cannot(rest, part);
      const number = Number(rest.slice(0, 2));
      if (number < min || number > max) throw outOfRange(name);
      numbers.push(number);
    }
    rest = rest.slice(part.length);
  }
  const fraction = /^[.,][0-9]+/.exec(rest)?.[0] ?? "";
  rest = rest.slice(fraction.length);
  const zone = /^(?:Z|([+-])([0-9]{2}):([0-9]{2}))/.exec(rest);
  if (zone === null) throw cannot(rest, "Z07:00");
  const [all, sign, hours = "0", minutes = "0"] = zone;
  if (Number(hours) > 24) throw outOfRange("time zone offset hour");
  if (Number(minutes) >= 60) throw outOfRange("time zone offset minute");
  rest = rest.slice(all.length);
  if (rest !== "") throw timeError(`${printGoQuoted(text)}: extra text: ${printGoQuoted(rest)}`);

  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = numbers;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCDate() !== day) throw outOfRange("day");
  date.setUTCHours(hour, minute, second);
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  const us = Number(fraction.slice(1, 7).padEnd(6, "0"));
  return (date.getTime() - offsetMs) * 1_000 + us;
}

function timeError(what: string): SpoorError {
  return new SpoorError("bad-input", `parsing time ${what}`);
}

/** `2026-01-02T03:04:05.123456Z` with as many digits as needed: 0, 3 or 6. */
export function printRfc3339Us(us: number): string {
  const ms = Math.floor(us / 1_000);
  const restUs = us - ms * 1_000;
  const text = new Date(ms).toISOString();
  if (restUs !== 0) return text.replace("Z", `${String(restUs).padStart(3, "0")}Z`);
  return text.replace(".000Z", "Z");
}
