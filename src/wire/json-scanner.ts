// JSON read with a cursor over its bytes: no object, no string, no number that nobody asked for.
//
//   scanner.begin(payload)
//   scanner.open(0x7b)                          "{"; false, with nothing read, if it is not there
//   for (let more = !scanner.close(0x7d); more; more = scanner.next(0x7d)) {
//     scanner.readKey()                         the string is bytes[start..end), then ":"
//     scanner.readString() · readWhole(max) · readNumber() · readBoolean() · readNull() · skipValue()
//   }
//   scanner.finish()                            nothing but white space may be left
//
// It takes exactly the texts that JSON.parse takes (compared in the test), but for nesting deeper than
// DEPTH_MAX. A string is left where it is; only one with escapes is written into a buffer of its own.
//
// Source: RFC 8259. Trust: every byte comes from the network; each read checks the end. Bytes of strings
// need not be UTF-8 and are handed on as they are; half a surrogate pair in an escape becomes U+FFFD.
// Not here: what the fields mean.

import { SpoorError } from "../base/errors.ts";
import type { Dictionary } from "../model/dictionary.ts";

/** Lists and objects within one another, in a value that is skipped. Real spans have five. */
export const DEPTH_MAX = 1_000;

export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const POINT = 0x2e;

/** By byte: 0 for what may stand in a string as it is. */
const STOPS = new Uint8Array(256).fill(1, 0, 0x20);
STOPS[QUOTE] = 1;
STOPS[BACKSLASH] = 1;

/** By byte: the value of a hex digit, or 255. */
export const HEX_VALUES: Uint8Array = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX_VALUES[digit.charCodeAt(0)] = value;
  HEX_VALUES[digit.toUpperCase().charCodeAt(0)] = value;
}

/** By the letter behind a backslash: the byte that is meant, or 0. */
const ESCAPES = new Uint8Array(256);
for (const [letter, byte] of [
  ['"', QUOTE],
  ["\\", BACKSLASH],
  ["/", 0x2f],
  ["b", 0x08],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
] as const) {
  ESCAPES[letter.charCodeAt(0)] = byte;
}

const encoder = new TextEncoder();
const TRUE = encoder.encode("true");
const FALSE = encoder.encode("false");
const NULL = encoder.encode("null");
const EMPTY = new Uint8Array(0);
/** A buffer for escaped strings that is kept from one string to the next. */
const SCRATCH_BYTES = 1 << 12;

export class JsonScanner {
  bytes: Uint8Array = EMPTY;
  /** Offset of the next byte that counts: white space is skipped after each read. */
  at = 0;
  /** The string read last: `source[start..end)`. */
  source: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  #scratch = new Uint8Array(SCRATCH_BYTES);
  readonly #closers = new Uint8Array(DEPTH_MAX);

  /** Starts on `payload`, all of it. The scanner refers to it until the next `begin`. */
  begin(payload: Uint8Array): void {
    // A plain view, even of a Node Buffer: one shape for all code that reads through it.
    this.bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    this.at = 0;
    this.#skipSpace();
  }

