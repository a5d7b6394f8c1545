// A bound on the bytes of bodies that several requests hold at the same time, and their memory.
//
//   take(n) ─ yes ─▶ held += n ─ … ─▶ give(n)          borrow(n) ─▶ buffer ─ … ─▶ giveBack(buffer)
//           └ no ──▶ the door answers "overloaded"
//
// Why memory is used again: 64 MiB of new buffers cost the engine one full garbage collection,
// whatever the heap. With 250 KB bodies that was 40 % of a request's whole cost.
// One budget may be shared by all doors of a process: then memory for bodies has one bound.
// Trust: sizes were checked by the callers (body-buffer.ts).
// Not here: queues (they bound what was accepted; this bounds what is being received).

import { assert } from "../base/assert.ts";
import { countReceived } from "./garbage.ts";

export interface ByteBudget {
  /** Bytes held now, 0..bytesMax. */
  readonly heldBytes: number;
  readonly bytesMax: number;
  /** Takes `bytes` if they fit beside what is held; false, and nothing taken, if not. */
  take(bytes: number): boolean;
  /** Gives back what was taken. */
  give(bytes: number): void;
  /** A buffer of at least `bytes`, with whatever is in it. */
  borrow(bytes: number): Uint8Array;
  /** A borrowed buffer that nobody looks at any more. */
  giveBack(buffer: Uint8Array): void;
}

/** Sizes that are kept: powers of two from 16 KiB to 4 MiB; beyond, requests are rare. */
const KEPT_BITS_MIN = 14;
const KEPT_BITS_MAX = 22;
/** Kept while unused: what 8 to 16 senders with usual batches need. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

export function makeByteBudget(bytesMax: number): ByteBudget {
  let heldBytes = 0;
  let keptBytes = 0;
  const kept: Uint8Array[][] = Array.from({ length: KEPT_BITS_MAX + 1 }, () => []);
  return {
    bytesMax,
    get heldBytes() {
      return heldBytes;
    },
    take(bytes) {
      countReceived(bytes);
      if (heldBytes + bytes > bytesMax) return false;
      heldBytes += bytes;
      return true;
    },
    give(bytes) {
      heldBytes -= bytes;
      assert(heldBytes >= 0, "more bytes given back than taken");
    },
    borrow(bytes) {
      const bits = sizeBits(bytes);
      if (bits > KEPT_BITS_MAX) return Buffer.allocUnsafeSlow(bytes);
      const buffer = kept[bits]?.pop();
      if (buffer === undefined) return Buffer.allocUnsafeSlow(2 ** bits);
      keptBytes -= buffer.length;
      return buffer;
    },
    giveBack(buffer) {
      const bits = sizeBits(buffer.length);
      const isOurs = buffer.length === 2 ** bits && bits <= KEPT_BITS_MAX;
      if (!isOurs || keptBytes + buffer.length > KEPT_BYTES_MAX) return;
      keptBytes += buffer.length;
      kept[bits]?.push(buffer);
    },
  };
}

function sizeBits(bytes: number): number {
  return Math.max(KEPT_BITS_MIN, 32 - Math.clz32(Math.max(bytes, 1) - 1));
}
