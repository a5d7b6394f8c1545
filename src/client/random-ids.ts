// Random words for ids, drawn from a pool that is filled with many at a time.
//
//   crypto ──▶ 4,096 words ──▶ next() ──▶ trace and span ids
//
// One call of the generator for 4,096 words costs about as much as one for 2.
// Not here: which ids a span gets (tracer.ts).

import { randomFillSync } from "node:crypto";

// 16 KiB; more would not make a word cheaper.
const POOL_WORDS = 4_096;

export interface RandomWords {
  /** 32 random bits, signed. */
  next(): number;
}

export class RandomPool implements RandomWords {
  readonly #words: Int32Array = new Int32Array(POOL_WORDS);
  #at = POOL_WORDS;

  next(): number {
    if (this.#at === POOL_WORDS) {
      randomFillSync(this.#words);
      this.#at = 0;
    }
    const word = this.#words[this.#at]!;
    this.#at++;
    return word;
  }
}
