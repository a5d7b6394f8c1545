// A buffer that JSON is written into: pieces of text, quoted strings, numbers and hex, straight as UTF-8.
//
//   raw(piece) · ascii(text)                   as they are
//   quote(text) · entry(n)                     "…" with what JSON must escape escaped
//   int(n) · hex(bytes, at, length)            decimal; two digits a byte
//
// The texts of a dictionary are looked over once, all of them in one pass: one that needs no escape
// (nearly all) is copied from the arena each time, any other is kept quoted. No string is made, and
// none has to be encoded. Short copies go four bytes at a time; the last four overlap those before.
//
// Source: RFC 8259 §7. Trust: entries may hold any bytes; what is not UTF-8 becomes U+FFFD.
// Not here: what is written (jaeger-json.ts).

import { SpoorError } from "../base/errors.ts";
import { Dictionary } from "../model/dictionary.ts";

/** What a JavaScript string can hold (2^29 - 24); a longer answer helps nobody. */
export const JSON_BYTES_MAX = 0x1fff_ffe8;

/** A trace of usual size fits. */
const FIRST_BYTES = 1 << 16;
/** Longer pieces are copied by the engine's own memcpy; below it a loop is cheaper. */
const LOOP_COPY_BYTES = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
/** Digits that fit the engine's integers: larger numbers are written in two halves. */
const HALF = 1e9;
const HALF_DIGITS = 9;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Byte → its two digits, as they lie in memory. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = encoder.encode(byte.toString(16).padStart(2, "0"));
  return digits[0]! | (digits[1]! << 8);
});

const NO_BYTES = new Uint8Array(0);
const NO_ENTRIES = new Dictionary();

/** Text that is written often, made once. */
export function makePiece(text: string): DataView {
  return viewOf(encoder.encode(text));
}

export class JsonBytes {
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = viewOf(NO_BYTES);
  #at = 0;
  #nextBytes = FIRST_BYTES;
  #dictionary = NO_ENTRIES;
  #arena: DataView = viewOf(NO_BYTES);
  #ends = NO_ENTRIES.ends;
  /** By entry: 1 = it is not written as it is. */
  #isEscaped = new Uint8Array(1);
  readonly #escaped = new Map<number, DataView>();

  /** From now on entries are those of `dictionary`, which must not grow meanwhile. Cost: its bytes. */
  begin(dictionary: Dictionary): void {
    this.#dictionary = dictionary;
    this.#arena = viewOf(dictionary.arena);
    this.#ends = dictionary.ends;
    this.#escaped.clear();
    if (this.#isEscaped.length < dictionary.count) {
      this.#isEscaped = new Uint8Array(2 * dictionary.count);
    } else {
      this.#isEscaped.fill(0, 0, dictionary.count);
    }
    for (const entry of dictionary.invalidEntries) this.#isEscaped[entry] = 1;
    this.#findEscaped();
  }

  get length(): number {
    return this.#at;
  }

  /** What has been written from `start` on: a view, valid until the next write. */
  bytes(start = 0): Uint8Array {
    return this.#bytes.subarray(start, this.#at);
  }

  /** What has been written from `start` on, as text. */
  text(start = 0): string {
    return decoder.decode(this.bytes(start));
  }

  /** Takes back what was written from `length` on. */
  cut(length: number): void {
    this.#at = length;
  }

  /** Gives all that was written away and begins anew, in other memory. */
  take(): Uint8Array {
    const taken = this.bytes();
    // As much again, and some more: pieces are given away when they are just over their size.
    this.#nextBytes = Math.max(FIRST_BYTES, taken.length + (taken.length >> 3));
    this.#setBytes(NO_BYTES);
    this.#at = 0;
    return taken;
  }

