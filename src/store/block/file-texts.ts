// The dictionary of a block in a file: texts are found by their hash, and read page by page.
//
//   text ─ hash ─▶ bucket of one index page ─▶ entries with 8 equal bits ─▶ compare
//
// A text that is not here costs one page of the index, 3 KB as it is on the disk, and with 1 look-up in
// 64 a page of texts.

import { SpoorError } from "../../base/errors.ts";
import type { Dictionary } from "../../model/dictionary.ts";
import type { BlockPages } from "./block-pages.ts";
import { PAGE_BUCKETS } from "./layout.ts";
import { lastAtMost } from "./row-writer.ts";
import { bucketOf } from "./text-coder.ts";
import { hashBytes } from "./text-hash.ts";
import { damaged, type Unpacker } from "./unpacker.ts";

interface TextPage {
  /** End of each entry in `bytes`. */
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
}

interface IndexPage {
  readonly starts: Uint32Array;
  readonly prints: Uint8Array;
  readonly entries: Uint32Array;
}

const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

export class FileTexts {
  readonly #pages: BlockPages;
  readonly #sharedPages: number;
  /** The page read last, of the shared ones and of the others; held no longer than others hold it. */
  readonly #last: { index: number; reuses: number; page: WeakRef<TextPage> | undefined }[] = [
    { index: -1, reuses: 0, page: undefined },
    { index: -1, reuses: 0, page: undefined },
  ];

  /** The first entry of the page that was found last. */
  #first = 0;

  constructor(pages: BlockPages) {
    this.#pages = pages;
    this.#sharedPages = pages.footer.pages.countOf("sharedTexts");
  }

  findText(text: string): number {
    return this.find(encoder.encode(text));
  }

  /** The entry with these bytes, or -1. */
  find(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    const { indexBits, hashSeed } = this.#pages.footer.figures;
    const hash = hashBytes(bytes, hashSeed);
    const bucket = bucketOf(hash, indexBits);
    const page = this.#indexPage(Math.floor(bucket / PAGE_BUCKETS));
    const own = bucket % PAGE_BUCKETS;
    const print = hash & 0xff;
    for (let at = page.starts[own]!; at < page.starts[own + 1]!; at++) {
      if (page.prints[at] !== print) continue;
      const entry = page.entries[at]!;
      if (equals(this.bytes(entry), bytes)) return entry;
    }
    return -1;
  }

  /** A view of the entry's bytes; it stays valid as long as the question. */
  bytes(entry: number): Uint8Array {
    if (entry === 0) return NO_BYTES;
    const { bytes, ends } = this.#pageOf(entry);
    const own = entry - this.#first;
    return bytes.subarray(own === 0 ? 0 : ends[own - 1], ends[own]);
  }

  internInto(entry: number, to: Dictionary): number {
    if (entry === 0) return 0;
    const { bytes, ends } = this.#pageOf(entry);
    const own = entry - this.#first;
    // The same bytes for every text of the page: a dictionary knows them.
    return to.intern(bytes, own === 0 ? 0 : ends[own - 1]!, ends[own]!);
  }

  /** The page with an entry; `#first` is the first one in it. */
  #pageOf(entry: number): TextPage {
    const { textPages, entries } = this.#pages.footer.figures;
    if (entry >= entries) throw damaged(`entry ${entry} of ${entries}`, 0);
    const index = lastAtMost(textPages, entry);
    const first = textPages[index]!;
    const last = this.#last[index < this.#sharedPages ? 0 : 1]!;
    const { reuses } = this.#pages;
    const isLast = last.index === index && last.reuses === reuses;
    let page = isLast ? last.page?.deref() : undefined;
    if (page === undefined) {
      page = this.#read(index, (textPages[index + 1] ?? entries) - first);
      last.page = new WeakRef(page);
      last.index = index;
      last.reuses = reuses;
    }
    this.#first = first;
    return page;
  }

  /** Reads the texts of a page of rows, which will be asked for; those that are damaged are not. */
  load(rowPage: number): void {
    const { from, end } = this.#pages.footer.pages.textsOf(rowPage);
    for (let own = from; own < end; own++) {
      try {
        this.bytes(this.#firstEntryOf(own));
      } catch (error) {
        // Whoever needs one of them is told; most rows of the page may not.
        if (!(error instanceof SpoorError)) throw error;
      }
    }
  }

  #firstEntryOf(own: number): number {
    return this.#pages.footer.figures.textPages[this.#sharedPages + own]!;
  }

  /** How many texts page `index` of the index has. */
  indexedIn(index: number): number {
    return this.#indexPage(index).entries.length;
  }

  #indexPage(index: number): IndexPage {
    const buckets = Math.min(PAGE_BUCKETS, 2 ** this.#pages.footer.figures.indexBits);
    return this.#pages.get("textIndex", index, (unpacker) => readIndex(unpacker, buckets));
  }

  #read(index: number, count: number): TextPage {
    const own = index - this.#sharedPages;
    const decode = (unpacker: Unpacker): TextPage => readTexts(unpacker, count);
    return own < 0
      ? this.#pages.get("sharedTexts", index, decode)
      : this.#pages.get("texts", own, decode);
  }
}

function readTexts(unpacker: Unpacker, count: number): TextPage {
  const ends = unpacker.column(count);
  for (let i = 1; i < count; i++) ends[i]! += ends[i - 1]!;
  return { ends, bytes: unpacker.octets(count === 0 ? 0 : ends[count - 1]!) };
}

function readIndex(unpacker: Unpacker, buckets: number): IndexPage {
  const counts = unpacker.column(buckets);
  const starts = unpacker.arrays.words(buckets + 1);
  for (let i = 0; i < buckets; i++) starts[i + 1] = starts[i]! + counts[i]!;
  const count = starts[buckets]!;
  const prints = unpacker.octets(count);
  return { starts, prints, entries: unpacker.column(count) };
}

function equals(one: Uint8Array, two: Uint8Array): boolean {
  if (one.length !== two.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== two[i]) return false;
  return true;
}
