// Regular expressions of conditions: RE2's syntax, matched against the whole text, in linear time.
//
//   GET.*            ─▶ bytes begin with "GET", no line break behind      no engine, nothing decoded
//   user-[0-9]+      ─▶ bytes begin with "user-", then the engine         most texts cost a few bytes
//   a|b, (?i)get     ─▶ the engine
//
// The engine (re2js) is loaded by the first pattern that needs it: some 10 ms, once a thread.
//
// Trust: patterns are the peer's. Their length and the size of the program they become are bounded, and
// no text takes longer than its length times that size.

import { createRequire } from "node:module";
import type { RE2JS } from "re2js";
import { SpoorError } from "../../base/errors.ts";
import { PATTERN_CHARS_MAX } from "../../model/trace-query.ts";

/**
 * Instructions of a compiled pattern: `[a-z]{500}` has about 500. One that is made to be slow takes up to
 * 60 ns each for every character, usual ones 10 ns for all together.
 */
const PROGRAM_MAX = 1_000;

const LINE_BREAK = 0x0a;
/** What is itself in a pattern: anything but these. */
const SPECIAL = /[\\.+*?()|[\]{}^$]/;
const QUANTIFIERS = "*+?{";

const encoder = new TextEncoder();
let engine: { readonly RE2JS: typeof RE2JS } | undefined;

/**
 * Tells of a text in UTF-8 whether the pattern matches it from begin to end.
 *
 * @throws SpoorError `bad-input` if it is no pattern, with the `offset` in it (UTF-16 units), or if it
 *   is too large.
 */
export function compilePattern(pattern: string): (bytes: Uint8Array) => boolean {
  if (pattern.length > PATTERN_CHARS_MAX) {
    const found = `a regular expression of ${pattern.length} characters`;
    throw new SpoorError("bad-input", `${found}, expected at most ${PATTERN_CHARS_MAX}`);
  }
  const { literal, end } = readLiteral(pattern);
  const prefix = encoder.encode(literal);
  const rest = pattern.slice(end);
  if (rest === "") return (bytes) => bytes.length === prefix.length && beginsWith(bytes, prefix);
  if (rest === ".*") {
    return (bytes) => beginsWith(bytes, prefix) && !bytes.includes(LINE_BREAK, prefix.length);
  }
  const program = compile(pattern);
  if (prefix.length === 0) return (bytes) => program.testExact(bytes);
  return (bytes) => beginsWith(bytes, prefix) && program.testExact(bytes);
}

/** The text that whatever matches begins with, and where it ends in the pattern. */
function readLiteral(pattern: string): { readonly literal: string; readonly end: number } {
  let literal = "";
  let end = 0;
  // Another branch may begin with anything.
  if (pattern.includes("|")) return { literal, end };
  while (end < pattern.length) {
    const isEscaped = pattern[end] === "\\";
    const char = String.fromCodePoint(pattern.codePointAt(end + (isEscaped ? 1 : 0)) ?? 0);
    // Escaped letters and digits are classes, a lone backslash is a mistake.
    if (isEscaped ? !SPECIAL.test(char) : SPECIAL.test(char)) break;
    const next = end + (isEscaped ? 1 : 0) + char.length;
    if (next < pattern.length && QUANTIFIERS.includes(pattern[next]!)) break;
    literal += char;
    end = next;
  }
  return { literal, end };
}

function beginsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

function compile(pattern: string): RE2JS {
  // Synchronous, as the search is, and only here: what never asks for a pattern never loads it.
  engine ??= createRequire(import.meta.url)("re2js") as { readonly RE2JS: typeof RE2JS };
  let program: RE2JS;
  try {
    program = engine.RE2JS.compile(pattern);
  } catch (error) {
    throw refuse(pattern, error);
  }
  const size = program.programSize();
  if (size <= PROGRAM_MAX) return program;
  const found = `a regular expression of ${size} instructions`;
  throw new SpoorError("bad-input", `${found}, expected at most ${PROGRAM_MAX}`);
}

/** The engine tells what is wrong and with which piece of the pattern. */
function refuse(pattern: string, error: unknown): unknown {
  if (!(error instanceof Error) || !error.name.startsWith("RE2JS")) return error;
  const what = "error" in error ? String(error.error) : error.message;
  const piece = "input" in error && typeof error.input === "string" ? error.input : "";
  const offset = piece === "" ? pattern.length : Math.max(0, pattern.indexOf(piece));
  return new SpoorError("bad-input", `no regular expression: ${what}`, { offset });
}
