// A bound on bytes that several requests hold at the same time.
//
//   take(n) ─ yes ─▶ held += n ─ … ─▶ give(n)
//           └ no ──▶ the door answers "overloaded"
//
// One budget may be shared by all doors of a process: then memory for bodies has one bound.
// Not here: queues (they bound what was accepted; this bounds what is being received).

import { assert } from "../base/assert.ts";

export interface ByteBudget {
  /** Bytes held now, 0..bytesMax. */
  readonly heldBytes: number;
  readonly bytesMax: number;
  /** Takes `bytes` if they fit beside what is held; false, and nothing taken, if not. */
  take(bytes: number): boolean;
  /** Gives back what was taken. */
  give(bytes: number): void;
}

export function makeByteBudget(bytesMax: number): ByteBudget {
  let heldBytes = 0;
  return {
    bytesMax,
    get heldBytes() {
      return heldBytes;
    },
    take(bytes) {
      if (heldBytes + bytes > bytesMax) return false;
      heldBytes += bytes;
      return true;
    },
    give(bytes) {
      heldBytes -= bytes;
      assert(heldBytes >= 0, "more bytes given back than taken");
    },
  };
}
