// The pages of one block, read when they are asked for, checked, decoded and kept in a cache.
//
//   get ─▶ cache ─▶ stretch ─▶ source ─▶ checksum ─▶ zstd ─▶ decode
//
// Not here: what the pages mean (file-texts.ts, file-terms.ts, row-page.ts).

import { SpoorError } from "../../base/errors.ts";
import type { Footer } from "./footer.ts";
import { SECTIONS, type Section, type Source } from "./layout.ts";
import type { PageCache } from "./page-cache.ts";
import { makeLender, withLent } from "./lent-arrays.ts";
import { damagedPage, withPage } from "./page-codec.ts";
import { type Arrays, type Lease, newArrays } from "./page-memory.ts";
import { Unpacker } from "./unpacker.ts";

/** What a decoded page holds besides its arrays. */
const PAGE_OVERHEAD_BYTES = 256;
/** Forms in which a page may be in the cache: as read, and as made of it. */
const FORMS = 2;
/** Sections whose pages nobody has in hand longer than a question, or looks at `reuses` first. */
const LEASED: ReadonlySet<Section> = new Set([
  "rows",
  "spanIds",
  "attributes",
  "events",
  "links",
  "texts",
  "sharedTexts",
  "textIndex",
  "terms",
]);
/** Of real spans 1,024 rows take 40 KB. */
const STRETCH_BYTES_MAX = 256 * 1024;

const STRETCHES = makeLender((length) => new Uint8Array(length));

export class BlockPages {
  readonly footer: Footer;
  readonly #source: Source;
  readonly #cache: PageCache;
  readonly #cacheKey: number;
  readonly #only: (WeakRef<object> | undefined)[] = SECTIONS.map(() => undefined);
  #stretch: Uint8Array | undefined;
  #stretchOffset = 0;

  constructor(source: Source, footer: Footer, cache: PageCache) {
    this.footer = footer;
    this.#source = source;
    this.#cache = cache;
    this.#cacheKey = cache.addBlock();
  }

  /** Rises when memory of pages is used again: a page that was found before may be another one. */
  get reuses(): number {
    return this.#cache.reuses;
  }

  /**
   * Page `index` of a section as `decode` makes it, which keeps none of the page's bytes.
   *
   * @throws SpoorError `unavailable` with section, page and offset if the page is damaged.
   */
  get<T extends object>(section: Section, index: number, decode: (unpacker: Unpacker) => T): T {
    const number = this.footer.pages.numberOf(section, index);
    return this.#cache.get(this.#cacheKey + FORMS * number, (lease) => {
      const arrays = LEASED.has(section) ? lease : undefined;
      const value = this.decode(section, index, decode, arrays);
      return { value, bytes: bytesOf(value, arrays) };
    });
  }

  /** What `make` makes of a page, kept as the page is. */
  derive<T extends object>(section: Section, index: number, make: (arrays: Arrays) => T): T {
    const number = this.footer.pages.numberOf(section, index);
    return this.#cache.get(this.#cacheKey + FORMS * number + 1, (lease) => {
      const value = make(lease ?? newArrays);
      return { value, bytes: bytesOf(value, lease) };
    });
  }

  /** The only page of a section, as `get`; stays at hand while somebody works with the block. */
  getOnly<T extends object>(section: Section, decode: (unpacker: Unpacker) => T): T {
    const number = SECTIONS.indexOf(section);
    const known = this.#only[number]?.deref();
    if (known !== undefined) return known as T;
    const value = this.get(section, 0, decode);
    this.#only[number] = new WeakRef(value);
    return value;
  }

  /** As `get`, past the cache. */
  decode<T>(
    section: Section,
    index: number,
    decode: (unpacker: Unpacker) => T,
    arrays: Arrays = newArrays,
  ): T {
    const page = this.footer.pages.page(section, index);
    const read: Source["read"] = (...stretch) => this.#read(...stretch);
    try {
      return withPage(page, read, (contents) => {
        const unpacker = new Unpacker(contents, 0, arrays);
        const value = decode(unpacker);
        unpacker.end();
        return value;
      });
    } catch (error) {
      if (error instanceof SpoorError) {
        throw error.within({ section, page: index, offset: page.offset });
      }
      if (error instanceof RangeError) throw damagedPage(page, "its contents are wrong", error);
      throw error;
    }
  }

  /**
   * Calls `work`, which will ask for most of what a page of rows has, texts included: that is read at
   * once. `isRead` tells whether it was; a stretch with long texts is not.
   */
  withStretch<T>(rowPage: number, work: (isRead: boolean) => T): T {
    const { from, end } = this.footer.pages.stretchOf(rowPage);
    if (end - from > STRETCH_BYTES_MAX) return work(false);
    return withLent(STRETCHES, end - from, (memory) => {
      this.#stretch = this.#source.read(from, end - from, memory);
      this.#stretchOffset = from;
      try {
        return work(true);
      } finally {
        this.#stretch = undefined;
      }
    });
  }

  #read(offset: number, length: number, into?: Uint8Array): Uint8Array {
    const at = offset - this.#stretchOffset;
    const stretch = this.#stretch;
    if (stretch !== undefined && at >= 0 && at + length <= stretch.length) {
      return stretch.subarray(at, at + length);
    }
    return this.#source.read(offset, length, into);
  }
}

/** @param lease what its arrays were made with. */
function bytesOf(value: object, lease: Lease | undefined): number {
  let bytes = PAGE_OVERHEAD_BYTES;
  if (lease !== undefined) return bytes + lease.bytes;
  for (const part of Object.values(value) as unknown[]) {
    if (ArrayBuffer.isView(part)) bytes += part.byteLength;
  }
  return bytes;
}
