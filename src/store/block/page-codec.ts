// Pages on their way in and out: compressed if that is smaller, checked when read.
//
//   contents ─▶ zstd ─▶ crc ─▶ PageWriter.pages      Source ─▶ crc ─▶ zstd ─▶ contents
//
// Not here: what the contents mean; a cache of them (page-cache.ts).

import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { SpoorError } from "../../base/errors.ts";
import { writeHeader } from "./footer.ts";
import { HEADER_BYTES, type Page, type Section, type Source } from "./layout.ts";

/** Contents below this gain nothing. */
const COMPRESS_BYTES_MIN = 64;

/** Collects the stored bytes of pages, in the order of the file. */
export class PageWriter {
  readonly pages: Page[] = [];
  readonly chunks: Uint8Array[] = [writeHeader()];
  #offset = HEADER_BYTES;
  readonly #level: number;
  readonly #counts = new Map<Section, number>();

  constructor(level: number) {
    this.#level = level;
  }

  /** Adds a page; `contents` may be changed afterwards. */
  add(section: Section, contents: Uint8Array, mayCompress = true): void {
    const packed =
      mayCompress && contents.length >= COMPRESS_BYTES_MIN ? this.#compress(contents) : undefined;
    const isCompressed = packed !== undefined && packed.length < contents.length;
    const stored = isCompressed ? packed : contents.slice();
    const index = this.#counts.get(section) ?? 0;
    this.#counts.set(section, index + 1);
    this.pages.push({
      section,
      index,
      offset: this.#offset,
      storedBytes: stored.length,
      bytes: contents.length,
      isCompressed,
      crc: crc32(stored),
    });
    this.chunks.push(stored);
    this.#offset += stored.length;
  }

  #compress(contents: Uint8Array): Uint8Array {
    return zstdCompressSync(contents, {
      // One chunk: the default of 16 KB would be joined again.
      chunkSize: Math.max(1024, contents.length + (contents.length >> 7) + 64),
      params: { [constants.ZSTD_c_compressionLevel]: this.#level },
      // Known in advance, zstd takes smaller tables: a tenth of the time.
      pledgedSrcSize: contents.length,
    });
  }
}

/** @throws SpoorError `unavailable` if the page is not what was written. */
export function readPage(page: Page, read: Source["read"]): Uint8Array {
  const stored = read(page.offset, page.storedBytes);
  if (crc32(stored) !== page.crc) throw damagedPage(page, "its checksum is wrong");
  if (!page.isCompressed) {
    if (stored.length !== page.bytes) throw damagedPage(page, "its size is wrong");
    // A small part of a large read must not keep all of it.
    return 2 * stored.length < stored.buffer.byteLength ? stored.slice() : stored;
  }
  let bytes: Uint8Array;
  try {
    bytes = zstdDecompressSync(stored, {
      chunkSize: Math.max(1024, page.bytes),
      maxOutputLength: Math.max(1, page.bytes),
    });
  } catch (error) {
    throw damagedPage(page, "it cannot be decompressed", error);
  }
  if (bytes.length !== page.bytes) throw damagedPage(page, "its size is wrong");
  return bytes;
}

export function damagedPage(page: Page, found: string, cause?: unknown): SpoorError {
  const where = { section: page.section, page: page.index, offset: page.offset };
  return new SpoorError("unavailable", `damaged block: ${found}`, where, cause);
}
