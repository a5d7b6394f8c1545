// The attributes of one level (spans, events, links, resources or scopes), all owners in one list.
//
//   key    u32   entry of the batch's dictionary
//   type   u8    one of the constants below
//   value  8 B   BOOL: 0 or 1 · INT: 64 bits, two's complement · DOUBLE: IEEE 754
//                STRING, BYTES, ARRAY, MAP: a dictionary entry in the low word · EMPTY: nothing
//
// The 8-byte column is one buffer with three views: words (u32 low, high), doubles, bigs. An owner
// has a range [start, end) of the list. ARRAY and MAP keep the bytes of OTLP's ArrayValue and
// KeyValueList messages (opentelemetry-proto 1.x, common.proto), whatever format they came in.
//
// All typed arrays here are little-endian views; so are all machines that Node 24 runs on.

import { ATTRIBUTES_MAX, type MemoryBound, nextSize, unbounded } from "./limits.ts";

export const EMPTY = 0;
export const STRING = 1;
export const BOOL = 2;
export const INT = 3;
export const DOUBLE = 4;
export const BYTES = 5;
export const ARRAY = 6;
export const MAP = 7;

/** True if the value of this type is an entry of the dictionary. */
export function isEntryType(type: number): boolean {
  return type === STRING || type >= BYTES;
}

const FIRST_ATTRIBUTES = 128;
const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Uint32Array(0);
const NO_DOUBLES = new Float64Array(0);
const NO_BIGS = new BigInt64Array(0);
const BYTES_EACH = 13;

export class AttributeTable {
  count = 0;
  key: Uint32Array = NO_WORDS;
  type: Uint8Array = NO_BYTES;
  /** Two words an attribute: low at `2 * i`, high at `2 * i + 1`. */
  words: Uint32Array = NO_WORDS;
  doubles: Float64Array = NO_DOUBLES;
  bigs: BigInt64Array = NO_BIGS;
  readonly #bound: MemoryBound;

  constructor(bound: MemoryBound = unbounded) {
    this.#bound = bound;
  }

  reset(): void {
    this.count = 0;
  }

  /** Adds an attribute whose value is one word: STRING, BYTES, ARRAY, MAP, BOOL or EMPTY. */
  add(key: number, type: number, word: number): void {
    const at = this.count;
    if (at === this.type.length) this.#grow();
    this.key[at] = key;
    this.type[at] = type;
    this.words[2 * at] = word;
    this.words[2 * at + 1] = 0;
    this.count = at + 1;
  }

  /** Adds an attribute of any type with both words of its value. */
  addWords(key: number, type: number, low: number, high: number): void {
    const at = this.count;
    if (at === this.type.length) this.#grow();
    this.key[at] = key;
    this.type[at] = type;
    this.words[2 * at] = low;
    this.words[2 * at + 1] = high;
    this.count = at + 1;
  }

  /** Adds an int64 as its two halves. */
  addInt(key: number, low: number, high: number): void {
    this.addWords(key, INT, low, high);
  }

  addDouble(key: number, value: number): void {
    const at = this.count;
    if (at === this.type.length) this.#grow();
    this.key[at] = key;
    this.type[at] = DOUBLE;
    this.doubles[at] = value;
    this.count = at + 1;
  }

  /** Adds a safe integer (|value| < 2^53) as an int64. */
  addSafeInt(key: number, value: number): void {
    this.addInt(key, value >>> 0, Math.floor(value / 0x1_0000_0000) >>> 0);
  }

  /** Changes type and word of attribute `at` in place. */
  replace(at: number, type: number, word: number): void {
    this.type[at] = type;
    this.words[2 * at] = word;
    this.words[2 * at + 1] = 0;
  }

  /** As `replace`, with both words of the value. */
  replaceWords(at: number, type: number, low: number, high: number): void {
    this.type[at] = type;
    this.words[2 * at] = low;
    this.words[2 * at + 1] = high;
  }

  /** As `replace`, for a DOUBLE. */
  replaceDouble(at: number, value: number): void {
    this.type[at] = DOUBLE;
    this.doubles[at] = value;
  }

  /** The first attribute with key entry `key` in `[start, end)`, or -1. */
  find(key: number, start: number, end: number): number {
    for (let at = start; at < end; at++) if (this.key[at] === key) return at;
    return -1;
  }

  /** Bytes of memory held by the columns. */
  memoryBytes(): number {
    return BYTES_EACH * this.type.length;
  }

  #grow(): void {
    const size = nextSize(
      this.type.length,
      { first: FIRST_ATTRIBUTES, max: ATTRIBUTES_MAX },
      "attributes",
    );
    this.#bound.take(BYTES_EACH * (size - Math.max(this.type.length, FIRST_ATTRIBUTES)));
    const key = new Uint32Array(size);
    key.set(this.key);
    this.key = key;
    const type = new Uint8Array(size);
    type.set(this.type);
    this.type = type;
    const words = new Uint32Array(size * 2);
    words.set(this.words);
    this.words = words;
    this.doubles = new Float64Array(words.buffer);
    this.bigs = new BigInt64Array(words.buffer);
  }
}
