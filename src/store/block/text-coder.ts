// The dictionary of a file: its entries are numbered anew. First the texts that several pages of rows
// have, then page by page those that only one has.
//
//   shared: names, … as they come ─▶ owners ─▶ keys ─▶ values, key by key      entry 0: the empty string
//   of page 0: values, key by key ─▶ of page 1 ─▶ …
//
//   texts, sharedTexts   pages of at least 64 KB: lengths, then bytes
//   textIndex            bucket -> (8 more bits of the hash, entry): finds out that a text is not here,
//                        with one page and without a text
//
// Source: docs/formats/segment.md. Not here: reading (file-texts.ts).

import type { TextImage } from "./block-image.ts";
import { PAGE_BUCKETS, PAGE_TEXT_BYTES } from "./layout.ts";
import type { Packer } from "./packer.ts";
import type { PageWriter } from "./page-codec.ts";
import { hashText } from "./text-hash.ts";
import { scratch } from "./scratch.ts";

/** Entries a bucket of the index has on average, at most. */
const BUCKET_ENTRIES = 4;
/** Home of an entry that several pages have; pages are numbered from 1 on, 0: none so far. */
const SHARED = 0xffff;

export class TextCoder {
  count = 1;
  /** First entry of each page of texts. */
  readonly pageFirsts: number[] = [];
  readonly #from: TextImage;
  readonly #homes: Uint16Array;
  /** Entry of the block -> entry of the file; 0: none yet. */
  readonly #numbers: Uint32Array;
  readonly #order: Uint32Array;
  #written = 1;

  constructor(from: TextImage) {
    this.#from = from;
    this.#homes = scratch.shorts(from.count);
    this.#numbers = scratch.words(from.count);
    this.#order = scratch.words(from.count);
  }

  /** Page `page` of rows has the entry. */
  see(entry: number, page: number): void {
    const home = this.#homes[entry]!;
    if (home !== page + 1) this.#homes[entry] = home === 0 ? page + 1 : SHARED;
  }

  share(entry: number): void {
    this.#homes[entry] = SHARED;
  }

  isShared(entry: number): boolean {
    return this.#homes[entry] === SHARED;
  }

  /** The file's number of an entry of the block, given now if it had none. */
  number(entry: number): number {
    if (entry === 0) return 0;
    const known = this.#numbers[entry]!;
    if (known !== 0) return known;
    this.#order[this.count] = entry;
    this.#numbers[entry] = this.count;
    return this.count++;
  }

  /** Writes the texts that were numbered since the last call. */
  writeTexts(section: "texts" | "sharedTexts", pages: PageWriter, packer: Packer): void {
    const { ends, arena } = this.#from;
    const lengths = new Uint32Array(this.count - this.#written);
    for (let first = this.#written; first < this.count;) {
      let bytes = 0;
      let end = first;
      for (; end < this.count && bytes < PAGE_TEXT_BYTES; end++) {
        const own = this.#order[end]!;
        const length = ends[own]! - ends[own - 1]!;
        lengths[end - first] = length;
        bytes += length;
      }
      packer.reset();
      packer.column(lengths, end - first);
      packer.copies(arena, ends, this.#order.subarray(first, end), bytes);
      pages.add(section, packer.bytes());
      this.pageFirsts.push(first);
      first = end;
    }
    this.#written = this.count;
  }

  /** The hash of each entry of the block that has a number; others 0. Cost: 1 ns a byte or so. */
  hashes(seed: number): Uint32Array {
    const { arena, ends } = this.#from;
    const view = new DataView(arena.buffer, arena.byteOffset, arena.byteLength);
    const hashes = scratch.words(this.#from.count);
    hashes[0] = hashText(view, 0, 0, seed);
    for (let entry = 1; entry < this.count; entry++) {
      const own = this.#order[entry]!;
      hashes[own] = hashText(view, ends[own - 1]!, ends[own]!, seed);
    }
    return hashes;
  }

  /** @param hashes of `hashes()`. @returns the number of bits that a bucket has. */
  writeIndex(pages: PageWriter, packer: Packer, hashes: Uint32Array): number {
    let bits = 0;
    while (BUCKET_ENTRIES * 2 ** bits < this.count) bits++;
    const buckets = 2 ** bits;
    const starts = scratch.words(buckets + 1);
    for (let entry = 1; entry < this.count; entry++) {
      starts[bucketOf(hashes[this.#order[entry]!]!, bits) + 1]!++;
    }
    for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1]! += starts[bucket]!;
    const next = scratch.words(buckets + 1);
    next.set(starts);
    const entries = scratch.words(this.count - 1);
    const prints = scratch.octets(this.count - 1);
    for (let entry = 1; entry < this.count; entry++) {
      const hash = hashes[this.#order[entry]!]!;
      const at = next[bucketOf(hash, bits)]!++;
      entries[at] = entry;
      prints[at] = hash & 0xff;
    }
    const counts = new Uint32Array(PAGE_BUCKETS);
    for (let bucket = 0; bucket < buckets; bucket += PAGE_BUCKETS) {
      const end = Math.min(bucket + PAGE_BUCKETS, buckets);
      for (let b = bucket; b < end; b++) counts[b - bucket] = starts[b + 1]! - starts[b]!;
      const own = entries.subarray(starts[bucket], starts[end]);
      packer.reset();
      packer.column(counts, end - bucket);
      packer.raw(prints.subarray(starts[bucket], starts[end]));
      packer.column(own, own.length);
      // Hashes do not compress, and a page that is read as it is costs nothing to open.
      pages.add("textIndex", packer.bytes(), false);
    }
    return bits;
  }
}

/** The bucket of a hash: its highest bits. */
export function bucketOf(hash: number, bits: number): number {
  return bits === 0 ? 0 : hash >>> (32 - bits);
}
