// Memory of decoded pages, used again and again: what lies outside of V8's heap and is let go makes it look
// through all of the heap, and while questions come in, pages are decoded and let go all the time.
//
//   page is decoded ─▶ Lease ─ arrays of zeros ─▶ page in the cache ─▶ evicted, last question over ─▶ giveBack
//
// One array has one buffer, of a size from a short list, so that any page can use what another had.
// Not here: when nobody reads a page any more (page-cache.ts).

/** Makes arrays of zeros. */
export interface Arrays {
  octets(length: number): Uint8Array;
  shorts(length: number): Uint16Array;
  words(length: number): Uint32Array;
  doubles(length: number): Float64Array;
}

/** Arrays as they always were: garbage when nobody has them. */
export const newArrays: Arrays = {
  octets: (length) => new Uint8Array(length),
  shorts: (length) => new Uint16Array(length),
  words: (length) => new Uint32Array(length),
  doubles: (length) => new Float64Array(length),
};

/** Smaller arrays gain nothing, larger ones are rare. */
const LEASED_BYTES_MIN = 512;
const LEASED_BYTES_MAX = 256 * 1024;
/** Sizes between a power of two and the next: at most a quarter of a buffer is not used. */
const SIZES_PER_DOUBLING = 4;
/** Of what waits for its next use. */
const FREE_BYTES_MAX = 8 * 1024 * 1024;

export class PageMemory {
  /** Of what waits for its next use. */
  freeBytes = 0;
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #mark: number | undefined;

  /** @param mark fills what is given back, so that a test sees whoever reads it still. */
  constructor(mark?: number) {
    this.#mark = mark;
  }

  lease(): Lease {
    return new Lease(this);
  }

  /** Nobody reads arrays of this lease from here on. */
  giveBack(lease: Lease): void {
    for (const buffer of lease.buffers) {
      if (this.#mark !== undefined) new Uint8Array(buffer).fill(this.#mark);
      const size = buffer.byteLength;
      if (this.freeBytes + size > FREE_BYTES_MAX) continue;
      this.freeBytes += size;
      const known = this.#free.get(size);
      if (known === undefined) this.#free.set(size, [buffer]);
      else known.push(buffer);
    }
    lease.buffers.length = 0;
  }

  /** At least `bytes` bytes, of which the first ones are zeros. */
  take(bytes: number): ArrayBuffer {
    const size = sizeFor(bytes);
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return new ArrayBuffer(size);
    this.freeBytes -= size;
    new Uint8Array(buffer, 0, bytes).fill(0);
    return buffer;
  }
}

/** The arrays of one page. */
export class Lease implements Arrays {
  /** What is not used of its buffers is counted, too. */
  bytes = 0;
  readonly buffers: ArrayBuffer[] = [];
  readonly #memory: PageMemory;

  /** Use `PageMemory.lease`. */
  constructor(memory: PageMemory) {
    this.#memory = memory;
  }

  octets(length: number): Uint8Array {
    return new Uint8Array(this.#take(length), 0, length);
  }

  shorts(length: number): Uint16Array {
    return new Uint16Array(this.#take(2 * length), 0, length);
  }

  words(length: number): Uint32Array {
    return new Uint32Array(this.#take(4 * length), 0, length);
  }

  doubles(length: number): Float64Array {
    return new Float64Array(this.#take(8 * length), 0, length);
  }

  #take(bytes: number): ArrayBuffer {
    if (bytes < LEASED_BYTES_MIN || bytes > LEASED_BYTES_MAX) {
      this.bytes += bytes;
      return new ArrayBuffer(bytes);
    }
    const buffer = this.#memory.take(bytes);
    this.buffers.push(buffer);
    this.bytes += buffer.byteLength;
    return buffer;
  }
}

/** The size on the list that holds `bytes` bytes, from LEASED_BYTES_MIN on. */
function sizeFor(bytes: number): number {
  const step = 2 ** (31 - Math.clz32(bytes - 1)) / SIZES_PER_DOUBLING;
  return Math.ceil(bytes / step) * step;
}
