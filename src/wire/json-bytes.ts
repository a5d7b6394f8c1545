// A buffer that JSON is written into: pieces of text, quoted strings and hex, straight as UTF-8.
//
//   raw(bytes) · ascii(text)                   as they are
//   quote(text) · entry(n)                     "…" with what JSON must escape escaped
//   hex(bytes, at, length)                     two digits a byte
//
// An entry of the dictionary is looked at once: one that needs no escape (nearly all) is copied from
// the arena each time, any other is kept quoted. No string is made, and none has to be encoded.
//
// Source: RFC 8259 §7. Trust: entries may hold any bytes; what is not UTF-8 becomes U+FFFD.
// Not here: what is written (jaeger-json.ts).

import { SpoorError } from "../base/errors.ts";
import type { Dictionary } from "../model/dictionary.ts";

/** What a JavaScript string can hold (2^29 - 24); a longer answer helps nobody. */
export const JSON_BYTES_MAX = 0x1fff_ffe8;

const FIRST_BYTES = 1 << 14;
/** Longer pieces are copied by the engine's own memcpy; below it a loop is cheaper. */
const LOOP_COPY_BYTES = 48;

const QUOTE = 0x22;
const PLAIN = 1;
const ESCAPED = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const DIGITS = encoder.encode("0123456789abcdef");

export class JsonBytes {
  #bytes = new Uint8Array(FIRST_BYTES);
  #at = 0;
  readonly #dictionary: Dictionary;
  /** By entry: 0 not looked at, PLAIN, ESCAPED. */
  readonly #state: Uint8Array;
  readonly #escaped = new Map<number, Uint8Array>();

  /** Writes entries of `dictionary`, which must not grow meanwhile. */
  constructor(dictionary: Dictionary) {
    this.#dictionary = dictionary;
    this.#state = new Uint8Array(dictionary.count);
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

  raw(piece: Uint8Array): void {
    this.#copy(piece, 0, piece.length);
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
    this.raw(encoder.encode(JSON.stringify(text)));
  }

  /** Entry `entry` of the dictionary, in quotes. */
  entry(entry: number): void {
    const state = this.#state[entry] === 0 ? this.#look(entry) : this.#state[entry];
    if (state === ESCAPED) {
      this.raw(this.#escaped.get(entry)!);
      return;
    }
    const dictionary = this.#dictionary;
    const start = dictionary.start(entry);
    const end = dictionary.ends[entry]!;
    this.#reserve(end - start + 2);
    this.#bytes[this.#at++] = QUOTE;
    this.#copy(dictionary.arena, start, end);
    this.#bytes[this.#at++] = QUOTE;
  }

  hex(bytes: Uint8Array, start: number, length: number): void {
    this.#reserve(2 * length);
    const out = this.#bytes;
    let at = this.#at;
    for (let from = start, end = start + length; from < end; from++) {
      const byte = bytes[from]!;
      out[at++] = DIGITS[byte >> 4]!;
      out[at++] = DIGITS[byte & 15]!;
    }
    this.#at = at;
  }

  #look(entry: number): number {
    const dictionary = this.#dictionary;
    const arena = dictionary.arena;
    const end = dictionary.ends[entry]!;
    let state = dictionary.isUtf8(entry) ? PLAIN : ESCAPED;
    for (let at = dictionary.start(entry); at < end; at++) {
      const byte = arena[at]!;
      if (byte < 0x20 || byte === QUOTE || byte === 0x5c) {
        state = ESCAPED;
        break;
      }
    }
    if (state === ESCAPED) {
      const text = decoder.decode(dictionary.bytes(entry));
      this.#escaped.set(entry, encoder.encode(JSON.stringify(text)));
    }
    this.#state[entry] = state;
    return state;
  }

  #copy(from: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(length + 1);
    if (length > LOOP_COPY_BYTES) {
      this.#bytes.set(from.subarray(start, end), this.#at);
    } else {
      const bytes = this.#bytes;
      const at = this.#at;
      for (let i = 0; i < length; i++) bytes[at + i] = from[start + i]!;
    }
    this.#at += length;
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    if (needed > JSON_BYTES_MAX) {
      const where = { size: needed, sizeMax: JSON_BYTES_MAX };
      throw new SpoorError("unsupported", "answer is too long to be written as JSON", where);
    }
    const size = Math.min(JSON_BYTES_MAX, Math.max(2 * this.#bytes.length, needed));
    const grown = new Uint8Array(size);
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}