  /** Lets go of the payload. */
  release(): void {
    this.bytes = EMPTY;
    this.source = EMPTY;
    if (this.#scratch.length > SCRATCH_BYTES) this.#scratch = new Uint8Array(SCRATCH_BYTES);
  }

  /** @throws SpoorError if something is left behind the value. */
  finish(): void {
    if (this.at < this.bytes.length) throw this.fail("the end");
  }

  /** Steps over `{` or `[`. @returns false if another byte is there. */
  open(opener: number): boolean {
    if (this.bytes[this.at] !== opener) return false;
    this.#step();
    return true;
  }

  /** Steps over `}` or `]` if it comes at once. */
  close(closer: number): boolean {
    return this.open(closer);
  }

  /** Steps over what follows a member. @returns true for a comma, false for `closer`. */
  next(closer: number): boolean {
    const byte = this.bytes[this.at];
    if (byte !== COMMA && byte !== closer) {
      throw this.fail(closer === CLOSE_LIST ? '"," or "]"' : '"," or "}"');
    }
    this.#step();
    return byte === COMMA;
  }

  /** A string and the colon behind it. */
  readKey(): void {
    this.readString();
    this.readColon();
  }

  /** A string, into `source`, `start` and `end`. */
  readString(): void {
    const bytes = this.bytes;
    let at = this.at;
    if (bytes[at] !== QUOTE) throw this.fail("a string");
    const start = ++at;
    const length = bytes.length;
    while (at < length && STOPS[bytes[at]!] === 0) at++;
    if (bytes[at] !== QUOTE) {
      this.#readEscaped(start, at);
      return;
    }
    this.source = bytes;
    this.start = start;
    this.end = at;
    this.at = at;
    this.#step();
  }

  /** A string as an entry of `dictionary`. */
  internString(dictionary: Dictionary): number {
    this.readString();
    return dictionary.intern(this.source, this.start, this.end);
  }

  /**
   * As `internString`, for a caller that has a guess which entry it will be; 0: none.
   *
   * @param guess an entry of `dictionary` that `isPlain` was true for when it was read.
   */
  internGuessed(dictionary: Dictionary, guess: number): number {
    if (guess === 0) return this.internString(dictionary);
    const bytes = this.bytes;
    const ends = dictionary.ends;
    let from = ends[guess - 1]!;
    const to = ends[guess]!;
    const start = this.at + 1;
    const end = start + to - from;
    // The closing quote first: it says no to nearly all wrong guesses.
    if (bytes[end] !== QUOTE || bytes[start - 1] !== QUOTE) return this.internString(dictionary);
    const arena = dictionary.arena;
    for (let at = start; at < end; at++, from++) {
      if (bytes[at] !== arena[from]) return this.internString(dictionary);
    }
    this.source = bytes;
    this.at = end;
    this.#step();
    return guess;
  }

  /** True if the string read last had no escapes: it stands in the payload as it is. */
  get isPlain(): boolean {
    return this.source === this.bytes;
  }

  /** Steps over the colon behind a key. */
  readColon(): void {
    if (this.bytes[this.at] !== COLON) throw this.fail('":"');
    this.#step();
  }

  /**
   * True if the string or key read last is the ASCII text `wanted`. Cost: its length.
   */
  isString(wanted: Uint8Array): boolean {
    const start = this.start;
    if (this.end - start !== wanted.length) return false;
    const source = this.source;
    for (let i = 0; i < wanted.length; i++) if (source[start + i] !== wanted[i]) return false;
    return true;
  }

  /**
   * A number without sign, fraction and exponent, up to `max`, which is a safe integer.
   *
   * @returns -1, with nothing read, if anything else comes next.
   */
  readWhole(max: number): number {
    const bytes = this.bytes;
    const start = this.at;
    let at = start;
    let value = 0;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[at]! - ZERO) {
      value = value * 10 + digit;
      at++;
    }
    const isPadded = at - start > 1 && bytes[start] === ZERO;
    if (at === start || isPadded || value > max) return -1;
    const after = bytes[at];
    if (after === POINT || after === 0x65 || after === 0x45) return -1;
    this.at = at;
    this.#skipSpace();
    return value;
  }

  /** Any number, as JSON.parse gives it. @returns NaN, with nothing read, if none comes next. */
  readNumber(): number {
    const byte = this.bytes[this.at];
    if (byte !== MINUS && !(byte! >= ZERO && byte! <= 0x39)) return NaN;
    const start = this.at;
    const end = this.#skipNumber();
    let text = "";
    for (let at = start; at < end; at++) text += String.fromCharCode(this.bytes[at]!);
    return Number(text);
  }

