// The arrays of a block's image in one buffer, which two threads see and which is used again.
//
//   image ─ packImage ─▶ the same image, its arrays in one buffer ─ posted ─▶ read by the other thread
//                              ▲                                                    │
//                              └──────────── for the next block ◀── it has answered ┘
//
// Posted as it is, an image is copied twice, array by array, and the allocator keeps 50 MB of what is
// freed again. A buffer that is handed over, not shared, looks to the garbage collector of either thread as
// if it were made and thrown away with each block: it then looks through the whole heap each time.
//
// Limits: a buffer of more than SPARE_BYTES_MAX is not kept.

import type { BlockImage } from "../block/block-image.ts";

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

export interface PackedImage {
  /** Plain data; every array of it is a stretch of `buffer`. */
  readonly image: BlockImage;
  readonly buffer: SharedArrayBuffer;
}

/** A usual block has 15 MB. */
export const SPARE_BYTES_MAX: number = 48 * 1024 * 1024;

/** Blocks differ by a few per cent: the next one shall fit as well. */
const ROOM = 1.25;

/** Copies the arrays of `image`. @param spare is used if it is large enough. Cost: 0.05 µs a row. */
export function packImage(image: BlockImage, spare?: SharedArrayBuffer): PackedImage {
  const bytes = bytesOf(image);
  const fits = spare !== undefined && spare.byteLength >= bytes;
  const buffer = fits ? spare : new SharedArrayBuffer(aligned(bytes * ROOM));
  let offset = 0;
  const place = (column: Column): Column => {
    const kind = column.constructor as new (
      buffer: SharedArrayBuffer,
      offset: number,
      length: number,
    ) => Column;
    const copy = new kind(buffer, offset, column.length);
    copy.set(column);
    offset += aligned(column.byteLength);
    return copy;
  };
  // What is copied has the keys and the types of what it was copied from.
  return { image: copyOf(image, place) as BlockImage, buffer };
}

function bytesOf(value: object): number {
  let bytes = 0;
  for (const part of Object.values(value) as unknown[]) {
    if (ArrayBuffer.isView(part)) bytes += aligned(part.byteLength);
    else if (typeof part === "object" && part !== null) bytes += bytesOf(part);
  }
  return bytes;
}

function copyOf(value: object, place: (column: Column) => Column): object {
  const entries = Object.entries(value).map(([key, part]: [string, unknown]) => {
    if (ArrayBuffer.isView(part)) return [key, place(part as Column)] as const;
    if (typeof part === "object" && part !== null) return [key, copyOf(part, place)] as const;
    return [key, part] as const;
  });
  return Object.fromEntries(entries);
}

/** Doubles begin at multiples of eight bytes. */
function aligned(bytes: number): number {
  return 8 * Math.ceil(bytes / 8);
}
