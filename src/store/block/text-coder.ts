// The dictionary of a file: its entries are numbered anew, in the order in which they are written, so
// that the values of one key lie together and terms count on from one another.
//
//   names, messages, … as they come ─▶ keys ─▶ values, key by key        entry 0 is the empty string
//
//   texts      pages of at least 64 KB: lengths, then bytes
//   textIndex  bucket -> (8 more bits of the hash, entry): finds out that a text is not here, with one
//              page and without a text
//
// Source: docs/formats/segment.md. Not here: reading (file-texts.ts).

import type { TextImage } from "./block-image.ts";
import { PAGE_BUCKETS, PAGE_TEXT_BYTES } from "./layout.ts";
import type { Packer } from "./packer.ts";
import type { PageWriter } from "./page-codec.ts";
import { hashText } from "./text-hash.ts";

/** Entries a bucket of the index has on average, at most. */
const BUCKET_ENTRIES = 4;

export class TextCoder {
  count = 1;
  readonly #from: TextImage;
  /** Entry of the block -> entry of the file; 0: none yet. */
  readonly #numbers: Uint32Array;
  readonly #order: Uint32Array;

  constructor(from: TextImage) {
    this.#from = from;
    this.#numbers = new Uint32Array(from.count);
    this.#order = new Uint32Array(from.count);
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

  /** @returns the first entry of each page. */
  writeTexts(pages: PageWriter, packer: Packer): number[] {
    const from = this.#from;
    const firsts: number[] = [];
    const lengths = new Uint32Array(this.count);
    for (let first = 1; first < this.count;) {
      let bytes = 0;
      let end = first;
      for (; end < this.count && bytes < PAGE_TEXT_BYTES; end++) {
        const length = from.ends[this.#order[end]!]! - from.ends[this.#order[end]! - 1]!;
        lengths[end - first] = length;
        bytes += length;
      }
      packer.reset();
      packer.column(lengths, end - first);
      packer.copies(from.arena, from.ends, this.#order.subarray(first, end), bytes);
      pages.add("texts", packer.bytes());
      firsts.push(first);
      first = end;
    }
    return firsts;
  }

  /** @returns the number of bits that a bucket has. */
  writeIndex(pages: PageWriter, packer: Packer, seed: number): number {
    let bits = 0;
    while (BUCKET_ENTRIES * 2 ** bits < this.count) bits++;
    const buckets = 2 ** bits;
    const starts = new Uint32Array(buckets + 1);
    const hashes = new Uint32Array(this.count);
    const from = this.#from;
    const view = new DataView(from.arena.buffer, from.arena.byteOffset, from.arena.byteLength);
    for (let entry = 1; entry < this.count; entry++) {
      const own = this.#order[entry]!;
      const hash = hashText(view, from.ends[own - 1]!, from.ends[own]!, seed);
      hashes[entry] = hash;
      starts[bucketOf(hash, bits) + 1]!++;
    }
    for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1]! += starts[bucket]!;
    const next = starts.slice();
    const entries = new Uint32Array(this.count - 1);
    const prints = new Uint8Array(this.count - 1);
    for (let entry = 1; entry < this.count; entry++) {
      const hash = hashes[entry]!;
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
