// The pages of one block, read when they are asked for, checked, decoded and kept in a cache.
//
// Not here: what the pages mean (file-texts.ts, file-terms.ts, row-page.ts).

import { SpoorError } from "../../base/errors.ts";
import type { Footer, Section, Source } from "./layout.ts";
import type { PageCache } from "./page-cache.ts";
import { damagedPage, readPage } from "./page-codec.ts";
import { Unpacker } from "./unpacker.ts";

/** What a decoded page holds besides its arrays. */
const PAGE_OVERHEAD_BYTES = 256;

export class BlockPages {
  readonly footer: Footer;
  readonly #source: Source;
  readonly #cache: PageCache;
  readonly #only = new Map<Section, WeakRef<object>>();
  readonly #sectionKey: ReadonlyMap<Section, number>;

  constructor(source: Source, footer: Footer, cache: PageCache) {
    this.footer = footer;
    this.#source = source;
    this.#cache = cache;
    const keys = new Map<Section, number>();
    let key = cache.addBlock();
    for (const [section, pages] of Object.entries(footer.pages)) {
      keys.set(section as Section, key);
      key += pages.length;
    }
    this.#sectionKey = keys;
  }

  /**
   * Page `index` of a section as `decode` makes it.
   *
   * @throws SpoorError `unavailable` with section, page and offset if the page is damaged.
   */
  get<T extends object>(section: Section, index: number, decode: (unpacker: Unpacker) => T): T {
    return this.#cache.get(this.#sectionKey.get(section)! + index, () => {
      const value = this.decode(section, index, decode);
      return { value, bytes: bytesOf(value) };
    });
  }

  /** The only page of a section, as `get`; stays at hand while somebody works with the block. */
  getOnly<T extends object>(section: Section, decode: (unpacker: Unpacker) => T): T {
    const known = this.#only.get(section)?.deref();
    if (known !== undefined) return known as T;
    const value = this.get(section, 0, decode);
    this.#only.set(section, new WeakRef(value));
    return value;
  }

  /** As `get`, past the cache. */
  decode<T>(section: Section, index: number, decode: (unpacker: Unpacker) => T): T {
    const page = this.footer.pages[section][index];
    if (page === undefined) {
      throw new SpoorError("unavailable", "damaged block: a page is missing", {
        section,
        page: index,
      });
    }
    const unpacker = new Unpacker(readPage(this.#source, page));
    try {
      const value = decode(unpacker);
      unpacker.end();
      return value;
    } catch (error) {
      if (error instanceof SpoorError) {
        throw error.within({ section, page: index, offset: page.offset });
      }
      if (error instanceof RangeError) throw damagedPage(page, "its contents are wrong", error);
      throw error;
    }
  }
}

function bytesOf(value: object): number {
  let bytes = PAGE_OVERHEAD_BYTES;
  for (const part of Object.values(value) as unknown[]) {
    if (ArrayBuffer.isView(part)) bytes += part.byteLength;
  }
  return bytes;
}
