// A 32-bit hash of bytes for hash tables that hostile senders fill.
//
//   word i    = 4 bytes, little-endian; the last one overlaps the one before
//   sum      += (low half + key i) · (high half + key' i)       mod 2^32
//   every 64 words, and at the end, the sum is mixed
//
// A hash that mixes word after word with public constants (MurmurHash and its kin) has families of
// strings that collide whatever the seed: a bit flipped here is cancelled by two flipped there. A few
// MB of those would make a table search every entry for every other. Here two strings collide with a
// chance of 2^-16 at most over the keys, which are drawn when the process starts, and nobody can
// choose strings so that it is more.
//
// Why 2^-16: where two strings of one length differ first in a half, by d < 2^16, their sums are equal
// only if d · key has one certain value mod 2^32, and at most 2^15 of the 2^32 keys give it.
//
// Source: the family of which NH is a member (UMAC, RFC 4418 §5.2.2).
// Not here: the same hash in another process or thread; it must not be stored.

/** Words after which the keys come again. Most strings are shorter than these 256 bytes. */
const KEYS = 64;
const BLOCK_BYTES = 4 * KEYS;

const random32 = (): number => (Math.random() * 0x1_0000_0000) | 0;
const lowKeys = Int32Array.from({ length: KEYS }, random32);
const highKeys = Int32Array.from({ length: KEYS }, random32);
const SEED = random32();
const FACTOR = random32() | 1;

/** Hash of the bytes `[start, end)` of `view`. Cost: about 1 ns each four bytes. */
export function hashView(view: DataView, start: number, end: number): number {
  let sum = SEED ^ Math.imul(end - start, 0x9e3779b1);
  let from = start;
  for (; end - from > BLOCK_BYTES; from += BLOCK_BYTES) {
    sum = (sum + hashBlock(view, from, from + BLOCK_BYTES)) | 0;
    sum = Math.imul(sum ^ (sum >>> 16), FACTOR);
  }
  sum = (sum + (end - start < 4 ? hashFew(view, start, end) : hashBlock(view, from, end))) | 0;
  const hash = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 15);
}

/** Up to a block; its last word may begin before it. */
function hashBlock(view: DataView, start: number, end: number): number {
  const last = end - 4;
  let sum = 0;
  let index = 0;
  for (let at = start; at < last; at += 4, index++) {
    const word = view.getInt32(at, true);
    sum =
      (sum + Math.imul((word & 0xffff) + lowKeys[index]!, (word >>> 16) + highKeys[index]!)) | 0;
  }
  const word = view.getInt32(last, true);
  return (sum + Math.imul((word & 0xffff) + lowKeys[index]!, (word >>> 16) + highKeys[index]!)) | 0;
}

/** Up to three bytes as one word. */
function hashFew(view: DataView, start: number, end: number): number {
  if (start === end) return 0;
  const low = view.getUint8(start) | (view.getUint8((start + end) >>> 1) << 8);
  return Math.imul(low + lowKeys[0]!, view.getUint8(end - 1) + highKeys[0]!);
}