  /** @returns 1 for true, 0 for false, -1, with nothing read, if anything else comes next. */
  readBoolean(): number {
    if (this.#skipWord(TRUE)) return 1;
    return this.#skipWord(FALSE) ? 0 : -1;
  }

  /** True if the next value is a string. */
  get isStringNext(): boolean {
    return this.bytes[this.at] === QUOTE;
  }

  /** Steps over `null` if it comes next. */
  readNull(): boolean {
    return this.bytes[this.at] === 0x6e && this.#skipWord(NULL);
  }

  /** Steps over any value. */
  skipValue(): void {
    const closers = this.#closers;
    let depth = 0;
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (depth === DEPTH_MAX) throw this.fail(`values nested up to ${DEPTH_MAX} deep`);
        // The closing bracket stands two behind the opening one.
        const closer = byte + 2;
        this.#step();
        if (!this.close(closer)) {
          closers[depth++] = closer;
          if (closer === CLOSE_OBJECT) this.readKey();
          continue;
        }
      } else {
        this.#skipScalar(byte);
      }
      while (depth > 0 && !this.next(closers[depth - 1]!)) depth--;
      if (depth === 0) return;
      if (closers[depth - 1] === CLOSE_OBJECT) this.readKey();
    }
  }

  /** What JSON calls the value that comes next: for messages. */
  typeName(): string {
    const byte = this.bytes[this.at];
    switch (byte) {
      case undefined:
        return "the end";
      case QUOTE:
        return "a string";
      case OPEN_OBJECT:
        return "an object";
      case OPEN_LIST:
        return "a list";
      case 0x74:
      case 0x66:
        return "a truth value";
      case 0x6e:
        return "null";
      default:
        return byte === MINUS || (byte >= ZERO && byte <= 0x39) ? "a number" : "no JSON";
    }
  }

  /** An error to throw about the next value. */
  fail(expected: string): SpoorError {
    const found = this.typeName();
    return new SpoorError("bad-input", `malformed JSON: found ${found}, expected ${expected}`, {
      offset: this.at,
      size: this.bytes.length,
    });
  }

  #step(): void {
    this.at++;
    this.#skipSpace();
  }

  #skipSpace(): void {
    const bytes = this.bytes;
    let at = this.at;
    // White space is the exception, and all of it is below 0x21.
    while (bytes[at]! < 0x21 && isSpace(bytes[at]!)) at++;
    this.at = at;
  }

  #skipScalar(byte: number | undefined): void {
    if (byte === QUOTE) this.readString();
    else if (this.readBoolean() < 0 && !this.readNull()) this.#skipNumber();
  }

  #skipWord(word: Uint8Array): boolean {
    for (let i = 0; i < word.length; i++) {
      if (this.bytes[this.at + i] !== word[i]) return false;
    }
    this.at += word.length;
    this.#skipSpace();
    return true;
  }

  /** @returns where its last digit ended. */
  #skipNumber(): number {
    const bytes = this.bytes;
    let at = this.at;
    if (bytes[at] === MINUS) at++;
    const whole = at;
    at = this.#skipDigits(at);
    if (bytes[whole] === ZERO && at > whole + 1) throw this.fail("a number without leading zeros");
    if (bytes[at] === POINT) at = this.#skipDigits(at + 1);
    const letter = bytes[at];
    if (letter !== undefined && (letter | 0x20) === 0x65) {
      const sign = bytes[at + 1];
      at = this.#skipDigits(sign === 0x2b || sign === MINUS ? at + 2 : at + 1);
    }
    this.at = at;
    this.#skipSpace();
    return at;
  }

  /** Steps over one digit or more. */
  #skipDigits(from: number): number {
    let at = from;
    while (this.bytes[at]! >= ZERO && this.bytes[at]! <= 0x39) at++;
    if (at === from) throw this.fail("a value");
    return at;
  }

  /** The string that began at `start` and has its first special byte at `special`. */
  #readEscaped(start: number, special: number): void {
    const bytes = this.bytes;
    let at = special;
    // First where it ends, so that the buffer can be made large enough: no escape gets longer.
    while (bytes[at] !== QUOTE) {
      const byte = bytes[at];
      if (byte === undefined) throw this.#failAt(at, "the end of the text within a string");
      if (byte < 0x20) throw this.#failAt(at, "a control character within a string");
      at += byte === BACKSLASH ? 2 : 1;
    }
    if (this.#scratch.length < at - start) this.#scratch = new Uint8Array(at - start);
    const scratch = this.#scratch;
    const end = at;
    let to = 0;
    for (at = start; at < end;) {
      const byte = bytes[at++]!;
      if (byte !== BACKSLASH) {
        scratch[to++] = byte;
        continue;
      }
      const letter = bytes[at++]!;
      const escaped = ESCAPES[letter]!;
      if (escaped !== 0) {
        scratch[to++] = escaped;
        continue;
      }
      const code = letter === 0x75 ? this.#readCode(at) : -1;
      if (code < 0) throw this.#failAt(at - 2, "an escape that does not exist");
      at += 4;
      const low =
        isHighHalf(code) && bytes[at] === BACKSLASH && bytes[at + 1] === 0x75
          ? this.#readCode(at + 2)
          : -1;
      if (isLowHalf(low)) {
        to = writeUtf8(scratch, to, 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00));
        at += 6;
      } else {
        to = writeUtf8(scratch, to, isHighHalf(code) || isLowHalf(code) ? 0xfffd : code);
      }
    }
    this.source = scratch;
    this.start = 0;
    this.end = to;
    this.at = end;
    this.#step();
  }

  /** Four hex digits, or -1. */
  #readCode(at: number): number {
    const bytes = this.bytes;
    let code = 0;
    for (let i = 0; i < 4; i++) {
      const value = at + i < bytes.length ? HEX_VALUES[bytes[at + i]!]! : 255;
      if (value > 15) return -1;
      code = (code << 4) | value;
    }
    return code;
  }

  #failAt(offset: number, found: string): SpoorError {
    const where = { offset, size: this.bytes.length };
    return new SpoorError("bad-input", `malformed JSON: found ${found}`, where);
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isHighHalf(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

function isLowHalf(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}

function writeUtf8(bytes: Uint8Array, at: number, code: number): number {
  if (code < 0x80) {
    bytes[at] = code;
    return at + 1;
  }
  if (code < 0x800) {
    bytes[at] = 0xc0 | (code >> 6);
    bytes[at + 1] = 0x80 | (code & 0x3f);
    return at + 2;
  }
  if (code < 0x1_0000) {
    bytes[at] = 0xe0 | (code >> 12);
    bytes[at + 1] = 0x80 | ((code >> 6) & 0x3f);
    bytes[at + 2] = 0x80 | (code & 0x3f);
    return at + 3;
  }
  bytes[at] = 0xf0 | (code >> 18);
  bytes[at + 1] = 0x80 | ((code >> 12) & 0x3f);
  bytes[at + 2] = 0x80 | ((code >> 6) & 0x3f);
  bytes[at + 3] = 0x80 | (code & 0x3f);
  return at + 4;
}
