// Text values by key, from a JSON object in a parameter, refused in the words of Go.
//
//   tags={"error":"true"}     ─▶  error = true
//   tags={"error":true}       ─▶  json: cannot unmarshal bool into Go value of type string
//   tags={error}              ─▶  invalid character 'e' looking for beginning of object key string
//
// Source: Go's encoding/json: the scanner's states, Unmarshal into map[string]string.
// Trust: text of peers. The scan keeps a stack of brackets and no recursion; keys like `__proto__`
// are only keys.

import { SpoorError } from "../base/errors.ts";
import { printGoQuoted } from "./go-values.ts";

/**
 * The members of a JSON object whose values are all text (or null, which counts as ""). Of equal
 * keys the last one counts; `null` has no members.
 *
 * @throws SpoorError `bad-input` with Go's text.
 */
export function parseStringMap(text: string): ReadonlyMap<string, string> {
  const syntax = findSyntaxError(text);
  if (syntax !== undefined) throw new SpoorError("bad-input", syntax);
  const parsed: unknown = JSON.parse(text);
  if (parsed === null) return new Map();
  if (typeof parsed !== "object" || Array.isArray(parsed)) {
    throw typeError(parsed, "map[string]string");
  }
  const members = new Map<string, string>();
  for (const [key, value] of Object.entries(parsed as Record<string, unknown>)) {
    if (value !== null && typeof value !== "string") throw typeError(value, "string");
    members.set(key, value ?? "");
  }
  return members;
}

function typeError(value: unknown, wanted: string): SpoorError {
  const found = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return new SpoorError(
    "bad-input",
    `json: cannot unmarshal ${found} into Go value of type ${wanted}`,
  );
}

const END = "unexpected end of JSON input";

/** Go's scanner stops at the first byte that cannot follow; this is what it says then. */
function findSyntaxError(text: string): string | undefined {
  try {
    new Scan(text).run();
    return undefined;
  } catch (error) {
    if (error instanceof SpoorError) return error.message;
    throw error;
  }
}

class Scan {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(text: string) {
    this.#bytes = new TextEncoder().encode(text);
  }

  run(): void {
    const open: ("{" | "[")[] = [];
    let isValueDone = false;
    for (;;) {
      if (!isValueDone) {
        const bracket = this.#beginValue();
        if (bracket === undefined) {
          isValueDone = true;
        } else {
          const end = bracket === "{" ? "}" : "]";
          if (this.#peek() === end) {
            this.#at++;
            isValueDone = true;
          } else {
            open.push(bracket);
            if (bracket === "{") this.#key();
          }
        }
        continue;
      }
      const inside = open.at(-1);
      if (inside === undefined) {
        if (this.#peek() !== undefined) throw this.#refuse("after top-level value");
        return;
      }
      const next = this.#need();
      const end = inside === "{" ? "}" : "]";
      if (next === ",") {
        this.#at++;
        if (inside === "{") this.#key();
        isValueDone = false;
      } else if (next === end) {
        this.#at++;
        open.pop();
      } else {
        throw this.#refuse(inside === "{" ? "after object key:value pair" : "after array element");
      }
    }
  }

  /** Reads a whole scalar, or the bracket that opens more. */
  #beginValue(): "{" | "[" | undefined {
    const next = this.#need();
    if (next === "{" || next === "[") {
      this.#at++;
      return next;
    }
    if (next === '"') this.#string();
    else if (next === "-" || isDigit(next)) this.#number();
    else if (next === "t") this.#literal("true");
    else if (next === "f") this.#literal("false");
    else if (next === "n") this.#literal("null");
    else throw this.#refuse("looking for beginning of value");
    return undefined;
  }

  #key(): void {
    if (this.#need() !== '"') throw this.#refuse("looking for beginning of object key string");
    this.#string();
    if (this.#need() !== ":") throw this.#refuse("after object key");
    this.#at++;
  }

  #string(): void {
    for (this.#at++; ; this.#at++) {
      const char = this.#charNow();
      if (char === '"') break;
      if (char < " ") throw this.#refuse("in string literal");
      if (char !== "\\") continue;
      this.#at++;
      const escape = this.#charNow();
      if (!'bfnrt\\/"u'.includes(escape)) throw this.#refuse("in string escape code");
      for (let digits = 0; escape === "u" && digits < 4; digits++) {
        this.#at++;
        if (/[0-9a-fA-F]/.test(this.#charNow())) continue;
        throw this.#refuse("in \\u hexadecimal character escape");
      }
    }
    this.#at++;
  }

  #number(): void {
    if (this.#char() === "-") this.#at++;
    if (this.#charNow() === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#char() === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (this.#char()?.toLowerCase() !== "e") return;
    this.#at++;
    if ("+-".includes(this.#charNow())) this.#at++;
    this.#digits("in exponent of numeric literal");
  }

  #digits(where: string): void {
    if (!isDigit(this.#charNow())) throw this.#refuse(where);
    while (isDigit(this.#char() ?? "")) this.#at++;
  }

  #literal(word: string): void {
    for (let i = 0; i < word.length; i++, this.#at++) {
      if (this.#charNow() !== word[i]) {
        throw this.#refuse(`in literal ${word} (expecting '${word[i]}')`);
      }
    }
  }

  #char(): string | undefined {
    const byte = this.#bytes[this.#at];
    return byte === undefined ? undefined : String.fromCharCode(byte);
  }

  #charNow(): string {
    const char = this.#char();
    if (char === undefined) throw new SpoorError("bad-input", END);
    return char;
  }

  /** The next character that is no white space. */
  #peek(): string | undefined {
    while (" \t\r\n".includes(this.#char() ?? "x")) this.#at++;
    return this.#char();
  }

  #need(): string {
    this.#peek();
    return this.#charNow();
  }

  #refuse(where: string): SpoorError {
    const char = this.#charNow();
    const quoted = char === "'" ? "\\'" : char === '"' ? '"' : printGoQuoted(char).slice(1, -1);
    return new SpoorError("bad-input", `invalid character '${quoted}' ${where}`);
  }
}

function isDigit(char: string): boolean {
  return char.length === 1 && char >= "0" && char <= "9";
}
