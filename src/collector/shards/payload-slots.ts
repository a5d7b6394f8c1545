// Memory in which payloads go from one thread to another, and which is used again.
//
//   take(payload) ─ copied into a slot ─▶ read by the other thread ─▶ give ─▶ the next payload's
//
// The slots are seen by both threads. Memory that is handed over looks to the garbage collector of either
// thread as if it were made and thrown away with each payload, and it looks through the heap all the time:
// that was a tenth of the CPU.
//
// Limits: bytes that are kept (KEPT_BYTES_MAX); what is in use is bounded by who takes (intake.ts).

/** Sizes are powers of two, so that few sizes fit all; from 16 KiB to 4 MiB they are kept. */
const SLOT_BITS_MIN = 14;
const SLOT_BITS_MAX = 22;
/** Kept while unused: what a shard has before it and what waits for the disk, of usual batches. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

export class PayloadSlots {
  readonly #kept: SharedArrayBuffer[][] = Array.from({ length: SLOT_BITS_MAX + 1 }, () => []);
  #keptBytes = 0;

  /** A copy of `payload` that another thread can be given. */
  take(payload: Uint8Array): Uint8Array<SharedArrayBuffer> {
    const bytes = payload.length;
    const bits = Math.max(SLOT_BITS_MIN, 32 - Math.clz32(Math.max(0, bytes - 1)));
    const kept = this.#kept[bits]?.pop();
    if (kept !== undefined) this.#keptBytes -= kept.byteLength;
    const isUsual = bits <= SLOT_BITS_MAX;
    const slot = kept ?? new SharedArrayBuffer(isUsual ? 2 ** bits : bytes);
    const copy = new Uint8Array(slot, 0, bytes);
    copy.set(payload);
    return copy;
  }

  /** Nobody looks at what `take` has returned any more. */
  give({ buffer }: Uint8Array<SharedArrayBuffer>): void {
    const bytes = buffer.byteLength;
    const bits = 31 - Math.clz32(bytes);
    if (bytes !== 2 ** bits || this.#keptBytes + bytes > KEPT_BYTES_MAX) return;
    const kept = this.#kept[bits];
    if (kept === undefined) return;
    this.#keptBytes += bytes;
    kept.push(buffer);
  }
}
