// The parameter `filter`: one condition on an attribute, with any operator.
//
//   http.status_code>=500     user.id~u-00.*     "odd key"="a \"quoted\" value"     exists(db.system)
//
//   filter   = key operator value | ("exists" | "absent") "(" key ")"
//   operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
//   key      = quoted | one or more characters, none of which is a blank or one of ! = < > ~ ( ) "
//   value    = quoted | everything up to the end, which may be nothing
//   quoted   = a string of JSON
//
// Blanks around key, operator and value belong to none of them. What the operators mean is told in
// model/trace-query.ts. Trust: a filter is the peer's; every mistake is told with its offset.

import { parseDurationNs } from "../base/duration.ts";
import { SpoorError } from "../base/errors.ts";
import type { AttributeCondition, Operator } from "../model/trace-query.ts";
import { checkConditions } from "../store/head/value-test.ts";
import { parseNumber } from "../store/head/value-text.ts";

/** Each is a pass over the values of its key in every block. */
const FILTERS_MAX = 32;

const OPERATOR = /!=|!~|<=|>=|=|<|>|~/y;
const OPERATORS_TEXT = "=, !=, <, <=, >, >=, ~ or !~";
const BARE_KEY = /[^\s!=<>~()"]+/y;
const QUOTED = /"(?:[^"\\]|\\.)*"/y;
const BLANKS = / */y;

/** @throws SpoorError `bad-input`; `where` has the offset in the filter (UTF-16 units), and which one. */
export function parseFilters(texts: readonly string[]): readonly AttributeCondition[] {
  if (texts.length > FILTERS_MAX) {
    const message = `${texts.length} 'filter' parameters, expected at most ${FILTERS_MAX}`;
    throw new SpoorError("bad-input", message);
  }
  return texts.map(parseFilter);
}

/** @throws as `parseFilters`. */
export function parseFilter(text: string): AttributeCondition {
  const start = skipBlanks(text, 0);
  const form = /^(exists|absent)\(/.exec(text.slice(start));
  if (form !== null) {
    const at = skipBlanks(text, start + form[0].length);
    const key = readKey(text, at);
    const end = skipBlanks(text, key.end);
    if (text[end] !== ")") throw refuse(end, "expected ')'");
    expectEnd(text, end + 1);
    return { key: key.text, operator: form[1] as Operator, value: "" };
  }
  const key = readKey(text, start);
  const operatorAt = skipBlanks(text, key.end);
  const operator = match(OPERATOR, text, operatorAt) as Operator | undefined;
  if (operator === undefined) throw refuse(operatorAt, `expected ${OPERATORS_TEXT}`);
  const valueAt = skipBlanks(text, operatorAt + operator.length);
  const condition = { key: key.text, operator, value: readValue(text, valueAt) };
  check(condition, valueAt);
  return condition;
}

interface Token {
  readonly text: string;
  readonly end: number;
}

function readKey(text: string, at: number): Token {
  if (text[at] === '"') return readQuoted(text, at);
  const key = match(BARE_KEY, text, at);
  if (key === undefined) throw refuse(at, "expected a key");
  return { text: key, end: at + key.length };
}

function readValue(text: string, at: number): string {
  if (text[at] !== '"') return text.slice(at).replace(/ +$/, "");
  const value = readQuoted(text, at);
  expectEnd(text, value.end);
  return value.text;
}

function readQuoted(text: string, at: number): Token {
  const quoted = match(QUOTED, text, at);
  if (quoted === undefined) throw refuse(at, "expected a closing quote");
  try {
    return { text: JSON.parse(quoted) as string, end: at + quoted.length };
  } catch {
    throw refuse(at, "expected a string of JSON");
  }
}

function expectEnd(text: string, from: number): void {
  const end = skipBlanks(text, from);
  if (end < text.length) throw refuse(end, "expected nothing more");
}

/** @throws SpoorError `bad-input` if the operand is none of its operator. */
function check(condition: AttributeCondition & { operator: Operator }, valueAt: number): void {
  const { key, operator, value } = condition;
  try {
    checkConditions([condition]);
    // Compared as a text it would find what nobody looks for.
    const isOrdered = operator.startsWith("<") || operator.startsWith(">");
    if (key === "duration" && isOrdered && parseNumber(value) === undefined) parseDurationNs(value);
  } catch (error) {
    if (!(error instanceof SpoorError)) throw error;
    const { offset } = error.where;
    throw refuse(valueAt + (typeof offset === "number" ? offset : 0), error.message);
  }
}

function skipBlanks(text: string, at: number): number {
  return at + (match(BLANKS, text, at)?.length ?? 0);
}

/** What the sticky `pattern` finds at this place. */
function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function refuse(offset: number, what: string): SpoorError {
  return new SpoorError("bad-input", `malformed 'filter' parameter: ${what}`, { offset });
}
