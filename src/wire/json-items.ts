// Objects out of a long JSON text that comes in pieces: one trace, one request at a time, never all.
//
//   depth 0   {…}{…}\n{…}                        each of them: JSON lines, or with line breaks within
//   depth 2   {"data":[ {…} , {…} ], …}          what lies in lists of the outermost object
//   depth 3   {"result":{"resourceSpans":[ {…} , {…} ]}, …}
//
// An item is the bytes from its opening bracket to the one that closes it. What is around the items is kept
// as text, so that a caller can look for what else was said.
//
// Only brackets and strings are looked at: whether an item is JSON says who reads it.
// Trust: none. An item is bounded, what is around the items too, and so is the depth around them.

import { SpoorError } from "../base/errors.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;

/** What is around the items: a few names and numbers. */
const AROUND_BYTES_MAX = 1 << 20;

export class JsonItems {
  readonly #depth: number;
  readonly #itemBytesMax: number;
  /** Brackets that are open. */
  #open = 0;
  #isInString = false;
  #isEscaped = false;
  /** Of the item that has begun in an earlier piece. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #isInItem = false;
  /** Only separators have come since the last item. */
  #isBetween = true;
  readonly #around: Uint8Array[] = [];
  #aroundBytes = 0;
  #offset = 0;

  /** @param depth brackets around an item. @param itemBytesMax longer ones are refused. */
  constructor(depth: number, itemBytesMax: number) {
    this.#depth = depth;
    this.#itemBytesMax = itemBytesMax;
  }

  /**
   * The items that end within the next piece of the text, each a copy of its bytes.
   * @throws SpoorError `bad-input` if brackets do not match, or an item is too long.
   */
  *push(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isInString = false;
      } else if (byte === QUOTE) {
        this.#isInString = true;
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (this.#open === this.#depth && byte === OPEN_OBJECT) {
          this.#keepAround(piece.subarray(start, at));
          this.#isInItem = true;
          start = at;
        }
        this.#open++;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (--this.#open < 0) throw this.#fail("a bracket that closes nothing", at);
        if (this.#isInItem && this.#open === this.#depth) {
          yield this.#take(piece.subarray(start, at + 1), at);
          start = at + 1;
        }
      }
    }
    const rest = piece.subarray(start);
    if (this.#isInItem) this.#keep(rest, piece.length);
    else this.#keepAround(rest);
    this.#offset += piece.length;
  }

  /** What was around the items, when there is no more. @throws SpoorError if the text is cut off. */
  end(): string {
    if (this.#open > 0 || this.#isInString) throw this.#fail("the end within a value", 0);
    return new TextDecoder().decode(joined(this.#around, this.#aroundBytes));
  }

  #take(last: Uint8Array, at: number): Uint8Array {
    this.#keep(last, at);
    const item = joined(this.#parts, this.#partBytes);
    this.#parts = [];
    this.#partBytes = 0;
    this.#isInItem = false;
    this.#isBetween = true;
    return item;
  }

  #keep(part: Uint8Array, at: number): void {
    this.#partBytes += part.length;
    if (this.#partBytes > this.#itemBytesMax) {
      throw this.#fail(`an object of more than ${this.#itemBytesMax} bytes`, at);
    }
    // The piece is the caller's to use again.
    this.#parts.push(part.slice());
  }

  #keepAround(part: Uint8Array): void {
    let from = 0;
    // What separates items is not kept: there may be any number of them.
    while (this.#isBetween && from < part.length && isSeparator(part[from]!)) from++;
    if (from === part.length) return;
    this.#isBetween = false;
    const text = part.slice(from);
    this.#aroundBytes += text.length;
    if (this.#aroundBytes > AROUND_BYTES_MAX) {
      throw this.#fail("too much text that is no part of any trace", 0);
    }
    this.#around.push(text);
  }

  #fail(found: string, at: number): SpoorError {
    return new SpoorError("bad-input", `malformed JSON: ${found}`, { offset: this.#offset + at });
  }
}

function isSeparator(byte: number): boolean {
  return byte === COMMA || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const out = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