  raw(piece: DataView): void {
    const length = piece.byteLength;
    this.#reserve(length);
    copy(piece, 0, length, this.#view, this.#at);
    this.#at += length;
  }

  /** As `raw`, for pieces that are written once. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Text without a character above U+007F, as it is. */
  ascii(text: string): void {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
    this.#at = at + text.length;
  }

  /** Any text, in quotes. */
  quote(text: string): void {
    this.append(encoder.encode(JSON.stringify(text)));
  }

  /** Entry `entry` of the dictionary, in quotes. */
  entry(entry: number): void {
    if (this.#isEscaped[entry] === 1) {
      this.raw(this.#escaped.get(entry) ?? this.#escape(entry));
      return;
    }
    const start = entry === 0 ? 0 : this.#ends[entry - 1]!;
    const end = this.#ends[entry]!;
    const length = end - start;
    this.#reserve(length + 2);
    const at = this.#at;
    const view = this.#view;
    view.setUint8(at, QUOTE);
    if (length > LOOP_COPY_BYTES) {
      this.#bytes.set(this.#dictionary.arena.subarray(start, end), at + 1);
    } else {
      copy(this.#arena, start, end, view, at + 1);
    }
    view.setUint8(at + 1 + length, QUOTE);
    this.#at = at + length + 2;
  }

  /** A number as JavaScript prints it. Cost: some ns a digit if it is a safe integer. */
  int(value: number): void {
    if (!Number.isSafeInteger(value)) {
      this.ascii(String(value));
      return;
    }
    this.#reserve(20);
    let rest = value;
    if (rest < 0) {
      this.#view.setUint8(this.#at++, MINUS);
      rest = -rest;
    }
    if (rest < HALF) {
      this.#digits(rest, countDigits(rest));
      return;
    }
    const high = Math.floor(rest / HALF);
    this.#digits(high, countDigits(high));
    this.#digits(rest - high * HALF, HALF_DIGITS);
  }

  hex(bytes: Uint8Array, start: number, length: number): void {
    this.#reserve(2 * length);
    const view = this.#view;
    let at = this.#at;
    for (let from = start, end = start + length; from < end; from++, at += 2) {
      view.setUint16(at, HEX[bytes[from]!]!, true);
    }
    this.#at = at;
  }

  /** The last `count` digits of `value`, which is below HALF. */
  #digits(value: number, count: number): void {
    const view = this.#view;
    const start = this.#at;
    let rest = value | 0;
    for (let at = start + count - 1; at >= start; at--) {
      const next = (rest / 10) | 0;
      view.setUint8(at, ZERO + rest - 10 * next);
      rest = next;
    }
    this.#at = start + count;
  }

  /** Marks the entries with a byte that JSON must escape. Four bytes are looked at together. */
  #findEscaped(): void {
    const arena = this.#arena;
    const end = this.#dictionary.arenaBytes;
    let at = 0;
    for (; at + 4 <= end; at += 4) {
      const word = arena.getInt32(at, true);
      if (!maySpecial(word)) continue;
      const special = findSpecial(arena, at, at + 4);
      if (special >= 0) at = this.#mark(special) - 4;
    }
    while (at < end) {
      const special = findSpecial(arena, at, end);
      if (special < 0) return;
      at = this.#mark(special);
    }
  }

  /** @returns where the entry ends that has the arena's byte `at`. */
  #mark(at: number): number {
    const ends = this.#ends;
    let low = 0;
    let high = this.#dictionary.count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! > at) high = middle;
      else low = middle + 1;
    }
    this.#isEscaped[low] = 1;
    return ends[low]!;
  }

  #escape(entry: number): DataView {
    const text = decoder.decode(this.#dictionary.bytes(entry));
    const piece = makePiece(JSON.stringify(text));
    this.#escaped.set(entry, piece);
    return piece;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed > this.#bytes.length) this.#grow(needed);
  }

  #grow(needed: number): void {
    if (needed > JSON_BYTES_MAX) {
      const where = { size: needed, sizeMax: JSON_BYTES_MAX };
      throw new SpoorError("unsupported", "answer is too long to be written as JSON", where);
    }
    const size = Math.max(2 * this.#bytes.length, this.#nextBytes, needed);
    const grown = new Uint8Array(Math.min(JSON_BYTES_MAX, size));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#setBytes(grown);
  }

  #setBytes(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function copy(from: DataView, start: number, end: number, to: DataView, at: number): void {
  const last = end - 4;
  let source = start;
  let target = at;
  if (last < start) {
    for (; source < end; source++, target++) to.setUint8(target, from.getUint8(source));
    return;
  }
  for (; source < last; source += 4, target += 4) {
    to.setInt32(target, from.getInt32(source, true), true);
  }
  to.setInt32(at + last - start, from.getInt32(last, true), true);
}

/** True if one of the four bytes is below 0x20, `"` or `\`; seldom for others too. */
function maySpecial(word: number): boolean {
  const quote = word ^ 0x22222222;
  const backslash = word ^ 0x5c5c5c5c;
  const below = (word - 0x20202020) & ~word;
  const equal = ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash);
  return ((below | equal) & 0x80808080) !== 0;
}

function findSpecial(arena: DataView, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = arena.getUint8(at);
    if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) return at;
  }
  return -1;
}

/** Of a number below HALF. */
function countDigits(value: number): number {
  let count = 1;
  for (let bound = 10; value >= bound; bound *= 10) count++;
  return count;
}
