// One parser per kind of setting: the text of a flag, a variable or a file → a value.
//
//   bool       true false 1 0 t f T F …            (Go strconv.ParseBool)
//   bytes      1048576 | 64MiB | 64Mi | 1GB | 1.5G  (K M G T = 1000ⁿ, Ki Mi Gi Ti = 1024ⁿ, B after it)
//   duration   1.5s | 1h2m | 300ms | 0              (Go time.ParseDuration)
//   host-port  host:port | :port | port | [::1]:port | nothing = off
//   list       a,b,c        tags  k=v,k2=${VARIABLE:default}        headers  Name: value⏎Name: value
//
// Source: Jaeger's flag parsers (ParseBool, ParseDuration, tags of --collector.tags).
// Trust: text from whoever starts the process; a wrong one is a SpoorError that says what is allowed.
// Not here: which text wins (parse-settings.ts).

import { parseDurationMs, printDurationMs } from "./duration.ts";
import { SpoorError } from "./errors.ts";
import { parseHostPort } from "./host-port.ts";
import type { Setting, SettingKind } from "./settings.ts";

/** The value of an environment variable, for `${NAME}` in tags. */
export type FindVariable = (name: string) => string | undefined;

type Row = Setting<unknown>;

/**
 * @throws SpoorError `bad-input`, message = what is allowed, to stand after "expected".
 */
export function parseText(row: Row, text: string, findVariable: FindVariable): unknown {
  return PARSERS[row.kind](row, text, findVariable);
}

type Parser = (row: Row, text: string, findVariable: FindVariable) => unknown;

const PARSERS: Readonly<Record<SettingKind, Parser>> = {
  string: (_, text) => text,
  bool: (_, text) => parseBool(text),
  count: (row, text) => within(row, parseCount(row, text), String),
  float: (row, text) => within(row, parseFloatText(text), String),
  bytes: (row, text) => within(row, parseBytes(text), printBytes),
  duration: (row, text) => within(row, parseDuration(text), printDurationMs),
  "host-port": (_, text) => parseHostPort(text),
  list: (_, text) => splitList(text),
  tags: (_, text, find) => new Map(splitList(text).map((pair) => parseTag(pair, find))),
  headers: (_, text) => text.split("\n").filter(isFilled).map(parseHeader),
  choice: (row, text) => parseChoice(row.choices ?? [], text),
};

/** A value that a file gives as a list or an object: list, headers and tags. */
export function parseStructure(
  row: Row,
  value: readonly unknown[] | Readonly<Record<string, unknown>>,
  findVariable: FindVariable,
): unknown {
  if (Array.isArray(value)) {
    const texts = value.map((item) => scalarText(item));
    if (row.kind === "list") return texts;
    if (row.kind === "headers") return texts.map(parseHeader);
    if (row.kind === "tags") return new Map(texts.map((pair) => parseTag(pair, findVariable)));
    throw expected("one value, not a list");
  }
  const pairs = Object.entries(value).map(([key, item]) => [key, scalarText(item)] as const);
  if (row.kind === "tags") {
    return new Map(pairs.map(([key, text]) => [key, replaceVariable(text, findVariable)]));
  }
  if (row.kind === "headers") return pairs.map(([name, text]) => parseHeader(`${name}: ${text}`));
  throw expected("one value, not a group of keys");
}

/** Text of a string, number or boolean of a file. @throws SpoorError for anything else. */
export function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") {
    return String(value);
  }
  throw expected("a string, a number or a boolean");
}

/** A number of bytes with or without a unit. @throws SpoorError `bad-input`. */
export function parseBytes(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?$/i.exec(text.trim());
  if (found === null) throw expected("a number of bytes such as 1048576, 64MiB or 1GB");
  const power = "_kmgt".indexOf((found[2] ?? "_").toLowerCase());
  const bytes =
    Number(found[1]) * (found[3] === "" || found[3] === undefined ? 1e3 : 1_024) ** power;
  if (!Number.isSafeInteger(Math.round(bytes))) throw expected("fewer than 8 PiB");
  return Math.round(bytes);
}

/** `64MiB`, or plain digits when no unit divides the number. */
export function printBytes(bytes: number): string {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

const BOOLS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, false] as const),
]);

function parseBool(text: string): boolean {
  const value = BOOLS.get(text.trim());
  if (value === undefined) throw expected("true or false");
  return value;
}

function parseCount(row: Row, text: string): number {
  const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw expected(`a whole number${printRange(row, String)}`);
  return value;
}

function parseFloatText(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw expected("a number");
  return value;
}

function parseDuration(text: string): number {
  try {
    return parseDurationMs(text.trim());
  } catch {
    throw expected("a duration with a unit such as 300ms, 1.5s or 1h2m");
  }
}

/** Case does not matter: LOG_LEVEL=INFO is common. */
function parseChoice(choices: readonly string[], text: string): string {
  const wanted = text.trim().toLowerCase();
  const found = choices.find((choice) => choice.toLowerCase() === wanted);
  if (found === undefined) throw expected(`one of: ${choices.map(printChoice).join(", ")}`);
  return found;
}

function printChoice(choice: string): string {
  return choice === "" ? "(empty)" : choice;
}

function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter(isFilled);
}

function isFilled(text: string): boolean {
  return text.trim() !== "";
}

function parseTag(pair: string, findVariable: FindVariable): readonly [string, string] {
  const at = pair.indexOf("=");
  const key = pair.slice(0, at).trim();
  if (at < 0 || key === "")
    throw expected("key=value pairs with commas between, e.g. a=1,b=${B:2}");
  return [key, replaceVariable(pair.slice(at + 1).trim(), findVariable)];
}

/** `${NAME}` and `${NAME:default}`; an empty variable counts as not set, as in Jaeger. */
function replaceVariable(value: string, findVariable: FindVariable): string {
  if (!value.startsWith("${") || !value.endsWith("}")) return value;
  const inner = value.slice(2, -1);
  const at = inner.indexOf(":");
  const found = findVariable(at < 0 ? inner : inner.slice(0, at)) ?? "";
  return found === "" && at >= 0 ? inner.slice(at + 1) : found;
}

function parseHeader(line: string): readonly [string, string] {
  const found = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([\t\x20-\x7e\x80-\xff]*?)\s*$/.exec(line);
  if (found === null) throw expected('headers such as "Name: value", one per line or per flag');
  return [found[1] ?? "", found[2] ?? ""];
}

function within(row: Row, value: number, print: (value: number) => string): number {
  const fits = value >= (row.min ?? 0) && value <= (row.max ?? Number.MAX_SAFE_INTEGER);
  if (!fits) throw expected(`a value${printRange(row, print)}`);
  return value;
}

function printRange(row: Row, print: (value: number) => string): string {
  const from = ` from ${print(row.min ?? 0)}`;
  return row.max === undefined ? from : `${from} to ${print(row.max)}`;
}

function expected(what: string): SpoorError {
  return new SpoorError("bad-input", what);
}
