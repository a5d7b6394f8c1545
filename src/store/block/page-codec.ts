// Pages on their way in and out: compressed if that is smaller, checked when read.
//
//   contents ─▶ zstd ─▶ crc ─▶ PageWriter.pages      Source ─▶ crc ─▶ zstd ─▶ contents
//
// Not here: what the contents mean; a cache of them (page-cache.ts).

import { crc32 } from "node:zlib";
import { SpoorError } from "../../base/errors.ts";
import { writeHeader } from "./footer.ts";
import { HEADER_BYTES, type Page, type Section, type Source } from "./layout.ts";
import { makeLender, withLent } from "./lent-arrays.ts";
import { frameBytesMax, readFrame, writeFrame } from "./zstd.ts";

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
    const isCompressed = packed !== undefined;
    const stored = packed ?? contents.slice();
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

  /** Undefined: it would not be smaller. */
  #compress(contents: Uint8Array): Uint8Array | undefined {
    return withLent(FRAMES, frameBytesMax(contents.length), (frame) => {
      const bytes = writeFrame(contents, this.#level, frame);
      return bytes < contents.length ? frame.slice(0, bytes) : undefined;
    });
  }
}

const FRAMES = makeLender((length) => new Uint8Array(length));
const STORED = makeLender((length) => new Uint8Array(length));
const CONTENTS = makeLender((length) => new Uint8Array(length));

/**
 * Calls `use` with the contents of a page, which nobody keeps: the memory is used again.
 *
 * @throws SpoorError `unavailable` if the page is not what was written.
 */
export function withPage<T>(page: Page, read: Source["read"], use: (contents: Uint8Array) => T): T {
  return withLent(STORED, page.storedBytes, (memory) => {
    const stored = read(page.offset, page.storedBytes, memory);
    if (crc32(stored) !== page.crc) throw damagedPage(page, "its checksum is wrong");
    if (page.isCompressed) return withContents(page, stored, use);
    if (stored.length !== page.bytes) throw damagedPage(page, "its size is wrong");
    return use(stored);
  });
}

function withContents<T>(page: Page, stored: Uint8Array, use: (contents: Uint8Array) => T): T {
  return withLent(CONTENTS, page.bytes + 1, (contents) => {
    try {
      readFrame(stored, contents.subarray(0, page.bytes + 1), page.bytes);
    } catch (error) {
      throw damagedPage(page, "it cannot be decompressed", error);
    }
    return use(contents.subarray(0, page.bytes));
  });
}

export function damagedPage(page: Page, found: string, cause?: unknown): SpoorError {
  const where = { section: page.section, page: page.index, offset: page.offset };
  return new SpoorError("unavailable", `damaged block: ${found}`, where, cause);
}
