// Arrays that are needed while one block is written, and used again for the next one: 14 MB a block that
// would otherwise be made and thrown away, which makes V8 look through its heap once a block.
//
// One block is written at a time in a thread: writing is synchronous.

import { type Column, SpareArrays } from "../head/spare-arrays.ts";

class Scratch {
  readonly #spares = new SpareArrays();
  readonly #taken: Column[] = [];

  /** Zeros, as all of these. The array is the caller's until `release`. */
  words(length: number): Uint32Array<ArrayBuffer> {
    return this.#keep(this.#spares.words(length));
  }

  shorts(length: number): Uint16Array<ArrayBuffer> {
    return this.#keep(this.#spares.shorts(length));
  }

  octets(length: number): Uint8Array<ArrayBuffer> {
    return this.#keep(this.#spares.octets(length));
  }

  doubles(length: number): Float64Array<ArrayBuffer> {
    return this.#keep(this.#spares.doubles(length));
  }

  /** The block is written: nobody uses an array of it any more. */
  release(): void {
    for (const column of this.#taken) this.#spares.give(column);
    this.#taken.length = 0;
  }

  #keep<C extends Column>(column: C): C {
    this.#taken.push(column);
    return column;
  }
}

export const scratch: Scratch = new Scratch();
