// Interns keys and values of attributes with a guess, because spans of one kind look alike.
//
//   key    after the key `http.method` came `http.url` last time: compare with that first
//   value  the key `http.method` had the value `GET` last time: compare with that first
//
// The guesses are indexes into tables of a fixed size, kept from payload to payload and from batch to
// batch: a stale or colliding guess costs one comparison and is never wrong, since Dictionary
// compares the bytes.

import type { Dictionary } from "../model/dictionary.ts";

/** More than the different keys of most senders; a power of two. */
const GUESSES = 1 << 10;

export class AttributeInterner {
  #next: Uint32Array = new Uint32Array(GUESSES);
  #value: Uint32Array = new Uint32Array(GUESSES);
  #previous = 0;

  /** As `dictionary.intern` for the key of the next attribute. */
  internKey(dictionary: Dictionary, bytes: Uint8Array, start: number, end: number): number {
    const slot = this.#previous & (GUESSES - 1);
    const guess = this.#next[slot]!;
    const entry = dictionary.internGuessed(bytes, start, end, guess);
    if (entry !== guess) this.#next[slot] = entry;
    this.#previous = entry;
    return entry;
  }

  /** As `dictionary.intern` for the value of an attribute with key `key`. */
  internValue(
    dictionary: Dictionary,
    key: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const slot = key & (GUESSES - 1);
    const guess = this.#value[slot]!;
    const entry = dictionary.internGuessed(bytes, start, end, guess);
    if (entry !== guess) this.#value[slot] = entry;
    return entry;
  }
}
