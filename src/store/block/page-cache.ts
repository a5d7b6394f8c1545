// Decoded pages of many blocks, as many as fit: the least recently used one goes first.
//
// One cache serves all blocks of a process or worker. Not here: what a page becomes (block-reader.ts).

/** A block's numbers for its pages: `block * PAGES_PER_BLOCK + page`. */
const PAGES_PER_BLOCK = 2 ** 26;

interface Cached {
  readonly value: unknown;
  readonly bytes: number;
}

export class PageCache {
  bytes = 0;
  readonly #bytesMax: number;
  readonly #pages = new Map<number, Cached>();
  #blocks = 0;

  /** @param bytesMax bound of what decoded pages hold; a larger page is not kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** A number that tells the pages of one block from those of all others. */
  addBlock(): number {
    return this.#blocks++ * PAGES_PER_BLOCK;
  }

  /** The page `key`, from the cache or made now. `make` tells how many bytes it holds. */
  get<T>(key: number, make: () => { readonly value: T; readonly bytes: number }): T {
    const known = this.#pages.get(key);
    if (known !== undefined) {
      this.#pages.delete(key);
      this.#pages.set(key, known);
      return known.value as T;
    }
    const made = make();
    if (made.bytes <= this.#bytesMax) {
      this.#pages.set(key, made);
      this.bytes += made.bytes;
      this.#shrink();
    }
    return made.value;
  }

  #shrink(): void {
    for (const [key, page] of this.#pages) {
      if (this.bytes <= this.#bytesMax) return;
      this.#pages.delete(key);
      this.bytes -= page.bytes;
    }
  }
}
