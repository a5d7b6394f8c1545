// A filter of what a block has: (key, value) of every attribute of every level, and names. It says that
// something is surely not here, or that it may be, after reading one page.
//
//   what ─ hash ─▶ 32 bits ─▶ block of 32 bytes ─▶ one bit of each of its 8 words
//                                                  all set: may be here · one is not: surely not
//
// A split block Bloom filter: 12 bits for each thing, 1 of 200 others is taken for one of them.
//
// Source: docs/formats/segment.md; Apache Parquet, BloomFilter.md (the blocks and their salts; the hash
// is ours). Not here: which things a query asks for (rule-out.ts).

import { isEntryType, ARRAY, MAP } from "../../model/attribute-table.ts";
import type { BlockImage } from "./block-image.ts";
import type { BlockPages } from "./block-pages.ts";
import { PAGE_FILTER_BLOCKS } from "./layout.ts";
import type { PageWriter } from "./page-codec.ts";
import type { TermSurvey } from "./term-survey.ts";
import { finished, hashWords } from "./text-hash.ts";
import { scratch } from "./scratch.ts";

/** What else is in the filter, beside attributes of types 0 to 7. */
export const SERVICE = 16;
export const SPAN_NAME = 17;
export const KEY = 18;
/** A key that has arrays (maps): those are compared as text, which no hash can foresee. */
export const KEY_WITH_LIST = 19;

const BLOCK_WORDS = 8;
const BITS_EACH = 12;
const SALTS = Uint32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
);

/** The hash of one thing. @param key hash of a key's text. @param low, high of the value. */
export function hashThing(
  what: number,
  key: number,
  low: number,
  high: number,
  seed: number,
): number {
  return hashWords(what, key, low, high, seed);
}

export class FilterWriter {
  readonly blocks: number;
  readonly #words: Uint32Array;

  constructor(things: number) {
    this.blocks = Math.max(1, Math.ceil((things * BITS_EACH) / (32 * BLOCK_WORDS)));
    this.#words = scratch.words(BLOCK_WORDS * this.blocks);
  }

  add(hash: number): void {
    const words = this.#words;
    const at = BLOCK_WORDS * blockOf(hash, this.blocks);
    const bits = finished(~hash);
    for (let i = 0; i < BLOCK_WORDS; i++) {
      words[at + i]! |= 1 << (Math.imul(bits, SALTS[i]!) >>> 27);
    }
  }

  write(pages: PageWriter): void {
    const step = BLOCK_WORDS * PAGE_FILTER_BLOCKS;
    for (let first = 0; first < this.#words.length; first += step) {
      const own = this.#words.subarray(first, first + step);
      pages.add("filter", new Uint8Array(own.buffer, own.byteOffset, own.byteLength), false);
    }
  }
}

/** @param hashes of each entry of the block's dictionary. @returns the number of blocks. */
export function writeFilter(
  pages: PageWriter,
  block: BlockImage,
  survey: TermSurvey,
  hashes: Uint32Array,
  seed: number,
): number {
  const { count, key, type, low, high } = block.terms;
  const names = distinct(block.name, block.dictionary.count);
  const services = distinct(block.resourceService, block.dictionary.count);
  const keys = survey.keyEntries.length;
  const withList = new Uint8Array(keys);
  const filter = new FilterWriter(count + names.length + services.length + 2 * keys);
  for (let term = 0; term < count; term++) {
    if (survey.fileTerm(term) < 0) continue;
    const own = type[term]!;
    const keyHash = hashes[key[term]!]!;
    if (isEntryType(own)) filter.add(hashThing(own, keyHash, hashes[low[term]!]!, 0, seed));
    else filter.add(hashThing(own, keyHash, low[term]!, high[term]!, seed));
    if (own === ARRAY || own === MAP) withList[survey.keyOf(term)] = 1;
  }
  for (let k = 0; k < keys; k++) {
    const keyHash = hashes[survey.keyEntries[k]!]!;
    filter.add(hashThing(KEY, keyHash, 0, 0, seed));
    if (withList[k] === 1) filter.add(hashThing(KEY_WITH_LIST, keyHash, 0, 0, seed));
  }
  for (const entry of names) filter.add(hashThing(SPAN_NAME, 0, hashes[entry]!, 0, seed));
  for (const entry of services) filter.add(hashThing(SERVICE, 0, hashes[entry]!, 0, seed));
  filter.write(pages);
  return filter.blocks;
}

function distinct(entries: Uint32Array, count: number): number[] {
  const isKnown = new Uint8Array(count);
  const found: number[] = [];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (isKnown[entry] === 1) continue;
    isKnown[entry] = 1;
    found.push(entry);
  }
  return found;
}

/** True if a thing with this hash may be in the block. Cost, cold: one page of 4 KB. */
export function mayHave(pages: BlockPages, hash: number): boolean {
  const { filterBlocks } = pages.footer.figures;
  const block = blockOf(hash, filterBlocks);
  const index = Math.floor(block / PAGE_FILTER_BLOCKS);
  const blocks = Math.min(PAGE_FILTER_BLOCKS, filterBlocks - index * PAGE_FILTER_BLOCKS);
  const { words } = pages.get("filter", index, (unpacker) => ({
    words: wordsOf(unpacker.raw(4 * BLOCK_WORDS * blocks)),
  }));
  const at = BLOCK_WORDS * (block % PAGE_FILTER_BLOCKS);
  const bits = finished(~hash);
  for (let i = 0; i < BLOCK_WORDS; i++) {
    if ((words[at + i]! & (1 << (Math.imul(bits, SALTS[i]!) >>> 27))) === 0) return false;
  }
  return true;
}

function blockOf(hash: number, blocks: number): number {
  return Math.floor((hash * blocks) / 0x1_0000_0000);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer);
}
