// Decoded pages of many blocks, as many as fit. Two lists, so that a question over everything does not
// throw out what others need all the time:
//
//   new page ─▶ seen ─(used by a later question)─▶ hot ─(hot is full: least recently used)─▶ seen
//                 └─(no room: least recently used)─▶ gone ─(made anew soon)─▶ hot
//
// Which pages are gone is remembered for as many bytes as the cache holds: who comes again after a while
// is hot, although there was no room to wait.
//
// Memory of pages that are gone is used for others, once no question is open: any that was open when the page
// went may still read it.
//
// One cache serves all blocks of a process or worker. Not here: what a page becomes (block-reader.ts).

import { assert } from "../../base/assert.ts";
import type { Lease, PageMemory } from "./page-memory.ts";

/** A block's numbers for its pages: `block * PAGES_PER_BLOCK + 2 * page + form`. */
const PAGES_PER_BLOCK = 2 ** 26;
/** Of all bytes, what hot pages may take: the rest is for what comes anew. */
const HOT_SHARE = 3 / 4;

/** Of pages that are gone and wait until no question is open. */
const LEFT_BYTES_MAX = 8 * 1024 * 1024;

type Make<T> = (lease: Lease | undefined) => { readonly value: T; readonly bytes: number };

interface Cached {
  readonly value: unknown;
  readonly bytes: number;
  readonly lease: Lease | undefined;
  /** The last question that used it. */
  question: number;
}

export class PageCache {
  bytes = 0;
  /** How often memory of pages was given back. */
  reuses = 0;
  readonly #memory: PageMemory | undefined;
  /** Of pages that are gone, the oldest first. */
  #left: Lease[] = [];
  #leftBytes = 0;
  #openQuestions = 0;
  readonly #bytesMax: number;
  /** Each in the order of use, the newest last. */
  readonly #seen = new Map<number, Cached>();
  readonly #hot = new Map<number, Cached>();
  #hotBytes = 0;
  /** Pages that are gone, and how many bytes they held; the oldest first. */
  readonly #gone = new Map<number, number>();
  #goneBytes = 0;
  #blocks = 0;
  #question = 0;

  /**
   * @param bytesMax bound of what decoded pages hold; a larger page is not kept.
   * @param memory of pages; left out: V8's, and questions need not be told.
   */
  constructor(bytesMax: number, memory?: PageMemory) {
    this.#bytesMax = bytesMax;
    this.#memory = memory;
  }

  /** A number that tells the pages of one block from those of all others. */
  addBlock(): number {
    return this.#blocks++ * PAGES_PER_BLOCK;
  }

  /**
   * From here on another question is answered: pages that it shares with those before are hot. It may have
   * pages in hand until `endQuestion`.
   */
  beginQuestion(): void {
    this.#question++;
    this.#openQuestions++;
  }

  endQuestion(): void {
    this.#openQuestions--;
    assert(this.#openQuestions >= 0, "a question ends once");
    if (this.#openQuestions > 0 || this.#left.length === 0) return;
    for (const lease of this.#left) this.#memory?.giveBack(lease);
    this.reuses++;
    this.#left = [];
    this.#leftBytes = 0;
  }

  /**
   * The page `key`, from the cache or made now. `make` tells how many bytes it holds, and is given what to
   * make its arrays with.
   */
  get<T>(key: number, make: Make<T>): T {
    const hot = this.#hot.get(key);
    if (hot !== undefined) {
      if (hot.question !== this.#question) this.#use(this.#hot, key, hot);
      return hot.value as T;
    }
    const seen = this.#seen.get(key);
    if (seen !== undefined) {
      if (seen.question !== this.#question) this.#warm(key, seen);
      return seen.value as T;
    }
    // Whoever asks without a question could have the page in hand for ever.
    const lease = this.#openQuestions > 0 ? this.#memory?.lease() : undefined;
    const { value, bytes } = make(lease);
    // `make` may have asked for this very page: the later one is not kept twice.
    if (bytes <= this.#bytesMax && !this.#seen.has(key)) this.#add(key, value, bytes, lease);
    return value;
  }

  #add(key: number, value: unknown, bytes: number, lease: Lease | undefined): void {
    const page = { value, bytes, lease, question: this.#question };
    this.bytes += bytes;
    const goneBytes = this.#gone.get(key);
    if (goneBytes === undefined) {
      this.#seen.set(key, page);
    } else {
      this.#gone.delete(key);
      this.#goneBytes -= goneBytes;
      this.#warm(key, page);
    }
    this.#shrink();
  }

  #use(list: Map<number, Cached>, key: number, page: Cached): void {
    page.question = this.#question;
    list.delete(key);
    list.set(key, page);
  }

  #warm(key: number, page: Cached): void {
    this.#seen.delete(key);
    this.#use(this.#hot, key, page);
    this.#hotBytes += page.bytes;
    const bytesMax = this.#bytesMax * HOT_SHARE;
    for (const [coldest, cold] of this.#hot) {
      if (this.#hotBytes <= bytesMax) return;
      this.#hot.delete(coldest);
      this.#hotBytes -= cold.bytes;
      this.#use(this.#seen, coldest, cold);
    }
  }

  #shrink(): void {
    for (const [key, page] of this.#seen) {
      if (this.bytes <= this.#bytesMax) return;
      this.#seen.delete(key);
      this.bytes -= page.bytes;
      this.#leave(page);
      this.#remember(key, page.bytes);
    }
    for (const [key, page] of this.#hot) {
      if (this.bytes <= this.#bytesMax) return;
      this.#hot.delete(key);
      this.#hotBytes -= page.bytes;
      this.bytes -= page.bytes;
      this.#leave(page);
    }
  }

  #leave({ lease }: Cached): void {
    if (lease === undefined || lease.buffers.length === 0 || this.#openQuestions === 0) return;
    this.#left.push(lease);
    this.#leftBytes += lease.bytes;
    // Questions may follow each other without a gap: garbage, as everything else.
    while (this.#leftBytes > LEFT_BYTES_MAX) this.#leftBytes -= this.#left.shift()!.bytes;
  }

  #remember(key: number, bytes: number): void {
    this.#gone.set(key, bytes);
    this.#goneBytes += bytes;
    for (const [oldest, own] of this.#gone) {
      if (this.#goneBytes <= this.#bytesMax) return;
      this.#gone.delete(oldest);
      this.#goneBytes -= own;
    }
  }
}
